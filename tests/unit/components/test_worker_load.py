"""By what the number of workers follows the load: the expressions, evaluated."""

import ast
import math
from typing import Any

import pytest

from geusemaker.components.worker_load import IDLE, TARGET, WAKE, alarmed, load, tracked

CONCURRENCY = 5


def value(expression: str, **metrics: float) -> float:
    """The expression as CloudWatch evaluates it: `IF` and `AND`, and no division by 0."""
    python = expression.replace("IF(", "choose(").replace(" AND ", " and ")

    def choose(condition: bool, yes: float, no: float) -> float:
        return yes if condition else no

    # CloudWatch evaluates both branches, as this does.
    tree = compile(ast.parse(python, mode="eval"), "expression", "eval")
    return float(eval(tree, {"__builtins__": {}}, {"choose": choose, **metrics}))  # noqa: S307


def wanted(workers: int, waiting: int = 0, running: int = 0) -> int:
    """The number of workers that target tracking sets, by the rule in AWS's documentation."""
    found = value(load(CONCURRENCY), workers=workers, waiting=waiting, running=running)
    return math.ceil(round(workers * found / TARGET, 9))


@pytest.mark.parametrize(
    ("workers", "waiting", "running", "number"),
    [
        (1, 0, 0, 1),  # the last one stays
        (1, 0, 3, 1),
        (1, 0, 4, 2),
        (1, 9, 5, 4),  # 14 executions are 2.8 workers, which is 4 at 0.7
        (2, 0, 7, 2),
        (2, 0, 0, 1),
        (4, 0, 0, 1),  # never to none at once
        (4, 0, 5, 2),
        (4, 100, 20, 35),
    ],
)
def test_each_worker_has_seven_tenths_of_its_executions(
    workers: int, waiting: int, running: int, number: int
) -> None:
    assert wanted(workers, waiting, running) == number


@pytest.mark.parametrize("waiting", [0, 1, 100])
def test_without_workers_target_tracking_has_nothing_to_do(waiting: int) -> None:
    assert value(load(CONCURRENCY), workers=0, waiting=waiting, running=0) == TARGET


@pytest.mark.parametrize(
    ("waiting", "desired", "wakes"),
    [(0, 0, False), (1, 0, True), (9, 0, True), (9, 1, False), (0, 2, False)],
)
def test_what_waits_starts_the_first_worker_only(waiting: int, desired: int, wakes: bool) -> None:
    assert value(WAKE, waiting=waiting, desired=desired) == wakes


@pytest.mark.parametrize(
    ("waiting", "running", "is_idle"), [(0, 0, True), (1, 0, False), (0, 1, False)]
)
def test_a_worker_is_idle_only_if_nothing_waits_or_runs(
    waiting: int, running: int, is_idle: bool
) -> None:
    assert (value(IDLE, waiting=waiting, running=running) <= 0) == is_idle


def _names(found: list[dict[str, Any]]) -> dict[str, tuple[Any, ...]]:
    parts = [(one["id"], one.get("metric") or one["metric_stat"]["metric"]) for one in found[:-1]]
    return {name: (part["namespace"], part["metric_name"]) for name, part in parts}


def test_each_expression_has_its_metrics_and_is_the_only_result() -> None:
    own = {"waiting": ("space", "Waiting"), "running": ("space", "Running")}
    follows = tracked("space", "group", CONCURRENCY)
    assert _names(follows) == {**own, "workers": ("AWS/AutoScaling", "GroupInServiceInstances")}
    assert follows[2]["metric_stat"]["metric"]["dimensions"] == [
        {"name": "AutoScalingGroupName", "value": "group"}
    ]
    idle = alarmed(IDLE, "space", "group")
    assert _names(idle) == own
    wakes = alarmed(WAKE, "space", "group")
    assert _names(wakes) == {
        "waiting": own["waiting"],
        "desired": ("AWS/AutoScaling", "GroupDesiredCapacity"),
    }
    assert wakes[1]["metric"]["dimensions"] == {"AutoScalingGroupName": "group"}
    for found in (follows, idle, wakes):
        assert [one["id"] for one in found if one["return_data"]] == [found[-1]["id"]]
    # Something must wait at both ends of a minute; anything that ran in a minute was work.
    assert [one["metric"]["stat"] for one in wakes[:1]] == ["Minimum"]
    assert {one["metric"]["stat"] for one in idle[:-1]} == {"Maximum"}
