"""The state of each worker, and whether someone works on what waits."""

from datetime import timedelta
from typing import Any

import pytest

from geusemaker.host.report import Record
from geusemaker.host.workers import (
    PATIENCE,
    Member,
    State,
    Worker,
    failed_launch,
    group_of,
    instance_of,
    worker_status,
)

from .statuses import NEW, OLD
from .workers_of import GROUP, NOW, instance, worker, workers


@pytest.mark.parametrize(
    ("one", "state"),
    [
        (worker(), "ready"),
        (worker(lifecycle="Pending"), "ready"),
        (worker(running=OLD, wanted=OLD), "applying"),
        (worker(running=OLD, reason=f"bundle {NEW}: did not come up"), "refused"),
        (worker(state="not-ready", step="bundle", reason="could not be pulled"), "failed"),
        (worker(state="not-ready", step="data", reason="under way"), "starting"),
        (worker(state="not-ready"), "starting"),
        (worker(time="2026-11-24T00:29:59Z"), "silent"),
        (worker(worker="draining"), "draining"),
        (worker(lifecycle="Terminating:Wait"), "draining"),
        (worker(lifecycle="Terminating"), "draining"),
        (worker(lifecycle="Terminating:Wait", worker="left"), "left"),
        (worker(lifecycle="Terminating:Proceed"), "left"),
        (worker(lifecycle="Standby"), "left"),
    ],
)
def test_the_state_follows_from_the_group_and_the_report(one: Worker, state: State) -> None:
    assert one.state == state


def test_a_report_that_names_another_instance_is_no_report() -> None:
    """Root of a worker writes what it likes, but only for itself."""
    one = worker(1, instance=instance(2), worker="left", executions="7")
    assert (one.state, one.executions, one.step, one.reason) == ("starting", None, "", "")


def test_without_access_to_the_reports_only_the_group_counts() -> None:
    def state(lifecycle: str) -> State:
        return Worker(Member(id="i-1", type="t", zone="z", lifecycle=lifecycle), None).state

    assert state("Pending") == "starting"
    assert state("InService") == "unknown"
    assert state("Terminating:Wait") == "draining"


def test_in_the_simulated_account_no_state_is_made_up() -> None:
    member = worker().member
    seen = worker_status(member, Record(), NEW, NOW, simulated=True)
    assert Worker(member, seen).state == "simulated"


@pytest.mark.parametrize("text", ["", "-", "-1", "1.5", "1e3", "٣", "1234567890"])
def test_only_a_plain_number_is_a_number_of_executions(text: str) -> None:
    assert worker(executions=text).executions is None
    assert worker(executions="12").executions == 12


def test_executions_of_a_worker_that_has_failed_are_not_shown() -> None:
    assert worker(state="not-ready", step="data", reason="x", executions="3").executions is None


@pytest.mark.parametrize(
    ("key", "id_"),
    [
        (f"reports/AROA0123456789ABCDEF:{instance(1)}", instance(1)),
        (f"reports/AROA0123456789ABCDEF:{instance(1)}/x", ""),
        (f"reports/x/AROA0123456789ABCDEF:{instance(1)}", ""),
        (f"reports/AROA0123456789ABCDEF:session\n{instance(1)}", ""),
        (f"reports/{instance(1)}", ""),
        (f"bundles/AROA0123456789ABCDEF:{instance(1)}", ""),
    ],
)
def test_the_key_of_a_report_names_its_instance(key: str, id_: str) -> None:
    assert instance_of(key) == id_


def test_a_group_is_read_as_auto_scaling_describes_it() -> None:
    described: dict[str, Any] = {
        "AutoScalingGroupName": GROUP,
        "MinSize": 0,
        "MaxSize": 4,
        "DesiredCapacity": 2,
        "MixedInstancesPolicy": {
            "LaunchTemplate": {"Overrides": [{"InstanceType": "g6.xlarge"}]},
            "InstancesDistribution": {"OnDemandPercentageAboveBaseCapacity": 0},
        },
        "Instances": [
            {
                "InstanceId": "i-1",
                "InstanceType": "g6.xlarge",
                "AvailabilityZone": "us-east-1a",
                "LifecycleState": "InService",
            }
        ],
    }
    group = group_of(described)
    assert (group.least, group.most, group.wanted, group.in_service) == (0, 4, 2, 1)
    assert (group.market, group.types, group.follows_load) == ("spot", ("g6.xlarge",), True)
    distribution = described["MixedInstancesPolicy"]["InstancesDistribution"]
    distribution["OnDemandPercentageAboveBaseCapacity"] = 100
    assert group_of(described).market == "on-demand"


def activity(
    code: str, message: str = "", what: str = "Launching a new EC2 instance"
) -> dict[str, str]:
    return {"Description": f"{what}: i-1", "StatusCode": code, "StatusMessage": message}


@pytest.mark.parametrize(
    ("activities", "why"),
    [
        ([], ""),
        ([activity("Failed", "no capacity"), activity("Successful")], "no capacity"),
        ([activity("Successful"), activity("Failed", "no capacity")], ""),
        ([activity("InProgress"), activity("Cancelled", "ended")], "ended"),
        ([activity("Failed", "x", "Terminating EC2 instance"), activity("Successful")], ""),
        ([activity("Failed")], "AWS gives no reason"),
    ],
)
def test_only_the_last_launch_that_ended_can_have_failed(
    activities: list[dict[str, str]], why: str
) -> None:
    assert failed_launch(activities) == why


def test_a_worker_starts_as_long_as_no_launch_has_failed() -> None:
    assert not workers(wanted=1, waiting=3).none_starts
    assert workers(wanted=1, waiting=3).on_their_way == 1
    assert workers(wanted=1, waiting=3, failure="no capacity").none_starts
    assert not workers(wanted=1, waiting=0, failure="no capacity").none_starts
    assert not workers(worker(), wanted=2, waiting=3, failure="no capacity").none_starts


def test_a_group_that_grows_from_none_has_some_minutes() -> None:
    soon, late = NOW - PATIENCE, NOW - PATIENCE - timedelta(seconds=1)
    assert not workers(most=4, waiting=3).none_starts, "for how long is unknown"
    assert not workers(most=4, waiting=3, since=soon).none_starts
    assert workers(most=4, waiting=3, since=late).none_starts
    assert not workers(most=4, waiting=0, since=late).none_starts


def test_no_worker_starts_in_a_fixed_group_that_was_set_to_0() -> None:
    assert workers(waiting=1).none_starts
    assert not workers(waiting=None).none_starts
