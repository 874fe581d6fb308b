"""What starts and ends workers: the made policies and alarms, and days of a queue through them.

The account of the simulator keeps alarms and evaluates none. `Fleet` does, as AWS documents it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pulumi.runtime
import pulumi_aws as aws
import pytest

from geusemaker.components.growing import make_growing
from geusemaker.components.tagging import Tags
from geusemaker.components.trust import trust_policy
from geusemaker.components.worker_load import TARGET
from geusemaker.simulator.mocks import simulated_account
from pulumi_moto.mocks import SimulatedMocks

from .test_worker_load import CONCURRENCY, value, wanted
from .test_worker_policy import Request, allows

STACK, GROUP = "abcdefghijkl", "geusemaker-abcdefghijkl-workers"
SPACE = f"GeuseMaker/{STACK}"
ALARM, POLICY = "aws:cloudwatch/metricAlarm:MetricAlarm", "aws:autoscaling/policy:Policy"
BOOT = 5
"""Minutes until a new worker is in service."""


def _grow(from_zero: bool) -> None:
    network = aws.ec2.Vpc("network", cidr_block="10.0.0.0/16")
    subnet = aws.ec2.Subnet(
        "subnet", vpc_id=network.id, cidr_block="10.0.0.0/24", availability_zone="us-east-1a"
    )
    image = aws.ec2.get_ami(
        owners=["amazon"],
        most_recent=True,
        filters=[{"name": "architecture", "values": ["x86_64"]}],
    )
    template = aws.ec2.LaunchTemplate(
        "template",
        image_id=image.id,
        instance_type="m6i.large",
        vpc_security_group_ids=[aws.ec2.SecurityGroup("members", vpc_id=network.id).id],
    )
    group = aws.autoscaling.Group(
        "group",
        name=GROUP,
        min_size=0 if from_zero else 1,
        max_size=4,
        vpc_zone_identifiers=[subnet.id],
        launch_template={"id": template.id, "version": "1"},
    )
    role = aws.iam.Role("role", assume_role_policy=trust_policy("ec2.amazonaws.com"))
    make_growing(
        "workers",
        stack_id=STACK,
        group=group.name,
        concurrency=CONCURRENCY,
        from_zero=from_zero,
        role_name=role.name,
        tags=Tags("test", STACK, {"team": "ml"}),
        parent=group,
    )


def _made(from_zero: bool) -> SimulatedMocks:
    with simulated_account() as account:
        pulumi.runtime.set_mocks(account, project="geusemaker", stack="test", preview=False)
        cast("Any", pulumi.runtime.test)(_grow)(from_zero)
        return account


@pytest.fixture(scope="module")
def growing() -> SimulatedMocks:
    """The resources of workers from zero."""
    return _made(from_zero=True)


def _inputs(account: SimulatedMocks, token: str) -> dict[str, dict[str, Any]]:
    """The resources of a type by the end of their names, as the program made them."""
    return {one.name.removeprefix("workers-"): dict(one.outputs) for one in account.of(token)}


def test_the_host_publishes_in_the_namespace_of_its_stack_and_nowhere_else(
    growing: SimulatedMocks,
) -> None:
    (made,) = growing.of("aws:iam/rolePolicy:RolePolicy")
    statements = json.loads(made.inputs["policy"])["Statement"]

    def may(action: str, space: str) -> bool:
        return allows(statements, Request(action, "*", {"cloudwatch:namespace": space}))

    assert made.name == "workers-queue-metrics"
    assert may("cloudwatch:PutMetricData", SPACE)
    assert not may("cloudwatch:PutMetricData", "GeuseMaker/mnopqrstuvwx")
    assert not may("cloudwatch:GetMetricData", SPACE)


def test_the_load_of_each_worker_is_tracked_down_to_the_least_number(
    growing: SimulatedMocks,
) -> None:
    grow = _inputs(growing, POLICY)["grow"]
    tracking = grow["targetTrackingConfiguration"]
    assert (grow["policyType"], grow["autoscalingGroupName"]) == ("TargetTrackingScaling", GROUP)
    assert (tracking["targetValue"], tracking["disableScaleIn"]) == (TARGET, False)
    queries = tracking["customizedMetricSpecification"]["metrics"]
    assert [one["id"] for one in queries if one.get("metricStat")] == [
        *("waiting", "running", "workers")
    ]
    assert {one["metricStat"]["metric"]["namespace"] for one in queries[:-1]} == {
        SPACE,
        "AWS/AutoScaling",
    }


def test_each_alarm_calls_its_own_policy_and_only_that(growing: SimulatedMocks) -> None:
    policies, alarms = _inputs(growing, POLICY), _inputs(growing, ALARM)
    assert policies.keys() == {"grow", "wake", "sleep"}
    assert alarms.keys() == {"wake", "sleep"}
    for name, alarm in alarms.items():
        assert alarm["alarmActions"] == [policies[name]["arn"]]
        assert not alarm.get("okActions")
        assert not alarm.get("insufficientDataActions")
        assert alarm["tags"]["geusemaker:id"] == STACK


def test_a_least_number_of_workers_needs_no_alarm() -> None:
    made = _made(from_zero=False)
    assert list(_inputs(made, POLICY)) == ["grow"]
    assert made.of(ALARM) == []


@dataclass
class Fleet:
    """The group by the minute: what the alarms and the policies make of its size."""

    policies: Mapping[str, dict[str, Any]]
    alarms: Mapping[str, dict[str, Any]]
    desired: int = 0
    most: int = 4
    born: list[int] = field(default_factory=list)
    values: dict[str, list[float | None]] = field(default_factory=dict)
    minute: int = 0

    def __post_init__(self) -> None:
        self.born = [-BOOT] * self.desired
        self.values = {name: [] for name in self.alarms}

    @property
    def in_service(self) -> int:
        return sum(self.minute - one >= BOOT for one in self.born)

    def passes(self, minutes: int, waiting: int | None = 0, running: int | None = 0) -> "Fleet":
        """Minutes in which the host publishes these, or nothing."""
        for _ in range(minutes):
            self.minute += 1
            self._track(waiting, running)
            seen = {"Waiting": waiting, "Running": running, "GroupDesiredCapacity": self.desired}
            for name, alarm in self.alarms.items():
                self.values[name].append(_point(alarm, seen))
            for name, alarm in self.alarms.items():
                if _is_on(alarm, self.values[name]):
                    found = self.values[name][-1] or 0
                    self._apply(self.policies[name], found - alarm["threshold"])
        return self

    def _track(self, waiting: int | None, running: int | None) -> None:
        """Target tracking. It adds workers at once, and ends them by its alarm of 15 minutes."""
        if waiting is None or running is None:
            return
        number = min(wanted(self.in_service, waiting, running), self.most)
        if self.in_service and (number > self.desired or self.minute % 15 == 0):
            self._resize(number)

    def _apply(self, policy: Mapping[str, Any], above: float) -> None:
        """A step policy, for a value so far above its alarm's threshold."""
        (step,) = policy["stepAdjustments"]
        assert above >= float(step.get("metricIntervalLowerBound") or "-inf")
        assert above <= float(step.get("metricIntervalUpperBound") or "inf")
        change = step["scalingAdjustment"]
        is_exact = policy["adjustmentType"] == "ExactCapacity"
        self._resize(min(change if is_exact else self.desired + change, self.most))

    def _resize(self, number: int) -> None:
        self.born = [*self.born, *[self.minute] * (number - self.desired)][:number]
        self.desired = number


def _point(alarm: Mapping[str, Any], seen: Mapping[str, float | None]) -> float | None:
    """The value of an alarm's expression; None if one of its metrics has no value."""
    *metrics, rule = alarm["metricQueries"]
    values = {one["id"]: seen[one["metric"]["metricName"]] for one in metrics}
    if any(one is None for one in values.values()):
        return None
    return value(rule["expression"], **cast("dict[str, float]", values))


def _is_on(alarm: Mapping[str, Any], values: list[float | None]) -> bool:
    periods = int(alarm["evaluationPeriods"])
    assert alarm["datapointsToAlarm"] == periods
    limit, at_least = alarm["threshold"], alarm["comparisonOperator"].startswith("Greater")
    recent = values[-periods:]
    is_breached = [
        one is not None and (one >= limit if at_least else one <= limit) for one in recent
    ]
    # With these, an alarm counts values only. It may skip a minute without one, which is not shown.
    assert alarm["treatMissingData"] in ("missing", "notBreaching")
    return len(recent) == periods and all(is_breached)


@pytest.fixture
def fleet(growing: SimulatedMocks) -> Fleet:
    return Fleet(_inputs(growing, POLICY), _inputs(growing, ALARM))


def test_the_first_worker_starts_when_something_has_waited_for_a_minute(fleet: Fleet) -> None:
    assert fleet.passes(60).desired == 0
    assert fleet.passes(1, waiting=9).desired == 0
    assert fleet.passes(1).desired == 0, "it was done meanwhile"
    assert fleet.passes(1, waiting=9).desired == 0
    assert fleet.passes(1, waiting=9).desired == 1
    assert fleet.passes(BOOT - 1, waiting=9).desired == 1, "one is on its way"
    assert fleet.passes(1, waiting=9).desired == 3, "9 executions are 2.6 workers at 0.7"


def test_workers_end_after_twenty_idle_minutes_and_start_again(fleet: Fleet) -> None:
    fleet.passes(10, waiting=30)
    assert fleet.desired == 4
    assert fleet.passes(19).desired >= 1
    assert fleet.passes(1).desired == 0
    assert fleet.passes(600).desired == 0
    assert fleet.passes(2, waiting=1).desired == 1


def test_a_worker_that_executes_is_kept(fleet: Fleet) -> None:
    fleet.passes(2, waiting=1).passes(BOOT)
    assert fleet.passes(600, running=1).desired == 1
    assert fleet.passes(19).passes(1, waiting=1).passes(19).desired == 1
    assert fleet.passes(1).desired == 0


@pytest.mark.parametrize("missing", [{"waiting": None}, {"running": None}])
def test_missing_data_starts_and_ends_no_worker(fleet: Fleet, missing: dict[str, None]) -> None:
    known = {"waiting": 0, "running": 0} | missing
    assert fleet.passes(600, **known).desired == 0
    fleet.passes(2, waiting=1).passes(BOOT, running=1)
    assert fleet.passes(19).passes(600, **known).desired == 1


def test_target_tracking_alone_never_ends_the_last_worker(growing: SimulatedMocks) -> None:
    kept = Fleet(_inputs(growing, POLICY), {}, desired=4)
    assert kept.passes(600).desired == 1
