"""A part of the cost, and how a price makes one. Pure; money is in Decimals of USD."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from geusemaker.cost.table import Price, Prices

HOURS_A_MONTH: Final = 730

_CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of the cost. See the package for its fields."""

    key: str
    name: str
    quantity: Decimal | None
    unit: str
    price: Decimal | None = None
    amount: Decimal | None = None
    low: Decimal | None = None
    high: Decimal | None = None
    why: str = ""
    source: str = ""
    as_of: date | None = None
    is_old: bool = False
    is_assumed: bool = False
    note: str = ""


def cents(amount: Decimal) -> Decimal:
    """The amount rounded to cents."""
    return amount.quantize(_CENT, ROUND_HALF_UP)


def usd(amount: Decimal) -> str:
    """Dollars and cents: "1,234.50". "less than 0.01" for an amount that rounds to nothing."""
    rounded = cents(amount)
    if not rounded and amount:
        return "less than 0.01"
    return f"{rounded:,}"


@dataclass(frozen=True, slots=True)
class Pricing:
    """Makes parts of the prices of a Region. `today` decides which of them are old."""

    region: str
    today: date
    prices: Prices

    def priced(
        self, key: str, name: str, quantity: Decimal, rate: str, *, assumption: str = ""
    ) -> Part:
        """A part of so many units of a rate."""
        price = self.prices.rate(rate, self.region)
        unit = self.prices.units[rate]
        return self.part(key, name, quantity, unit, price, assumption=assumption)

    def part(
        self,
        key: str,
        name: str,
        quantity: Decimal | None,
        unit: str,
        price: Price | None,
        *,
        why: str = "",
        assumption: str = "",
    ) -> Part:
        """A part of so many units of a price. `why`: why one of them is None."""
        if price is not None and quantity is not None:
            amount, why = price.usd * quantity, ""
        else:
            amount, why = None, why or f"no price is known for {self.region}"
        return Part(
            key=key,
            name=name,
            quantity=quantity,
            unit=unit,
            amount=amount,
            why=why,
            is_assumed=bool(assumption),
            note=assumption,
            **self.of(price),
        )

    def of(self, price: Price | None) -> dict[str, Any]:
        """The fields of a part that say where its price is from."""
        if price is None:
            return {}
        old = price.is_old(self.today)
        return {
            "price": price.usd,
            "source": price.source,
            "as_of": price.as_of,
            "is_old": old,
        }


def spot(
    pricing: Pricing,
    key: str,
    name: str,
    hours: Decimal,
    on_demand: tuple[Decimal, Decimal],
    hosts: Sequence[Price],
    note: str = "",
) -> Part:
    """A part of Spot hosts: a range that no total has.

    Args:
        on_demand: The least and the most that they cost on demand.
        hosts: The prices of their types on demand.
    """
    low, high = pricing.prices.spot_low, pricing.prices.spot_high
    return Part(
        key=key,
        name=name,
        quantity=hours,
        unit="hour",
        low=on_demand[0] * low.usd,
        high=on_demand[1] * high.usd,
        why="the price of Spot changes by the hour and differs between zones",
        source=low.source,
        as_of=low.as_of,
        is_old=any(one.is_old(pricing.today) for one in (low, *hosts)),
        note=note,
    )
