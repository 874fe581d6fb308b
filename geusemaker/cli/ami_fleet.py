"""The image of each stack of the project, for `geusemaker ami fleet`. Pure."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from geusemaker.cli.ami_show import version_of
from geusemaker.cli.ami_table import NOT_HERE, built
from geusemaker.dlami import Recognised, Version, recognise
from geusemaker.dlami.catalogue import numeric
from geusemaker.dlami.image import FoundImage
from geusemaker.services.ec2 import LineImages

_UNKNOWN: Final = "unknown"


@dataclass(frozen=True)
class Member:
    """One stack, as Pulumi knows it.

    Attributes:
        outputs: Empty where the stack was never deployed, or is destroyed.
        region: None where neither the outputs nor the stack's file name one.
        problem: Why the outputs cannot be read; None where they can.
    """

    stack: str
    outputs: Mapping[str, Any]
    region: str | None
    problem: str | None = None


@dataclass(frozen=True)
class Row:
    """One stack's image, compared with the newest of its line in its Region.

    Attributes:
        known: The parsed name of the image; None for a name of no known line.
        version: The table's entry of the image; None where the table does not have it.
        was_called: Whether AWS answered for the Region.
        newest: The newest image of the line; None where AWS shows none, or was not called.
        versions: Number of higher framework versions up to that of `newest`.
        days: Days from the build of the image to that of `newest`; None where one is unknown.
    """

    member: Member
    known: Recognised | None
    version: Version | None
    was_called: bool = False
    newest: FoundImage | None = None
    versions: int | None = None
    days: int | None = None

    @property
    def name(self) -> str | None:
        """The image's name; None where the stack has none."""
        name = self.member.outputs.get("amiName")
        return None if name is None else str(name)

    @property
    def is_behind(self) -> bool:
        """Whether the line has a newer image."""
        return bool(self.versions or self.days)

    def has_ended(self, today: date) -> bool:
        """Whether AWS no longer patches the image."""
        return self.version is not None and not self.version.is_patched(today)

    def image(self) -> str:
        """The image's name, or why there is none."""
        if self.member.problem:
            return f"cannot be read: {self.member.problem}"
        if not self.member.outputs:
            return "no image: this stack was never deployed, or is destroyed"
        return self.name or "no image: the stack has outputs, but no amiName among them"

    def behind(self) -> str:
        """How far the image is behind the newest of its line."""
        if self.name is None:
            return "-"
        if self.known is None or not self.was_called:
            return _UNKNOWN
        if self.newest is None:
            return NOT_HERE
        if self.days is None and not self.versions:
            return _UNKNOWN
        parts = [_counted(self.versions, "version")] if self.versions else []
        if self.days is not None:
            parts.append(_counted(self.days, "day"))
        return ", ".join(parts) if self.is_behind else "newest"

    def until(self, today: date) -> str:
        """The last day of patches."""
        if self.name is None:
            return "-"
        if self.version is None:
            return _UNKNOWN
        ended = "ended " if self.has_ended(today) else ""
        return f"{ended}{self.version.patched_until}{', CVEs' if self.version.advisory else ''}"


def row(member: Member, answers: Sequence[LineImages] | None) -> Row:
    """Compares a stack's image with its Region's images; `answers` is None without an answer."""
    name, architecture = member.outputs.get("amiName"), member.outputs.get("architecture")
    known = recognise(name) if name else None
    version = version_of(known, architecture)
    if known is None or answers is None:
        return Row(member, known, version, was_called=answers is not None)
    key = (known.os_type, known.architecture or architecture or "x86_64", known.ami_type)
    line = next((one for one in answers if one.line.key == key), None)
    newest = line.answer if line else None
    if line is None or newest is None:
        return Row(member, known, version, was_called=True)
    running = next((one for one in line.images if one.id == member.outputs.get("amiId")), None)
    day = built(running) if running else str(known.release) if known.release else None
    days = None
    if day is not None:
        days = max(0, (date.fromisoformat(built(newest)) - date.fromisoformat(day)).days)
    versions = _versions_between(known.framework_version, newest.framework_version, line)
    return Row(member, known, version, True, newest, versions, days)


def _versions_between(running: str | None, newest: str | None, line: LineImages) -> int:
    """Number of framework versions at AWS above the running one, up to the newest."""
    if running is None or newest is None:
        return 0
    numbers = {one.framework_version for one in line.images if one.framework_version}
    return sum(numeric(running) < numeric(one) <= numeric(newest) for one in numbers)


def worst_first(rows: Sequence[Row], today: date) -> list[Row]:
    """Ended images, then those furthest behind, then unknown ones, then stacks without an image."""

    def rank(one: Row) -> tuple[int, int, date, str]:
        if one.name is None:
            kind = 4 if one.member.problem is None else 3
        elif one.has_ended(today):
            kind = 0
        else:
            kind = 1 if one.version is not None else 2
        until = one.version.patched_until if one.version else date.max
        return kind, -(one.days or 0), until, one.member.stack

    return sorted(rows, key=rank)


def lines(rows: Sequence[Row], today: date) -> list[tuple[str, str]]:
    """The table as lines of head and text: two lines for each stack."""
    cells = [("stack", "Region", "behind", "patched until")]
    cells += [
        (one.member.stack, one.member.region or "-", one.behind(), one.until(today)) for one in rows
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    texts = [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row_, widths, strict=True)).rstrip()
        for row_ in cells
    ]
    shown = [("", texts[0])]
    for one, text in zip(rows, texts[1:], strict=True):
        shown += [("", text), ("  ", one.image())]
    if any(one.version and one.version.advisory for one in rows):
        advice = "known vulnerabilities that AWS does not patch in this version"
        shown.append(("", f"CVEs: {advice}; `geusemaker ami list` shows images without"))
    return shown


def next_command(rows: Sequence[Row], today: date) -> str | None:
    """The command for the first stack that has something to do; None where none has."""
    for one in rows:
        if one.name is not None and (one.is_behind or one.has_ended(today)):
            return f"geusemaker ami show --stack {shlex.quote(one.member.stack)}"
    return None


def as_json(one: Row, today: date) -> dict[str, Any]:
    """One stack as JSON; unknown values are null."""
    known, version, outputs = one.known, one.version, one.member.outputs
    return {
        "stack": one.member.stack,
        "region": one.member.region,
        "imageId": outputs.get("amiId"),
        "imageName": one.name,
        "osType": known.os_type if known else None,
        "architecture": outputs.get("architecture"),
        "amiType": known.ami_type if known else None,
        "frameworkVersion": known.framework_version if known else None,
        "newestImageId": one.newest.id if one.newest else None,
        "newestImageName": one.newest.name if one.newest else None,
        "versionsBehind": one.versions,
        "daysBehind": one.days,
        "patchedUntil": str(version.patched_until) if version else None,
        "isPatched": version.is_patched(today) if version else None,
        "advisory": version.advisory if version else None,
        "problem": one.member.problem,
    }


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
