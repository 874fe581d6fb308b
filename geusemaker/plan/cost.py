"""The monthly cost of the resources of a plan, or of a state. Pure."""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from geusemaker import cost
from geusemaker.cost.resources import ADDRESS, INSTANCE, PARAMETER, VOLUME
from geusemaker.plan.model import Cost, CostPart
from geusemaker.plan.workers import workers_of
from pulumi_moto.state import State, Step

Typed = tuple[str, Mapping[str, Any]]
"""The type of a resource, and its inputs."""


def of_steps(steps: Iterable[Step], region: str, hours: int, today: date) -> Cost | None:
    """The cost after a change; None if something that it depends on is not known."""
    left = [(step.type, step.inputs) for step in steps if step.operation != "delete"]
    return _of(left, region, hours, today)


def of_state(state: State, region: str, hours: int, today: date) -> Cost | None:
    """The cost of a recorded stack; None for one without a host."""
    found = [(one.type, one.inputs) for one in state.resources.values()]
    return _of(found, region, hours, today)


def unknown_change(before: Cost, after: Cost) -> tuple[str, ...]:
    """The parts whose unknown cost a change adds, removes or alters. The totals lack them."""

    def unknown(of: Cost) -> set[tuple[str, str]]:
        return {
            (part.name, part.what) for part in of.parts if part.low is None or not part.is_counted
        }

    return tuple(sorted({name for name, _ in unknown(before) ^ unknown(after)}))


def _of(resources: list[Typed], region: str, hours: int, today: date) -> Cost | None:
    def of(type_: str) -> list[Mapping[str, Any]]:
        return [inputs for one, inputs in resources if one == type_]

    hosts, volumes = of(INSTANCE), of(VOLUME)
    root = hosts[0].get("rootBlockDevice") if hosts else None
    root_gib = root.get("volumeSize") if isinstance(root, Mapping) else None
    if not hosts or not volumes or not isinstance(root_gib, int):
        return None
    fixed = len(of(ADDRESS))
    # Whether an adopted subnet gives addresses is not looked up.
    is_own = any(inputs.get("mapPublicIpOnLaunch") for inputs in of("aws:ec2/subnet:Subnet"))
    facts = cost.StackFacts(
        region=region,
        instance_type=hosts[0]["instanceType"],
        root_gib=root_gib,
        data_gib=volumes[0]["size"],
        hours=hours,
        public_addresses=fixed or (1 if is_own else None),
        keeps_address=bool(fixed),
        backup_days=_backup_days(of("aws:backup/plan:Plan")),
        has_own_key=bool(volumes[0].get("kmsKeyId")),
        parameters=len(of(PARAMETER)),
        workers=workers_of(of, have_addresses=True if is_own else None),
    )
    return _shown(cost.estimate(facts, today))


def _backup_days(plans: list[Mapping[str, Any]]) -> int:
    rules = plans[0].get("rules") if plans else None
    return int(rules[0]["lifecycle"]["deleteAfter"]) if rules else 0


def _shown(found: cost.Estimate) -> Cost:
    days = [part.as_of for part in found.parts if part.as_of]
    old = "Prices with a day are older than twelve months." if found.old else ""
    return Cost(
        hours=found.facts.hours,
        as_of=str(min(days)) if days else "",
        low=float(cost.cents(found.total)),
        high=float(cost.cents(found.most)),
        is_complete=found.is_complete,
        parts=tuple(_part(part) for part in found.parts),
        notes=(
            "List prices without tax, discounts and free tiers.",
            *((old,) if old else ()),
        ),
    )


def _quantity(quantity: Decimal, unit: str) -> str:
    is_countable = quantity != 1 and not unit.endswith(("GB", "requests"))
    return f"{quantity.normalize():f} {unit}{'s' if is_countable else ''}"


def _part(part: cost.Part) -> CostPart:
    quantity = "" if part.quantity is None else _quantity(part.quantity, part.unit)
    age = f"price of {part.as_of}" if part.is_old else ""
    texts = (quantity, age, part.why, part.note)
    return CostPart(
        key=part.key,
        name=part.name,
        what="; ".join(text for text in texts if text),
        low=_usd(part.amount if part.low is None else part.low),
        high=_usd(part.amount if part.high is None else part.high),
        source=part.source,
        is_counted=part.amount is not None,
    )


def _usd(amount: Decimal | None) -> float | None:
    return None if amount is None else float(cost.cents(amount))
