"""What a container can put into its own folders gives it nothing of root's.

Everything is planted as the container's user. What root must not lose is the host's program, and
n8n's encryption key.
"""

import hashlib
from pathlib import Path
from typing import Final

import pytest

from geusemaker.bundle.manifest import OLLAMA_UID

from . import test_boot_model_cache as cache
from .boot_host import GOOD, LIB, MARKERS, Host
from .bundles import Bundle, host_program

PROGRAM: Final = "/usr/local/lib/geusemaker/host"
SECRETS: Final = f"{LIB}/secrets"
KEY: Final = f"{SECRETS}/n8n/n8n-encryption-key"
BLOBS, KEPT, DISK = cache.MODELS, cache.KEPT, cache.DISK
BIG: Final = b"5" * cache.BIG
NEW: Final = f"sha256-{hashlib.sha256(BIG).hexdigest()}"
KEYS: Final = f"sha256-{hashlib.sha256(MARKERS['n8n_encryption_key'].encode()).hexdigest()}"
OLDER: Final = (Path(__file__).parent / "older/models_of_root.sh").read_text(encoding="utf-8")


@pytest.fixture(name="host")
def _host(booted: Host) -> Host:
    """One with a cache, a cached model, and files of root's to be lost."""
    cache._join(booted)
    cache._blob(booted, cache.ONE)
    assert booted.start("models").returncode == 0
    assert cache._is_cached(booted, cache.ONE)
    booted.write("/etc/of-root/file", "as it was")
    booted.write(f"/etc/of-root/{NEW}", BIG.decode())
    for path in ("/etc/of-root/file", f"/etc/of-root/{NEW}"):
        booted.give(path, 0)
    return booted


def _write_blob(name: str = NEW) -> str:
    return f"head -c {cache.BIG} /dev/zero | tr '\\0' 5 >{BLOBS}/{name}; "


def _run(host: Host, script: str) -> None:
    """Plants, and has all of the host run that looks into those folders."""
    before = {path: host.owners[path] for path in (PROGRAM, KEY, SECRETS, "/etc/of-root/file")}
    host.as_user(OLLAMA_UID, script)
    host.start_each("sync", "models", "services", "sync")
    assert host.read(PROGRAM) == host.script
    assert host.read(KEY) == MARKERS["n8n_encryption_key"]
    assert host.read("/etc/of-root/file") == "as it was"
    assert host.path(f"/etc/of-root/{NEW}").read_bytes() == BIG
    assert {path: host.owners[path] for path in before} == before
    assert sorted(path.name for path in host.path("/etc/of-root").iterdir()) == ["file", NEW]
    # Nothing of root's has come to where a container reads.
    for folder in (DISK, "/srv/geusemaker/data/ollama"):
        for path in host.path(folder).rglob("*"):
            if path.is_file() and not path.is_symlink():
                assert b"MARKER" not in path.read_bytes(), path
    assert host.record()["state"] == "ready", host.reason("ready")


@pytest.mark.parametrize("target", [PROGRAM, "/etc/of-root/file"])
@pytest.mark.parametrize("name", ["new", NEW])
def test_a_link_in_the_place_of_a_copy_is_not_written_through(
    host: Host, name: str, target: str
) -> None:
    _run(host, f"ln -s {target} {DISK}/{name}; {_write_blob()}")
    assert (host.path(DISK) / NEW).read_bytes() == BIG


@pytest.mark.parametrize("name", ["new", NEW])
def test_a_folder_in_the_place_of_a_copy_is_cleared_away(host: Host, name: str) -> None:
    _run(
        host, f"mkdir -p {DISK}/{name}/sub; ln -s /etc/of-root {DISK}/{name}/sub/x; {_write_blob()}"
    )
    assert (host.path(DISK) / NEW).read_bytes() == BIG


@pytest.mark.parametrize("target", [KEY, "/etc/of-root/file"])
def test_a_blob_that_becomes_a_link_while_it_is_copied_hands_out_nothing(
    host: Host, target: str
) -> None:
    """The moment between the listing and the copying, in which `sort` runs."""
    real = host.path("/usr/bin/sort").readlink()
    host.path("/usr/bin/sort").unlink()
    swap = f"[[ $* != -rn || ! -s {BLOBS}/{KEYS} ]] || ln -sfn {target} {BLOBS}/{KEYS}"
    script = f'#!/bin/bash\nall=$(cat)\n{swap}\nprintf "%s\\n" "$all" | {real} "$@"\n'
    host.write("/usr/bin/sort", script)
    host.path("/usr/bin/sort").chmod(0o755)
    _run(host, _write_blob(KEYS))
    assert not (host.path(DISK) / KEYS).exists()


def test_a_link_that_leads_to_the_key_is_no_copy(host: Host) -> None:
    _run(host, f"rm {DISK}/{cache.ONE}; ln -s {KEY} {DISK}/{cache.ONE}; ln -s {KEY} {BLOBS}/{KEYS}")
    assert cache._is_cached(host, cache.ONE)


def test_a_name_of_several_lines_is_no_list_of_blobs_and_no_command(host: Host) -> None:
    """Its second line has a command where the size of a blob stands."""
    command = "PATH[$(touch${IFS}made-by-a-name)]"
    _run(host, f"touch {BLOBS}/$'x\\n1 {command} '{NEW}; {_write_blob()}")
    assert list(host.root.rglob("made-by-a-name")) == []
    assert cache._is_cached(host, cache.ONE)


def test_a_folder_of_root_in_the_place_of_the_blobs_stays_as_it_is(host: Host) -> None:
    _run(host, f"mv {BLOBS} {BLOBS}.mine; ln -s /etc/of-root {BLOBS}")
    assert not (host.path(DISK) / NEW).exists()


def test_a_folder_for_all_in_the_place_of_the_blobs_gets_no_file(host: Host) -> None:
    """As after a race: by a link of the same name there, a copy that is gone, and a swapped folder.
    On another file system, what is given back would be copied, and fill the root disk."""
    name, shared = cache.ONE, "/var/for-all"
    host.path(shared).mkdir()
    host.path(shared).chmod(0o1777)
    plant = f"ln -s /model-cache/disk/{name} {shared}/{name}; rm {DISK}/{name}"
    _run(host, f"{plant}; mv {BLOBS} {BLOBS}.mine; ln -s {shared} {BLOBS}")
    assert host.path(f"{shared}/{name}").is_symlink()
    # With its own folder back, nothing is lost.
    host.as_user(OLLAMA_UID, f"rm {BLOBS}; mv {BLOBS}.mine {BLOBS}")
    host.start_each("services", "models")
    assert cache._is_cached(host, name)


@pytest.mark.parametrize("what", [f"mkfifo {BLOBS}/{NEW}", f"mkdir {BLOBS}/{NEW}"])
def test_a_pipe_or_folder_in_the_place_of_a_blob_holds_nobody_up(host: Host, what: str) -> None:
    _run(host, what)
    assert cache._is_cached(host, cache.ONE)


def test_the_mount_point_is_out_of_reach(host: Host) -> None:
    folder = f"{LIB}/model-cache"
    host.as_user(OLLAMA_UID, f"! mv {folder}/disk {folder}/mine; ! ln -s /etc {folder}/x")
    assert host.owners[folder] == ("d", 0o755, 0)


@pytest.mark.parametrize("same", ["size", "size and time"])
def test_a_copy_that_was_overwritten_is_noticed_and_made_anew(host: Host, same: str) -> None:
    copy = f"{DISK}/{cache.ONE}"
    script = f"printf x | dd of={copy} conv=notrunc status=none"
    if same == "size and time":
        script += f"; touch -d @{host.path(copy).stat().st_mtime_ns / 1e9:.9f} {copy}"
    host.as_user(OLLAMA_UID, script)
    host.set("calls")
    host.start("sync")
    assert host.calls(cache.STARTED)
    host.start("models")
    assert "was changed" in host.read("/var/log/geusemaker-boot.log")
    assert cache._is_cached(host, cache.ONE)
    host.start("sync")
    host.start("models")
    host.set("calls")
    host.start("sync")
    assert host.calls(cache.STARTED) == []


def test_a_copy_that_ollama_has_touched_stays(host: Host) -> None:
    """So it does when it makes a model from another."""
    copy = host.path(f"{DISK}/{cache.ONE}")
    inode = copy.stat().st_ino
    host.as_user(OLLAMA_UID, f"touch -d 2020-01-01 {DISK}/{cache.ONE}")
    host.start_each("sync", "models")
    assert cache._is_cached(host, cache.ONE)
    assert copy.stat().st_ino == inode


def test_a_blob_that_is_not_what_its_name_says_has_no_copy(host: Host) -> None:
    _run(host, _write_blob(cache.TWO))
    assert not (host.path(DISK) / cache.TWO).exists()


# A stack of before: Ollama was root, and what it has is root's


def _owners(host: Host) -> set[int]:
    folders = ("/srv/geusemaker/data/ollama", DISK)
    return {uid for path, (_, _, uid) in host.owners.items() if path.startswith(folders)}


@pytest.fixture(name="before")
def _before(tmp_path: Path) -> Host:
    """It runs what ran before Ollama had a user of its own, and never ran on Ubuntu 26.04."""
    host = Host(tmp_path, "ubuntu", "24.04")
    host.attach_volume()
    host.name(Bundle(ollama=0, program=host_program(OLDER)))
    host.set("rules-iptables-DOCKER-USER")  # as Docker makes it, which that program waits for
    assert host.boot() == GOOD
    cache._join(host)
    for name in (cache.ONE, cache.TWO):
        cache._blob(host, name)
        host.give(f"{BLOBS}/{name}", 0)
    host.give(BLOBS, 0)
    host.start("models")
    assert _owners(host) == {0}
    return host


def test_what_ollama_has_becomes_its_users_once_while_it_is_stopped(before: Host) -> None:
    before.set("calls")
    before.name(Bundle())
    before.start("sync")
    assert before.record()["state"] == "ready"
    assert _owners(before) == {OLLAMA_UID}
    calls = before.calls("docker compose")
    stopped = calls.index("docker compose stop ollama")
    assert [call.split()[2] for call in calls[stopped:]].count("up") == 1
    assert before.calls("systemctl stop geusemaker-models.service")
    before.start("models")
    assert cache._is_cached(before, cache.ONE)
    # Not once more.
    before.set("calls")
    before.name(Bundle(caddyfile="https://another\n"))
    before.start("sync")
    assert before.calls("docker compose stop") == []


def test_links_that_it_left_as_root_are_taken_over_themselves(before: Host) -> None:
    before.write("/etc/of-root/file", "as it was")
    before.restart()  # without the instance store, so that no mount keeps the folder
    cache_folder = f"{LIB}/model-cache"
    for link, target in {
        f"{BLOBS}/link": "/etc/of-root/file",
        f"{KEPT}/{NEW}": "/etc/of-root/file",
        "/srv/geusemaker/data/ollama/manifests": "/etc/of-root",
    }.items():
        before.path(link).symlink_to(target)
    before.path(f"{cache_folder}/disk").rmdir()
    before.path(f"{cache_folder}/disk").symlink_to("/etc/of-root")
    before.path(cache_folder).chmod(0o777)
    before.name(Bundle())
    before.start_each("data", "efs", "docker")
    assert before.start_all()["services"] == 0, before.reason("services")
    before.start("models")
    assert before.read("/etc/of-root/file") == "as it was"
    assert [p for p in before.owners if p.startswith("/etc/of-root/")] == ["/etc/of-root/file"]
    assert before.owners["/etc/of-root/file"][2] == before.owners["/etc/of-root"][2] == 0
    assert before.owners[cache_folder] == ("d", 0o755, 0)
    assert before.owners[f"{cache_folder}/disk"][0] == "d"
    assert before.owners[f"{BLOBS}/link"][2] == OLLAMA_UID


def test_paths_that_are_longer_than_the_kernel_takes_change_hands_too(before: Host) -> None:
    deep = f"{BLOBS[: BLOBS.rindex('/')]}/deep"
    name = "x" * 200
    script = f"mkdir {deep}; cd -P {deep}; for i in {{1..25}}; do mkdir {name}; cd -P {name}; done"
    before._run(["/bin/bash", "-euc", script])
    before.name(Bundle())
    before.start("sync")
    assert before.record()["running"] == Bundle().sha256
    assert before.owners[deep][2] == OLLAMA_UID


@pytest.mark.parametrize("fault", ["unhealthy", "not stopped"])
def test_what_does_not_come_up_hands_them_back_to_what_ran_before(before: Host, fault: str) -> None:
    new = Bundle(tag="2")
    if fault == "unhealthy":
        before.set("unhealthy", f"{new.image('n8n')}\n")
    else:
        before.late("compose-stop", 1)
    before.name(new)
    before.start("sync")
    record = before.record()
    assert record["state"] == "ready"
    assert record["running"] != new.sha256
    assert _owners(before) == {0}
    assert before.running()["ollama"] == "1"
    before.start("models")
    assert cache._is_cached(before, cache.ONE)
    # And then it comes up after all.
    before.set("unhealthy", "")
    before.start_each("services", "sync", "models")
    assert before.record()["running"] == new.sha256
    assert _owners(before) == {OLLAMA_UID}
    assert cache._is_cached(before, cache.ONE)


def test_an_interrupted_handing_over_is_ended_the_next_time(before: Host) -> None:
    for name in ("", f"/{cache.ONE}"):
        before.give(f"{BLOBS}{name}", OLLAMA_UID)
    before.name(Bundle())
    before.start("sync")
    assert _owners(before) == {OLLAMA_UID}


def test_a_stack_that_has_given_up_ollama_touches_its_folders_no_more(before: Host) -> None:
    before.name(Bundle(services=("caddy", "n8n", "postgres")))
    before.start("sync")
    drop_ins = before.path("/etc/systemd/system/docker.service.d")
    assert (drop_ins / "geusemaker-models.conf").exists()  # its folders are there
    before.name(Bundle(services=("caddy", "n8n", "postgres"), folders=("postgres", "caddy")))
    before.start("sync")
    assert not (drop_ins / "geusemaker-models.conf").exists()


# Streams of programs that run in a container


def test_every_program_in_a_container_has_a_time_limit() -> None:
    asks = ("docker compose exec", "docker compose run")
    lines = [line for line in host_program().splitlines() if any(ask in line for ask in asks)]
    assert len(lines) > 2
    assert [line for line in lines if "timeout " not in line] == []


def test_messages_without_an_end_do_not_fill_the_log(booted: Host) -> None:
    log = booted.path("/var/log/geusemaker-boot.log")
    before = log.stat().st_size
    booted.late("floods-pg_dumpall", 1)
    assert booted.start("dump").returncode == 0
    assert 600 < log.stat().st_size - before < 2000
    assert booted.record()["dump"]


def test_a_pipe_in_the_folder_of_caddy_does_not_hold_the_host_up(booted: Host) -> None:
    booted.shorten_limits()
    booted.late("hangs-caddy", 1)
    booted.name(Bundle(caddyfile="https://another\n"))
    booted.start("sync")
    record = booted.record()
    assert "did not finish checking its Caddyfile in 300 seconds" in record["reason"]
    assert (record["state"], record["running"]) == ("ready", Bundle().sha256)
    booted.start("sync")
    assert booted.record()["running"] != Bundle().sha256


def test_an_ollama_that_never_answers_ends_no_later_than_its_time_limit(booted: Host) -> None:
    booted.shorten_limits()
    booted.late("hangs-ollama", 1)
    booted.name(Bundle(models=("a",)))
    booted.start("sync")
    assert booted.start("models").returncode == 0
    assert booted.record()["model.a"] == "here"


# Folders of other containers


@pytest.mark.parametrize("target", [f"{SECRETS}/postgres", "/etc/nothing"])
def test_a_link_in_the_place_of_a_folder_to_mount_is_refused_by_name(
    booted: Host, target: str
) -> None:
    link = "/srv/geusemaker/efs/n8n/home"
    before = booted.owners[f"{SECRETS}/postgres"]
    booted.as_user(1000, f"ln -s {target} {link}")
    booted.name(Bundle(more_manifest="directory efs n8n/home 1000 0700\n"))
    booted.start("sync")
    record = booted.record()
    assert f"{link} is a symbolic link" in record["reason"]
    assert f"sudo rm {link}" in record["reason"]
    assert record["running"] == Bundle().sha256
    assert booted.owners[f"{SECRETS}/postgres"] == before
    booted.path(link).unlink()
    booted.start_each("services", "sync")
    assert "reason" not in booted.record()
    assert booted.owners[link] == ("d", 0o700, 1000)


def test_a_link_above_it_is_followed_as_the_folders_own_user_only(booted: Host) -> None:
    booted.write("/etc/of-root/file", "as it was")
    booted.as_user(
        1000, "mkdir -p /srv/geusemaker/efs/n8n/a; ln -s /etc/of-root /srv/geusemaker/efs/n8n/b"
    )
    booted.name(Bundle(more_manifest="directory efs n8n/b/home 1000 0700\n"))
    booted.start("sync")
    assert [p for p in booted.owners if p.startswith("/etc/of-root/")] == ["/etc/of-root/file"]


def test_a_data_folder_has_its_owner_and_mode_back(booted: Host) -> None:
    booted.path("/srv/geusemaker/data/postgres").chmod(0o755)
    booted.give("/srv/geusemaker/data/postgres", 0)
    booted.start("services")
    assert booted.owners["/srv/geusemaker/data/postgres"] == ("d", 0o700, 999)
