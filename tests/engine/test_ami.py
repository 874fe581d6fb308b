"""`geusemaker ami` on the genuine engine: fifty newer images, and one decision to move."""

import json
import re
import shlex
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from geusemaker.dlami import load_catalogue

from .door import Door, Ran

BASE = "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04)"
FIRST = f"{BASE} 20260902"
RELEASES = [f"{BASE} {date(2026, 9, 3) + timedelta(days=n):%Y%m%d}" for n in range(50)]
FAILED = 1


def ami(door: Door, *arguments: str, code: int = 0) -> Ran:
    ran = door.run("geusemaker", "ami", *arguments)
    assert ran.code == code, str(ran)
    return ran


def answer(door: Door, *arguments: str) -> Any:
    """The JSON that a command prints."""
    return json.loads(ami(door, *arguments, "--json").out)


def hosts(door: Door) -> list[str]:
    """Every instance that there ever was, ended ones too."""
    return [
        instance["InstanceId"]
        for reservation in door.client("ec2").describe_instances()["Reservations"]
        for instance in reservation["Instances"]
    ]


@pytest.fixture(scope="module")
def stack(door: Door) -> Door:
    door.up()
    return door


def test_a_list_before_any_release_marks_the_stack_as_newest(stack: Door) -> None:
    said = ami(stack, "list").out
    head, *rest = said.splitlines()
    assert re.fullmatch(
        rf"us-east-1, SIMULATED account 000000000000; table of {load_catalogue().as_of} "
        r"\(-?\d+ days old\); 2 API calls",
        head,
    )
    (mine,) = [line for line in rest if line.startswith("> ubuntu")]
    assert mine.split() == [">", "ubuntu-22.04", "base", "x86_64", "2026-09-02", "2027-04-30"]
    assert "> marks stack dev, x86_64, running the newest" in rest
    listed = answer(stack, "list")
    assert listed["apiCalls"] == 2
    assert listed["simulated"] is True
    assert listed["stack"]["runningImageName"] == FIRST
    assert len(answer(stack, "list", "--all")["lines"]) == 40


def test_the_fleet_has_all_stacks_of_this_project_and_needs_no_passphrase(
    stack: Door, tmp_path: Path
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: another\nruntime: python\n")
    stack.pulumi("stack", "init", "elsewhere", "--no-select", "-C", str(tmp_path))
    stack.pulumi("stack", "init", "empty", "--no-select")
    ran = stack.run(
        *("env", "-u", "PULUMI_CONFIG_PASSPHRASE", "geusemaker", "ami", "fleet", "--json")
    )
    stack.pulumi("stack", "rm", "empty", "--yes")
    assert ran.code == 0, str(ran)
    shown = {one["stack"]: one for one in json.loads(ran.out)["stacks"]}
    assert shown.keys() == {"dev", "empty"}
    assert (shown["dev"]["imageName"], shown["dev"]["daysBehind"]) == (FIRST, 0)
    assert shown["dev"]["region"] == "us-east-1"
    assert (shown["empty"]["imageName"], shown["empty"]["problem"]) == (None, None)


def test_fifty_newer_images_replace_nothing_until_the_user_moves(stack: Door) -> None:
    before, outputs = hosts(stack), stack.outputs()
    assert len(before) == 1
    for number, name in enumerate(RELEASES, start=1):
        stack.release(name)
        # Each preview takes seconds: the first, one between, and the last release of all.
        if number in (1, 25, 50):
            told = stack.pulumi("preview", "--expect-no-changes").out
            assert f"A newer image is available: {name}" in told
            assert "`geusemaker ami update`" in told
    stack.up()
    assert stack.outputs() == outputs
    assert hosts(stack) == before

    shown = answer(stack, "show")
    assert shown["imageName"] == FIRST
    assert shown["newerBuilds"] == 50
    assert shown["newestImageName"] == RELEASES[-1]
    assert shown["isNewest"] is False

    config = stack.places.config.read_text()
    refused = ami(stack, "update", code=FAILED).out
    assert "there is no terminal for the confirmation prompt" in refused
    assert stack.places.config.read_text() == config

    said = ami(stack, "update", "--yes").out
    assert f"Old      {FIRST}" in said
    assert f"New      {RELEASES[-1]}" in said
    assert "geusemaker-compute-host (aws:ec2:Instance)" in said
    assert "data volume and file system stay" in said
    assert f"geusemaker:amiName: {RELEASES[-1]} # ami-" in stack.places.config.read_text()
    assert hosts(stack) == before, "writing is not deploying"

    stack.up()
    after = stack.outputs()
    assert after["amiName"] == RELEASES[-1]
    assert len(hosts(stack)) == 2
    for key in ("dataVolumeId", "fileSystemId", "vpcId", "subnetIds", "securityGroupId"):
        assert after[key] == outputs[key]
    stack.pulumi("preview", "--expect-no-changes")
    assert "runs the newest" in ami(stack, "update").out


def test_a_pin_to_what_runs_is_written_with_its_date_and_changes_nothing(stack: Door) -> None:
    running = stack.outputs()
    said = ami(stack, "pin", "--by", "id").out
    assert f"geusemaker:amiId: {running['amiId']}" in said
    written = stack.places.config.read_text()
    assert re.search(
        rf"geusemaker:amiId: {running['amiId']} # {re.escape(running['amiName'])}, built "
        r"\d{4}-\d\d-\d\d, pinned \d{4}-\d\d-\d\d\n",
        written,
    )
    assert "amiName" not in written.replace(running["amiName"], "")
    assert stack.steps() == {}
    assert "is already pinned to" in ami(stack, "pin", "--by", "id").out
    # Pulumi keeps the comment when it writes another key.
    stack.set(dataVolumeGib="100")
    assert f"# {running['amiName']}, built" in stack.places.config.read_text()


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("ami-00000000000000001", "does not show to this account in the Region us-east-1"),
        ("Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 24.04) 20260925", "contradicts"),
    ],
)
def test_a_wrong_pin_writes_nothing_and_its_command_fixes_it(
    stack: Door, image: str, words: str
) -> None:
    before = stack.places.config.read_text()
    said = ami(stack, "pin", image, code=FAILED).out
    assert words in said
    assert said.startswith("IMAGE ")
    assert stack.places.config.read_text() == before
    if found := re.findall(r"`(pulumi config set geusemaker:osType [^`.]+)`", said):
        assert stack.run(*shlex.split(found[0]), "--non-interactive").code == 0
        ami(stack, "pin", image, "--yes")
        assert f"geusemaker:amiName: {image}" in stack.places.config.read_text()
    (look,) = re.findall(r"`(geusemaker ami list [^`]*)`", said)
    assert stack.run(*shlex.split(look)).code == 0
