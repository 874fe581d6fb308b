"""The table of `geusemaker ami list`: the newest image of each line. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from geusemaker.dlami import AMI_TYPES, Catalogue, Line, Version
from geusemaker.dlami.catalogue import numeric
from geusemaker.dlami.image import FoundImage
from geusemaker.dlami.naming import recognise
from geusemaker.services.ec2 import LineImages

NEVER: Final = "never made"
NOT_HERE: Final = "none in Region"
_ARCHITECTURES: Final = ("x86_64", "arm64")


@dataclass(frozen=True)
class Entry:
    """One line, and the result of a search for it.

    Attributes:
        status: "current", "ended" or "never", on the day of the command.
        version: The version that was found, or without AWS's answer the first one to search for;
            None if AWS never made the line.
        image: The image that was found; None where AWS shows none, or was not called.
        was_called: Whether AWS was called.
    """

    line: Line
    status: str
    version: Version | None
    image: FoundImage | None
    was_called: bool
    newer_versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str]:
        """OS, architecture and type."""
        return self.line.key

    @property
    def row(self) -> tuple[str, str]:
        """OS and type: one row shows both architectures."""
        return self.line.os_type, self.line.ami_type

    def cell(self) -> str:
        """Version and build date."""
        if self.version is None:
            return NEVER
        number = self.version.number or ""
        if not self.was_called:
            return number or "made"
        if self.image is None:
            return NOT_HERE
        return f"{number} {_build(self.image)}".strip()


def built(image: FoundImage) -> str:
    """The day of the build: from the name, else of the image's creation."""
    known = recognise(image.name)
    return str(known.release) if known and known.release else image.creation_date[:10]


def _build(image: FoundImage) -> str:
    """What distinguishes the builds of a line: the day, or a number in names without a day."""
    number = re.search(r"Version [0-9.]+$", image.name)
    return number[0] if number else built(image)


def entries(catalogue: Catalogue, answers: Iterable[LineImages] | None, today: date) -> list[Entry]:
    """Every line of the catalogue, Ubuntu first. `answers` is None where AWS was not called."""
    by_line = {one.line.key: one for one in answers or ()}
    position = {system.name: index for index, system in enumerate(catalogue.systems)}

    def rank(line: Line) -> tuple[bool, int, int, int]:
        return (
            line.system.family != "ubuntu",
            position[line.os_type],
            AMI_TYPES.index(line.ami_type),
            _ARCHITECTURES.index(line.architecture),
        )

    found = []
    for line in sorted(catalogue.lines, key=rank):
        answer = by_line.get(line.key)
        image = answer.answer if answer else None
        found.append(
            Entry(
                line=line,
                status=_status(line, today),
                version=_version(line, image, today),
                image=image,
                was_called=answers is not None,
                newer_versions=answer.newer_versions if answer else {},
            )
        )
    return found


def shown(
    every: Sequence[Entry],
    *,
    ended: bool,
    never: bool,
    mine: tuple[str, str] | None = None,
) -> list[Entry]:
    """The entries of the rows to show: those with a current line, and more on request.

    `mine` is the row of the stack, which is always shown, with a mark.
    """
    statuses: dict[tuple[str, str], set[str]] = {}
    for entry in every:
        statuses.setdefault(entry.row, set()).add(entry.status)
    wanted = (
        {"current"} | ({"ended"} if ended or never else set()) | ({"never"} if never else set())
    )
    return [entry for entry in every if statuses[entry.row] & wanted or entry.row == mine]


def table(
    entries: Sequence[Entry], catalogue: Catalogue, mine: tuple[str, str, str] | None
) -> list[str]:
    """Lines of text: a head, a row for each line, and a sentence on each advisory.

    `mine` is the OS, architecture and type of the stack's config; its row is marked.
    """
    cells = [("", "osType", "amiType", "arch", "newest image", "patched until")]
    notes: dict[str, None] = {}
    above = None
    for entry in entries:
        os_type, architecture, ami_type = entry.key
        names = ("", "") if entry.row == above else (os_type, ami_type)
        above = entry.row
        until = _until(entry)
        if advice := _advice(entry, catalogue):
            notes[advice] = None
            until += ", CVEs"
        here = ">" if entry.key == mine else ""
        cells.append((here, *names, architecture, entry.cell(), until))
    return [*_aligned(cells), *(f"CVEs: {text}" for text in notes)]


def _aligned(cells: Sequence[Sequence[str]]) -> list[str]:
    """Lines of cells under each other; the first cell is a mark."""
    widths = [max(map(len, column)) for column in list(zip(*cells, strict=True))[1:]]
    lines = []
    for mark, *row in cells:
        texts = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)]
        lines.append(f"{mark:<2}{' '.join(texts)}".rstrip())
    return lines


def as_json(entry: Entry, today: date) -> dict[str, Any]:
    """One line as JSON; unknown fields are null."""
    version, image = entry.version, entry.image
    return {
        "osType": entry.line.os_type,
        "architecture": entry.line.architecture,
        "amiType": entry.line.ami_type,
        "status": entry.status,
        "reason": entry.line.reason,
        "frameworkVersion": version.number if version else None,
        "frameworkVersions": list(entry.line.numbers),
        "newerVersions": list(entry.newer_versions),
        "patchedUntil": str(version.patched_until) if version else None,
        "isPatched": version.is_patched(today) if version else False,
        "advisory": version.advisory if version else None,
        "imageId": image.id if image else None,
        "imageName": image.name if image else None,
        "created": image.creation_date if image else None,
        "rootVolumeGib": image.root_volume_gib if image else None,
    }


def _status(line: Line, today: date) -> str:
    if not line.versions:
        return "never"
    return "current" if line.patched(today) else "ended"


def _version(line: Line, image: FoundImage | None, today: date) -> Version | None:
    by_number: Mapping[str | None, Version] = {one.number: one for one in line.versions}
    if image is not None:
        return by_number.get(image.framework_version)
    return next(iter(line.patched(today) or line.versions), None)


def _until(entry: Entry) -> str:
    if entry.version is None:
        return "-"
    return f"{'ended ' if entry.status == 'ended' else ''}{entry.version.patched_until}"


def _advice(entry: Entry, catalogue: Catalogue) -> str | None:
    """The advisory of the entry's version as a sentence, with the first version without one."""
    if entry.version is None or entry.version.advisory is None:
        return None
    of_type = [
        version
        for line in catalogue.lines
        if line.ami_type == entry.line.ami_type
        for version in line.versions
        if version.number is not None
    ]
    last = max(numeric(str(one.number)) for one in of_type if one.advisory)
    clean = [str(one.number) for one in of_type if numeric(str(one.number)) > last]
    free = f"; {entry.line.ami_type} {min(clean, key=numeric)} has none" if clean else ""
    return f"this version {entry.version.advisory}{free}"
