"""A newer image never replaces a running host by itself; a changed request does."""

from collections.abc import Iterator

import pytest

from .door import Door

BASE = "Deep Learning Base OSS Nvidia Driver GPU AMI"
FIRST = f"{BASE} (Ubuntu 22.04) 20260902"
NEWER = f"{BASE} (Ubuntu 22.04) 20261120"
LATEST = f"{BASE} (Ubuntu 22.04) 20261121"
OLDER = f"{BASE} (Ubuntu 22.04) 20260619"
HOST = "geusemaker-compute-host"
REPLACED = {"replace", "create-replacement", "delete-replaced"}


def replaced(door: Door) -> set[str]:
    """Names of what a preview would replace."""
    return {name for name, op in door.steps().items() if op in REPLACED}


def newest(door: Door) -> str:
    """The newest that AWS has of the default line by now; each test may have released one."""
    shown = door.client("ec2").describe_images(
        Filters=[
            {"Name": "name", "Values": [f"{BASE} (Ubuntu 22.04) ????????"]},
            {"Name": "architecture", "Values": ["x86_64"]},
        ]
    )
    return max(str(image["Name"]) for image in shown["Images"])


@pytest.fixture(scope="module")
def stack(door: Door) -> Door:
    door.up()
    door.release(NEWER, root_gib=90)
    return door


@pytest.fixture(autouse=True)
def _as_it_was(stack: Door) -> Iterator[None]:
    yield
    stack.unset("osType", "amiPolicy", "amiId", "amiName")


def test_a_newer_image_with_a_larger_root_changes_nothing_and_is_told(stack: Door) -> None:
    told = stack.pulumi("preview", "--expect-no-changes").out
    assert f"A newer image is available: {NEWER}" in told
    stack.up()
    assert stack.outputs()["amiName"] == FIRST
    stack.refresh()


def test_latest_replaces_the_host_and_keep_does_not_bring_the_old_one_back(stack: Door) -> None:
    stack.release(LATEST)
    assert stack.steps() == {}
    stack.set(amiPolicy="latest")
    assert HOST in replaced(stack)
    stack.up()
    assert stack.outputs()["amiName"] == LATEST
    stack.unset("amiPolicy")
    stack.pulumi("preview", "--expect-no-changes")


def test_a_pin_to_what_runs_changes_nothing_and_neither_does_dropping_it(stack: Door) -> None:
    stack.set(amiName=stack.outputs()["amiName"])
    assert stack.steps() == {}
    stack.up()
    stack.unset("amiName")
    assert stack.steps() == {}


def test_a_pin_to_another_image_replaces_the_host_and_no_data(stack: Door) -> None:
    stack.set(amiName=OLDER)
    gone = replaced(stack)
    assert HOST in gone
    assert not {name for name in gone if "storage" in name or "network" in name}


def test_another_os_replaces_the_host_by_that_oss_image_and_no_data(stack: Door) -> None:
    before = stack.outputs()
    stack.set(osType="ubuntu-24.04")
    assert replaced(stack) == {HOST, "geusemaker-image", "geusemaker-compute-data"}
    stack.up()
    after = stack.outputs()
    assert after["amiName"] == f"{BASE} (Ubuntu 24.04) 20260925"
    assert after["instanceId"] != before["instanceId"]
    for key in ("dataVolumeId", "fileSystemId", "vpcId", "subnetIds"):
        assert after[key] == before[key]
    volumes = stack.client("ec2").describe_volumes(VolumeIds=[after["dataVolumeId"]])["Volumes"]
    assert volumes[0]["Attachments"][0]["InstanceId"] == after["instanceId"]
    stack.pulumi("preview", "--expect-no-changes")

    stack.unset("osType")
    stack.up()
    assert stack.outputs()["amiName"] == newest(stack), "another request is looked up anew"


def test_a_withdrawn_line_stops_no_running_stack(stack: Door) -> None:
    ec2 = stack.client("ec2")
    line = {"Name": "name", "Values": [f"{BASE} (Ubuntu 22.04) ????????"]}
    shown = ec2.describe_images(
        IncludeDeprecated=True,
        Filters=[line, {"Name": "architecture", "Values": ["x86_64"]}],
    )
    running = stack.outputs()["amiId"]
    for image in shown["Images"]:
        if image["Name"] in (NEWER, LATEST):
            ec2.deregister_image(ImageId=image["ImageId"])
    assert "A newer image" not in stack.pulumi("preview", "--expect-no-changes").out
    for image in shown["Images"]:
        if image["Name"] not in (NEWER, LATEST):
            ec2.deregister_image(ImageId=image["ImageId"])
    told = stack.pulumi("preview", "--expect-no-changes").out
    assert "AWS shows no image of this line in the Region any more" in told
    assert running in told
