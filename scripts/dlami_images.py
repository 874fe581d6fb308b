"""Sorts the images that AWS shows: builds of the table's lines, and others with why. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Final

from geusemaker.dlami import FRAMEWORKS, Catalogue, Line
from geusemaker.dlami.naming import Recognised, looks_like_dlami, os_in_name, recognise
from geusemaker.dlami.selection import FRAMEWORK_LABELS

# The table leaves these out; see `naming.py`. They still count as unknown under a new OS.
LEFT_OUT_KINDS: Final = ("Neuron", "Proprietary", "Qualcomm", "Single CUDA")
_LEFT_OUT_SYSTEMS: Final = re.compile(r"\((Ubuntu (14|16|18|20)\.04|Amazon Linux)\)")
_LEFT_OUT_BEFORE: Final = date(2024, 1, 1)


Key = tuple[str, str, str]
"""Of a line."""


@dataclass(frozen=True, slots=True)
class Image:
    """One image in the answer of EC2's DescribeImages; None where a field is missing.

    Attributes:
        owner: The alias, "amazon" for AWS's own; the account's number differs by Region.
        created: Day of creation in this Region, in UTC.
        root_gib: GiB of the root volume, from the block device mappings.
    """

    name: str
    architecture: str | None
    owner: str | None
    state: str | None
    created: date | None
    root_gib: int | None


@dataclass(frozen=True, slots=True)
class Build:
    """One image of a line. `number` and `spelled` are None without a framework."""

    day: date
    number: str | None
    spelled: str | None
    root_gib: int | None


@dataclass(frozen=True, slots=True)
class Group:
    """Names of no known line that differ in numbers only, except numbers in the OS's brackets."""

    form: str
    count: int
    newest: date | None
    example: str
    hint: str


@dataclass
class Found:
    """The content of an answer: builds and guessed forms by line, and counts of the rest."""

    builds: dict[Key, list[Build]] = field(default_factory=dict)
    guesses: dict[Key, set[Line]] = field(default_factory=dict)
    unknown: tuple[Group, ...] = ()
    left_out: Counter[str] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)


def gather(catalogue: Catalogue, images: Iterable[Image], read_on: date) -> Found:
    """Sorts each image: a build of a line, or a count with the reason."""
    found = Found()
    guesses = _guesses(catalogue)
    others: dict[str, list[Image]] = {}
    for image in images:
        if image.owner != "amazon":
            found.ignored["not from Amazon"] += 1
        elif image.state != "available":
            found.ignored["not available"] += 1
        elif (match := _match(image.name, catalogue, guesses)) is None:
            if "deep learning" in image.name.lower():
                others.setdefault(_masked(image.name), []).append(image)
            else:
                found.ignored["not of deep learning"] += 1
        elif image.architecture != match[0].architecture:
            found.ignored["of another architecture than the name says"] += 1
        elif (day := match[1].release or image.created) is None:
            found.ignored["without a day in name or answer"] += 1
        # One day more: the day in a build's name may not be UTC.
        elif day > read_on + timedelta(days=1):
            found.ignored[f"dated after the reading on {read_on} (is --today right?)"] += 1
        else:
            line, name = match
            build = Build(day, name.framework_version, name.spelled_version, image.root_gib)
            found.builds.setdefault(line.key, []).append(build)
            if catalogue.line(*line.key).form is None:
                found.guesses.setdefault(line.key, set()).add(line)
    for key, lines in found.guesses.items():
        if len(lines) > 1:
            forms = " and ".join(sorted(f"`{line.form}`" for line in lines))
            found.notes.append(
                f"{' / '.join(key)}: AWS has images now, {len(found.builds.pop(key))} in the "
                f"answer, but under more than one form: {forms}. Write the line by hand."
            )
    groups = []
    for form, members in others.items():
        group = _group(form, members, catalogue)
        if why := _left_out(group, catalogue):
            found.left_out[why] += group.count
        else:
            groups.append(group)
    found.unknown = tuple(sorted(groups, key=lambda g: (g.newest or date.min, g.form))[::-1])
    return found


def _guesses(catalogue: Catalogue) -> tuple[Line, ...]:
    """Lines that were never made, with the forms that they would have by their siblings.

    A sibling has the same architecture and type, or the other framework.
    """
    found: dict[str, Line] = {}
    for line in catalogue.lines:
        for sibling in catalogue.lines if line.form is None else ():
            types = {line.ami_type, sibling.ami_type}
            if (
                sibling.form is None
                or sibling.architecture != line.architecture
                or (len(types) > 1 and not types <= set(FRAMEWORKS))
            ):
                continue
            form = sibling.form.replace(f"({sibling.system.label})", f"({line.system.label})")
            if line.ami_type in FRAMEWORKS:
                label, other = (FRAMEWORK_LABELS[x.ami_type] for x in (line, sibling))
                form = form.replace(f" {other} ", f" {label} ")
            found.setdefault(form, replace(line, form=form, driver=sibling.driver))
    return tuple(found.values())


def _match(
    name: str, catalogue: Catalogue, guesses: Iterable[Line]
) -> tuple[Line, Recognised] | None:
    if known := recognise(name, catalogue):
        return catalogue.line(known.os_type, known.architecture or "x86_64", known.ami_type), known
    for line in guesses:
        if known := recognise(name, replace(catalogue, lines=(line,))):
            return line, known
    return None


def _masked(name: str) -> str:
    """The name with `#` for each number outside brackets; "ARM64" stays as it is."""
    outside = re.split(r"(\([^)]*\))", name)
    return "".join(
        part if part.startswith("(") else re.sub(r"(?<![A-Za-z0-9])[0-9]+([.][0-9]+)*", "#", part)
        for part in outside
    )


def _group(form: str, images: Sequence[Image], catalogue: Catalogue) -> Group:
    days = {image.name: _day_in(image.name) or image.created for image in images}
    example = max(days, key=lambda name: (days[name] or date.min, name))
    if not looks_like_dlami(example):
        hint = "not built like the name of a Deep Learning AMI"
    elif os_in_name(example, catalogue) is None:
        hint = "an operating system that the table lacks"
    else:
        hint = "a form that the table lacks: renamed, or of a new kind?"
    return Group(form, len(images), days[example], example, hint)


def _day_in(name: str) -> date | None:
    try:
        return datetime.strptime(name[-8:], "%Y%m%d").date()
    except ValueError:
        return None


def _left_out(group: Group, catalogue: Catalogue) -> str | None:
    """Why the table leaves the group out on purpose; None if that was not decided yet."""
    if group.newest is not None and group.newest < _LEFT_OUT_BEFORE:
        return f"built before {_LEFT_OUT_BEFORE.year}"
    if _LEFT_OUT_SYSTEMS.search(group.form):
        return "for an old operating system"
    if os_in_name(group.form, catalogue):
        return next((kind for kind in LEFT_OUT_KINDS if kind in group.form), None)
    return None
