"""The walls of a stack with workers: closed networks of its host, and a worker's way to it.

Bridges, addresses, members and published ports are those of the rendered Compose files, and the
rendered programs have written the walls. See test_boot_wall.py.
"""

from collections.abc import Iterator

import pytest

from .boot_host import LIB
from .private_network import CADDY, HOST
from .test_boot_wall import GATEWAY, PRIVATE, Attempt, Network
from .workers import HEAD, MOVED, booted, bundle_of, new_head, new_worker

WORKER = "10.42.0.50"
"""Where a worker has its address in the VPC of these tests."""

PORTS = {
    5432: "postgres",
    6379: "valkey",
    6333: "qdrant",
    6334: "qdrant",
    11235: "crawl4ai",
    11434: "ollama",
}
CLOSED = {"postgres": "198.18.42.145", "valkey": "198.18.42.161", "qdrant": "198.18.42.177"}
"""Containers that only have a network that leads nowhere, and its gateway."""
INTERNET = "203.0.113.80"


# The host of the stack


@pytest.fixture(scope="module", name="walls")
def _walls(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    host = booted(new_head(tmp_path_factory.mktemp("head")))
    return host.read(f"{LIB}/wall"), host.read(f"{LIB}/closed")


@pytest.fixture(scope="module", params=["nft", "legacy"])
def head(walls: tuple[str, str], request: pytest.FixtureRequest) -> Iterator[Network]:
    both = "\n".join(walls)
    one = Network(bundle_of("head"), both, request.param, wall_alone=walls[0])
    yield one
    assert one.end() == ""


def _ways_out() -> list[Attempt]:
    """What a container on a network that leads nowhere could try. Expected to be silent."""
    return [
        *(Attempt(who, INTERNET, 443) for who in CLOSED),
        *(Attempt(who, "10.42.0.2", 53, "", "udp") for who in CLOSED),
        *(Attempt(who, "2001:db8:80::1", 443) for who in CLOSED),
        *(Attempt(who, to, 443) for who in CLOSED for to in PRIVATE),
        *(Attempt(who, to, 22) for who, gateway in CLOSED.items() for to in (HOST, gateway)),
        # Neither each other nor a published port.
        Attempt("postgres", HOST, 6379),
        Attempt("valkey", HOST, 5432),
        Attempt("qdrant", HOST, 11434),
    ]


def _on(network: Network, container: str, bridge: str) -> str:
    address = network.containers[container][bridge]
    assert isinstance(address, str)
    return address


def test_workers_reach_the_published_ports_and_their_containers_reach_nothing(
    head: Network,
) -> None:
    head.check(
        [
            *(
                Attempt("vpc", HOST, port, f"{container} {WORKER}", source=WORKER)
                for port, container in PORTS.items()
            ),
            # On the address of workers alone, where a security group admits them.
            *_ways_out(),
            # Other containers reach none of these ports, but on the networks that they share.
            *(
                Attempt(who, HOST, port)
                for who in ("n8n", "caddy", "crawl4ai")
                for port in (5432, 6379)
            ),
            *(
                Attempt("n8n", _on(head, name, bridge), port, f"{name} {_on(head, 'n8n', bridge)}")
                for name, bridge, port in (
                    ("postgres", "gm-database", 5432),
                    ("valkey", "gm-queue", 6379),
                    ("qdrant", "gm-qdrant", 6333),
                )
            ),
            Attempt("n8n", INTERNET, 443, f"vpc {HOST}"),
            Attempt("caddy", _on(head, "n8n", "gm-edge"), 5678, f"n8n {CADDY}"),
        ]
    )


def test_without_the_closed_networks_their_containers_reach_the_internet(head: Network) -> None:
    """Or their silence would be that of a network without routes."""
    head.check(
        [
            *(Attempt(who, INTERNET, 443, f"vpc {HOST}") for who in CLOSED),
            *(Attempt(who, "10.42.0.2", 53, f"vpc {HOST}", "udp") for who in CLOSED),
        ],
        order=("wall alone", "docker", "wall alone"),
    )
    attempts = [one for one in _ways_out() if "." in one.to and one.to != HOST]
    answers, _ = head.answers(attempts, all_answer=True, order=("docker",))
    assert [one for one, answer in zip(attempts, answers, strict=True) if not answer] == []


def test_the_networks_stay_closed_in_any_order_and_when_the_rules_are_set_again(
    head: Network,
) -> None:
    closed = [Attempt(who, INTERNET, 443) for who in CLOSED]
    online = Attempt("ollama", INTERNET, 443, f"vpc {HOST}")
    seen = []
    for order in [("wall", "docker"), ("docker", "wall"), ("wall", "docker", "wall", "wall alone")]:
        rules = head.check([*closed, online], order=order)
        seen.append(sorted(rule for rule in rules if "GEUSEMAKER" in rule))
    assert seen == [seen[0]] * len(seen)


# A worker


@pytest.fixture(scope="module", name="worker")
def _worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    host = booted(new_worker(tmp_path_factory.mktemp("worker")))
    before = host.read(f"{LIB}/wall")
    host.set("head", f"{MOVED}\n")
    assert host.start("sync").returncode == 0
    now = host.read(f"{LIB}/wall")
    one = Network(bundle_of("worker"), now, "nft", wall_of_before=before)
    yield one
    assert one.end() == ""


def test_n8n_on_a_worker_reaches_the_stacks_host_and_no_one_else_of_the_network(
    worker: Network,
) -> None:
    others = ("10.42.0.1", WORKER, "10.7.0.5", *PRIVATE)
    for order, address in (
        (("wall of before", "docker", "wall of before"), HEAD),
        # The host is another one now: the way to the one before is closed.
        (("wall of before", "docker", "wall"), MOVED),
    ):
        worker.check(
            [
                *(Attempt("n8n", address, port, f"vpc {HOST}") for port in PORTS),
                *(Attempt("n8n", to, 5432) for to in others if to != address),
                *(Attempt("n8n", to, 22) for to in (HOST, GATEWAY)),
                Attempt("n8n", "169.254.169.254", 80),
                # Names and the internet, as everywhere.
                Attempt("n8n", "10.42.0.2", 53, f"vpc {HOST}", "udp"),
                Attempt("n8n", INTERNET, 443, f"vpc {HOST}"),
                # The runner shares a network with n8n, and nothing else.
                Attempt(
                    "n8n-runners", _on(worker, "n8n", "gm-runners"), 443, f"n8n {_runner(worker)}"
                ),
            ],
            order=order,
        )


def _runner(worker: Network) -> str:
    return _on(worker, "n8n-runners", "gm-runners")
