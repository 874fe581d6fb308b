"""Lifecycle hooks, scaling policies, alarms and private zones."""

from typing import Any

import pytest

from moto_provider.test_refusals import refusal
from moto_provider.world import Thing, World

TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"
ALARM: dict[str, Any] = {
    "comparisonOperator": "GreaterThanThreshold",
    "evaluationPeriods": 1,
    "metricName": "waiting",
    "namespace": "Queue",
    "period": 60,
    "statistic": "Maximum",
    "threshold": 0.5,
}


def step(scaling: int, low: str | None = None, high: str | None = None) -> dict[str, Any]:
    bounds = {"metricIntervalLowerBound": low, "metricIntervalUpperBound": high}
    known = {key: value for key, value in bounds.items() if value is not None}
    return {"scalingAdjustment": scaling, **known}


def steps(world: World, *given: dict[str, Any], **more: Any) -> Thing:
    return world.make(
        "Policy",
        **{
            "autoscalingGroupName": world.workers.id,
            "policyType": "StepScaling",
            "adjustmentType": "ChangeInCapacity",
            "stepAdjustments": list(given),
            **more,
        },
    )


def test_a_hook_needs_its_group(world: World) -> None:
    hook = {"lifecycleTransition": TERMINATING, "name": "one"}
    said = refusal(
        lambda: world.make(
            "LifecycleHook", **hook, autoscalingGroupName="nobody", heartbeatTimeout=100
        )
    )
    assert said == (
        "PutLifecycleHook ValidationError: AutoScalingGroup name not found - no such group: nobody"
    )


def test_a_hook_goes_along_to_another_group(world: World) -> None:
    """The real provider plans no replacement for it."""
    made = world.make(
        "LifecycleHook",
        autoscalingGroupName=world.workers.id,
        lifecycleTransition=TERMINATING,
        heartbeatTimeout=100,
        name="along",
    )
    assert made.state["defaultResult"] == "ABANDON"
    other = world.instances(minSize=0)
    moved = world.update(made, autoscalingGroupName=other.id)
    assert moved.state["autoscalingGroupName"] == other.id
    world.delete(moved)
    assert world.read(moved) is None


def test_policies_of_two_groups_may_have_one_name(world: World) -> None:
    other = world.instances(minSize=0)
    first = steps(world, step(1), name="grow")
    second = steps(world, step(2), name="grow", autoscalingGroupName=other.id)
    assert first.state["arn"] != second.state["arn"]
    assert world.read(first) == first.state
    world.delete(second)
    assert world.read(first) == first.state
    (change,) = world.changes(first, {**first.inputs, "autoscalingGroupName": other.id})
    assert change.replaces


def test_a_policy_needs_its_group_and_goes_with_it(world: World) -> None:
    said = refusal(lambda: steps(world, step(1), autoscalingGroupName="nobody"))
    assert said == "PutScalingPolicy ValidationError: AutoScalingGroup name not found - null"
    group = world.instances(minSize=0)
    policy = steps(world, step(1), autoscalingGroupName=group.id)
    world.delete(group)
    assert world.read(policy) is None
    world.delete(policy)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([step(1, None, "1"), step(2, "2")], "have a gap between them"),
        ([step(1, "0", "3"), step(2, "2")], "overlap"),
    ],
)
def test_steps_follow_each_other(world: World, given: list[dict[str, Any]], said: str) -> None:
    made = refusal(lambda: steps(world, *given))
    assert made == f"PutScalingPolicy ValidationError: StepAdjustments {said}"


def test_steps_are_a_set_and_bounds_are_numbers(world: World) -> None:
    policy = steps(world, step(2, "2.0"), step(1, None, "2"))
    assert world.read(policy) == policy.state
    assert world.changes(policy, policy.inputs) == []
    turned = {**policy.inputs, "stepAdjustments": policy.inputs["stepAdjustments"][::-1]}
    assert world.changes(policy, turned) == []


METRIC = {"namespace": "Queue", "metricName": "waiting"}
SUM = [
    {"id": "load", "expression": "waiting / workers", "label": "load", "returnData": True},
    {
        "id": "waiting",
        "returnData": False,
        "metricStat": {
            "metric": {**METRIC, "dimensions": [{"name": "Stack", "value": "one"}]},
            "stat": "Maximum",
        },
    },
    {
        "id": "workers",
        "returnData": False,
        "metricStat": {"metric": {**METRIC, "metricName": "workers"}, "stat": "Average"},
    },
]
TARGETS = [
    {**METRIC, "statistic": "Average", "metricDimensions": [{"name": "Stack", "value": "one"}]},
    {"metrics": SUM},
]


@pytest.mark.parametrize("metric", TARGETS)
def test_a_group_tracks_a_metric_or_what_is_computed_of_some(
    world: World, metric: dict[str, Any]
) -> None:
    target = {"targetValue": 0.7, "customizedMetricSpecification": metric}
    policy = world.make(
        "Policy",
        autoscalingGroupName=world.workers.id,
        policyType="TargetTrackingScaling",
        estimatedInstanceWarmup=60,
        targetTrackingConfiguration=target,
    )
    shown = policy.state["targetTrackingConfiguration"]
    assert shown == {**target, "disableScaleIn": False}
    assert world.read(policy) == policy.state
    assert world.changes(policy, policy.inputs) == []
    other = next(one for one in TARGETS if one != metric)
    changed = {"targetValue": 0.5, "customizedMetricSpecification": other}
    updated = world.update(policy, targetTrackingConfiguration=changed)
    assert updated.state["targetTrackingConfiguration"] == {**changed, "disableScaleIn": False}


def test_an_alarm_on_what_is_computed_of_metrics(world: World) -> None:
    queries = [
        {"id": "idle", "expression": "waiting + running", "label": "work", "returnData": True},
        *(
            {
                "id": name,
                "metric": {
                    "namespace": "Queue",
                    "metricName": name,
                    "period": 60,
                    "stat": "Maximum",
                    "dimensions": {"Stack": "one"},
                },
            }
            for name in ("waiting", "running")
        ),
    ]
    given = {key: ALARM[key] for key in ("comparisonOperator", "evaluationPeriods", "threshold")}
    alarm = world.make("MetricAlarm", **given, metricQueries=queries)
    assert world.read(alarm) == alarm.state
    assert world.changes(alarm, alarm.inputs) == []
    world.delete(alarm)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"period": 90}, "Period must be 10, 20, 30 or a multiple of 60"),
        ({"period": 3600, "evaluationPeriods": 25}, "Metrics cannot be checked across more than a"),
        ({"datapointsToAlarm": 2}, "DatapointsToAlarm must be less than or equal to Evaluation"),
        ({"alarmActions": ["wake"]}, "Invalid arn syntax: wake"),
        ({"okActions": ["arn:aws:sns:eu-west-1:1:a"]}, "Invalid region eu-west-1 specified. Only"),
    ],
)
def test_an_alarm_that_cloudwatch_refuses(world: World, given: dict[str, Any], said: str) -> None:
    made = refusal(lambda: world.make("MetricAlarm", **{**ALARM, **given}))
    assert made.startswith(f"PutMetricAlarm ValidationError: {said}")


# Zones. --------------------------------------------------------------------------------------


def private(world: World, vpc: Thing, **given: Any) -> Thing:
    return world.make("Zone", **{"name": "one.internal", "vpcs": [{"vpcId": vpc.id}], **given})


def test_a_private_zone_has_records_and_outlives_them(world: World) -> None:
    zone = private(world, world.make("Vpc", cidrBlock="10.20.0.0/16"))
    record = world.make(
        "Record",
        zoneId=zone.state["zoneId"],
        name="head.one.internal",
        type="A",
        ttl=10,
        records=["10.20.0.5"],
    )
    assert world.read(record) == record.state
    client = world.account.client("route53")
    assert client.get_hosted_zone(Id=zone.id)["HostedZone"]["Config"]["PrivateZone"]
    said = refusal(lambda: world.delete(zone))
    assert said.startswith("DeleteHostedZone HostedZoneNotEmpty: ")
    world.delete(world.update(zone, forceDestroy=True))
    assert world.read(zone) is None
    assert world.read(record) is None


def test_a_vpc_has_one_zone_of_a_name(world: World) -> None:
    first, second = (world.make("Vpc", cidrBlock=f"10.2{n}.0.0/16") for n in (1, 2))
    zone = private(world, first)
    said = refusal(lambda: private(world, first))
    assert said.startswith(
        f"CreateHostedZone ConflictingDomainExists: The VPC {first.id} in region "
        f"{world.account.region} has already been associated with the hosted zone {zone.id}"
    )
    other = private(world, second)
    both = [{"vpcId": first.id}, {"vpcId": second.id}]
    said = refusal(lambda: world.update(other, vpcs=both))
    assert said.startswith("AssociateVPCWithHostedZone ConflictingDomainExists: ")
    private(world, first, name="two.internal")


def test_a_zone_needs_vpcs_that_exist_and_keeps_its_kind(world: World) -> None:
    said = refusal(lambda: world.make("Zone", name="a.internal", vpcs=[{"vpcId": "vpc-1"}]))
    assert said.startswith("CreateHostedZone InvalidVPCId: ")
    vpc = world.make("Vpc", cidrBlock="10.23.0.0/16")
    zone = private(world, vpc)
    said = refusal(lambda: world.update(zone, vpcs=None))
    assert said.startswith("DisassociateVPCFromHostedZone LastVPCAssociation: ")
    public = world.make("Zone", name="example.org")
    assert public.state["vpcs"] == []
    said = refusal(lambda: world.update(public, vpcs=[{"vpcId": vpc.id}]))
    assert said.startswith("AssociateVPCWithHostedZone PublicZoneVPCAssociation: ")
    (change,) = world.changes(zone, {**zone.inputs, "name": "other.internal"})
    assert change.replaces


def test_the_region_of_a_vpc_is_no_difference_where_the_program_names_none(world: World) -> None:
    vpc = world.make("Vpc", cidrBlock="10.24.0.0/16")
    named = [{"vpcId": vpc.id, "vpcRegion": world.account.region}]
    zone = private(world, vpc, vpcs=named)
    assert zone.state["vpcs"] == named
    assert world.changes(zone, zone.inputs) == []
