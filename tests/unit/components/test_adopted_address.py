"""The public address of a host in an adopted network, also after a stop."""

import contextlib
from typing import Any

import pulumi
import pytest

from geusemaker.errors import NetworkError
from geusemaker.simulator.mocks import SimulatedMocks

from .adoptable import Adoptable
from .rendering import deploy

EIP = "aws:ec2/eip:Eip"
ASSOCIATION = "aws:ec2/eipAssociation:EipAssociation"
INSTANCE = "aws:ec2/instance:Instance"


def _adopted(account: SimulatedMocks, *, maps_public: bool, by_gateway: bool = True) -> Adoptable:
    there = Adoptable(account)
    for subnet in there.subnets:
        there.ec2.modify_subnet_attribute(
            SubnetId=subnet, MapPublicIpOnLaunch={"Value": maps_public}
        )
    if not by_gateway:
        nat = there.ec2.create_nat_gateway(SubnetId=there.subnets[1], ConnectivityType="private")
        there.ec2.replace_route(
            RouteTableId=there.main_table,
            DestinationCidrBlock="0.0.0.0/0",
            NatGatewayId=nat["NatGateway"]["NatGatewayId"],
        )
    return there


@pytest.mark.parametrize("keys", [{}, {"allowed_cidrs": ["203.0.113.7/32"]}], ids=["shut", "open"])
def test_a_public_subnet_without_public_addresses_gets_an_elastic_ip(
    account: SimulatedMocks, keys: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    monkeypatch.setattr("pulumi.log.info", notes.append)
    there = _adopted(account, maps_public=False)
    deploy(vpc_id=there.vpc, subnet_ids=there.subnets, **keys)
    (host,) = account.of(INSTANCE)
    assert "associatePublicIpAddress" not in host.inputs, "a stopped host would be replaced for it"
    (address,) = account.of(EIP)
    (association,) = account.of(ASSOCIATION)
    assert association.inputs["instanceId"] == host.id
    (pointer,) = [
        one for one in account.of("aws:ssm/parameter:Parameter") if "bundles/" in str(one.inputs)
    ]
    url = f"https://{address.outputs['publicIp']}" if keys else "https://localhost:8443"
    assert f"\nurl={url}\n" in pointer.inputs["value"], "an address for the way out opens nothing"
    (note,) = [one for one in notes if "assigns no public addresses" in one]
    assert f"starts with {there.subnets[0]}," in note
    assert "pulls its container images only after" in note


def test_a_public_subnet_with_public_addresses_gets_no_elastic_ip(
    account: SimulatedMocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    monkeypatch.setattr("pulumi.log.info", notes.append)
    there = _adopted(account, maps_public=True)
    deploy(vpc_id=there.vpc, subnet_ids=there.subnets)
    (host,) = account.of(INSTANCE)
    assert "associatePublicIpAddress" not in host.inputs
    assert host.outputs["publicIp"]
    assert not account.of(EIP)
    assert not [one for one in notes if "assigns no public addresses" in one]


@pytest.mark.parametrize("maps_public", [True, False])
def test_a_host_behind_a_nat_gateway_has_no_public_address(
    account: SimulatedMocks, maps_public: bool
) -> None:
    there = _adopted(account, maps_public=maps_public, by_gateway=False)
    deploy(vpc_id=there.vpc, subnet_ids=there.subnets)
    (host,) = account.of(INSTANCE)
    assert host.inputs.get("associatePublicIpAddress") is (False if maps_public else None)
    assert host.outputs["publicIp"] == ""
    assert not account.of(EIP)


@pytest.mark.parametrize(
    ("maps_public", "keys", "refused"),
    [
        (False, {}, False),
        (True, {}, True),
        (True, {"allowed_cidrs": ["203.0.113.7/32"]}, False),
    ],
    ids=["as it was", "gives one now", "gives one, and open"],
)
def test_a_host_keeps_the_elastic_ip_that_it_needs_for_the_internet(
    account: SimulatedMocks,
    monkeypatch: pytest.MonkeyPatch,
    maps_public: bool,
    keys: dict[str, list[str]],
    refused: bool,
) -> None:
    """The subnet has changed: EC2 assigns a running host no other address."""
    there = _adopted(account, maps_public=maps_public)
    made = account.new_resource

    def kept(args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        if args.name == "geusemaker-network-needs-address":
            return args.name, {**args.inputs, "output": True}
        return made(args)

    monkeypatch.setattr(account, "new_resource", kept)
    expected = (
        pytest.raises(NetworkError, match=f"{there.subnets[0]} --no-map-public-ip-on-launch`")
        if refused
        else contextlib.nullcontext()
    )
    with expected:
        deploy(vpc_id=there.vpc, subnet_ids=there.subnets, **keys)
