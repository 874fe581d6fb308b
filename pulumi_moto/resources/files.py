"""EFS: file systems and mount targets."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

from moto.efs.models import efs_backends

from pulumi_moto.account import Account, AwsError, gone_is_fine
from pulumi_moto.resource import AutoName, Resource, Update, aws_tags
from pulumi_moto.schema import Problem

from .support import filters, not_simulated, own_tags, tag_change

_CLASSES: Final = {
    "transitionToIa": "TransitionToIA",
    "transitionToArchive": "TransitionToArchive",
    "transitionToPrimaryStorageClass": "TransitionToPrimaryStorageClass",
}


def backend_of(account: Account) -> Any:
    return efs_backends[account.id][account.region]


def retag(account: Account, id_: str, change: Update) -> None:
    """Bring the tags of a file system or access point to those of the new inputs."""
    removed, added = tag_change(account, change)
    action = f"updating tags for EFS resource ({id_})"
    if removed:
        account.call(action, "efs", "untag_resource", ResourceId=id_, TagKeys=removed)
    if added:
        account.call(action, "efs", "tag_resource", ResourceId=id_, Tags=added)


def system_of(account: Account, id_: str) -> dict[str, Any] | None:
    try:
        answer = account.call(
            f"reading EFS File System ({id_})", "efs", "describe_file_systems", FileSystemId=id_
        )
    except AwsError as error:
        if error.code == "FileSystemNotFound":
            return None
        raise
    found: dict[str, Any] = answer["FileSystems"][0]
    return found


class FileSystem(Resource):
    token = "aws:efs/fileSystem:FileSystem"
    replace_on = frozenset(
        {"creationToken", "encrypted", "kmsKeyId", "performanceMode", "availabilityZoneName"}
    )
    defaults: ClassVar[Mapping[str, Any]] = {"throughputMode": "bursting"}
    computed = frozenset(
        {
            "arn",
            "dnsName",
            "name",
            "numberOfMountTargets",
            "ownerId",
            "sizeInBytes",
            "availabilityZoneId",
        }
    )
    optional_computed = frozenset(
        {"performanceMode", "encrypted", "kmsKeyId", "protection", "availabilityZoneName"}
    )
    autoname = AutoName("creationToken", 64)

    def extra_problems(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        yield from not_simulated(
            inputs, "moto has no such call", "protection", "provisionedThroughputInMibps"
        )
        if inputs.get("kmsKeyId") and not inputs.get("encrypted"):
            yield Problem("kmsKeyId", "encrypted must be set to true when kms_key_id is specified")
        mode = inputs["throughputMode"]
        if isinstance(mode, str) and mode not in ("bursting", "elastic"):
            yield Problem("throughputMode", "bursting and elastic are simulated")

    def create(self, account: Account, inputs: Mapping[str, Any]) -> str:
        key = inputs.get("kmsKeyId") or account.arn("kms", "key/simulated-aws-elasticfilesystem")
        zone = inputs.get("availabilityZoneName")
        encryption = {"Encrypted": True, "KmsKeyId": key} if inputs.get("encrypted") else {}
        made = account.call(
            "creating EFS File System",
            "efs",
            "create_file_system",
            CreationToken=inputs["creationToken"],
            ThroughputMode=inputs["throughputMode"],
            **({"AvailabilityZoneName": zone} if zone else {}),
            PerformanceMode=inputs.get("performanceMode", "generalPurpose"),
            Tags=aws_tags(account, inputs),
            **encryption,
        )
        id_ = str(made["FileSystemId"])
        self._lifecycle(account, id_, inputs)
        return id_

    def _lifecycle(self, account: Account, id_: str, inputs: Mapping[str, Any]) -> None:
        policies = inputs.get("lifecyclePolicies")
        if policies is not None:
            account.call(
                f"updating EFS File System ({id_})",
                "efs",
                "put_lifecycle_configuration",
                FileSystemId=id_,
                LifecyclePolicies=[
                    {_CLASSES[name]: value for name, value in policy.items()} for policy in policies
                ],
            )

    def read(self, account: Account, id_: str, state: Mapping[str, Any]) -> dict[str, Any] | None:
        system = system_of(account, id_)
        if system is None:
            return None
        policies = account.call(
            f"reading EFS File System ({id_})",
            "efs",
            "describe_lifecycle_configuration",
            FileSystemId=id_,
        )["LifecyclePolicies"]
        told = {
            "arn": system["FileSystemArn"],
            "dnsName": f"{id_}.efs.{account.region}.amazonaws.com",
            "creationToken": system["CreationToken"],
            "encrypted": system["Encrypted"],
            "kmsKeyId": system.get("KmsKeyId"),
            "performanceMode": system["PerformanceMode"],
            "throughputMode": system["ThroughputMode"],
            "name": system.get("Name", ""),
            "numberOfMountTargets": system["NumberOfMountTargets"],
            "ownerId": system["OwnerId"],
            "availabilityZoneName": system.get("AvailabilityZoneName"),
            "lifecyclePolicies": [
                {name: policy[key] for name, key in _CLASSES.items() if key in policy}
                for policy in policies
            ],
            "tags": own_tags(account, system.get("Tags"), state),
        }
        return {key: value for key, value in told.items() if value is not None}

    def update(self, account: Account, id_: str, change: Update) -> None:
        if "throughputMode" in change.paths:  # moto has no UpdateFileSystem
            backend_of(account).file_systems_by_id[id_].throughput_mode = change.inputs[
                "throughputMode"
            ]
        if "lifecyclePolicies" in change.paths:
            self._lifecycle(account, id_, {"lifecyclePolicies": [], **change.inputs})
        retag(account, id_, change)

    def delete(self, account: Account, id_: str, state: Mapping[str, Any]) -> None:
        with gone_is_fine("FileSystemNotFound"):
            account.call(
                f"deleting EFS File System ({id_})", "efs", "delete_file_system", FileSystemId=id_
            )


class MountTarget(Resource):
    token = "aws:efs/mountTarget:MountTarget"
    replace_on = frozenset(
        {"fileSystemId", "subnetId", "ipAddress", "ipAddressType", "ipv6Address"}
    )
    computed = frozenset(
        {
            "dnsName",
            "mountTargetDnsName",
            "networkInterfaceId",
            "availabilityZoneName",
            "availabilityZoneId",
            "fileSystemArn",
            "ownerId",
        }
    )
    optional_computed = frozenset({"ipAddress", "ipAddressType", "securityGroups"})
    unordered = frozenset({"securityGroups"})
    always_delete_first = True
    taggable = False

    def create(self, account: Account, inputs: Mapping[str, Any]) -> str:
        made = account.call(
            "creating EFS Mount Target",
            "efs",
            "create_mount_target",
            FileSystemId=inputs["fileSystemId"],
            SubnetId=inputs["subnetId"],
            SecurityGroups=inputs.get("securityGroups") or self._default_group(account, inputs),
            **({"IpAddress": inputs["ipAddress"]} if inputs.get("ipAddress") else {}),
        )
        return str(made["MountTargetId"])

    def _default_group(self, account: Account, inputs: Mapping[str, Any]) -> list[str]:
        """What EFS takes when no group is given; moto takes none."""
        action = "creating EFS Mount Target"
        subnets = account.call(action, "ec2", "describe_subnets", SubnetIds=[inputs["subnetId"]])
        wanted = filters({"vpc-id": subnets["Subnets"][0]["VpcId"], "group-name": "default"})
        groups = account.call(action, "ec2", "describe_security_groups", Filters=wanted)
        return [group["GroupId"] for group in groups["SecurityGroups"]]

    def read(self, account: Account, id_: str, state: Mapping[str, Any]) -> dict[str, Any] | None:
        action = f"reading EFS Mount Target ({id_})"
        try:
            target = account.call(action, "efs", "describe_mount_targets", MountTargetId=id_)[
                "MountTargets"
            ][0]
        except AwsError as error:
            if error.code == "MountTargetNotFound":
                return None
            raise
        groups = account.call(
            action, "efs", "describe_mount_target_security_groups", MountTargetId=id_
        )["SecurityGroups"]
        system, zone = target["FileSystemId"], target["AvailabilityZoneName"]
        domain = f"{system}.efs.{account.region}.amazonaws.com"
        return {
            "fileSystemId": system,
            "subnetId": target["SubnetId"],
            "ipAddress": target["IpAddress"],
            "ipAddressType": "IPV4_ONLY",
            "securityGroups": sorted(groups),
            "availabilityZoneName": zone,
            "availabilityZoneId": target["AvailabilityZoneId"],
            "networkInterfaceId": target["NetworkInterfaceId"],
            "dnsName": domain,
            "mountTargetDnsName": f"{zone}.{domain}",
            "fileSystemArn": account.arn("elasticfilesystem", f"file-system/{system}"),
            "ownerId": account.id,
        }

    def update(self, account: Account, id_: str, change: Update) -> None:
        account.call(
            f"updating EFS Mount Target ({id_})",
            "efs",
            "modify_mount_target_security_groups",
            MountTargetId=id_,
            SecurityGroups=change.inputs["securityGroups"],
        )

    def delete(self, account: Account, id_: str, state: Mapping[str, Any]) -> None:
        with gone_is_fine("MountTargetNotFound"):
            account.call(
                f"deleting EFS Mount Target ({id_})",
                "efs",
                "delete_mount_target",
                MountTargetId=id_,
            )
