"""Instance types with an instance store: it has copies of models, never the only ones."""

import hashlib
import os
from pathlib import Path
from typing import Final

import pytest

from geusemaker.bundle.manifest import OLLAMA_UID

from .boot_host import GOOD, LIB, Host
from .bundles import Bundle

MODELS = "/srv/geusemaker/data/ollama/blobs"
KEPT = "/srv/geusemaker/data/ollama-kept"
DISK = f"{LIB}/model-cache/disk"
STARTED = "systemctl start --no-block geusemaker-models.service"
BIG = 2 << 20

SIGNS: Final = {
    f"sha256-{hashlib.sha256(sign * BIG).hexdigest()}": sign for sign in (b"1", b"2", b"3")
}
ONE, TWO, THREE = SIGNS


EITHER: Final = pytest.mark.parametrize(
    "host", ["joined by the image", "a blank disk"], indirect=True
)
"""For tests of mounts, which differ. Copies do not depend on how the disk was found."""


@pytest.fixture(name="host")
def _host(booted: Host, request: pytest.FixtureRequest) -> Host:
    joined = getattr(request, "param", "") == "joined by the image"
    (_join if joined else _blank_disk)(booted)
    return booted


def _join(host: Host) -> None:
    """Mounts the disk as Ubuntu's images do at each boot."""
    host.write("/opt/dlami/nvme/lost+found", "")
    with (host.world / "mounted").open("a", encoding="utf-8") as mounted:
        mounted.write("/opt/dlami/nvme\n")


def _blank_disk(host: Host) -> Path:
    host.write("/sys/block/nvme1n1/device/model", "Amazon EC2 NVMe Instance Storage        \n")
    host.write("/sys/block/nvme0n1/device/model", "Amazon Elastic Block Store              \n")
    return host.attach_volume(host.path("/dev/nvme1n1"), size=0)


def _blob(host: Host, name: str, size: int = BIG, age: int = 0) -> None:
    """A blob as Ollama writes it. With another size, its name is not its hash."""
    if not host.path(MODELS).exists():
        host.path(MODELS).mkdir()
        host.give(MODELS, OLLAMA_UID)
    host.write(f"{MODELS}/{name}", (SIGNS.get(name, b"4") * size).decode())
    os.utime(host.path(f"{MODELS}/{name}"), (1_700_000_000 - age,) * 2)
    host.give(f"{MODELS}/{name}", OLLAMA_UID)


def _is_cached(host: Host, name: str) -> bool:
    """Whether Ollama reads the copy. Copy and original must be complete in any case."""
    blob = host.path(f"{MODELS}/{name}")
    if not blob.is_symlink():
        assert set(blob.read_bytes()) == set(SIGNS[name])
        return False
    # The path in Ollama's container.
    assert blob.readlink() == Path(f"/model-cache/disk/{name}")
    for folder in (host.path(DISK), host.path(KEPT)):
        assert set((folder / name).read_bytes()) == set(SIGNS[name])
        assert (folder / name).stat().st_size == BIG
    return True


def _restart(host: Host, *, stopped: bool = False) -> None:
    """A reboot; with `stopped`, the instance store is another one afterwards."""
    joined = "/opt/dlami/nvme" in host.mounted()
    host.restart()
    if joined:
        _join(host)
    elif stopped:
        for what in ("TYPE", "LABEL"):
            host.path(f"/dev/nvme1n1.{what}").unlink(missing_ok=True)


@EITHER
def test_models_are_copied_while_ollama_runs_and_then_read_from_the_copies(host: Host) -> None:
    _blob(host, ONE)
    _blob(host, TWO)
    _blob(host, f"{THREE}-partial")
    assert host.start_each("sync", "models") == {"sync": 0, "models": 0}
    assert host.calls(STARTED)
    assert _is_cached(host, ONE)
    assert _is_cached(host, TWO)
    assert not host.path(f"{MODELS}/{THREE}-partial").is_symlink()
    log = host.read("/var/log/geusemaker-boot.log")
    assert "2 model files were copied to the instance store" in log
    assert host.record()["state"] == "ready"
    # With nothing to copy, the unit is not started again.
    host.set("calls")
    host.start("sync")
    host.start("models")
    assert host.calls(STARTED) == []
    assert host.calls("mount ") == []
    assert _is_cached(host, ONE)


def test_a_model_that_is_pulled_later_is_copied_too(host: Host) -> None:
    host.start_each("sync", "models")
    host.set("calls")
    host.start("sync")
    assert host.calls(STARTED) == []
    _blob(host, ONE)
    host.start("sync")
    assert host.calls(STARTED) == [STARTED]
    host.start("models")
    assert _is_cached(host, ONE)


def test_a_model_that_ollama_deletes_is_deleted_everywhere(host: Host) -> None:
    _blob(host, ONE)
    _blob(host, TWO)
    host.start("models")
    host.path(f"{MODELS}/{ONE}").unlink()
    host.set("calls")
    host.start("sync")
    assert host.calls(STARTED) == [STARTED]
    host.start("models")
    assert [path.name for path in host.path(KEPT).glob("sha256-*")] == [TWO]
    assert [path.name for path in host.path(DISK).iterdir()] == [TWO]
    assert _is_cached(host, TWO)


@EITHER
@pytest.mark.parametrize("stopped", [False, True], ids=["rebooted", "stopped and started"])
def test_after_a_boot_ollama_has_its_own_files_before_docker_starts_it(
    host: Host, stopped: bool
) -> None:
    _blob(host, ONE)
    host.start("models")
    assert _is_cached(host, ONE)
    _restart(host, stopped=stopped)
    # The mounts come first, then Docker, which starts its containers at once.
    assert host.start_each("data", "efs", "docker") == {"data": 0, "efs": 0, "docker": 0}
    assert not _is_cached(host, ONE)
    assert list(host.path(KEPT).glob("sha256-*")) == []
    assert host.start_all() == {step: status for step, status in GOOD.items() if step != "host"}
    host.start("models")
    assert _is_cached(host, ONE)


def test_another_host_over_the_same_volume_has_the_models(host: Host) -> None:
    """It has no drop-in for Docker yet, and possibly no instance store."""
    _blob(host, ONE)
    host.start("models")
    host.path(f"{LIB}/restore-models").unlink()
    for drop_in in host.path("/etc/systemd/system/docker.service.d").iterdir():
        drop_in.unlink()
    host.path("/sys/block/nvme1n1/device/model").unlink(missing_ok=True)
    host.restart()
    assert host.start_all() == {step: status for step, status in GOOD.items() if step != "host"}
    assert not _is_cached(host, ONE)
    host.start("models")
    assert not _is_cached(host, ONE)


def test_a_deleted_copy_is_made_again(host: Host) -> None:
    _blob(host, ONE)
    host.start("models")
    (host.path(DISK) / ONE).unlink()
    host.start("models")
    assert _is_cached(host, ONE)


def test_the_last_used_models_are_copied_and_others_without_room_stay_on_the_volume(
    host: Host,
) -> None:
    for age, name in enumerate((TWO, ONE, THREE)):
        _blob(host, name, age=age)
    # 1 GiB stays free. There is room for the first and the third. The second lacks one byte.
    enough = (1 << 30) + BIG
    host.set("room", f"{enough} * 1\n{enough - 1} * 1\n{enough // 512} * 512\n")
    assert host.start("models").returncode == 0
    assert [_is_cached(host, name) for name in (TWO, ONE, THREE)] == [True, False, True]
    assert host.record()["state"] == "ready"


def test_a_small_file_is_not_copied(host: Host) -> None:
    size = (1 << 20) - 1
    # With the right hash: a blob with another one is not copied in any case.
    name = f"sha256-{hashlib.sha256(b'4' * size).hexdigest()}"
    _blob(host, name, size=size)
    host.start("models")
    assert not host.path(f"{MODELS}/{name}").is_symlink()


@EITHER
@pytest.mark.parametrize("broken", ["mount-fails", "no such tool"])
def test_without_a_working_cache_models_are_read_from_the_volume(host: Host, broken: str) -> None:
    if broken == "mount-fails":
        host.set("mount-fails")
    else:
        host.without("cp")
    _blob(host, ONE)
    assert host.start("models").returncode == 0
    assert not _is_cached(host, ONE)
    assert host.sync()["state"] == "ready"
    assert "read from the data volume" in host.read("/var/log/geusemaker-boot.log")


def test_models_that_cannot_be_restored_leave_the_host_ready(host: Host) -> None:
    _blob(host, ONE)
    host.start("models")
    (host.path(DISK) / ONE).unlink()
    # A folder, which a file cannot replace.
    host.path(f"{KEPT}/{ONE}").unlink()
    host.path(f"{KEPT}/{ONE}").mkdir()
    assert host.update(Bundle(caddyfile="https://another\n"))["state"] == "ready"
    assert "models could not be restored" in host.read("/var/log/geusemaker-boot.log")


def test_without_an_instance_store_nothing_is_mounted_or_linked(booted: Host) -> None:
    _blob(booted, ONE)
    booted.write("/sys/block/nvme0n1/device/model", "Amazon Elastic Block Store              \n")
    booted.attach_volume(booted.path("/dev/nvme0n1"), size=0)
    booted.start_each("sync", "models")
    assert not _is_cached(booted, ONE)
    assert booted.calls("mount ") == []
    assert booted.calls("mkfs") == []


@pytest.mark.parametrize("what", ["holders/dm-0/name", "nvme1n1p1/size", "TYPE", "signatures"])
def test_a_disk_of_the_instance_store_that_is_in_use_is_not_used(booted: Host, what: str) -> None:
    _blank_disk(booted)
    if "/" in what:
        booted.write(f"/sys/block/nvme1n1/{what}", "1\n")
    else:
        booted.write(f"/dev/nvme1n1.{what}", "xfs\n")
    _blob(booted, ONE)
    booted.start_each("sync", "models")
    assert not _is_cached(booted, ONE)
    assert booted.calls("mkfs") == []


def test_a_disk_that_cannot_be_probed_is_not_used(booted: Host) -> None:
    _blank_disk(booted)
    booted.set("blkid-status", "8")
    _blob(booted, ONE)
    booted.start("models")
    assert booted.calls("mkfs") == []


def test_a_stack_without_ollama_does_not_use_the_instance_store(booted: Host) -> None:
    _blank_disk(booted)
    booted.name(Bundle(services=("caddy", "n8n", "postgres")))
    booted.start_each("sync", "models")
    assert booted.calls("mkfs") == []
    assert booted.calls("mount ") == []
