"""Networks of the containers: members, bridges on the host, addresses. Pure.

A container with internet access has exactly one network that is not internal, so every version of
Docker routes it through the same bridge, and the host's firewall identifies it by that bridge.
Containers talk to each other over internal networks.
"""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

BLOCK: Final = ipaddress.IPv4Network("198.18.42.0/23")
"""Addresses of all containers (docs/adr/0019-the-network-wall.md gives the reasons)."""

DOCKER0: Final = "198.18.43.1/24"
"""Address of Docker's default bridge, which no container uses."""

_FIXED: Final = 10  # outside the range that Docker assigns from


@dataclass(frozen=True, slots=True)
class Network:
    """A Compose network.

    Attributes:
        place: Index of its /28 in `BLOCK`. Never reused for another name: Compose keeps a network
            that is no longer in the file, and two networks cannot have the same subnet.
        made_for: The network exists only if this container runs.
        others: Further members, if they run.
        internal: Whether its members cannot leave the host through it.
        also_for: The network also exists if this container runs.
        only_with: The network exists only if this container runs too.
    """

    place: int
    made_for: str
    others: tuple[str, ...] = ()
    internal: bool = True
    also_for: str = ""
    only_with: str = ""

    @property
    def members(self) -> tuple[str, ...]:
        return (self.made_for, *self.others)

    @property
    def subnet(self) -> ipaddress.IPv4Network:
        return list(BLOCK.subnets(new_prefix=28))[self.place]

    @property
    def fixed(self) -> str:
        """An address that Docker assigns to no other container."""
        return str(self.subnet[_FIXED])


NETWORKS: Final[Mapping[str, Network]] = MappingProxyType(
    {
        # A worker has no Caddy.
        "edge": Network(0, "caddy", ("n8n",), internal=False, also_for="n8n"),
        "database": Network(1, "postgres", ("n8n",)),
        "runners": Network(2, "n8n-runners", ("n8n",)),
        "qdrant": Network(3, "qdrant", ("n8n", "caddy")),
        "models": Network(4, "ollama", ("n8n", "caddy")),
        "crawler": Network(5, "crawl4ai", ("n8n", "caddy")),
        "models-out": Network(6, "ollama", internal=False),
        "crawler-out": Network(7, "crawl4ai", internal=False),
        "queue": Network(8, "valkey", ("n8n",)),
        # Docker publishes no port from an internal network. One for each container, since
        # containers on one bridge reach each other.
        "postgres-in": Network(9, "postgres", internal=False, only_with="valkey"),
        "valkey-in": Network(10, "valkey", internal=False),
        "qdrant-in": Network(11, "qdrant", internal=False, only_with="valkey"),
    }
)

N8N_ADDRESS: Final = NETWORKS["edge"].fixed
"""Where n8n listens, and its source address. Only Caddy shares this network: n8n trusts one proxy,
so any other member could forge the client's address."""

CLOSED: Final = ("postgres-in", "valkey-in", "qdrant-in")
"""Networks whose members only answer: workers connect to their published ports."""

GATEWAY: Final = str(NETWORKS["edge"].subnet[1])
"""Source address of connections that Docker's proxy makes to Caddy: those from the host itself,
such as Session Manager's, and those by IPv6."""

N8N_BROKER_ADDRESS: Final = NETWORKS["runners"].fixed
"""Where n8n's task broker listens. Only the task runner shares this network."""

N8N_UPSTREAM: Final = "n8n-edge"
"""n8n's name on the edge network. `n8n` has an address in every network of n8n and Caddy."""


def bridge(name: str) -> str:
    """Name of a network's bridge on the host. Interface names have at most 15 characters."""
    return f"gm-{name}"


def networks_of(containers: Iterable[str]) -> dict[str, Network]:
    """The networks that these containers need."""
    running = set(containers)
    return {
        name: network
        for name, network in NETWORKS.items()
        if {network.made_for, network.also_for} & running
        if {network.only_with} - {""} <= running
    }


def compose_network(name: str, network: Network) -> dict[str, Any]:
    """The network in compose.yaml. Docker assigns addresses from the lower half of its subnet."""
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
    """The networks of one container in compose.yaml, with its addresses and aliases."""
    found: dict[str, Any] = {
        name: {} for name, network in networks.items() if container in network.members
    }
    if container == "n8n":
        found["edge"] = {"ipv4_address": N8N_ADDRESS, "aliases": [N8N_UPSTREAM]}
        found["runners"] = {"ipv4_address": N8N_BROKER_ADDRESS}
    if container == "caddy" and domain:
        # n8n reaches the stack's own webhooks inside the host, independent of allowedCidrs,
        # webhookCidrs and DNS in a private zone.
        found["edge"] = {"aliases": [domain]}
    return found


def firewall_lines(containers: Sequence[str], n8n_reaches: Iterable[str]) -> list[str]:
    """Lines of the manifest for the host's firewall."""
    made = networks_of(containers)
    lines = [f"bridge {bridge(name)}" for name in made]
    if "n8n" in containers:
        lines += [f"reach {bridge('edge')} {N8N_ADDRESS} {network}" for network in n8n_reaches]
    return [*lines, f"docker0 {DOCKER0}"]
