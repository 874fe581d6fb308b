"""The role of the workers, and the shares of the file system that they mount."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from geusemaker.components.instance_role import make_instance_role
from geusemaker.components.storage import SHARES as HOST_SHARES
from geusemaker.components.storage import Storage, make_access_point
from geusemaker.components.tagging import Tags
from geusemaker.components.worker_policy import Reach, worker_policy

_HOME: Final = HOST_SHARES["n8n"]
# The role writes to the second one only.
SHARES: Final = MappingProxyType(
    {"n8n-home": _HOME, "n8n-files": replace(_HOME, path=f"{_HOME.path}/files")}
)

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
            share: make_access_point(
                f"{name}-share-{share.removeprefix('n8n-')}",
                storage.file_system_id,
                facts,
                tags.named(f"worker-{share}"),
                ResourceOptions(parent=parent),
            )
            for share, facts in SHARES.items()
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
    made = make_instance_role(
        name,
        description="GeuseMaker workers: Session Manager, their settings and files",
        partition=partition,
        permissions_boundary_arn=permissions_boundary_arn,
        tags=tags.named("workers"),
        opts=child,
    )
    own = aws.iam.RolePolicy(
        f"{name}-own",
        role=made.role.name,
        policy=pulumi.Output.all(**reach).apply(
            lambda found: worker_policy(Reach(partition=partition, **found))
        ),
        opts=child,
    )
    return Role(made.role.arn, made.profile.arn, [made.session_manager, own])
