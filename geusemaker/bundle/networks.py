"""The networks of the containers: who shares one, its bridge on the host, its addresses. Pure.

A container that goes out has one network with a way out, and nobody else whom it has to be kept
apart from is on it: so each version of Docker sends it out by the same bridge, and the host's wall
knows by the bridge who it is. What containers say to each other goes by internal networks.
"""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

BLOCK: Final = ipaddress.IPv4Network("198.18.42.0/23")
"""All addresses of containers on the host (docs/adr/0019-the-network-wall.md says why these)."""

DOCKER0: Final = "198.18.43.1/24"
"""The address of Docker's own bridge, which none of ours is on."""

_FIXED: Final = 10  # beyond those that Docker gives out by itself


@dataclass(frozen=True, slots=True)
class Network:
    """A network: whom it is made for, who else is on it, and whether it has a way out.

    Attributes:
        place: Which sixteenth of the first half of `BLOCK` it has. Never given to another name:
            Compose leaves a network that is no longer named, and two cannot have the same place.
        made_for: The container without which there is no such network.
        others: Who is on it as well, if they run.
        internal: Whether it has no way out of the host.
    """

    place: int
    made_for: str
    others: tuple[str, ...] = ()
    internal: bool = True

    @property
    def members(self) -> tuple[str, ...]:
        return (self.made_for, *self.others)

    @property
    def subnet(self) -> ipaddress.IPv4Network:
        return list(BLOCK.subnets(new_prefix=28))[self.place]

    @property
    def fixed(self) -> str:
        """An address for a container that is to have the same one always."""
        return str(self.subnet[_FIXED])


NETWORKS: Final[Mapping[str, Network]] = MappingProxyType(
    {
        "edge": Network(0, "caddy", ("n8n",), internal=False),
        "database": Network(1, "postgres", ("n8n",)),
        "runners": Network(2, "n8n-runners", ("n8n",)),
        "qdrant": Network(3, "qdrant", ("n8n", "caddy")),
        "models": Network(4, "ollama", ("n8n", "caddy")),
        "crawler": Network(5, "crawl4ai", ("n8n", "caddy")),
        "models-out": Network(6, "ollama", internal=False),
        "crawler-out": Network(7, "crawl4ai", internal=False),
    }
)

N8N_ADDRESS: Final = NETWORKS["edge"].fixed
"""Where n8n listens, and where it goes out from. Caddy alone is beside it: whoever else could
connect could claim any address as the visitor's, since n8n believes its one proxy."""

N8N_BROKER_ADDRESS: Final = NETWORKS["runners"].fixed
"""Where n8n's task broker listens, which is for the runner alone."""

N8N_UPSTREAM: Final = "n8n-edge"
"""n8n's name on the edge. As `n8n` it has an address in each network that Caddy shares with it."""


def bridge(name: str) -> str:
    """The name of a network's bridge on the host: at most 15 characters, as for any interface."""
    return f"gm-{name}"


def networks_of(containers: Iterable[str]) -> dict[str, Network]:
    """The networks that these containers need."""
    running = set(containers)
    return {name: network for name, network in NETWORKS.items() if network.made_for in running}


def compose_network(name: str, network: Network) -> dict[str, Any]:
    """The network for compose.yaml. The lower half of its addresses is Docker's to give out."""
    addresses = {
        "subnet": str(network.subnet),
        "ip_range": str(next(network.subnet.subnets(prefixlen_diff=1))),
        "gateway": str(network.subnet[1]),
    }
    return {
        **({"internal": True} if network.internal else {}),
        "driver_opts": {"com.docker.network.bridge.name": bridge(name)},
        "ipam": {"config": [addresses]},
    }


def compose_endpoints(
    container: str, networks: Mapping[str, Network], domain: str | None
) -> dict[str, Any]:
    """The networks of one container for compose.yaml, and what it is called there."""
    found: dict[str, Any] = {
        name: {} for name, network in networks.items() if container in network.members
    }
    if container == "n8n":
        found["edge"] = {"ipv4_address": N8N_ADDRESS, "aliases": [N8N_UPSTREAM]}
        found["runners"] = {"ipv4_address": N8N_BROKER_ADDRESS}
    if container == "caddy" and domain:
        # n8n calls the stack's own webhooks without leaving the host: allowedCidrs and the address
        # of the name in a private zone do not matter.
        found["edge"] = {"aliases": [domain]}
    return found


def wall_lines(containers: Sequence[str], n8n_reaches: Iterable[str]) -> list[str]:
    """What the host's wall is to know, as lines of the manifest."""
    made = networks_of(containers)
    lines = [f"bridge {bridge(name)}" for name in made]
    if "n8n" in containers:
        lines += [f"reach {bridge('edge')} {N8N_ADDRESS} {network}" for network in n8n_reaches]
    return [*lines, f"docker0 {DOCKER0}"]
