"""Who shares a network with whom, by which bridge a container goes out, and at which address."""

import ipaddress
from typing import Any

import pytest

from geusemaker.bundle import Access, BundleFacts
from geusemaker.bundle.networks import BLOCK, DOCKER0, NETWORKS

from .variants import all_facts, compose, facts, named, rendered

VARIANTS = pytest.mark.parametrize("one", all_facts(), ids=named)
NAME = "com.docker.network.bridge.name"


def services(one: BundleFacts) -> dict[str, Any]:
    return dict(compose(one)["services"])


def shared(one: BundleFacts, name: str) -> set[str]:
    """Which other containers share a network with this one."""
    found = services(one)
    mine = set(found[name]["networks"])
    return {other for other in found if other != name and mine & set(found[other]["networks"])}


def wall(one: BundleFacts, word: str) -> list[str]:
    lines = rendered(one)["manifest"].splitlines()
    return [line.removeprefix(f"{word} ") for line in lines if line.startswith(f"{word} ")]


@VARIANTS
def test_a_page_that_crawl4ai_opens_reaches_no_store(one: BundleFacts) -> None:
    if "crawl4ai" in one.services:
        assert shared(one, "crawl4ai") <= {"n8n", "caddy"}


@VARIANTS
def test_who_reaches_whom(one: BundleFacts) -> None:
    allowed = {
        "postgres": {"n8n"},
        "n8n-runners": {"n8n"},
        "qdrant": {"n8n", "caddy"},
        "ollama": {"n8n", "caddy"},
        "crawl4ai": {"n8n", "caddy"},
    }
    for name in services(one):
        if name in allowed:
            assert shared(one, name) == allowed[name] & set(services(one))
        assert set(services(one)[name]["networks"]) <= set(compose(one)["networks"])


@VARIANTS
def test_who_goes_out_has_one_way_and_only_n8n_and_caddy_share_theirs(one: BundleFacts) -> None:
    ways: dict[str, set[str]] = {}
    for name, service in services(one).items():
        networks = compose(one)["networks"]
        out = [net for net in service["networks"] if not networks[net].get("internal")]
        if name in ("postgres", "n8n-runners", "qdrant"):
            assert out == [], f"{name} has a way out"
        else:
            assert len(out) == 1, f"by which bridge {name} goes out is Docker's to choose: {out}"
            ways.setdefault(out[0], set()).add(name)
    assert ways.pop("edge") == {"n8n", "caddy"} & set(services(one))
    assert all(len(members) == 1 for members in ways.values()), ways


@VARIANTS
def test_each_bridge_has_a_name_that_the_wall_knows_and_a_small_subnet_of_its_own(
    one: BundleFacts,
) -> None:
    networks = compose(one)["networks"]
    names = [network["driver_opts"][NAME] for network in networks.values()]
    assert all(name.startswith("gm-") and len(name) <= 15 for name in names)
    assert wall(one, "bridge") == names
    subnets = [
        ipaddress.IPv4Network(net["ipam"]["config"][0]["subnet"]) for net in networks.values()
    ]
    docker0 = ipaddress.IPv4Interface(DOCKER0).network
    assert wall(one, "docker0") == [DOCKER0]
    for number, subnet in enumerate([*subnets, docker0]):
        assert subnet.subnet_of(BLOCK)
        assert not any(subnet.overlaps(other) for other in subnets[number + 1 :])
    assert not any(docker0.overlaps(subnet) for subnet in subnets)


def test_a_network_never_gets_another_subnet() -> None:
    # Written out: Compose leaves a network that is no longer named, and Docker refuses another one
    # with the same addresses. A new name takes the next place.
    assert {name: str(network.subnet) for name, network in NETWORKS.items()} == {
        "edge": "198.18.42.0/28",
        "database": "198.18.42.16/28",
        "runners": "198.18.42.32/28",
        "qdrant": "198.18.42.48/28",
        "models": "198.18.42.64/28",
        "crawler": "198.18.42.80/28",
        "models-out": "198.18.42.96/28",
        "crawler-out": "198.18.42.112/28",
    }


def test_the_addresses_are_in_no_network_that_a_stack_can_have() -> None:
    private = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16")
    assert not any(BLOCK.overlaps(ipaddress.IPv4Network(one)) for one in private)
    # AWS's own interfaces of WorkSpaces are in the other half of the range.
    assert not BLOCK.overlaps(ipaddress.IPv4Network("198.19.0.0/16"))


def test_a_fixed_address_is_never_one_that_docker_gives_out() -> None:
    one = facts()
    for service in services(one).values():
        for name, own in service["networks"].items():
            if "ipv4_address" in own:
                config = compose(one)["networks"][name]["ipam"]["config"][0]
                address = ipaddress.IPv4Address(own["ipv4_address"])
                assert address in ipaddress.IPv4Network(config["subnet"])
                assert address not in ipaddress.IPv4Network(config["ip_range"])


def test_n8n_listens_where_caddy_alone_is_and_believes_that_one_proxy() -> None:
    # n8n takes X-Forwarded-For from whoever connects to it.
    n8n = services(facts())["n8n"]
    address = n8n["networks"]["edge"]["ipv4_address"]
    assert n8n["environment"]["N8N_LISTEN_ADDRESS"] == address
    assert n8n["environment"]["N8N_PROXY_HOPS"] == "1"
    on_edge = {name for name, one in services(facts()).items() if "edge" in one["networks"]}
    assert on_edge == {"caddy", "n8n"}
    (alias,) = n8n["networks"]["edge"]["aliases"]
    assert f"reverse_proxy {alias}:5678 " in rendered(facts())["caddy/Caddyfile"]
    assert "trusted_proxies" not in rendered(facts())["caddy/Caddyfile"], "Caddy trusts nobody"


def test_the_task_broker_listens_where_the_runner_alone_is() -> None:
    n8n = services(facts())["n8n"]
    assert (
        n8n["environment"]["N8N_RUNNERS_BROKER_LISTEN_ADDRESS"]
        == (n8n["networks"]["runners"]["ipv4_address"])
    )
    on_runners = {name for name, one in services(facts()).items() if "runners" in one["networks"]}
    assert on_runners == {"n8n-runners", "n8n"}


def test_n8n_calls_the_stacks_own_name_by_the_bridge() -> None:
    one = facts(access=Access("ai.example.com", is_public=True))
    assert services(one)["caddy"]["networks"]["edge"] == {"aliases": ["ai.example.com"]}
    assert "aliases" not in services(facts())["caddy"]["networks"]["edge"]


def test_n8n_itself_refuses_private_addresses_but_for_the_services() -> None:
    environment = services(facts(access=Access("ai.example.com")))["n8n"]["environment"]
    assert environment["N8N_SSRF_PROTECTION_ENABLED"] == "true"
    ranges = environment["N8N_SSRF_BLOCKED_IP_RANGES"].split(",")
    assert {"10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "198.18.0.0/15"} <= set(ranges)
    assert environment["N8N_SSRF_ALLOWED_HOSTNAMES"] == (
        "ollama,qdrant,crawl4ai,postgres,ai.example.com"
    )
    assert "N8N_SSRF_ALLOWED_IP_RANGES" not in environment
    few = services(facts(services=("n8n", "postgres")))["n8n"]["environment"]
    assert few["N8N_SSRF_ALLOWED_HOSTNAMES"] == "postgres"


def test_what_n8n_reaches_is_open_to_its_address_alone() -> None:
    one = facts(n8n_reaches=("10.0.8.0/24", "10.1.2.3/32"))
    address = services(one)["n8n"]["networks"]["edge"]["ipv4_address"]
    assert wall(one, "reach") == [
        f"gm-edge {address} 10.0.8.0/24",
        f"gm-edge {address} 10.1.2.3/32",
    ]
    environment = services(one)["n8n"]["environment"]
    assert environment["N8N_SSRF_ALLOWED_IP_RANGES"] == "10.0.8.0/24,10.1.2.3/32"
    assert wall(facts(), "reach") == []
