"""The monthly cost of a stack by part, from plain facts. Pure; money is in Decimals of USD."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final, Literal

from geusemaker.cost.table import Price, Prices, load_prices
from geusemaker.ec2.instance_types import is_burstable

HOURS_A_MONTH: Final = 730

# What the price of a gp3 volume includes.
_FREE_IOPS: Final = 3000
_FREE_MIB_S: Final = 125

_CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What depends on use, a month. Each part that has one names it.

    Attributes:
        files_gb: On the file system: n8n's files and database dumps.
        used_share: Share of the data volume that holds data. Snapshots copy only that.
        changed_share: Share of the data that changes from one night to the next.
        data_out_gb: To the internet.
    """

    files_gb: Decimal = Decimal(5)
    used_share: Decimal = Decimal("0.5")
    changed_share: Decimal = Decimal("0.02")
    data_out_gb: Decimal = Decimal(10)


@dataclass(frozen=True, slots=True)
class StackFacts:
    """What a stack has that AWS bills.

    Attributes:
        hours: Of the running host a month; disks, files and copies cost for the whole month.
        iops: Of the data volume.
        throughput_mib_s: Of the data volume, MiB a second.
        public_addresses: Public IPv4 addresses; None if unknown.
        keeps_address: Whether the addresses stay while the host is stopped: Elastic IPs do.
        backup_days: Days that AWS Backup keeps the nightly copies; 0 without copies.
        has_own_key: Whether a KMS key of the user encrypts the stack.
        parameters: SSM parameters, all of the standard tier.
        settings_gb: In the S3 bucket of the settings.
    """

    region: str
    instance_type: str
    root_gib: int
    data_gib: int
    hours: int = HOURS_A_MONTH
    market: Literal["on-demand", "spot"] = "on-demand"
    iops: int = _FREE_IOPS
    throughput_mib_s: int = _FREE_MIB_S
    public_addresses: int | None = 1
    keeps_address: bool = False
    backup_days: int = 7
    has_own_key: bool = False
    parameters: int = 3
    settings_gb: Decimal = Decimal("0.001")
    assumptions: Assumptions = field(default_factory=Assumptions)


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


@dataclass(frozen=True, slots=True)
class Estimate:
    """The cost of a stack a month, by part."""

    facts: StackFacts
    parts: tuple[Part, ...]

    @property
    def total(self) -> Decimal:
        """USD of the parts with an amount, assumed ones too. Not rounded."""
        return sum((part.amount for part in self.parts if part.amount is not None), Decimal(0))

    @property
    def unknown(self) -> tuple[Part, ...]:
        """The parts that the total leaves out."""
        return tuple(part for part in self.parts if part.amount is None)

    @property
    def is_complete(self) -> bool:
        """Whether the total has every part."""
        return not self.unknown

    @property
    def old(self) -> tuple[Part, ...]:
        """The parts with a price older than twelve months."""
        return tuple(part for part in self.parts if part.is_old)

    def headline(self) -> str:
        """The total in words."""
        return f"{'about' if self.is_complete else 'at least'} {usd(self.total)} USD a month"


def cents(amount: Decimal) -> Decimal:
    """The amount rounded to cents."""
    return amount.quantize(_CENT, ROUND_HALF_UP)


def usd(amount: Decimal) -> str:
    """Dollars and cents: "1,234.50". "less than 0.01" for an amount that rounds to nothing."""
    rounded = cents(amount)
    if not rounded and amount:
        return "less than 0.01"
    return f"{rounded:,}"


def estimate(facts: StackFacts, today: date, prices: Prices | None = None) -> Estimate:
    """The cost a month of a stack.

    Args:
        facts: What the stack has.
        today: The day from which the age of a price counts.
        prices: Another table than the one of this package.
    """
    table = prices or load_prices()
    return Estimate(facts, tuple(_Parts(facts, today, table)))


@dataclass(frozen=True, slots=True)
class _Parts:
    facts: StackFacts
    today: date
    prices: Prices

    def __iter__(self) -> Iterator[Part]:
        facts, assumed = self.facts, self.facts.assumptions
        yield self._host()
        if is_burstable(facts.instance_type):
            yield Part(
                key="cpu-credits",
                name="CPU time beyond the credits",
                quantity=None,
                unit="vCPU-hour",
                why="depends on use: AWS bills a burstable type for CPU time beyond its credits",
            )
        yield self._priced("root-disk", "root disk, gp3", Decimal(facts.root_gib), "gp3-storage")
        yield self._priced("data-disk", "data disk, gp3", Decimal(facts.data_gib), "gp3-storage")
        if (iops := facts.iops - _FREE_IOPS) > 0:
            yield self._priced(
                "data-iops", f"data disk, IOPS above {_FREE_IOPS}", Decimal(iops), "gp3-iops"
            )
        if (throughput := facts.throughput_mib_s - _FREE_MIB_S) > 0:
            yield self._priced(
                "data-throughput",
                f"data disk, throughput above {_FREE_MIB_S} MiB/s",
                Decimal(throughput),
                "gp3-throughput",
            )
        yield self._address()
        yield self._priced(
            "files",
            "file system (EFS)",
            assumed.files_gb,
            "efs-standard",
            assumption=f"assumes {assumed.files_gb} GB of files and database dumps",
        )
        if facts.backup_days:
            yield from self._backups()
        yield self._priced(
            "parameters",
            "parameters (SSM, standard tier)",
            Decimal(facts.parameters),
            "ssm-standard",
        )
        yield self._priced("settings", "settings (S3)", facts.settings_gb, "s3-standard")
        if facts.has_own_key:
            yield Part(
                key="key-requests",
                name="requests to your KMS key",
                quantity=None,
                unit="10,000 requests",
                why="depends on use; the key itself is yours and costs without the stack too",
                **self._of(self.prices.rate("kms-requests", facts.region)),
            )
        yield self._priced(
            "data-out",
            "data out to the internet",
            assumed.data_out_gb,
            "data-out",
            assumption=f"assumes {assumed.data_out_gb} GB a month",
        )

    def _host(self) -> Part:
        facts = self.facts
        price = self.prices.host(facts.instance_type, facts.region)
        name, hours = f"host {facts.instance_type}", Decimal(facts.hours)
        if facts.market == "on-demand" or price is None:
            why = f"{facts.instance_type} is not offered in {facts.region}, or its price is unknown"
            return self._part("host", name, hours, "hour", price, why=why)
        full = price.usd * hours
        low, high = self.prices.spot_low, self.prices.spot_high
        return Part(
            key="host",
            name=f"{name}, Spot",
            quantity=hours,
            unit="hour",
            low=full * low.usd,
            high=full * high.usd,
            why="the price of Spot changes by the hour and differs between zones",
            source=low.source,
            as_of=low.as_of,
            is_old=low.is_old(self.today) or price.is_old(self.today),
            note=f"on demand it is {usd(full)} USD",
        )

    def _address(self) -> Part:
        facts = self.facts
        count, hours = facts.public_addresses, facts.hours
        if facts.keeps_address:
            hours = max(hours, HOURS_A_MONTH)
        many = f"{count} public IPv4 addresses" if count and count > 1 else "public IPv4 address"
        quantity = None if count is None else Decimal(count * hours)
        price = self.prices.rate("public-ipv4", facts.region)
        why = "whether the host has a public address depends on its subnet" if count is None else ""
        return self._part("address", many, quantity, "hour", price, why=why)

    def _backups(self) -> Iterator[Part]:
        facts, assumed = self.facts, self.facts.assumptions
        kept = 1 + assumed.changed_share * facts.backup_days
        changes = f"{_percent(assumed.changed_share)} of it changed in each of {facts.backup_days}"
        yield self._priced(
            "data-backups",
            "copies of the data disk (AWS Backup)",
            facts.data_gib * assumed.used_share * kept,
            "ebs-snapshot",
            assumption=f"assumes {_percent(assumed.used_share)} of the disk in use, {changes} days",
        )
        yield self._priced(
            "files-backups",
            "copies of the file system (AWS Backup)",
            assumed.files_gb * kept,
            "efs-backup",
            assumption=f"assumes {assumed.files_gb} GB, {changes} days",
        )

    def _priced(
        self, key: str, name: str, quantity: Decimal, rate: str, *, assumption: str = ""
    ) -> Part:
        price = self.prices.rate(rate, self.facts.region)
        unit = self.prices.units[rate]
        return self._part(key, name, quantity, unit, price, assumption=assumption)

    def _part(
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
        if price is not None and quantity is not None:
            amount, why = price.usd * quantity, ""
        else:
            amount, why = None, why or f"no price is known for {self.facts.region}"
        return Part(
            key=key,
            name=name,
            quantity=quantity,
            unit=unit,
            amount=amount,
            why=why,
            is_assumed=bool(assumption),
            note=assumption,
            **self._of(price),
        )

    def _of(self, price: Price | None) -> dict[str, Any]:
        if price is None:
            return {}
        old = price.is_old(self.today)
        return {
            "price": price.usd,
            "source": price.source,
            "as_of": price.as_of,
            "is_old": old,
        }


def _percent(share: Decimal) -> str:
    return f"{(share * 100).normalize():f} %"
