"""By what the number of workers follows the load: metrics of CloudWatch, and expressions of them.

The host publishes `WAITING` and `RUNNING` each minute. Three rules read them:

- With workers, target tracking keeps the load of each at `TARGET`, and never ends the last one.
- Without workers, an alarm starts the first one when something has waited for a minute.
- After `IDLE_MINUTES` in which nothing waited or ran, an alarm ends all.

No rule ends a worker while data is missing. Pure.
"""

from typing import Any, Final

import pulumi

WAITING: Final = "Waiting"
RUNNING: Final = "Running"
TARGET: Final = 0.7
"""Executions of a worker, waiting ones too, in parts of its concurrency."""
IDLE_MINUTES: Final = 20
PERIOD: Final = 60

WAKE: Final = "IF(waiting > 0 AND desired < 1, 1, 0)"
"""1 while something waits and no worker is there or on its way."""
IDLE: Final = "waiting + running"
"""0 while there is nothing to do."""

_IN_SERVICE: Final = "GroupInServiceInstances"
_DESIRED: Final = "GroupDesiredCapacity"
_METRICS: Final = {
    "waiting": WAITING,
    "running": RUNNING,
    "workers": _IN_SERVICE,
    "desired": _DESIRED,
}
GROUP_METRICS: Final = (_DESIRED, _IN_SERVICE)
"""Metrics that the group must publish."""


def namespace(stack_id: str) -> str:
    """Where the host of a stack publishes. Its role may publish nowhere else."""
    return f"GeuseMaker/{stack_id}"


def load(concurrency: int) -> str:
    """The expression that target tracking keeps at `TARGET`.

    Target tracking sets the number of workers to this value times the workers, divided by the
    target. So it asks for one worker at least, and changes nothing without workers.
    """
    work = f"(waiting + running) / {concurrency}"
    each = f"IF({work} > {TARGET}, {work}, {TARGET}) / IF(workers < 1, 1, workers)"
    return f"IF(workers < 1, {TARGET}, {each})"


def tracked(
    space: pulumi.Input[str], group: pulumi.Input[str], concurrency: int
) -> list[dict[str, Any]]:
    """The metrics of the target tracking policy."""
    found: list[dict[str, Any]] = [
        {
            "id": one,
            "metric_stat": {
                "metric": {
                    "namespace": _space(one, space),
                    "metric_name": _METRICS[one],
                    "dimensions": [
                        {"name": name, "value": value} for name, value in _of(one, group).items()
                    ],
                },
                "stat": "Average",
            },
            "return_data": False,
        }
        for one in ("waiting", "running", "workers")
    ]
    return [*found, {"id": "load", "expression": load(concurrency), "return_data": True}]


def alarmed(
    expression: str, space: pulumi.Input[str], group: pulumi.Input[str]
) -> list[dict[str, Any]]:
    """The metrics of an alarm on `WAKE` or `IDLE`."""
    found: list[dict[str, Any]] = [
        {
            "id": one,
            "metric": {
                "namespace": _space(one, space),
                "metric_name": _METRICS[one],
                "dimensions": _of(one, group),
                "period": PERIOD,
                "stat": "Minimum" if expression == WAKE and one == "waiting" else "Maximum",
            },
            "return_data": False,
        }
        for one in _METRICS
        if one in expression
    ]
    # An alarm shows its label.
    return [
        *found,
        {"id": "rule", "expression": expression, "label": expression, "return_data": True},
    ]


def _space(one: str, space: pulumi.Input[str]) -> pulumi.Input[str]:
    return space if one in ("waiting", "running") else "AWS/AutoScaling"


def _of(one: str, group: pulumi.Input[str]) -> dict[str, pulumi.Input[str]]:
    return {} if one in ("waiting", "running") else {"AutoScalingGroupName": group}
