"""`geusemaker destroy` of a stack with workers, which are no resources of Pulumi."""

from typing import Any

import pytest

from .deployed import refusal
from .test_destroy import (
    ENI,
    GOES,
    HOST,
    STAYS,
    Aws,
    aws,
    excluded,
    export,
    ids,
    really,
    receipt,
    resource,
    stack,
    without,
)
from .world import World

__all__ = ["aws"]

GROUP, MEMBERS, DISK = "geusemaker-x-workers", ["i-worker-1", "i-worker-2"], "vol-of-worker"


def with_workers() -> list[dict[str, Any]]:
    return [
        *stack(),
        resource("geusemaker:index:Workers", "workers"),
        resource("pulumi:index:Stash", "workers-authority", "s-7", "workers"),
        resource("aws:ec2/securityGroup:SecurityGroup", "workers-group", "sg-2", "workers"),
        resource("aws:autoscaling/group:Group", "workers-group-of-hosts", GROUP, "workers"),
    ]


@pytest.fixture
def account(world: World, aws: Aws) -> Aws:
    """The stack of `aws` with two workers, each with its network interface."""
    world.answers(
        state=export(with_workers()),
        state_after=without({*GOES, "sg-2", "s-7", GROUP}, with_workers()),
    )
    instances = [{"InstanceId": one} for one in MEMBERS]
    aws.answers["describe_auto_scaling_groups"] = {"AutoScalingGroups": [{"Instances": instances}]}
    disks = [{"DeviceName": "/dev/sda1", "Ebs": {"VolumeId": DISK}}]
    shown = {"State": {"Name": "running"}, "BlockDeviceMappings": disks}
    aws.answers["describe_instances"] = {"Reservations": [{"Instances": [shown]}]}
    aws.answers["describe_network_interfaces"] = {
        "NetworkInterfaces": [
            {"NetworkInterfaceId": ENI},
            *(
                {"NetworkInterfaceId": f"eni-{one}", "Attachment": {"InstanceId": one}}
                for one in (HOST, *MEMBERS)
            ),
        ]
    }
    groups = [{"GroupId": one, "GroupName": one} for one in ("sg-1", "sg-2")]
    aws.answers["describe_security_groups"] = {"SecurityGroups": groups}
    return aws


def test_the_workers_go_with_their_group_and_are_no_obstacle(world: World, account: Aws) -> None:
    world.terminal(True)
    said = world.run("destroy").out
    words = f"the host {HOST}, and its workers i-worker-1, i-worker-2, which end first"
    assert words in said
    assert f"Instance               i-worker-2 (with {GROUP})" in said
    (run,) = really(world)
    assert "workers-authority" not in excluded(run), "nothing of the workers is data"


def test_the_receipt_has_each_worker(world: World, account: Aws) -> None:
    found = receipt(world, "--yes")
    assert ids(found, "deleted") == {*GOES, "sg-2", GROUP, *MEMBERS, DISK}
    assert ids(found, "kept") == STAYS


def test_workers_of_a_group_that_could_not_be_deleted_are_left(world: World, account: Aws) -> None:
    world.answers(state_after=without({*GOES, "sg-2", "s-7"}, with_workers()))
    found = receipt(world, "--yes")
    left = {one["id"] for one in found["entries"] if one["isLeft"]}
    assert left == {GROUP, *MEMBERS, DISK}
    assert found["isComplete"] is False


def test_an_interface_of_another_instance_stays_an_obstacle(world: World, account: Aws) -> None:
    listed = account.answers["describe_network_interfaces"]["NetworkInterfaces"]
    listed.append({"NetworkInterfaceId": "eni-9", "Attachment": {"InstanceId": "i-other"}})
    error = world.run("destroy", "--yes", code=1, notes=True).err
    assert "the network interface eni-9, which is in" in error
    assert "eni-i-worker-1" not in error


def test_a_group_that_cannot_be_read_is_a_note_and_its_workers_are_no_obstacle(
    world: World, account: Aws
) -> None:
    account.answers["describe_auto_scaling_groups"] = refusal("x", "AccessDenied", "not for you")
    said = world.run("destroy", "--yes").out
    assert said.partition("Goes:")[0].count(f"note: {GROUP} was not checked: ") == 1
    assert "its workers" not in said


def test_of_many_workers_the_forecast_names_five(world: World, account: Aws) -> None:
    many = [{"InstanceId": f"i-{number}"} for number in range(50)]
    account.answers["describe_auto_scaling_groups"] = {"AutoScalingGroups": [{"Instances": many}]}
    account.answers["describe_network_interfaces"] = {"NetworkInterfaces": []}
    said = world.run("destroy", "--yes").out
    assert "its workers i-0, i-1, i-2, i-3, i-4 and 45 more, which end first" in said
