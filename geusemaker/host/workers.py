"""The workers of a stack: their group, their reports, and the queue that they work on. Pure.

A worker writes its own report and no other. Each is read only for the instance in its key, and only
if that instance is in the stack's group.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from geusemaker.ec2.quotas import Market
from geusemaker.host import screen
from geusemaker.host.report import Record
from geusemaker.host.status import HostStatus, Instance, Verdict

State = Literal[
    "simulated",
    "unknown",
    "starting",
    "ready",
    "applying",
    "refused",
    "draining",
    "left",
    "failed",
    "silent",
]

PATIENCE: Final = timedelta(minutes=5)
"""A group that grows from 0 requests its first worker after two minutes of waiting."""

_KEY: Final = re.compile(r"reports/[A-Z0-9]{16,128}:(i-[0-9a-f]{8,17})")
_STATES: Final[Mapping[Verdict, State]] = {
    Verdict.SIMULATED: "simulated",
    Verdict.NOT_REPORTED: "starting",
    Verdict.SILENT: "silent",
    Verdict.NOT_READY: "failed",
    Verdict.APPLYING: "applying",
    Verdict.REFUSED: "refused",
    Verdict.READY: "ready",
}
_ENDED: Final = ("Successful", "Failed", "Cancelled")


def instance_of(key: str) -> str:
    """The instance that wrote the report with this key in the bucket; empty for other keys."""
    found = _KEY.fullmatch(key)
    return found[1] if found else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """An instance of the group. `lifecycle` is Auto Scaling's state, such as "InService"."""

    id: str
    type: str
    zone: str
    lifecycle: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """The Auto Scaling group.

    Attributes:
        least, most, wanted: The numbers of workers: the limits, and what the group aims at now.
        types: Instance types, the preferred one first.
    """

    name: str
    least: int
    most: int
    wanted: int
    market: Market
    types: tuple[str, ...] = ()
    members: tuple[Member, ...] = ()

    @property
    def follows_load(self) -> bool:
        """Whether policies set the number."""
        return self.most != self.least

    @property
    def in_service(self) -> int:
        return sum(one.lifecycle == "InService" for one in self.members)


def group_of(described: Mapping[str, Any]) -> Group:
    """The group as DescribeAutoScalingGroups returns it."""
    policy = described.get("MixedInstancesPolicy", {})
    share = policy.get("InstancesDistribution", {}).get("OnDemandPercentageAboveBaseCapacity")
    overrides = policy.get("LaunchTemplate", {}).get("Overrides", ())
    return Group(
        name=described["AutoScalingGroupName"],
        least=described["MinSize"],
        most=described["MaxSize"],
        wanted=described["DesiredCapacity"],
        market="spot" if share == 0 else "on-demand",
        types=tuple(one["InstanceType"] for one in overrides if "InstanceType" in one),
        members=tuple(
            Member(
                id=one["InstanceId"],
                type=one.get("InstanceType", ""),
                zone=one.get("AvailabilityZone", ""),
                lifecycle=one.get("LifecycleState", ""),
            )
            for one in described.get("Instances", ())
        ),
    )


def failed_launch(activities: Sequence[Mapping[str, Any]]) -> str:
    """AWS's reason if the last launch that ended has failed, else empty. The newest come first."""
    for one in activities:
        is_launch = str(one.get("Description", "")).startswith(("Launching", "Placing"))
        if is_launch and one.get("StatusCode") in _ENDED:
            is_there = one["StatusCode"] == "Successful"
            return "" if is_there else str(one.get("StatusMessage") or "AWS gives no reason")
    return ""


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker: its place in the group, and its state by its report; None if that is unknown."""

    member: Member
    status: HostStatus | None

    @property
    def _record(self) -> Record:
        """The report, if it is of this instance."""
        return self.status.record if self.status and self.status.is_current else Record()

    @property
    def state(self) -> State:
        lifecycle, record = self.member.lifecycle, self._record
        is_ending = lifecycle.startswith("Terminating")
        is_there = is_ending or lifecycle.startswith(("Pending", "InService"))
        if record.leaving == "left" or lifecycle == "Terminating:Proceed" or not is_there:
            return "left"
        if record.leaving or is_ending:
            return "draining"
        if self.status is None:
            return "starting" if lifecycle.startswith("Pending") else "unknown"
        if self.status.verdict is Verdict.NOT_READY and record.reason in ("", screen.UNDER_WAY):
            return "starting"
        return _STATES[self.status.verdict]

    @property
    def step(self) -> str:
        """The step that has failed, or that is under way in a boot."""
        return self._record.step if self.state in ("failed", "starting") else ""

    @property
    def reason(self) -> str:
        """Why the worker has failed, or runs other settings."""
        return self._record.reason if self.state in ("failed", "refused") else ""

    @property
    def executions(self) -> int | None:
        """The executions that run on it; None if unknown."""
        runs_some = self.state in ("ready", "applying", "refused", "draining")
        return self._record.executions if runs_some else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Workers:
    """What a stack's workers do.

    Attributes:
        failure: AWS's reason for the last launch if that has failed, else empty.
        waiting, executing: Executions in the queue, as the host reports; None if unknown.
        since: Since when executions wait without a pause; None if unknown.
        time: When all this was read.
        unknown: Why a part could not be read; empty if all was.
    """

    group: Group
    each: tuple[Worker, ...] = ()
    failure: str = ""
    waiting: int | None = None
    executing: int | None = None
    since: datetime | None = None
    time: datetime | None = None
    unknown: str = ""

    def in_state(self, *states: State) -> list[Worker]:
        return [one for one in self.each if one.state in states]

    @property
    def ready(self) -> int:
        return len(self.in_state("ready"))

    @property
    def on_their_way(self) -> int:
        """Workers that the group wants and that are not in service yet."""
        return max(0, self.group.wanted - self.group.in_service)

    @property
    def is_ready(self) -> bool:
        """Whether there are as many ready workers as the group wants."""
        return self.ready >= self.group.wanted

    @property
    def none_starts(self) -> bool:
        """Whether executions wait, and no worker is there or starts."""
        if not self.waiting or self.group.in_service:
            return False
        if self.group.wanted:
            return bool(self.failure)
        if not self.group.follows_load:
            return True
        is_late = self.since and self.time and self.time - self.since > PATIENCE
        return bool(is_late)


def worker_status(
    member: Member, record: Record, published: str, time: datetime | None, *, simulated: bool
) -> HostStatus:
    """The state of a worker from its report, by the rules that hold for the host."""
    return HostStatus(
        instance=Instance(id=member.id, type=member.type, state="running"),
        record=record,
        published=published,
        time=time,
        simulated=simulated,
    )


def replace_command(instance: str, region: str) -> str:
    """The command that ends a worker, so that its group starts another."""
    return (
        f"aws autoscaling terminate-instance-in-auto-scaling-group --instance-id {instance} "
        f"--no-should-decrement-desired-capacity --region {region}"
    )
