"""Converts a line into search patterns for names, and a name back into its line.

A search has two equivalent patterns: EC2's `name` filter, a glob that AWS applies to keep the
answer small, and an anchored expression that excludes other lines. Go (RE2) behind Pulumi and
Python compile the expression, so it uses only their common syntax: literals,
`[0-9]` classes, counted repeats, plain groups and alternatives.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime

from geusemaker.dlami.catalogue import Catalogue, Line, load_catalogue

# "Version 77" and "Version 65.5" are both real.
_BUILD_GLOBS = ("??", "??.?", "??.??")
_BUILD = "[0-9]{2}([.][0-9]{1,2})?"
_DATE_GLOB = "?" * 8
# Calendar days only, as in `recognise`: the program must be able to read every image that a search
# finds. All years from 2000 to 2099 that are divisible by 4 are leap years.
_DATE = (
    "(20[0-9]{2}((0[13578]|1[02])(0[1-9]|[12][0-9]|3[01])|(0[469]|11)(0[1-9]|[12][0-9]|30)"
    "|02(0[1-9]|1[0-9]|2[0-8]))|20([02468][048]|[13579][26])0229)"
)
_ANY_VERSION = "[0-9]+[.][0-9]+([.][0-9]+)?"

_DLAMI = re.compile(
    r"(AWS )?Deep Learning ([^()]+ )?AMI( [^()]+)? \([^()]+\) "
    r"(20[0-9]{6}|Version [0-9]+([.][0-9]+)*)"
)


@dataclass(frozen=True, slots=True)
class Recognised:
    """The facts in the name of an image of a known line.

    Attributes:
        architecture: "arm64", or None: names of x86_64 images do not hold their architecture.
        framework_version: As a user types it ("2.6"), also of a version newer than the table;
            None without a framework.
        spelled_version: As the name writes it ("2.6.0"); None without a framework.
        release: The build date in the name; None for names that end with "Version NN.N".
    """

    os_type: str
    architecture: str | None
    ami_type: str
    framework_version: str | None
    spelled_version: str | None
    release: date | None


def name_globs(form: str, spellings: tuple[str, ...]) -> tuple[str, ...]:
    """The values of EC2's `name` filter for the form of a line; one of them must match.

    `spellings` are those of one framework version, or empty for a line without a framework.
    """
    ends = _BUILD_GLOBS if "{build}" in form else (_DATE_GLOB,)
    return tuple(
        form.replace("{version}", spelling).replace("{date}", end).replace("{build}", end)
        for spelling in spellings or ("",)
        for end in ends
    )


def name_regex(form: str, spellings: tuple[str, ...]) -> str:
    """One anchored expression, the same in RE2 and Python, that matches exactly those names."""
    versions = "|".join(_literal(spelling) for spelling in spellings)
    return f"^{_pattern(form, f'({versions})', _DATE, _BUILD)}$"


def exact_glob(name: str) -> str:
    """A value of EC2's `name` filter that matches that name only: wildcards are escaped."""
    return "".join(f"\\{char}" if char in "*?\\" else char for char in name)


def exact_regex(name: str) -> str:
    """An anchored expression, the same in RE2 and Python, that matches that name only."""
    return f"^{_literal(name)}$"


def recognise(name: str, catalogue: Catalogue | None = None) -> Recognised | None:
    """Read OS, architecture, type, version and date from the name of an image of a known line.

    Lines outside the table (Neuron, Proprietary, Single CUDA, Ubuntu 20.04, before 2024) and names
    with an impossible date give None.
    """
    for line in (catalogue or load_catalogue()).lines:
        if line.form is None:
            continue
        pattern = _pattern(
            line.form, f"(?P<version>{_ANY_VERSION})", f"(?P<date>{_DATE})", f"(?P<build>{_BUILD})"
        )
        if match := re.fullmatch(pattern, name):
            return _recognised(line, match.groupdict())
    return None


def build_in(name: str) -> tuple[int, ...]:
    """The build at the end of a name, as sortable numbers: its day, or 65, 8 of "Version 65.8"."""
    found = re.search(r"(?:Version ([0-9]+(?:[.][0-9]+)*)|([0-9]{8}))$", name)
    if found is None:
        return ()
    return tuple(int(part) for part in (found[1] or found[2]).split("."))


def looks_like_dlami(name: str) -> bool:
    """Whether the name has the form of a Deep Learning AMI of any line and year."""
    return _DLAMI.fullmatch(name) is not None


def os_in_name(name: str, catalogue: Catalogue | None = None) -> str | None:
    """The OS in the brackets of a name, if the table has it."""
    for system in (catalogue or load_catalogue()).systems:
        if f"({system.label})" in name:
            return system.name
    return None


def _recognised(line: Line, found: dict[str, str | None]) -> Recognised:
    digits = found.get("date")
    release = datetime.strptime(digits, "%Y%m%d").date() if digits else None
    spelled = found.get("version")
    return Recognised(
        os_type=line.os_type,
        architecture="arm64" if line.architecture == "arm64" else None,
        ami_type=line.ami_type,
        framework_version=".".join(spelled.split(".")[:2]) if spelled else None,
        spelled_version=spelled,
        release=release,
    )


def _pattern(form: str, version: str, day: str, build: str) -> str:
    """The form with each placeholder as an expression and all else as literals."""
    parts = {"{version}": version, "{date}": day, "{build}": build}
    return "".join(parts.get(part) or _literal(part) for part in re.split(r"(\{[a-z]+\})", form))


def _literal(text: str) -> str:
    # Not re.escape, which also escapes blanks and hyphens: people read the result in logs.
    return re.sub(r"([.()\[\]{}*+?^$|\\])", r"\\\1", text)
