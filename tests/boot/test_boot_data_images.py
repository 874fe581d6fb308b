"""Images over data that changes one way only: what may come up over it, and what is kept before."""

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


def _booted(tmp_path: Path, bundle: Bundle, **given: str) -> Host:
    host = Host(tmp_path / "host")
    host.attach_volume()
    host.name(bundle)
    for name, text in given.items():
        host.write(f"{DATA}/{name}", text)
    assert host.boot() == GOOD, host.read("/var/log/geusemaker-boot.log")
    host.set("calls")
    return host


def _taken_over(host: Host, tmp_path: Path, bundle: Bundle) -> Host:
    """Another host, on which nothing runs, with the data volume of this one."""
    other = Host(tmp_path / "other")
    other.attach_formatted()
    shutil.copytree(host.path(DATA), other.path(DATA), symlinks=True)
    other.name(bundle)
    return other


def _note(host: Host, **tags: str) -> None:
    """What came up last over the data of a host."""
    lines = [f"{service} {_image(service, tag)}\n" for service, tag in {**USUAL, **tags}.items()]
    host.write(NOTED, "".join(lines))


def _update(host: Host, bundle: Bundle) -> dict[str, str]:
    host.name(bundle)
    assert host.start("sync").returncode == 0
    return host.record()


TOO_FAR = {
    "Qdrant skips a minor version": (
        {"qdrant": "v1.17.4"},
        {"qdrant": "v1.19.2-unprivileged"},
        "in geusemaker:imageVersions to the last release of v1.18 (qdrant/qdrant:v1.18.PATCH-",
    ),
    "Qdrant comes with another major version": (
        {"qdrant": "v1.19.2"},
        {"qdrant": "v2.0.0"},
        "the last release of v1.20",
    ),
    "Qdrant goes back": ({"qdrant": "v1.19.2"}, {"qdrant": "v1.18.9"}, "qdrant=example.org/qdrant"),
    "Qdrant goes back by a patch": ({"qdrant": "v1.19.2"}, {"qdrant": "v1.19.1"}, "it is older"),
    "n8n goes back": (
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
def test_it_is_refused_with_the_steps_and_what_runs_is_not_touched(
    booted: Host, last: dict[str, str], new: dict[str, str], says: str
) -> None:
    _note(booted, **last)
    booted.set("os-release-of-postgres", 'ID=debian\nVERSION_CODENAME=trixie\nPRETTY_NAME="x"\n')
    before = booted.containers()
    record = _update(booted, _with(**new))
    assert booted.containers() == before
    assert booted.calls("docker compose stop") == []
    assert (record["state"], record["running"]) == ("ready", Bundle().sha256)
    assert says in record["reason"]
    assert record["reason"].endswith(f"; {Bundle().sha256} runs instead")  # nothing is cut
    (service,) = new
    refused = f"{service} {new[service]} cannot start over the data of {last[service]}: "
    assert refused in record["reason"]
    # It does not get better by trying each minute.
    ups = len(booted.calls("docker compose up"))
    booted.start("sync")
    assert len(booted.calls("docker compose up")) == ups


@pytest.mark.parametrize(
    ("last", "new"),
    [
        ({"qdrant": "v1.18.4"}, {"qdrant": "v1.19.0"}),
        ({"qdrant": "v1.19.2"}, {"qdrant": "v1.19.3-unprivileged"}),
        ({"qdrant": "v1.9.4"}, {"qdrant": "v1.10.0"}),
        ({"n8n": "2.42.9"}, {"n8n": "2.42.10"}),
        ({"n8n": "2.42.9"}, {"n8n": "3.1.0"}),
        ({"postgres": "18.6-bookworm"}, {"postgres": "0.8.1-pg18-bookworm"}),
        ({"postgres": "18.6-bookworm"}, {"postgres": "18.5-bookworm"}),
        ({"ollama": "0.36.0"}, {"ollama": "0.35.1"}),
        ({"caddy": "2.12.0"}, {"caddy": "2.11.7"}),
    ],
)
def test_what_the_makers_allow_is_taken_up(
    booted: Host, last: dict[str, str], new: dict[str, str]
) -> None:
    _note(booted, **last)
    record = _update(booted, _with(**new))
    assert (record["state"], record["running"]) == ("ready", _with(**new).sha256), record
    assert "reason" not in record


def test_another_host_over_the_same_data_knows_what_ran_last(tmp_path: Path) -> None:
    host = _booted(tmp_path, _with(qdrant="v1.17.4"))
    assert host.owners[NOTED] == ("f", 0o600, 0)
    other = _taken_over(host, tmp_path, _with(qdrant="v1.19.2"))
    other.boot()
    record = other.record()
    assert (record["state"], record["step"]) == ("not-ready", "services")
    assert "qdrant v1.19.2 cannot start over the data of v1.17.4" in record["reason"]
    assert other.containers() == {}
    # The steps that it names lead on.
    for tag in ("v1.18.9", "v1.19.2"):
        other.name(_with(qdrant=tag))
        other.start("sync")
        assert other.record()["state"] == "ready", other.record()
    assert other.running()["qdrant"] == "v1.19.2"


def test_a_service_that_was_left_out_for_a_while_keeps_its_note(booted: Host) -> None:
    _note(booted, qdrant="v1.17.4")
    without = replace(Bundle(), services=("caddy", "postgres"))
    assert _update(booted, without)["running"] == without.sha256
    assert "v1.17.4" in _update(booted, _with(qdrant="v1.19.2"))["reason"]


def test_what_was_applied_counts_where_nothing_is_noted_yet(tmp_path: Path) -> None:
    host = _booted(tmp_path, _with(qdrant="v1.17.4"))
    host.path(NOTED).unlink()  # as an earlier release leaves it
    assert "over the data of v1.17.4" in _update(host, _with(qdrant="v1.19.2"))["reason"]


def test_going_back_together_with_the_data_takes_the_line_out(booted: Host) -> None:
    _note(booted, n8n="2.43.0")
    assert "together with the data" in _update(booted, _with(n8n="2.42.4"))["reason"]
    lines = booted.read(NOTED).splitlines(keepends=True)
    booted.write(NOTED, "".join(line for line in lines if not line.startswith("n8n ")))
    assert booted.start("services").returncode == 0
    assert booted.running()["n8n"] == "2.42.4"


def test_the_way_back_from_an_image_that_does_not_come_up_is_not_refused(tmp_path: Path) -> None:
    host = _booted(tmp_path, _with())
    host.set("unhealthy", f"{_image('n8n', '2.43.0')}\n")
    record = _update(host, _with(n8n="2.43.0"))
    assert (record["state"], record["running"]) == ("ready", _with().sha256)
    assert host.running()["n8n"] == "2.42.4"
    assert f"n8n {_image('n8n', '2.42.4')}\n" in host.read(NOTED)
    # And not where the newer one was noted, and the host ended before it was done.
    host.write(NOTED, f"n8n {_image('n8n', '2.43.0')}\n")
    host.start("services")
    assert host.running()["n8n"] == "2.42.4"


@pytest.mark.parametrize("noted", ["n8n\n", "n8n ../../x:$(id)\n", "n8n x:99999.1\n", "\0\n"])
def test_a_note_that_says_nothing_keeps_nobody_from_an_update(booted: Host, noted: str) -> None:
    booted.write(NOTED, noted)
    assert _update(booted, _with(n8n="2.43.0"))["state"] == "ready"
    assert booted.running()["n8n"] == "2.43.0"


# What is kept before


def _copies(host: Host) -> list[str]:
    return sorted(path.name for path in host.path(f"{DATA}/qdrant").glob("before-*"))


def _own(host: Host, path: str, uid: int) -> None:
    for one in (host.path(path), *host.path(path).rglob("*")):
        os.chown(one, uid, uid, follow_symlinks=False)


def _stored(host: Host, text: str) -> None:
    host.write(f"{DATA}/qdrant/storage/collections/a", text)
    _own(host, f"{DATA}/qdrant", 1000)


def test_the_storage_of_qdrant_is_copied_while_it_stands_still(tmp_path: Path) -> None:
    host = _booted(tmp_path, _with())
    _stored(host, "old vectors")
    record = _update(host, _with(qdrant="v1.20.0"))
    assert (record["state"], record["running"]) == ("ready", _with(qdrant="v1.20.0").sha256)
    assert _copies(host) == ["before-v1.20.0"]
    copy = f"{DATA}/qdrant/before-v1.20.0"
    assert host.read(f"{copy}/collections/a") == "old vectors"
    assert host.owners[f"{copy}/collections/a"][2] == 1000
    calls = host.calls("docker compose")
    stopped = calls.index("docker compose stop qdrant")
    assert any(call.startswith("docker compose up") for call in calls[stopped:])
    # One is kept, and other settings make none.
    _update(host, replace(_with(qdrant="v1.20.0"), caddyfile="https://another\n"))
    assert host.calls("docker compose stop") == ["docker compose stop qdrant"]
    _stored(host, "new vectors")
    _update(host, _with(qdrant="v1.21.0"))
    assert _copies(host) == ["before-v1.21.0"]
    assert host.read(f"{DATA}/qdrant/before-v1.21.0/collections/a") == "new vectors"


def test_links_in_the_storage_of_qdrant_lead_root_nowhere(tmp_path: Path) -> None:
    host = _booted(tmp_path, _with())
    host.write("/etc/of-root", "secret")
    host.path("/etc/of-root").chmod(0o600)
    storage = host.path(f"{DATA}/qdrant/storage")
    (storage / "file").symlink_to("/etc/of-root")
    (storage / "folder").symlink_to("/etc")
    _own(host, f"{DATA}/qdrant", 1000)
    _update(host, _with(qdrant="v1.20.0"))
    copy = host.path(f"{DATA}/qdrant/before-v1.20.0")
    assert (copy / "file").is_symlink()
    assert (copy / "folder").is_symlink()
    # What root alone may read is not copied either, so there is no copy.
    os.link(host.path("/etc/of-root"), storage / "hard")
    record = _update(host, _with(qdrant="v1.21.0"))
    assert record["running"] == _with(qdrant="v1.21.0").sha256
    assert "Qdrant's storage could not be copied" in record["dump.failed"]
    assert host.read("/etc/of-root") == "secret"


def test_a_copy_with_folders_that_may_not_be_written_to_makes_room_for_the_next(
    tmp_path: Path,
) -> None:
    """They have the modes that Qdrant's container gave them."""
    host = _booted(tmp_path, _with())
    host.write(f"{DATA}/qdrant/before-v1.19.2/collections/a", "vectors")
    _stored(host, "vectors")
    host.as_user(1000, f"chmod 0500 {DATA}/qdrant/before-v1.19.2/collections")
    record = _update(host, _with(qdrant="v1.20.0"))
    assert "dump.failed" not in record
    assert _copies(host) == ["before-v1.20.0"]


def test_a_copy_that_takes_too_long_is_given_up_and_qdrant_runs(tmp_path: Path) -> None:
    host = _booted(tmp_path, _with())
    _stored(host, "vectors")
    host.shorten_limits()
    host.replace("cp", '[[ $* != *qdrant* ]] || exec sleep 100\nexec /usr/own/cp "$@"\n')
    record = _update(host, _with(qdrant="v1.20.0"))
    assert (record["state"], record["running"]) == ("ready", _with(qdrant="v1.20.0").sha256)
    assert "it takes more than 1801 seconds" in record["dump.failed"]
    assert _copies(host) == []
    assert host.running()["qdrant"] == "v1.20.0"


def test_a_database_that_never_answers_keeps_nobody_from_an_update(tmp_path: Path) -> None:
    """Who may write to it can lock a table for ever, and the update may be what closes the hole."""
    host = _booted(tmp_path, _with())
    host.shorten_limits()
    host.late("hangs-pg_dumpall", 1)
    record = _update(host, _with(n8n="2.43.0"))
    assert (record["state"], record["running"]) == ("ready", _with(n8n="2.43.0").sha256)
    assert "pg_dumpall did not give a whole dump" in record["dump.failed"]


def test_a_service_that_is_left_out_has_no_copy_that_fails(tmp_path: Path) -> None:
    host = _booted(tmp_path, _with())
    _stored(host, "vectors")
    without = replace(_with(), services=("caddy", "n8n", "ollama", "postgres"), more_files={})
    record = _update(host, without)
    assert (record["state"], record["running"]) == ("ready", without.sha256)
    assert "dump.failed" not in record or "Qdrant" not in record["dump.failed"]
    assert host.calls("docker compose stop") == []


def test_without_room_the_update_goes_on_and_says_so(tmp_path: Path) -> None:
    host = _booted(tmp_path, _with())
    _stored(host, "vectors")
    host.set("room", "25000000 * 4096\n1000 * 4096\n")  # Docker's disk, the data volume
    record = _update(host, _with(qdrant="v1.20.0"))
    assert (record["state"], record["running"]) == ("ready", _with(qdrant="v1.20.0").sha256)
    assert "the data volume has 3 MiB free" in record["dump.failed"]
    assert _copies(host) == []
    assert host.calls("docker compose stop") == []


def test_a_copy_from_before_a_failed_update_is_not_copied_over(tmp_path: Path) -> None:
    host = _booted(tmp_path, _with())
    _stored(host, "good vectors")
    host.set("unhealthy", "qdrant\n")
    _update(host, _with(qdrant="v1.20.0"))
    assert host.record()["state"] == "not-ready"  # the new one has changed what the old one reads
    _stored(host, "broken vectors")
    host.start("services")
    assert host.read(f"{DATA}/qdrant/before-v1.20.0/collections/a") == "good vectors"


def test_a_host_that_takes_data_over_dumps_before_another_n8n_starts(tmp_path: Path) -> None:
    host = _booted(tmp_path, _with())
    other = _taken_over(host, tmp_path, _with(n8n="2.43.0"))
    assert other.boot() == GOOD, other.read("/var/log/geusemaker-boot.log")
    calls = other.calls("docker compose")
    dumped = calls.index("docker compose exec -T postgres pg_dumpall -U n8n")
    first = next(call for call in calls if call.startswith("docker compose up"))
    assert first.endswith(" postgres")
    assert calls.index(first) < dumped
    assert other.record()["dump"].endswith("Z")


def test_indexes_of_another_c_library_are_found_where_nothing_is_noted(tmp_path: Path) -> None:
    host = _booted(tmp_path, _with())
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
    # With the Debian that they are sorted by it comes up.
    other.set("collation")
    other.name(_with(postgres="18.6-trixie"))
    other.start("sync")
    assert other.record()["state"] == "ready"


def test_a_new_host_without_data_has_nothing_to_keep(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.attach_volume()
    host.name(_with())
    assert host.boot() == GOOD
    assert host.calls("docker compose stop") == host.calls("docker compose exec") == []
    assert host.read(NOTED).splitlines() == [
        f"{service} {_image(service, USUAL[service])}" for service in ("n8n", "postgres", "qdrant")
    ]
    assert host.path(f"{LIB}/current").is_symlink()
