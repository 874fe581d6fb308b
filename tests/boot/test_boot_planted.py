"""Files that a container puts into its own folders give it no access to root's files.

The container's user plants them. Root must not lose the host's program and n8n's encryption key.
"""

import hashlib
import re
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
    """A host with a cached model, and with files that only root may change."""
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
    """Plants files, and runs every step that reads those folders."""
    before = {path: host.owners[path] for path in (PROGRAM, KEY, SECRETS, "/etc/of-root/file")}
    host.as_user(OLLAMA_UID, script)
    host.start_each("sync", "models", "services", "sync")
    assert host.read(PROGRAM) == host.script
    assert host.read(KEY) == MARKERS["n8n_encryption_key"]
    assert host.read("/etc/of-root/file") == "as it was"
    assert host.path(f"/etc/of-root/{NEW}").read_bytes() == BIG
    assert {path: host.owners[path] for path in before} == before
    assert sorted(path.name for path in host.path("/etc/of-root").iterdir()) == ["file", NEW]
    # No file of root is where a container can read it.
    for folder in (DISK, "/srv/geusemaker/data/ollama"):
        for path in host.path(folder).rglob("*"):
            if path.is_file() and not path.is_symlink():
                assert b"MARKER" not in path.read_bytes(), path
    assert host.record()["state"] == "ready", host.reason("ready")


@pytest.mark.parametrize(
    "targets", [(PROGRAM, "/etc/of-root/file"), ("/etc/of-root/file", PROGRAM)]
)
def test_a_link_in_place_of_a_copy_is_not_written_through(
    host: Host, targets: tuple[str, str]
) -> None:
    links = "; ".join(
        f"ln -s {to} {DISK}/{name}" for to, name in zip(targets, ("new", NEW), strict=True)
    )
    _run(host, f"{links}; {_write_blob()}")
    assert (host.path(DISK) / NEW).read_bytes() == BIG


def test_a_folder_in_place_of_a_copy_is_deleted(host: Host) -> None:
    folders = [f"{DISK}/{name}" for name in ("new", NEW)]
    plant = "; ".join(f"mkdir -p {one}/sub; ln -s /etc/of-root {one}/sub/x" for one in folders)
    _run(host, f"{plant}; {_write_blob()}")
    assert (host.path(DISK) / NEW).read_bytes() == BIG


@pytest.mark.parametrize("target", [KEY, "/etc/of-root/file"])
def test_a_blob_that_becomes_a_link_while_it_is_copied_reveals_nothing(
    host: Host, target: str
) -> None:
    """Between listing and copying, while `sort` runs."""
    swap = f"[[ $* != -rn || ! -s {BLOBS}/{KEYS} ]] || ln -sfn {target} {BLOBS}/{KEYS}"
    host.replace("sort", f'all=$(cat)\n{swap}\nprintf "%s\\n" "$all" | /usr/own/sort "$@"\n')
    _run(host, _write_blob(KEYS))
    assert not (host.path(DISK) / KEYS).exists()


def test_a_link_to_the_key_is_replaced_by_a_copy(host: Host) -> None:
    _run(host, f"rm {DISK}/{cache.ONE}; ln -s {KEY} {DISK}/{cache.ONE}; ln -s {KEY} {BLOBS}/{KEYS}")
    assert cache._is_cached(host, cache.ONE)


def test_a_file_name_of_several_lines_is_neither_a_list_of_blobs_nor_a_command(host: Host) -> None:
    """Its second line has a command in place of a blob's size."""
    command = "PATH[$(touch${IFS}made-by-a-name)]"
    _run(host, f"touch {BLOBS}/$'x\\n1 {command} '{NEW}; {_write_blob()}")
    assert list(host.root.rglob("made-by-a-name")) == []
    assert cache._is_cached(host, cache.ONE)


def test_a_link_to_a_folder_of_root_in_place_of_the_blobs_changes_nothing(host: Host) -> None:
    _run(host, f"mv {BLOBS} {BLOBS}.mine; ln -s /etc/of-root {BLOBS}")
    assert not (host.path(DISK) / NEW).exists()


def test_a_link_to_a_shared_folder_in_place_of_the_blobs_gets_no_file(host: Host) -> None:
    """As after a race: a link of the same name there, a deleted copy, and a replaced folder. On
    another file system the restored files would be copied, and fill the root disk."""
    name, shared = cache.ONE, "/var/for-all"
    host.path(shared).mkdir()
    host.path(shared).chmod(0o1777)
    plant = f"ln -s /model-cache/disk/{name} {shared}/{name}; rm {DISK}/{name}"
    _run(host, f"{plant}; mv {BLOBS} {BLOBS}.mine; ln -s {shared} {BLOBS}")
    assert host.path(f"{shared}/{name}").is_symlink()
    # Once the folder is back, nothing is lost.
    host.as_user(OLLAMA_UID, f"rm {BLOBS}; mv {BLOBS}.mine {BLOBS}")
    host.start_each("services", "models")
    assert cache._is_cached(host, name)


@pytest.mark.parametrize("what", [f"mkfifo {BLOBS}/{NEW}", f"mkdir {BLOBS}/{NEW}"])
def test_a_pipe_or_folder_in_place_of_a_blob_does_not_block(host: Host, what: str) -> None:
    _run(host, what)
    assert cache._is_cached(host, cache.ONE)


def test_the_user_cannot_replace_the_mount_point(host: Host) -> None:
    folder = f"{LIB}/model-cache"
    host.as_user(OLLAMA_UID, f"! mv {folder}/disk {folder}/mine; ! ln -s /etc {folder}/x")
    assert host.owners[folder] == ("d", 0o755, 0)


@pytest.mark.parametrize("same", ["size", "size and time"])
def test_an_overwritten_copy_is_detected_and_replaced(host: Host, same: str) -> None:
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


def test_a_copy_whose_time_ollama_changed_stays(host: Host) -> None:
    """Ollama does so when it creates a model from another."""
    copy = host.path(f"{DISK}/{cache.ONE}")
    inode = copy.stat().st_ino
    host.as_user(OLLAMA_UID, f"touch -d 2020-01-01 {DISK}/{cache.ONE}")
    host.start_each("sync", "models")
    assert cache._is_cached(host, cache.ONE)
    assert copy.stat().st_ino == inode


def test_a_blob_with_another_hash_than_its_name_is_not_copied(host: Host) -> None:
    _run(host, _write_blob(cache.TWO))
    assert not (host.path(DISK) / cache.TWO).exists()


# A stack of an earlier release: Ollama ran as root, which owns its files


def _owners(host: Host) -> set[int]:
    folders = ("/srv/geusemaker/data/ollama", DISK)
    return {uid for path, (_, _, uid) in host.owners.items() if path.startswith(folders)}


@pytest.fixture(scope="module", name="older")
def _older(tmp_path_factory: pytest.TempPathFactory) -> Host:
    """Runs the program from before Ollama had its own user, which never ran on Ubuntu 26.04."""
    host = Host(tmp_path_factory.mktemp("older"), "ubuntu", "24.04")
    host.attach_volume()
    host.name(Bundle(ollama=0, program=host_program(OLDER)))
    host.set("rules-iptables-DOCKER-USER")  # Docker makes it, which that program waits for
    assert host.boot() == GOOD
    cache._join(host)
    for name in (cache.ONE, cache.TWO):
        cache._blob(host, name)
        host.give(f"{BLOBS}/{name}", 0)
    host.give(BLOBS, 0)
    host.start("models")
    assert _owners(host) == {0}
    return host


@pytest.fixture(name="before")
def _before(older: Host, tmp_path: Path) -> Host:
    return older.copy(tmp_path / "host")


def test_ollamas_files_change_owner_once_while_it_is_stopped(before: Host) -> None:
    assert before.update(Bundle())["state"] == "ready"
    assert _owners(before) == {OLLAMA_UID}
    calls = before.calls("docker compose")
    stopped = calls.index("docker compose stop ollama")
    assert [call.split()[2] for call in calls[stopped:]].count("up") == 1
    assert before.calls("systemctl stop geusemaker-models.service")
    before.start("models")
    assert cache._is_cached(before, cache.ONE)
    # Not a second time.
    before.set("calls")
    before.update(Bundle(caddyfile="https://another\n"))
    assert before.calls("docker compose stop") == []


def test_links_that_ollama_left_as_root_change_owner_themselves(before: Host) -> None:
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


def test_paths_longer_than_the_kernels_limit_change_owner_too(before: Host) -> None:
    deep = f"{BLOBS[: BLOBS.rindex('/')]}/deep"
    name = "x" * 200
    script = f"mkdir {deep}; cd -P {deep}; for i in {{1..25}}; do mkdir {name}; cd -P {name}; done"
    before._run(["/bin/bash", "-euc", script])
    assert before.update(Bundle())["running"] == Bundle().sha256
    assert before.owners[deep][2] == OLLAMA_UID


@pytest.mark.parametrize("fault", ["unhealthy", "not stopped"])
def test_a_rollback_gives_the_files_back_to_root(before: Host, fault: str) -> None:
    new = Bundle(tag="2")
    if fault == "unhealthy":
        before.set("unhealthy", f"{new.image('n8n')}\n")
    else:
        before.late("compose-stop", 1)
    record = before.update(new)
    assert record["state"] == "ready"
    assert record["running"] != new.sha256
    assert _owners(before) == {0}
    assert before.running()["ollama"] == "1"
    before.start("models")
    assert cache._is_cached(before, cache.ONE)
    # Then it starts after all.
    before.set("unhealthy", "")
    before.start_each("services", "sync", "models")
    assert before.record()["running"] == new.sha256
    assert _owners(before) == {OLLAMA_UID}
    assert cache._is_cached(before, cache.ONE)


def test_an_interrupted_change_of_owner_is_completed_the_next_time(before: Host) -> None:
    for name in ("", f"/{cache.ONE}"):
        before.give(f"{BLOBS}{name}", OLLAMA_UID)
    before.update(Bundle())
    assert _owners(before) == {OLLAMA_UID}


def test_a_stack_without_ollama_does_not_touch_its_folders(before: Host) -> None:
    before.update(Bundle(services=("caddy", "n8n", "postgres")))
    drop_ins = before.path("/etc/systemd/system/docker.service.d")
    assert (drop_ins / "geusemaker-models.conf").exists()  # its folders are there
    before.update(Bundle(services=("caddy", "n8n", "postgres"), folders=("postgres", "caddy")))
    assert not (drop_ins / "geusemaker-models.conf").exists()


# Output of programs that run in a container


def test_every_program_in_a_container_has_a_time_limit() -> None:
    lines = re.findall(r".*docker compose (?:exec|run).*", host_program())
    assert len(lines) > 2
    assert [line for line in lines if "timeout " not in line] == []


def test_endless_messages_do_not_fill_the_log(booted: Host) -> None:
    log = booted.path("/var/log/geusemaker-boot.log")
    before = log.stat().st_size
    booted.late("floods-pg_dumpall", 1)
    assert booted.start("dump").returncode == 0
    assert 600 < log.stat().st_size - before < 2000
    assert booted.record()["dump"]


def test_a_pipe_in_the_folder_of_caddy_does_not_block_the_host(booted: Host) -> None:
    booted.hang("caddy")
    record = booted.update(Bundle(caddyfile="https://another\n"))
    assert "did not finish checking its Caddyfile in 300 seconds" in record["reason"]
    assert (record["state"], record["running"]) == ("ready", Bundle().sha256)
    assert booted.sync()["running"] != Bundle().sha256


def test_a_command_in_ollama_that_never_ends_is_stopped_by_its_time_limit(booted: Host) -> None:
    booted.hang("ollama")
    booted.update(Bundle(models=("a",)))
    assert booted.start("models").returncode == 0
    assert booted.hung
    assert booted.record()["model.a"] == "here"


# Folders of other containers


@pytest.mark.parametrize("target", [f"{SECRETS}/postgres", "/etc/nothing"])
def test_a_link_in_place_of_a_folder_to_mount_is_refused_by_name(booted: Host, target: str) -> None:
    link = "/srv/geusemaker/efs/n8n/home"
    before = booted.owners[f"{SECRETS}/postgres"]
    booted.as_user(1000, f"ln -s {target} {link}")
    record = booted.update(Bundle(more_manifest="directory efs n8n/home 1000 0700\n"))
    assert f"{link} is a symbolic link" in record["reason"]
    assert f"sudo rm {link}" in record["reason"]
    assert record["running"] == Bundle().sha256
    assert booted.owners[f"{SECRETS}/postgres"] == before
    booted.path(link).unlink()
    booted.start_each("services", "sync")
    assert "reason" not in booted.record()
    assert booted.owners[link] == ("d", 0o700, 1000)


def test_a_link_above_a_folder_is_followed_only_as_the_folders_user(booted: Host) -> None:
    booted.write("/etc/of-root/file", "as it was")
    booted.as_user(
        1000, "mkdir -p /srv/geusemaker/efs/n8n/a; ln -s /etc/of-root /srv/geusemaker/efs/n8n/b"
    )
    booted.update(Bundle(more_manifest="directory efs n8n/b/home 1000 0700\n"))
    assert [p for p in booted.owners if p.startswith("/etc/of-root/")] == ["/etc/of-root/file"]


def test_a_data_folder_gets_its_owner_and_mode_back(booted: Host) -> None:
    booted.path("/srv/geusemaker/data/postgres").chmod(0o755)
    booted.give("/srv/geusemaker/data/postgres", 0)
    booted.start("services")
    assert booted.owners["/srv/geusemaker/data/postgres"] == ("d", 0o700, 999)
