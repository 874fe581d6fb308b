"""A VPC and subnets that exist already: what must be true of them. They are never changed."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from geusemaker.bundle.networks import BLOCK
from geusemaker.components.run_errors import as_run_errors
from geusemaker.errors import NetworkError, one_line

ON_THE_HOST = {
    ipaddress.ip_network("172.17.0.0/16"): "where Docker puts its bridge before it is moved",
    BLOCK: "where the containers are",
}
"""Ranges of the host itself: it reaches nothing else in them."""


@dataclass(frozen=True)
class AdoptedSubnet:
    """A subnet as AWS tells it.

    `way_out` is the default route's target, or None; `maps_public`, whether whatever starts in the
    subnet gets a public IPv4 address by itself.
    """

    id: str
    vpc_id: str
    zone: str
    way_out: str | None
    maps_public: bool = False


@dataclass(frozen=True)
class AdoptedVpc:
    """A VPC as AWS tells it. `cidr` may be missing in the answers of a unit test's mocks."""

    id: str
    cidr: str | None
    dns_support: bool
    dns_hostnames: bool


def check(
    vpc: AdoptedVpc,
    subnets: Sequence[AdoptedSubnet],
    offering: Sequence[str] | None,
    instance_type: str,
) -> bool:
    """Whether the host gets a public address: yes behind an internet gateway, no behind a NAT.

    `offering` are the zones that offer the type, None when that is not known.

    Raises `NetworkError` for whatever would make the host fail later: no DNS (EFS is mounted by
    name), a subnet of another VPC, two subnets in one zone (EFS takes one mount target a zone), no
    way out (the host fetches packages and images), a zone that does not offer the type.
    """
    if not (vpc.dns_support and vpc.dns_hostnames):
        raise NetworkError(
            f"geusemaker:vpcId is {vpc.id}, whose DNS support is "
            f"{'on' if vpc.dns_support else 'off'} and DNS hostnames are "
            f"{'on' if vpc.dns_hostnames else 'off'}; EFS is mounted by name and needs both. An "
            "adopted VPC is never changed by this program, so switch them on yourself: "
            f"`aws ec2 modify-vpc-attribute --vpc-id {vpc.id} --enable-dns-hostnames` (and "
            "--enable-dns-support)."
        )
    for taken, why in ON_THE_HOST.items():
        if vpc.cidr and ipaddress.ip_network(vpc.cidr).overlaps(taken):
            raise NetworkError(
                f"geusemaker:vpcId is {vpc.id} with {vpc.cidr}, which overlaps {taken}, {why} on "
                "the host: the host could not reach that part of the VPC, its name server "
                "perhaps. Let the stack make a VPC: `pulumi config rm geusemaker:vpcId && pulumi "
                "config rm geusemaker:subnetIds`; or name another one in geusemaker:vpcId and its "
                "subnets in geusemaker:subnetIds."
            )
    for subnet in subnets:
        if subnet.vpc_id != vpc.id:
            raise NetworkError(
                f"geusemaker:subnetIds names {subnet.id}, which belongs to {subnet.vpc_id}, not to "
                f"geusemaker:vpcId {vpc.id}. Name subnets of one VPC: "
                f"`aws ec2 describe-subnets --filters Name=vpc-id,Values={vpc.id}` lists them."
            )
    seen: dict[str, str] = {}
    for subnet in subnets:
        if subnet.zone in seen:
            raise NetworkError(
                f"geusemaker:subnetIds names {seen[subnet.zone]} and {subnet.id}, both in "
                f"{subnet.zone}; EFS takes one mount target a zone. Keep one of them: "
                f"`pulumi config set geusemaker:subnetIds {seen[subnet.zone]}`."
            )
        seen[subnet.zone] = subnet.id
    host = subnets[0]
    if host.way_out is None:
        raise NetworkError(
            f"geusemaker:subnetIds starts with {host.id}, where the host would start, but its "
            "route table has no route for 0.0.0.0/0: the host fetches packages and container "
            "images and must reach Session Manager. Put a subnet with an internet gateway or a "
            "NAT gateway first in geusemaker:subnetIds."
        )
    if offering is not None and host.zone not in offering:
        raise NetworkError(
            f"geusemaker:subnetIds starts with {host.id} in {host.zone}, where AWS does not offer "
            f"{instance_type} (it does in {', '.join(offering) or 'no zone of this Region'}). Put "
            "a subnet of such a zone first in geusemaker:subnetIds, or take another "
            "geusemaker:instanceType."
        )
    return host.way_out.startswith("igw-")


def address_note(host: AdoptedSubnet) -> str:
    """What it means that a subnet with an internet gateway gives no public address by itself."""
    return (
        f"geusemaker:subnetIds starts with {host.id}, which gives no public address by itself, so "
        "that the host's way out is an Elastic IP, billed also while the host is stopped. A new "
        "host has no way out until the address has moved to it from the old one: it pulls its "
        "container images after that, and a replacement takes as much longer. With `aws ec2 "
        f"modify-subnet-attribute --subnet-id {host.id} --map-public-ip-on-launch` before the "
        "first deployment it needs none."
    )


@as_run_errors()
def check_keeps_address(loses: bool, host: AdoptedSubnet) -> None:
    """Raises `NetworkError` for a host that would lose the Elastic IP which is its way out.

    So it would when its subnet gives addresses now and gave none when the stack was made: EC2 gives
    a host one at its start only.
    """
    if loses:
        raise NetworkError(
            f"geusemaker:subnetIds starts with {host.id}, which gives a public address by itself "
            "now and gave none when this stack was made. The Elastic IP would go, and with it the "
            "host's way out: EC2 gives a host an address when it is launched, not later. Put it "
            f"back: `aws ec2 modify-subnet-attribute --subnet-id {host.id} "
            "--no-map-public-ip-on-launch`."
        )


def unreachable(host: AdoptedSubnet, key: str) -> NetworkError:
    """Somebody should come in, by the config key `key`, where nobody can."""
    port = 443 if key == "allowedCidrs" else 80
    return NetworkError(
        f"geusemaker:{key} opens port {port} of the host, but its subnet {host.id} (the first "
        f"of geusemaker:subnetIds) has its way out by {host.way_out}, not by an internet gateway: "
        "nobody could reach it. Put a public subnet first in geusemaker:subnetIds, "
        "or come in by Session Manager alone: "
        f"`pulumi config rm geusemaker:{key}`."
    )


@as_run_errors()
def check_same_network(was: str, wanted: str) -> str:
    """The network that the stack was made in. Raises `NetworkError` when another one is wanted.

    A file system has its mount targets in one VPC at a time, and a VPC goes only when nothing is
    left in it: a change under a running stack would stop half-way.
    """
    if was == wanted:
        return was
    key = "vpcId" if was.startswith("vpc-") else "vpcCidr"
    fix = f"`pulumi config set geusemaker:{key} {was}`"
    if key == "vpcCidr" and wanted.startswith("vpc-"):
        fix = (
            "`pulumi config rm geusemaker:vpcId && pulumi config rm geusemaker:subnetIds && "
            f"{fix[1:]}"
        )
    elif key == "vpcId" and not wanted.startswith("vpc-"):
        fix += ", and geusemaker:subnetIds as it was"
    raise NetworkError(
        f"This stack is in the network {was}, and {wanted} is configured now. Its file system can "
        "be mounted in one VPC at a time and its data volume cannot leave its zone, so the network "
        f"under a running stack is not changed. Put it back: {fix}. To move, make a new stack "
        "there and bring the data over by a backup."
    )


@as_run_errors()
def check_same_zone(was: str, host: AdoptedSubnet) -> str:
    """The zone of the host and its data volume; `NetworkError` when its subnet is elsewhere now."""
    if host.zone == was:
        return was
    raise NetworkError(
        f"geusemaker:subnetIds starts with {host.id} in {host.zone} now, but this stack's data "
        f"volume is in {was}, and a volume cannot leave its zone. Put a subnet in {was} first in "
        "geusemaker:subnetIds."
    )


def look_up(
    vpc_id: str, subnet_ids: Sequence[str], opts: pulumi.InvokeOptions
) -> tuple[AdoptedVpc, list[AdoptedSubnet]]:
    """The VPC and subnets as AWS tells them. `NetworkError` for one that is not there."""
    try:
        vpc = aws.ec2.get_vpc(id=vpc_id, opts=opts)
    except Exception as error:  # the SDK raises nothing narrower
        raise _missing("vpcId", vpc_id, "describe-vpcs", error) from error
    subnets = []
    for subnet_id in subnet_ids:
        try:
            subnet = aws.ec2.get_subnet(id=subnet_id, opts=opts)
        except Exception as error:  # the SDK raises nothing narrower
            raise _missing("subnetIds", subnet_id, "describe-subnets", error) from error
        subnets.append(
            AdoptedSubnet(
                id=subnet_id,
                vpc_id=subnet.vpc_id,
                zone=subnet.availability_zone,
                way_out=_way_out(subnet_id, subnet.vpc_id, opts),
                maps_public=subnet.map_public_ip_on_launch,
            )
        )
    adopted = AdoptedVpc(vpc_id, vpc.cidr_block, vpc.enable_dns_support, vpc.enable_dns_hostnames)
    return adopted, subnets


def _missing(key: str, value: str, command: str, error: Exception) -> NetworkError:
    said = one_line(error)
    return NetworkError(
        f"geusemaker:{key} names {value}, which AWS does not show to this account in the Region of "
        f"`aws:region`. It said: {said} -- `aws ec2 {command}` lists what there is."
    )


def _way_out(subnet_id: str, vpc_id: str, opts: pulumi.InvokeOptions) -> str | None:
    """Target of the subnet's default route; a subnet without its own table uses the main one."""
    for by, value in (("association.subnet-id", subnet_id), ("association.main", "true")):
        found = aws.ec2.get_route_tables(
            vpc_id=vpc_id, filters=[{"name": by, "values": [value]}], opts=opts
        )
        if found.ids:
            break
    else:
        return None  # each VPC has a main table, but mocks may tell of none
    table = aws.ec2.get_route_table(route_table_id=found.ids[0], opts=opts)
    for route in table.routes or ():
        if route.cidr_block == "0.0.0.0/0":
            targets = (
                route.gateway_id,
                route.nat_gateway_id,
                route.transit_gateway_id,
                route.network_interface_id,
                route.instance_id,
                route.vpc_endpoint_id,
                route.core_network_arn,
                route.carrier_gateway_id,
                route.local_gateway_id,
                route.vpc_peering_connection_id,
            )
            return next((target for target in targets if target), None)
    return None
