"""The nearest available line to a request, in words and as commands. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from geusemaker.dlami.catalogue import Catalogue, Line, Version
from geusemaker.dlami.rows import FRAMEWORKS

# The closest types, best first: a framework image is closer to another framework's than to the base
# image, which has no framework.
_CLOSEST = {
    "base": ("base", "pytorch", "multi-framework", "tensorflow"),
    "pytorch": ("pytorch", "multi-framework", "tensorflow", "base"),
    "tensorflow": ("tensorflow", "multi-framework", "pytorch", "base"),
    "multi-framework": ("multi-framework", "pytorch", "tensorflow", "base"),
}
_Rank = tuple[int | bool, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """The requested image: four config values."""

    os_type: str
    architecture: str
    ami_type: str
    framework_version: str | None

    def __str__(self) -> str:
        """The value as messages show it."""
        parts = [self.os_type, self.architecture, self.ami_type]
        return " / ".join([*parts, self.framework_version] if self.framework_version else parts)


def nearest_patched(request: Request, today: date, catalogue: Catalogue) -> str:
    """A clause with the nearest patched line and the commands that select it.

    Nearest by architecture, then OS, then type. If a line of a closer type, or one without an
    advisory, exists on another OS, the clause names it too.
    """
    ranked = patched_lines(request, today, catalogue)
    if not ranked:
        text = f"by this table of {catalogue.as_of} AWS patches no line any more"
        own = catalogue.line(request.os_type, request.architecture, request.ami_type)
        if not own.versions:
            # An ended line is still better than one that AWS never released.
            line = _ranked(request, catalogue, lambda line: bool(line.versions))[0]
            text += f"; the nearest that exists: {_offer(request, line, line.versions[0], today)}"
        return f"{text}; a newer GeuseMaker may know newer lines"
    first = ranked[0]
    text = f"nearest with patches: {_offer(request, first, best(first, today), today)}"
    second = min(
        ranked,
        key=lambda line: (
            line.architecture != request.architecture,
            _CLOSEST[request.ami_type].index(line.ami_type),
            best(line, today).advisory is not None,
            _os_distance(request, line, catalogue),
        ),
    )
    if second is not first:
        text += f"; or {_offer(request, second, best(second, today), today)}"
    return text


def without_advisory(request: Request, today: date, catalogue: Catalogue) -> str:
    """The same for a line with an advisory; architecture and type stay."""
    ranked = _ranked(
        request,
        catalogue,
        lambda line: (
            line.architecture == request.architecture
            and line.ami_type == request.ami_type
            and bool(line.patched(today))
            # The best version only: a newer version fixes an advisory, an older one does not.
            and best(line, today).advisory is None
        ),
    )
    if not ranked:
        of = f"{request.ami_type} image for {request.architecture}"
        return f"AWS has no patched {of} without that yet"
    return f"nearest without that: {_offer(request, ranked[0], best(ranked[0], today), today)}"


def elsewhere(request: Request, catalogue: Catalogue, today: date) -> str | None:
    """An offer of the nearest line that differs in the OS only and has the requested version."""
    ranked = _ranked(
        request,
        catalogue,
        lambda line: (
            line.architecture == request.architecture
            and line.ami_type == request.ami_type
            and request.framework_version in line.numbers
        ),
    )
    if not ranked:
        return None
    version = next(v for v in ranked[0].versions if v.number == request.framework_version)
    return _offer(request, ranked[0], version, today)


def listing(request: Request, family: str, today: date, catalogue: Catalogue) -> str | None:
    """An offer of the nearest patched line that AWS lists an instance family for, or None.

    The requested version is not kept: it may be older than the family.
    """
    ranked = _ranked(
        request,
        catalogue,
        lambda line: family in line.instance_families and bool(line.patched(today)),
    )
    if not ranked:
        return None
    return _offer(request, ranked[0], best(ranked[0], today), today)


def patched_lines(request: Request, today: date, catalogue: Catalogue) -> list[Line]:
    """The lines that AWS patches, nearest first."""
    return _ranked(request, catalogue, lambda line: bool(line.patched(today)))


def offer(request: Request, line: Line, number: str | None, today: date) -> str:
    """That version of a line, with the commands that select it."""
    version = next(one for one in line.versions if one.number == number)
    return _offer(request, line, version, today)


def best(line: Line, today: date) -> Version:
    """The version to offer of a line: the highest patched one, else the highest."""
    return (line.patched(today) or line.versions)[0]


def commands(request: Request, line: Line, version: Version) -> str:
    """The commands, joined for a shell, that turn the request into that version of that line."""
    steps = []
    if line.architecture != request.architecture:
        steps.append(f"pulumi config set geusemaker:architecture {line.architecture}")
    if line.os_type != request.os_type:
        steps.append(f"pulumi config set geusemaker:osType {line.os_type}")
    if line.ami_type != request.ami_type:
        steps.append(f"pulumi config set geusemaker:amiType {line.ami_type}")
    if request.framework_version is not None and request.framework_version != version.number:
        # A version of another framework does not apply: drop it, for the newest one.
        keeps = line.ami_type == request.ami_type and line.ami_type in FRAMEWORKS
        steps.append(
            f"pulumi config set geusemaker:frameworkVersion {version.number}"
            if keeps
            else "pulumi config rm geusemaker:frameworkVersion"
        )
    return " && ".join(steps)


def _offer(request: Request, line: Line, version: Version, today: date) -> str:
    what = f"{line.ami_type} {version.number}" if version.number else line.ami_type
    where = line.os_type
    if line.architecture != request.architecture:
        where += f" ({line.architecture})"
    patched = "patched until" if version.is_patched(today) else "not patched since"
    advisory = f", but {version.advisory}" if version.advisory else ""
    return (
        f"{what} on {where} ({patched} {version.patched_until}{advisory}): "
        f"`{commands(request, line, version)}`"
    )


def _ranked(request: Request, catalogue: Catalogue, fits: Callable[[Line], bool]) -> list[Line]:
    """The lines that fit, nearest first."""

    def rank(line: Line) -> _Rank:
        return (
            line.architecture != request.architecture,
            *_os_distance(request, line, catalogue),
            _CLOSEST[request.ami_type].index(line.ami_type),
        )

    return sorted((line for line in catalogue.lines if fits(line)), key=rank)


def _os_distance(request: Request, line: Line, catalogue: Catalogue) -> _Rank:
    """Same family first, then fewest steps within it, then the newer one."""
    position = {system.name: index for index, system in enumerate(catalogue.systems)}
    family = {system.name: system.family for system in catalogue.systems}
    other = family[line.os_type] != family[request.os_type]
    # Steps between OS families have no meaning: there the newest is patched longest.
    steps = 0 if other else abs(position[line.os_type] - position[request.os_type])
    return (other, steps, -position[line.os_type])
