"""What the workers of a stack cost a month: hosts, their disks and addresses, the queue's parts."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, Literal

from geusemaker.cost.parts import HOURS_A_MONTH, Part, Pricing, spot, usd
from geusemaker.ec2.instance_types import is_burstable

KEYS: Final = (
    *("workers", "worker-cpu-credits", "worker-disks", "worker-addresses"),
    *("queue-zone", "queue-metrics", "queue-requests", "queue-alarms"),
)
"""The keys of all parts here."""

METRICS: Final = 2
"""Of the queue, published once a minute: what waits, and what runs."""
TRACKING_METRICS: Final = 6
"""Target tracking has two alarms, each on three metrics."""
ZERO_METRICS: Final = 4
"""The alarms that start the first worker and end the last one have two metrics each."""

_MINUTES: Final = 60


@dataclass(frozen=True, slots=True)
class Workers:
    """The workers of a stack.

    Attributes:
        least: How many there are at any time.
        most: How many there may be.
        types: Instance types, the preferred one first.
        disk_gib: GiB of the root disk of each; None if unknown.
        have_addresses: Whether each has a public IPv4 address; None if unknown.
        metrics: Of the queue in CloudWatch; 0 if the number of workers does not follow the load.
        alarm_metrics: AWS bills an alarm for each metric in it.
    """

    least: int
    most: int
    types: tuple[str, ...]
    market: Literal["on-demand", "spot"] = "on-demand"
    disk_gib: int | None = None
    have_addresses: bool | None = True
    metrics: int = 0
    alarm_metrics: int = 0


def worker_parts(workers: Workers, pricing: Pricing, hours: int) -> Iterator[Part]:
    """The parts of the workers.

    Workers cost for the whole month, also while the host is stopped. An amount counts the least
    number of them; where there may be more, `low` and `high` have the range.

    Args:
        workers: The workers.
        pricing: The prices.
        hours: That the host runs a month: it publishes the metrics.
    """
    yield _hosts(workers, pricing)
    if any(map(is_burstable, workers.types)):
        yield Part(
            key="worker-cpu-credits",
            name="CPU time of workers beyond the credits",
            quantity=None,
            unit="vCPU-hour",
            why="depends on use: AWS bills a burstable type for CPU time beyond its credits",
        )
    disks = "disks of workers, gp3"
    if workers.disk_gib is None:
        yield Part(
            key="worker-disks", name=disks, quantity=None, unit="GB-month", why="of unknown size"
        )
    else:
        each = Decimal(workers.disk_gib)
        part = pricing.priced("worker-disks", disks, workers.least * each, "gp3-storage")
        yield _ranged(part, workers, each)
    yield _addresses(workers, pricing)
    yield pricing.priced("queue-zone", "private DNS zone of the queue", Decimal(1), "route53-zone")
    if workers.metrics:
        metrics, alarms = Decimal(workers.metrics), Decimal(workers.alarm_metrics)
        requests = Decimal(hours * _MINUTES) / 1000
        yield pricing.priced("queue-metrics", "metrics of the queue", metrics, "cw-metric")
        yield pricing.priced("queue-requests", "writes of these metrics", requests, "cw-requests")
        yield pricing.priced("queue-alarms", "alarms on the queue", alarms, "cw-alarm")


def _hosts(workers: Workers, pricing: Pricing) -> Part:
    first, *others = workers.types
    name = f"{_count(workers)} {first}{f' or {len(others)} other types' if others else ''}"
    name = name.replace(" 1 other types", " another type")
    hours = Decimal(workers.least * HOURS_A_MONTH)
    prices = {one: pricing.prices.host(one, pricing.region) for one in workers.types}
    missing = [one for one, price in prices.items() if price is None]
    known = [price for price in prices.values() if price is not None]
    if workers.market == "spot" and not missing:
        each = sorted(price.usd * HOURS_A_MONTH for price in known)
        ends = workers.least * each[0], workers.most * each[-1]
        on_demand = usd(ends[0]) if ends[0] == ends[1] else f"{usd(ends[0])} to {usd(ends[1])}"
        return spot(
            pricing,
            "workers",
            f"{name}, Spot",
            hours,
            ends,
            known,
            note=f"on demand they are {on_demand} USD",
        )
    if workers.market == "on-demand" and first not in missing:
        part = pricing.part("workers", name, hours, "hour", prices[first])
        if others:
            part = replace(part, note=f"by the price of {first}, which AWS takes while it has some")
        return _ranged(part, workers, Decimal(HOURS_A_MONTH))
    why = f"{missing[0]} is not offered in {pricing.region}, or its price is unknown"
    return pricing.part("workers", name, hours, "hour", None, why=why)


def _addresses(workers: Workers, pricing: Pricing) -> Part:
    each = Decimal(HOURS_A_MONTH if workers.have_addresses else 0)
    part = pricing.part(
        "worker-addresses",
        "public IPv4 addresses of workers",
        None if workers.have_addresses is None else workers.least * each,
        "hour",
        pricing.prices.rate("public-ipv4", pricing.region),
        why="whether a worker has a public address depends on its subnet"
        if workers.have_addresses is None
        else "",
    )
    return _ranged(part, workers, each)


def _ranged(part: Part, workers: Workers, each: Decimal) -> Part:
    """The part with its range, where there may be more than the least number of workers."""
    if part.amount is None or part.price is None or workers.most == workers.least:
        return part
    high = part.price * each * workers.most
    most = f"{usd(high)} USD with {workers.most} all month"
    note = "; ".join(one for one in (part.note, most) if one)
    return replace(part, low=part.amount, high=high, note=note)


def _count(workers: Workers) -> str:
    least, most = workers.least, workers.most
    return f"{least if least == most else f'{least} to {most}'} worker{'s' if most > 1 else ''}"
