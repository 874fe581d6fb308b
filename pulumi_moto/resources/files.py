"""EFS: file systems and mount targets."""

from collections.abc import Iterator
from typing import Any, ClassVar, Final

from moto.efs.models import efs_backends

from pulumi_moto.account import Account
from pulumi_moto.planning import AutoName, Values, names
from pulumi_moto.resource import ById, Resource, Update
from pulumi_moto.schema import Problem
from pulumi_moto.tags import aws_tags

from .support import filters, given, picked

_CLASSES: Final = {
    "transitionToIa": "TransitionToIA",
    "transitionToArchive": "TransitionToArchive",
    "transitionToPrimaryStorageClass": "TransitionToPrimaryStorageClass",
}


def backend_of(account: Account) -> Any:
    return efs_backends[account.id][account.region]


def system_arn(account: Account, id_: str) -> str:
    """The ARN of a file system."""
    return account.arn("elasticfilesystem", f"file-system/{id_}")


class EfsResource(Resource):
    """A taggable thing of EFS."""

    service = "efs"

    def tag(self, account: Account, id_: str, tags: list[dict[str, str]]) -> None:
        account.efs.tag_resource(ResourceId=id_, Tags=tags)

    def untag(self, account: Account, id_: str, keys: list[str]) -> None:
        account.efs.untag_resource(ResourceId=id_, TagKeys=keys)


class FileSystem(EfsResource):
    token = "aws:efs/fileSystem:FileSystem"
    label = "EFS File System"
    shown_by = ById("describe_file_systems", "FileSystemId", "FileSystems")
    deleted_by = ById("delete_file_system", "FileSystemId")
    replace_on = names("creationToken encrypted kmsKeyId performanceMode availabilityZoneName")
    defaults: ClassVar[Values] = {"throughputMode": "bursting"}
    optional_computed = names("performanceMode encrypted kmsKeyId protection availabilityZoneName")
    autoname = AutoName("creationToken", 64)
    not_simulated = dict.fromkeys(
        ("protection", "provisionedThroughputInMibps"), "moto has no such call"
    )

    def extra_problems(self, inputs: Values) -> Iterator[Problem]:
        if inputs.get("kmsKeyId") and not inputs.get("encrypted"):
            yield Problem("kmsKeyId", "encrypted must be set to true when kms_key_id is specified")
        mode = inputs["throughputMode"]
        if isinstance(mode, str) and mode not in ("bursting", "elastic"):
            yield Problem("throughputMode", "bursting and elastic are simulated")

    def create(self, account: Account, inputs: Values) -> str:
        key = inputs.get("kmsKeyId") or account.arn("kms", "key/simulated-aws-elasticfilesystem")
        made = account.efs.create_file_system(
            CreationToken=inputs["creationToken"],
            ThroughputMode=inputs["throughputMode"],
            PerformanceMode=inputs.get("performanceMode", "generalPurpose"),
            Tags=aws_tags(account, inputs),
            **given(AvailabilityZoneName=inputs.get("availabilityZoneName")),
            **({"Encrypted": True, "KmsKeyId": key} if inputs.get("encrypted") else {}),
        )
        id_ = str(made["FileSystemId"])
        if inputs.get("lifecyclePolicies") is not None:
            self._put_lifecycle(account, id_, inputs["lifecyclePolicies"])
        return id_

    def _put_lifecycle(self, account: Account, id_: str, policies: list[Values]) -> None:
        account.during(f"updating EFS File System ({id_})").efs.put_lifecycle_configuration(
            FileSystemId=id_,
            LifecyclePolicies=[
                {_CLASSES[name]: value for name, value in policy.items()} for policy in policies
            ],
        )

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        policies = account.efs.describe_lifecycle_configuration(FileSystemId=id_)
        return {
            **picked(shown, "CreationToken", "Encrypted", "PerformanceMode", "ThroughputMode"),
            **picked(shown, "NumberOfMountTargets", "OwnerId"),
            "arn": shown["FileSystemArn"],
            "dnsName": f"{id_}.efs.{account.region}.amazonaws.com",
            "kmsKeyId": shown.get("KmsKeyId"),
            "name": shown.get("Name", ""),
            "availabilityZoneName": shown.get("AvailabilityZoneName"),
            "lifecyclePolicies": [
                {name: policy[key] for name, key in _CLASSES.items() if key in policy}
                for policy in policies["LifecyclePolicies"]
            ],
        }

    def update(self, account: Account, id_: str, change: Update) -> None:
        if "throughputMode" in change.paths:  # moto has no UpdateFileSystem
            system = backend_of(account).file_systems_by_id[id_]
            system.throughput_mode = change.inputs["throughputMode"]
        if "lifecyclePolicies" in change.paths:
            self._put_lifecycle(account, id_, change.inputs.get("lifecyclePolicies") or [])
        self.retag(account, id_, change)


class MountTarget(Resource):
    token = "aws:efs/mountTarget:MountTarget"
    service = "efs"
    label = "EFS Mount Target"
    shown_by = ById("describe_mount_targets", "MountTargetId", "MountTargets")
    deleted_by = ById("delete_mount_target", "MountTargetId")
    replace_on = names("fileSystemId subnetId ipAddress ipAddressType ipv6Address")
    optional_computed = names("ipAddress ipAddressType securityGroups")
    unordered = names("securityGroups")
    always_delete_first = True

    def create(self, account: Account, inputs: Values) -> str:
        made = account.efs.create_mount_target(
            FileSystemId=inputs["fileSystemId"],
            SubnetId=inputs["subnetId"],
            SecurityGroups=inputs.get("securityGroups") or self._default_group(account, inputs),
            **given(IpAddress=inputs.get("ipAddress")),
        )
        return str(made["MountTargetId"])

    def _default_group(self, account: Account, inputs: Values) -> list[str]:
        """The groups of EFS where the program gives none; moto sets none."""
        subnet = account.ec2.describe_subnets(SubnetIds=[inputs["subnetId"]])["Subnets"][0]
        own = filters({"vpc-id": subnet["VpcId"], "group-name": "default"})
        groups = account.ec2.describe_security_groups(Filters=own)["SecurityGroups"]
        return [group["GroupId"] for group in groups]

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        groups = account.efs.describe_mount_target_security_groups(MountTargetId=id_)
        system, zone = shown["FileSystemId"], shown["AvailabilityZoneName"]
        domain = f"{system}.efs.{account.region}.amazonaws.com"
        return {
            **picked(shown, "FileSystemId", "SubnetId", "IpAddress", "NetworkInterfaceId"),
            **picked(shown, "AvailabilityZoneName", "AvailabilityZoneId"),
            "ipAddressType": "IPV4_ONLY",
            "securityGroups": sorted(groups["SecurityGroups"]),
            "dnsName": domain,
            "mountTargetDnsName": f"{zone}.{domain}",
            "fileSystemArn": system_arn(account, system),
            "ownerId": account.id,
        }

    def update(self, account: Account, id_: str, change: Update) -> None:
        account.efs.modify_mount_target_security_groups(
            MountTargetId=id_, SecurityGroups=change.inputs["securityGroups"]
        )
