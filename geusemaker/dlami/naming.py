"""From a line to what AWS is asked for, and from an image's name back to the line.

Asking needs two things that say the same: EC2's `name` filter is a glob that runs at AWS and keeps
the answer small, and an anchored expression then keeps neighbours out. The expression is compiled
by Go (RE2) behind Pulumi and by Python here, so it uses only what both read alike: literals,
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
# Days that are in the calendar, since `recognise` knows no others: what a search answers must be an
# image that the rest of the program can read. All years from 2000 to 2099 that 4 divides are leap.
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
    """What the name of an image of a known line tells.

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
    """The values of EC2's `name` filter, of which one must fit, for the form of a line.

    `spellings` are those of one framework version, or empty for a line without a framework.
    """
    ends = _BUILD_GLOBS if "{build}" in form else (_DATE_GLOB,)
    return tuple(
        form.replace("{version}", spelling).replace("{date}", end).replace("{build}", end)
        for spelling in spellings or ("",)
        for end in ends
    )


def name_regex(form: str, spellings: tuple[str, ...]) -> str:
    """One anchored expression, the same in RE2 and Python, that fits exactly those names."""
    versions = "|".join(_literal(spelling) for spelling in spellings)
    return f"^{_pattern(form, f'({versions})', _DATE, _BUILD)}$"


def exact_glob(name: str) -> str:
    """A value of EC2's `name` filter that fits that name alone: its wildcards are escaped."""
    return "".join(f"\\{char}" if char in "*?\\" else char for char in name)


def exact_regex(name: str) -> str:
    """An anchored expression, the same in RE2 and Python, that fits that name alone."""
    return f"^{_literal(name)}$"


def recognise(name: str, catalogue: Catalogue | None = None) -> Recognised | None:
    """Read OS, architecture, type, version and date from the name of an image of a known line.

    Lines outside the table (Neuron, Proprietary, Single CUDA, Ubuntu 20.04, before 2024) and names
    whose date is none in the calendar give None.
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
    """What tells the builds of a line apart, in order: the day's digits, or "Version 65.8"."""
    found = re.search(r"(?:Version ([0-9]+(?:[.][0-9]+)*)|([0-9]{8}))$", name)
    if found is None:
        return ()
    return tuple(int(part) for part in (found[1] or found[2]).split("."))


def looks_like_dlami(name: str) -> bool:
    """Whether the name is built as AWS builds those of Deep Learning AMIs, of any line and year."""
    return _DLAMI.fullmatch(name) is not None


def os_in_name(name: str, catalogue: Catalogue | None = None) -> str | None:
    """The OS that stands in the brackets of a name, if the table knows it."""
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
    # Not re.escape: it escapes blanks and hyphens too, and the result is read by people in logs.
    return re.sub(r"([.()\[\]{}*+?^$|\\])", r"\\\1", text)
