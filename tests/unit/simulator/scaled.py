"""Groups of instances with most properties, to compare what was measured with."""

import base64
import json
from typing import Any

import pulumi_aws as aws

TRUST = {
    "Effect": "Allow",
    "Principal": {"Service": "ec2.amazonaws.com"},
    "Action": "sts:AssumeRole",
}
METRIC = {"namespace": "Queue", "metric_name": "load", "statistic": "Average"}
HOOK = {
    "lifecycle_transition": "autoscaling:EC2_INSTANCE_TERMINATING",
    "heartbeat_timeout": 200,
    "default_result": "CONTINUE",
}


def scaled() -> None:
    """A zone, two templates, and a group of each with its policies and an alarm."""
    network = aws.ec2.Vpc("network", cidr_block="10.0.0.0/16")
    subnets = [
        aws.ec2.Subnet(
            f"in-{zone}",
            vpc_id=network.id,
            cidr_block=f"10.0.{n}.0/24",
            availability_zone=f"us-east-1{zone}",
        ).id
        for n, zone in enumerate("ab")
    ]
    role = aws.iam.Role("role", assume_role_policy=json.dumps({"Statement": [TRUST]}))
    image = aws.ec2.get_ami(
        owners=["amazon"],
        most_recent=True,
        filters=[{"name": "architecture", "values": ["x86_64"]}],
    )
    common: dict[str, Any] = {
        "image_id": image.id,
        "instance_type": "t3.large",
        "vpc_security_group_ids": [aws.ec2.SecurityGroup("own", vpc_id=network.id).id],
        "iam_instance_profile": {"arn": aws.iam.InstanceProfile("profile", role=role.name).arn},
    }
    full = aws.ec2.LaunchTemplate(
        "full",
        **common,
        description="first",
        user_data=base64.b64encode(b"#!/bin/sh\n").decode(),
        ebs_optimized="true",
        update_default_version=True,
        metadata_options={"http_tokens": "required", "http_put_response_hop_limit": 2},
        block_device_mappings=[
            {
                "device_name": "/dev/sda1",
                "ebs": {
                    "volume_size": 100,
                    "volume_type": "gp3",
                    "iops": 3000,
                    "throughput": 125,
                    "encrypted": "true",
                    "delete_on_termination": "true",
                    "kms_key_id": "arn:aws:kms:us-east-1:000000000000:key/1",
                },
            }
        ],
        monitoring={"enabled": True},
        credit_specification={"cpu_credits": "standard"},
        tag_specifications=[{"resource_type": "instance", "tags": {"a": "b"}}],
        tags={"own": "t"},
    )
    plain = aws.ec2.LaunchTemplate("plain", **common)
    group = aws.autoscaling.Group(
        "full",
        min_size=1,
        max_size=3,
        desired_capacity=2,
        vpc_zone_identifiers=subnets,
        launch_template={"id": full.id, "version": full.latest_version.apply(str)},
        health_check_type="EC2",
        health_check_grace_period=100,
        default_cooldown=60,
        default_instance_warmup=90,
        termination_policies=["OldestInstance"],
        enabled_metrics=["GroupInServiceInstances"],
        force_delete=True,
        instance_refresh={
            "strategy": "Rolling",
            "preferences": {"min_healthy_percentage": 50, "instance_warmup": "30"},
            "triggers": ["tag"],
        },
        initial_lifecycle_hooks=[{"name": "first", **HOOK}],
        tags=[{"key": "Name", "value": "w", "propagate_at_launch": True}],
    )
    mixed = {
        "launch_template": {
            "launch_template_specification": {"launch_template_id": plain.id, "version": "1"},
            "overrides": [{"instance_type": "m6i.large"}, {"instance_type": "m5.large"}],
        },
        "instances_distribution": {
            "on_demand_base_capacity": 1,
            "on_demand_percentage_above_base_capacity": 50,
            "spot_allocation_strategy": "price-capacity-optimized",
        },
    }
    aws.autoscaling.Group(
        "mixed",
        min_size=0,
        max_size=3,
        vpc_zone_identifiers=subnets,
        mixed_instances_policy=mixed,
    )
    aws.autoscaling.LifecycleHook("hook", autoscaling_group_name=group.name, **HOOK)
    step = aws.autoscaling.Policy(
        "step",
        autoscaling_group_name=group.name,
        policy_type="StepScaling",
        adjustment_type="ExactCapacity",
        estimated_instance_warmup=60,
        metric_aggregation_type="Maximum",
        step_adjustments=[{"scaling_adjustment": 1, "metric_interval_lower_bound": "0"}],
    )
    aws.autoscaling.Policy(
        "target",
        autoscaling_group_name=group.name,
        policy_type="TargetTrackingScaling",
        target_tracking_configuration={
            "target_value": 0.7,
            "disable_scale_in": True,
            "customized_metric_specification": METRIC,
        },
    )
    aws.cloudwatch.MetricAlarm(
        "alarm",
        comparison_operator="GreaterThanOrEqualToThreshold",
        evaluation_periods=1,
        period=60,
        threshold=1,
        **METRIC,
        alarm_description="first",
        treat_missing_data="notBreaching",
        datapoints_to_alarm=1,
        alarm_actions=[step.arn],
        dimensions={"Stack": "s"},
        tags={"own": "t"},
    )
    aws.kms.Grant(
        "grant",
        key_id=aws.kms.get_key(key_id="alias/aws/ebs").arn,
        grantee_principal=role.arn,
        operations=["Encrypt", "Decrypt"],
        retire_on_delete=True,
    )
    aws.s3.BucketLifecycleConfiguration(
        "lifecycle",
        bucket=aws.s3.Bucket("objects").id,
        rules=[
            {
                "id": "reports",
                "status": "Enabled",
                "filter": {"prefix": "reports/"},
                "expiration": {"days": 7},
            }
        ],
    )
    aws.route53.Zone(
        "zone",
        name="stack.internal",
        comment="of a test",
        vpcs=[{"vpc_id": network.id}],
        tags={"own": "t"},
    )
