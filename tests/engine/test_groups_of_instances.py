"""An Auto Scaling group with its template, hook, policy, alarm and zone, on the genuine engine."""

from pathlib import Path
from typing import Any

import pytest

from .door import Door, make_project

PROGRAM = """
import json

import pulumi
import pulumi_aws as aws

config = pulumi.Config("geusemaker")
network = aws.ec2.Vpc("network", cidr_block="10.0.0.0/16", enable_dns_hostnames=True)
subnets = [
    aws.ec2.Subnet(
        f"in-{zone}",
        vpc_id=network.id,
        cidr_block=f"10.0.{number}.0/24",
        availability_zone=f"us-east-1{zone}",
    )
    for number, zone in enumerate("ab")
]
head = aws.ec2.SecurityGroup("head", vpc_id=network.id)
workers = aws.ec2.SecurityGroup("workers", vpc_id=network.id)
aws.vpc.SecurityGroupIngressRule(
    "queue",
    security_group_id=head.id,
    referenced_security_group_id=workers.id,
    ip_protocol="tcp",
    from_port=6379,
    to_port=6379,
)
role = aws.iam.Role(
    "role",
    assume_role_policy=json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "ec2.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
    ),
)
image = aws.ec2.get_ami(
    owners=["amazon"],
    most_recent=True,
    filters=[{"name": "architecture", "values": ["x86_64"]}],
)
template = aws.ec2.LaunchTemplate(
    "template",
    image_id=image.id,
    instance_type=config.require("instanceType"),
    iam_instance_profile={"arn": aws.iam.InstanceProfile("profile", role=role.name).arn},
    vpc_security_group_ids=[workers.id],
    metadata_options={"http_tokens": "required"},
    update_default_version=True,
)
group = aws.autoscaling.Group(
    "group",
    min_size=config.require_int("least"),
    max_size=4,
    vpc_zone_identifiers=[subnet.id for subnet in subnets],
    launch_template={"id": template.id, "version": template.latest_version.apply(str)},
    instance_refresh={"strategy": "Rolling", "preferences": {"min_healthy_percentage": 50}},
    initial_lifecycle_hooks=[
        {
            "name": "drain",
            "lifecycle_transition": "autoscaling:EC2_INSTANCE_TERMINATING",
            "heartbeat_timeout": 120,
            "default_result": "CONTINUE",
        }
    ],
    tags=[{"key": "Name", "value": "worker", "propagate_at_launch": True}],
)
wake = aws.autoscaling.Policy(
    "wake",
    autoscaling_group_name=group.name,
    policy_type="StepScaling",
    adjustment_type="ExactCapacity",
    step_adjustments=[{"scaling_adjustment": 1, "metric_interval_lower_bound": "0"}],
)
aws.autoscaling.Policy(
    "hold",
    autoscaling_group_name=group.name,
    policy_type="TargetTrackingScaling",
    target_tracking_configuration={
        "target_value": 0.7,
        "customized_metric_specification": {
            "namespace": "Queue",
            "metric_name": "load",
            "statistic": "Average",
        },
    },
)
aws.autoscaling.LifecycleHook(
    "arrive",
    autoscaling_group_name=group.name,
    lifecycle_transition="autoscaling:EC2_INSTANCE_LAUNCHING",
    heartbeat_timeout=300,
)
aws.cloudwatch.MetricAlarm(
    "waiting",
    comparison_operator="GreaterThanOrEqualToThreshold",
    evaluation_periods=1,
    threshold=1,
    namespace="Queue",
    metric_name="waiting",
    period=60,
    statistic="Maximum",
    alarm_actions=[wake.arn],
)
zone = aws.route53.Zone("zone", name="stack.internal", vpcs=[{"vpc_id": network.id}])
aws.route53.Record(
    "name", zone_id=zone.zone_id, name="head.stack.internal", type="A", ttl=10,
    records=["10.0.0.5"],
)
pulumi.export("group", group.name)
pulumi.export("template", template.id)
"""


@pytest.fixture
def door(tmp_path: Path) -> Door:
    project = make_project(tmp_path / "project")
    (project / "__main__.py").write_text(PROGRAM)
    return Door(project)


def group_of(door: Door, name: str) -> dict[str, Any]:
    (shown,) = door.client("autoscaling").describe_auto_scaling_groups(
        AutoScalingGroupNames=[name]
    )["AutoScalingGroups"]
    return dict(shown)


def test_a_group_comes_changes_and_goes(door: Door) -> None:
    try:
        door.set(instanceType="m6i.large", least="2")
        door.up()
        made = door.outputs()
        first = group_of(door, made["group"])["Instances"]
        assert {one["AvailabilityZone"] for one in first} == {"us-east-1a", "us-east-1b"}
        assert {one["LaunchTemplate"]["Version"] for one in first} == {"1"}
        door.refresh()

        door.set(instanceType="m6i.xlarge")
        assert door.steps() == {"template": "update", "group": "update"}
        door.up()
        assert door.outputs() == made
        second = group_of(door, made["group"])["Instances"]
        assert {one["LaunchTemplate"]["Version"] for one in second} == {"2"}
        assert {one["InstanceType"] for one in second} == {"m6i.xlarge"}
        assert not {one["InstanceId"] for one in first} & {one["InstanceId"] for one in second}
        door.refresh()

        # As a policy will: what the program leaves open stays as the account has it.
        door.client("autoscaling").set_desired_capacity(
            AutoScalingGroupName=made["group"], DesiredCapacity=4
        )
        door.pulumi("preview", "--expect-no-changes")
        door.refresh()
        door.set(least="3")
        assert door.steps() == {"group": "update"}
        door.up()
        third = group_of(door, made["group"])
        assert (third["MinSize"], third["DesiredCapacity"], len(third["Instances"])) == (3, 4, 4)
        assert {one["InstanceId"] for one in second} <= {
            one["InstanceId"] for one in third["Instances"]
        }

        # A group that does not get to its size is made all the same, and the run fails.
        door.set(instanceType="inf2.xlarge", least="4")
        refused = door.pulumi("up", "--yes", "--skip-preview", code=1)
        assert "Launching EC2 instance failed." in str(refused)

        door.pulumi("destroy", "--yes")
        assert door.resources() == []
    finally:
        door.close()
