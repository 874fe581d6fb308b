"""`geusemaker status` of a stack with workers."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from geusemaker import terminal

from .deployed import AFTER, NEW, OLD, Deployed, refusal
from .worker_world import GROUP, Group, instance

HERE = "m6i.xlarge us-east-1a"


def rows(host: Deployed, *flags: str, code: int = 0) -> list[str]:
    """The rows of the workers."""
    printed = host.world.run("status", *flags, code=code).out.splitlines()
    (first,) = [number for number, line in enumerate(printed) if line.startswith("  workers ")]
    (last,) = [number for number, line in enumerate(printed) if line.startswith("  url ")]
    return [line[12:] for line in printed[first:last]]


def shown(host: Deployed) -> Any:
    return json.loads(host.world.run("status", "--json").out)["workers"]


def test_each_worker_has_its_row(host: Deployed) -> None:
    group = Group(host, 3)
    host.report("ready", "queue.waiting=3", "queue.running=7")
    group.report(1, executions="4")
    group.report(2, worker="draining", executions="1")
    group.report(3, "not-ready", step="bundle", reason="n8n could not be pulled")
    assert rows(host) == [
        "1 of 3 ready, on-demand; 3 executions wait, 7 run",
        f"{instance(1)} {HERE}  ready, 4 executions",
        f"{instance(2)} {HERE}  draining, 1 execution",
        f"{instance(3)} {HERE}  failed at step bundle",
        "  n8n could not be pulled",
        f"-> `geusemaker logs --host {instance(3)}` shows its boot; `aws autoscaling "
        f"terminate-instance-in-auto-scaling-group --instance-id {instance(3)} "
        "--no-should-decrement-desired-capacity --region us-east-1` replaces it",
    ]
    found = shown(host)
    assert (found["wanted"], found["ready"], found["areReady"]) == (3, 1, False)
    assert (found["waiting"], found["running"], found["market"]) == (3, 7, "on-demand")
    assert found["hosts"][2] == {
        "id": instance(3),
        "type": "m6i.xlarge",
        "zone": "us-east-1a",
        "state": "failed",
        "step": "bundle",
        "reason": "n8n could not be pulled",
        "executions": None,
    }


def test_a_stack_without_workers_calls_nothing_more(host: Deployed) -> None:
    host.report()
    answer = json.loads(host.world.run("status", "--json").out)
    assert (answer["workers"], answer["workersUnknown"]) == (None, None)
    assert host.calls("describe_auto_scaling_groups", "list_objects_v2") == []


def test_a_worker_that_is_on_its_way_is_announced(host: Deployed) -> None:
    group = Group(host, 0, most=4)
    group.described["DesiredCapacity"] = 1
    host.report("ready", "queue.waiting=1", "queue.running=0")
    assert rows(host) == [
        "0 of 1 ready, at most 4, on-demand; 1 execution waits, none run; a worker is on its way"
    ]


def test_a_queue_that_waits_with_no_worker_starting_is_shown_with_the_fix(
    host: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    Group(host, 0, most=4)
    waits = ("queue.waiting=2", "queue.running=0", f"queue.since={AFTER}")
    host.report("ready", *waits)
    began = datetime.fromisoformat(AFTER)
    monkeypatch.setattr("geusemaker.cli.host._now", lambda: began + timedelta(minutes=2))
    assert rows(host) == [
        "none wanted now, at most 4, on-demand; 2 executions wait, none run",
        "-> no worker runs; the first is requested after two minutes of waiting",
    ]
    assert shown(host)["noneStarts"] is False
    monkeypatch.setattr("geusemaker.cli.host._now", lambda: began + timedelta(minutes=9))
    (_, note) = rows(host)
    assert note.startswith("-> 2 executions wait, and no worker starts. ")
    assert f"set-desired-capacity --auto-scaling-group-name {GROUP} --desired-capacity 1" in note
    assert shown(host)["noneStarts"] is True


def test_why_aws_starts_no_worker_is_explained(host: Deployed) -> None:
    group = Group(host, 0, most=4)
    group.described["DesiredCapacity"] = 1
    group.failed(
        "Could not launch On-Demand Instances. VcpuLimitExceeded - You have requested more vCPU "
        "capacity than your current vCPU limit of 5 allows for the instance bucket that the "
        "specified instance type belongs to. Launching EC2 instance failed."
    )
    host.report("ready", "queue.waiting=1", "queue.running=0")
    first, note = rows(host)
    assert first.endswith("1 execution waits, none run")
    assert note.startswith(
        "-> 1 execution waits, and no worker starts. AWS did not start a worker: "
    )
    assert "--quota-code L-1216C47A --desired-value 13 --region us-east-1" in note
    assert "vCPU limit of 5" in shown(host)["launchFailure"]
    group.described["Instances"] = [{"InstanceId": instance(1), "LifecycleState": "InService"}]
    assert shown(host)["launchFailure"] is None, "the group has what it wants"


def test_of_many_workers_only_those_with_a_fault_have_rows(
    host: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = Group(host, 50)
    host.report("ready", "queue.waiting=0", "queue.running=160")
    for number in range(1, 51):
        group.report(number, executions="4")
    assert rows(host) == [
        "50 of 50 ready, on-demand; no executions wait, 160 run",
        "50 ready, 200 executions",
    ]
    for number in (7, 8, 9, 10):
        group.report(number, "not-ready", step="data", reason="under way")
    group.report(11, "not-ready", step="efs", reason="no route")
    found = rows(host)
    assert found[0].startswith("45 of 50 ready")
    assert found[1:-1] == [
        "45 ready, 180 executions",
        f"4 starting, step data: {instance(7)}, {instance(8)}, {instance(9)} and 1 more",
        f"{instance(11)} {HERE}  failed at step efs",
        "  no route",
    ]
    for number in range(12, 51):
        group.report(number, "not-ready", step="efs", reason="no route")
    found = rows(host)
    assert len(found) == 1 + 1 + 2 + 8 * 2 + 1
    assert found[-2] == "32 more have failed or are silent; `geusemaker status --json` lists all"
    assert len(shown(host)["hosts"]) == 50


def test_no_line_is_wider_than_a_terminal_of_80_columns(
    host: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = Group(host, 2)
    group.report(1, executions="100")
    group.report(
        2, "not-ready", step="bundle", reason="the image could not be pulled: " + "x " * 90
    )
    host.report("ready", "queue.waiting=1000", "queue.running=100")
    monkeypatch.setattr(terminal, "columns", lambda _: 80)
    printed = host.world.run("status").out.splitlines()
    commands = ("pulumi ", "aws ", "geusemaker ")
    wide = [one for one in printed if len(one) > 80 and not one.startswith(commands)]
    assert wide == []
    assert f"            {instance(1)} {HERE}  ready, 100 executions" in printed


@pytest.mark.parametrize(
    ("method", "operation", "permission"),
    [
        (
            "describe_auto_scaling_groups",
            "DescribeAutoScalingGroups",
            "autoscaling:DescribeAutoScalingGroups",
        ),
        ("list_objects_v2", "ListObjectsV2", "s3:ListBucket"),
        ("get_object", "GetObject", "s3:GetObject"),
    ],
)
def test_what_the_caller_may_not_read_is_named_and_the_rest_is_shown(
    host: Deployed, method: str, operation: str, permission: str
) -> None:
    group = Group(host, 1)
    group.report(1)
    host.report("ready", "service.n8n=healthy")
    said = f"User: x is not authorized to perform: {permission} on resource: y"
    host.answers[method] = refusal(operation, "AccessDenied", said)
    printed = host.world.run("status").out
    assert "  ready     yes" in printed
    assert f"the caller lacks the permission {permission}" in printed
    error = host.world.run("status", "--wait", code=1).err
    assert f"the caller lacks the permission {permission}" in error
    assert host.slept == [], "waiting does not give a permission"


def test_a_bucket_or_a_group_that_was_deleted_hides_nothing_else(host: Deployed) -> None:
    group = Group(host, 1)
    host.report("ready", "service.n8n=healthy")
    host.answers["list_objects_v2"] = refusal("ListObjectsV2", "NoSuchBucket")
    assert rows(host)[0] == "1 of 1 in service, on-demand"
    assert "NoSuchBucket" in shown(host)["unknown"]
    host.put("/geusemaker/0123456789ab/worker-settings", "x=y")
    group.described["Instances"] = []
    host.answers["describe_auto_scaling_groups"] = lambda **_: {"AutoScalingGroups": []}
    (row,) = rows(host)
    assert row.startswith(f"unknown: The Auto Scaling group {GROUP} is not in us-east-1")
    assert "`pulumi up --refresh` creates it again" in row
    assert "the workers are unknown" in host.world.run("status", "--wait", code=1).err


def test_a_short_outage_of_auto_scaling_does_not_end_a_wait(host: Deployed) -> None:
    group = Group(host, 1)
    host.report("ready")
    group.report(1)
    shows = host.answers["describe_auto_scaling_groups"]
    host.answers["describe_auto_scaling_groups"] = lambda **_: {
        "AutoScalingGroups": [{**group.described, "DesiredCapacity": 2}]
    }

    def down() -> None:
        host.answers["describe_auto_scaling_groups"] = refusal("x", "Throttling")

    host.later = {10: down, 20: lambda: host.answers.update(describe_auto_scaling_groups=shows)}
    printed = host.world.run("status", "--wait").out.splitlines()
    assert printed[1:3] == ["  0:10  AWS does not answer (Throttling); trying again", "  0:20  yes"]


def test_waiting_ends_when_all_wanted_workers_are_ready(host: Deployed) -> None:
    group = Group(host, 2)
    host.report("ready")
    group.report(1)
    host.later = {
        20: lambda: group.report(2, "not-ready", step="efs", reason="no route"),
        40: lambda: group.report(2),
    }
    printed = host.world.run("status", "--wait").out.splitlines()
    assert printed[:3] == [
        "  0:00  yes; 1 of 2 workers ready",
        f"  0:20  yes; 1 of 2 workers ready; {instance(2)} failed at step efs: no route",
        "  0:40  yes",
    ]


def test_a_worker_that_stays_failed_fails_the_wait(host: Deployed) -> None:
    group = Group(host, 1)
    host.report("ready")
    group.report(1, "not-ready", step="efs", reason="no route")
    error = host.world.run("status", "--wait", "--timeout", "25s", code=1).err
    assert error.startswith("Stack dev is not ready after 25s. Last known state: 0 of 1 workers")
    assert f"{instance(1)} failed at step efs: no route -- `geusemaker logs --host " in error
    assert host.slept == [10, 10, 5]
    assert host.world.run("status").out, "without --wait any state is a success"


def test_a_worker_that_refuses_the_settings_ends_the_wait_at_once(host: Deployed) -> None:
    group = Group(host, 1)
    host.report("ready")
    group.report(1, running=OLD, reason=f"bundle {NEW}: did not come up")
    assert "new settings refused" in host.world.run("status", "--wait", code=1).err
    assert host.slept == []


def test_a_wait_for_no_worker_is_for_the_host_alone(host: Deployed) -> None:
    Group(host, 0, most=4)
    host.report("ready", "queue.waiting=0", "queue.running=0")
    host.world.run("status", "--wait")
    assert host.slept == []


def test_in_the_simulated_account_workers_are_there_and_report_nothing(host: Deployed) -> None:
    host.world.patch.setenv("GEUSEMAKER_SIMULATED", "1")
    Group(host, 1)
    printed = host.world.run("status").out.splitlines()
    assert "  workers   1 of 1 in service, on-demand" in printed
    assert f"            {instance(1)} {HERE}  in service" in printed
    assert host.calls("list_objects_v2") == []
