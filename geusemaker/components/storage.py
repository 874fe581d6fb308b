"""Storage: the data that outlives every host."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from geusemaker.components.backups import make_backups
from geusemaker.components.kept import check_same_key, check_same_region, keep
from geusemaker.components.partition import partition_of
from geusemaker.components.run_errors import as_run_errors
from geusemaker.components.tagging import Tags


@dataclass(frozen=True)
class Share:
    """A directory of the file system that one kind of process may use, as one user."""

    path: str
    uid: int
    gid: int


# n8n's image runs as 1000, PostgreSQL's (which writes the dumps) as 999.
SHARES: Final[Mapping[str, Share]] = {
    "n8n": Share("/n8n", 1000, 1000),
    "backups": Share("/backups", 999, 999),
}


class StorageArgs(TypedDict):
    """Where the data lives and how it is guarded."""

    zone: pulumi.Input[str]
    """Zone of the data volume: the host's."""
    subnet_ids: Mapping[str, pulumi.Input[str]]
    """One subnet a zone, for the mount targets, by a label that stays with it. A plain mapping:
    it decides how many there are."""
    security_group_id: pulumi.Input[str]
    """Group of the mount targets."""
    data_volume_gib: pulumi.Input[int]
    protect: bool
    """Whether Pulumi refuses to delete the data. Plain: an option, not a property."""
    backup_retention_days: int
    """Days that each night's copy is kept; 0: none is made. Plain: decides which resources are."""
    tags: Tags
    region: str
    """Region that is configured; the first one is kept."""
    partition: str
    """Partition of that Region, for the ARNs of AWS's own policies."""
    kms_key_arn: NotRequired[str | None]
    """Key of both; AWS's own keys when unset. The first one is kept."""
    permissions_boundary_arn: NotRequired[str | None]
    """For accounts that demand one on every role, AWS Backup's too."""


def file_system_policy(file_system_arn: str, owner_id: str) -> str:
    """Who may mount: this account's roles that are allowed to by their own policy, over TLS only.

    Without any policy, everyone who reaches a mount target may mount and write, unasked.
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
    """An encrypted file system with one mount target a zone, and an encrypted data volume."""

    file_system_id: pulumi.Output[str]
    """EFS: files, dumps, exports."""
    file_system_arn: pulumi.Output[str]
    """The same, for policies."""
    data_volume_id: pulumi.Output[str]
    """EBS: databases and models, which do not belong on NFS."""
    access_point_ids: pulumi.Output[Mapping[str, str]]
    """Id of the access point of each share."""
    access_point_arns: pulumi.Output[Sequence[str]]
    """The same, for policies."""
    kms_key_arn: pulumi.Output[str | None]
    """The key of the data. Whatever else takes a key takes this one: it is known only once it is no
    other than the stack's, so that a refused key changes nothing anywhere."""

    @as_run_errors()
    def __init__(self, name: str, args: StorageArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("geusemaker:index:Storage", name, {}, opts)
        child = ResourceOptions(parent=self)
        guarded = ResourceOptions(parent=self, protect=args["protect"])
        tags = args["tags"]
        # A change of either would replace both by empty ones, whatever `protect` says at the time.
        region = keep(f"{name}-region", args["region"], self).apply(
            lambda was: check_same_region(was, args["region"])
        )
        key = pulumi.Output.all(
            region, keep(f"{name}-key", args.get("kms_key_arn") or "", self)
        ).apply(lambda kept: check_same_key(kept[1], args.get("kms_key_arn") or ""))
        system = aws.efs.FileSystem(
            f"{name}-files",
            encrypted=True,
            kms_key_id=key,
            # Elastic bills every read and write, metadata too; files and dumps do well with the
            # credits that a bursting file system starts with.
            throughput_mode="bursting",
            tags=tags.named("files"),
            opts=guarded,
        )
        policy = aws.efs.FileSystemPolicy(
            f"{name}-files-policy",
            file_system_id=system.id,
            policy=pulumi.Output.all(system.arn, system.owner_id).apply(
                lambda told: file_system_policy(*told)
            ),
            opts=child,
        )
        self.mounts: list[pulumi.Resource] = [policy]
        """What must stand before a host can mount."""
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
            share: aws.efs.AccessPoint(
                f"{name}-share-{share}",
                file_system_id=system.id,
                posix_user={"uid": facts.uid, "gid": facts.gid},
                root_directory={
                    "path": facts.path,
                    # Without this the first mount fails on a directory that is not there.
                    "creation_info": {
                        "owner_uid": facts.uid,
                        "owner_gid": facts.gid,
                        "permissions": "0750",
                    },
                },
                tags=tags.named(f"share-{share}"),
                opts=child,
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
            opts=guarded,
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
