"""The table of image lines, read from `catalogue.toml` and validated.

A *line* is a series of images with one form of name: one OS, one architecture, one type. A
framework line has several *versions*; any other has one, without a number. No function here reads
the current day: the caller passes it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from itertools import product
from pathlib import Path
from typing import TypeVar

from geusemaker.dlami.rows import (
    AMI_TYPES,
    ARCHITECTURES,
    FRAMEWORKS,
    Blackwell,
    CatalogueFile,
    Combination,
    Release,
    System,
    Unsupported,
)
from geusemaker.errors import CatalogueError
from geusemaker.toml_table import read_toml

_T = TypeVar("_T")

_FILE = Path(__file__).with_name("catalogue.toml")
# A form must not contain wildcards of EC2's filters (* ? \).
_FORM = re.compile(r"Deep Learning [A-Za-z0-9 .(){}]+ (\{date\}|Version \{build\})")


@dataclass(frozen=True, slots=True)
class Version:
    """One framework version of a line, or the single version without a number of another line.

    Attributes:
        number: What a user types, such as "2.6"; None without a framework.
        spellings: How image names may write it, such as ("2.6.0",); empty without a framework.
        patched_until: Last day of patches: the framework's end or the OS's, whichever is first.
        advisory: AWS's warning, worded to follow "PyTorch 2.12", or None.
        first_seen: Build date of the first known image; None without one.
        last_seen: Build date of the last known image.
    """

    number: str | None
    spellings: tuple[str, ...]
    patched_until: date
    advisory: str | None = None
    first_seen: date | None = None
    last_seen: date | None = None

    def is_patched(self, today: date) -> bool:
        """Whether AWS patches it on that day; the last day counts."""
        return today <= self.patched_until


@dataclass(frozen=True, slots=True)
class Line:
    """One combination of OS, architecture and type.

    Attributes:
        status: "current", "ended" or "never", as of the table's date.
        form: The image name with {version}, {date} or {build}; None if never released.
        versions: Highest first; empty if never released.
        instance_families: Such as "g5" and "p6-b200"; empty if AWS's list is unknown.
        driver: "nvidia-open"; None if never released.
        min_root_gib: GiB of the smallest root volume; 0 if never released.
        reason: Why AWS never released it; None otherwise.
        source: The page with the facts.
        tried_families: Families that AWS does not list but users run.
        listed_on: Day of the page with `instance_families`; None if unknown.
    """

    system: System
    architecture: str
    ami_type: str
    status: str
    form: str | None
    versions: tuple[Version, ...]
    instance_families: tuple[str, ...]
    driver: str | None
    min_root_gib: int
    reason: str | None
    source: str
    tried_families: tuple[str, ...] = ()
    listed_on: date | None = None

    def __str__(self) -> str:
        return " / ".join(self.key)

    @property
    def key(self) -> tuple[str, str, str]:
        """OS, architecture and type, which no other line has together."""
        return self.os_type, self.architecture, self.ami_type

    @property
    def os_type(self) -> str:
        """The config value of the OS."""
        return self.system.name

    @property
    def numbers(self) -> tuple[str, ...]:
        """The framework versions as a user types them, highest first."""
        return tuple(v.number for v in self.versions if v.number is not None)

    def patched(self, today: date) -> tuple[Version, ...]:
        """The versions that AWS patches on that day, highest first."""
        return tuple(version for version in self.versions if version.is_patched(today))


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All lines, every combination exactly once, and the day that the table describes."""

    as_of: date
    systems: tuple[System, ...]
    lines: tuple[Line, ...]
    unsupported: tuple[Unsupported, ...] = ()
    blackwell: tuple[Blackwell, ...] = ()

    def unsupported_of(self, family: str) -> Unsupported | None:
        """Why no line can use the accelerator of that family; None if nothing is known against."""
        return next((entry for entry in self.unsupported if entry.covers(family)), None)

    def blackwell_of(self, family: str) -> Blackwell | None:
        """What that family needs, if it is of the Blackwell generation."""
        return next((entry for entry in self.blackwell if entry.family == family), None)

    def seen_on(self, architecture: str, ami_type: str) -> frozenset[str]:
        """The families that AWS lists, or that users run, on any line of that kind."""
        return frozenset(
            family
            for line in self.lines
            if line.key[1:] == (architecture, ami_type)
            for family in (*line.instance_families, *line.tried_families)
        )

    def lists(self, family: str) -> bool:
        """Whether AWS lists that family for any line."""
        return any(family in line.instance_families for line in self.lines)

    def line(self, os_type: str, architecture: str, ami_type: str) -> Line:
        """The line of a combination; `KeyError` if one of the three is no known value."""
        wanted = (os_type, architecture, ami_type)
        for line in self.lines:
            if line.key == wanted:
                return line
        raise KeyError(" / ".join(wanted))


def numeric(version: str) -> tuple[int, ...]:
    """A key that sorts 2.10 above 2.9, which sorting as text does not."""
    return tuple(int(part) for part in version.split("."))


@cache
def load_catalogue(path: Path | None = None) -> Catalogue:
    """Read and check a table of images, by default the one in this package; read once per path.

    Raises:
        CatalogueError: The file is broken; the message names file, line and field, or the value.
    """
    return read_toml(path or _FILE, CatalogueFile, _joined, CatalogueError)


def _joined(file: CatalogueFile) -> Catalogue:
    """The catalogue of a file. `ValueError` for tables that contradict each other."""
    sources = _keyed("source", ((row.key, row.page) for row in file.source))
    systems = _keyed("os", ((row.name, row) for row in file.os))
    lists = _keyed("instances", ((row.key, row) for row in file.instances))
    advisories = _keyed("advisory", ((row.key, row.text) for row in file.advisory))
    releases = _keyed("release", (_release(row, advisories) for row in file.release))
    _check_families(file)
    facts = (*file.os, *file.advisory, *file.release, *file.instances)
    for fact in (*facts, *file.unsupported, *file.blackwell):
        _get("source", sources, fact.source)

    lines = []
    for row in file.line:
        system, page = _get("os", systems, row.os), _get("source", sources, row.source)
        listed = _get("instances", lists, row.instances) if row.instances else None
        line = Line(
            system=system,
            architecture=row.architecture,
            ami_type=row.type,
            status=row.status,
            form=row.form,
            versions=_versions(row, system, releases),
            instance_families=listed.families if listed else (),
            driver=row.driver,
            min_root_gib=row.min_root_gib,
            reason=row.reason,
            source=page,
            tried_families=listed.tried if listed else (),
            listed_on=listed.listed_on if listed else None,
        )
        _check_line(line, file.as_of)
        lines.append(line)
    found = _keyed("line", ((str(line), line) for line in lines))
    _keyed("line", ((line.form, line) for line in lines if line.form))
    for parts in product(systems, ARCHITECTURES, AMI_TYPES):
        if " / ".join(parts) not in found:
            raise ValueError(f"there is no [[line]] of {' / '.join(parts)}, not even a `never`")
    return Catalogue(
        file.as_of, tuple(systems.values()), tuple(lines), file.unsupported, file.blackwell
    )


def _release(row: Release, advisories: Mapping[str, str]) -> tuple[str, Version]:
    advisory = _get("advisory", advisories, row.advisory) if row.advisory else None
    version = Version(row.version, row.spellings, row.patched_until, advisory)
    return f"{row.framework} {row.version}", version


def _versions(
    row: Combination, system: System, releases: Mapping[str, Version]
) -> tuple[Version, ...]:
    if row.form is None:
        return ()
    if not row.versions:
        return (Version(None, (), system.patched_until, None, *(row.seen or ())),)
    found = _keyed("line.versions", ((one.version, one) for one in row.versions))
    versions = []
    for number in sorted(found, key=numeric, reverse=True):
        release = _get("release", releases, f"{row.type} {number}")
        first, last = found[number].seen or (None, None)
        ends = min(release.patched_until, system.patched_until)
        versions.append(replace(release, patched_until=ends, first_seen=first, last_seen=last))
    return tuple(versions)


def _check_line(line: Line, as_of: date) -> None:
    """`ValueError` for a wrong status, and for a form that would find images of another line."""
    if line.form is None:
        return
    form, framework = line.form, line.ami_type in FRAMEWORKS
    bare = form.replace("{date}", "").replace("{build}", "").replace("{version}", "", 1)
    # The dates decide; the status must agree, because people read it in the file.
    status = "current" if line.patched(as_of) else "ended"
    for holds, why in (
        (_FORM.fullmatch(form), "`form` is no name that ends with a date or a version"),
        ("{" not in bare and "}" not in bare, "`form` has a placeholder too many or unknown"),
        (("{version}" in form) == framework, "`{version}` is in forms of framework lines only"),
        (f" ({line.system.label}) " in form, f"`form` has no ({line.system.label})"),
        (("ARM64" in form) == (line.architecture == "arm64"), "ARM64 is in arm64 forms only"),
        (line.status == status, f"by the patch dates its status is {status!r}"),
    ):
        if not holds:
            raise ValueError(f"[[line]] {line}: {why}")


def _check_families(file: CatalogueFile) -> None:
    listed = {family for one in file.instances for family in one.families}
    tried = {family for one in file.instances for family in one.tried}
    seen: list[Unsupported] = []
    for entry in file.unsupported:
        for family in sorted({*listed, *tried}):
            if entry.covers(family):
                raise ValueError(f"{family!r} is in an [[unsupported]] and in an [[instances]]")
        for family in entry.families:
            if any(other.covers(family.rstrip("*")) for other in seen):
                raise ValueError(f"[[unsupported]] {family!r} appears twice")
        seen.append(entry)
    for family in _keyed("blackwell", ((row.family, row) for row in file.blackwell)):
        if family not in listed:  # no line would be left for it
            raise ValueError(f"[[blackwell]] {family!r} is in no [[instances]]")


def _keyed(table: str, rows: Iterable[tuple[str, _T]]) -> dict[str, _T]:
    found: dict[str, _T] = {}
    for key, row in rows:
        if key in found:
            raise ValueError(f"[[{table}]] {key!r} appears twice")
        found[key] = row
    return found


def _get(table: str, rows: Mapping[str, _T], key: str) -> _T:
    if key not in rows:
        raise ValueError(f"there is no [[{table}]] {key!r}; known are {', '.join(rows)}")
    return rows[key]
