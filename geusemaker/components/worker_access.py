"""How workers reach the host of their stack: which ports, and by which names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from geusemaker.components.authority import zone_name
from geusemaker.components.network import EVERYONE, NFS_PORT, Network
from geusemaker.components.tagging import Tags

TTL: int = 10
"""Seconds after which a worker sees the address of another host."""


@dataclass(frozen=True)
class Members:
    """The security group of the workers."""

    group: aws.ec2.SecurityGroup
    rules: Sequence[pulumi.Resource]


def make_members(
    name: str,
    *,
    ports: Mapping[str, Sequence[int]],
    network: Network,
    tags: Tags,
    parent: pulumi.Resource,
) -> Members:
    """Creates the group, without a way in, and the rules that admit it.

    `ports` are those of the host, by service.
    """
    child = ResourceOptions(parent=parent)
    group = aws.ec2.SecurityGroup(
        f"{name}-group",
        description="GeuseMaker workers: out to anywhere, no way in",
        vpc_id=network.vpc_id,
        tags=tags.named("workers"),
        opts=child,
    )
    out = aws.vpc.SecurityGroupEgressRule(
        f"{name}-out",
        security_group_id=group.id,
        description="packages, container images, AWS, the host",
        ip_protocol="-1",
        cidr_ipv4=EVERYONE,
        tags=tags.named("workers-out"),
        opts=child,
    )

    def admit(label: str, to: pulumi.Input[str], what: str, port: int) -> pulumi.Resource:
        rule: pulumi.Resource = aws.vpc.SecurityGroupIngressRule(
            f"{name}-{label}",
            security_group_id=to,
            description=f"{what} from the workers",
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            referenced_security_group_id=group.id,
            tags=tags.named(f"workers-{label}"),
            opts=child,
        )
        return rule

    files = admit("files-in", network.files_security_group_id, "NFS", NFS_PORT)
    host = network.host_security_group_id
    services = [
        admit(f"in-{port}", host, service, port)
        for service, found in ports.items()
        for port in found
    ]
    return Members(group, [out, files, *services])


def make_names(
    name: str,
    *,
    services: Sequence[str],
    stack_id: pulumi.Input[str],
    vpc_id: pulumi.Input[str],
    address: pulumi.Input[str],
    after: pulumi.Resource,
    tags: Tags,
    parent: pulumi.Resource,
) -> list[pulumi.Resource]:
    """Creates the private zone, with a name for the host and one for each of its services.

    They lead to another host only once it has the data: `after` is the attachment of the volume.
    """
    zone = aws.route53.Zone(
        f"{name}-zone",
        name=pulumi.Output.from_input(stack_id).apply(zone_name),
        comment="Names of a GeuseMaker host for its workers",
        vpcs=[{"vpc_id": vpc_id}],
        force_destroy=True,  # a deployment can create its content again
        tags=tags.named("workers"),
        opts=ResourceOptions(parent=parent),
    )
    return [
        aws.route53.Record(
            f"{name}-name-{label}",
            zone_id=zone.zone_id,
            name=pulumi.Output.format("{0}.{1}", label, zone.name),
            type="A",
            ttl=TTL,
            records=[address],
            opts=ResourceOptions(parent=parent, depends_on=[after]),
        )
        for label in ("head", *services)
    ]
