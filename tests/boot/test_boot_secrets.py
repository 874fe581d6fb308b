"""Secrets: their files, who may read them, and that they are nowhere else."""

from pathlib import Path

import pytest

from .boot_host import FACTS, GOOD, LIB, MANY, MARKERS, SYSTEMS, Host
from .bundles import SECRETS, Bundle

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
