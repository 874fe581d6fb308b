"""`geusemaker stop` and `start`: for each state of an instance and each error of EC2."""

import boto3
import pytest

from .deployed import Deployed, refusal
from .worker_world import GROUP, Group


def state(host: Deployed) -> str:
    ec2 = boto3.client("ec2", region_name="us-east-1")
    printed = ec2.describe_instances(InstanceIds=[host.id])
    return printed["Reservations"][0]["Instances"][0]["State"]["Name"]


def stopped(host: Deployed) -> Deployed:
    boto3.client("ec2", region_name="us-east-1").stop_instances(InstanceIds=[host.id])
    return host


def test_stop_shows_what_still_costs_and_stops(host: Deployed) -> None:
    host.world.terminal(answer=True)
    said = host.world.run("stop").out
    lines = said.splitlines()
    assert lines[0] == f"us-east-1, stack dev: host {host.id}, m6i.xlarge, running"
    assert "Still costs while it is stopped: its disks (8 GiB, about 0.64 USD a month)" in said
    assert "Elastic IP" not in said, "the stack has none"
    assert lines[-1].startswith("Stopped. `geusemaker start`")
    assert state(host) == "stopped"


def test_an_elastic_ip_goes_on_costing(host: Deployed) -> None:
    host.world.answers(output={"instanceId": host.id, "url": "https://203.0.113.5"})
    host.answers["describe_addresses"] = refusal("DescribeAddresses", "UnauthorizedOperation")
    said = host.world.run("stop", "--yes").out
    assert "and the Elastic IP (about 3.65 USD a month)" in said


@pytest.mark.parametrize("answer", [False, KeyboardInterrupt])
def test_without_consent_nothing_is_stopped(
    host: Deployed, answer: bool | type[BaseException]
) -> None:
    host.world.terminal(answer=answer)
    host.world.run("stop", code=1 if answer is False else 130)
    assert state(host) == "running"


def test_without_a_terminal_the_error_names_yes(host: Deployed) -> None:
    error = host.world.run("stop", code=1).err
    assert "Add --yes to stop it without a prompt" in error
    stopped(host)
    assert "Add --yes to start it without a prompt" in host.world.run("start", code=1).err
    assert state(host) == "stopped"


def test_start_starts_and_names_the_command_that_waits(host: Deployed) -> None:
    stopped(host)
    said = host.world.run("start", "--yes", "--stack", "dev").out
    assert "`geusemaker status --wait --stack dev`" in said
    assert state(host) == "running"


def test_what_is_so_already_is_said_and_done_no_more(host: Deployed) -> None:
    assert "It already runs; nothing was done." in host.world.run("start").out
    stopped(host)
    said = host.world.run("stop").out
    assert "It is already stopped; nothing was done." in said
    assert "Still costs" in said
    assert host.calls("start_instances", "stop_instances") == []


@pytest.mark.parametrize(
    ("command", "name", "printed"),
    [
        ("stop", "pending", "is starting, and EC2"),
        ("stop", "terminated", "is terminated: it was terminated outside Pulumi"),
        ("start", "stopping", "is stopping, and EC2"),
        ("start", "shutting-down", "is shutting-down: it was terminated"),
    ],
)
def test_from_other_states_it_is_refused_with_a_reason(
    host: Deployed, command: str, name: str, printed: str
) -> None:
    host.state(name)
    assert printed in host.world.run(command, "--yes", code=1).err
    assert host.calls("start_instances", "stop_instances") == []


def test_a_host_that_ec2_does_not_know_and_a_stack_without_one(host: Deployed) -> None:
    host.answers["describe_instances"] = refusal("x", "InvalidInstanceID.NotFound")
    error = host.world.run("stop", "--yes", code=1).err
    assert "no longer exists in EC2" in error
    assert "`pulumi up --refresh`" in error
    host.world.answers(output={})
    said = host.world.run("start", "--yes", code=1)
    assert "never deployed, or is destroyed, or its deployment has failed" in said.err
    # After AWS's refusal another `deploy` alone would be refused too.
    assert said.commands == ["geusemaker doctor", "geusemaker deploy"]


@pytest.mark.parametrize(
    ("code", "said", "printed"),
    [
        (
            "VcpuLimitExceeded",
            "You have requested more vCPU capacity than your current vCPU limit of 4 allows",
            "L-1216C47A",
        ),
        (
            "InsufficientInstanceCapacity",
            "We currently do not have sufficient m6i.xlarge capacity in the Availability Zone you "
            "requested (us-east-1a).",
            "in us-east-1a now",
        ),
        (
            "PendingVerification",
            "Your request for accessing resources in this region is being validated.",
            "at most 4 hours",
        ),
    ],
)
def test_a_refused_start_is_explained(host: Deployed, code: str, said: str, printed: str) -> None:
    stopped(host)
    host.answers["start_instances"] = refusal("StartInstances", code, said)
    error = host.world.run("start", "--yes", code=1).err
    assert printed in error
    assert "The host is still stopped; its data is unchanged." in error


def test_a_missing_permission_is_named(host: Deployed) -> None:
    host.answers["stop_instances"] = refusal("StopInstances", "UnauthorizedOperation")
    error = host.world.run("stop", "--yes", code=1).err
    assert "lacks the permission ec2:StopInstances" in error
    stopped(host)
    host.answers["start_instances"] = refusal("StartInstances", "UnauthorizedOperation")
    assert "permission ec2:StartInstances" in host.world.run("start", "--yes", code=1).err


def test_the_way_is_shown_state_by_state(host: Deployed) -> None:
    host.answers["stop_instances"] = lambda **_: host.state("stopping")
    host.later = {12: lambda: host.state("stopped")}
    said = host.world.run("stop", "--yes").out
    assert "  0:00  stopping\n  0:15  stopped\n" in said
    assert host.slept == [5, 5, 5]


def test_a_state_that_does_not_come_is_given_up(host: Deployed) -> None:
    host.answers["stop_instances"] = lambda **_: host.state("stopping")
    error = host.world.run("stop", "--yes", code=1).err
    assert "is still stopping after 10:00, not stopped" in error
    assert sum(host.slept) == 600


def test_a_stop_that_is_under_way_is_waited_for(host: Deployed) -> None:
    host.state("stopping")
    host.later = {5: lambda: host.state("stopped")}
    assert "Stopped." in host.world.run("stop").out
    assert host.calls("stop_instances") == []


def test_a_host_that_stops_again_is_an_error(host: Deployed) -> None:
    stopped(host)
    host.answers["start_instances"] = lambda **_: host.state("pending")
    host.later = {10: lambda: host.state("stopped")}
    error = host.world.run("start", "--yes", code=1).err
    assert "has stopped the host" in error
    assert f"--instance-ids {host.id} --query" in error
    host.answers = {}
    stopped(host)
    host.answers["start_instances"] = lambda **_: host.state("terminated")
    assert "it was terminated outside" in host.world.run("start", "--yes", code=1).err


def test_stop_and_start_work_in_the_simulated_account(host: Deployed) -> None:
    host.world.patch.setenv("GEUSEMAKER_SIMULATED", "1")
    assert "us-east-1, SIMULATED account, stack dev" in host.world.run("stop", "--yes").out
    assert state(host) == "stopped"
    assert "no host boots" in host.world.run("start", "--yes").out
    assert state(host) == "running"


def test_disks_have_no_size_without_the_permission(host: Deployed) -> None:
    host.answers["describe_volumes"] = refusal("DescribeVolumes", "UnauthorizedOperation")
    assert "its disks and the file system" in host.world.run("stop", "--yes").out


def test_an_elastic_ip_that_opens_nothing_goes_on_costing_too(host: Deployed) -> None:
    """In an adopted subnet without public addresses it is the way out alone."""
    ec2 = boto3.client("ec2", region_name="us-east-1")
    made = ec2.allocate_address(Domain="vpc")["AllocationId"]
    ec2.associate_address(AllocationId=made, InstanceId=host.id)
    assert "and the Elastic IP (about 3.65 USD a month)" in host.world.run("stop", "--yes").out


def test_a_host_with_workers_is_not_stopped_before_them(host: Deployed) -> None:
    group = Group(host, 2)
    error = host.world.run("stop", "--yes", code=1, notes=True).err
    assert "Stack dev has 2 workers, which would wait for the host" in error
    assert f"--auto-scaling-group-name {GROUP} --min-size 0 --desired-capacity 0" in error
    group.described["DesiredCapacity"] = 0
    error = host.world.run("stop", "--yes", code=1, notes=True).err
    assert "has 2 workers whose last executions need the host" in error
    assert state(host) == "running"
    group.described["Instances"] = []
    host.world.run("stop", "--yes")
    assert state(host) == "stopped"
    assert "`pulumi up --refresh` starts them again" in host.world.run("start", "--yes").out


def test_a_caller_who_may_not_see_the_workers_may_stop_the_host(host: Deployed) -> None:
    Group(host, 2)
    host.answers["describe_auto_scaling_groups"] = refusal("x", "AccessDenied")
    said = host.world.run("stop", "--yes").out
    assert "workers would wait for it, and cost. Whether any run is unknown: The AWS call" in said
    assert state(host) == "stopped"
    assert "workers" not in host.world.run("start", "--yes").out


def test_a_group_that_was_deleted_has_no_workers_that_wait(host: Deployed) -> None:
    Group(host, 2)
    host.answers["describe_auto_scaling_groups"] = lambda **_: {"AutoScalingGroups": []}
    host.world.run("stop", "--yes")
    assert state(host) == "stopped"
