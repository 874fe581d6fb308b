"""Selects the images to search for, from four config values and a day. Pure.

Each combination of known values gives an `ImageQuery`, or an error with the nearest line and the
commands that select it. The day is a parameter: no function here reads a clock.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from geusemaker.dlami.catalogue import Catalogue, Line, Version, load_catalogue, numeric
from geusemaker.dlami.naming import name_globs, name_regex
from geusemaker.dlami.nearest import (
    Request,
    best,
    commands,
    elsewhere,
    nearest_patched,
    patched_lines,
    without_advisory,
)
from geusemaker.dlami.rows import AMI_TYPES, ARCHITECTURES, FRAMEWORKS
from geusemaker.errors import NeverMadeError, RequestError
from geusemaker.messages import nearest

_USUAL: Final = {"osType": "ubuntu-22.04", "architecture": "x86_64", "amiType": "base"}
"""Proposed in place of a value that resembles no known one."""

# Bounded, because Python refuses to convert thousands of digits to a number.
_VERSION = re.compile(r"[0-9]{1,9}([.][0-9]{1,9})*")

FRAMEWORK_LABELS: Final = {"pytorch": "PyTorch", "tensorflow": "TensorFlow"}


@dataclass(frozen=True, slots=True)
class Candidate:
    """One version to search for.

    Attributes:
        framework_version: As a user types it ("2.6"); None without a framework.
        name_globs: Values of EC2's `name` filter; one of them must match.
        name_regex: The same names as one anchored expression, for RE2 and Python.
        patched_until: Last day of patches.
        ended_on: `patched_until` if that day has passed, else None.
        advisory: AWS's warning, worded to follow "PyTorch 2.12", or None.
    """

    framework_version: str | None
    name_globs: tuple[str, ...]
    name_regex: str
    patched_until: date
    ended_on: date | None
    advisory: str | None = None


@dataclass(frozen=True, slots=True)
class ImageQuery:
    """The search for an image, and the known facts of its result.

    Attributes:
        candidates: At least one, best first; the others are for Regions that lack it.
        include_deprecated: Include images over two years old; ended lines have no newer ones.
        warnings: One paragraph each for the user, about the first candidate.
        min_root_gib: GiB; the found image may need more.
        instance_families: Such as "g5"; empty if AWS's list is unknown.
        patched_until: Last day of patches of the first candidate.
        framework_version: As configured; None for the newest, or without a framework.
        today: The day of the selection.
    """

    os_type: str
    architecture: str
    ami_type: str
    candidates: tuple[Candidate, ...]
    include_deprecated: bool
    warnings: tuple[str, ...]
    ssh_user: str
    root_device: str
    min_root_gib: int
    instance_families: tuple[str, ...]
    patched_until: date
    framework_version: str | None
    today: date


def select(
    os_type: str,
    architecture: str,
    ami_type: str,
    framework_version: str | None = None,
    *,
    today: date,
    catalogue: Catalogue | None = None,
) -> ImageQuery:
    """Select the images that fit, best first.

    Without `framework_version`: the versions that are patched on `today`, highest first; without
    any, all versions, highest first, with a warning. With `framework_version`: that version only.

    Raises:
        NeverMadeError: AWS never released that combination or that version of it.
        RequestError: A value is unknown, a version is given for a type without versions, or the
            version is newer than the table.
    """
    catalogue = catalogue or load_catalogue()
    _check_known("osType", os_type, tuple(system.name for system in catalogue.systems))
    _check_known("architecture", architecture, ARCHITECTURES)
    _check_known("amiType", ami_type, AMI_TYPES)
    if framework_version is not None:
        framework_version = str(framework_version)  # a script may give 2.12 as a number
    request = Request(os_type, architecture, ami_type, framework_version)
    line = catalogue.line(os_type, architecture, ami_type)
    if line.form is None:
        raise _never_made(request, line, today, catalogue)
    if framework_version is None:
        versions = line.patched(today) or line.versions
    else:
        versions = (_requested_version(request, line, today, catalogue),)

    candidates = tuple(_candidate(line.form, version, today) for version in versions)
    return ImageQuery(
        os_type=os_type,
        architecture=architecture,
        ami_type=ami_type,
        candidates=candidates,
        include_deprecated=any(candidate.ended_on for candidate in candidates),
        warnings=_warnings(request, versions[0], today, catalogue),
        ssh_user=line.system.ssh_user,
        root_device=line.system.root_device,
        min_root_gib=line.min_root_gib,
        instance_families=line.instance_families,
        patched_until=versions[0].patched_until,
        framework_version=framework_version,
        today=today,
    )


def select_around_pin(
    os_type: str,
    architecture: str,
    ami_type: str,
    framework_version: str | None = None,
    *,
    today: date,
) -> ImageQuery:
    """Select for a stack with a pinned image, whatever line the other keys name.

    The look-up checks the image against the keys. If they name no known line, the result is the
    base line of the OS: each OS has one for each architecture.

    Raises:
        RequestError: A value is unknown.
    """
    try:
        return select(os_type, architecture, ami_type, framework_version, today=today)
    except (NeverMadeError, RequestError):
        _check_known("amiType", ami_type, AMI_TYPES)
        return select(os_type, architecture, "base", today=today)


def others(query: ImageQuery, catalogue: Catalogue | None = None) -> list[ImageQuery]:
    """The searches for what could take the place of a missing image, nearest first.

    For a requested version, the first is for the other versions of its line.
    """
    catalogue = catalogue or load_catalogue()
    lines = patched_lines(request_of(query), query.today, catalogue)
    own = (query.os_type, query.architecture, query.ami_type)
    return [
        select(*line.key, today=query.today, catalogue=catalogue)
        for line in lines
        if line.key != own or query.framework_version is not None
    ]


def request_of(query: ImageQuery) -> Request:
    """The config values of a search."""
    return Request(query.os_type, query.architecture, query.ami_type, query.framework_version)


def title(ami_type: str, framework_version: str | None) -> str:
    """The name of an image in messages: "PyTorch 2.12", or "The base image"."""
    if framework_version is None:
        return f"The {ami_type} image"
    return f"{FRAMEWORK_LABELS[ami_type]} {framework_version}"


def _candidate(form: str, version: Version, today: date) -> Candidate:
    return Candidate(
        framework_version=version.number,
        name_globs=name_globs(form, version.spellings),
        name_regex=name_regex(form, version.spellings),
        patched_until=version.patched_until,
        ended_on=None if version.is_patched(today) else version.patched_until,
        advisory=version.advisory,
    )


def _requested_version(request: Request, line: Line, today: date, catalogue: Catalogue) -> Version:
    wanted = request.framework_version or ""
    if line.ami_type not in FRAMEWORKS:
        raise RequestError(
            f"geusemaker:frameworkVersion is {wanted!r}, but images of type {line.ami_type} have "
            f"no framework version (only {' and '.join(FRAMEWORKS)} have one): "
            "`pulumi config rm geusemaker:frameworkVersion`."
        )
    for version in line.versions:
        if version.number == wanted:
            return version
        if wanted in version.spellings:
            # The request is exactly 2.5.1, so 2.5.0 does not fit.
            return Version(version.number, (wanted,), version.patched_until, version.advisory)
    raise _unknown_version(request, line, today, catalogue)


def _unknown_version(
    request: Request, line: Line, today: date, catalogue: Catalogue
) -> NeverMadeError | RequestError:
    wanted = request.framework_version or ""
    combination = f"{line.os_type} / {line.architecture} / {line.ami_type}"
    if f"{wanted}0" in line.numbers:
        return RequestError(
            f"geusemaker:frameworkVersion is {wanted!r}, and {combination} has {wanted}0 but no "
            f"{wanted}: YAML reads an unquoted {wanted}0 as the number {wanted}. Quote it in the "
            "stack's file, or let Pulumi do so: "
            f"`pulumi config set geusemaker:frameworkVersion {wanted}0`."
        )
    parts = wanted.split(".")
    two = ".".join(parts[:2])
    near = next((one for one in line.versions if one.number == two), best(line, today))
    offer = f"The nearest is {near.number}: `{commands(request, line, near)}`"
    known = [
        number for one in catalogue.lines if one.ami_type == line.ami_type for number in one.numbers
    ]
    if _VERSION.fullmatch(wanted) and numeric(two) > max(map(numeric, known)):
        return RequestError(
            f"geusemaker:frameworkVersion is {wanted!r}, which is newer than this table of "
            f"{catalogue.as_of}: its highest for {combination} is {line.numbers[0]}. A newer "
            "GeuseMaker may know it. If AWS already has it, set geusemaker:amiName to the name of "
            f"its image and remove the version. {offer}."
        )
    text = (
        f"geusemaker:frameworkVersion is {wanted!r}, but AWS made no such image for {combination}; "
        f"its versions are {', '.join(line.numbers)}. {offer}"
    )
    other = elsewhere(request, catalogue, today)
    if other:
        text += f"; the version itself exists as {other}"
    return NeverMadeError(f"{text}.")


def _never_made(request: Request, line: Line, today: date, catalogue: Catalogue) -> NeverMadeError:
    return NeverMadeError(
        f"The value {request} names an image that AWS never released: {line.reason} (as of "
        f"{catalogue.as_of}); {nearest_patched(request, today, catalogue)}."
    )


def _warnings(
    request: Request, version: Version, today: date, catalogue: Catalogue
) -> tuple[str, ...]:
    name = title(request.ami_type, version.number)
    where = f"for {request.os_type} on {request.architecture}"
    found = []
    if not version.is_patched(today):
        found.append(
            f"{name} {where} still starts, but AWS has not patched it since "
            f"{version.patched_until}; {nearest_patched(request, today, catalogue)}."
        )
    elif version.advisory:
        found.append(
            f"{name} {where} {version.advisory}; {without_advisory(request, today, catalogue)}."
        )
    return tuple(found)


def _check_known(key: str, value: str, known: tuple[str, ...]) -> None:
    if value in known:
        return
    near = nearest(str(value), known)
    raise RequestError(
        f"geusemaker:{key} is {value!r}, which is none of {', '.join(known)}; "
        f"{'nearest' if near else 'for example'}: "
        f"`pulumi config set geusemaker:{key} {near or _USUAL[key]}`."
    )
