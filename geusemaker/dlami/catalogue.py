"""The table of image lines, read from `catalogue.toml` and validated.

A *line* is a series of images with one form of name: one OS, one architecture, one type. A
framework line has several *versions*; any other has one, without a number. No function here reads
the current day: the caller passes it.
"""

import re
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import product
from pathlib import Path
from typing import Final, TypeVar

from geusemaker.dlami.families import (
    Blackwell,
    FamilyList,
    Unsupported,
    read_blackwell,
    read_lists,
    read_unsupported,
)
from geusemaker.dlami.tables import Document, Record, read_document

ARCHITECTURES: Final = ("x86_64", "arm64")
AMI_TYPES: Final = ("base", "pytorch", "tensorflow", "multi-framework")
FRAMEWORKS: Final = ("pytorch", "tensorflow")
"""The AMI types that have a framework version."""
STATUSES: Final = ("current", "ended", "never")

_K = TypeVar("_K")
_V = TypeVar("_V")

_FILE = Path(__file__).with_name("catalogue.toml")
_ARRAYS = (
    "source",
    "os",
    "advisory",
    "release",
    "instances",
    "unsupported",
    "blackwell",
    "line",
)
_NO_LIST = FamilyList(())
_VERSION = re.compile(r"[0-9]+\.[0-9]+")
_SPELLED = re.compile(r"[0-9]+\.[0-9]+(\.[0-9]+)?")
# A form must not contain wildcards of EC2's filters (* ? \).
_FORM = re.compile(r"Deep Learning [A-Za-z0-9 .(){}]+ (\{date\}|Version \{build\})")


@dataclass(frozen=True, slots=True)
class System:
    """An operating system: its config value, AWS's label of it, and how its images are set up."""

    name: str
    label: str
    family: str
    ssh_user: str
    root_device: str
    patched_until: date


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
            if (line.architecture, line.ami_type) == (architecture, ami_type)
            for family in (*line.instance_families, *line.tried_families)
        )

    def lists(self, family: str) -> bool:
        """Whether AWS lists that family for any line."""
        return any(family in line.instance_families for line in self.lines)

    def line(self, os_type: str, architecture: str, ami_type: str) -> Line:
        """The line of a combination; `KeyError` if one of the three is no known value."""
        for line in self.lines:
            if (line.os_type, line.architecture, line.ami_type) == (
                os_type,
                architecture,
                ami_type,
            ):
                return line
        raise KeyError(f"{os_type} / {architecture} / {ami_type}")


def numeric(version: str) -> tuple[int, ...]:
    """A key that sorts 2.10 above 2.9, which sorting as text does not."""
    return tuple(int(part) for part in version.split("."))


@cache
def load_catalogue(path: Path | None = None) -> Catalogue:
    """Read and check a table of images, by default the one in this package; read once per path.

    Raises:
        CatalogueError: The file is broken; the message names file, line and field.
    """
    document = read_document(path or _FILE, _ARRAYS)
    as_of = document.top.day("as_of")
    document.top.refuse_the_rest()

    sources = _keyed(document, "source", "page")
    advisories = _keyed(document, "advisory", "text", sources)
    lists = read_lists(document, sources)
    unsupported = read_unsupported(document, sources, lists)
    blackwell = read_blackwell(document, sources, lists)
    systems = _systems(document, sources)
    releases = _releases(document, sources, advisories)
    lines: dict[tuple[str, str, str], Line] = {}
    forms: dict[str, str] = {}
    for record in document.arrays["line"]:
        line = _line(record, as_of, sources, lists, systems, releases)
        key = (line.os_type, line.architecture, line.ami_type)
        if key in lines:
            raise record.error("type", f"{' / '.join(key)} appears twice")
        lines[key] = line
        if line.form is not None and forms.setdefault(line.form, " / ".join(key)) != " / ".join(
            key
        ):
            raise record.error("form", f"is the form of {forms[line.form]} too")

    for key in product(systems, ARCHITECTURES, AMI_TYPES):
        if key not in lines:
            raise document.arrays["line"][-1].error(
                "line",
                f"there is no [[line]] for {' / '.join(key)}; add it, even if as `never`",
            )
    return Catalogue(as_of, tuple(systems.values()), tuple(lines.values()), unsupported, blackwell)


def _keyed(
    document: Document, array: str, field: str, sources: dict[str, str] | None = None
) -> dict[str, str]:
    """Texts by key, from tables with a key and a text."""
    found: dict[str, str] = {}
    for record in document.arrays[array]:
        _add(found, record, "key", record.text("key"), record.text(field))
        if sources is not None:
            record.one_of("source", sources)
        record.refuse_the_rest()
    return found


def _systems(document: Document, sources: dict[str, str]) -> dict[str, System]:
    found: dict[str, System] = {}
    for record in document.arrays["os"]:
        system = System(
            name=record.text("name"),
            label=record.text("label"),
            family=record.text("family"),
            ssh_user=record.text("ssh_user"),
            root_device=record.text("root_device"),
            patched_until=record.day("patched_until"),
        )
        _add(found, record, "name", system.name, system)
        record.one_of("source", sources)
        record.refuse_the_rest()
    return found


def _releases(
    document: Document, sources: dict[str, str], advisories: dict[str, str]
) -> dict[tuple[str, str], Version]:
    found: dict[tuple[str, str], Version] = {}
    for record in document.arrays["release"]:
        framework = record.one_of("framework", FRAMEWORKS)
        number = record.text("version")
        if not _VERSION.fullmatch(number):
            raise record.error("version", f"{number!r} must be two numbers such as 2.10")
        spellings = record.texts("spelled") if record.has("spelled") else (number,)
        for spelling in spellings:
            if not _SPELLED.fullmatch(spelling) or numeric(spelling)[:2] != numeric(number):
                raise record.error("spelled", f"{spelling!r} is no way to write {number}")
        advisory = (
            advisories[record.one_of("advisory", advisories)] if record.has("advisory") else None
        )
        version = Version(number, spellings, record.day("patched_until"), advisory)
        _add(found, record, "version", (framework, number), version)
        record.one_of("source", sources)
        record.refuse_the_rest()
    return found


def _line(
    record: Record,
    as_of: date,
    sources: dict[str, str],
    lists: dict[str, FamilyList],
    systems: dict[str, System],
    releases: dict[tuple[str, str], Version],
) -> Line:
    system = systems[record.one_of("os", systems)]
    architecture = record.one_of("architecture", ARCHITECTURES)
    ami_type = record.one_of("type", AMI_TYPES)
    status = record.one_of("status", STATUSES)
    source = sources[record.one_of("source", sources)]
    if status == "never":
        reason = record.text("reason")
        record.refuse_the_rest()
        return Line(system, architecture, ami_type, status, None, (), (), None, 0, reason, source)

    form = record.text("form")
    _check_form(record, form, system, architecture, ami_type)
    if ami_type in FRAMEWORKS:
        versions = _versions(record, ami_type, system, releases)
    else:
        first, last = record.span("seen") if record.has("seen") else (None, None)
        versions = (Version(None, (), system.patched_until, None, first, last),)
    listed = lists[record.one_of("instances", lists)] if record.has("instances") else _NO_LIST
    line = Line(
        system=system,
        architecture=architecture,
        ami_type=ami_type,
        status=status,
        form=form,
        versions=versions,
        instance_families=listed.families,
        driver=record.text("driver"),
        min_root_gib=record.positive("min_root_gib"),
        reason=None,
        source=source,
        tried_families=listed.tried,
        listed_on=listed.listed_on,
    )
    record.refuse_the_rest()
    # The dates decide; the status must agree, because people read it in the file.
    derived = "current" if line.patched(as_of) else "ended"
    if status != derived:
        raise record.error("status", f"is {status!r}, but by the patch dates it is {derived!r}")
    return line


def _versions(
    record: Record, framework: str, system: System, releases: dict[tuple[str, str], Version]
) -> tuple[Version, ...]:
    found: dict[str, Version] = {}
    known = [number for name, number in releases if name == framework]
    for entry in record.records("versions"):
        number = entry.one_of("version", known)
        first, last = entry.span("seen") if entry.has("seen") else (None, None)
        release = releases[framework, number]
        version = Version(
            number,
            release.spellings,
            min(release.patched_until, system.patched_until),
            release.advisory,
            first,
            last,
        )
        _add(found, entry, "version", number, version)
        entry.refuse_the_rest()
    return tuple(found[number] for number in sorted(found, key=numeric, reverse=True))


def _check_form(
    record: Record, form: str, system: System, architecture: str, ami_type: str
) -> None:
    """A wrong form would find no images, or images of another line."""
    if not _FORM.fullmatch(form):
        raise record.error("form", f"{form!r} is no name form that ends with a date or a version")
    bare = form.replace("{date}", "").replace("{build}", "").replace("{version}", "", 1)
    if "{" in bare or "}" in bare:
        raise record.error("form", f"{form!r} has a placeholder too many or an unknown one")
    if ("{version}" in form) != (ami_type in FRAMEWORKS):
        raise record.error("form", "{version} belongs into framework lines, and only there")
    if f" ({system.label}) " not in form:
        raise record.error("form", f"{form!r} does not hold the OS as `({system.label})`")
    if ("ARM64" in form) != (architecture == "arm64"):
        raise record.error("form", "ARM64 belongs into names of arm64 images, and only there")


def _add(found: dict[_K, _V], record: Record, field: str, key: _K, value: _V) -> None:
    if key in found:
        raise record.error(field, f"{key!r} appears twice")
    found[key] = value
