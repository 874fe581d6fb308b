"""What a host of the stack and a worker may be: the role, and how it is given to an instance."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from geusemaker.components.trust import trust_policy

METADATA: Final[aws.ec2.InstanceMetadataOptionsArgsDict] = {
    "http_endpoint": "enabled",
    "http_tokens": "required",
    "http_put_response_hop_limit": 1,  # no container needs the role
}
"""How an instance gets the credentials of its role."""


@dataclass(frozen=True)
class InstanceRole:
    """A role of EC2 instances, without policies of the stack's own."""

    role: aws.iam.Role
    session_manager: aws.iam.RolePolicyAttachment
    profile: aws.iam.InstanceProfile


def make_instance_role(
    name: str,
    *,
    description: str,
    partition: str,
    permissions_boundary_arn: pulumi.Input[str] | None,
    tags: Mapping[str, pulumi.Input[str]],
    opts: ResourceOptions,
) -> InstanceRole:
    """Creates a role with AWS's policy for Session Manager, and its instance profile."""
    role = aws.iam.Role(
        f"{name}-role",
        description=description,
        assume_role_policy=trust_policy("ec2.amazonaws.com"),
        permissions_boundary=permissions_boundary_arn,
        tags=tags,
        opts=opts,
    )
    session_manager = aws.iam.RolePolicyAttachment(
        f"{name}-session-manager",
        role=role.name,
        policy_arn=f"arn:{partition}:iam::aws:policy/AmazonSSMManagedInstanceCore",
        opts=opts,
    )
    profile = aws.iam.InstanceProfile(f"{name}-profile", role=role.name, tags=tags, opts=opts)
    return InstanceRole(role, session_manager, profile)
