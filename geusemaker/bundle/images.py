"""Which image each container runs: the table `images.toml`, and what a user puts over it.

The table is checked whole when it is read. `chosen` is what decides: pure, with the table given.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final

from geusemaker.bundle import reference
from geusemaker.bundle.facts import CONTAINERS
from geusemaker.bundle.reference import Reference, Version
from geusemaker.errors import BundleError
from geusemaker.messages import InvalidValue, Set, StackOrigin, nearest, shown

KEYS: Final = CONTAINERS
"""What `geusemaker:imageVersions` may name: each container, whether a user chooses it or not."""

TABLE: Final = Path(__file__).with_name("images.toml")

_KEY = "imageVersions"

OLD_AFTER_DAYS: Final = 90
"""From then on the table is called old, as that of AWS's images is."""

POSTGRES_MAJOR: Final = 18
"""The layout of the data folder changed with 18, and a major version never upgrades by itself."""
POSTGRES_DEBIANS: Final = ("bookworm", "trixie")
"""Those that the official image of 18 is built on. A Debian's C library sorts the text in indexes,
and that of another may sort it otherwise: the host refuses another one over data that it has."""

_ARCHITECTURES = ("x86_64", "arm64")
_FIELDS = {"key", "reference", "seen", "source", "architectures"}
_BOUND = {"least", "why"}
_KNOWN = {"fix", "hole"}
# As the official image writes it, or as others do that build on it: 0.8.1-pg18.
_debian = re.compile(r"bullseye|bookworm|trixie|forky|sid(?![a-z])")
_postgres_18 = re.compile(rf"({POSTGRES_MAJOR}|(.*[^A-Za-z0-9])?pg{POSTGRES_MAJOR})(?![0-9])")


@dataclass(frozen=True, slots=True)
class Image:
    """One row of the table."""

    key: str
    reference: Reference
    seen: date
    source: str
    architectures: tuple[str, ...]
    least: Version | None
    why: str | None
    fix: Reference | None
    hole: str | None


@dataclass(frozen=True, slots=True)
class Hole:
    """An image that runs although a newer one closes what was published of it."""

    container: str
    image: Reference
    fix: Reference
    what: str

    def __str__(self) -> str:
        unsaid = "" if self.image.version else ", whose tag does not say its version"
        return f"{self.container} {self.image.tag}{unsaid} ({self.fix.tag} closes {self.what})"


@dataclass(frozen=True, slots=True)
class Table:
    """The whole of `images.toml`."""

    as_of: date
    images: Mapping[str, Image]


@cache
def load_images() -> Table:
    """The shipped table, read once."""
    return read_images(TABLE)


def read_images(path: Path) -> Table:
    """The checked table. Raises `BundleError` that names the field when the file is broken."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BundleError(
            f"{path.name} cannot be read: {error}. It comes with the program, "
            "and `git checkout` brings it back."
        ) from error
    as_of, rows = raw.get("as_of"), raw.get("image")
    _demand(path, not set(raw) - {"as_of", "image"}, "its top level")
    if not isinstance(as_of, date):
        raise _broken(path, "as_of")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise _broken(path, "image")
    images = [_image(path, row) for row in rows]
    keys = [image.key for image in images]
    _demand(path, sorted(keys) == sorted(KEYS), f"key: wanted are {', '.join(KEYS)}, once each")
    by_key = {image.key: image for image in images}
    same = by_key["n8n"].reference.tag == by_key["n8n-runners"].reference.tag
    _demand(path, same, "n8n-runners: its tag must be that of n8n")
    return Table(as_of, by_key)


def _image(path: Path, row: dict[str, Any]) -> Image:
    where = f"image {row.get('key')!r}"
    bound, known = set(row) & _BOUND, set(row) & _KNOWN
    whole = set(row) - _BOUND - _KNOWN == _FIELDS
    whole = whole and bound in (set(), _BOUND) and known in (set(), _KNOWN)
    _demand(path, whole, f"{where}: its fields are {', '.join(sorted(row))}")
    texts = [row[name] for name in ("key", "reference", "source", *bound, *known)]
    _demand(path, all(isinstance(text, str) for text in texts), f"{where}: a text is none")
    _demand(path, isinstance(row["seen"], date), f"{where}: seen")
    architectures = row["architectures"]
    listed = isinstance(architectures, list) and set(architectures) <= set(_ARCHITECTURES)
    _demand(path, listed and bool(architectures), f"{where}: architectures")
    parsed = reference.parse(row["reference"])
    if parsed is None or parsed.tag is None or parsed.digest is None:
        raise _broken(path, f"{where}: reference needs both a tag and a digest")
    least = reference.version_of(row["least"]) if bound else None
    _demand(path, not bound or least is not None, f"{where}: least is no version")
    if least is not None:
        new = parsed.version is not None and parsed.version >= least
        _demand(path, new, f"{where}: reference is older than least")
    fix = reference.parse(row["fix"]) if known else None
    _demand(path, not known or (fix and fix.version) is not None, f"{where}: fix has no version")
    return Image(
        row["key"],
        parsed,
        row["seen"],
        row["source"],
        tuple(architectures),
        least,
        row.get("why"),
        fix,
        row.get("hole"),
    )


def _demand(path: Path, holds: bool, what: str) -> None:
    if not holds:
        raise _broken(path, what)


def _broken(path: Path, what: str) -> BundleError:
    return BundleError(
        f"{path.name} is broken at {what}. It comes with the program, and `git checkout` brings "
        "it back."
    )


def check_image_versions(versions: Mapping[str, str]) -> None:
    """Raises `InvalidValue` for the first invalid override, also one of a service that is off.

    Each fix sets the whole map: `pulumi config set --path` replaces a map that is JSON text.
    """
    _images(load_images().images, versions)


def chosen(
    containers: Iterable[str], versions: Mapping[str, str], architecture: str | None = None
) -> dict[str, Reference]:
    """The image of each container: from `versions` if it is there, else from the table.

    `versions` has passed `check_image_versions`. Raises `BundleError` if the table has no image for
    the architecture.
    """
    table = load_images().images
    images = _images(table, versions)
    running = {name: images[name] for name in containers}
    for name, image in running.items():
        ours = image == table[name].reference
        if architecture is not None and ours and architecture not in table[name].architectures:
            raise BundleError(
                f"The image {image} of {name} is not there for {architecture}. Name one that is in "
                f"geusemaker:{_KEY}, or leave {name} out of geusemaker:services."
            )
    return running


def known_holes(containers: Iterable[str], versions: Mapping[str, str]) -> list[Hole]:
    """The images that run below a known fix, or whose tag does not say that they do not.

    Not those of another repository whose tags count otherwise, such as pgvector's: nothing is known
    of them, and no tag that could be named closes anything.
    """
    table = load_images().images
    images = _images(table, versions)
    return [
        Hole(name, images[name], fix, table[name].hole or "")
        for name in containers
        if (fix := table[name].fix) and not _reaches(images[name], fix)
        if _same_place(images[name], fix) or _counts_alike(images[name], fix)
    ]


def _counts_alike(one: Reference, other: Reference) -> bool:
    return bool(one.version and other.version and one.version[0] == other.version[0])


def _same_place(one: Reference, other: Reference) -> bool:
    return (one.registry, one.repository) == (other.registry, other.repository)


def _reaches(image: Reference, fix: Reference) -> bool:
    return bool(image.version and fix.version and image.version >= fix.version)


def closing(holes: Iterable[Hole], versions: Mapping[str, str]) -> str:
    """The command that closes these holes: the whole map, so that one command is enough.

    An image of another repository stays there, with another tag, and one on another Debian on that.
    """
    table = load_images().images
    closed = dict(versions)
    for hole in holes:
        ours = table[hole.container].reference
        target = ours if _reaches(ours, hole.fix) else hole.fix
        version, _, kind = (target.tag or "").partition("-")
        if hole.container == "postgres":
            kind = (hole.image.tag or "").partition("-")[2]
        tag = f"{version}-{kind}" if kind else version
        if tag != target.tag or not _same_place(hole.image, target):
            target = replace(hole.image, tag=tag, digest=None)
        if target == ours:
            closed.pop(hole.container)
        else:
            closed[hole.container] = str(target)
        runner = reference.parse(closed.get("n8n-runners", ""))
        if hole.container == "n8n" and runner is not None:
            closed["n8n-runners"] = str(replace(runner, tag=target.tag, digest=None))
    return StackOrigin().set(_KEY, closed)


def age_warning(as_of: date, today: date) -> str | None:
    """One paragraph if the table is too old on that day, else None."""
    days = (today - as_of).days
    if days <= OLD_AFTER_DAYS:
        return None
    return (
        f"The table of the services' images is as of {as_of}, {days} days ago: what was published "
        "of them since is not known here. `git pull` in the clone brings the newest table."
    )


def _images(table: Mapping[str, Image], versions: Mapping[str, str]) -> dict[str, Reference]:
    images = {key: image.reference for key, image in table.items()}
    for key in versions:
        images[key] = _override(table, versions, key)
    if "n8n" in versions and "n8n-runners" not in versions:
        images["n8n-runners"] = _runner_of(images["n8n"], versions)
    # Only an override of the runner can part them: without one, it follows n8n.
    n8n, runners = images["n8n"], images["n8n-runners"]
    if n8n.version != runners.version:
        raise InvalidValue(
            f"makes the task runner {runners.tag}, while n8n is {n8n.tag}, and the two must have "
            "the same version",
            _without(versions, "n8n-runners"),
            _with(versions, "n8n", f"docker.io/n8nio/n8n:{runners.tag}"),
        )
    return images


def _override(table: Mapping[str, Image], versions: Mapping[str, str], key: str) -> Reference:
    text = versions[key]
    if key not in table:
        near = nearest(key, KEYS)
        without = {name: other for name, other in versions.items() if name != key}
        raise InvalidValue(
            f"has the key {shown(key)}, which is no image of this program"
            f"{f' (did you mean {near}?)' if near else ''}; there are {', '.join(KEYS)}",
            *([_with(without, near, str(text))] if near and near not in versions else []),
            Set(_KEY, without),
        )
    usual = table[key].reference

    def unfit(why: str) -> InvalidValue:
        return InvalidValue(
            f"names {shown(text)} for {key}, which {why}",
            _with(versions, key, str(usual)),
            _without(versions, key),
        )

    parsed = reference.parse(text)
    if parsed is None:
        raise unfit("is no reference of a container image")
    if parsed.tag is None:
        raise unfit("has no tag, so nobody can see which version it is")
    if parsed.tag == "latest" and parsed.digest is None:
        raise unfit("is another image on another day")
    if key == "postgres" and (why_not := _why_not_postgres(parsed.tag)):
        raise unfit(why_not)
    if key == "postgres" and not _debian.search(parsed.tag):
        raise InvalidValue(
            f"names {shown(text)} for {key}, whose tag does not name its Debian: it moves to "
            "another one some day, whose C library may sort text differently, and then the indexes "
            "of existing data are wrong. Name the Debian that it has been so far, which its "
            "/etc/os-release says (postgres:18 is trixie)",
            *(
                _with(versions, key, str(replace(parsed, tag=f"{parsed.tag}-{debian}")))
                for debian in reversed(POSTGRES_DEBIANS)
            ),
            _without(versions, key),
        )
    least, why = table[key].least, table[key].why
    if least is not None:
        if parsed.version is None:
            raise unfit(f"does not say its version, and {why}")
        if parsed.version < least:
            raise unfit(f"is older than {'.'.join(map(str, least))}: {why}")
    return parsed


def _why_not_postgres(tag: str) -> str | None:
    if not _postgres_18.match(tag):
        return (
            f"is not PostgreSQL {POSTGRES_MAJOR}: another major version has another data folder, "
            "and none of them reads that of another"
        )
    if "alpine" in tag:
        return "is built on Alpine, where the data belongs to another user and sorts differently"
    return None


def _runner_of(n8n: Reference, versions: Mapping[str, str]) -> Reference:
    """The runner of the same version, beside n8n's image wherever that comes from."""
    folder, slash, name = n8n.repository.rpartition("/")
    if name != "n8n":
        raise InvalidValue(
            f"names {shown(str(n8n))} for n8n, whose task runner must have the same version, and "
            "where that is cannot be told from this name",
            _with(versions, "n8n-runners", f"docker.io/n8nio/runners:{n8n.tag}"),
        )
    # n8n's own registry has n8n, but not the runner.
    registry = reference.DEFAULT_REGISTRY if n8n.registry == "docker.n8n.io" else n8n.registry
    return Reference(registry, f"{folder}{slash}runners", n8n.tag, None)


def _with(versions: Mapping[str, str], key: str, text: str) -> Set:
    return Set(_KEY, {**versions, key: text})


def _without(versions: Mapping[str, str], key: str) -> Set:
    return Set(_KEY, {name: text for name, text in versions.items() if name != key})
