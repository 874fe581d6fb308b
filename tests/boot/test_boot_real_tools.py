"""The real shellcheck and systemd check the host's files. The tests fail where they are missing."""

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from geusemaker.userdata import HostFacts, bundle_program, render

from .boot_host import FACTS, HERE, LIB, STAND_INS, SYSTEMS, Host
from .workers import booted as start
from .workers import new_head, new_worker

VARIANTS = {
    "two access points": FACTS,
    "one access point": replace(FACTS, access_points={"n8n": "fsap-0123456789abcdef0"}),
    "another place and device": replace(FACTS, data_mount="/data", data_device="/dev/sdp"),
    "a worker": replace(FACTS, data_volume_id="", status_parameter="", reports="a-bucket"),
}
START = 'main "$@"\n'


def tool(command: str, package: str) -> str:
    found = shutil.which(command, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    assert found is not None, (
        f"{command} is missing. These tests run it: install the package {package}, or all by "
        "scripts/test_packages.sh."
    )
    return found


def shellcheck(*arguments: str, text: str | None = None) -> str:
    command = [tool("shellcheck", "shellcheck"), "--norc", *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("facts", VARIANTS.values(), ids=VARIANTS)
def test_shellcheck_accepts_the_script_with_the_bundles_part(facts: HostFacts) -> None:
    script = render(facts)
    assert script.endswith(START)
    # As they run together: each uses functions and settings of the other.
    whole = script.removesuffix(START) + bundle_program(facts.role) + START
    # A definition that a later part replaces counts as code that never runs.
    replaced = ["--exclude=SC2317"] if facts.role == "worker" else []
    assert shellcheck(*replaced, "-", text=whole) == ""


def test_shellcheck_accepts_the_script_with_the_part_of_a_host_with_workers() -> None:
    whole = render(FACTS).removesuffix(START) + bundle_program(queue=True) + START
    assert shellcheck("--exclude=SC2317", "-", text=whole) == ""


def test_the_scripts_and_the_unit_that_workers_bring(tmp_path: Path) -> None:
    worker = start(new_worker(tmp_path / "worker"))
    head = start(new_head(tmp_path / "head"))
    for script in (worker.path(f"{LIB}/leave"), head.path(f"{LIB}/closed")):
        assert shellcheck(str(script)) == ""
    units = _units(worker, tmp_path / "units")
    assert "geusemaker-leave.service" in {unit.name for unit in units}
    result = _verify(units)
    said = [line for line in result.stderr.splitlines() if "geusemaker" in line]
    assert (result.returncode, said) == (0, [])


@pytest.mark.parametrize("name", ["restore-models", "wall"])
def test_shellcheck_accepts_the_scripts_that_docker_runs_before_its_start(
    booted: Host, name: str
) -> None:
    assert shellcheck(str(booted.path(f"{LIB}/{name}"))) == ""


def test_shellcheck_reports_an_error() -> None:
    assert "SC2086" in shellcheck("-", text="#!/bin/bash\necho $1\n")


def test_shellcheck_accepts_the_scripts_of_the_tests() -> None:
    files = [path for path in STAND_INS.iterdir() if path.name != "ip6tables"]
    files += [HERE / "enter.sh", HERE.parents[1] / "scripts" / "test_packages.sh"]
    found = shellcheck("--exclude=SC1091,SC2012,SC2013,SC2016,SC2034,SC2154", *map(str, files))
    assert found == ""


def _verify(units: list[Path]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [tool("systemd-analyze", "systemd"), "verify", "--man=no", *map(str, units)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{units[0].parent}:/usr/lib/systemd/system"},
    )


def _units(host: Host, folder: Path) -> list[Path]:
    """The unit files, with the program's path on this machine, which systemd checks."""
    folder.mkdir()
    program = "/usr/local/lib/geusemaker/host"
    for unit in host.path("/etc/systemd/system").glob("geusemaker*"):
        text = unit.read_text(encoding="utf-8")
        text = text.replace(program, str(host.path(program)))
        (folder / unit.name).write_text(text, encoding="utf-8")
    return sorted(folder.iterdir())


@pytest.mark.parametrize(("os_id", "version"), SYSTEMS)
def test_systemd_accepts_every_unit_file(tmp_path: Path, os_id: str, version: str) -> None:
    host = Host(tmp_path / "host", os_id, version)
    host.cloud_init()
    units = _units(host, tmp_path / "units")
    assert len(units) == 8 + 3 + 2 + 1  # steps, what runs later, its timers, the target
    result = _verify(units)
    said = [line for line in result.stderr.splitlines() if "geusemaker" in line]
    assert (result.returncode, said) == (0, [])


def test_systemd_reports_an_error(tmp_path: Path) -> None:
    host = Host(tmp_path / "host")
    host.cloud_init()
    units = _units(host, tmp_path / "units")
    timer = next(unit for unit in units if unit.name == "geusemaker-sync.timer")
    timer.write_text(timer.read_text().replace("OnCalendar=*-*-* *:*:00", "OnCalendar=never"))
    assert "never" in _verify(units).stderr


@pytest.mark.parametrize("name", ["geusemaker", "geusemaker-wall"])
def test_systemd_accepts_the_drop_ins_of_docker(booted: Host, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "units"
    (folder / "docker.service.d").mkdir(parents=True)
    (folder / "docker.service").write_text("[Service]\nExecStart=/bin/true\n")
    drop_in = f"docker.service.d/{name}.conf"
    (folder / drop_in).write_text(booted.read(f"/etc/systemd/system/{drop_in}"))
    result = _verify([folder / "docker.service"])
    said = [line for line in result.stderr.splitlines() if "docker.service" in line]
    assert (result.returncode, said) == (0, [])


def test_logrotate_rotates_the_log_while_it_is_written(booted: Host, tmp_path: Path) -> None:
    log = tmp_path / "boot.log"
    rules = tmp_path / "rules"
    rules.write_text(
        booted.read("/etc/logrotate.d/geusemaker").replace("/var/log/geusemaker-boot.log", str(log))
    )
    rules.chmod(0o644)
    log.write_text("x" * (11 << 20))
    with log.open("a") as writer:
        command = [tool("logrotate", "logrotate"), "--state", str(tmp_path / "state"), str(rules)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        writer.write("after\n")
    assert (result.returncode, result.stderr) == (0, "")
    assert log.read_text() == "after\n"
    assert [path.name for path in tmp_path.glob("boot.log.*")] == ["boot.log.1.gz"]


def test_e2fsck_reports_an_unsupported_feature_in_the_words_that_the_script_expects(
    tmp_path: Path,
) -> None:
    disk = tmp_path / "disk"
    with disk.open("wb") as blank:
        blank.truncate(8 << 20)
    mkfs, debugfs, e2fsck = (tool(name, "e2fsprogs") for name in ("mkfs.ext4", "debugfs", "e2fsck"))
    subprocess.run([mkfs, "-q", str(disk)], check=True)
    # A feature that this machine's tools do not know.
    subprocess.run([debugfs, "-w", "-R", "feature FEATURE_R30", str(disk)], check=True)
    result = subprocess.run([e2fsck, "-p", str(disk)], capture_output=True, text=True, check=False)
    assert result.returncode == 8
    assert "unsupported feature" in result.stdout + result.stderr
    assert "unsupported feature" in render(FACTS)


def test_the_packages_that_these_tests_need_are_installed_by_the_script() -> None:
    script = HERE.parents[1] / "scripts" / "test_packages.sh"
    assert "need shellcheck shellcheck\n" in script.read_text()
    assert "need systemd systemd-analyze\n" in script.read_text()
    assert "need iptables iptables\n" in script.read_text()
