"""Members, bridges and addresses of the containers' networks."""

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
    """The containers that share a network with this one."""
    found = services(one)
    mine = set(found[name]["networks"])
    return {other for other in found if other != name and mine & set(found[other]["networks"])}


def wall(one: BundleFacts, word: str) -> list[str]:
    lines = rendered(one)["manifest"].splitlines()
    return [line.removeprefix(f"{word} ") for line in lines if line.startswith(f"{word} ")]


@VARIANTS
def test_crawl4ai_shares_no_network_with_a_data_store(one: BundleFacts) -> None:
    if "crawl4ai" in one.services:
        assert shared(one, "crawl4ai") <= {"n8n", "caddy"}


@VARIANTS
def test_containers_share_networks_only_where_needed(one: BundleFacts) -> None:
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
def test_a_container_with_internet_access_has_one_bridge_shared_only_by_n8n_and_caddy(
    one: BundleFacts,
) -> None:
    ways: dict[str, set[str]] = {}
    for name, service in services(one).items():
        networks = compose(one)["networks"]
        out = [net for net in service["networks"] if not networks[net].get("internal")]
        if name in ("postgres", "n8n-runners", "qdrant"):
            assert out == [], f"{name} has internet access"
        else:
            assert len(out) == 1, f"Docker may choose the bridge of {name}: {out}"
            ways.setdefault(out[0], set()).add(name)
    assert ways.pop("edge") == {"n8n", "caddy"} & set(services(one))
    assert all(len(members) == 1 for members in ways.values()), ways


@VARIANTS
def test_each_bridge_is_in_the_manifest_and_has_its_own_subnet(
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


def test_each_network_keeps_its_subnet() -> None:
    # Compose keeps a network that is no longer in the file, and Docker refuses another one with the
    # same addresses. A new network takes the next subnet.
    assert {name: str(network.subnet) for name, network in NETWORKS.items()} == {
        "edge": "198.18.42.0/28",
        "database": "198.18.42.16/28",
        "runners": "198.18.42.32/28",
        "qdrant": "198.18.42.48/28",
        "models": "198.18.42.64/28",
        "crawler": "198.18.42.80/28",
        "models-out": "198.18.42.96/28",
        "crawler-out": "198.18.42.112/28",
        "queue": "198.18.42.128/28",
        "postgres-in": "198.18.42.144/28",
        "valkey-in": "198.18.42.160/28",
        "qdrant-in": "198.18.42.176/28",
    }


def test_container_addresses_overlap_no_vpc_range() -> None:
    private = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16")
    assert not any(BLOCK.overlaps(ipaddress.IPv4Network(one)) for one in private)
    # AWS's own interfaces of WorkSpaces are in the other half of the range.
    assert not BLOCK.overlaps(ipaddress.IPv4Network("198.19.0.0/16"))


def test_docker_never_assigns_a_fixed_address() -> None:
    one = facts()
    for service in services(one).values():
        for name, own in service["networks"].items():
            if "ipv4_address" in own:
                config = compose(one)["networks"][name]["ipam"]["config"][0]
                address = ipaddress.IPv4Address(own["ipv4_address"])
                assert address in ipaddress.IPv4Network(config["subnet"])
                assert address not in ipaddress.IPv4Network(config["ip_range"])


def test_n8n_trusts_one_proxy_and_only_caddy_reaches_it() -> None:
    # n8n trusts X-Forwarded-For of every client that connects to it.
    n8n = services(facts())["n8n"]
    address = n8n["networks"]["edge"]["ipv4_address"]
    assert n8n["environment"]["N8N_LISTEN_ADDRESS"] == address
    assert n8n["environment"]["N8N_PROXY_HOPS"] == "1"
    on_edge = {name for name, one in services(facts()).items() if "edge" in one["networks"]}
    assert on_edge == {"caddy", "n8n"}
    (alias,) = n8n["networks"]["edge"]["aliases"]
    assert f"reverse_proxy {alias}:5678 " in rendered(facts())["caddy/Caddyfile"]
    assert "trusted_proxies" not in rendered(facts())["caddy/Caddyfile"], "Caddy trusts no proxy"


def test_only_the_task_runner_reaches_the_task_broker() -> None:
    n8n = services(facts())["n8n"]
    assert (
        n8n["environment"]["N8N_RUNNERS_BROKER_LISTEN_ADDRESS"]
        == (n8n["networks"]["runners"]["ipv4_address"])
    )
    on_runners = {name for name, one in services(facts()).items() if "runners" in one["networks"]}
    assert on_runners == {"n8n-runners", "n8n"}


def test_n8n_reaches_the_stacks_domain_inside_the_host() -> None:
    one = facts(access=Access("ai.example.com", is_public=True))
    assert services(one)["caddy"]["networks"]["edge"] == {"aliases": ["ai.example.com"]}
    assert "aliases" not in services(facts())["caddy"]["networks"]["edge"]


def test_n8n_blocks_private_addresses_except_the_services() -> None:
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


def test_only_n8ns_address_may_reach_the_private_networks() -> None:
    one = facts(n8n_reaches=("10.0.8.0/24", "10.1.2.3/32"))
    address = services(one)["n8n"]["networks"]["edge"]["ipv4_address"]
    assert wall(one, "reach") == [
        f"gm-edge {address} 10.0.8.0/24",
        f"gm-edge {address} 10.1.2.3/32",
    ]
    environment = services(one)["n8n"]["environment"]
    assert environment["N8N_SSRF_ALLOWED_IP_RANGES"] == "10.0.8.0/24,10.1.2.3/32"
    assert wall(facts(), "reach") == []
