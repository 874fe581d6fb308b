"""The monthly cost of a stack by part, from plain facts. Pure; money is in Decimals of USD."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final, Literal

from geusemaker.cost.parts import HOURS_A_MONTH, Part, Pricing, spot, usd
from geusemaker.cost.table import Prices, load_prices
from geusemaker.cost.workers import Workers, worker_parts
from geusemaker.ec2.instance_types import is_burstable

# What the price of a gp3 volume includes.
_FREE_IOPS: Final = 3000
_FREE_MIB_S: Final = 125


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
        workers: None without any.
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
    workers: Workers | None = None


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
    def most(self) -> Decimal:
        """The total with all workers that there may be at a time. Not rounded."""
        return sum(
            (part.high or part.amount for part in self.parts if part.amount is not None),
            Decimal(0),
        )

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


def estimate(facts: StackFacts, today: date, prices: Prices | None = None) -> Estimate:
    """The cost a month of a stack.

    Args:
        facts: What the stack has.
        today: The day from which the age of a price counts.
        prices: Another table than the one of this package.
    """
    pricing = Pricing(facts.region, today, prices or load_prices())
    return Estimate(facts, tuple(_Parts(facts, pricing)))


@dataclass(frozen=True, slots=True)
class _Parts:
    facts: StackFacts
    pricing: Pricing

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
        yield self.pricing.priced(
            "root-disk", "root disk, gp3", Decimal(facts.root_gib), "gp3-storage"
        )
        yield self.pricing.priced(
            "data-disk", "data disk, gp3", Decimal(facts.data_gib), "gp3-storage"
        )
        if (iops := facts.iops - _FREE_IOPS) > 0:
            yield self.pricing.priced(
                "data-iops", f"data disk, IOPS above {_FREE_IOPS}", Decimal(iops), "gp3-iops"
            )
        if (throughput := facts.throughput_mib_s - _FREE_MIB_S) > 0:
            yield self.pricing.priced(
                "data-throughput",
                f"data disk, throughput above {_FREE_MIB_S} MiB/s",
                Decimal(throughput),
                "gp3-throughput",
            )
        yield self._address()
        yield self.pricing.priced(
            "files",
            "file system (EFS)",
            assumed.files_gb,
            "efs-standard",
            assumption=f"assumes {assumed.files_gb} GB of files and database dumps",
        )
        if facts.backup_days:
            yield from self._backups()
        yield self.pricing.priced(
            "parameters",
            "parameters (SSM, standard tier)",
            Decimal(facts.parameters),
            "ssm-standard",
        )
        yield self.pricing.priced("settings", "settings (S3)", facts.settings_gb, "s3-standard")
        if facts.has_own_key:
            yield Part(
                key="key-requests",
                name="requests to your KMS key",
                quantity=None,
                unit="10,000 requests",
                why="depends on use; the key itself is yours and costs without the stack too",
                **self.pricing.of(self.pricing.prices.rate("kms-requests", facts.region)),
            )
        yield self.pricing.priced(
            "data-out",
            "data out to the internet",
            assumed.data_out_gb,
            "data-out",
            assumption=f"assumes {assumed.data_out_gb} GB a month",
        )
        if facts.workers is not None:
            yield from worker_parts(facts.workers, self.pricing, facts.hours)

    def _host(self) -> Part:
        facts = self.facts
        price = self.pricing.prices.host(facts.instance_type, facts.region)
        name, hours = f"host {facts.instance_type}", Decimal(facts.hours)
        if facts.market == "on-demand" or price is None:
            why = f"{facts.instance_type} is not offered in {facts.region}, or its price is unknown"
            return self.pricing.part("host", name, hours, "hour", price, why=why)
        full = price.usd * hours
        return spot(
            self.pricing,
            "host",
            f"{name}, Spot",
            hours,
            (full, full),
            (price,),
            note=f"on demand it is {usd(full)} USD",
        )

    def _address(self) -> Part:
        facts = self.facts
        count, hours = facts.public_addresses, facts.hours
        if facts.keeps_address:
            hours = max(hours, HOURS_A_MONTH)
        many = f"{count} public IPv4 addresses" if count and count > 1 else "public IPv4 address"
        quantity = None if count is None else Decimal(count * hours)
        price = self.pricing.prices.rate("public-ipv4", facts.region)
        why = "whether the host has a public address depends on its subnet" if count is None else ""
        return self.pricing.part("address", many, quantity, "hour", price, why=why)

    def _backups(self) -> Iterator[Part]:
        facts, assumed = self.facts, self.facts.assumptions
        kept = 1 + assumed.changed_share * facts.backup_days
        changes = f"{_percent(assumed.changed_share)} of it changed in each of {facts.backup_days}"
        yield self.pricing.priced(
            "data-backups",
            "copies of the data disk (AWS Backup)",
            facts.data_gib * assumed.used_share * kept,
            "ebs-snapshot",
            assumption=f"assumes {_percent(assumed.used_share)} of the disk in use, {changes} days",
        )
        yield self.pricing.priced(
            "files-backups",
            "copies of the file system (AWS Backup)",
            assumed.files_gb * kept,
            "efs-backup",
            assumption=f"assumes {assumed.files_gb} GB, {changes} days",
        )


def _percent(share: Decimal) -> str:
    return f"{(share * 100).normalize():f} %"
