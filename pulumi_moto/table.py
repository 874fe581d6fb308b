"""The table: every resource type that the simulated provider knows."""

from typing import Final

from .resource import Resource
from .resources import (
    access,
    address,
    backups,
    block,
    bucket_encryption,
    buckets,
    compute,
    files,
    identity,
    names,
    network,
    objects,
    parameters,
    routing,
    security,
)

TYPES: Final[dict[str, Resource]] = {
    resource.token: resource
    for resource in (
        network.Vpc(),
        network.Subnet(),
        routing.InternetGateway(),
        routing.RouteTable(),
        routing.Route(),
        routing.RouteTableAssociation(),
        security.SecurityGroup(),
        security.DefaultSecurityGroup(),
        security.IngressRule(),
        security.EgressRule(),
        address.Eip(),
        address.EipAssociation(),
        identity.Role(),
        identity.RolePolicy(),
        identity.RolePolicyAttachment(),
        identity.InstanceProfile(),
        files.FileSystem(),
        files.MountTarget(),
        access.AccessPoint(),
        access.FileSystemPolicy(),
        block.Volume(),
        block.VolumeAttachment(),
        compute.Instance(),
        parameters.Parameter(),
        buckets.Bucket(),
        buckets.BucketPublicAccessBlock(),
        buckets.BucketPolicy(),
        bucket_encryption.BucketEncryption(),
        objects.BucketObject(),
        backups.Vault(),
        backups.Plan(),
        backups.Selection(),
        names.Record(),
    )
}


class NotSimulated(LookupError):
    """A type or invoke that the simulated account does not know."""


def resource_type(token: str) -> Resource:
    """The type of that token; `NotSimulated` names what is known."""
    try:
        return TYPES[token]
    except KeyError as unknown:
        raise NotSimulated(
            f"the simulated account does not know the resource type {token}; it knows "
            f"{', '.join(sorted(t.rpartition(':')[2] for t in TYPES))}"
        ) from unknown
