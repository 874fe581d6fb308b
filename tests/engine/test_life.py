"""The life of a stack, by the plain CLI on the genuine engine."""

from .door import Door


def test_a_stack_comes_up_stays_as_it_is_and_goes_without_a_trace(door: Door) -> None:
    preview = door.preview_text()
    assert "35 to create" in preview
    assert "error" not in preview

    door.up()
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

    door.pulumi("preview", "--expect-no-changes")
    door.pulumi("refresh", "--yes", "--expect-no-changes")
    door.pulumi("preview", "--expect-no-changes")

    door.pulumi("destroy", "--yes")
    assert door.resources() == []
