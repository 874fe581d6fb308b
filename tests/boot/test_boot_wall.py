"""The wall between containers and the private network: the host's own script, this kernel's rules.

Docker's rules are written down in private_network.py, since no Docker runs here; bridges, addresses
and members are those of the rendered Compose file.
"""

import json
import subprocess
import sys
from dataclasses import dataclass, field, replace
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
"""Those with a way out of the host."""

PRIVATE = (
    *("10.42.0.20", "10.42.0.30", "10.7.0.5", "172.31.0.9", "192.168.5.5", "100.64.3.3"),
    *("169.254.169.254", "169.254.169.253", "198.18.0.1", "198.19.0.1"),
)

N8N_BESIDE = {"ollama": "198.18.42.67", "crawl4ai": "198.18.42.83", "qdrant": "198.18.42.51"}
"""Where n8n is on the networks that it shares with them."""

REACHED = ("10.42.0.30", "10.7.0.5")
ON_INTERNAL = (
    ("postgres", "198.18.42.17"),
    ("n8n-runners", "198.18.42.33"),
    ("qdrant", "198.18.42.49"),
)


@dataclass(frozen=True)
class Attempt:
    """A connection from a namespace; `answer` is what it is told there, empty for silence."""

    start: str
    to: str
    port: int = 443
    answer: str = ""
    kind: str = "tcp"
    source: str = ""


@dataclass
class Network:
    """The plan of private_network.py, from what the program renders."""

    bundle: Rendered
    wall: str
    tables: str = "nft"
    bridges_filtered: bool = False
    order: tuple[str, ...] = ("wall", "docker", "wall")
    resolv_conf: str = RESOLVERS
    rules: list[str] = field(default_factory=list)

    def answers(self, attempts: list[Attempt]) -> list[str]:
        document = yaml.safe_load(self.bundle.files["compose.yaml"])
        networks: dict[str, dict[str, Any]] = {}
        bridges = {}
        for name, one in document["networks"].items():
            bridges[name] = one["driver_opts"]["com.docker.network.bridge.name"]
            addresses = one["ipam"]["config"][0]
            networks[bridges[name]] = {**addresses, "internal": one.get("internal", False)}
        # Docker gives out the addresses that nobody has fixed, one after the other.
        free = {name: islice(ip_network(own["subnet"]), 2, None) for name, own in networks.items()}
        services = document["services"]
        containers = {
            service: {
                bridges[name]: own.get("ipv4_address") or str(next(free[bridges[name]]))
                for name, own in services[service]["networks"].items()
            }
            for service in sorted(services, key=lambda service: service != "caddy")
        }
        n8n = services["n8n"]["environment"]
        plan = {
            "networks": networks,
            "containers": containers,
            "wall": self.wall,
            "tables": self.tables,
            "bridges_filtered": self.bridges_filtered,
            "order": self.order,
            "resolv_conf": self.resolv_conf,
            "only": {"n8n": {"5678": n8n["N8N_LISTEN_ADDRESS"]}},
            "attempts": [[a.start, a.source, a.kind, a.to, a.port] for a in attempts],
        }
        command = ["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child", "--mount-proc"]
        ran = subprocess.run(
            [*as_root(), *command, sys.executable, str(HERE / "private_network.py")],
            input=json.dumps(plan),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert ran.returncode == 0, f"no private network here: {ran.stderr[-2000:]}"
        came = json.loads(ran.stdout)
        self.rules = came["rules"]
        answers: list[str] = came["answers"]
        return answers

    def check(self, attempts: list[Attempt]) -> None:
        answers = dict(zip(attempts, self.answers(attempts), strict=True))
        wrong = {one: answer for one, answer in answers.items() if answer != one.answer}
        assert wrong == {}, "\n".join(f"{one}: {answer!r}" for one, answer in wrong.items())


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


def _neighbours() -> list[Attempt]:
    """What no container is to reach: of the private network, and of the host itself."""
    return [
        *(Attempt(who, to, port) for who in OUTSIDERS for to in PRIVATE for port in (80, 2049)),
        *(Attempt(who, to, 22) for who in OUTSIDERS for to in (HOST, GATEWAY)),
        # For those beside Caddy its published port is one of the host's own. To others it leads to
        # another bridge, which Docker itself does not allow.
        *(Attempt(who, to, 443) for who in ("n8n", "caddy") for to in (HOST, GATEWAY)),
        *(Attempt(who, gateway, 22) for who, gateway in ON_INTERNAL),
        *(Attempt("ollama", to, 443) for to in ("fd00:42::20", "fd00:ec2::254", HOST6)),
    ]


@pytest.mark.parametrize("filtered", [False, True], ids=["plain bridges", "br_netfilter"])
@pytest.mark.parametrize("tables", ["nft", "legacy"])
def test_containers_reach_the_internet_and_each_other_and_no_private_network(
    made: tuple[Rendered, str], tables: str, filtered: bool
) -> None:
    network = Network(*made, tables=tables, bridges_filtered=filtered)
    allowed = [one for one in _neighbours() if one.start == "n8n" and one.to in REACHED]
    network.check(
        [
            *(one for one in _neighbours() if one not in allowed),
            *(replace(one, answer=f"vpc {HOST}") for one in allowed),
            # The same networks, to those who share a bridge with n8n or not.
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
        ]
    )


def _each_other() -> list[Attempt]:
    return [
        Attempt("caddy", N8N, 5678, f"n8n {CADDY}"),
        Attempt("n8n", CADDY, 443, f"caddy {N8N}"),
        Attempt("n8n-runners", "198.18.42.42", 11434, "n8n 198.18.42.34"),
        Attempt("ollama", N8N_BESIDE["ollama"], 11434, "n8n 198.18.42.68"),
        # Nobody else gets to where n8n listens: it would believe any address that they claim to
        # come from. Not beside them, and not by the way that Caddy has.
        *(Attempt(who, N8N, 5678) for who in ("ollama", "crawl4ai")),
        *(
            Attempt(who, to, 5678, "error ECONNREFUSED")
            for who, to in (*N8N_BESIDE.items(), ("n8n-runners", "198.18.42.42"))
        ),
    ]


def _ways_in() -> list[Attempt]:
    return [
        # The published port, for clients in the private network and in the internet.
        Attempt("vpc", HOST, 443, "caddy 10.42.0.50", source="10.42.0.50"),
        Attempt("vpc", HOST, 443, "caddy 203.0.113.99", source="203.0.113.99"),
        # Where Session Manager comes from.
        Attempt("host", CADDY, 443, f"caddy {GATEWAY}"),
        # The stack's public address, from inside: out by the internet gateway, and in again.
        Attempt("n8n", ELASTIC, 443, f"caddy {ELASTIC}"),
        Attempt("crawl4ai", ELASTIC, 443, f"caddy {ELASTIC}"),
    ]


def test_without_the_wall_each_of_these_is_open(made: tuple[Rendered, str]) -> None:
    """Or the silence in the other tests would be that of a network without ways."""
    network = Network(*made, order=("docker",))
    attempts = _neighbours()
    answers = network.answers(attempts)
    silent = [one for one, answer in zip(attempts, answers, strict=True) if not answer]
    assert silent == [], "there is no way, with or without a wall"
    network.check([*_each_other(), *_ways_in()])


def test_with_the_rules_of_before_the_neighbours_were_open(made: tuple[Rendered, str]) -> None:
    network = Network(*made, order=("docker", "old"))
    metadata = Attempt("ollama", "169.254.169.254", 80)
    neighbour = Attempt("crawl4ai", "10.42.0.20", 2049, f"vpc {HOST}")
    network.check([metadata, neighbour])


@pytest.mark.parametrize("tables", ["nft", "legacy"])
def test_a_wall_is_the_same_in_any_order_and_put_up_again(
    made: tuple[Rendered, str], tables: str
) -> None:
    seen = []
    for order in [
        ("wall", "docker"),
        ("docker", "wall"),
        ("docker", "old", "wall", "wall"),
        ("wall", "docker", "failing wall"),
    ]:
        network = Network(*made, tables=tables, order=order)
        network.check([Attempt("ollama", "10.42.0.20", 2049), Attempt("ollama", GATEWAY, 22)])
        first = next(rule for rule in network.rules if rule.startswith("-A DOCKER-USER"))
        assert first == "-A DOCKER-USER -j GEUSEMAKER-OUT"
        seen.append([rule for rule in network.rules if "GEUSEMAKER" in rule])
    assert seen == [seen[0]] * len(seen)


def test_the_hosts_resolvers_alone_are_open_and_for_names_only(made: tuple[Rendered, str]) -> None:
    amazon = Network(*made, resolv_conf="nameserver 169.254.169.253\n")
    amazon.check(
        [
            Attempt("n8n", "169.254.169.253", 53, f"vpc {HOST}", "udp"),
            Attempt("n8n", "169.254.169.253", 443),
            Attempt("n8n", "10.42.0.2", 53, "", "udp"),
            Attempt("n8n", "169.254.169.254", 53, "", "udp"),
        ]
    )
    nobody = Network(*made, resolv_conf="nameserver 127.0.0.53\nnameserver fe80::1%eth0\n")
    nobody.check([Attempt("n8n", "10.42.0.2", 53, "", "udp")])
