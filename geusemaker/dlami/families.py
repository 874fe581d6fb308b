"""The tables of instance families: the lists of each line, unsupported families, and Blackwell.

A *family* is the part of an instance type before the dot: "g5", "p6-b200". Read from
`catalogue.toml`, and checked there: see `catalogue.py`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from geusemaker.dlami.tables import Document, Record

_FAMILY = re.compile(r"[a-z][a-z0-9-]*")
# A trailing star matches every family with that start: a letter series has one maker's chips.
_FAMILIES = re.compile(r"[a-z][a-z0-9-]*\*?")


@dataclass(frozen=True, slots=True)
class FamilyList:
    """The families that AWS lists for an image line.

    Attributes:
        families: As listed.
        tried: Not listed by AWS, but users run them.
        listed_on: Day of the page with the list; None if the page has no day.
    """

    families: tuple[str, ...]
    tried: tuple[str, ...] = ()
    listed_on: date | None = None


@dataclass(frozen=True, slots=True)
class Unsupported:
    """Families whose accelerator no line of the table can use.

    Attributes:
        families: Such as "p2", or "inf*" for all that begin with inf.
        what: What they have, worded to follow "has", such as "NVIDIA K80 GPUs".
        reason: Why images cannot use it, as a clause of its own.
    """

    families: tuple[str, ...]
    what: str
    reason: str

    def covers(self, family: str) -> bool:
        """Whether the family is one of these."""
        return any(
            family.startswith(known[:-1]) if known.endswith("*") else family == known
            for known in self.families
        )


@dataclass(frozen=True, slots=True)
class Blackwell:
    """A family of the Blackwell generation, which older images have no driver for.

    Attributes:
        driver: NVIDIA's driver branch that it needs, such as "R595".
        since: Day of the earliest known AWS page that lists the family. No earlier image is known
            to have that driver.
    """

    family: str
    driver: str
    since: date


def read_lists(document: Document, sources: Mapping[str, str]) -> dict[str, FamilyList]:
    """The `[[instances]]` by key. `CatalogueError` names a broken field."""
    found: dict[str, FamilyList] = {}
    for record in document.arrays["instances"]:
        key = record.text("key")
        if key in found:
            raise record.error("key", f"{key!r} appears twice")
        families = _names(record, "families")
        tried = _names(record, "tried") if record.has("tried") else ()
        for family in tried:
            if family in families:
                raise record.error("tried", f"{family!r} is in `families` too")
        listed_on = record.day("listed_on") if record.has("listed_on") else None
        found[key] = FamilyList(families, tried, listed_on)
        record.one_of("source", sources)
        record.refuse_the_rest()
    return found


def read_unsupported(
    document: Document, sources: Mapping[str, str], lists: Mapping[str, FamilyList]
) -> tuple[Unsupported, ...]:
    """The `[[unsupported]]`; none of them may be on a list of what a line runs."""
    found: list[Unsupported] = []
    listed = {family for one in lists.values() for family in (*one.families, *one.tried)}
    for record in document.arrays["unsupported"]:
        families = record.texts("families")
        for family in families:
            if not _FAMILIES.fullmatch(family):
                raise record.error("families", f"{family!r} is not a family, nor the start of one")
            if any(other.covers(family.rstrip("*")) for other in found):
                raise record.error("families", f"{family!r} appears twice")
        entry = Unsupported(families, record.text("what"), record.text("reason"))
        if clash := sorted(family for family in listed if entry.covers(family)):
            raise record.error("families", f"{clash[0]!r} is in an [[instances]] too")
        found.append(entry)
        record.one_of("source", sources)
        record.refuse_the_rest()
    return tuple(found)


def read_blackwell(
    document: Document, sources: Mapping[str, str], lists: Mapping[str, FamilyList]
) -> tuple[Blackwell, ...]:
    """The `[[blackwell]]`; each must be on some list, or there would be no line to go to."""
    found: dict[str, Blackwell] = {}
    listed = {family for one in lists.values() for family in one.families}
    for record in document.arrays["blackwell"]:
        family = record.one_of("family", sorted(listed))
        if family in found:
            raise record.error("family", f"{family!r} appears twice")
        found[family] = Blackwell(family, record.text("driver"), record.day("since"))
        record.one_of("source", sources)
        record.refuse_the_rest()
    return tuple(found.values())


def _names(record: Record, field: str) -> tuple[str, ...]:
    names = record.texts(field)
    for name in names:
        if not _FAMILY.fullmatch(name):
            raise record.error(field, f"{name!r} is no instance family such as g5 or p6-b200")
    return names
