"""Checks of an adopted VPC and its subnets. They are never changed."""

import ipaddress
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from geusemaker.bundle.networks import BLOCK
from geusemaker.errors import NetworkError, one_line
from geusemaker.run_errors import as_run_errors

HOST_RANGES = {
    ipaddress.ip_network("172.17.0.0/16"): "the default range of Docker's bridge",
    BLOCK: "the range of the containers",
}
"""Ranges that the host uses itself. It cannot reach other machines in them."""


@dataclass(frozen=True)
class AdoptedSubnet:
    """An existing subnet.

    `default_route` is its target, or None without one. `maps_public` says whether instances in the
    subnet get a public IPv4 address by default.
    """

    id: str
    vpc_id: str
    zone: str
    default_route: str | None
    maps_public: bool = False

    @property
    def is_public(self) -> bool:
        """Whether its default route is an internet gateway."""
        return (self.default_route or "").startswith("igw-")

    @property
    def leads_out(self) -> bool:
        """Whether an instance reaches the internet without an Elastic IP."""
        return self.default_route is not None and (self.maps_public or not self.is_public)


@dataclass(frozen=True)
class AdoptedVpc:
    """An existing VPC. `cidrs` are all its IPv4 ranges; none under a unit test's mocks."""

    id: str
    cidrs: tuple[str, ...]
    dns_support: bool
    dns_hostnames: bool


def check(
    vpc: AdoptedVpc,
    subnets: Sequence[AdoptedSubnet],
    offering: Sequence[str] | None,
    instance_type: str,
) -> bool:
    """Whether the host's default route is an internet gateway, so that it has a public address.

    `offering` are the zones that offer the type, None if unknown.

    Raises `NetworkError` for a network in which the host would fail later: no DNS (EFS is mounted
    by name), a subnet of another VPC, two subnets in one zone (EFS allows one mount target in
    each), no default route (the host downloads packages and images), a zone that does not offer the
    type.
    """
    if not (vpc.dns_support and vpc.dns_hostnames):
        raise NetworkError(
            f"geusemaker:vpcId is {vpc.id}, whose DNS support is "
            f"{'on' if vpc.dns_support else 'off'} and DNS hostnames are "
            f"{'on' if vpc.dns_hostnames else 'off'}. EFS is mounted by name and needs both. "
            "GeuseMaker never changes an adopted VPC, so enable them yourself: "
            f"`aws ec2 modify-vpc-attribute --vpc-id {vpc.id} --enable-dns-hostnames` (and "
            "--enable-dns-support)."
        )
    for cidr, (taken, why) in itertools.product(vpc.cidrs, HOST_RANGES.items()):
        if ipaddress.ip_network(cidr).overlaps(taken):
            raise NetworkError(
                f"geusemaker:vpcId is {vpc.id} with {cidr}, which overlaps {taken}, {why} on "
                "the host: the host could not reach that part of the VPC, possibly its DNS server. "
                "Let the stack create a VPC: `pulumi config rm geusemaker:vpcId && pulumi config "
                "rm geusemaker:subnetIds`; or name another VPC in geusemaker:vpcId and its subnets "
                "in geusemaker:subnetIds."
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
                f"{subnet.zone}. EFS allows one mount target in each zone. Keep one of them: "
                f"`pulumi config set geusemaker:subnetIds {seen[subnet.zone]}`."
            )
        seen[subnet.zone] = subnet.id
    host = subnets[0]
    if host.default_route is None:
        raise NetworkError(
            f"geusemaker:subnetIds starts with {host.id}, the subnet of the host, but its route "
            "table has no route for 0.0.0.0/0. The host downloads packages and container images "
            "and needs Session Manager. Put a subnet with a route to an internet gateway or a NAT "
            "gateway first in geusemaker:subnetIds."
        )
    if offering is not None and host.zone not in offering:
        raise NetworkError(
            f"geusemaker:subnetIds starts with {host.id} in {host.zone}, where AWS does not offer "
            f"{instance_type} (it does in {', '.join(offering) or 'no zone of this Region'}). Put "
            "a subnet of such a zone first in geusemaker:subnetIds, or set another "
            "geusemaker:instanceType."
        )
    return host.is_public


def address_note(host: AdoptedSubnet) -> str:
    """Note on a public subnet that assigns no public addresses, so the host needs an Elastic IP."""
    return (
        f"geusemaker:subnetIds starts with {host.id}, which assigns no public addresses. The host "
        "reaches the internet through an Elastic IP, which AWS bills also while the host is "
        "stopped. A replacement takes longer: the new host pulls its container images only after "
        "the address has moved to it. To avoid the Elastic IP, run `aws ec2 "
        f"modify-subnet-attribute --subnet-id {host.id} --map-public-ip-on-launch` before the "
        "first deployment."
    )


def no_subnet_for_workers(subnets: Sequence[AdoptedSubnet]) -> NetworkError:
    """The error for subnets of which none leads workers to the internet."""
    ids = [one.id for one in subnets]
    closed = next((one for one in subnets[1:] if one.is_public), None)
    if closed is None:
        fix = (
            "Add a subnet of another zone with a route through a NAT gateway, or one that assigns "
            f"public addresses: `pulumi config set geusemaker:subnetIds {','.join(ids)},SUBNET`"
        )
    else:
        fix = (
            "Let a subnet assign them: `aws ec2 modify-subnet-attribute --subnet-id "
            f"{closed.id} --map-public-ip-on-launch`"
        )
    return NetworkError(
        "geusemaker:subnetIds names no subnet in which a worker reaches the internet: each "
        "assigns no public addresses and has no route through a NAT gateway. Only the host has an "
        f"Elastic IP. {fix}. Or run no workers: `pulumi config rm geusemaker:workers && pulumi "
        "config rm geusemaker:workersMax`."
    )


@as_run_errors()
def check_keeps_address(loses: bool, host: AdoptedSubnet) -> None:
    """Raises `NetworkError` if the host would lose the Elastic IP that it needs for the internet.

    This happens if its subnet assigns public addresses now and did not at first: EC2 assigns them
    only at launch.
    """
    if loses:
        raise NetworkError(
            f"geusemaker:subnetIds starts with {host.id}, which assigns public addresses now and "
            "did not when this stack was created. Without its Elastic IP the host would lose its "
            "internet access, because EC2 assigns addresses only at launch. Restore the setting: "
            f"`aws ec2 modify-subnet-attribute --subnet-id {host.id} "
            "--no-map-public-ip-on-launch`."
        )


def unreachable(host: AdoptedSubnet, key: str) -> NetworkError:
    """The error for a config key that opens a port in a subnet without an internet gateway."""
    port = 80 if key == "domain" else 443
    return NetworkError(
        f"geusemaker:{key} opens port {port} of the host, but its subnet {host.id} (the first "
        f"of geusemaker:subnetIds) has its default route through {host.default_route} and not "
        "through an internet gateway, so no client can reach the port. Put a public subnet first "
        "in geusemaker:subnetIds, or use Session Manager only: "
        f"`pulumi config rm geusemaker:{key}`."
    )


@as_run_errors()
def check_same_network(was: str, wanted: str) -> str:
    """The network of the stack. Raises `NetworkError` if the config names another one.

    A file system has its mount targets in one VPC, and AWS deletes only an empty VPC: the change of
    a running stack would fail half-way.
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
        f"This stack is in the network {was}, but the config has {wanted} now. A file system has "
        "mount targets in one VPC only and a volume cannot leave its zone, so the network of a "
        f"running stack cannot change. Restore the config: {fix}. To move, create a new stack "
        "there and restore the data from a backup."
    )


@as_run_errors()
def check_same_zone(was: str, host: AdoptedSubnet) -> str:
    """The zone of the data volume. Raises `NetworkError` if the host's subnet is elsewhere."""
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
    """Looks up the VPC and the subnets. Raises `NetworkError` if one does not exist."""
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
                default_route=_default_route(subnet_id, subnet.vpc_id, opts),
                maps_public=subnet.map_public_ip_on_launch,
            )
        )
    ranges = [one.cidr_block for one in vpc.cidr_block_associations or () if _in_use(one.state)]
    cidrs = tuple(dict.fromkeys(cidr for cidr in (vpc.cidr_block, *ranges) if cidr))
    adopted = AdoptedVpc(vpc_id, cidrs, vpc.enable_dns_support, vpc.enable_dns_hostnames)
    return adopted, subnets


def _in_use(state: str) -> bool:
    return state in ("associating", "associated")


def _missing(key: str, value: str, command: str, error: Exception) -> NetworkError:
    return NetworkError(
        f"geusemaker:{key} names {value}, which does not exist for this account in the Region of "
        f"`aws:region`. AWS answered: {one_line(error)} -- `aws ec2 {command}` lists the existing "
        "ones."
    )


def _default_route(subnet_id: str, vpc_id: str, opts: pulumi.InvokeOptions) -> str | None:
    """Target of the subnet's default route. A subnet without its own table uses the main one."""
    for by, value in (("association.subnet-id", subnet_id), ("association.main", "true")):
        found = aws.ec2.get_route_tables(
            vpc_id=vpc_id, filters=[{"name": by, "values": [value]}], opts=opts
        )
        if found.ids:
            break
    else:
        return None  # only under mocks: each VPC has a main table
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
