"""Images over data that only newer versions can read: which may start, and what is copied first."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from .boot_host import GOOD, LIB, Host
from .bundles import Bundle

DATA = "/srv/geusemaker/data"
NOTED = f"{DATA}/geusemaker/images"
SERVICES = ("caddy", "n8n", "ollama", "postgres", "qdrant")
FOLDERS = "directory data qdrant 1000 0700\ndirectory data qdrant/storage 1000 0700\n"
USUAL = {
    "caddy": "2.11.7",
    "n8n": "2.42.4",
    "ollama": "0.35.1",
    "postgres": "18.6-bookworm",
    "qdrant": "v1.19.2-unprivileged",
}


def _image(service: str, tag: str) -> str:
    return f"example.org/{service}:{tag}@sha256:{'1' * 64}"


def _with(**tags: str) -> Bundle:
    """A bundle whose services have tags as real ones have."""
    plain = Bundle(services=SERVICES, more_manifest=FOLDERS)
    texts = {"manifest": plain.manifest, "compose.yaml": plain.compose_file}
    for service, tag in {**USUAL, **tags}.items():
        for name, text in texts.items():
            texts[name] = text.replace(plain.image(service), _image(service, tag))
    return replace(plain, more_files=texts)


@pytest.fixture(scope="module", name="ready")
def _ready(tmp_path_factory: pytest.TempPathFactory) -> Host:
    host = Host(tmp_path_factory.mktemp("qdrant"))
    host.attach_volume()
    host.name(_with())
    assert host.boot() == GOOD, host.read("/var/log/geusemaker-boot.log")
    return host


@pytest.fixture(name="host")
def _host(ready: Host, tmp_path: Path) -> Host:
    """A ready host with Qdrant and with tags as real ones, for one test."""
    return ready.copy(tmp_path / "host")


def _taken_over(host: Host, tmp_path: Path, bundle: Bundle) -> Host:
    """Another new host with the data volume of this one."""
    other = Host(tmp_path / "other")
    other.attach_formatted()
    shutil.copytree(host.path(DATA), other.path(DATA), symlinks=True)
    other.name(bundle)
    return other


def _note(host: Host, **tags: str) -> None:
    """Writes which images started last over the data."""
    lines = [f"{service} {_image(service, tag)}\n" for service, tag in {**USUAL, **tags}.items()]
    host.write(NOTED, "".join(lines))


TOO_FAR = {
    "Qdrant skips a minor version": (
        {"qdrant": "v1.17.4"},
        {"qdrant": "v1.19.2-unprivileged"},
        "in geusemaker:imageVersions to the last release of v1.18 (qdrant/qdrant:v1.18.PATCH-",
    ),
    "Qdrant has another major version": (
        {"qdrant": "v1.19.2"},
        {"qdrant": "v2.0.0"},
        "the last release of v1.20",
    ),
    "Qdrant is downgraded": (
        {"qdrant": "v1.19.2"},
        {"qdrant": "v1.18.9"},
        "qdrant=example.org/qdrant",
    ),
    "Qdrant is downgraded by a patch": (
        {"qdrant": "v1.19.2"},
        {"qdrant": "v1.19.1"},
        "it is older",
    ),
    "n8n is downgraded": (
        {"n8n": "2.42.10"},
        {"n8n": "2.42.9"},
        "pulumi config set geusemaker:imageVersions n8n=example.org/n8n:2.42.10",
    ),
    "n8n skips a major version": ({"n8n": "2.42.4"}, {"n8n": "4.0.0"}, "the last release of 3,"),
    "PostgreSQL moves to another Debian": (
        {"postgres": "18.6-bookworm"},
        {"postgres": "18.6-trixie"},
        "postgres=docker.io/library/postgres:18-bookworm",
    ),
    "PostgreSQL was on a Debian that its tag does not name": (
        {"postgres": "18"},
        {"postgres": "18.6-bookworm"},
        "Use an image on Debian trixie",
    ),
}


@pytest.mark.parametrize(("last", "new", "says"), TOO_FAR.values(), ids=TOO_FAR)
def test_a_step_that_the_makers_do_not_support_is_refused_and_what_runs_stays(
    booted: Host, last: dict[str, str], new: dict[str, str], says: str
) -> None:
    _note(booted, **last)
    booted.set("os-release-of-postgres", 'ID=debian\nVERSION_CODENAME=trixie\nPRETTY_NAME="x"\n')
    before = booted.containers()
    record = booted.update(_with(**new))
    assert booted.containers() == before
    assert booted.calls("docker compose stop") == []
    assert (record["state"], record["running"]) == ("ready", Bundle().sha256)
    assert says in record["reason"]
    assert record["reason"].endswith(f"; {Bundle().sha256} runs instead")  # nothing is cut
    (service,) = new
    refused = f"{service} {new[service]} cannot start over the data of {last[service]}: "
    assert refused in record["reason"]
    # It is not tried again each minute.
    ups = len(booted.calls("docker compose up"))
    booted.start("sync")
    assert len(booted.calls("docker compose up")) == ups


@pytest.mark.parametrize(
    ("last", "new"),
    [
        (
            {"qdrant": "v1.18.4", "n8n": "2.42.9", "postgres": "18.6-bookworm"},
            {"qdrant": "v1.19.0", "n8n": "2.42.10", "postgres": "0.8.1-pg18-bookworm"},
        ),
        (
            {"qdrant": "v1.19.2", "n8n": "2.42.9", "postgres": "18.6-bookworm"},
            {"qdrant": "v1.19.3-unprivileged", "n8n": "3.1.0", "postgres": "18.5-bookworm"},
        ),
        (
            {"qdrant": "v1.9.4", "ollama": "0.36.0", "caddy": "2.12.0"},
            {"qdrant": "v1.10.0", "ollama": "0.35.1", "caddy": "2.11.7"},
        ),
    ],
)
def test_what_the_makers_support_is_applied(
    booted: Host, last: dict[str, str], new: dict[str, str]
) -> None:
    _note(booted, **last)
    record = booted.update(_with(**new))
    assert (record["state"], record["running"]) == ("ready", _with(**new).sha256), record
    assert "reason" not in record


def test_another_host_over_the_same_data_knows_which_images_ran_last(
    host: Host, tmp_path: Path
) -> None:
    assert host.owners[NOTED] == ("f", 0o600, 0)
    other = _taken_over(host, tmp_path, _with(qdrant="v1.21.0"))
    other.boot()
    record = other.record()
    assert (record["state"], record["step"]) == ("not-ready", "services")
    assert "qdrant v1.21.0 cannot start over the data of v1.19.2-unprivileged" in record["reason"]
    assert other.containers() == {}
    # The steps in its message work.
    for tag in ("v1.20.9", "v1.21.0"):
        other.name(_with(qdrant=tag))
        other.start("sync")
        assert other.record()["state"] == "ready", other.record()
    assert other.running()["qdrant"] == "v1.21.0"


def test_the_note_of_a_service_stays_while_the_service_is_left_out(booted: Host) -> None:
    _note(booted, qdrant="v1.17.4")
    without = replace(Bundle(), services=("caddy", "postgres"))
    assert booted.update(without)["running"] == without.sha256
    assert "v1.17.4" in booted.update(_with(qdrant="v1.19.2"))["reason"]


def test_without_a_note_the_applied_bundle_counts(host: Host) -> None:
    host.path(NOTED).unlink()  # as an earlier release leaves it
    assert "over the data of v1.19.2-" in host.update(_with(qdrant="v1.21.0"))["reason"]


def test_a_downgrade_with_restored_data_needs_the_line_removed(booted: Host) -> None:
    _note(booted, n8n="2.43.0")
    assert "together with the data" in booted.update(_with(n8n="2.42.4"))["reason"]
    lines = booted.read(NOTED).splitlines(keepends=True)
    booted.write(NOTED, "".join(line for line in lines if not line.startswith("n8n ")))
    assert booted.start("services").returncode == 0
    assert booted.running()["n8n"] == "2.42.4"


def test_a_rollback_from_an_image_that_does_not_start_is_not_refused(host: Host) -> None:
    host.set("unhealthy", f"{_image('n8n', '2.43.0')}\n")
    record = host.update(_with(n8n="2.43.0"))
    assert (record["state"], record["running"]) == ("ready", _with().sha256)
    assert host.running()["n8n"] == "2.42.4"
    assert f"n8n {_image('n8n', '2.42.4')}\n" in host.read(NOTED)
    # Nor where the newer one was noted, and the host was stopped before it was ready.
    host.write(NOTED, f"n8n {_image('n8n', '2.43.0')}\n")
    host.start("services")
    assert host.running()["n8n"] == "2.42.4"


@pytest.mark.parametrize("noted", ["n8n\n", "n8n ../../x:$(id)\n", "n8n x:99999.1\n", "\0\n"])
def test_an_unreadable_note_does_not_block_an_update(booted: Host, noted: str) -> None:
    booted.write(NOTED, noted)
    assert booted.update(_with(n8n="2.43.0"))["state"] == "ready"
    assert booted.running()["n8n"] == "2.43.0"


# What is copied before an update


def _copies(host: Host) -> list[str]:
    return sorted(path.name for path in host.path(f"{DATA}/qdrant").glob("before-*"))


def _own(host: Host, path: str, uid: int) -> None:
    for one in (host.path(path), *host.path(path).rglob("*")):
        os.chown(one, uid, uid, follow_symlinks=False)


def _stored(host: Host, text: str) -> None:
    host.write(f"{DATA}/qdrant/storage/collections/a", text)
    _own(host, f"{DATA}/qdrant", 1000)


def test_the_storage_of_qdrant_is_copied_while_qdrant_is_stopped(host: Host) -> None:
    _stored(host, "old vectors")
    record = host.update(_with(qdrant="v1.20.0"))
    assert (record["state"], record["running"]) == ("ready", _with(qdrant="v1.20.0").sha256)
    assert _copies(host) == ["before-v1.20.0"]
    copy = f"{DATA}/qdrant/before-v1.20.0"
    assert host.read(f"{copy}/collections/a") == "old vectors"
    assert host.owners[f"{copy}/collections/a"][2] == 1000
    calls = host.calls("docker compose")
    stopped = calls.index("docker compose stop qdrant")
    assert any(call.startswith("docker compose up") for call in calls[stopped:])
    # One copy is kept, and other settings make none.
    host.update(replace(_with(qdrant="v1.20.0"), caddyfile="https://another\n"))
    assert host.calls("docker compose stop") == ["docker compose stop qdrant"]
    _stored(host, "new vectors")
    host.update(_with(qdrant="v1.21.0"))
    assert _copies(host) == ["before-v1.21.0"]
    assert host.read(f"{DATA}/qdrant/before-v1.21.0/collections/a") == "new vectors"


def test_links_in_the_storage_of_qdrant_are_not_followed_as_root(host: Host) -> None:
    host.write("/etc/of-root", "secret")
    host.path("/etc/of-root").chmod(0o600)
    storage = host.path(f"{DATA}/qdrant/storage")
    (storage / "file").symlink_to("/etc/of-root")
    (storage / "folder").symlink_to("/etc")
    _own(host, f"{DATA}/qdrant", 1000)
    host.update(_with(qdrant="v1.20.0"))
    copy = host.path(f"{DATA}/qdrant/before-v1.20.0")
    assert (copy / "file").is_symlink()
    assert (copy / "folder").is_symlink()
    # Nor is a file copied that only root may read, so there is no copy.
    os.link(host.path("/etc/of-root"), storage / "hard")
    record = host.update(_with(qdrant="v1.21.0"))
    assert record["running"] == _with(qdrant="v1.21.0").sha256
    assert "Qdrant's storage could not be copied" in record["dump.failed"]
    assert host.read("/etc/of-root") == "secret"


def test_an_old_copy_with_read_only_folders_is_deleted(host: Host) -> None:
    """Qdrant's container chose their modes."""
    host.write(f"{DATA}/qdrant/before-v1.19.2/collections/a", "vectors")
    _stored(host, "vectors")
    host.as_user(1000, f"chmod 0500 {DATA}/qdrant/before-v1.19.2/collections")
    record = host.update(_with(qdrant="v1.20.0"))
    assert "dump.failed" not in record
    assert _copies(host) == ["before-v1.20.0"]


def test_a_copy_that_takes_too_long_is_cancelled_and_qdrant_runs(host: Host) -> None:
    _stored(host, "vectors")
    host.hang(" cp ")
    record = host.update(_with(qdrant="v1.20.0"))
    assert (record["state"], record["running"]) == ("ready", _with(qdrant="v1.20.0").sha256)
    assert "it takes more than 1801 seconds" in record["dump.failed"]
    assert _copies(host) == []
    assert host.running()["qdrant"] == "v1.20.0"


def test_a_database_that_never_answers_does_not_block_an_update(host: Host) -> None:
    """Clients of the database can lock a table for ever, and the update may be a security fix."""
    host.hang("pg_dumpall")
    record = host.update(_with(n8n="2.43.0"))
    assert (record["state"], record["running"]) == ("ready", _with(n8n="2.43.0").sha256)
    assert "pg_dumpall did not give a whole dump" in record["dump.failed"]


def test_a_service_that_is_left_out_is_not_copied(host: Host) -> None:
    _stored(host, "vectors")
    without = replace(_with(), services=("caddy", "n8n", "ollama", "postgres"), more_files={})
    record = host.update(without)
    assert (record["state"], record["running"]) == ("ready", without.sha256)
    assert "dump.failed" not in record or "Qdrant" not in record["dump.failed"]
    assert host.calls("docker compose stop") == []


def test_without_room_the_update_continues_and_says_so(host: Host) -> None:
    _stored(host, "vectors")
    host.set("room", "25000000 * 4096\n1000 * 4096\n")  # Docker's disk, the data volume
    record = host.update(_with(qdrant="v1.20.0"))
    assert (record["state"], record["running"]) == ("ready", _with(qdrant="v1.20.0").sha256)
    assert "the data volume has 3 MiB free" in record["dump.failed"]
    assert _copies(host) == []
    assert host.calls("docker compose stop") == []


def test_the_copy_from_before_a_failed_update_is_not_overwritten(host: Host) -> None:
    _stored(host, "good vectors")
    host.set("unhealthy", "qdrant\n")
    host.update(_with(qdrant="v1.20.0"))
    assert host.record()["state"] == "not-ready"  # the old one cannot read what the new one wrote
    _stored(host, "broken vectors")
    host.start("services")
    assert host.read(f"{DATA}/qdrant/before-v1.20.0/collections/a") == "good vectors"


def test_a_host_that_takes_over_data_dumps_it_before_another_n8n_starts(
    host: Host, tmp_path: Path
) -> None:
    other = _taken_over(host, tmp_path, _with(n8n="2.43.0"))
    assert other.boot() == GOOD, other.read("/var/log/geusemaker-boot.log")
    calls = other.calls("docker compose")
    dumped = calls.index("docker compose exec -T postgres pg_dumpall -U n8n")
    first = next(call for call in calls if call.startswith("docker compose up"))
    assert first.endswith(" postgres")
    assert calls.index(first) < dumped
    assert other.record()["dump"].endswith("Z")


def test_without_a_note_indexes_of_another_c_library_are_detected(
    host: Host, tmp_path: Path
) -> None:
    host.write(f"{DATA}/postgres/18/docker/PG_VERSION", "18\n")
    host.path(NOTED).unlink()
    other = _taken_over(host, tmp_path, _with())
    other.set("collation", "2.41 2.36\n")
    other.boot()
    record = other.record()
    assert record["state"] == "not-ready"
    assert "the indexes of postgres are sorted for version 2.41" in record["reason"]
    assert other.containers()["postgres"].split()[2] == "exited"
    assert "n8n" not in other.containers()
    # With the Debian release that sorted them it starts.
    other.set("collation")
    assert other.update(_with(postgres="18.6-trixie"))["state"] == "ready"


def test_a_new_host_without_data_copies_nothing(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.attach_volume()
    host.name(_with())
    assert host.boot() == GOOD
    assert host.calls("docker compose stop") == host.calls("docker compose exec") == []
    assert host.read(NOTED).splitlines() == [
        f"{service} {_image(service, USUAL[service])}" for service in ("n8n", "postgres", "qdrant")
    ]
    assert host.path(f"{LIB}/current").is_symlink()
