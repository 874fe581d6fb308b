"""The life of a stack, on the genuine engine."""

from .door import MADE, Door


def test_a_stack_comes_up_stays_as_it_is_and_goes_without_a_trace(door: Door) -> None:
    # As a user and the commands run it: the program in a Python of its own.
    with door.plain():
        preview = door.preview_text()
        assert f"{MADE} to create" in preview
        assert "error" not in preview
        door.up()
        door.pulumi("preview", "--expect-no-changes")
    outputs = door.outputs()
    assert outputs["amiName"] == (
        "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20260902"
    )
    assert outputs["url"] == "https://localhost:8443"

    (host,) = [
        instance
        for reservation in door.client("ec2").describe_instances()["Reservations"]
        for instance in reservation["Instances"]
    ]
    assert host["InstanceId"] == outputs["instanceId"], "boto3 sees the same account"
    assert host["State"]["Name"] == "running"
    assert len(door.resources()) > 10

    door.refresh()
    door.pulumi("preview", "--expect-no-changes")

    with door.plain():
        door.pulumi("destroy", "--yes")
    assert door.resources() == []


def test_another_network_is_refused_at_preview_and_the_old_one_goes_on(door: Door) -> None:
    door.up()
    before = sorted(door.resources())
    door.set(vpcCidr="10.99.0.0/16")
    refused = door.pulumi("preview", code=1).out
    assert "`pulumi config set geusemaker:vpcCidr 10.42.0.0/16`" in refused
    door.pulumi("up", "--yes", "--skip-preview", code=1)
    assert sorted(door.resources()) == before
    door.unset("vpcCidr")
    door.pulumi("preview", "--expect-no-changes")


def test_a_third_zone_adds_to_the_two_and_changes_nothing_else(door: Door) -> None:
    door.set(availabilityZoneCount="3")
    steps = door.steps()
    assert set(steps.values()) == {"create"}, steps
    door.up()
    assert len(door.outputs()["subnetIds"]) == 3
    door.unset("availabilityZoneCount")
    assert set(door.steps().values()) == {"delete"}
    door.up()
    door.pulumi("destroy", "--yes")
    assert door.resources() == []
