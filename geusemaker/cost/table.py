"""The table of prices, read from `prices.toml` and validated.

No function here reads the current day: the caller passes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from geusemaker.errors import PriceError
from geusemaker.toml_table import Day, Row, Text, read_toml

FILE: Final = Path(__file__).with_name("prices.toml")
OLD_AFTER: Final = timedelta(days=365)


def _decimal(value: object) -> Decimal:
    # A number without quotes is a float, which cannot hold 0.1.
    if not isinstance(value, str):
        raise ValueError('a price must be in quotes, such as "0.08"')
    try:
        return Decimal(value)
    except ArithmeticError:
        raise ValueError(f"{value!r} is not a number") from None


Usd = Annotated[Decimal, BeforeValidator(_decimal), Field(ge=0, allow_inf_nan=False)]
PaidUsd = Annotated[Decimal, BeforeValidator(_decimal), Field(gt=0, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class Price:
    """USD for one unit, with its source and the day for which the source gives it."""

    usd: Decimal
    unit: str
    source: str
    as_of: date

    def is_old(self, today: date) -> bool:
        """Whether it is older than twelve months."""
        return today - self.as_of > OLD_AFTER


class SourceRow(Row):
    key: Text
    page: Text


class RateRow(Row):
    """A kind of price that is not an instance type.

    `offer` and `usage_type` find it in AWS's price list; without them it is not there. AWS's price
    times `times` is the price for one `unit`.
    """

    key: Text
    unit: Text
    offer: Text | None = None
    usage_type: Text | None = None
    times: PaidUsd = Decimal(1)


class PriceRow(Row):
    """The price of a rate in some Regions, on a day."""

    rate: Text
    usd: Usd
    regions: Annotated[tuple[Text, ...], Field(min_length=1)]
    source: Text
    as_of: Day


class InstancesRow(Row):
    """USD an hour on demand, by family and size: Linux, shared tenancy."""

    region: Text
    source: Text
    as_of: Day
    usd_an_hour: dict[str, dict[str, PaidUsd]]


class SpotRow(Row):
    """The least and the largest share of the price on demand that Spot hosts were seen at."""

    low: PaidUsd
    high: PaidUsd
    source: Text
    as_of: Day


class PricesFile(Row):
    """The whole file."""

    source: tuple[SourceRow, ...]
    rate: tuple[RateRow, ...]
    price: tuple[PriceRow, ...]
    spot: Annotated[tuple[SpotRow, ...], Field(min_length=1, max_length=1)]
    instances: Annotated[tuple[InstancesRow, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Prices:
    """All prices. A price that is not here is unknown, never 0."""

    rates: Mapping[tuple[str, str], Price]
    """By key of the rate and Region."""
    hosts: Mapping[tuple[str, str], Price]
    """By Region and instance type."""
    units: Mapping[str, str]
    """By key of the rate."""
    spot_low: Price
    """As a share of the price on demand."""
    spot_high: Price

    @property
    def regions(self) -> tuple[str, ...]:
        """The Regions with prices of hosts."""
        return tuple(dict.fromkeys(region for region, _ in self.hosts))

    def rate(self, key: str, region: str) -> Price | None:
        """The price of a rate; None if unknown there."""
        return self.rates.get((key, region))

    def host(self, instance_type: str, region: str) -> Price | None:
        """The price of an hour on demand; None if the type is not offered or not known there."""
        return self.hosts.get((region, instance_type))


@cache
def load_prices(path: Path = FILE) -> Prices:
    """Read and check a table of prices, by default the one in this package; read once per path.

    Raises:
        PriceError: The file is broken; the message names file, line and field, or the value.
    """
    return read_toml(path, PricesFile, _joined, PriceError)


def _joined(file: PricesFile) -> Prices:
    """The prices of a file. `ValueError` for tables that contradict each other."""
    pages = {row.key: row.page for row in file.source}
    units = {row.key: row.unit for row in file.rate}

    def page(key: str) -> str:
        if key not in pages:
            raise ValueError(f"there is no [[source]] {key!r}; known are {', '.join(pages)}")
        return pages[key]

    rates: dict[tuple[str, str], Price] = {}
    for row in file.price:
        if row.rate not in units:
            raise ValueError(f"there is no [[rate]] {row.rate!r}; known are {', '.join(units)}")
        for region in row.regions:
            if (row.rate, region) in rates:
                raise ValueError(f"[[price]] {row.rate!r} has {region} twice")
            price = Price(row.usd, units[row.rate], page(row.source), row.as_of)
            rates[row.rate, region] = price
    hosts: dict[tuple[str, str], Price] = {}
    for block in file.instances:
        for family, sizes in block.usd_an_hour.items():
            for size, usd in sizes.items():
                place = block.region, f"{family}.{size}"
                if place in hosts:
                    raise ValueError(f"[[instances]] {block.region} has {place[1]} twice")
                hosts[place] = Price(usd, "hour", page(block.source), block.as_of)
    (spot,) = file.spot
    low, high = (
        Price(share, "share", page(spot.source), spot.as_of) for share in (spot.low, spot.high)
    )
    return Prices(rates, hosts, units, low, high)
