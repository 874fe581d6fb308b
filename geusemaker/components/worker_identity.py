"""The role of the workers, and the shares of the file system that they mount."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from geusemaker.components.storage import Storage
from geusemaker.components.tagging import Tags
from geusemaker.components.trust import trust_policy
from geusemaker.components.worker_policy import Reach, worker_policy

# n8n's user, as in the host's share. The role writes to the second one only.
SHARES: Final = MappingProxyType({"n8n-home": "/n8n", "n8n-files": "/n8n/files"})
_N8N: Final = 1000

_AUTO_SCALING: Final = "autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
# What AWS's documentation lists for a group of hosts with encrypted disks.
_OF_DISKS: Final = (
    *("CreateGrant", "Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey"),
    *("GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo"),
)


@dataclass(frozen=True)
class Shares:
    """Access points by the folder in which a worker mounts them."""

    points: dict[str, aws.efs.AccessPoint]

    @property
    def ids(self) -> pulumi.Output[dict[str, str]]:
        found: pulumi.Output[dict[str, str]] = pulumi.Output.all(
            **{share: point.id for share, point in self.points.items()}
        )
        return found


def make_shares(name: str, storage: Storage, tags: Tags, parent: pulumi.Resource) -> Shares:
    """Creates access points of their own for workers, so that a policy can name each share."""
    return Shares(
        {
            share: aws.efs.AccessPoint(
                f"{name}-share-{share.removeprefix('n8n-')}",
                file_system_id=storage.file_system_id,
                posix_user={"uid": _N8N, "gid": _N8N},
                root_directory={
                    "path": path,
                    "creation_info": {
                        "owner_uid": _N8N,
                        "owner_gid": _N8N,
                        "permissions": "0750",
                    },
                },
                tags=tags.named(f"worker-{share}"),
                opts=ResourceOptions(parent=parent),
            )
            for share, path in SHARES.items()
        }
    )


def make_grant(
    name: str,
    key: pulumi.Input[str | None],
    role_arn: pulumi.Output[str],
    group: pulumi.Resource,
    parent: pulumi.Resource,
) -> None:
    """Lets Auto Scaling use a key of the account, as it must to start a host with its disk.

    `role_arn` is any role of the account. AWS makes the role of Auto Scaling with the first group
    of an account, so the grant follows `group`, which starts its workers again until they run.
    """

    def of_service(arn: str | None) -> str:  # None only under mocks
        start = ":".join((arn or "").split(":")[:5])
        return f"{start}:role/aws-service-role/{_AUTO_SCALING}"

    aws.kms.Grant(
        f"{name}-grant",
        key_id=key,
        grantee_principal=role_arn.apply(of_service),
        operations=list(_OF_DISKS),
        opts=ResourceOptions(parent=parent, depends_on=[group]),
    )


@dataclass(frozen=True)
class Role:
    """The instance profile of workers."""

    arn: pulumi.Output[str]
    profile_arn: pulumi.Output[str]
    grants: Sequence[pulumi.Resource]
    """Resources that must exist before a worker boots."""


def make_role(
    name: str,
    *,
    reach: dict[str, Any],
    partition: str,
    permissions_boundary_arn: str | None,
    tags: Tags,
    parent: pulumi.Resource,
) -> Role:
    """Creates the role, with AWS's policy for Session Manager and one policy of its own.

    `reach` are the attributes of `Reach`, which may be Outputs.
    """
    child = ResourceOptions(parent=parent)
    role = aws.iam.Role(
        f"{name}-role",
        description="GeuseMaker workers: Session Manager, their settings and files",
        assume_role_policy=trust_policy("ec2.amazonaws.com"),
        permissions_boundary=permissions_boundary_arn,
        tags=tags.named("workers"),
        opts=child,
    )
    session_manager = aws.iam.RolePolicyAttachment(
        f"{name}-session-manager",
        role=role.name,
        policy_arn=f"arn:{partition}:iam::aws:policy/AmazonSSMManagedInstanceCore",
        opts=child,
    )
    own = aws.iam.RolePolicy(
        f"{name}-own",
        role=role.name,
        policy=pulumi.Output.all(**reach).apply(
            lambda found: worker_policy(Reach(partition=partition, **found))
        ),
        opts=child,
    )
    profile = aws.iam.InstanceProfile(
        f"{name}-profile", role=role.name, tags=tags.named("workers"), opts=child
    )
    return Role(role.arn, profile.arn, [session_manager, own])
