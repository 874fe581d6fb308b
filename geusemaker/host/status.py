"""The state of the host now: its last report together with EC2's description. Pure.

A report outlives what it describes: the host may have been replaced or stopped since. So the
record is never read without the instance.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from geusemaker.host.report import Record

BURSTABLE: Final = ("t2.", "t3.", "t3a.", "t4g.")
"""Prefixes of the instance types that use CPU credits."""

GONE: Final = "gone"
"""State of an instance that EC2 does not know. All other states are EC2's names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Instance:
    """EC2's description of the host.

    Attributes:
        state: EC2's name of the state, or `GONE`.
        launched: When it was last started; a reboot does not change it.
        disks_gib: Sum of all volumes; None when unknown.
        credits: "standard" or "unlimited" for a burstable type; None when unknown.
        has_address: Whether it has an Elastic IP; None when unknown.
    """

    id: str
    type: str = ""
    state: str = GONE
    launched: datetime | None = None
    disks_gib: int | None = None
    credits: str | None = None
    has_address: bool | None = None


SILENCE: Final = timedelta(hours=1)
"""A running host without a report for this long counts as silent. It renews its report every 15
minutes, and after each image that it pulls."""


class Verdict(StrEnum):
    """The verdict on a `HostStatus`."""

    SIMULATED = "simulated"
    OFF = "off"
    NOT_REPORTED = "not-reported"
    SILENT = "silent"
    NOT_READY = "not-ready"
    APPLYING = "applying"
    REFUSED = "refused"
    READY = "ready"


@dataclass(frozen=True, kw_only=True, slots=True)
class HostStatus:
    """The state of a stack's host at one time.

    Attributes:
        published: SHA-256 in the stack's settings parameter now; empty when it could not be read.
            A host that has not polled since the last `pulumi up` does not know it yet.
        time: When the state was read; None when the report's age does not matter.
        deployed_type: The instance type of the last complete deployment; empty when unknown.
    """

    instance: Instance
    record: Record = field(default_factory=Record)
    published: str = ""
    time: datetime | None = None
    simulated: bool = False
    deployed_type: str = ""

    @property
    def has_refused_type(self) -> bool:
        """Whether a change of the type has stopped the host, and AWS did not start it."""
        is_other = self.deployed_type not in ("", self.instance.type)
        return self.instance.state == "stopped" and is_other

    @property
    def wanted(self) -> str:
        """SHA-256 of the settings bundle that should run."""
        return self.published or self.record.wanted

    @property
    def is_current(self) -> bool:
        """Whether this instance wrote the report, after its last start."""
        record, launched = self.record, self.instance.launched
        if record.state == "unknown" or record.instance != self.instance.id:
            return False
        return record.time is not None and (launched is None or record.time >= launched)

    @property
    def is_silent(self) -> bool:
        """Whether the last report is older than `SILENCE`."""
        if self.time is None or self.record.time is None:
            return False
        return self.is_current and self.time - self.record.time > SILENCE

    @property
    def are_settings_refused(self) -> bool:
        """Whether the host has tried the wanted bundle and rejected it.

        It then runs the previous bundle, or tries to. It does not try the new one again until the
        settings change or it reboots. Without a previous bundle it keeps the new one, whose
        services may still start late, so that is not a refusal.
        """
        record = self.record
        if not self.is_current or not record.reason or record.wanted != self.wanted:
            return False
        if record.state == "ready":
            return record.wanted != record.running
        failed = record.step == "services" and record.reason.startswith(f"bundle {record.wanted}:")
        return failed and record.running not in ("", record.wanted)

    @property
    def verdict(self) -> Verdict:
        """The verdict from the instance and the report together."""
        if self.instance.state not in ("running", "pending"):
            return Verdict.OFF
        if self.simulated:
            return Verdict.SIMULATED
        if not self.is_current:
            return Verdict.NOT_REPORTED
        if self.is_silent:
            return Verdict.SILENT
        if self.are_settings_refused:
            return Verdict.REFUSED
        if self.record.state != "ready":
            return Verdict.NOT_READY
        runs_wanted = self.record.running != "" and self.record.running == self.wanted
        return Verdict.READY if runs_wanted else Verdict.APPLYING
