"""The services of a bundle: their start, the rollback of a failed update, and each sync."""

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from . import boot_host
from .boot_host import BOUNDS, LIB, MANY, MARKERS, PATIENCE, STEPS, Host
from .bundles import Bundle

OLD, NEW = Bundle(), Bundle(tag="2")
TRIES = BOUNDS.dump_tries
STARTED = dict.fromkeys(STEPS, 0)
LOG = "/var/log/geusemaker-boot.log"


@pytest.fixture(name="host")
def _host(laid_down: Host) -> Host:
    """A new host, before its first step."""
    laid_down.attach_volume()
    return laid_down


def _recreated(host: Host, before: dict[str, str]) -> set[str]:
    """The services whose container is another one than before."""
    numbers = [
        {name: line.split()[1] for name, line in containers.items()}
        for containers in (before, host.containers())
    ]
    return {name for name, number in numbers[0].items() if numbers[1].get(name) != number}


def _reboot(host: Host) -> dict[str, int]:
    host.restart()
    return host.start_each("data", "efs", *(step for step in STEPS if step not in ("data", "efs")))


# A service that does not start


def test_a_service_that_does_not_start_on_a_new_host_fails_the_services_step(host: Host) -> None:
    host.set("unhealthy", "n8n\n")
    statuses = host.start_all()
    assert (statuses["secrets"], statuses["services"], statuses["ready"]) == (0, 1, 1)
    assert host.state("services") == host.state("ready") == "failed"
    record = host.record()
    assert (record["state"], record["step"], record["running"]) == ("not-ready", "services", "")
    assert record["reason"] == f"bundle {OLD.sha256}: it did not come up: n8n is unhealthy"
    assert (record["service.n8n"], record["service.postgres"]) == ("unhealthy", "healthy")


def test_a_service_that_keeps_restarting_counts_as_not_started(host: Host) -> None:
    host.set("exits", "postgres\n")
    host.start_all()
    assert "postgres is unhealthy" in host.reason("services")


def test_an_update_stays_when_a_service_exits_before_another_is_ready(booted: Host) -> None:
    booted.late("crash-n8n", TRIES - 1)
    record = booted.update(NEW)
    assert (record["state"], record["running"]) == ("ready", NEW.sha256)
    assert "reason" not in record
    assert set(booted.running().values()) == {"2"}
    waits = [int(call.split()[-1]) for call in booted.calls("docker compose up")]
    assert len(waits) == TRIES
    # The time limit is for all tries together.
    assert all(0 < wait <= BOUNDS.services_seconds for wait in waits)
    assert waits == sorted(waits, reverse=True)


def test_a_service_that_fails_for_the_whole_time_limit_is_refused_before_all_tries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boot_host, "BOUNDS", replace(BOUNDS, services_seconds=1, dump_tries=MANY))
    host = Host(tmp_path)
    host.attach_volume()
    host.set("exits", "n8n\n")
    host.boot()
    assert 1 <= len(host.calls("docker compose up")) < MANY
    assert "did not come up: n8n is unhealthy" in host.reason("services")


def test_after_a_failed_update_the_previous_bundle_runs_and_the_record_says_so(
    booted: Host,
) -> None:
    booted.set("unhealthy", f"{NEW.image('n8n')}\n")
    booted.name(NEW)
    assert booted.start("sync").returncode == 0
    assert set(booted.running().values()) == {"1"}
    assert booted.read(f"{LIB}/current/manifest") == OLD.manifest
    record = booted.record()
    assert (record["state"], record["running"], record["wanted"]) == (
        "ready",
        OLD.sha256,
        NEW.sha256,
    )
    assert record["reason"] == (
        f"bundle {NEW.sha256}: it did not come up: n8n is unhealthy; {OLD.sha256} runs instead"
    )
    assert record["reason"] in booted.reason("services", "ok")
    assert record["service.n8n"] == "healthy"


@pytest.mark.parametrize("again", ["a new pointer", "a reboot", "by hand"])
def test_a_refused_bundle_is_tried_again_only_after(booted: Host, again: str) -> None:
    booted.set("unhealthy", f"{NEW.image('n8n')}\n")
    booted.update(NEW)
    ups = len(booted.calls("docker compose up"))
    assert ups == TRIES + 1  # the new one, and the previous one
    booted.set("unhealthy", "")
    booted.start_each("sync", "sync")
    assert len(booted.calls("docker compose up")) == ups
    assert booted.running()["n8n"] == "1"
    if again == "a new pointer":
        booted.name(NEW, "https://n8n.example.org")
        booted.start("sync")
    elif again == "a reboot":
        assert set(_reboot(booted).values()) == {0}
    else:
        booted.start("services")
        booted.start("sync")
    assert booted.running()["n8n"] == "2"
    record = booted.record()
    assert (record["state"], record["running"]) == ("ready", NEW.sha256)
    assert "reason" not in record


def test_when_neither_bundle_starts_the_host_is_not_ready_and_both_are_named(booted: Host) -> None:
    booted.set("unhealthy", "n8n\n")
    record = booted.update(NEW)
    assert (record["state"], record["step"]) == ("not-ready", "services")
    assert record["reason"].count("n8n is unhealthy") == 2
    assert OLD.sha256 in record["reason"]
    assert NEW.sha256 in record["reason"]


def test_once_the_previous_bundle_is_healthy_again_the_host_is_ready(booted: Host) -> None:
    booted.set("unhealthy", "n8n\n")
    assert booted.update(NEW)["state"] == "not-ready"
    ups = len(booted.calls("docker compose up"))
    booted.start_each("sync", "sync")
    assert len(booted.calls("docker compose up")) == ups
    booted.set("unhealthy", f"{NEW.image('n8n')}\n")
    # sync checks only running containers, so n8n must be the previous one.
    for path in (booted.world / "containers").iterdir():
        path.write_text(path.read_text().replace(":2@", ":1@"))
    booted.start("sync")
    assert len(booted.calls("docker compose up")) == ups + 1
    record = booted.record()
    assert (record["state"], record["running"], record["wanted"]) == (
        "ready",
        OLD.sha256,
        NEW.sha256,
    )
    assert record["reason"] == (
        f"bundle {NEW.sha256}: it did not come up: n8n is unhealthy; {OLD.sha256} runs instead"
    )
    booted.start_each("sync", "sync")
    assert len(booted.calls("docker compose up")) == ups + 1


def test_a_rollback_that_failed_temporarily_is_tried_again(booted: Host) -> None:
    booted.set("unhealthy", f"{NEW.image('n8n')}\n")
    booted.set("xtables-held")
    booted.late("xtables-free", 1)  # the new bundle gets the lock, the rollback does not
    assert booted.update(NEW)["state"] == "not-ready"
    (booted.world / "xtables-held").unlink()
    record = booted.sync()
    assert (record["state"], record["running"]) == ("ready", OLD.sha256)
    assert "it did not come up: n8n is unhealthy" in record["reason"]
    # All tries of the new one, and one of the previous one.
    assert len(booted.calls("docker compose up")) == BOUNDS.dump_tries + 1


def test_a_step_that_systemd_stops_has_failed_and_is_tried_again(booted: Host) -> None:
    booted.late("ended", 1)  # a signal to every process of the unit, tee included
    booted.name(NEW)
    assert booted.start("sync").returncode != 0
    assert booted.state("services") == booted.state("ready") == "failed"
    assert booted.reason("services") == "step services failed: it was stopped, or took too long"
    record = booted.sync()
    assert (record["state"], record["running"]) == ("ready", NEW.sha256)


def test_a_temporary_fault_refuses_no_bundle(booted: Host) -> None:
    booted.late("xtables", 1)
    record = booted.update(NEW)
    assert (record["state"], record["running"]) == ("ready", OLD.sha256)
    assert "could not set the rules between containers" in record["reason"]
    record = booted.sync()
    assert (record["state"], record["running"]) == ("ready", NEW.sha256)
    assert "reason" not in record


def test_a_new_host_recovers_from_a_temporary_fault_within_a_minute(host: Host) -> None:
    host.set("no-iptables")
    host.start_all()
    assert host.record()["state"] == "not-ready"
    (host.world / "no-iptables").unlink()
    assert host.sync()["state"] == "ready"


def test_a_caddyfile_that_caddy_refuses_does_not_reach_the_running_caddy(booted: Host) -> None:
    before = booted.containers()
    bad = replace(OLD, caddyfile="broken\n")
    booted.update(bad)
    # Compose does not recreate what has not changed.
    assert booted.containers() == before
    record = booted.record()
    assert (record["state"], record["running"]) == ("ready", OLD.sha256)
    assert "Caddy refuses its Caddyfile" in record["reason"]


def test_a_caddyfile_that_caddy_refuses_fails_a_new_host(host: Host) -> None:
    host.name(replace(OLD, caddyfile="broken\n"))
    host.start_all()
    assert host.record()["step"] == "services"
    assert host.containers() == {}


def test_services_that_start_late_make_the_host_ready(host: Host) -> None:
    """A first start may exceed the time limit, for example by a migration of the database."""
    host.set("unhealthy", "n8n\n")
    host.start_all()
    host.start("sync")
    assert len(host.calls("docker compose up")) == TRIES
    assert host.record()["state"] == "not-ready"
    host.set("unhealthy", "")
    assert host.sync()["state"] == "ready"


# Changes in place


def test_another_image_recreates_that_service_only(booted: Host) -> None:
    before = booted.containers()
    other = OLD.image("n8n").replace(":1@", ":7@")
    changed = replace(OLD, compose=OLD.compose_file.replace(OLD.image("n8n"), other))
    changed = replace(changed, more_files={"manifest": OLD.manifest.replace(":1@", ":1@")})
    booted.name(changed)
    assert booted.start("sync").returncode == 0
    assert _recreated(booted, before) == {"n8n"}
    record = booted.record()
    assert record["running"] == record["wanted"] == changed.sha256
    assert booted.calls("systemctl restart") == []


def _caddy_folders(host: Host) -> dict[str, str]:
    return {p.name: (p / "Caddyfile").read_text() for p in host.path(f"{LIB}/caddy").iterdir()}


def test_another_caddyfile_recreates_caddy_only(booted: Host) -> None:
    before = booted.containers()
    changed = replace(OLD, caddyfile="https://another\n")
    booted.update(changed)
    assert _recreated(booted, before) == {"caddy"}
    # The previous one is deleted once nothing uses it.
    name = hashlib.sha256(changed.caddyfile.encode()).hexdigest()
    assert _caddy_folders(booted) == {name: changed.caddyfile}
    assert f"GEUSEMAKER_CADDY_DIR='{LIB}/caddy/{name}'\n" in booted.read(f"{LIB}/current/.env")
    assert booted.owners[f"{LIB}/caddy/{name}"] == ("d", 0o755, 0)
    assert booted.owners[f"{LIB}/caddy/{name}/Caddyfile"] == ("f", 0o644, 0)


def test_a_rollback_restores_the_previous_caddyfile(booted: Host) -> None:
    before = booted.read(f"{LIB}/current/.env")
    booted.set("unhealthy", f"{NEW.image('n8n')}\n")
    assert booted.update(replace(NEW, caddyfile="https://another\n"))["running"] == OLD.sha256
    assert booted.read(f"{LIB}/current/.env") == before
    assert OLD.caddyfile in _caddy_folders(booted).values()


def test_a_truncated_caddyfile_is_written_again(booted: Host) -> None:
    name = hashlib.sha256(OLD.caddyfile.encode()).hexdigest()
    booted.write(f"{LIB}/caddy/{name}/Caddyfile", "{")
    booted.start("services")
    assert _caddy_folders(booted) == {name: OLD.caddyfile}


def test_another_address_recreates_n8n_only(booted: Host) -> None:
    before = booted.containers()
    booted.name(OLD, "https://203.0.113.5:8443")
    assert booted.start("sync").returncode == 0
    env = booted.read(f"{LIB}/current/.env")
    assert "GEUSEMAKER_URL='https://203.0.113.5:8443'\n" in env
    assert "GEUSEMAKER_HOST='203.0.113.5'\n" in env
    assert "GEUSEMAKER_SITES='https://localhost, https://127.0.0.1'\n" in env
    assert _recreated(booted, before) == {"n8n"}
    assert booted.calls("aws s3api") == []
    assert booted.record()["state"] == "ready"


def test_the_host_part_of_an_address_has_no_port(booted: Host) -> None:
    for url, host_part in (
        ("https://n8n.example.org", "n8n.example.org"),
        ("https://[2001:db8::1]", "[2001:db8::1]"),
        ("https://[2001:db8::1]:8443", "[2001:db8::1]"),
    ):
        booted.name(OLD, url)
        booted.start("sync")
        assert f"GEUSEMAKER_HOST='{host_part}'\n" in booted.read(f"{LIB}/current/.env")


def test_a_service_that_is_no_longer_chosen_is_removed(booted: Host) -> None:
    booted.update(replace(OLD, services=("caddy", "postgres")))
    assert set(booted.containers()) == {"caddy", "postgres"}
    assert "service.n8n" not in booted.record()
    assert booted.record()["state"] == "ready"


def test_old_bundles_and_their_images_are_removed(booted: Host) -> None:
    booted.update(replace(NEW, services=("caddy", "postgres")))
    kept = [path.name for path in booted.path(f"{LIB}/bundles").iterdir() if path.name != "new"]
    assert kept == [booted.record()["running"]]
    images = {path.name.split(":")[0] + path.name.split(":")[1][:1] for path in _images(booted)}
    assert images == {"example.org_caddy2", "example.org_postgres2"}


def _images(host: Host) -> list[Path]:
    return list((host.world / "images").iterdir())


def test_folders_get_the_owner_and_mode_of_the_manifest(booted: Host) -> None:
    booted.start("sync")
    assert booted.owners["/srv/geusemaker/data/postgres"] == ("d", 0o700, 999)
    assert booted.owners["/srv/geusemaker/data/caddy"] == ("d", 0o755, 1000)
    assert booted.owners["/srv/geusemaker/efs/n8n"][0] == "d"


def test_a_gpu_is_requested_only_where_the_driver_answers(ready_host: Host, host: Host) -> None:
    host.attach_gpu()
    host.late("gpu", 2)
    assert host.start_all() == STARTED
    plain = "COMPOSE_FILE=compose.yaml\n"
    both = "COMPOSE_FILE=compose.yaml:compose.gpu.yaml:compose.devices.yaml\n"
    assert ready_host.read(f"{LIB}/current/.env").startswith(plain)
    assert host.read(f"{LIB}/current/.env").startswith(both)
    host.update(replace(OLD, gpu=False))
    assert host.read(f"{LIB}/current/.env").startswith(plain)


def test_a_gpu_that_the_driver_does_not_list_fails_the_gpu_step(host: Host) -> None:
    host.attach_gpu()
    (host.world / "gpu").unlink()
    statuses = host.start_all()
    assert (statuses["gpu"], statuses["services"], statuses["ready"]) == (1, 1, 1)
    record = host.record()
    assert (record["state"], record["step"]) == ("not-ready", "gpu")
    assert "nvidia-smi did not list in 4 tries" in record["reason"]
    # The unit is tried again, and then sync starts the services.
    host.set("gpu")
    assert host.start_each("gpu", "sync") == {"gpu": 0, "sync": 0}
    assert host.record()["state"] == "ready"


def test_other_devices_and_makers_are_not_gpus(host: Host) -> None:
    devices = (("0x1d0f", "0x030000"), ("0x10de", "0x040300"), ("0x10de", "0x068000"))
    for number, (vendor, kind) in enumerate(devices):
        host.write(f"/sys/bus/pci/devices/0000:00:0{number}.0/vendor", f"{vendor}\n")
        host.write(f"/sys/bus/pci/devices/0000:00:0{number}.0/class", f"{kind}\n")
    assert host.start("gpu").returncode == 0
    assert "there is no NVIDIA device" in host.reason("gpu", "ok")


WALL = ["-j GEUSEMAKER-OUT"]
WAYS_IN = ["-i gm-+ -j GEUSEMAKER-IN"]


def _chains(host: Host, tables: str) -> tuple[list[str], list[str], bool]:
    """The rules that lead into the wall, and whether it closes the metadata service."""
    out = host._lines(f"rules-{tables}-GEUSEMAKER-OUT")
    assert len(out) == len(set(out)), "a rule is set twice"
    closed = {"iptables": "169.254.169.254/32", "ip6tables": "fd00:ec2::254/128"}[tables]
    return (
        host._lines(f"rules-{tables}-DOCKER-USER"),
        host._lines(f"rules-{tables}-INPUT"),
        f"-d {closed} -j DROP" in out,
    )


def test_the_wall_is_set_once_and_after_a_reboot_and_for_ipv6_where_there_is_any(
    booted: Host,
) -> None:
    assert _chains(booted, "iptables") == (WALL, WAYS_IN, True)
    assert _chains(booted, "ip6tables") == ([], [], False)
    booted.start("services")
    assert _chains(booted, "iptables") == (WALL, WAYS_IN, True)
    booted.set("ip6")
    assert set(_reboot(booted).values()) == {0}
    for tables in ("iptables", "ip6tables"):
        assert _chains(booted, tables) == (WALL, WAYS_IN, True)


def test_after_a_reboot_the_wall_is_set_before_docker_starts_containers(booted: Host) -> None:
    booted.restart()
    booted.cloud_init()
    for step in ("data", "efs", "docker"):
        assert booted.start(step).returncode == 0
    assert _chains(booted, "iptables") == (WALL, WAYS_IN, True)
    assert booted.mistakes() == []


def test_other_settings_change_the_wall_without_restarting_docker(booted: Host) -> None:
    reach = "bridge gm-edge\nreach gm-edge 198.18.42.10 10.0.8.0/24\n"
    booted.update(Bundle(more_manifest=reach))
    out = booted._lines("rules-iptables-GEUSEMAKER-OUT")
    opened = "-i gm-edge -s 198.18.42.10 -d 10.0.8.0/24 -j RETURN"
    assert out.index(opened) < out.index("-d 10.0.0.0/8 -j DROP")
    assert booted.update(NEW)["running"] == NEW.sha256
    assert opened not in booted._lines("rules-iptables-GEUSEMAKER-OUT")
    assert booted.calls("systemctl daemon-reload") == booted.calls("systemctl restart") == []


DAEMON = "/etc/docker/daemon.json"
MOVED = Bundle(more_manifest="docker0 198.18.43.1/24\n")
NVIDIA = {"runtimes": {"nvidia": {"args": [], "path": "nvidia-container-runtime"}}}


def test_dockers_own_bridge_moves_before_any_container_and_other_settings_stay(
    host: Host,
) -> None:
    host.write(DAEMON, json.dumps(NVIDIA))
    host.path(DAEMON).chmod(0o640)
    host.name(MOVED)
    assert host.start_all() == STARTED, host.read(LOG)
    assert json.loads(host.read(DAEMON)) == {**NVIDIA, "bip": "198.18.43.1/24"}
    assert host.owners[DAEMON][1] == 0o640
    calls = host.calls()
    restart = calls.index("systemctl restart docker.service")
    assert not [call for call in calls[:restart] if call.startswith("docker compose run")]
    assert [call for call in calls[restart:] if call.startswith("docker compose run")]
    host.set("calls")
    assert set(_reboot(host).values()) == {0}
    assert host.start("services").returncode == 0
    assert host.calls("systemctl restart") == []


def test_a_bridge_address_of_the_image_stays(host: Host) -> None:
    host.write(DAEMON, json.dumps({"bip": "10.200.0.1/24"}))
    host.name(MOVED)
    assert host.start_all() == STARTED
    assert json.loads(host.read(DAEMON)) == {"bip": "10.200.0.1/24"}
    assert host.calls("systemctl restart") == []


@pytest.mark.parametrize("before", [None, json.dumps(NVIDIA)])
def test_a_docker_that_refuses_the_address_gets_its_settings_back(
    host: Host, before: str | None
) -> None:
    if before is not None:
        host.write(DAEMON, before)
    host.set("refused-bip")
    host.name(MOVED)
    assert host.start_all() == STARTED, host.read(LOG)
    assert (host.read(DAEMON) if before is not None else host.path(DAEMON).exists()) == (
        before or False
    )
    # It is not tried at each update, which would stop the containers.
    host.set("calls")
    assert host.start("services").returncode == 0
    assert host.calls("systemctl restart") == []


@pytest.mark.parametrize("fault", ["no JSON", "no Python"])
def test_docker_settings_that_cannot_be_merged_stay_unchanged(host: Host, fault: str) -> None:
    host.write(DAEMON, "{ a" if fault == "no JSON" else "{}")
    if fault == "no Python":
        host.without("python3")
    host.name(MOVED)
    assert host.start_all() == STARTED, host.read(LOG)
    assert host.read(DAEMON) == ("{ a" if fault == "no JSON" else "{}")
    assert "Docker's own bridge keeps its address" in host.read(LOG)


def test_without_iptables_after_a_reboot_the_services_step_fails(booted: Host) -> None:
    booted.set("no-iptables")
    statuses = _reboot(booted)
    assert statuses["docker"] == 0
    assert statuses["services"] != 0
    assert "could not set the rules between containers" in booted.record()["reason"]


def test_without_the_wall_no_container_is_started(host: Host) -> None:
    host.set("no-iptables")
    host.start_all()
    assert host.containers() == {}
    assert "could not set the rules between containers" in host.record()["reason"]


# Each minute


def test_a_sync_without_changes_writes_and_prints_nothing(booted: Host) -> None:
    log, records = booted.read(LOG), booted._lines("records")
    assert [booted.start("sync").stdout for _ in range(2)] == ["", ""]
    assert booted.read(LOG) == log
    assert booted._lines("records") == records


def test_without_changes_the_record_is_renewed_every_quarter_of_an_hour(booted: Host) -> None:
    booted.start("sync")
    first = booted.record()
    sent = booted.path(f"{LIB}/status")
    parameter = booted.world / "ssm" / "_geusemaker_dev_status-1a2b"
    parameter.write_text("state=unknown\n")
    assert booted.sync() == {"state": "unknown"}
    then = sent.stat().st_mtime - 16 * 60
    os.utime(sent, (then, then))
    record = booted.sync()
    assert {**record, "time": ""} == {**first, "time": ""}


def test_sync_does_nothing_during_a_boot(host: Host) -> None:
    host.start("docker")
    before = host.calls()
    assert host.start("sync").returncode == 0
    assert host.calls() == before
    assert host.containers() == {}


def test_of_two_syncs_at_once_the_second_does_nothing(booted: Host) -> None:
    booted.name(NEW)
    pipe = booted.gate("pull")
    first = booted.begin("sync")
    booted.wait_for_calls("docker pull", 3)  # all that run in parallel
    with pipe.open("w"):
        before = len(booted.calls())
        second = booted.start("sync")
        assert (second.returncode, second.stdout) == (0, "")
        assert len(booted.calls()) == before
        assert booted.running()["n8n"] == "1"
        pipe.unlink()
    assert first.wait(PATIENCE) == 0
    assert booted.running()["n8n"] == "2"
    assert len(booted.calls("docker compose up")) == 1


def test_the_host_is_not_ready_while_a_service_is_unhealthy(booted: Host) -> None:
    booted.set("unhealthy", "n8n\n")
    record = booted.sync()
    assert (record["state"], record["step"]) == ("not-ready", "ready")
    assert record["reason"] == "the host is not ready; n8n is unhealthy"
    assert record["service.n8n"] == "unhealthy"
    assert booted.state("ready") == "failed"
    booted.set("unhealthy", "")
    assert booted.sync()["state"] == "ready"
    assert booted.calls("docker compose up") == []  # nothing was restarted


@pytest.mark.parametrize(("what", "word"), [("starting", "starting"), ("gone", "missing")])
def test_a_starting_or_missing_service_is_named_so(booted: Host, what: str, word: str) -> None:
    if what == "gone":
        (booted.world / "containers" / "ollama").unlink()
    else:
        booted.set("starting", "ollama\n")
    record = booted.sync()
    assert (record["state"], record["service.ollama"]) == ("not-ready", word)


def test_settings_that_cannot_be_read_once_change_nothing(booted: Host) -> None:
    before = booted.containers()
    booted.late("ssm-settings", 1)
    assert "could not be read" in booted.start("sync").stdout
    assert booted.containers() == before
    assert booted.record()["state"] == "ready"


def test_services_start_once_a_failed_step_has_recovered(laid_down: Host) -> None:
    host = laid_down
    host.start_all()
    assert host.record()["step"] == "data"
    host.start("sync")
    assert host.containers() == {}
    host.attach_volume()
    assert host.start_each("data", "sync") == {"data": 0, "sync": 0}
    assert host.record()["state"] == "ready"


# Reboot


def test_a_reboot_changes_nothing(booted: Host) -> None:
    before = booted.containers(), booted.read("/etc/fstab")
    first = booted.record()
    assert set(_reboot(booted).values()) == {0}
    assert (booted.containers(), booted.read("/etc/fstab")) == before
    assert booted.calls("docker pull") == booted.calls("aws s3api") == booted.calls("mkfs") == []
    record = booted.record()
    assert record["state"] == "ready"
    assert record["boot"] != first["boot"]
    assert (
        booted.path(f"{LIB}/secrets/postgres/postgres-password").read_text()
        == (MARKERS["postgres_password"])
    )


def test_the_record_shows_a_boot_under_way(booted: Host) -> None:
    booted.restart()
    booted.start_each("docker", "bundle")
    record = booted.record()
    assert record["state"] == "not-ready"
    assert record["boot"] == booted.read("/proc/sys/kernel/random/boot_id").strip()
    # Docker waits for the mounts from the second boot on.
    assert record["step"] == "docker"
    assert "service.n8n" not in record  # of the previous boot


def test_after_a_reboot_without_the_object_store_the_services_run(booted: Host) -> None:
    booted.restart()
    booted.late("s3", 1000)
    steps = [step for step in STEPS if step not in ("data", "efs")]
    assert set(booted.start_each("data", "efs", *steps).values()) == {0}
    assert booted.record()["state"] == "ready"
