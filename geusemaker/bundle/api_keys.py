"""Keys with names for Ollama, Qdrant and Crawl4AI: their form, and how Caddy reads them. Pure.

A key is `NAME_SECRET`. All keys are in one file, which Caddy reads at each request: a change needs
neither a reload nor another container, so no answer under way is cut off. Hence a mounted folder: a
mounted file would stay the old one when the host replaces it.
"""

import re
import secrets
import string
from collections.abc import Iterable, Mapping
from typing import Final

from geusemaker.bundle.secret_names import (
    CRAWL4AI_TOKEN,
    QDRANT_API_KEY,
    SECRETS_ROOT,
    SecretFile,
)

API_KEYS: Final = "api-keys"
"""Name of the secret with all keys, separated by spaces."""

FOLDER: Final = "caddy-keys"
"""Folder below `SECRETS_ROOT`, mounted at `INSIDE`."""

SOURCE: Final = f"{SECRETS_ROOT}/{FOLDER}"
INSIDE: Final = "/run/keys"

_CADDY_UID: Final = 1000
_LENGTH: Final = 40
_ALPHABET: Final = string.ascii_letters + string.digits
_NAME: Final = "[a-z][a-z0-9-]{0,30}"
_ENTRY: Final = re.compile(f"({_NAME})(?::([2-9]|[1-9][0-9]{{1,3}}))?")

PATTERN: Final = f"(({_NAME})_[A-Za-z0-9]{{{_LENGTH}}})"
"""A key as an expression for Caddy: the whole key, and its name."""

SERVICES_WITH_KEYS: Final = ("ollama", "qdrant", "crawl4ai")


def entry(text: str) -> tuple[str, int] | None:
    """Name and number of an item of `apiKeys`, such as `laptop` or `laptop:2`; None if invalid."""
    found = _ENTRY.fullmatch(text)
    return (found[1], int(found[2] or 1)) if found else None


def new_key(name: str) -> str:
    """A random key."""
    return f"{name}_{''.join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))}"


def as_value(keys: Iterable[str]) -> str:
    """The value of the secret `API_KEYS`."""
    return " ".join(sorted(keys))


def by_name(value: str) -> Mapping[str, str]:
    """The keys in that value, by name."""
    return {key.partition("_")[0]: key for key in value.split()}


def files_of_caddy(containers: Iterable[str]) -> tuple[SecretFile, ...]:
    """The services' own keys, which Caddy puts in the place of a key with a name."""
    return tuple(
        SecretFile("caddy", name, _CADDY_UID, name)
        for service, name in (("qdrant", QDRANT_API_KEY), ("crawl4ai", CRAWL4AI_TOKEN))
        if service in containers
    )


KEYS_FILE: Final = SecretFile(FOLDER, API_KEYS, _CADDY_UID, API_KEYS)
"""Not a secret of Compose, which mounts single files."""
