"""The boot script with the facts of a worker: no data volume, and a report of its own."""

from pathlib import Path

from .boot_host import GOOD, INSTANCE, LIB, STEPS, Host

FACTS = {"data_volume_id": "", "status_parameter": "", "reports": "workers-reports"}
DATA = "/srv/geusemaker/data"
OF_VOLUME = ("blkid", "blockdev", "fsck", "mkfs", "resize2fs", "wipefs", "xfs_growfs")


def report(host: Host) -> dict[str, str]:
    """The only object in the bucket of reports."""
    (path,) = (path for path in (host.world / "s3/workers-reports").rglob("*") if path.is_file())
    assert path.name == f"AROAEXAMPLE:{INSTANCE}"
    assert path.parent == host.world / "s3/workers-reports/reports"
    return dict(line.split("=", 1) for line in path.read_text(encoding="utf-8").splitlines())


def test_a_worker_becomes_ready_without_a_volume_and_again_after_a_reboot(tmp_path: Path) -> None:
    host = Host(tmp_path, **FACTS)
    assert host.boot() == GOOD
    assert host.mistakes() == []
    assert DATA in host.mounted()
    assert f"{LIB}/disk {DATA} none bind,nofail,noauto 0 0\n" in host.read("/etc/fstab")
    assert f"AssertPathIsMountPoint={DATA}\n" in host.read(
        "/etc/systemd/system/docker.service.d/geusemaker.conf"
    )
    assert [call for call in host.calls() if call.startswith(OF_VOLUME)] == []
    first = report(host)
    assert (first["state"], first["instance"]) == ("ready", INSTANCE)
    host.restart()
    # From the second boot on, Docker waits for the mounts.
    later = ("data", "efs", *(step for step in STEPS if step not in ("data", "efs")))
    assert set(host.start_each(*later).values()) == {0}
    second = report(host)
    assert second["state"] == "ready"
    assert second["boot"] != first["boot"]


def test_a_worker_reports_nowhere_else(tmp_path: Path) -> None:
    host = Host(tmp_path, **FACTS)
    host.late("s3-put", 1)  # the next report gets through
    host.boot()
    assert report(host)["state"] == "ready"
    assert host.record() == {"state": "unknown"}
    assert host.calls("aws ssm put-parameter") == []


def test_a_worker_whose_disk_cannot_be_mounted_says_so(tmp_path: Path) -> None:
    host = Host(tmp_path, **FACTS)
    host.late("mount-data", 1000)
    statuses = host.boot()
    assert statuses["data"] != 0
    assert report(host)["step"] == "data"
    assert "/var/lib/geusemaker/disk could not be mounted at" in report(host)["reason"]


def test_a_worker_dumps_no_database(tmp_path: Path) -> None:
    host = Host(tmp_path, **FACTS)
    host.cloud_init()
    units = {path.name for path in host.path("/etc/systemd/system").iterdir()}
    assert not {name for name in units if "dump" in name}
    target = host.read("/etc/systemd/system/geusemaker.target")
    assert "\nWants=geusemaker-sync.timer\n\n[Install]\n" in target
