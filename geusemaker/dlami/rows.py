"""The tables of `catalogue.toml`, field by field. `catalogue.py` joins them.

A *family* is the part of an instance type before the dot: "g5", "p6-b200".
"""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Final, Literal, Self, TypeVar, get_args

from pydantic import AfterValidator, Field, Strict, model_validator

from geusemaker.toml_table import Day, Row, Text

Architecture = Literal["x86_64", "arm64"]
AmiType = Literal["base", "pytorch", "tensorflow", "multi-framework"]
Framework = Literal["pytorch", "tensorflow"]

ARCHITECTURES: Final[tuple[str, ...]] = get_args(Architecture)
AMI_TYPES: Final[tuple[str, ...]] = get_args(AmiType)
FRAMEWORKS: Final[tuple[str, ...]] = get_args(Framework)
"""The AMI types that have a framework version."""

_T = TypeVar("_T")


def _once(values: Sequence[_T]) -> Sequence[_T]:
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"{value!r} appears twice")
    return values


def _in_order(span: tuple[date, date]) -> tuple[date, date]:
    if span[0] > span[1]:
        raise ValueError(f"{span[0]} is after {span[1]}")
    return span


Table = Annotated[tuple[_T, ...], Field(min_length=1)]
Some = Annotated[tuple[_T, ...], Field(min_length=1), AfterValidator(_once)]
Span = Annotated[tuple[Day, Day], AfterValidator(_in_order)]
Family = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]


class Source(Row):
    """A page of facts."""

    key: Text
    page: Text


class Fact(Row):
    """A table whose facts are from one page."""

    source: Text


class System(Fact):
    """An operating system: its config value, AWS's label of it, and how its images are set up."""

    name: Text
    label: Text
    family: Text
    ssh_user: Text
    root_device: Text
    patched_until: Day


class Advisory(Fact):
    """AWS's warning, worded to follow "PyTorch 2.12"."""

    key: Text
    text: Text


class Release(Fact):
    """A framework version, on every OS."""

    framework: Framework
    version: Annotated[str, Field(pattern=r"^[0-9]+\.[0-9]+$")]
    patched_until: Day
    spelled: Some[Annotated[str, Field(pattern=r"^[0-9]+\.[0-9]+(\.[0-9]+)?$")]] | None = None
    advisory: Text | None = None

    @property
    def spellings(self) -> tuple[str, ...]:
        """How image names may write the version."""
        return self.spelled or (self.version,)

    @model_validator(mode="after")
    def _spelled_as_itself(self) -> Self:
        for spelling in self.spellings:
            if spelling.split(".")[:2] != self.version.split("."):
                raise ValueError(f"`spelled` has {spelling!r}, which is no way to write it")
        return self


class FamilyList(Fact):
    """The families that AWS lists for an image line.

    Attributes:
        families: As listed.
        tried: Not listed by AWS, but users run them.
        listed_on: Day of the page with the list; None if the page has no day.
    """

    key: Text
    families: Some[Family]
    tried: Some[Family] = ()
    listed_on: Day | None = None

    @model_validator(mode="after")
    def _tried_are_not_listed(self) -> Self:
        _once((*self.families, *self.tried))
        return self


class Unsupported(Fact):
    """Families whose accelerator no line of the table can use.

    Attributes:
        families: Such as "p2", or "inf*" for all that begin with inf: the chips of such a series
            are of one manufacturer.
        what: What they have, worded to follow "has", such as "NVIDIA K80 GPUs".
        reason: Why images cannot use it, as a clause of its own.
    """

    families: Some[Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*\*?$")]]
    what: Text
    reason: Text

    def covers(self, family: str) -> bool:
        """Whether the family is one of these."""
        return any(
            family.startswith(known[:-1]) if known.endswith("*") else family == known
            for known in self.families
        )


class Blackwell(Fact):
    """A family of the Blackwell generation, which older images have no driver for.

    Attributes:
        driver: NVIDIA's driver branch that it needs, such as "R595".
        since: Day of the earliest known AWS page that lists the family. No earlier image is known
            to have that driver.
    """

    family: Family
    driver: Text
    since: Day


class LineVersion(Row):
    """A framework version of a line, and the build dates of its first and last known image."""

    version: Text
    seen: Span | None = None


class Combination(Fact):
    """One combination of OS, architecture and type; see `catalogue.Line`."""

    os: Text
    architecture: Architecture
    type: AmiType
    status: Literal["current", "ended", "never"]
    reason: Text | None = None
    form: Text | None = None
    driver: Text | None = None
    min_root_gib: Annotated[int, Strict(), Field(ge=1)] = 0
    versions: Table[LineVersion] = ()
    seen: Span | None = None
    instances: Text | None = None

    @model_validator(mode="after")
    def _has_the_fields_of_its_kind(self) -> Self:
        common = {*Fact.model_fields, "os", "architecture", "type", "status"}
        made = {"form", "driver", "min_root_gib"}
        if self.status == "never":
            needed, optional = {"reason"}, set()
        elif self.type in FRAMEWORKS:
            needed, optional = {*made, "versions"}, {"instances"}
        else:
            needed, optional = made, {"instances", "seen"}
        given = self.model_fields_set - common
        if not needed <= given <= needed | optional:
            raise ValueError(
                f"a {self.type} line of status {self.status!r} needs {sorted(needed)} and may have "
                f"{sorted(optional)}, but it has {sorted(given)}"
            )
        return self


class CatalogueFile(Row):
    """The whole of `catalogue.toml`."""

    as_of: Day
    source: Table[Source]
    os: Table[System]
    advisory: Table[Advisory]
    release: Table[Release]
    instances: Table[FamilyList]
    unsupported: Table[Unsupported]
    blackwell: Table[Blackwell]
    line: Table[Combination]
