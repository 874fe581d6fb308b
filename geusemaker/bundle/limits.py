"""Memory limits of the containers on a host of a given size. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from geusemaker.errors import BundleError

MIB_PER_GIB: Final = 1024


@dataclass(frozen=True, slots=True)
class Need:
    """MiB of one container: its minimum, its share of a 16 GiB host, its maximum."""

    least: int
    of_16_gib: int
    most: int


# Minimums are from the images' documentation or measured: n8n's main process needs 1 GiB, its
# runner 200 MiB for each of three concurrent tasks, Crawl4AI is unhealthy below 2 GiB. Caddy needs
# what `CADDY_FILES` connections take.
NEEDS: Final[Mapping[str, Need]] = MappingProxyType(
    {
        "n8n": Need(1024, 1536, 4096),
        "n8n-runners": Need(640, 768, 2048),
        "qdrant": Need(512, 1536, 16384),
        "crawl4ai": Need(2048, 2560, 8192),
        "postgres": Need(512, 1024, 8192),
        # A waiting execution takes less than 1 KiB.
        "valkey": Need(192, 256, 512),
        "caddy": Need(640, 640, 640),
    }
)
CADDY_FILES: Final = 4096
"""Caddy's limit of open files, which is its only limit of connections. Clients need no key to
connect.

Measured with Caddy 2.11.7, 60 KB of headers and a body that never arrives: 45 MiB, plus 0.18 MiB
for each request to a service (two files) and 0.14 MiB for any other (one file).
"""
CADDY_GO_MIB: Final = 512
"""GOMEMLIMIT of Caddy. The rest of its limit is for the program and its sockets."""
OLLAMA_LEAST: Final = 2048
"""Enough for a model of about two billion parameters on a host without a GPU."""

_UNKNOWN_GIB = 8.0


def memory_limits(containers: Sequence[str], memory_gib: float | None) -> dict[str, int | None]:
    """The limit of each container in MiB; None for no limit.

    Ollama gets what the other containers and the system leave. If `memory_gib` is unknown, the
    others get their limits of a small host, and Ollama has no limit: a guess could exclude models
    that fit.

    Raises:
        BundleError: The containers need more memory.
    """
    others = [name for name in containers if name != "ollama"]
    if memory_gib is None:
        limits: dict[str, int | None] = {name: _share(name, _UNKNOWN_GIB) for name in others}
        return {name: limits.get(name) for name in containers}
    available = int(memory_gib * MIB_PER_GIB) - _system_mib(memory_gib)
    ollama = OLLAMA_LEAST if "ollama" in containers else 0
    given = {name: _share(name, memory_gib) for name in others}
    if sum(given.values()) + ollama > available:
        given = {name: NEEDS[name].least for name in others}
    left = available - sum(given.values())
    if left < ollama:
        raise _too_small(containers, memory_gib)
    return {name: given.get(name, left) for name in containers}


def least_gib(containers: Sequence[str]) -> int:
    """The smallest memory size, in whole GiB, on which these containers run."""
    size = 1
    while _least(containers) > size * MIB_PER_GIB - _system_mib(size):
        size += 1
    return size


def _least(containers: Sequence[str]) -> int:
    return sum(OLLAMA_LEAST if n == "ollama" else NEEDS[n].least for n in containers)


def _share(name: str, memory_gib: float) -> int:
    need = NEEDS[name]
    return min(max(int(need.of_16_gib * memory_gib / 16), need.least), need.most)


def _system_mib(memory_gib: float) -> int:
    """MiB for kernel, Docker, the EFS proxy, the SSM agent and the databases' page cache."""
    return int(min(max(768.0, memory_gib * 64), 4096.0))


def _too_small(containers: Sequence[str], memory_gib: float) -> BundleError:
    wanted = [name for name in containers if name not in ("caddy", "n8n-runners", "valkey")]
    size = f"{memory_gib:g}"
    fewer = [name for name in wanted if name not in ("crawl4ai", "ollama")]
    ways = ""
    if fewer and fewer != wanted and _least_gib_of(fewer) <= memory_gib:
        ways = f", or run fewer services: `pulumi config set geusemaker:services {','.join(fewer)}`"
    return BundleError(
        f"geusemaker:instanceType has {size} GiB of memory, and the services "
        f"{json.dumps(wanted)} need {least_gib(containers)} GiB at least. Take a larger one of the "
        "same architecture, such as `pulumi config set geusemaker:instanceType m6i.xlarge` "
        f"(m6g.xlarge on arm64){ways}."
    )


def _least_gib_of(services: Sequence[str]) -> int:
    runner = ["n8n-runners"] if "n8n" in services else []
    return least_gib([*services, *runner, "caddy"])
