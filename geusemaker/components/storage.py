"""Storage: file system and data volume, which outlive the host."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from geusemaker.components import kms_key
from geusemaker.components.backups import make_backups
from geusemaker.components.growth import grows_only
from geusemaker.components.kept import check_same_region, keep
from geusemaker.components.partition import partition_of
from geusemaker.components.tagging import Tags
from geusemaker.run_errors import as_run_errors


@dataclass(frozen=True)
class Share:
    """A directory of the file system, and the user that accesses it."""

    path: str
    uid: int
    gid: int


# The user of n8n's image is 1000, that of PostgreSQL's, which writes the dumps, is 999.
SHARES: Final[Mapping[str, Share]] = {
    "n8n": Share("/n8n", 1000, 1000),
    "backups": Share("/backups", 999, 999),
}


def make_access_point(
    name: str,
    file_system_id: pulumi.Input[str],
    share: Share,
    tags: Mapping[str, pulumi.Input[str]],
    opts: ResourceOptions,
) -> aws.efs.AccessPoint:
    """Creates an access point, which makes its clients that user in that directory."""
    return aws.efs.AccessPoint(
        name,
        file_system_id=file_system_id,
        posix_user={"uid": share.uid, "gid": share.gid},
        root_directory={
            "path": share.path,
            # Otherwise the first mount fails because the directory does not exist.
            "creation_info": {
                "owner_uid": share.uid,
                "owner_gid": share.gid,
                "permissions": "0750",
            },
        },
        tags=tags,
        opts=opts,
    )


class StorageArgs(TypedDict):
    """Arguments of `Storage`."""

    zone: pulumi.Input[str]
    """Zone of the host and the data volume."""
    subnet_ids: Mapping[str, pulumi.Input[str]]
    """Subnets of the mount targets, one in each zone, by a label that never changes. A plain
    mapping: it decides which resources exist."""
    security_group_id: pulumi.Input[str]
    """Security group of the mount targets."""
    data_volume_gib: pulumi.Input[int]
    protect: bool
    """Whether Pulumi refuses to delete the data."""
    backup_retention_days: int
    """Days that AWS Backup keeps a backup. 0: no backups. Plain: decides which resources exist."""
    tags: Tags
    region: str
    """Region of the config. Must be that of the first deployment."""
    partition: str
    """Partition of the Region, for the ARNs of AWS's policies."""
    kms_key_arn: NotRequired[str | None]
    """Key of both, or None for AWS's keys. Must be that of the first deployment."""
    permissions_boundary_arn: NotRequired[str | None]
    """For accounts that require one on every role, including AWS Backup's."""


def file_system_policy(file_system_arn: str, owner_id: str) -> str:
    """Policy that lets roles of this account mount if their own policy allows it, over TLS only.

    Without a policy, every client that reaches a mount target may mount and write.
    """
    partition = partition_of(file_system_arn)
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "RolesOfThisAccount",
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:{partition}:iam::{owner_id}:root"},
                    "Action": [
                        "elasticfilesystem:ClientMount",
                        "elasticfilesystem:ClientWrite",
                    ],
                    "Resource": file_system_arn,
                    "Condition": {"Bool": {"elasticfilesystem:AccessedViaMountTarget": "true"}},
                },
                {
                    "Sid": "NothingInClear",
                    "Effect": "Deny",
                    "Principal": {"AWS": "*"},
                    "Action": [
                        "elasticfilesystem:ClientMount",
                        "elasticfilesystem:ClientRootAccess",
                        "elasticfilesystem:ClientWrite",
                    ],
                    "Resource": file_system_arn,
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                },
            ],
        }
    )


class Storage(pulumi.ComponentResource):
    """An encrypted file system with a mount target in each zone, and an encrypted data volume."""

    file_system_id: pulumi.Output[str]
    """EFS file system for files and dumps."""
    file_system_arn: pulumi.Output[str]
    """The same, for policies."""
    data_volume_id: pulumi.Output[str]
    """EBS volume for databases and models, which are unsuitable for NFS."""
    access_point_ids: pulumi.Output[Mapping[str, str]]
    """Id of the access point by share."""
    access_point_arns: pulumi.Output[Sequence[str]]
    """The same, for policies."""
    kms_key_arn: pulumi.Output[str | None]
    """The validated key of the data. Other resources use this output, so that a refused key
    changes none of them."""

    @as_run_errors()
    def __init__(self, name: str, args: StorageArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("geusemaker:index:Storage", name, {}, opts)
        child = ResourceOptions(parent=self)
        guarded = ResourceOptions(parent=self, protect=args["protect"])
        grows = grows_only(f"{name}-data", "dataVolumeGib", lambda disk: disk.get("size"))
        tags = args["tags"]
        # A change of either would replace both by empty ones. `protect` may be off.
        region = keep(f"{name}-region", args["region"], self).apply(
            lambda was: check_same_region(was, args["region"])
        )
        key_name, arn = f"{name}-key", args.get("kms_key_arn") or ""
        invoke = pulumi.InvokeOptions(parent=self)
        fault = kms_key.look_up(arn, args["region"], invoke) if arn else None
        refuse = fault and kms_key.refuse_new(key_name, arn, args["region"], fault)
        key = pulumi.Output.all(region, keep(key_name, arn, self, hooks=refuse)).apply(
            lambda kept: kms_key.kept_key(kept[1], arn, fault)
        )
        system = aws.efs.FileSystem(
            f"{name}-files",
            encrypted=True,
            kms_key_id=key,
            # "elastic" bills every read and write. The initial credits of "bursting" are enough for
            # files and dumps.
            throughput_mode="bursting",
            tags=tags.named("files"),
            opts=guarded,
        )
        policy = aws.efs.FileSystemPolicy(
            f"{name}-files-policy",
            file_system_id=system.id,
            policy=pulumi.Output.all(system.arn, system.owner_id).apply(
                lambda values: file_system_policy(*values)
            ),
            opts=child,
        )
        self.mounts: list[pulumi.Resource] = [policy]
        """Resources that must exist before a host can mount."""
        for label, subnet_id in args["subnet_ids"].items():
            target = aws.efs.MountTarget(
                f"{name}-mount-{label}",
                file_system_id=system.id,
                subnet_id=subnet_id,
                security_groups=[args["security_group_id"]],
                opts=child,
            )
            self.mounts.append(target)
        points = {
            share: make_access_point(
                f"{name}-share-{share}", system.id, facts, tags.named(f"share-{share}"), child
            )
            for share, facts in SHARES.items()
        }
        volume = aws.ebs.Volume(
            f"{name}-data",
            availability_zone=args["zone"],
            size=args["data_volume_gib"],
            type="gp3",
            encrypted=True,
            kms_key_id=key,
            tags=tags.named("data"),
            opts=ResourceOptions.merge(guarded, ResourceOptions(hooks=grows)),
        )
        make_backups(
            name,
            retention_days=args["backup_retention_days"],
            arns=[volume.arn, system.arn],
            protect=args["protect"],
            partition=args["partition"],
            kms_key_arn=key,
            permissions_boundary_arn=args.get("permissions_boundary_arn"),
            tags=tags,
            parent=self,
        )
        self.kms_key_arn = key
        self.file_system_id = system.id
        self.file_system_arn = system.arn
        self.data_volume_id = volume.id
        self.access_point_ids = pulumi.Output.all(**{s: p.id for s, p in points.items()})
        self.access_point_arns = pulumi.Output.all(*(p.arn for p in points.values()))
        self.register_outputs(
            {
                "fileSystemId": self.file_system_id,
                "fileSystemArn": self.file_system_arn,
                "dataVolumeId": self.data_volume_id,
                "accessPointIds": self.access_point_ids,
                "accessPointArns": self.access_point_arns,
            }
        )
