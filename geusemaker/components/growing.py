"""Growing: what starts and ends workers by load. The rules: `worker_load`."""

import json

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from geusemaker.components.tagging import Tags
from geusemaker.components.worker_load import (
    IDLE,
    IDLE_MINUTES,
    TARGET,
    WAKE,
    alarmed,
    namespace,
    tracked,
)

WARMUP_SECONDS = 300
"""How long a new worker boots. Its load counts after that."""


def metrics_policy(space: str) -> str:
    """Policy to publish metrics in one namespace. CloudWatch has no ARN for one."""
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "PutQueueMetrics",
                    "Effect": "Allow",
                    "Action": ["cloudwatch:PutMetricData"],
                    "Resource": "*",
                    "Condition": {"StringEquals": {"cloudwatch:namespace": space}},
                }
            ],
        }
    )


def make_growing(
    name: str,
    *,
    stack_id: pulumi.Input[str],
    group: pulumi.Input[str],
    concurrency: int,
    from_zero: bool,
    role_name: pulumi.Input[str],
    tags: Tags,
    parent: pulumi.Resource,
) -> None:
    """Lets the number of workers follow the load, between the limits of their group.

    Args:
        name: Start of the resources' names.
        stack_id: Decides the namespace of the metrics.
        group: Name of the Auto Scaling group, an output of it. It publishes `GROUP_METRICS`.
        concurrency: Executions of a worker at a time.
        from_zero: Whether there may be no worker, so that alarms start the first and end the last.
        role_name: Role of the stack's host, which publishes the metrics.
        tags: Of the alarms.
        parent: Of all resources.
    """
    child = ResourceOptions(parent=parent)
    space = pulumi.Output.from_input(stack_id).apply(namespace)
    aws.iam.RolePolicy(
        f"{name}-queue-metrics", role=role_name, policy=space.apply(metrics_policy), opts=child
    )
    aws.autoscaling.Policy(
        f"{name}-grow",
        autoscaling_group_name=group,
        policy_type="TargetTrackingScaling",
        estimated_instance_warmup=WARMUP_SECONDS,
        target_tracking_configuration={
            "target_value": TARGET,
            "customized_metric_specification": {"metrics": tracked(space, group, concurrency)},
        },
        opts=child,
    )
    if not from_zero:
        return
    wake = aws.autoscaling.Policy(
        f"{name}-wake",
        autoscaling_group_name=group,
        policy_type="StepScaling",
        adjustment_type="ChangeInCapacity",
        step_adjustments=[{"scaling_adjustment": 1, "metric_interval_lower_bound": "0"}],
        estimated_instance_warmup=WARMUP_SECONDS,
        opts=child,
    )
    sleep = aws.autoscaling.Policy(
        f"{name}-sleep",
        autoscaling_group_name=group,
        policy_type="StepScaling",
        adjustment_type="ExactCapacity",
        step_adjustments=[{"scaling_adjustment": 0, "metric_interval_upper_bound": "0"}],
        opts=child,
    )
    aws.cloudwatch.MetricAlarm(
        f"{name}-wake",
        alarm_description="Executions wait and there is no worker: starts the first one",
        comparison_operator="GreaterThanOrEqualToThreshold",
        threshold=1,
        evaluation_periods=2,
        datapoints_to_alarm=2,
        treat_missing_data="missing",
        metric_queries=alarmed(WAKE, space, group),
        alarm_actions=[wake.arn],
        tags=tags.named("wake"),
        opts=child,
    )
    aws.cloudwatch.MetricAlarm(
        f"{name}-sleep",
        alarm_description=f"Nothing waited or ran for {IDLE_MINUTES} minutes: ends all workers",
        comparison_operator="LessThanOrEqualToThreshold",
        threshold=0,
        evaluation_periods=IDLE_MINUTES,
        datapoints_to_alarm=IDLE_MINUTES,
        # The host publishes nothing if it does not know: that keeps workers.
        treat_missing_data="notBreaching",
        metric_queries=alarmed(IDLE, space, group),
        alarm_actions=[sleep.arn],
        tags=tags.named("sleep"),
        opts=child,
    )
