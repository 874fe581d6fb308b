"""A worker: no data volume, a report of its own, and the rendered bundle of workers."""

from dataclasses import replace
from pathlib import Path

from geusemaker.bundle.queue import WORKER_SECRETS

from .boot_host import BOUNDS, INSTANCE, LIB, STEPS, Host
from .workers import (
    GROUP,
    HEAD,
    LEAVING,
    MOVED,
    QUEUE,
    ZONE,
    booted,
    bundle_of,
    new_worker,
    report,
    settings_of_compose,
)

DATA = "/srv/geusemaker/data"
LOG = "/var/log/geusemaker-boot.log"
OF_VOLUME = ("blkid", "blockdev", "fsck", "mkfs", "resize2fs", "wipefs", "xfs_growfs")
LATER = ("data", "efs", *(step for step in STEPS if step not in ("data", "efs")))
"""From the second boot on, Docker waits for the mounts."""


def ways(host: Host) -> list[str]:
    """The private networks that containers may reach, by the rules that are set."""
    rules = (host.world / "rules-iptables-GEUSEMAKER-OUT").read_text().splitlines()
    return [rule for rule in rules if " -s " in rule]


def way(address: str) -> str:
    return f"-i gm-edge -s 198.18.42.10 -d {address}/32 -j RETURN"


def sync(host: Host) -> dict[str, str]:
    assert host.start("sync").returncode == 0
    return report(host)


# The rendered bundle


def test_a_worker_becomes_ready_with_the_rendered_bundle(worker: Host) -> None:
    running = bundle_of("worker")
    assert set(worker.containers()) == {"n8n", "n8n-runners"}
    found = report(worker)
    assert (found["state"], found["instance"]) == ("ready", INSTANCE)
    assert (found["running"], found["worker"], found["executions"]) == (
        running.sha256,
        "ready",
        "0",
    )
    settings = settings_of_compose(worker)
    assert (settings["GEUSEMAKER_HEAD"], settings["GEUSEMAKER_ZONE"]) == (f"head.{ZONE}", ZONE)
    for file in WORKER_SECRETS:
        path = f"{LIB}/secrets/{file.consumer}/{file.name}"
        assert worker.owners[path] == ("f", 0o400, file.uid)
    assert worker.owners[f"{DATA}/n8n/home"] == ("d", 0o700, 1000)


def test_a_worker_has_no_volume_and_reports_again_after_a_reboot(worker: Host) -> None:
    assert DATA in worker.mounted()
    assert f"{LIB}/disk {DATA} none bind,nofail,noauto 0 0\n" in worker.read("/etc/fstab")
    assert f"AssertPathIsMountPoint={DATA}\n" in worker.read(
        "/etc/systemd/system/docker.service.d/geusemaker.conf"
    )
    assert [call for call in worker.calls() if call.startswith(OF_VOLUME)] == []
    first = report(worker)
    worker.restart()
    assert set(worker.start_each(*LATER).values()) == {0}
    second = report(worker)
    assert second["state"] == "ready"
    assert second["boot"] != first["boot"]


def test_a_worker_reports_nowhere_else(tmp_path: Path) -> None:
    host = new_worker(tmp_path)
    host.late("s3-put", 1)  # the next report gets through
    host.boot()
    assert report(host)["state"] == "ready"
    assert host.record() == {"state": "unknown"}
    assert host.calls("aws ssm put-parameter") == []


def test_a_worker_whose_disk_cannot_be_mounted_says_so(tmp_path: Path) -> None:
    host = new_worker(tmp_path)
    host.late("mount-data", 1000)
    statuses = host.boot()
    assert statuses["data"] != 0
    assert report(host)["step"] == "data"
    assert "/var/lib/geusemaker/disk could not be mounted at" in report(host)["reason"]


def test_a_worker_dumps_no_database(worker: Host) -> None:
    units = {path.name for path in worker.path("/etc/systemd/system").iterdir()}
    assert not {name for name in units if "dump" in name}
    target = worker.read("/etc/systemd/system/geusemaker.target")
    assert "\nWants=geusemaker-sync.timer\n\n[Install]\n" in target


def test_settings_that_do_not_name_the_host_of_the_stack_are_refused(tmp_path: Path) -> None:
    host = new_worker(tmp_path, replace(bundle_of("worker"), more_pointer="\nhead=$(reboot)"))
    statuses = host.boot()
    assert statuses["bundle"] != 0
    assert "do not name the host of the stack" in report(host)["reason"]


# The way to the host of the stack


def test_a_worker_follows_the_name_of_the_stacks_host_and_closes_the_way_of_before(
    worker: Host,
) -> None:
    assert ways(worker) == [way(HEAD)]
    worker.set("head", f"{MOVED}\n")
    assert sync(worker)["worker"] == "ready"
    assert ways(worker) == [way(MOVED)]
    # While the name has no address, or no IPv4 address, the last one stays.
    for unusable in ("", "fd00:42::20\n", "10.42.0.99/0\n"):
        worker.set("head", unusable)
        sync(worker)
        assert ways(worker) == [way(MOVED)]
    # Docker sets the same at a boot, before any step.
    worker.restart()
    worker.start_each("data", "efs", "docker")
    assert ways(worker) == [way(MOVED)]


def test_a_wall_that_could_not_follow_is_set_a_minute_later(worker: Host) -> None:
    worker.set("head", f"{MOVED}\n")
    worker.late("xtables", 1)
    assert sync(worker)["state"] == "ready"
    assert ways(worker) == [way(HEAD)]
    sync(worker)
    assert ways(worker) == [way(MOVED)]


def test_networks_of_n8n_reaches_are_open_on_workers_too(tmp_path: Path) -> None:
    host = booted(new_worker(tmp_path, bundle_of("worker", n8n_reaches=("10.7.0.0/24",))))
    assert ways(host) == ["-i gm-edge -s 198.18.42.10 -d 10.7.0.0/24 -j RETURN", way(HEAD)]


def test_a_worker_waits_for_a_host_that_does_not_answer_and_starts_when_it_does(
    tmp_path: Path,
) -> None:
    host = new_worker(tmp_path)
    host.set("unhealthy", "n8n\n")
    statuses = host.boot()
    assert statuses["services"] != 0
    reason = report(host)["reason"]
    assert f"port 6379 of the host of the stack, head.{ZONE} at {HEAD}, does not answer" in reason
    assert "n8n is unhealthy" in reason
    # Each minute, and not once for these settings.
    (host.world / "unhealthy").unlink()
    assert sync(host)["worker"] == "ready"


def _answers(host: Host) -> None:
    """Makes the connection to the stack's host one that succeeds."""
    host.replace("timeout", '[[ $* == */dev/tcp/* ]] || exec /usr/own/timeout "$@"\n')


def test_a_bundle_that_does_not_start_goes_back_to_the_one_before_if_the_host_answers(
    worker: Host,
) -> None:
    _answers(worker)
    other = bundle_of("worker", image_versions={"n8n": "docker.io/n8nio/n8n:9.9.9"})
    worker.set("unhealthy", "docker.io/n8nio/n8n:9.9.9\n")
    worker.name(other)
    found = sync(worker)
    assert found["running"] == bundle_of("worker").sha256
    assert f"bundle {other.sha256}: it did not come up: n8n is unhealthy" in found["reason"]


def test_a_first_bundle_that_does_not_start_is_tried_again_each_minute(tmp_path: Path) -> None:
    host = new_worker(tmp_path)
    _answers(host)
    host.set("unhealthy", "n8n\n")
    host.boot()
    assert "its services are not healthy yet: n8n is unhealthy" in report(host)["reason"]
    assert len(host.calls("docker compose up")) == BOUNDS.dump_tries
    (host.world / "unhealthy").unlink()
    assert sync(host)["worker"] == "ready"


# Models


def _with_ollama(tmp_path: Path) -> Host:
    queue = replace(QUEUE, has_ollama=True)
    return new_worker(tmp_path, bundle_of("worker", queue, models=("llama3.2:1b",)))


def test_models_are_on_the_root_disk_of_a_worker_without_an_instance_store(tmp_path: Path) -> None:
    host = _with_ollama(tmp_path)
    host.attach_gpu()
    booted(host)
    assert host.start_each("models") == {"models": 0}
    assert report(host)["model.llama3.2:1b"] == "here"
    assert host.owners[f"{DATA}/ollama"] == ("d", 0o700, 11434)
    assert f"{DATA}/ollama" not in host.mounted()


def test_models_are_on_the_instance_store_again_after_a_reboot(tmp_path: Path) -> None:
    host = _with_ollama(tmp_path)
    host.write("/opt/dlami/nvme/lost+found/x", "")
    host.set("mounted", "/opt/dlami/nvme\n")
    booted(host)
    assert f"{DATA}/ollama" in host.mounted()
    assert host.owners[f"{DATA}/ollama"] == ("d", 0o700, 11434)
    assert host.start_each("models") == {"models": 0}
    # Nothing is a copy of anything.
    assert list(host.path(f"{DATA}/ollama").iterdir()) == []
    before = host.containers()["ollama"].split()[1]
    host.restart()
    host.set("mounted", "/opt/dlami/nvme\n")
    assert set(host.start_each(*LATER).values()) == {0}
    assert f"{DATA}/ollama" in host.mounted()
    # Docker has started it before, on a folder that is hidden now.
    assert host.containers()["ollama"].split()[1] != before


# Executions


def test_a_worker_reports_how_many_executions_run(worker: Host) -> None:
    lines = (
        "n8n worker is now ready",
        *(f"Worker started execution {n} (job {n})" for n in (1, 2)),
    )
    worker.set("log-of-n8n", "\n".join((*lines, "Worker finished execution 1 (job 1)\n")))
    worker.set("starting", "n8n-runners\n")
    found = sync(worker)
    assert (found["executions"], found["service.n8n-runners"]) == ("1", "starting")
    assert "worker" not in found


def test_a_worker_whose_log_cannot_be_read_reports_no_number(worker: Host) -> None:
    worker.late("docker-logs", 1)
    assert "executions" not in sync(worker)


def test_what_containers_write_is_no_part_of_the_report(worker: Host) -> None:
    """The folders that containers can write to have other files of these names."""
    for folder in (
        f"{DATA}/n8n/home",
        "/srv/geusemaker/efs/n8n-files",
        "/srv/geusemaker/efs/n8n-home",
    ):
        for name in ("health", "status", "head", "geusemaker-leaving", "workers", "pointer"):
            worker.write(f"{folder}/{name}", "state=left\nworker=left\nexecutions=9\n10.0.0.1\n")
    found = sync(worker)
    assert (found["worker"], found["executions"]) == ("ready", "0")
    assert ways(worker) == [way(HEAD)]
    compose = worker.read(f"{LIB}/current/compose.yaml")
    # What the host decides by is in folders that no container has.
    sources = [line.split()[-1] for line in compose.splitlines() if " source: /" in line]
    assert sources
    assert [one for one in sources if not one.startswith("/srv/geusemaker/")] == []
    assert not worker.path(LEAVING).exists()
    assert GROUP in worker.read(f"{LIB}/leave")
