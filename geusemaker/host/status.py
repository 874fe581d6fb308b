"""What is true of the host now: its own report, beside what EC2 says of the instance. Pure.

A report lasts longer than what it tells of: it is of a host that was replaced since, or of a time
before the instance was stopped. So nothing reads the record without the instance beside it.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from geusemaker.host.report import Record

BURSTABLE: Final = ("t2.", "t3.", "t3a.", "t4g.")
"""What the types begin with that earn and spend CPU credits."""

GONE: Final = "gone"
"""State of an instance that EC2 does not know; all others are EC2's own words."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Instance:
    """What EC2 says of the host.

    Attributes:
        state: EC2's name of it, or `GONE`.
        launched: When it was last started: a stop and a start move it, a reboot does not.
        disks_gib: All its volumes; None where EC2 was not asked or did not say.
        credits: "standard" or "unlimited" for a burstable type, where EC2 says so.
        has_address: Whether it has an Elastic IP; None where EC2 was not asked or did not say.
    """

    id: str
    type: str = ""
    state: str = GONE
    launched: datetime | None = None
    disks_gib: int | None = None
    credits: str | None = None
    has_address: bool | None = None


SILENCE: Final = timedelta(hours=1)
"""After this without a report a host that runs is not believed any more. It renews its report every
quarter of an hour, and after each image while it pulls some."""


class Verdict(StrEnum):
    """What a look comes to."""

    SIMULATED = "simulated"
    OFF = "off"
    NOT_REPORTED = "not-reported"
    SILENT = "silent"
    NOT_READY = "not-ready"
    APPLYING = "applying"
    REFUSED = "refused"
    READY = "ready"


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """One look at a stack's host.

    Attributes:
        pointed: SHA-256 that the stack names by now, where it could be read; a host that has not
            looked since the last `pulumi up` does not know it yet.
        time: When this look was; None where nothing is to be said of the report's age.
    """

    instance: Instance
    record: Record = field(default_factory=Record)
    pointed: str = ""
    time: datetime | None = None
    simulated: bool = False

    @property
    def wanted(self) -> str:
        """The settings bundle that should run."""
        return self.pointed or self.record.wanted

    @property
    def is_current(self) -> bool:
        """Whether the report is of this instance, and written since it was last started."""
        told, launched = self.record, self.instance.launched
        if told.state == "unknown" or told.instance != self.instance.id:
            return False
        return told.time is not None and (launched is None or told.time >= launched)

    @property
    def is_silent(self) -> bool:
        """Whether the last report is so old that the host no longer lives up to it."""
        if self.time is None or self.record.time is None:
            return False
        return self.is_current and self.time - self.record.time > SILENCE

    @property
    def are_settings_refused(self) -> bool:
        """Whether the host has tried the wanted bundle and goes on without it.

        It then runs the one before, or that does not come up either: in both cases it does not
        try the new one again before the settings change or it boots. Without one before it does,
        once the services come up late, so that is no refusal.
        """
        told = self.record
        if not self.is_current or not told.reason or told.wanted != self.wanted:
            return False
        if told.state == "ready":
            return told.wanted != told.running
        failed = told.step == "services" and told.reason.startswith(f"bundle {told.wanted}:")
        return failed and told.running not in ("", told.wanted)

    @property
    def verdict(self) -> Verdict:
        """What all of it comes to."""
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
