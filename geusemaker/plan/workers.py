"""The workers of a stack: what they are, and what a change does to them. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal

from geusemaker import bundle, cost
from geusemaker.cost.resources import ALARM, GROUP, POLICY, TEMPLATE, metrics_of
from pulumi_moto.state import Step

NAME: Final = "geusemaker-workers"
"""Begins the names of all resources of workers."""

Inputs = Mapping[str, Any]
Of = Callable[[str], list[Inputs]]
"""The inputs of all resources of a type."""

_ALARMS: Final = 2
"""Of a target tracking policy, which AWS makes."""


def workers_of(of: Of, *, have_addresses: bool | None) -> cost.Workers | None:
    """The workers among the resources; None without a group of them.

    Args:
        of: The resources.
        have_addresses: Whether their subnets give public addresses; None if unknown.
    """
    groups = of(GROUP)
    if not groups:
        return None
    group = groups[0]
    tracked = [_tracked(one) for one in of(POLICY)]
    queue = {
        one["metricStat"]["metric"]["metricName"]
        for metrics in tracked
        for one in metrics
        if not str(one["metricStat"]["metric"]["namespace"]).startswith("AWS/")
    }
    return cost.Workers(
        least=int(group["minSize"]),
        most=int(group["maxSize"]),
        types=types_of(group),
        market=_market(group),
        disk_gib=next(map(_disk_gib, of(TEMPLATE)), None),
        have_addresses=have_addresses,
        metrics=len(queue),
        alarm_metrics=_ALARMS * sum(map(len, tracked)) + sum(map(metrics_of, of(ALARM))),
    )


def types_of(group: Inputs) -> tuple[str, ...]:
    """The instance types of a group, the preferred one first."""
    overrides = group["mixedInstancesPolicy"]["launchTemplate"]["overrides"]
    return tuple(str(one["instanceType"]) for one in overrides)


def changes_of(
    steps: Sequence[Step],
    before: Mapping[str, str],
    after: Mapping[str, str],
    drain_seconds: int,
    *,
    host_stops: bool,
) -> Iterator[str]:
    """What happens to workers, one sentence each.

    Args:
        steps: Of the run.
        before, after: The bundles of workers; empty without one.
        drain_seconds: How long a worker that ends waits, if no bundle says so.
        host_stops: Whether the host of the stack stops, or another one takes its place.
    """
    waits = f"waits up to {_drain(before) or drain_seconds} seconds for executions that run"
    leaves = f"takes no new execution, {waits}, and ends"
    for step in steps:
        if step.type == GROUP and step.operation != "same":
            yield from _of_group(step, leaves)
    if host_stops and before and after:
        yield (
            "Workers wait for the queue while the host is unavailable. Executions that wait are "
            "kept; those that run end as errors."
        )
    if restarted := bundle.restarted(before, after):
        yield (
            "On each worker these start again with new settings, within a minute of those on the "
            f"host: {', '.join(restarted)}. n8n first {waits}."
        )


def _of_group(step: Step, leaves: str) -> Iterator[str]:
    if step.operation == "create":
        yield _joining(step.inputs)
    elif step.operation == "delete":
        # Pulumi deletes last: the host applies its settings without a queue before the group ends.
        yield (
            "All workers leave, and the host leaves the queue within a minute: executions that "
            "still run on workers then end as errors, and those that wait run on the host. To let "
            "them end first: `aws autoscaling update-auto-scaling-group --auto-scaling-group-name "
            f"{step.before['name']} --min-size 0 --desired-capacity 0`, until `geusemaker status` "
            "shows no worker."
        )
    elif step.operation == "replace":
        yield f"The group of workers is replaced. Each old one {leaves}."
    else:
        yield from _another_size(step.before, step.inputs, leaves)
        if any(one.path.startswith("mixedInstancesPolicy") for one in step.changes):
            yield (
                "Workers with the old image, boot script, disk or type are replaced one after the "
                "other: a new one is ready before an old one ends."
            )


def _another_size(before: Inputs, after: Inputs, leaves: str) -> Iterator[str]:
    old, new = _size(before), _size(after)
    is_fixed = old[0] == old[1] and new[0] == new[1]
    fewer, more = old[1] - new[1], new[0] - old[0]
    if fewer > 0:
        which = f"{fewer} {_workers(fewer)} leave: each" if is_fixed else ""
        most = f"There may be {new[1]} {_workers(new[1])} at most: each further one"
        yield f"{which or most} {leaves}."
    if more > 0:
        what = f"{more} more {_workers(more)} start" if is_fixed else ""
        least = f"There {'is' if new[0] == 1 else 'are'} at least {new[0]} {_workers(new[0])}"
        yield f"{what or least}."


def _size(group: Inputs) -> tuple[int, int]:
    return int(group["minSize"]), int(group["maxSize"])


def _joining(group: Inputs) -> str:
    least = int(group["minSize"])
    if not least:
        return "The first worker starts when executions wait for a minute."
    return (
        f"{least} {_workers(least)} start. Executions wait in the queue until the first one is "
        "ready."
    )


def _workers(count: int) -> str:
    return "worker" if count == 1 else "workers"


def _drain(files: Mapping[str, str]) -> int | None:
    """Seconds in the bundle of a worker."""
    lines = (line.split() for line in files.get("workers", "").splitlines())
    return next((int(line[1]) for line in lines if line[:1] == ["drain"]), None)


def _market(group: Inputs) -> Literal["on-demand", "spot"]:
    distribution = group["mixedInstancesPolicy"].get("instancesDistribution") or {}
    share = distribution.get("onDemandPercentageAboveBaseCapacity")
    return "spot" if share == 0 else "on-demand"


def _tracked(policy: Inputs) -> list[Inputs]:
    """The metrics of a target tracking policy."""
    found = policy.get("targetTrackingConfiguration") or {}
    metrics = (found.get("customizedMetricSpecification") or {}).get("metrics") or ()
    return [one for one in metrics if one.get("metricStat")]


def _disk_gib(template: Inputs) -> int | None:
    disks = template.get("blockDeviceMappings") or ()
    found = disks[0]["ebs"].get("volumeSize") if disks else None
    return found if isinstance(found, int) else None
