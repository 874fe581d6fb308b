"""`--host ID` of logs and connect: a worker of the stack, and nothing else."""

import pytest

from geusemaker.host import logs

from .deployed import Deployed, aws, refusal
from .test_connect import Machine, machine
from .test_logs import answers
from .worker_world import Group, instance

__all__ = ["machine"]


@pytest.fixture
def worker(host: Deployed) -> str:
    """A worker that runs."""
    made = aws("ec2").run_instances(
        ImageId="ami-0391c53a255869d46", MinCount=1, MaxCount=1, InstanceType="m6i.xlarge"
    )
    found = str(made["Instances"][0]["InstanceId"])
    group = Group(host, 1)
    group.described["Instances"][0]["InstanceId"] = found
    return found


@pytest.mark.parametrize("service", ["n8n", None])
def test_the_log_of_a_worker_is_read_there(
    host: Deployed, worker: str, service: str | None
) -> None:
    answers(host, ("Success", 0, "geusemaker-logs 5 service x\nline\n\n", ""))
    named = [service] if service else []
    assert host.world.run("logs", *named, "--host", worker, "-n", "7").out == "line\n"
    (call,) = host.calls("send_command")
    assert call["InstanceIds"] == [worker]
    assert call["Parameters"]["commands"] == logs.script(service, 7)


def test_a_service_that_no_worker_runs_is_named_with_its_host(host: Deployed, worker: str) -> None:
    said = host.world.run("logs", "postgres", "--host", worker, code=1)
    assert f"The worker {worker} has no postgres: workers run n8n, n8n-runners, " in said.err
    assert said.commands == ["geusemaker logs postgres"]
    assert host.calls("send_command") == []


def test_the_first_host_may_be_named_too(host: Deployed, worker: str) -> None:
    answers(host, ("Success", 0, "geusemaker-logs 5 service x\nline\n\n", ""))
    host.world.run("logs", "--host", host.id)
    (call,) = host.calls("send_command")
    assert call["InstanceIds"] == [host.id]


def test_a_session_with_a_worker_is_a_shell(host: Deployed, worker: str, machine: Machine) -> None:
    host.world.run("connect", "--host", worker)
    words = ["ssm", "start-session", "--region", "us-east-1", "--target", worker]
    assert machine.called == words


@pytest.mark.parametrize("command", ["logs", "connect"])
@pytest.mark.parametrize("id_", ["i-0fffffffffffffff0", "n8n", "", "--yes"])
def test_an_instance_that_is_not_of_the_stack_is_refused_with_its_workers(
    host: Deployed, worker: str, machine: Machine, command: str, id_: str
) -> None:
    error = host.world.run(command, f"--host={id_}", code=1).err
    assert error.startswith(f"--host is {id_!r}, which is no host of stack dev: its first host is ")
    assert f"its workers are {worker}. " in error
    assert host.calls("send_command") == []
    assert machine.called is None


def test_of_many_workers_ten_are_named(host: Deployed) -> None:
    Group(host, 12)
    error = host.world.run("logs", "--host", "i-1", code=1).err
    assert f"{instance(10)} and 2 more. " in error
    assert instance(11) not in error


def test_a_stack_without_workers_has_only_its_host(host: Deployed) -> None:
    assert "it has no worker now" in host.world.run("logs", "--host", "i-1", code=1).err


def test_a_group_that_may_not_be_read_is_an_error_with_the_permission(
    host: Deployed, worker: str
) -> None:
    host.answers["describe_auto_scaling_groups"] = refusal(
        "DescribeAutoScalingGroups", "AccessDenied"
    )
    error = host.world.run("connect", "--host", worker, code=1).err
    assert "lacks the permission autoscaling:DescribeAutoScalingGroups" in error


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("terminated", "Its group starts another in its place if one is missing"),
        ("stopped", "Its group starts another in its place."),
        ("pending", "It is starting"),
    ],
)
def test_a_worker_that_does_not_run_has_another_fix_than_the_host(
    host: Deployed, worker: str, state: str, words: str
) -> None:
    host.state(state)
    error = host.world.run("logs", "--host", worker, code=1).err
    assert error.startswith(f"The worker of stack dev, {worker}, is {state}")
    assert words in error
    assert "geusemaker start" not in error


def test_a_worker_that_does_not_answer_is_replaced_not_restarted(
    host: Deployed, worker: str
) -> None:
    answers(host, ("Undeliverable", -1, "", ""))
    error = host.world.run("logs", "--host", worker, code=1).err
    assert f"terminate-instance-in-auto-scaling-group --instance-id {worker} " in error
    assert "geusemaker stop" not in error


def test_in_the_simulated_account_a_wrong_id_is_named_before_all_else(
    host: Deployed, worker: str
) -> None:
    host.world.patch.setenv("GEUSEMAKER_SIMULATED", "1")
    assert "is no host of stack dev" in host.world.run("logs", "--host", "i-1", code=1).err
    assert "in which no host boots" in host.world.run("logs", "--host", worker, code=1).err
