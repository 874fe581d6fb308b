"""The bundle settings of the unit tests and of the tests with real tools."""

from collections.abc import Mapping
from functools import cache
from itertools import combinations
from typing import Any

import yaml

from geusemaker.bundle import SERVICES, Access, BundleFacts, render

SUBSETS = [
    chosen
    for size in range(1, len(SERVICES) + 1)
    for chosen in combinations(SERVICES, size)
    if "n8n" not in chosen or "postgres" in chosen
]
"""Every allowed choice of services."""

DOMAINS = (None, "ai.example.com")


def facts(**changes: Any) -> BundleFacts:
    """All services on the default host, without a domain."""
    usual: dict[str, Any] = {
        "services": SERVICES,
        "image_versions": {},
        "models": (),
        "owner_email": "owner@example.com",
        "access": Access(),
        "memory_gib": 16.0,
        "architecture": "x86_64",
        "dump_days": 7,
    }
    return BundleFacts(**(usual | changes))


def all_facts() -> list[BundleFacts]:
    """Every choice of services; for all and for one service, also domain x public.

    The domain changes Caddy, which always runs, and n8n. Public access changes Caddy's ports. The
    architecture changes nothing, which a test shows.
    """
    return [
        facts(services=services, access=Access(domain, public))
        for services in SUBSETS
        for domain in DOMAINS
        for public in (False, True)
        if services in (SERVICES, SERVICES[-1:]) or not (domain or public)
    ]


def named(one: BundleFacts) -> str:
    """The name of a variant in test reports."""
    return "-".join(
        [
            "+".join(one.services),
            "domain" if one.access.domain else "none",
            "public" if one.access.is_public else "private",
        ]
    )


def rendered(one: BundleFacts) -> Mapping[str, str]:
    """The files of a variant, rendered once for all tests."""
    return _rendered(_Key(one))


def compose(one: BundleFacts) -> Mapping[str, Any]:
    """The rendered compose.yaml as data. Shared by tests: do not change it."""
    return _compose(_Key(one))


class _Key:
    """A hashable key for facts, which contain a mapping."""

    def __init__(self, one: BundleFacts) -> None:
        self.one = one

    def __hash__(self) -> int:
        return hash(repr(self.one))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.one == other.one


@cache
def _rendered(key: _Key) -> Mapping[str, str]:
    return render(key.one)


@cache
def _compose(key: _Key) -> Mapping[str, Any]:
    loaded: Mapping[str, Any] = yaml.safe_load(_rendered(key)["compose.yaml"])
    return loaded
