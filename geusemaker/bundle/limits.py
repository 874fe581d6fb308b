"""How much memory each container may take on a host of a given size. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from geusemaker.errors import BundleError

MIB_PER_GIB: Final = 1024


@dataclass(frozen=True, slots=True)
class Need:
    """What a container needs, takes of a 16 GiB host, and is never given more than; in MiB."""

    least: int
    of_16_gib: int
    most: int


# The least is what the images' makers ask for or what was measured: n8n 1 GiB for its main
# process, its runner 200 MiB for each of three tasks at a time, Crawl4AI refuses to be healthy
# below 2 GiB. Caddy's is what `CADDY_FILES` connections cost, see there.
NEEDS: Final[Mapping[str, Need]] = MappingProxyType(
    {
        "n8n": Need(1024, 1536, 4096),
        "n8n-runners": Need(640, 768, 2048),
        "qdrant": Need(512, 1536, 16384),
        "crawl4ai": Need(2048, 2560, 8192),
        "postgres": Need(512, 1024, 8192),
        "caddy": Need(640, 640, 640),
    }
)
CADDY_FILES: Final = 4096
"""Caddy's limit of open files, and so of connections: it has no other, and none needs a key.

Measured with Caddy 2.11.7, a header of 60 KB and a body that does not come: 45 MiB, and for each
request 0.18 MiB when it is for a service (two files), 0.14 MiB else (one file).
"""
CADDY_GO_MIB: Final = 512
"""Where Go's garbage collector gets to work in earnest: the rest is for the program and sockets."""
OLLAMA_LEAST: Final = 2048
"""Enough for a model of about two thousand million parameters, on a host without a GPU."""

_UNKNOWN_GIB = 8.0


def memory_limits(containers: Sequence[str], memory_gib: float | None) -> dict[str, int | None]:
    """The limit of each container in MiB; None for no limit.

    Ollama takes what the others and the system leave. When nobody knows what the instance type
    has, the others get what they would on a small host, and Ollama has no limit: a guess would
    keep models out that fit.

    Raises:
        BundleError: The containers cannot run on so little.
    """
    others = [name for name in containers if name != "ollama"]
    if memory_gib is None:
        limits: dict[str, int | None] = {name: _share(name, _UNKNOWN_GIB) for name in others}
        return {name: limits.get(name) for name in containers}
    for_all = int(memory_gib * MIB_PER_GIB) - _for_the_system(memory_gib)
    ollama = OLLAMA_LEAST if "ollama" in containers else 0
    given = {name: _share(name, memory_gib) for name in others}
    if sum(given.values()) + ollama > for_all:
        given = {name: NEEDS[name].least for name in others}
    left = for_all - sum(given.values())
    if left < ollama:
        raise _too_small(containers, memory_gib)
    return {name: given.get(name, left) for name in containers}


def least_gib(containers: Sequence[str]) -> int:
    """The smallest size, in whole GiB, on which these containers can run."""
    size = 1
    while _least(containers) > size * MIB_PER_GIB - _for_the_system(size):
        size += 1
    return size


def _least(containers: Sequence[str]) -> int:
    return sum(OLLAMA_LEAST if n == "ollama" else NEEDS[n].least for n in containers)


def _share(name: str, memory_gib: float) -> int:
    need = NEEDS[name]
    return min(max(int(need.of_16_gib * memory_gib / 16), need.least), need.most)


def _for_the_system(memory_gib: float) -> int:
    """Kernel, Docker, the EFS proxy, the SSM agent and the page cache that databases live from."""
    return int(min(max(768.0, memory_gib * 64), 4096.0))


def _too_small(containers: Sequence[str], memory_gib: float) -> BundleError:
    wanted = [name for name in containers if name not in ("caddy", "n8n-runners")]
    size = f"{memory_gib:g}"
    fewer = [name for name in wanted if name not in ("crawl4ai", "ollama")]
    ways = ""
    if fewer and fewer != wanted and _least_of(fewer) <= memory_gib:
        ways = f", or run fewer services: `pulumi config set geusemaker:services {','.join(fewer)}`"
    return BundleError(
        f"geusemaker:instanceType has {size} GiB of memory, and the services "
        f"{json.dumps(wanted)} need {least_gib(containers)} GiB at least. Take a larger one of the "
        "same architecture, such as `pulumi config set geusemaker:instanceType m6i.xlarge` "
        f"(m6g.xlarge on arm64){ways}."
    )


def _least_of(services: Sequence[str]) -> int:
    runner = ["n8n-runners"] if "n8n" in services else []
    return least_gib([*services, *runner, "caddy"])
