"""What workers cost."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from geusemaker.components import worker_load
from geusemaker.config import DeploymentConfig
from geusemaker.cost import Estimate, estimate_of, of_workers, over_budget, usd
from geusemaker.cost.workers import KEYS, METRICS, TRACKING_METRICS, ZERO_METRICS

TODAY = date(2026, 11, 30)


def of(region: str = "us-east-1", /, **config: Any) -> Estimate:
    checked = DeploymentConfig.model_validate(config)
    return estimate_of(checked, region=region, today=TODAY, root_gib=75)


def amounts(found: Estimate) -> dict[str, str | None]:
    return {
        part.key: None if part.amount is None else usd(part.amount)
        for part in found.parts
        if part.key in KEYS
    }


def ranges(found: Estimate) -> dict[str, tuple[str, str]]:
    return {
        part.key: (usd(part.low), usd(part.high))
        for part in found.parts
        if part.low is not None and part.high is not None
    }


def test_two_workers_by_part() -> None:
    found = of(workers=2)
    assert amounts(found) == {
        "workers": "280.32",  # 0.192 an hour, 730 hours
        "worker-disks": "12.00",
        "worker-addresses": "7.30",
        "queue-zone": "0.50",
    }
    assert not ranges(found)
    assert found.total - of().total == Decimal("300.12")
    assert found.is_complete
    assert next(part.name for part in found.parts if part.key == "workers") == (
        "2 workers m6i.xlarge"
    )


def test_a_stopped_host_stops_no_worker() -> None:
    config = DeploymentConfig(workers=2)
    stopped = estimate_of(config, region="us-east-1", today=TODAY, root_gib=75, hours=100)
    assert amounts(stopped) == amounts(of(workers=2))


def test_a_number_that_follows_the_load_is_a_range_of_which_a_total_has_the_least() -> None:
    found = of(workers=1, workers_max=4, worker_instance_types=["g5.xlarge"])
    assert amounts(found) == {
        "workers": "734.38",
        "worker-disks": "6.00",
        "worker-addresses": "3.65",
        "queue-zone": "0.50",
        "queue-metrics": "0.60",
        "queue-requests": "0.44",
        "queue-alarms": "0.60",
    }
    assert ranges(found) == {
        "workers": ("734.38", "2,937.52"),
        "worker-disks": ("6.00", "24.00"),
        "worker-addresses": ("3.65", "14.60"),
    }
    assert found.most - found.total == 3 * Decimal("744.03")
    assert "2,937.52 USD with 4 all month" in found.parts[-7].note


def test_workers_from_zero_cost_only_the_queue_at_least() -> None:
    found = of(workers_max=2)
    assert amounts(found) == {
        "workers": "0.00",
        "worker-disks": "0.00",
        "worker-addresses": "0.00",
        "queue-zone": "0.50",
        "queue-metrics": "0.60",
        "queue-requests": "0.44",
        "queue-alarms": "1.00",
    }
    assert ranges(found)["workers"] == ("0.00", "280.32")


def test_spot_workers_are_a_range_over_all_types_that_no_total_has() -> None:
    found = of(
        workers=1,
        workers_max=2,
        worker_market="spot",
        worker_instance_types=["g6.xlarge", "g5.xlarge"],
    )
    part = next(part for part in found.parts if part.key == "workers")
    assert part.amount is None
    # The cheaper type at the least share, once; the other one at the price on demand, twice.
    assert part.low == Decimal("0.8048") * 730 * Decimal("0.167")
    assert part.high == Decimal("1.006") * 730 * 2
    assert part.name == "1 to 2 workers g6.xlarge or another type, Spot"
    assert part.note == "on demand they are 587.50 to 1,468.76 USD"
    assert found.headline().startswith("at least ")
    assert amounts(found)["worker-disks"] == "6.00"


@pytest.mark.parametrize("market", ["on-demand", "spot"])
def test_an_unknown_price_of_a_type_is_never_0(market: str) -> None:
    types = ["g6.xlarge"]
    found = of("eu-west-1", workers_max=2, worker_instance_types=types, worker_market=market)
    part = next(part for part in found.parts if part.key == "workers")
    assert (part.amount, part.low, part.high) == (None, None, None)
    assert part.why == "g6.xlarge is not offered in eu-west-1, or its price is unknown"
    assert amounts(found)["queue-metrics"] is None


def test_the_addresses_of_workers_in_an_adopted_network_are_unknown() -> None:
    vpc = {"vpc_id": "vpc-01234567", "subnet_ids": ("subnet-01234567",)}
    found = of(workers=1, allowed_cidrs=("203.0.113.0/24",), **vpc)
    assert {part.key for part in found.unknown} == {"worker-addresses"}


def test_burstable_workers_may_cost_more() -> None:
    found = of(workers=1, worker_instance_types=["m6i.large", "t3.large"])
    assert {part.key for part in found.unknown} == {"worker-cpu-credits"}


def test_what_workers_cost_in_words() -> None:
    assert of_workers(of(workers=2)) == "about 300.12 USD a month"
    types = {"worker_instance_types": ("g6.xlarge",)}
    assert of_workers(of(workers_max=2, **types)) == "about 2.54 to 1,196.85 USD a month"
    spot = of(workers_max=2, worker_market="spot", **types)
    assert of_workers(spot) == "about 2.54 to 1,196.85 USD a month"
    # Without the alarms, whose price is unknown there.
    abroad = of("eu-central-1", workers_max=2, **types)
    assert of_workers(abroad) == "at least 0.50 USD a month"
    assert of_workers(of()) == "about 0.00 USD a month"


def test_the_budget_counts_the_least_and_warns_of_the_most() -> None:
    def warning(budget: int, workers_max: int = 10) -> str:
        config = DeploymentConfig(
            workers=1, workers_max=workers_max, worker_instance_types=("g5.xlarge",),
            budget_usd=budget,
        )  # fmt: skip
        found = estimate_of(config, region="us-east-1", today=TODAY, root_gib=75)
        return over_budget(config, found) or ""

    assert "734.38 of that for the 1 to 10 workers g5.xlarge" in warning(900)
    said = warning(1700)
    assert "but 7,605.78 with 10 workers all month" in said
    commands = said.split("`")[1::2]
    fewer = int(commands[0].rpartition(" ")[2])
    assert (warning(1700, fewer), bool(warning(1700, fewer + 1))) == ("", True)
    assert warning(int(commands[1].rpartition(" ")[2])) == ""
    # No number of workers fits, so no command sets one.
    config = DeploymentConfig(workers_max=1, budget_usd=170)
    found = estimate_of(config, region="us-east-1", today=TODAY, root_gib=75)
    assert (over_budget(config, found) or "").count("`") == 2


def test_the_metrics_that_cost_are_those_of_the_queue() -> None:
    tracked = worker_load.tracked("space", "group", 5)
    assert 2 * sum("metric_stat" in one for one in tracked) == TRACKING_METRICS
    alarms = [worker_load.alarmed(one, "space", "group") for one in _EXPRESSIONS]
    assert sum("metric" in one for alarm in alarms for one in alarm) == ZERO_METRICS
    assert len({worker_load.WAITING, worker_load.RUNNING}) == METRICS


_EXPRESSIONS = (worker_load.WAKE, worker_load.IDLE)
