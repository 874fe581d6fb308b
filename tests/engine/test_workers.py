"""Workers on the genuine engine: what each change replaces, and that host and data stay."""

import json
from pathlib import Path
from typing import Any

import pytest

from geusemaker import userdata

from .door import Door

NEWER = "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20261120"
GROUP = "geusemaker-workers-group-of-hosts"
TEMPLATE = "geusemaker-workers-template"
SCRIPT = "geusemaker-workers-user-data"
HOST = "geusemaker-compute-host"
HOST_AND_DATA = ("instanceId", "dataVolumeId", "fileSystemId", "vpcId", "subnetIds", "stackId")
IN_PLACE = {"create", "update", "delete"}


class Stack:
    """The stack of a module, and its group of workers."""

    def __init__(self, door: Door) -> None:
        self.door = door

    @property
    def group(self) -> dict[str, Any]:
        (shown,) = self.door.client("autoscaling").describe_auto_scaling_groups(
            AutoScalingGroupNames=[self.door.outputs()["workersGroup"]]
        )["AutoScalingGroups"]
        return dict(shown)

    @property
    def workers(self) -> dict[str, dict[str, Any]]:
        """The group's instances by id, as EC2 shows them."""
        ids = [one["InstanceId"] for one in self.group["Instances"]]
        shown = self.door.client("ec2").describe_instances(InstanceIds=ids)["Reservations"]
        return {one["InstanceId"]: one for found in shown for one in found["Instances"]}

    def versions(self) -> set[str]:
        """Versions of the template that the workers were launched from."""
        return {one["LaunchTemplate"]["Version"] for one in self.group["Instances"]}

    def refreshes(self) -> list[str]:
        """What became of each instance refresh of the group, the newest first."""
        shown = self.door.client("autoscaling").describe_instance_refreshes(
            AutoScalingGroupName=self.group["AutoScalingGroupName"]
        )["InstanceRefreshes"]
        return [one["Status"] for one in shown]

    def names(self) -> dict[str, list[str]]:
        """The records of the private zone, without the one and only label of each."""
        route53 = self.door.client("route53")
        (zone,) = [
            one
            for one in route53.list_hosted_zones()["HostedZones"]
            if one["Name"].endswith(".geusemaker.internal.")
        ]
        shown = route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]
        return {
            one["Name"].partition(".")[0]: [record["Value"] for record in one["ResourceRecords"]]
            for one in shown
            if one["Type"] == "A"
        }

    def private_ip(self) -> str:
        host = self.door.outputs()["instanceId"]
        shown = self.door.client("ec2").describe_instances(InstanceIds=[host])["Reservations"]
        return str(shown[0]["Instances"][0]["PrivateIpAddress"])

    def kept(self) -> dict[str, Any]:
        """What no change of workers may replace."""
        outputs = self.door.outputs()
        return {name: outputs[name] for name in HOST_AND_DATA}


@pytest.fixture(scope="module")
def stack(door: Door) -> Stack:
    door.up()
    return Stack(door)


def of_workers(steps: dict[str, str]) -> dict[str, str]:
    return {name: op for name, op in steps.items() if name.startswith("geusemaker-workers")}


def of_settings(name: str) -> bool:
    """Whether a resource is the bundle of the host, its pointer, or what guards them."""
    return name.startswith(("geusemaker-compute-settings", "geusemaker-compute-secrets"))


def test_the_first_workers_are_made_and_the_host_gets_other_settings(stack: Stack) -> None:
    door, before = stack.door, stack.kept()
    door.set(workers="2")
    steps = door.steps()
    own = of_workers(steps)
    assert set(own.values()) == {"create"}
    assert {GROUP, TEMPLATE, SCRIPT, "geusemaker-workers-leave"} <= own.keys()
    others = {name: op for name, op in steps.items() if name not in own}
    assert {name for name in others if not of_settings(name)} <= {"geusemaker"}
    assert set(others.values()) <= IN_PLACE
    door.up()
    assert stack.kept() == before
    workers = stack.workers.values()
    assert {one["InstanceType"] for one in workers} == {"m6i.xlarge"}
    assert {one["ImageId"] for one in workers} == {door.outputs()["amiId"]}
    assert len({one["Placement"]["AvailabilityZone"] for one in workers}) == 2
    assert stack.names().keys() == {"head", "postgres", "qdrant", "crawl4ai", "ollama"}
    assert set(map(tuple, stack.names().values())) == {(stack.private_ip(),)}
    door.pulumi("preview", "--expect-no-changes")
    door.refresh()


def test_more_workers_are_added_and_a_newer_image_changes_nothing(stack: Stack) -> None:
    door, first, before = stack.door, stack.workers, stack.kept()
    door.release(NEWER)
    door.pulumi("preview", "--expect-no-changes")
    door.set(workers="5")
    assert door.steps() == {GROUP: "update"}
    door.up()
    assert len(stack.workers) == 5
    assert first.keys() < stack.workers.keys()
    assert stack.refreshes() == []
    assert stack.kept() == before


def test_another_type_replaces_the_workers_and_no_host(stack: Stack) -> None:
    door, old, before = stack.door, stack.workers, stack.kept()
    door.set(workers="2", workerInstanceTypes="m6i.2xlarge,m5.2xlarge")
    steps = door.steps()
    assert steps[GROUP] == "update"
    assert set(steps.values()) <= IN_PLACE
    assert set(of_workers(steps)) == set(steps), "nothing of the host changes"
    door.up()
    assert {one["InstanceType"] for one in stack.workers.values()} == {"m6i.2xlarge"}
    assert not old.keys() & stack.workers.keys()
    assert stack.refreshes() == ["Successful"]
    assert stack.kept() == before


def test_the_number_that_the_load_has_set_survives_an_update(stack: Stack) -> None:
    door, before = stack.door, stack.kept()
    door.set(workers="0", workersMax="4")
    steps = door.steps()
    assert steps[GROUP] == "update"
    assert set(steps.values()) <= IN_PLACE
    door.up()
    # Sizes are the policies' from here on.
    assert len(stack.workers) == 2
    scaling = door.client("autoscaling")
    scaling.set_desired_capacity(
        AutoScalingGroupName=stack.group["AutoScalingGroupName"], DesiredCapacity=3
    )
    door.set(workersMax="6", workerDrainSeconds="60")
    door.up()
    shown = stack.group
    assert (shown["MinSize"], shown["DesiredCapacity"], shown["MaxSize"]) == (0, 3, 6)
    door.refresh()
    assert stack.kept() == before


def test_another_boot_script_makes_another_template_and_replaces_no_data(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    render = userdata.render
    monkeypatch.setattr(userdata, "render", lambda facts: f"{render(facts)}# another one\n")
    steps = stack.door.steps()
    assert steps[TEMPLATE] == steps[GROUP] == "update"
    assert "replace" in steps[SCRIPT]
    # Each host has this script. Its records follow it.
    assert "replace" in steps[HOST]
    assert not {name for name, op in steps.items() if "replace" in op and "storage" in name}


def test_a_move_to_the_newer_image_replaces_host_and_workers_and_no_data(stack: Stack) -> None:
    door, old, before = stack.door, stack.workers, stack.kept()
    versions, refreshes = stack.versions(), stack.refreshes()
    door.set(amiPolicy="latest")
    steps = door.steps()
    assert "replace" in steps[HOST]
    assert of_workers(steps).items() >= {TEMPLATE: "update", GROUP: "update"}.items()
    door.up()
    after = stack.kept()
    assert after.pop("instanceId") != before.pop("instanceId")
    assert after == before
    assert {one["ImageId"] for one in stack.workers.values()} == {door.outputs()["amiId"]}
    assert not old.keys() & stack.workers.keys()
    assert stack.versions().isdisjoint(versions)
    assert stack.refreshes() == ["Successful", *refreshes]
    assert set(map(tuple, stack.names().values())) == {(stack.private_ip(),)}
    door.unset("amiPolicy")
    door.pulumi("preview", "--expect-no-changes")


def test_without_workers_all_of_them_is_gone_and_the_host_stays(
    stack: Stack, tmp_path: Path
) -> None:
    door, before = stack.door, stack.kept()
    door.unset("workers", "workersMax", "workerInstanceTypes", "workerDrainSeconds")
    steps = door.steps()
    own = of_workers(steps)
    assert set(own.values()) == {"delete"}
    assert {name for name in steps.keys() - own.keys() if not of_settings(name)} <= {"geusemaker"}
    assert set(steps.values()) <= IN_PLACE
    calls = tmp_path / "calls.json"
    ran = door.run(
        *("env", f"PULUMI_DEBUG_GRPC={calls}", "pulumi", "up", "--yes", "--skip-preview")
    )
    assert ran.code == 0, str(ran)
    deleted = [
        one["request"]["urn"].rpartition("::")[2]
        for one in map(json.loads, calls.read_text(encoding="utf-8").splitlines())
        if one["method"] == "/pulumirpc.ResourceProvider/Delete"
    ]
    assert GROUP in deleted
    # A hook that goes before its group lets the last workers end without their executions.
    assert "geusemaker-workers-leave" not in deleted
    assert stack.kept() == before
    assert "workersGroup" not in door.outputs()
    left = door.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    assert left == []
    door.pulumi("preview", "--expect-no-changes")
