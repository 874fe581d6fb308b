"""Secrets: their files, who may read them, and that they are nowhere else."""

from dataclasses import replace
from pathlib import Path

import pytest

from .boot_host import FACTS, GOOD, LIB, MANY, MARKERS, SYSTEMS, Host
from .bundles import SECRETS, Bundle
from .test_boot_real_bundle import Rendered, rendered, secrets

MARKED = [value.encode() for value in MARKERS.values()]


def _files_with_a_secret(host: Host) -> set[str]:
    found = set()
    for path, (kind, _, _) in host.owners.items():
        if kind == "f" and not path.startswith(("/world/ssm/", "/real/")):
            content = host.path(path).read_bytes()
            if any(marker in content for marker in MARKED) or b"MARKER" in content:
                found.add(path)
    return found


@pytest.mark.parametrize(("os_id", "version"), [SYSTEMS[1], SYSTEMS[4]])
def test_secrets_are_in_their_files_and_nowhere_else(
    tmp_path: Path, os_id: str, version: str
) -> None:
    host = Host(tmp_path, os_id, version)
    host.attach_volume()
    host.late("ssm-secrets", 2)
    said = host.cloud_init().stdout
    for step in list(GOOD)[1:]:
        result = host.start(step)
        said += result.stdout + result.stderr
    for step in ("sync", "dump", "models"):
        result = host.start(step)
        said += result.stdout + result.stderr
    assert host.record()["state"] == "ready"
    assert "MARKER" not in said
    assert "MARKER" not in "\n".join(host.calls())  # every command line of every stand-in
    wanted = {f"{LIB}/secrets/{who}/{name}" for who, name, _ in SECRETS}
    assert _files_with_a_secret(host) == wanted
    for who, name, uid in SECRETS:
        path = f"{LIB}/secrets/{who}/{name}"
        assert host.owners[path] == ("f", 0o400, uid)
        assert host.path(path).read_text() == MARKERS[name.replace("-", "_")]
        assert host.owners[f"{LIB}/secrets/{who}"] == ("d", 0o711, 0)
    assert host.owners[f"{LIB}/secrets"] == ("d", 0o700, 0)


def test_the_program_never_traces_its_commands(booted: Host) -> None:
    """A trace would print them."""
    assert "set -x" not in booted.script + Bundle().files["host.sh"]
    assert "xtrace" not in booted.script + Bundle().files["host.sh"]


def test_a_missing_value_fails_the_secrets_step_and_is_named(laid_down: Host) -> None:
    host = laid_down
    host.attach_volume()
    host.parameters(postgres_password="MARKER1")
    statuses = host.start_all()
    assert (statuses["bundle"], statuses["secrets"], statuses["services"]) == (0, 1, 1)
    record = host.record()
    assert (record["state"], record["step"]) == ("not-ready", "secrets")
    assert record["reason"] == f"{FACTS.secrets_parameter} has no value for: n8n-encryption-key"
    assert host.containers() == {}


def test_a_parameter_store_that_always_refuses_fails_the_secrets_step(laid_down: Host) -> None:
    host = laid_down
    host.attach_volume()
    host.late("ssm-secrets", MANY)
    host.start_all()
    record = host.record()
    assert (record["state"], record["step"]) == ("not-ready", "secrets")
    assert "could not be read" in record["reason"]
    # Once it answers, the step's unit and the next sync succeed.
    host.late("ssm-secrets", 0)
    assert host.start_each("secrets", "sync") == {"secrets": 0, "sync": 0}
    assert host.record()["state"] == "ready"


def test_after_a_reboot_without_the_parameter_store_the_files_stay_and_the_step_fails(
    booted: Host,
) -> None:
    before = {path: booted.path(path).read_bytes() for path in _files_with_a_secret_now(booted)}
    booted.restart()
    booted.late("ssm-secrets", MANY)
    statuses = booted.start_each("data", "efs", "docker", "gpu", "bundle", "secrets", "services")
    assert (statuses["bundle"], statuses["secrets"], statuses["services"]) == (0, 1, 1)
    assert {path: booted.path(path).read_bytes() for path in before} == before
    assert len(before) == len(SECRETS)
    assert booted.record()["step"] == "secrets"
    # Docker has started the containers of the previous boot by itself.
    assert set(booted.containers()) == set(Bundle().services)


def _files_with_a_secret_now(host: Host) -> list[str]:
    return [f"{LIB}/secrets/{who}/{name}" for who, name, _ in SECRETS]


def test_an_unchanged_value_keeps_its_file_because_a_container_has_it_open(
    booted: Host,
) -> None:
    paths = [booted.path(path) for path in _files_with_a_secret_now(booted)]
    before = [path.stat().st_ino for path in paths]
    assert booted.start("secrets").returncode == 0
    assert [path.stat().st_ino for path in paths] == before
    booted.parameters(**{**MARKERS, "postgres_password": "MARKERnew"})
    assert booted.start("secrets").returncode == 0
    changed = [path.stat().st_ino != one for path, one in zip(paths, before, strict=True)]
    assert changed == [name == "postgres-password" for _, name, _ in SECRETS]
    assert paths[0].read_text() == "MARKERnew"


def test_a_replaced_host_over_existing_data_has_the_same_secrets_and_formats_nothing(
    booted: Host, tmp_path: Path
) -> None:
    new = Host(tmp_path / "new", "amzn", "2023")
    new.set("instance-id", "i-0fffffffffffffff0")
    new.attach_formatted()
    assert new.boot() == GOOD
    assert new.calls("mkfs") == []
    for path in _files_with_a_secret_now(booted):
        assert new.path(path).read_bytes() == booted.path(path).read_bytes()
    record = new.record()
    assert (record["state"], record["instance"]) == ("ready", "i-0fffffffffffffff0")


OF_CONFIG = "/geusemaker/dev/secrets-of-config-1a2b"


def _set_secrets(host: Host, version: int, **values: str) -> Bundle:
    """What a stack has for its host whose config sets these secrets of n8n."""
    lines = "".join(f"secret n8n n8n.{name} 1000\n" for name in values)
    image = "    image: " + Bundle().image("n8n") + "\n"
    label = "    labels:\n      geusemaker.secrets: ${GEUSEMAKER_SECRETS_N8N:-}\n"
    file = Bundle().compose_file.replace(image, image + label)
    assert label in file
    bundle = Bundle(more_manifest=lines, compose=file)
    host.name(bundle)
    host.parameter(FACTS.settings_parameter, f"{bundle.pointer()}\nsecrets={OF_CONFIG}:{version}")
    given = {f"n8n.{name}": value for name, value in values.items()}
    own = {"postgres-password": "MARKERof another"}
    host.parameter(OF_CONFIG, "\n".join(f"{n}={v}" for n, v in (given | own).items()))
    return bundle


def _made(host: Host) -> dict[str, str]:
    """The number of each container; another one was created again."""
    return {name: line.split()[1] for name, line in host.containers().items()}


def test_a_secret_of_config_is_in_the_file_of_its_container_and_nowhere_else(booted: Host) -> None:
    before = _files_with_a_secret(booted)
    _set_secrets(booted, 1, PASS="MARKER$x`'\"=b c")
    booted.late("ssm-secrets-of-config", 2)
    ran = booted.start("sync")
    assert booted.record()["state"] == "ready"
    assert "reason" not in booted.record()
    path = f"{LIB}/secrets/n8n/n8n.PASS"
    assert booted.path(path).read_text() == "MARKER$x`'\"=b c"
    assert booted.owners[path] == ("f", 0o400, 1000)
    assert _files_with_a_secret(booted) == before | {path}
    assert "MARKER" not in ran.stdout + ran.stderr + "\n".join(booted.calls())
    # The stack's own are not from config.
    own = booted.path(f"{LIB}/secrets/postgres/postgres-password")
    assert own.read_text() == MARKERS["postgres_password"]


def test_another_value_is_applied_by_its_version_and_only_its_container_is_new(
    booted: Host,
) -> None:
    _set_secrets(booted, 1, PASS="MARKER1", USER="MARKER2")
    booted.start("sync")
    first = _made(booted)
    # The same values in another version: nothing to do.
    _set_secrets(booted, 2, PASS="MARKER1", USER="MARKER2")
    booted.start("sync")
    assert _made(booted) == first
    _set_secrets(booted, 3, PASS="MARKER1", USER="MARKER3")
    booted.start("sync")
    assert booted.path(f"{LIB}/secrets/n8n/n8n.USER").read_text() == "MARKER3"
    second = _made(booted)
    assert {name for name in first if first[name] != second[name]} == {"n8n"}
    # A reboot changes nothing.
    booted.restart()
    booted.start_all()
    assert _made(booted) == second


def test_a_secret_that_left_config_leaves_the_host(booted: Host) -> None:
    _set_secrets(booted, 1, PASS="MARKER1", USER="MARKER2")
    booted.start("sync")
    _set_secrets(booted, 2, USER="MARKER2")
    booted.start("sync")
    left = {path.name for path in booted.path(f"{LIB}/secrets/n8n").iterdir()}
    assert left == {"n8n.USER", "n8n-encryption-key", "postgres-password"}
    booted.name(Bundle())
    booted.start("sync")
    left = {path.name for path in booted.path(f"{LIB}/secrets/n8n").iterdir()}
    assert left == {"n8n-encryption-key", "postgres-password"}
    assert booted.record()["state"] == "ready"


@pytest.mark.parametrize("where", [OF_CONFIG, "--profile x:1", "/geusemaker/dev/none:1"])
def test_secrets_of_config_that_cannot_be_read_fail_the_secrets_step(
    booted: Host, where: str
) -> None:
    bundle = _set_secrets(booted, 1, PASS="MARKER1")
    booted.parameter(FACTS.settings_parameter, f"{bundle.pointer()}\nsecrets={where}")
    booted.start("sync")
    record = booted.record()
    assert record["step"] == "secrets"
    unread = where.removesuffix(":1")
    known = where.startswith("/") and where != OF_CONFIG
    why = f"could not be read from {unread}" if known else "name the parameter of secrets in a form"
    assert why in record["reason"]
    # What ran goes on.
    assert set(booted.containers()) == set(Bundle().services)
    _set_secrets(booted, 2, PASS="MARKER1")
    booted.start("sync")
    assert booted.record()["state"] == "ready"


def test_a_secret_of_config_without_a_value_is_named_with_both_parameters(booted: Host) -> None:
    _set_secrets(booted, 1, PASS="MARKER1", USER="MARKER2")
    booted.parameter(OF_CONFIG, "n8n.PASS=MARKER1")
    booted.start("sync")
    where = f"{FACTS.secrets_parameter} and {OF_CONFIG}"
    assert booted.record()["reason"] == f"{where} has no value for: n8n.USER"


def _name_keys(host: Host, version: int, keys: str) -> None:
    """What a stack has for its host whose config names keys: the program's own bundle."""
    one = rendered()
    named = Rendered(facts=replace(one.facts, has_api_keys=True))
    host.name(named)
    host.parameter(FACTS.settings_parameter, f"{named.pointer()}\nsecrets={OF_CONFIG}:{version}")
    host.parameter(OF_CONFIG, f"api-keys={keys}")


def test_another_key_reaches_the_proxy_without_another_container(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.attach_volume()
    host.parameters(**secrets())
    _name_keys(host, 1, "ci_MARKER1 laptop_MARKER2")
    assert host.boot() == GOOD, host.read("/var/log/geusemaker-boot.log")
    path = f"{LIB}/secrets/caddy-keys/api-keys"
    assert host.path(path).read_text() == "ci_MARKER1 laptop_MARKER2"
    assert host.owners[path] == ("f", 0o400, 1000)
    assert host.owners[f"{LIB}/secrets/caddy-keys"] == ("d", 0o711, 0)
    assert host.path(f"{LIB}/secrets/caddy/qdrant-api-key").read_text() == "MARKERqdrant-api-key$x"
    made = _made(host)
    # A name is removed, and another gets another key.
    _name_keys(host, 2, "ci_MARKER3")
    host.start("sync")
    assert host.path(path).read_text() == "ci_MARKER3"
    assert host.owners[path] == ("f", 0o400, 1000)
    assert (host.record()["state"], _made(host)) == ("ready", made)
    # The last name: nothing of it stays, and Caddy goes on without the folder.
    host.name(rendered())
    host.start("sync")
    assert host.record()["state"] == "ready"
    assert not host.path(path).exists()
    assert not host.path(f"{LIB}/secrets/caddy/qdrant-api-key").exists()
    assert {name for name in made if made[name] != _made(host)[name]} == {"caddy"}
