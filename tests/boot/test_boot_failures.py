"""The real boot script: what it must not do, and what a failure leaves behind."""

import re
import subprocess
from pathlib import Path

import pytest

from .boot_host import MANY, STEPS, Host


@pytest.fixture(name="host")
def _host(laid_down: Host) -> Host:
    return laid_down


def _assert_refused(host: Host, words: str) -> None:
    """The data step fails for the given reason and does not change the volume."""
    before = host.by_id.read_bytes()
    result = host.start("data")
    assert result.returncode == 1
    assert host.state("data") == "failed"
    assert words in host.reason("data")
    assert host.calls("mkfs") == []
    assert host.by_id.read_bytes() == before
    assert host.mounted() == []
    assert "geusemaker/data" not in host.read("/etc/fstab")


def test_a_volume_that_is_never_attached_fails_the_data_step_by_name(host: Host) -> None:
    result = host.start("data")
    assert result.returncode == 1
    assert host.reason("data").startswith("step data failed: volume vol-0123456789abcdef0 was not")
    assert host.reason("ready") == host.reason("data")
    assert "succeeded" not in result.stdout
    assert len(host.calls("blockdev")) == 4 * 3  # tries, times the three names that it may have


def test_no_other_disk_is_used_as_the_data_volume(host: Host) -> None:
    host.write("/sys/block/nvme0n1/device/serial", "vol0fffffffffffffff0\n")
    host.write("/dev/nvme0n1", "")
    host.write("/dev/xvda", "")
    host.write("/dev/sdg", "")
    # On Amazon Linux udev links the names of attachments to the disks of Nitro.
    host.write("/sys/block/nvme1n1/device/serial", "vol0123456789abcdef01\n")
    host.attach_volume(host.path("/dev/nvme1n1"))
    for name in ("sdf", "xvdf"):
        host.path(f"/dev/{name}").symlink_to("nvme1n1")
    assert host.start("data").returncode == 1
    assert host.calls("mkfs") == []


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"blkid-status": "4"}, "blkid cannot tell what is on it (status 4)"),
        ({"blkid-status": "8"}, "status 8"),
        ({"wipefs-fails": ""}, "wipefs cannot read it"),
        ({"signatures": "0x1fe dos\n"}, "holds something other than a file system"),
        ({"TYPE": "LVM2_member"}, "holds LVM2_member"),
        ({"size": "0"}, "not empty"),
    ],
    ids=["unreadable", "two kinds", "no wipefs", "partition table", "LVM", "too few bytes"],
)
def test_a_volume_that_may_hold_data_is_not_changed(
    host: Host, state: dict[str, str], words: str
) -> None:
    device = host.attach_volume(size=int(state.get("size", 32 << 20)))
    for name, text in state.items():
        if name in ("signatures", "TYPE"):
            Path(f"{device}.{name}").write_text(text, encoding="utf-8")
        else:
            host.set(name, text)
    _assert_refused(host, words)


@pytest.mark.parametrize("offset", [4096, (1 << 20) + 1080, (16 << 20) - 1])
def test_a_volume_with_unknown_bytes_is_not_changed_and_the_fix_is_named(
    host: Host, offset: int
) -> None:
    """The second offset is that of an ext4 in a first partition whose table is lost."""
    with host.attach_volume().open("r+b") as volume:
        volume.seek(offset)
        volume.write(b"\x53")
    _assert_refused(host, "has no file system but is not empty")
    assert "wipefs -a" in host.reason("data")


def test_the_named_fix_makes_the_volume_blank(host: Host) -> None:
    device = host.attach_volume()
    device.write_bytes(b"\x53" * (1 << 20))
    _assert_refused(host, "left unchanged")
    (overwrite,) = re.findall(r"dd if=/dev/zero of=(\S+) bs=1M count=16;", host.reason("data"))
    assert overwrite == host.inside(device)
    subprocess.run(
        ["dd", "if=/dev/zero", f"of={device}", "bs=1M", "count=16"], check=True, capture_output=True
    )
    assert host.start("data").returncode == 0
    assert host.state("data") == "ok"


def test_a_failing_mkfs_fails_the_step_and_a_later_try_succeeds(host: Host) -> None:
    host.attach_volume()
    host.set("mkfs-fails")
    assert host.start("data").returncode == 1
    assert "mkfs.ext4" in host.reason("data")
    (host.world / "mkfs-fails").unlink()
    assert host.start("data").returncode == 0
    assert host.state("data") == "ok"


@pytest.mark.parametrize("status", [1, 2, 4, 8])
def test_a_file_system_is_mounted_only_when_its_check_leaves_no_errors(
    host: Host, status: int
) -> None:
    host.attach_formatted()
    host.set("fsck-status", f"{status}\n")
    fixed = status == 1
    assert host.start("data").returncode == (0 if fixed else 1)
    assert host.mounted() == (["/srv/geusemaker/data"] if fixed else [])
    assert host.by_id.read_bytes() == b"data"
    if not fixed:
        assert f"status {status}" in host.reason("data")
        assert "what fsck found" in host.reason("data")
    # After a manual fix the step succeeds.
    host.set("fsck-status", "0\n")
    assert host.start("data").returncode == 0
    assert len(host.calls("fsck -p")) == (1 if fixed else 2)  # never while it is mounted


def test_a_file_system_that_is_too_new_for_fsck_is_mounted(
    host: Host,
) -> None:
    """Amazon Linux 2 with a volume that a newer system formatted: its e2fsck 1.42 refuses it."""
    host.attach_formatted()
    host.set("fsck-status", "8\n")
    host.set("fsck-says", "fsck.ext4: /dev/data has unsupported feature(s): metadata_csum\n")
    assert host.start("data").returncode == 0
    assert host.mounted() == ["/srv/geusemaker/data"]
    assert host.by_id.read_bytes() == b"data"


def test_a_file_system_of_another_volume_at_the_mount_point_fails_the_step(host: Host) -> None:
    host.attach_formatted()
    host.set("other-uuid", "99999999")
    assert host.start("data").returncode == 1
    assert "holds the file system 99999999" in host.reason("data")


def test_a_data_mount_that_keeps_failing_fails_the_step(host: Host) -> None:
    host.attach_formatted()
    host.late("mount-data", MANY)
    assert host.start("data").returncode == 1
    assert "could not be mounted" in host.reason("data")


def test_an_efs_that_never_mounts_fails_by_name_and_plain_nfs_is_not_tried(host: Host) -> None:
    host.late("mount-n8n", MANY)
    assert host.start("efs").returncode == 1
    assert host.mounted() == ["/srv/geusemaker/efs/backups"]
    assert "fs-0123456789abcdef0 in us-west-2 could not be mounted" in host.reason("efs")
    assert "nfs4" not in host.read("/etc/fstab")


def test_a_retried_efs_step_continues_where_it_stopped(host: Host) -> None:
    host.late("mount-n8n", 4)
    assert host.start("efs").returncode == 1
    assert host.start("efs").returncode == 0
    assert host.mistakes() == []
    assert len(host.calls("apt-get install")) == 1


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("apt-lists", "apt could not install amazon-efs-utils in 4 tries"),
        ("apt-lock", "apt could not install amazon-efs-utils in 4 tries"),
        ("key", "no usable signing key"),
        ("bad-key", "no usable signing key"),
    ],
)
def test_packages_that_cannot_be_installed_fail_the_efs_step(
    host: Host, what: str, words: str
) -> None:
    host.late(what, MANY)
    assert host.start("efs").returncode == 1
    assert words in host.reason("efs")
    assert host.mounted() == []


@pytest.mark.parametrize("version", ["2023", "2"])
def test_a_failing_package_manager_of_amazon_linux_fails_the_efs_step(
    tmp_path: Path, version: str
) -> None:
    host = Host(tmp_path, "amzn", version)
    host.cloud_init()
    host.late("rpm-lock", MANY)
    assert host.start("efs").returncode == 1
    assert "could not install amazon-efs-utils" in host.reason("efs")


@pytest.mark.parametrize(
    ("os_id", "version", "words"),
    [("ubuntu", "20.04", "not released for Ubuntu 20.04"), ("debian", "13", "'debian'")],
)
def test_a_system_without_prebuilt_efs_utils_fails_the_efs_step(
    tmp_path: Path, os_id: str, version: str, words: str
) -> None:
    host = Host(tmp_path, os_id, version)
    host.cloud_init()
    assert host.start("efs").returncode == 1
    assert words in host.reason("efs")


@pytest.mark.parametrize("what", ["docker", "docker-answer"])
def test_a_docker_that_does_not_start_fails_its_step(host: Host, what: str) -> None:
    host.late(what, MANY)
    assert host.start("docker").returncode == 1
    assert "docker did not start in 4 tries" in host.reason("docker")


def test_the_message_for_an_image_without_docker_differs_from_a_docker_that_fails(
    host: Host,
) -> None:
    host.without("docker")
    assert host.start("docker").returncode == 1
    assert "needs an AWS Deep Learning AMI" in host.reason("docker")


def test_after_a_failed_step_the_host_is_not_ready_and_the_step_is_named(host: Host) -> None:
    host.attach_volume()
    host.late("docker", MANY)
    assert host.start_all() == {
        **dict.fromkeys(STEPS, 1),
        "gpu": 0,
        "data": 0,
        "efs": 0,
    }
    assert host.state("ready") == "failed"
    record = host.record()
    assert (record["state"], record["step"]) == ("not-ready", "docker")
    assert record["reason"].startswith("docker did not start in 4 tries")


def test_the_host_is_ready_once_the_failed_step_has_recovered(host: Host) -> None:
    host.start_all()
    assert host.state("ready") == "failed"
    host.attach_volume()
    assert host.record()["step"] == "data"
    assert host.start("data").returncode == 0
    assert host.start("sync").returncode == 0
    assert host.state("ready") == "ok"
    assert host.record()["state"] == "ready"


def test_the_success_of_an_earlier_boot_does_not_make_this_one_ready(booted: Host) -> None:
    assert booted.state("ready") == "ok"
    booted.restart()
    assert booted.start("ready").returncode == 1
    assert booted.reason("ready").endswith(
        "in this boot: data efs docker gpu bundle secrets services"
    )


def test_a_step_that_fails_later_makes_the_host_not_ready(booted: Host) -> None:
    booted.set("blkid-status", "8")
    assert booted.start("data").returncode == 1
    assert booted.state("ready") == "failed"


def test_ready_starts_a_docker_that_stopped_again(booted: Host) -> None:
    (booted.world / "docker-runs").unlink()
    assert booted.start("ready").returncode == 0
    (booted.world / "docker-runs").unlink()
    booted.late("docker", MANY)
    assert booted.start("ready").returncode == 1
    assert "docker no longer answers" in booted.reason("ready")


def test_an_unexpected_error_names_the_command_that_failed(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.path("/etc/fstab").unlink()
    before = host.cloud_init()
    assert before.returncode != 0
    assert host.state("host") == "failed"
    assert "step host failed: line" in host.reason("host")
    assert host.calls("systemctl") == []  # nothing is started on an incomplete host
    assert host.record()["step"] == "host"
    assert not host.path("/etc/fstab").exists()


def test_an_unknown_step_is_refused_with_the_known_ones(host: Host) -> None:
    program = "/usr/local/lib/geusemaker/host"
    result = host._run([program, "nonsense"])
    assert result.returncode == 64
    steps = "host data efs docker gpu bundle secrets services ready sync models dump"
    assert f"one of: {steps}\n" in result.stderr


FAULTS = {
    "data": ("blkid-status", None),
    "efs": (None, "mount-n8n"),
    "docker": (None, "docker-answer"),
    "gpu": (None, "gpu"),
    "bundle": (None, "ssm-settings"),
    "secrets": (None, "ssm-secrets"),
    "services": ("unhealthy", None),
}


@pytest.mark.parametrize("step", FAULTS)
def test_a_failed_step_is_named_in_its_state_and_in_the_record(tmp_path: Path, step: str) -> None:
    """Where a failure depends on the system, there is a test above."""
    host = Host(tmp_path, "amzn", "2023")
    host.attach_volume()
    host.attach_gpu()
    text = {"data": "8", "services": "n8n\n"}.get(step, "")
    is_there, is_late = FAULTS[step]
    if is_there:
        host.set(is_there, text)
    if is_late:
        host.late(is_late, MANY)
    statuses = host.boot()
    assert statuses[step] == statuses["ready"] == 1
    assert host.state(step) == host.state("ready") == "failed"
    assert host.reason(step).startswith(f"step {step} failed: ")
    record = host.record()
    assert (record["state"], record["step"]) == ("not-ready", step)
    assert record["reason"] in host.reason(step)
    assert host.mistakes() == []
