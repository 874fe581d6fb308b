"""What holds a name that can change replaces no host: the stack's own, and its parameters'."""

from .door import Door

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


def _values(door: Door, names: dict[str, str]) -> dict[str, str]:
    ssm = door.client("ssm")
    return {
        role: ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
        for role, name in names.items()
    }
