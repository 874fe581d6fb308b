"""`geusemaker deploy` on the genuine engine: every option reaches what is made."""

import contextlib
import fcntl
import json
import os
import pty
import re
import shlex
import shutil
import struct
import subprocess
import termios
from pathlib import Path
from typing import Any

import pytest
import typer.main

from geusemaker.cli.main import app

from .door import MADE, Door, Ran

OTHER = "test_a_named_stack_is_the_one_that_is_deployed_with_os_architecture_and_type"
LOCAL = "test_deploy_local_works_from_any_environment_and_hands_on_no_login"
PROVED = {
    "--stack": OTHER,
    "--region": "test_region_and_config_file_reach_the_resources",
    "--os-type": OTHER,
    "--architecture": OTHER,
    "--ami-type": OTHER,
    "--instance-type": OTHER,
    "--config": "test_region_and_config_file_reach_the_resources",
    "--local": LOCAL,
    "--yes": "test_without_a_yes_nothing_is_written_and_nothing_is_made",
    "--help": "typer's own",
}


def deploy(door: Door, *arguments: str, code: int = 0) -> Ran:
    ran = door.run("geusemaker", "deploy", *arguments)
    assert ran.code == code, str(ran)
    return ran


def host(door: Door, region: str) -> dict[str, Any]:
    """The one instance that runs in a Region, as AWS describes it."""
    found: list[dict[str, Any]] = [
        instance
        for reservation in door.client("ec2", region).describe_instances()["Reservations"]
        for instance in reservation["Instances"]
        if instance["State"]["Name"] == "running"
    ]
    (running,) = found
    return running


def image_name(door: Door, region: str, image_id: str) -> str:
    (image,) = door.client("ec2", region).describe_images(ImageIds=[image_id])["Images"]
    return str(image["Name"])


@pytest.mark.parametrize("name", ["deploy", "up"])
def test_every_option_has_a_test(name: str) -> None:
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    options = {option for one in command.params for option in one.opts if option[:2] == "--"}
    assert options | {"--help"} == set(PROVED)
    here = (
        Path(__file__).read_text() + Path(__file__).with_name("test_local_command.py").read_text()
    )
    for proof in set(PROVED.values()) - {"typer's own"}:
        assert f"def {proof}(" in here


def test_without_a_yes_nothing_is_written_and_nothing_is_made(door: Door) -> None:
    before = door.places.config.read_bytes()
    said = deploy(door, "--os-type", "ubuntu-24.04", code=1).out
    assert "there is no terminal for the confirmation prompt" in said
    assert f"Preview: {MADE} to create" in said
    assert door.places.config.read_bytes() == before
    assert door.resources() == []


def test_region_and_config_file_reach_the_resources(door: Door, tmp_path: Path) -> None:
    file = tmp_path / "requests.yaml"
    file.write_text("osType: amazon-linux-2023\ndataVolumeGib: 40\ntags:\n  team: ml\n")
    said = deploy(door, "--yes", "--region", "eu-west-1", "--config", str(file)).out
    assert re.search(r"^eu-west-1, SIMULATED account 000000000000, stack dev$", said, re.MULTILINE)
    made = host(door, "eu-west-1")
    assert "(Amazon Linux 2023)" in image_name(door, "eu-west-1", made["ImageId"])
    outputs = door.outputs()
    (volume,) = door.client("ec2", "eu-west-1").describe_volumes(
        VolumeIds=[outputs["dataVolumeId"]]
    )["Volumes"]
    assert volume["Size"] == 40
    assert {"Key": "team", "Value": "ml"} in volume["Tags"]
    # A plain `pulumi up` afterwards means the same.
    door.pulumi("preview", "--expect-no-changes")
    config = json.loads(door.pulumi("config", "--json").out)
    assert config["aws:region"]["value"] == "eu-west-1"
    assert config["geusemaker:osType"]["value"] == "amazon-linux-2023"
    assert config["geusemaker:architecture"]["value"] == "x86_64"

    file.write_text("osType: ubuntu-24.04\n")
    said = deploy(door, "--config", str(file), code=1).out
    assert "`pulumi config rm geusemaker:osType` lets the file decide" in said
    assert "Preview: no changes" in said
    door.pulumi("destroy", "--yes")
    door.unset("osType", "architecture", "amiType", "dataVolumeGib", "tags")
    door.pulumi("config", "set", "aws:region", "us-east-1")


def test_a_named_stack_is_the_one_that_is_deployed_with_os_architecture_and_type(
    door: Door,
) -> None:
    options = (
        *("--os-type", "ubuntu-24.04", "--architecture", "arm64", "--ami-type", "pytorch"),
        *("--instance-type", "m7g.xlarge"),
    )
    said = deploy(door, "--stack", "other", "--yes", *options, code=1).out
    (command,) = re.findall(r"`(pulumi stack init[^`]*)`", said)
    assert door.run(*shlex.split(command), "--no-select", "--non-interactive").code == 0
    deploy(door, "--stack", "other", "--yes", *options)
    assert door.outputs() == {}, "of the selected stack"
    made = host(door, "us-east-1")
    assert made["Architecture"] == "arm64"
    assert made["InstanceType"] == "m7g.xlarge"
    assert image_name(door, "us-east-1", made["ImageId"]) == (
        "Deep Learning ARM64 AMI OSS Nvidia Driver GPU PyTorch 2.12 (Ubuntu 24.04) 20260724"
    )
    other = json.loads(door.pulumi("stack", "output", "--json", "--stack", "other").out)
    assert other["instanceId"] == made["InstanceId"]
    door.pulumi("preview", "--expect-no-changes", "--stack", "other")
    door.pulumi("destroy", "--yes", "--stack", "other")


def test_what_never_was_is_refused_and_the_printed_command_deploys(door: Door) -> None:
    before = door.places.config.read_bytes()
    said = deploy(door, "--yes", "--architecture", "x86_64", "--ami-type", "tensorflow", code=1).out
    assert door.places.config.read_bytes() == before
    (command, *_) = re.findall(r"`(geusemaker deploy[^`]*)`", said)
    assert command == "geusemaker deploy --architecture x86_64 --ami-type pytorch --yes"
    assert door.run(*shlex.split(command)).code == 0
    assert host(door, "us-east-1")["Architecture"] == "x86_64"


def test_over_the_quota_the_end_of_the_command_says_whom_to_ask(door: Door) -> None:
    door.set(instanceType="p5.48xlarge", amiType="base", osType="ubuntu-24.04")
    said = deploy(door, "--yes", code=1).out
    last = said.strip().splitlines()[-1]
    assert "VcpuLimitExceeded" in last
    assert "L-417A185B" in last
    assert "- amiId" not in said, "a wall of removed outputs"
    (command, *_) = re.findall(r"`(geusemaker deploy --instance-type[^`]*)`", last)
    assert door.run(*shlex.split(command)).code == 0


def on_terminal(door: Door, *command: str) -> Ran:
    """Runs a command on a terminal of 80 columns; the output is without control sequences."""
    program = shutil.which(command[0], path=door.env["PATH"])
    assert program is not None
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 80, 0, 0))
    # In CI, Pulumi would draw nothing.
    env = {**door.env, "PULUMI_DISABLE_CI_DETECTION": "true", "TERM": "xterm"}
    with subprocess.Popen(
        [program, *command[1:]],
        cwd=door.places.project,
        env=env,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as child:
        os.close(theirs)
        found = b""
        with contextlib.suppress(OSError):  # Linux's end of a terminal
            while part := os.read(ours, 65536):
                found += part
        os.close(ours)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", found.decode().replace("\r\n", "\n"))
    return Ran(child.returncode, text)


def test_on_a_terminal_remarks_are_shown_once_and_the_fix_is_last(door: Door) -> None:
    door.set(instanceType="p5.48xlarge", amiType="base", osType="ubuntu-24.04")
    ran = on_terminal(door, "geusemaker", "deploy", "--yes")
    assert ran.code == 1, str(ran)
    assert "─ aws:ec2:Instance" in ran.out, "Pulumi's tree"
    assert ran.out.count("published vulnerabilities") == 1
    assert "- amiId" not in ran.out
    whole = " ".join(ran.out.split())
    assert "AWS did not start a host of type p5.48xlarge" in whole.partition("Duration:")[2]
