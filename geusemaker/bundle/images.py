"""Selects the image of each container: from the table `images.toml` or `imageVersions`."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, PlainValidator, model_validator

from geusemaker.bundle import reference
from geusemaker.bundle.facts import CONTAINERS
from geusemaker.bundle.reference import Reference, Version
from geusemaker.errors import BundleError
from geusemaker.messages import InvalidValue, Set, StackOrigin, nearest, shown
from geusemaker.toml_table import OLD_AFTER_DAYS, Day, Row, Text, read_toml

KEYS: Final = CONTAINERS
"""Keys of `geusemaker:imageVersions`: all containers, also those that no service selects."""

TABLE: Final = Path(__file__).with_name("images.toml")

_KEY = "imageVersions"

POSTGRES_MAJOR: Final = 18
"""The data folder has the layout of version 18. Major versions do not upgrade data themselves."""
POSTGRES_DEBIANS: Final = ("bookworm", "trixie")
"""Debian releases of the official image of 18. Indexes depend on how the release's C library sorts
text, so the host refuses another release once it has data."""

# Tags of the official image, and of images built on it: 0.8.1-pg18.
_debian = re.compile(r"bullseye|bookworm|trixie|forky|sid(?![a-z])")
_postgres_18 = re.compile(rf"({POSTGRES_MAJOR}|(.*[^A-Za-z0-9])?pg{POSTGRES_MAJOR})(?![0-9])")


def _parsed(text: object) -> Reference:
    parsed = reference.parse(text) if isinstance(text, str) else None
    if parsed is None or parsed.tag is None:
        raise ValueError("this is not an image reference with a tag")
    return parsed


def _version(text: object) -> Version:
    version = reference.version_of(text) if isinstance(text, str) else None
    if version is None:
        raise ValueError("this is not a version such as 2.41.4")
    return version


_Reference = Annotated[Reference, PlainValidator(_parsed)]
_Version = Annotated[Version, PlainValidator(_version)]


class Image(Row):
    """One row of the table."""

    key: Text
    reference: _Reference
    seen: Day
    source: Text
    architectures: Annotated[tuple[Literal["x86_64", "arm64"], ...], Field(min_length=1)]
    least: _Version | None = None
    why: Text | None = None
    fix: _Reference | None = None
    vulnerability: Text | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        version, digest = self.reference.version, self.reference.digest
        for holds, why in (
            (digest is not None, "`reference` has no digest"),
            ((self.least is None) == (self.why is None), "`least` needs `why`"),
            ((self.fix is None) == (self.vulnerability is None), "`fix` needs `vulnerability`"),
            (self.fix is None or self.fix.version, "the tag of `fix` has no version"),
            (not self.least or (version and version >= self.least), "it is older than `least`"),
        ):
            if not holds:
                raise ValueError(f"{self.key}: {why}")
        return self


class _File(Row):
    as_of: Day
    image: tuple[Image, ...]


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """A published vulnerability of an image in use, and the image that fixes it."""

    container: str
    image: Reference
    fix: Reference
    what: str

    def __str__(self) -> str:
        unknown = "" if self.image.version else ", whose tag has no version"
        return f"{self.container} {self.image.tag}{unknown} ({self.fix.tag} fixes {self.what})"


@dataclass(frozen=True, slots=True)
class Table:
    """The whole of `images.toml`."""

    as_of: date
    images: Mapping[str, Image]


@cache
def load_images() -> Table:
    """The shipped table. Reads the file once."""
    return read_images(TABLE)


def read_images(path: Path) -> Table:
    """Reads and validates the table. Raises `BundleError` that names the invalid field."""
    return read_toml(path, _File, _table, BundleError)


def _table(file: _File) -> Table:
    images = {image.key: image for image in file.image}
    if sorted(image.key for image in file.image) != sorted(KEYS):
        raise ValueError(f"the keys of [[image]] must be {', '.join(KEYS)}, once each")
    if images["n8n"].reference.tag != images["n8n-runners"].reference.tag:
        raise ValueError("n8n and n8n-runners must have the same tag")
    return Table(file.as_of, images)


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
                f"The image {image} of {name} does not exist for {architecture}. Set another image "
                f"in geusemaker:{_KEY}, or remove {name} from geusemaker:services."
            )
    return running


def known_vulnerabilities(
    containers: Iterable[str], versions: Mapping[str, str]
) -> list[Vulnerability]:
    """Images in use that are older than a known fix, or whose tag has no version.

    Leaves out images of another repository with another version scheme, such as pgvector's: the
    table has no fixes for them.
    """
    table = load_images().images
    images = _images(table, versions)
    return [
        Vulnerability(name, images[name], fix, table[name].vulnerability or "")
        for name in containers
        if (fix := table[name].fix) and not _reaches(images[name], fix)
        if _same_place(images[name], fix) or _same_major(images[name], fix)
    ]


def _same_major(one: Reference, other: Reference) -> bool:
    return bool(one.version and other.version and one.version[0] == other.version[0])


def _same_place(one: Reference, other: Reference) -> bool:
    return (one.registry, one.repository) == (other.registry, other.repository)


def _reaches(image: Reference, fix: Reference) -> bool:
    return bool(image.version and fix.version and image.version >= fix.version)


def fix_command(vulnerabilities: Iterable[Vulnerability], versions: Mapping[str, str]) -> str:
    """The command that fixes these vulnerabilities. It sets the whole map, so one is enough.

    Images keep their repository, and PostgreSQL keeps its Debian release.
    """
    table = load_images().images
    fixed = dict(versions)
    for one in vulnerabilities:
        ours = table[one.container].reference
        target = ours if _reaches(ours, one.fix) else one.fix
        version, _, kind = (target.tag or "").partition("-")
        if one.container == "postgres":
            kind = (one.image.tag or "").partition("-")[2]
        tag = f"{version}-{kind}" if kind else version
        if tag != target.tag or not _same_place(one.image, target):
            target = replace(one.image, tag=tag, digest=None)
        if target == ours:
            fixed.pop(one.container)
        else:
            fixed[one.container] = str(target)
        runner = reference.parse(fixed.get("n8n-runners", ""))
        if one.container == "n8n" and runner is not None:
            fixed["n8n-runners"] = str(replace(runner, tag=target.tag, digest=None))
    return StackOrigin().set(_KEY, fixed)


def age_warning(as_of: date, today: date) -> str | None:
    """A warning if the table is older than `OLD_AFTER_DAYS` on that day, else None."""
    days = (today - as_of).days
    if days <= OLD_AFTER_DAYS:
        return None
    return (
        f"The table of container images is from {as_of}, {days} days ago. It lacks vulnerabilities "
        "that were published since. `git pull` in the clone updates it."
    )


def _images(table: Mapping[str, Image], versions: Mapping[str, str]) -> dict[str, Reference]:
    images = {key: image.reference for key, image in table.items()}
    for key in versions:
        images[key] = _override(table, versions, key)
    if "n8n" in versions and "n8n-runners" not in versions:
        images["n8n-runners"] = _runner_of(images["n8n"], versions)
    # Without an override, the runner follows n8n.
    n8n, runners = images["n8n"], images["n8n-runners"]
    if n8n.version != runners.version:
        raise InvalidValue(
            f"sets the task runner to {runners.tag} and n8n to {n8n.tag}, and the two must have "
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
            f"has the unknown key {shown(key)}{f' (did you mean {near}?)' if near else ''}; the "
            f"keys are {', '.join(KEYS)}",
            *([_with(without, near, str(text))] if near and near not in versions else []),
            Set(_KEY, without),
        )
    usual = table[key].reference

    def invalid(why: str) -> InvalidValue:
        return InvalidValue(
            f"names {shown(text)} for {key}, which {why}",
            _with(versions, key, str(usual)),
            _without(versions, key),
        )

    parsed = reference.parse(text)
    if parsed is None:
        raise invalid("is not a container image reference")
    if parsed.tag is None:
        raise invalid("has no tag, so its version is unknown")
    if parsed.tag == "latest" and parsed.digest is None:
        raise invalid("names a different image over time")
    if key == "postgres" and (why_not := _why_not_postgres(parsed.tag)):
        raise invalid(why_not)
    if key == "postgres" and not _debian.search(parsed.tag):
        raise InvalidValue(
            f"names {shown(text)} for {key}, whose tag does not name its Debian release. Such a "
            "tag moves to the next release, whose C library may sort text differently and break "
            "the indexes of existing data. Name the release that the image has now, from its "
            "/etc/os-release (postgres:18 is trixie)",
            *(
                _with(versions, key, str(replace(parsed, tag=f"{parsed.tag}-{debian}")))
                for debian in reversed(POSTGRES_DEBIANS)
            ),
            _without(versions, key),
        )
    least, why = table[key].least, table[key].why
    if least is not None:
        if parsed.version is None:
            raise invalid(f"has no version in its tag, and {why}")
        if parsed.version < least:
            raise invalid(f"is older than {'.'.join(map(str, least))}: {why}")
    return parsed


def _why_not_postgres(tag: str) -> str | None:
    if not _postgres_18.match(tag):
        return (
            f"is not PostgreSQL {POSTGRES_MAJOR}: a major version cannot read the data folder of "
            "another"
        )
    if "alpine" in tag:
        return "is built on Alpine, where PostgreSQL has another user and sorts text differently"
    return None


def _runner_of(n8n: Reference, versions: Mapping[str, str]) -> Reference:
    """The task runner of the same version, from the registry of n8n's image."""
    folder, slash, name = n8n.repository.rpartition("/")
    if name != "n8n":
        raise InvalidValue(
            f"names {shown(str(n8n))} for n8n, and the name of the matching task runner image "
            "cannot be derived from it",
            _with(versions, "n8n-runners", f"docker.io/n8nio/runners:{n8n.tag}"),
        )
    # docker.n8n.io does not have the runner.
    registry = reference.DEFAULT_REGISTRY if n8n.registry == "docker.n8n.io" else n8n.registry
    return Reference(registry, f"{folder}{slash}runners", n8n.tag, None)


def _with(versions: Mapping[str, str], key: str, text: str) -> Set:
    return Set(_KEY, {**versions, key: text})


def _without(versions: Mapping[str, str], key: str) -> Set:
    return Set(_KEY, {name: text for name, text in versions.items() if name != key})
