"""The wall between containers and the private network: the host's script, and this kernel's rules.

No Docker runs here, so private_network.py sets Docker's rules. Bridges, addresses and members are
those of the rendered Compose file.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from ipaddress import ip_network
from itertools import islice
from typing import Any

import pytest
import yaml

from .boot_host import GOOD, HERE, LIB, Host, as_root
from .private_network import CADDY, ELASTIC, HOST, HOST6
from .test_boot_real_bundle import Rendered, rendered, secrets

N8N = "198.18.42.10"
GATEWAY = "198.18.42.1"
RESOLVERS = "nameserver 10.42.0.2\nnameserver 127.0.0.53\nnameserver fd00:ec2::253\n"
OUTSIDERS = ("n8n", "ollama", "crawl4ai", "caddy")
"""Containers that may reach the internet."""

PRIVATE = (
    *("10.42.0.20", "10.42.0.30", "10.7.0.5", "172.31.0.9", "192.168.5.5", "100.64.3.3"),
    *("169.254.169.254", "169.254.169.253", "198.18.0.1", "198.19.0.1"),
)

N8N_BESIDE = {"ollama": "198.18.42.67", "crawl4ai": "198.18.42.83", "qdrant": "198.18.42.51"}
"""Addresses of n8n in the networks that it shares with them."""

REACHED = ("10.42.0.30", "10.7.0.5")
ON_INTERNAL = (
    ("postgres", "198.18.42.17"),
    ("n8n-runners", "198.18.42.33"),
    ("qdrant", "198.18.42.49"),
)


@dataclass(frozen=True)
class Attempt:
    """A connection from a namespace, and the expected answer, empty for silence."""

    start: str
    to: str
    port: int = 443
    answer: str = ""
    kind: str = "tcp"
    source: str = ""


ONLINE = Attempt("ollama", "203.0.113.80", 443, f"vpc {HOST}")
"""Shows that the network works, where silence is expected of all others."""


class Network:
    """A process of private_network.py with the networks and containers of the rendered bundle."""

    def __init__(self, bundle: Rendered, wall: str, tables: str, **walls: str) -> None:
        document = yaml.safe_load(bundle.files["compose.yaml"])
        networks: dict[str, dict[str, Any]] = {}
        bridges = {}
        for name, one in document["networks"].items():
            bridges[name] = one["driver_opts"]["com.docker.network.bridge.name"]
            addresses = one["ipam"]["config"][0]
            networks[bridges[name]] = {**addresses, "internal": one.get("internal", False)}
        # Docker gives the other containers addresses in their order.
        free = {name: islice(ip_network(own["subnet"]), 2, None) for name, own in networks.items()}
        services = document["services"]
        self.containers = {
            service: {
                bridges[name]: own.get("ipv4_address") or str(next(free[bridges[name]]))
                for name, own in services[service]["networks"].items()
            }
            for service in sorted(services, key=lambda service: service != "caddy")
        }
        listens = services["n8n"]["environment"].get("N8N_LISTEN_ADDRESS", "127.0.0.1")
        command = ["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child", "--mount-proc"]
        self._process = subprocess.Popen(
            [*as_root(), *command, sys.executable, str(HERE / "private_network.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._send(
            networks=networks,
            containers=self.containers,
            wall=wall,
            tables=tables,
            only={"n8n": {"5678": listens}},
            published=list(self._published(services, networks)),
            **{name.replace("_", " "): text for name, text in walls.items()},
        )

    def _published(
        self, services: dict[str, Any], networks: dict[str, Any]
    ) -> Iterator[tuple[str, str, str, str]]:
        """Address, port, bridge and container's address of each published port but Caddy's 80.

        Docker publishes from the only network of a container that is not internal.
        """
        for service, one in services.items():
            for published in one.get("ports", ()):
                *before, port, inside = published.split(":")
                assert port == inside
                address = HOST if before and "GEUSEMAKER_ADDRESS" in published else ""
                (bridge,) = (
                    name for name in self.containers[service] if not networks[name]["internal"]
                )
                yield address, port, bridge, self.containers[service][bridge]

    def _send(self, **line: object) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended, and what it printed says why
            self._process.stdin.write(json.dumps(line) + "\n")
            self._process.stdin.flush()

    def end(self) -> str:
        """Ends it; what it has printed since."""
        shown, errors = self._process.communicate()
        return shown + errors

    def answers(
        self,
        attempts: list[Attempt],
        *,
        all_answer: bool = False,
        order: tuple[str, ...] = ("wall", "docker", "wall"),
        bridges_filtered: bool = False,
        resolv_conf: str = RESOLVERS,
    ) -> tuple[list[str], list[str]]:
        """The answers, and the firewall's rules. Starts from empty rules each time."""
        self._send(
            order=order,
            bridges_filtered=bridges_filtered,
            resolv_conf=resolv_conf,
            attempts=[
                {
                    "attempt": [one.start, one.source, one.kind, one.to, one.port],
                    "answered": all_answer or one.answer,
                }
                for one in attempts
            ],
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"no private network here: {self.end()[-2000:]}"
        came = json.loads(line)
        return came["answers"], came["rules"]

    def check(self, attempts: list[Attempt], **case: Any) -> list[str]:
        """Fails where an answer differs; returns the firewall's rules."""
        came, rules = self.answers(attempts, **case)
        answers = dict(zip(attempts, came, strict=True))
        wrong = {one: answer for one, answer in answers.items() if answer != one.answer}
        assert wrong == {}, "\n".join(f"{one}: {answer!r}" for one, answer in wrong.items())
        return rules


@pytest.fixture(scope="module", name="made")
def _made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Rendered, str]:
    """A bundle with two private networks that n8n may reach, and the host's script for it."""
    facts = replace(rendered().facts, n8n_reaches=("10.42.0.30/32", "10.7.0.0/24"))
    bundle = Rendered(facts=facts)
    host = Host(tmp_path_factory.mktemp("host"))
    host.attach_volume()
    host.parameters(**secrets())
    host.name(bundle)
    assert host.boot() == GOOD, host.read("/var/log/geusemaker-boot.log")
    return bundle, host.read(f"{LIB}/wall")


@pytest.fixture(scope="module", params=["nft", "legacy"])
def network(made: tuple[Rendered, str], request: pytest.FixtureRequest) -> Iterator[Network]:
    """Built once for each kind of iptables, since that takes the longest."""
    one = Network(*made, tables=request.param)
    yield one
    assert one.end() == ""


def _neighbours() -> list[Attempt]:
    """What containers must not reach: the private network, and the host itself."""
    return [
        *(Attempt(who, to, port) for who in OUTSIDERS for to in PRIVATE for port in (80, 2049)),
        *(Attempt(who, to, 22) for who in OUTSIDERS for to in (HOST, GATEWAY)),
        # On Caddy's bridge its published port is one of the host's own. From other bridges it leads
        # to another bridge, which Docker itself does not allow.
        *(Attempt(who, to, 443) for who in ("n8n", "caddy") for to in (HOST, GATEWAY)),
        *(Attempt(who, gateway, 22) for who, gateway in ON_INTERNAL),
        *(Attempt("ollama", to, 443) for to in ("fd00:42::20", "fd00:ec2::254", HOST6)),
    ]


@pytest.mark.parametrize("filtered", [False, True], ids=["plain bridges", "br_netfilter"])
def test_containers_reach_the_internet_and_each_other_and_no_private_network(
    network: Network, filtered: bool
) -> None:
    allowed = [one for one in _neighbours() if one.start == "n8n" and one.to in REACHED]
    network.check(
        [
            *(one for one in _neighbours() if one not in allowed),
            *(replace(one, answer=f"vpc {HOST}") for one in allowed),
            # Not reachable for others, with or without a bridge shared with n8n.
            *(Attempt(who, "10.42.0.30", 5432) for who in ("caddy", "ollama", "crawl4ai")),
            Attempt("n8n", "10.42.0.30", 5432, f"vpc {HOST}"),
            *(Attempt(who, "203.0.113.80", 443, f"vpc {HOST}") for who in OUTSIDERS),
            *(Attempt(who, "10.42.0.2", 53, f"vpc {HOST}", "udp") for who in OUTSIDERS),
            *(Attempt(who, "10.42.0.2", 53, f"vpc {HOST}") for who in OUTSIDERS),
            Attempt("ollama", "10.42.0.20", 53, "", "udp"),
            Attempt("ollama", "fd00:ec2::253", 53, "vpc fd42:12::2", "udp"),
            Attempt("ollama", "2001:db8:80::1", 443, "vpc fd42:12::2"),
            *_each_other(),
            *_ways_in(),
        ],
        bridges_filtered=filtered,
    )


def _each_other() -> list[Attempt]:
    return [
        Attempt("caddy", N8N, 5678, f"n8n {CADDY}"),
        Attempt("n8n", CADDY, 443, f"caddy {N8N}"),
        Attempt("n8n-runners", "198.18.42.42", 11434, "n8n 198.18.42.34"),
        Attempt("ollama", N8N_BESIDE["ollama"], 11434, "n8n 198.18.42.68"),
        # Others cannot reach n8n's port, where it would trust any client address that they send:
        # neither on a shared bridge nor on Caddy's.
        *(Attempt(who, N8N, 5678) for who in ("ollama", "crawl4ai")),
        *(
            Attempt(who, to, 5678, "error ECONNREFUSED")
            for who, to in (*N8N_BESIDE.items(), ("n8n-runners", "198.18.42.42"))
        ),
    ]


def _ways_in() -> list[Attempt]:
    return [
        # The published port, from the private network and from the internet.
        Attempt("vpc", HOST, 443, "caddy 10.42.0.50", source="10.42.0.50"),
        Attempt("vpc", HOST, 443, "caddy 203.0.113.99", source="203.0.113.99"),
        # A port forward of Session Manager.
        Attempt("host", CADDY, 443, f"caddy {GATEWAY}"),
        # The stack's public address, from inside: out and in by the internet gateway.
        Attempt("n8n", ELASTIC, 443, f"caddy {ELASTIC}"),
        Attempt("crawl4ai", ELASTIC, 443, f"caddy {ELASTIC}"),
    ]


def test_without_the_wall_each_of_these_is_open(network: Network) -> None:
    """Or the silence in the other tests would be that of a network without routes."""
    attempts = _neighbours()
    answers, _ = network.answers(attempts, all_answer=True, order=("docker",))
    silent = [one for one, answer in zip(attempts, answers, strict=True) if not answer]
    assert silent == [], "there is no route, with or without a wall"
    network.check([*_each_other(), *_ways_in()], order=("docker",))


def test_with_the_rules_of_earlier_bundles_the_neighbours_were_open(network: Network) -> None:
    metadata = Attempt("ollama", "169.254.169.254", 80)
    neighbour = Attempt("crawl4ai", "10.42.0.20", 2049, f"vpc {HOST}")
    network.check([metadata, neighbour], order=("docker", "old"))


def test_the_wall_is_the_same_in_any_order_and_when_it_is_set_again(network: Network) -> None:
    seen = []
    for order in [
        ("wall", "docker"),
        ("docker", "wall"),
        ("docker", "old", "wall", "wall"),
        ("wall", "docker", "failing wall"),
    ]:
        closed = [Attempt("ollama", "10.42.0.20", 2049), Attempt("ollama", GATEWAY, 22)]
        rules = network.check([*closed, ONLINE], order=order)
        first = next(rule for rule in rules if rule.startswith("-A DOCKER-USER"))
        assert first == "-A DOCKER-USER -j GEUSEMAKER-OUT"
        seen.append([rule for rule in rules if "GEUSEMAKER" in rule])
    assert seen == [seen[0]] * len(seen)


def test_containers_reach_the_resolvers_of_the_host_alone_and_for_names_only(
    network: Network,
) -> None:
    network.check(
        [
            Attempt("n8n", "169.254.169.253", 53, f"vpc {HOST}", "udp"),
            Attempt("n8n", "169.254.169.253", 443),
            Attempt("n8n", "10.42.0.2", 53, "", "udp"),
            Attempt("n8n", "169.254.169.254", 53, "", "udp"),
        ],
        resolv_conf="nameserver 169.254.169.253\n",
    )
    network.check(
        [Attempt("n8n", "10.42.0.2", 53, "", "udp"), ONLINE],
        resolv_conf="nameserver 127.0.0.53\nnameserver fe80::1%eth0\n",
    )
