"""The real boot script: boots that succeed, at once or after some tries."""

import subprocess
from pathlib import Path

import pytest

from .boot_host import BOUNDS, EFS_KEY, GOOD, INSTANCE, LIB, STEPS, SYSTEMS, UUID, Host
from .bundles import Bundle

MOUNTS = ["/srv/geusemaker/data", "/srv/geusemaker/efs/backups", "/srv/geusemaker/efs/n8n"]
MKFS = "mkfs.ext4 -q -L geusemaker-data -O ^orphan_file,^metadata_csum_seed"


@pytest.fixture(name="host")
def _host(laid_down: Host) -> Host:
    """A new host, before its first step."""
    return laid_down


@pytest.mark.parametrize(("os_id", "version"), SYSTEMS)
def test_every_system_becomes_ready_with_a_blank_volume(
    tmp_path: Path, os_id: str, version: str
) -> None:
    host = Host(tmp_path, os_id, version)
    host.attach_volume()
    assert host.boot() == GOOD
    assert host.mounted() == MOUNTS
    assert {host.state(step) for step in GOOD} == {"ok"}
    assert host.mistakes() == []
    record = host.record()
    assert (record["state"], record["instance"]) == ("ready", INSTANCE)
    assert record["boot"] == host.read("/proc/sys/kernel/random/boot_id").strip()
    assert record["running"] == record["wanted"] == Bundle().sha256
    assert {k: v for k, v in record.items() if k.startswith("service.")} == {
        f"service.{name}": "healthy" for name in Bundle().services
    }
    assert not {"step", "reason"} & set(record)
    assert host.read(f"{LIB}/current/manifest") == Bundle().manifest


def test_cloud_init_only_installs_and_starts_units_and_does_not_wait(tmp_path: Path) -> None:
    host = Host(tmp_path)
    shown = host.cloud_init()
    assert shown.returncode == 0
    assert host.calls() == [
        "systemctl daemon-reload",
        "systemctl enable geusemaker.target",
        "systemctl start --no-block geusemaker.target",
    ]
    assert "geusemaker host: succeeded" in shown.stdout
    assert host.read("/var/log/geusemaker-boot.log") == shown.stdout


def test_the_script_installs_itself_unchanged_and_executable(host: Host) -> None:
    program = host.path("/usr/local/lib/geusemaker/host")
    assert program.read_bytes() == host.part.read_bytes()
    assert program.read_text().startswith("#!/bin/bash\n")
    assert program.stat().st_mode & 0o777 == 0o755
    assert subprocess.run(["/bin/bash", "-n", str(program)], check=False).returncode == 0


def test_every_installed_script_parses_and_no_partial_file_stays(ready_host: Host) -> None:
    root = ready_host.root
    kept = [path for top in ("etc", "var", "srv", "usr/local") for path in (root / top).rglob("*")]
    files = [path for path in kept if path.is_file()]
    scripts = [path for path in files if path.read_bytes().startswith(b"#!")]
    assert {path.name for path in scripts} == {"host", "restore-models", "wall"}
    for script in scripts:
        assert subprocess.run(["/bin/bash", "-n", str(script)], check=False).returncode == 0
    assert [path for path in files if path.suffix == ".new"] == []


def test_every_unit_runs_an_installed_program_and_may_be_restarted(host: Host) -> None:
    for step in STEPS:
        unit = host.unit(step)
        program, argument = unit["Service"]["ExecStart"].split()
        assert host.path(program).is_file()
        assert argument == step
        # sync tries those two again.
        tried_again = step not in ("services", "ready")
        assert unit["Service"].get("Restart") == ("on-failure" if tried_again else None)
        assert unit["Service"]["Type"] == "forking"  # oneshot may not be restarted on old systemd
        assert unit["Service"]["RemainAfterExit"] == "yes"
        # systemd's default of 90 s is too short for every step.
        assert unit["Service"]["TimeoutStartSec"] == str(BOUNDS.unit_seconds)
        assert unit["Service"]["StandardOutput"] == "journal+console"
        assert unit["Unit"]["PartOf"] == "geusemaker.target"
        assert "cloud-final" not in unit["Unit"]["After"]
    bounds = {"sync": BOUNDS.unit_seconds, "dump": BOUNDS.unit_seconds, "models": 86400}
    for step, seconds in bounds.items():  # a oneshot has none by default
        assert host.unit(step)["Service"]["TimeoutStartSec"] == str(seconds)


def test_the_target_wants_every_unit_and_starts_at_every_boot(host: Host) -> None:
    target = host.read("/etc/systemd/system/geusemaker.target")
    for step in STEPS:
        assert f"geusemaker-{step}.service" in target
    for timer in ("sync", "dump"):
        assert f"geusemaker-{timer}.timer" in target
    assert "WantedBy=multi-user.target" in target


def test_ready_is_ordered_after_every_other_step(host: Host) -> None:
    after = host.unit("ready")["Unit"]["After"].split()
    assert {f"geusemaker-{step}.service" for step in STEPS[:-1]} <= set(after)
    after = host.unit("services")["Unit"]["After"].split()
    assert {f"geusemaker-{step}.service" for step in STEPS[:-2]} <= set(after)
    for step, other in (("docker", "docker"), ("bundle", "geusemaker-docker")):
        assert f"{other}.service" in host.unit(step)["Unit"]["After"].split()
    assert "geusemaker-bundle.service" in host.unit("secrets")["Unit"]["After"].split()


def test_a_blank_volume_is_formatted_once_and_mounted_by_its_uuid(host: Host) -> None:
    host.attach_volume()
    assert host.start_each("data", "data") == {"data": 0}
    assert len(host.calls("mkfs")) == 1
    assert _data_lines(host) == [
        f"UUID={UUID} /srv/geusemaker/data ext4 defaults,nofail,noauto 0 0"
    ]


def _data_lines(host: Host) -> list[str]:
    return [line for line in host.read("/etc/fstab").splitlines() if "geusemaker/data" in line]


def test_other_lines_of_fstab_stay_and_the_efs_lines_use_tls_iam_and_an_access_point(
    host: Host,
) -> None:
    lines = host.read("/etc/fstab").splitlines()
    assert lines[:2] == ["# a comment", "UUID=root-disk / ext4 defaults 0 1"]
    assert lines[3] == (
        "fs-0123456789abcdef0:/ /srv/geusemaker/efs/n8n efs _netdev,noresvport,nofail,"
        "noauto,tls,iam,accesspoint=fsap-0123456789abcdef0 0 0"
    )


@pytest.mark.parametrize("fs_type", ["ext4", "xfs"])
def test_a_volume_with_data_is_mounted_and_grown_but_never_formatted(
    host: Host, fs_type: str
) -> None:
    host.attach_formatted(fs_type)
    assert host.start("data").returncode == 0
    assert host.calls("mkfs") == []
    grow = "resize2fs" if fs_type == "ext4" else "xfs_growfs"
    assert len(host.calls(grow)) == 1
    assert host.by_id.read_bytes() == b"data"


def test_an_older_mkfs_formats_without_a_feature_that_it_does_not_know(host: Host) -> None:
    host.attach_volume()
    host.set("mkfs-is-old")
    assert host.start("data").returncode == 0
    calls = host.calls("mkfs")
    assert len(calls) == 2
    assert calls[0].startswith(MKFS)
    assert " -O " not in calls[1]


@pytest.mark.parametrize(("fs_type", "grow"), [("ext4", "resize2fs"), ("xfs", "xfs_growfs")])
def test_a_file_system_that_cannot_be_grown_is_used_unchanged(
    host: Host, fs_type: str, grow: str
) -> None:
    host.attach_formatted(fs_type)
    host.set(f"{grow}-fails")
    shown = host.start("data")
    assert shown.returncode == 0
    assert "could not be extended" in shown.stdout
    assert host.state("data") == "ok"


@pytest.mark.parametrize("name", ["/dev/xvdf", "/dev/sdf"])
def test_on_xen_the_volume_is_found_by_the_name_of_its_attachment(host: Host, name: str) -> None:
    device = host.attach_volume(host.path(name))
    assert host.start("data").returncode == 0
    assert host.calls("mkfs") == [f"{MKFS} {host.inside(device)}"]


def test_without_a_link_by_id_the_volume_is_found_by_its_serial_number_among_other_disks(
    host: Host,
) -> None:
    host.write("/sys/block/nvme0n1/device/serial", "vol0fffffffffffffff0\n")
    host.write("/sys/block/nvme1n1/device/serial", "vol0123456789abcdef0 \n")
    host.write("/dev/nvme0n1", "the root disk")
    device = host.attach_volume(host.path("/dev/nvme1n1"))
    assert host.start("data").returncode == 0
    assert host.calls("mkfs") == [f"{MKFS} {host.inside(device)}"]


@pytest.mark.parametrize(
    "late",
    [
        ("volume", "mount-data", "docker", "apt-lists", "s3", "ssm-secrets"),
        ("mount-n8n", "docker-answer", "key", "registry", "ssm-settings"),
    ],
    ids=", ".join,
)
def test_each_step_waits_for_what_is_not_available_yet(host: Host, late: tuple[str, ...]) -> None:
    """What different loops wait for, in one boot: the failed step names the missing loop."""
    host.attach_volume()
    for what in late:
        host.late(what, 3)
    assert set(host.start_all().values()) == {0}, host.read("/var/log/geusemaker-boot.log")
    assert host.record()["state"] == "ready"
    left = {what: (host.world / "late" / what).read_text() for what in late}
    assert left == dict.fromkeys(late, "0\n"), "the script did not wait"


def test_an_unavailable_repository_of_the_image_does_not_stop_the_boot(host: Host) -> None:
    host.set("apt-repository-down")
    assert host.start("efs").returncode == 0


@pytest.mark.parametrize(
    ("os_id", "version", "what"),
    [("ubuntu", "22.04", "apt-lock"), ("amzn", "2023", "rpm-lock"), ("amzn", "2", "rpm-lock")],
)
def test_a_held_package_lock_is_waited_for(
    tmp_path: Path, os_id: str, version: str, what: str
) -> None:
    host = Host(tmp_path, os_id, version)
    host.cloud_init()
    host.late(what, 3)
    assert host.start("efs").returncode == 0


def test_an_error_page_in_place_of_the_key_is_not_trusted(host: Host) -> None:
    host.late("bad-key", 2)
    assert host.start("efs").returncode == 0
    assert host.path("/etc/apt/keyrings/efs-utils.gpg").read_bytes() == EFS_KEY


def test_an_armored_key_is_converted_to_the_format_that_apt_expects(host: Host) -> None:
    armour = ["gpg", "--enarmor"]
    armoured = subprocess.run(armour, input=EFS_KEY, check=True, capture_output=True).stdout
    armoured = armoured.replace(b"PGP ARMORED FILE", b"PGP PUBLIC KEY BLOCK")
    host.set("armoured-key", armoured.decode())
    assert host.start("efs").returncode == 0
    assert host.path("/etc/apt/keyrings/efs-utils.gpg").read_bytes() == EFS_KEY


@pytest.mark.parametrize(
    ("version", "repository"), [("22.04", "22.04"), ("24.04", "24.04"), ("26.04", "24.04")]
)
def test_ubuntu_installs_efs_utils_from_the_repository_of_aws_with_its_own_key(
    tmp_path: Path, version: str, repository: str
) -> None:
    host = Host(tmp_path, "ubuntu", version)
    host.cloud_init()
    host.start("efs")
    assert host.read("/etc/apt/sources.list.d/efs-utils.list") == (
        f"deb [signed-by=/etc/apt/keyrings/efs-utils.gpg] "
        f"https://amazon-efs-utils.aws.com/repo/deb/ubuntu/{repository} {repository} main\n"
    )
    settings = host.read("/etc/apt/apt.conf.d/90geusemaker")
    assert settings == 'DPkg::Lock::Timeout "600";\nAcquire::Retries "5";\n'


@pytest.mark.parametrize(("version", "manager"), [("2023", "dnf"), ("2", "yum")])
def test_amazon_linux_installs_efs_utils_from_its_own_repository(
    tmp_path: Path, version: str, manager: str
) -> None:
    host = Host(tmp_path, "amzn", version)
    host.cloud_init()
    host.start("efs")
    assert host.calls(manager) == [f"{manager} -y install amazon-efs-utils"]


def test_each_access_point_of_efs_is_mounted_in_turn(host: Host) -> None:
    host.start("efs")
    assert host.mounted() == ["/srv/geusemaker/efs/backups", "/srv/geusemaker/efs/n8n"]


def test_docker_is_never_installed(host: Host) -> None:
    host.attach_volume()
    assert set(host.start_all().values()) == {0}
    installs = [call for call in host.calls("apt-get") if " install " in f"{call} "]
    assert [call.split()[-1] for call in installs] == ["amazon-efs-utils=3.*"]


def test_on_its_first_boot_a_host_has_docker_before_the_volume_is_attached(host: Host) -> None:
    assert host.start("docker").returncode == 0
    assert host.mounted() == []
    assert host.calls("systemctl enable docker") == ["systemctl enable docker.service"]


def test_after_a_restart_docker_waits_for_the_mounts(booted: Host) -> None:
    booted.restart()
    assert booted.start("docker").returncode == 1
    assert booted.start_each("data", "docker") == {"data": 0, "docker": 1}
    assert set(booted.start_each("data", "efs", *STEPS[:4], *STEPS[-2:]).values()) == {0}
    drop_in = booted.read("/etc/systemd/system/docker.service.d/geusemaker.conf")
    assert "After=geusemaker-data.service geusemaker-efs.service" in drop_in


def test_a_second_run_changes_no_file_and_mounts_nothing_twice(booted: Host) -> None:
    before = _files(booted)
    assert booted.boot() == GOOD
    assert _files(booted) == before
    assert booted.calls("mkfs") == booted.calls("apt-get install") == []
    assert booted.mistakes() == []


def test_the_installed_program_can_be_run_again_manually(host: Host) -> None:
    program = host.path("/usr/local/lib/geusemaker/host")
    before = program.read_bytes()
    assert host.start("data").returncode == 1
    host.part.write_text("", encoding="utf-8")
    host.part = program
    assert host.cloud_init().returncode == 0
    assert program.read_bytes() == before


def test_a_restart_mounts_everything_again_and_formats_nothing(booted: Host) -> None:
    fstab = booted.read("/etc/fstab")
    booted.restart()
    assert set(booted.start_each("data", "efs", *STEPS[:4], *STEPS[-2:]).values()) == {0}
    assert booted.mounted() == MOUNTS
    assert booted.read("/etc/fstab") == fstab
    assert booted.calls("mkfs") == []


def test_another_file_system_on_the_volume_replaces_the_line_in_fstab(booted: Host) -> None:
    booted.restart()
    other = "99999999-2222-3333-4444-555555555555"
    booted.attach_formatted("xfs", other)
    assert booted.start("data").returncode == 0
    assert _data_lines(booted) == [
        f"UUID={other} /srv/geusemaker/data xfs defaults,nofail,noauto 0 0"
    ]


def test_the_line_that_an_older_program_left_in_fstab_is_rewritten(host: Host) -> None:
    host.attach_formatted()
    old = f"UUID={UUID} /srv/geusemaker/data ext4 defaults,nofail 0 2\n"
    host.write("/etc/fstab", f"UUID=root-disk / ext4 defaults 0 1\n{old}")
    assert host.start("data").returncode == 0
    assert _data_lines(host) == [
        f"UUID={UUID} /srv/geusemaker/data ext4 defaults,nofail,noauto 0 0"
    ]


def _files(host: Host) -> dict[str, bytes]:
    kept = ("etc", "usr/local", "srv")
    return {
        str(path): path.read_bytes()
        for top in kept
        for path in (host.root / top).rglob("*")
        if path.is_file()
    }
