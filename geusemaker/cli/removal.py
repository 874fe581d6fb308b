"""What a removal deletes and keeps, and its receipt. Pure.

Without the data, everything of a stack goes but what holds data, what copies it, and the choices
that a stack keeps: a later deployment creates the host again with the same data, in the same zone,
from the same image.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

from geusemaker.cost import load_prices, usd
from geusemaker.cost.resources import (
    ADDRESS,
    FILES,
    INSTANCE,
    MOUNT,
    PARAMETER,
    VAULT,
    VOLUME,
    monthly,
)
from geusemaker.plan.model import Part
from geusemaker.pulumi_cli.state import Recorded, StackState

VERSION: Final = 1
"""The version of the receipt's JSON."""
_DEFAULT_GROUP: Final = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
"""Pulumi deletes none: it is a part of its VPC."""
_WITH_IT: Final[Mapping[str, tuple[tuple[str, str, str], ...]]] = {
    INSTANCE: (("rootBlockDevice.volumeId", VOLUME, "root"),),
    "aws:ec2/vpc:Vpc": (
        ("mainRouteTableId", "aws:ec2/mainRouteTable:MainRouteTable", "main-routes"),
        ("defaultNetworkAclId", "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl", "default-acl"),
        ("defaultSecurityGroupId", _DEFAULT_GROUP, "default-group"),
    ),
}
"""What AWS makes and deletes together with a resource: property, type, end of the name."""
Members = tuple[tuple[str, str], ...]
"""Instances of an Auto Scaling group and their disks: id and type of each."""

_NONE: Final[Mapping[str, Members]] = {}
_STASH: Final = "pulumi:index:Stash"
_STORAGE: Final = "geusemaker-storage"
_WITHOUT_DATA: Final = ("geusemaker-compute", "geusemaker-workers")
"""Components of which nothing is kept."""
CREDENTIALS: Final = "geusemaker-identity-credentials"


@dataclass(frozen=True)
class Shown:
    """What AWS shows of a resource.

    Attributes:
        exists: None if AWS was not called, or did not answer.
        used: See `geusemaker.cost.resources.monthly`.
        members: Of an Auto Scaling group.
    """

    exists: bool | None = None
    used: int | None = None
    members: Members = ()


def is_data(one: Recorded) -> bool:
    """Whether it holds data, copies of data, or the secrets without which neither is of use."""
    return one.type in (VOLUME, FILES, VAULT) or (one.type == PARAMETER and one.name == CREDENTIALS)


def is_kept(one: Recorded) -> bool:
    """Whether a removal without the data keeps it."""
    return (
        one.protect
        or is_data(one)
        or one.name == CREDENTIALS
        or (one.parent == _STORAGE and one.type != MOUNT)
        or (one.type == _STASH and one.parent not in _WITHOUT_DATA)
    )


@dataclass(frozen=True)
class Removal:
    """A removal of a stack in the state before it.

    Attributes:
        deletes_data: Whether the data goes. A stack without data has none to keep.
    """

    state: StackState
    deletes_data: bool

    @property
    def has_data(self) -> bool:
        """Whether the stack has data."""
        return any(map(is_data, self.state.resources))

    @property
    def kept(self) -> list[Recorded]:
        """What is excluded from the removal."""
        if self.deletes_data or not self.has_data:
            return []
        return [one for one in self.state.resources if is_kept(one)]

    @property
    def goes(self) -> list[Recorded]:
        """The resources in AWS that are deleted."""
        kept = self.kept
        return [one for one in self.state.resources if one.is_of_aws and one not in kept]

    @property
    def options(self) -> list[str]:
        """The options of `pulumi destroy`."""
        if kept := self.kept:
            return [part for one in kept for part in ("--exclude", one.urn)]
        return ["--ignore-protect"]


class Entry(Part):
    """One id of the stack.

    Attributes:
        usd_a_month: What it costs a month from now on; None if unknown. 0 for what is deleted.
        what: Its quantity, or why its cost is unknown.
        is_left: Whether it had to go, and is kept because the removal ended early.
    """

    id: str
    name: str
    type: str
    outcome: Literal["deleted", "kept"]
    usd_a_month: float | None
    what: str = ""
    is_left: bool = False

    @property
    def kind(self) -> str:
        """Its type in one word."""
        return self.type.rpartition(":")[2]


class Receipt(Part):
    """What a removal has done.

    Attributes:
        is_complete: Whether everything that had to go is deleted.
        entries: Every id in AWS that the stack had.
        usd_a_month: The known costs of what is kept; `is_cost_complete` if none is unknown.
        not_of_the_stack: What it used, and what it does not delete.
        failure: Why it ended early; None if it did not.
        next: Commands to run next.
    """

    version: Literal[1] = VERSION
    stack: str
    region: str
    account: str
    simulated: bool
    is_complete: bool
    entries: tuple[Entry, ...]
    usd_a_month: float
    is_cost_complete: bool
    not_of_the_stack: tuple[str, ...]
    notes: tuple[str, ...]
    failure: str | None
    next: tuple[str, ...]

    def json_text(self) -> str:
        """The receipt as JSON."""
        return self.model_dump_json(by_alias=True, indent=2)

    def of(self, outcome: str) -> list[Entry]:
        """The entries with one outcome: first what had to go, then what costs, then by type."""
        found = [one for one in self.entries if one.outcome == outcome]
        return sorted(
            found, key=lambda one: (not one.is_left, one.usd_a_month == 0, one.kind, one.id)
        )


def entries_of(
    removal: Removal,
    left: Iterable[Recorded],
    shown: Callable[[Recorded], Shown],
    region: str,
    workers: Mapping[str, Members] = _NONE,
) -> tuple[Entry, ...]:
    """Every id in AWS of a stack; `left` is what is still in the state after the removal.

    `workers` are the members that each group had before it, by the group's id.
    """
    return tuple(_entries(removal, {(one.urn, one.id) for one in left}, shown, region, workers))


def _entries(
    removal: Removal,
    still: set[tuple[str, str]],
    shown: Callable[[Recorded], Shown],
    region: str,
    workers: Mapping[str, Members],
) -> Iterator[Entry]:
    prices, goes = load_prices(), removal.goes
    has_address = bool(removal.state.of(ADDRESS))
    for one in removal.state.resources:
        if not one.is_of_aws or one.type == _DEFAULT_GROUP:
            continue
        outcome: Literal["deleted", "kept"] = "deleted"
        what = ""
        cost: Decimal | None = Decimal(0)
        if (one.urn, one.id) in still:
            now = shown(one)
            if now.exists is False:
                what = "AWS no longer has it; `pulumi refresh` removes it from the state"
            else:
                # The host's own address is the fixed one.
                outputs = {**one.outputs, "publicIp": ""} if has_address else one.outputs
                outcome = "kept"
                cost, what = monthly(one.type, outputs, now.used, region, prices)
        entry = Entry(
            id=one.id,
            name=one.name,
            type=one.type,
            outcome=outcome,
            usd_a_month=None if cost is None else float(round(cost, 2)),
            what=what,
            is_left=outcome == "kept" and one in goes,
        )
        yield entry
        for id_, type_ in workers.get(one.id, ()):
            own = {"id": id_, "type": type_, "name": f"{one.name}-member", "usd_a_month": 0.0}
            yield entry.model_copy(update={**own, "what": f"with {one.id}"})
        for key, type_, name in _WITH_IT.get(one.type, ()):
            if id_ := _at(one.outputs, key):
                own = {"id": id_, "type": type_, "name": f"{one.name}-{name}", "usd_a_month": 0.0}
                yield entry.model_copy(update={**own, "what": f"with {one.id}"})


def _at(outputs: Mapping[str, Any], path: str) -> str:
    """The text at a path such as "rootBlockDevice.volumeId"; empty without one."""
    found: Any = outputs
    for key in path.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else ""


def not_of_the_stack(state: StackState) -> tuple[str, ...]:
    """What the stack uses without owning it: an adopted network, a hosted zone, a key."""
    own = {one.id for one in state.resources}
    found = []
    for one in state.resources:
        for key, what in (("vpcId", "VPC"), ("subnetId", "subnet"), ("zoneId", "hosted zone")):
            id_ = one.outputs.get(key)
            if one.is_of_aws and isinstance(id_, str) and id_ and id_ not in own:
                found.append(f"{what} {id_}")
        key_arn = one.outputs.get("output") if one.name == f"{_STORAGE}-key" else None
        if isinstance(key_arn, str) and key_arn:
            found.append(f"KMS key {key_arn}")
    return tuple(dict.fromkeys(found))


def total(entries: tuple[Entry, ...]) -> tuple[float, bool]:
    """The known costs of what is kept in USD a month, and whether all are known."""
    costs = [one.usd_a_month for one in entries if one.outcome == "kept"]
    return round(sum(one for one in costs if one is not None), 2), None not in costs


def cost_words(entries: tuple[Entry, ...]) -> str:
    """The total in words."""
    amount, is_complete = total(entries)
    about = "about" if is_complete else "at least"
    return f"{about} {usd(Decimal(str(amount)))} USD a month by list prices"
