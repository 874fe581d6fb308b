"""The table: every resource type that the simulated provider knows."""

from collections.abc import Iterator
from typing import Any, Final

# Each defines its types.
from .resource import Resource
from .resources import (  # noqa: F401
    access,
    address,
    alarms,
    backups,
    block,
    bucket_encryption,
    buckets,
    compute,
    files,
    groups,
    identity,
    keys,
    lifecycle,
    names,
    network,
    objects,
    parameters,
    routing,
    scaling,
    security,
    templates,
    zones,
)


def _defined(kind: Any) -> Iterator[Resource]:
    """One of each class below `kind` that has a token."""
    if "token" in vars(kind):
        yield kind()
    for below in kind.__subclasses__():
        yield from _defined(below)


TYPES: Final[dict[str, Resource]] = {one.token: one for one in _defined(Resource)}


class NotSimulated(LookupError):
    """A type or invoke that the simulated account does not know."""


def resource_type(token: str) -> Resource:
    """The type of that token; `NotSimulated` names what is known."""
    try:
        return TYPES[token]
    except KeyError as unknown:
        raise NotSimulated(
            f"the simulated account does not know the resource type {token}; it knows "
            f"{', '.join(sorted(t.rpartition(':')[2] for t in TYPES))}"
        ) from unknown
