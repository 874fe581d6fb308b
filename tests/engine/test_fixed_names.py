"""What holds a name that can change replaces no host: the stack's own, and its parameters'."""

from collections.abc import Iterator

import pytest

from .door import Door, make_project
from .test_previous_state import import_record

ROLES = ("settings", "status", "credentials")


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    opened = Door(make_project(tmp_path_factory.mktemp("clone") / "project"))
    opened.up()
    yield opened
    opened.close()


def test_another_name_of_the_stack_changes_tags_in_place_and_nothing_else(deployed: Door) -> None:
    before = deployed.outputs()
    deployed.pulumi("stack", "rename", "renamed", "--stack", "dev")
    try:
        deployed.pulumi("stack", "select", "renamed")
        steps = deployed.steps("--stack", "renamed")
        assert set(steps.values()) == {"update"}, steps
        assert "geusemaker-compute-host" in steps, "its tags name the stack"
        assert "geusemaker-compute-user-data" not in steps
        deployed.pulumi("up", "--yes", "--skip-preview", "--stack", "renamed")
    finally:
        deployed.pulumi("stack", "rename", "dev", "--stack", "renamed")
    deployed.pulumi("stack", "select", "dev")
    assert deployed.outputs() == before
    (volume,) = deployed.client("ec2").describe_volumes(VolumeIds=[before["dataVolumeId"]])[
        "Volumes"
    ]
    tags = {tag["Key"]: tag["Value"] for tag in volume["Tags"]}
    assert tags["geusemaker:stack"] == "renamed"
    assert tags["geusemaker:id"] == before["stackId"], "by which it is still found"


def test_lost_parameters_come_back_under_their_names_and_replace_nothing(deployed: Door) -> None:
    deployed.up()
    before = deployed.outputs()
    ssm = deployed.client("ssm")
    names = {role: before[f"{role}Parameter"] for role in ROLES}
    assert names == {role: f"/geusemaker/{before['stackId']}/{role}" for role in ROLES}
    values = _values(deployed, names)
    for name in names.values():
        ssm.delete_parameter(Name=name)
    deployed.pulumi("up", "--refresh", "--yes", "--skip-preview")
    assert deployed.outputs() == before
    assert _values(deployed, names) == values
    deployed.pulumi("preview", "--expect-no-changes")


def test_an_older_stack_keeps_the_names_that_its_parameters_have(door: Door) -> None:
    """Another name would be another parameter: new secrets' place, and a host to match."""
    import_record(door, "host-public")
    before = door.outputs()
    steps = door.steps(but_tags=True)
    assert steps["geusemaker-id"] == "create"
    for parameter in ("compute-status", "identity-credentials"):
        assert f"geusemaker-{parameter}" not in steps
    assert steps["geusemaker-compute-settings"] == "update", "it names another bundle"
    assert before["credentialsParameter"].startswith("geusemaker-identity-credentials-")


def _values(door: Door, names: dict[str, str]) -> dict[str, str]:
    ssm = door.client("ssm")
    return {
        role: ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
        for role, name in names.items()
    }
