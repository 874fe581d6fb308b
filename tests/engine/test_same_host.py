"""One stack: no other name and no other bytes of the same script replace its host; another boot
script does, on the image that it runs."""

import base64
import gzip
from typing import Any

import pytest

from geusemaker import userdata

from .door import Door

NEWER = "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20261120"
ROLES = ("settings", "status", "credentials")


def test_another_name_of_the_stack_changes_tags_in_place_and_nothing_else(door: Door) -> None:
    door.up()
    before = door.outputs()
    door.pulumi("stack", "rename", "renamed", "--stack", "dev")
    try:
        door.pulumi("stack", "select", "renamed")
        steps = door.steps("--stack", "renamed")
        assert set(steps.values()) == {"update"}, steps
        assert "geusemaker-compute-host" in steps, "its tags name the stack"
        assert "geusemaker-compute-user-data" not in steps
        door.pulumi("up", "--yes", "--skip-preview", "--stack", "renamed")
    finally:
        door.pulumi("stack", "rename", "dev", "--stack", "renamed")
    door.pulumi("stack", "select", "dev")
    assert door.outputs() == before
    (volume,) = door.client("ec2").describe_volumes(VolumeIds=[before["dataVolumeId"]])["Volumes"]
    tags = {tag["Key"]: tag["Value"] for tag in volume["Tags"]}
    assert tags["geusemaker:stack"] == "renamed"
    assert tags["geusemaker:id"] == before["stackId"], "by which it is still found"


def test_lost_parameters_come_back_under_their_names_and_replace_nothing(door: Door) -> None:
    before = door.outputs()
    ssm = door.client("ssm")
    names = {role: before[f"{role}Parameter"] for role in ROLES}
    assert names == {role: f"/geusemaker/{before['stackId']}/{role}" for role in ROLES}
    values = _values(door, names)
    for name in names.values():
        ssm.delete_parameter(Name=name)
    door.pulumi("up", "--refresh", "--yes", "--skip-preview")
    assert door.outputs() == before
    assert _values(door, names) == values
    door.pulumi("preview", "--expect-no-changes")


def test_other_gzip_bytes_of_the_same_script_change_nothing(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another Python build packs the same text otherwise; a colleague's machine is no reason."""
    packed: list[bool] = []
    as_before = userdata.encode

    def otherwise(text: str) -> str:
        other = base64.b64encode(gzip.compress(text.encode(), compresslevel=1, mtime=0)).decode()
        packed.append(other != as_before(text))
        return other

    monkeypatch.setattr(userdata, "encode", otherwise)
    door.pulumi("preview", "--expect-no-changes")
    assert packed == [True]


def test_a_changed_boot_script_replaces_the_host_on_the_kept_image(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = door.outputs()
    door.release(NEWER, root_gib=90)
    as_before = userdata.render

    def changed(*given: Any) -> str:
        return as_before(*given) + "# changed\n"

    monkeypatch.setattr(userdata, "render", changed)
    steps = door.steps()
    assert steps["geusemaker-compute-host"] in ("replace", "create-replacement", "delete-replaced")
    assert "geusemaker-image" not in steps
    door.up()
    after = door.outputs()
    assert after["instanceId"] != before["instanceId"]
    assert after["amiId"] == before["amiId"]
    assert after["dataVolumeId"] == before["dataVolumeId"]


def _values(door: Door, names: dict[str, str]) -> dict[str, str]:
    ssm = door.client("ssm")
    return {
        role: ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
        for role, name in names.items()
    }
