"""Parses references of container images. Pure."""

import re
from dataclasses import dataclass
from typing import Final

DEFAULT_REGISTRY: Final = "docker.io"

_HOST = r"(?:[a-z0-9]+(?:[.-][a-z0-9]+)*)(?::[0-9]{1,5})?"
_PART = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST = r"sha256:[0-9a-f]{64}"
_reference = re.compile(
    rf"(?P<path>(?:{_HOST}/)?{_PART}(?:/{_PART})*)(?::(?P<tag>{_TAG}))?(?:@(?P<digest>{_DIGEST}))?"
)
_version = re.compile(r"v?([0-9]+)\.([0-9]+)(?:\.([0-9]+))?(?![0-9.])")

Version = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference of a container image.

    Attributes:
        registry: Host, such as "docker.io".
        repository: Path, such as "library/postgres".
        tag: Such as "18.6-bookworm", or None.
        digest: Such as "sha256:37…", or None.
    """

    registry: str
    repository: str
    tag: str | None
    digest: str | None

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.registry}/{self.repository}{tag}{digest}"

    @property
    def version(self) -> Version | None:
        """Version at the start of the tag, with 0 for a missing patch number; None without one."""
        found = _version.match(self.tag or "")
        return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def parse(text: str) -> Reference | None:
    """The parsed reference with Docker's defaults; None if `text` is not a reference."""
    found = _reference.fullmatch(text)
    if found is None or len(text) > 512:
        return None
    first, slash, rest = found["path"].partition("/")
    # Docker's rule: the first part is a host if it has a dot or a port, or is `localhost`.
    if slash and ("." in first or ":" in first or first == "localhost"):
        registry, repository = first, rest
    else:
        registry, repository = DEFAULT_REGISTRY, found["path"]
    if registry == DEFAULT_REGISTRY and "/" not in repository:
        repository = f"library/{repository}"
    return Reference(registry, repository, found["tag"], found["digest"])


def version_of(text: str) -> Version | None:
    """Parses a complete version, such as "2.41.4"; None if `text` is not one."""
    found = _version.fullmatch(text)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None
