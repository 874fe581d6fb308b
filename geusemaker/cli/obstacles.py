"""What AWS would refuse in the middle of a removal, found before anything is deleted."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from geusemaker.cli.removal import Removal, Shown
from geusemaker.cost.resources import FILES, GROUP, INSTANCE, MOUNT, PARAMETER, VAULT, VOLUME
from geusemaker.errors import one_line
from geusemaker.pulumi_cli.state import Recorded, StackState
from geusemaker.services.aws_errors import code_of

_NOT_FOUND: Final = {
    "FileSystemNotFound",
    "InvalidInstanceID.NotFound",
    "InvalidVolume.NotFound",
    "ResourceNotFoundException",
}
_ENDED: Final = ("terminated", "shutting-down")
_SUBNET: Final = "aws:ec2/subnet:Subnet"
_RULES: Final = "aws:ec2/securityGroup:SecurityGroup"
_VPC: Final = "aws:ec2/vpc:Vpc"
_OF_VPC: Final = (
    ("describe_subnets", "Subnets", "SubnetId", "subnet", "delete-subnet --subnet-id"),
    (
        "describe_security_groups",
        "SecurityGroups",
        "GroupId",
        "security group",
        "delete-security-group --group-id",
    ),
    (
        "describe_route_tables",
        "RouteTables",
        "RouteTableId",
        "route table",
        "delete-route-table --route-table-id",
    ),
    (
        "describe_network_acls",
        "NetworkAcls",
        "NetworkAclId",
        "network ACL",
        "delete-network-acl --network-acl-id",
    ),
    (
        "describe_vpc_endpoints",
        "VpcEndpoints",
        "VpcEndpointId",
        "VPC endpoint",
        "delete-vpc-endpoints --vpc-endpoint-ids",
    ),
)
_ROLE: Final = "aws:iam/role:Role"
_PROTECTIONS: Final = (
    ("disableApiTermination", "DisableApiTermination", "termination", "api-termination"),
    ("disableApiStop", "DisableApiStop", "stop", "api-stop"),
)


class Account:
    """What AWS shows of a stack. A failed call is a note, and what it asks for is unknown."""

    def __init__(self, region: str, client: Callable[[str], Any]) -> None:
        self.region = region
        self.notes: list[str] = []
        self._client = client

    def shown(self, one: Recorded) -> Shown:
        """What AWS shows of a host, or of what holds data; nothing of other types."""
        look = {
            INSTANCE: self._instance,
            GROUP: self._workers,
            VOLUME: self._volume,
            FILES: self._files,
            VAULT: self._vault,
            PARAMETER: self._parameter,
        }.get(one.type)
        if look is None:
            return Shown()
        try:
            return look(one.id)
        except (BotoCoreError, ClientError) as error:
            if code_of(error) in _NOT_FOUND:
                return Shown(exists=False)
            self._note(one.id, error)
            return Shown()

    def _note(self, what: str, error: Exception) -> None:
        if (note := f"{what} was not checked: {one_line(error)}") not in self.notes:
            self.notes.append(note)

    @contextlib.contextmanager
    def _checked(self, what: str) -> Iterator[None]:
        try:
            yield
        except (BotoCoreError, ClientError) as error:
            if code_of(error) not in _NOT_FOUND:
                self._note(what, error)

    def _instance(self, id_: str) -> Shown:
        answer = self._client("ec2").describe_instances(InstanceIds=[id_])
        states = [
            one["State"]["Name"] for part in answer["Reservations"] for one in part["Instances"]
        ]
        if not states or states[0] in _ENDED:
            return Shown(exists=False)
        return Shown(exists=True, used=int(states[0] in ("running", "pending")))

    def _workers(self, id_: str) -> Shown:
        answer = self._client("autoscaling").describe_auto_scaling_groups(
            AutoScalingGroupNames=[id_]
        )
        found = answer["AutoScalingGroups"]
        ids = [one["InstanceId"] for group in found for one in group.get("Instances", ())]
        members = [(one, INSTANCE) for one in ids]
        if ids:
            described = self._client("ec2").describe_instances(InstanceIds=ids)
            members += [
                (disk["Ebs"]["VolumeId"], VOLUME)
                for part in described["Reservations"]
                for one in part["Instances"]
                for disk in one.get("BlockDeviceMappings", ())
                if disk.get("Ebs")
            ]
        return Shown(exists=bool(found), members=tuple(members))

    def _volume(self, id_: str) -> Shown:
        return Shown(exists=bool(self._client("ec2").describe_volumes(VolumeIds=[id_])["Volumes"]))

    def _files(self, id_: str) -> Shown:
        (found,) = self._client("efs").describe_file_systems(FileSystemId=id_)["FileSystems"]
        return Shown(exists=True, used=found.get("SizeInBytes", {}).get("Value"))

    def _vault(self, id_: str) -> Shown:
        found = self._listed_vault(id_)
        return Shown(exists=bool(found), used=found.get("NumberOfRecoveryPoints"))

    def _listed_vault(self, id_: str) -> Mapping[str, Any]:
        # DescribeBackupVault answers for a missing vault that access is denied.
        pages = self._client("backup").get_paginator("list_backup_vaults").paginate()
        found = (one for page in pages for one in page["BackupVaultList"])
        return next((one for one in found if one["BackupVaultName"] == id_), {})

    def _parameter(self, id_: str) -> Shown:
        named = [{"Key": "Name", "Values": [id_]}]
        answer = self._client("ssm").describe_parameters(ParameterFilters=named)
        return Shown(exists=bool(answer["Parameters"]))

    def obstacles(self, removal: Removal) -> list[str]:
        """What AWS would refuse, each with the command that changes it."""
        goes = removal.goes
        mounts = self._mounts(removal.state)
        return [
            one
            for found in (
                self._protections(goes),
                self._root_disks(goes),
                self._attachments(goes),
                self._other_mounts(goes, mounts),
                self._locks(goes),
                self._in_network(goes),
                self._interfaces(goes, mounts),
                self._rules(goes),
                self._policies(goes, removal.state),
            )
            for one in found
        ]

    def _command(self, words: str) -> str:
        return f"`aws {words} --region {self.region}`"

    def _protections(self, goes: list[Recorded]) -> Iterator[str]:
        for host in _of(goes, INSTANCE):
            for attribute, key, what, flag in _PROTECTIONS:
                with self._checked(f"{what} protection of {host.id}"):
                    answer = self._client("ec2").describe_instance_attribute(
                        InstanceId=host.id, Attribute=attribute
                    )
                    if answer.get(key, {}).get("Value"):
                        yield (
                            f"the host {host.id} has {what} protection; switch it off: "
                            + self._command(
                                f"ec2 modify-instance-attribute --instance-id {host.id} "
                                f"--no-disable-{flag}"
                            )
                        )

    def _root_disks(self, goes: list[Recorded]) -> Iterator[str]:
        """Root disks that AWS would keep, which the receipt would name as deleted."""
        for host in _of(goes, INSTANCE):
            with self._checked(f"the root disk of {host.id}"):
                answer = self._client("ec2").describe_instances(InstanceIds=[host.id])
                found = [one for part in answer["Reservations"] for one in part["Instances"]]
                for one in found:
                    for disk in one.get("BlockDeviceMappings", ()):
                        device, ebs = disk["DeviceName"], disk.get("Ebs", {})
                        if device == one.get("RootDeviceName") and not ebs["DeleteOnTermination"]:
                            yield (
                                f"the root disk {ebs['VolumeId']} is set to stay, and to cost, "
                                "when its host is deleted; change that: "
                                + self._command(
                                    f"ec2 modify-instance-attribute --instance-id {host.id} "
                                    "--block-device-mappings "
                                    f"DeviceName={device},Ebs={{DeleteOnTermination=true}}"
                                )
                            )

    def _attachments(self, goes: list[Recorded]) -> Iterator[str]:
        hosts = {one.id for one in _of(goes, INSTANCE)}
        for volume in _of(goes, VOLUME):
            with self._checked(f"the attachment of {volume.id}"):
                answer = self._client("ec2").describe_volumes(VolumeIds=[volume.id])
                for one in answer["Volumes"]:
                    for attached in one.get("Attachments", []):
                        if attached.get("InstanceId") not in {None, *hosts}:
                            yield (
                                f"the data volume {volume.id} is attached to "
                                f"{attached['InstanceId']}, which is not of this stack; detach it: "
                                + self._command(f"ec2 detach-volume --volume-id {volume.id}")
                            )

    def _mounts(self, state: StackState) -> dict[str, str]:
        """Network interfaces of all mount targets of the file system, by mount target."""
        found: dict[str, str] = {}
        for system in state.of(FILES):
            with self._checked(f"mount targets of {system.id}"):
                answer = self._client("efs").describe_mount_targets(FileSystemId=system.id)
                for one in answer["MountTargets"]:
                    found[one["MountTargetId"]] = one.get("NetworkInterfaceId", "")
        return found

    def _other_mounts(self, goes: list[Recorded], mounts: Mapping[str, str]) -> Iterator[str]:
        own = {one.id for one in _of(goes, MOUNT)}
        for system in _of(goes, FILES):
            for one in mounts.keys() - own:
                yield (
                    f"the file system {system.id} has the mount target {one}, which is not of this "
                    "stack; delete it: "
                    + self._command(f"efs delete-mount-target --mount-target-id {one}")
                )

    def _locks(self, goes: list[Recorded]) -> Iterator[str]:
        for vault in _of(goes, VAULT):
            with self._checked(f"the lock of {vault.id}"):
                answer = self._listed_vault(vault.id)
                if answer.get("Locked") and answer.get("NumberOfRecoveryPoints"):
                    yield (
                        f"the vault {vault.id} is locked, so AWS deletes none of its "
                        f"{answer['NumberOfRecoveryPoints']} copies; remove the lock, which AWS "
                        "allows until its date only: "
                        + self._command(
                            "backup delete-backup-vault-lock-configuration --backup-vault-name "
                            f"{vault.id}"
                        )
                    )

    def _interfaces(self, goes: list[Recorded], mounts: Mapping[str, str]) -> Iterator[str]:
        """Network interfaces of others in the stack's subnets, or with its security groups.

        Also one at a host that AWS does not delete with it.
        """
        hosts = {one.id for one in _of(goes, INSTANCE)}
        groups = [self.shown(one) for one in _of(goes, GROUP)]
        hosts |= {id_ for one in groups for id_, _ in one.members}
        are_known = all(one.exists is not None for one in groups)
        own = {mounts.get(one.id) for one in _of(goes, MOUNT)}
        found: dict[str, Mapping[str, Any]] = {}
        for key, type_ in (("subnet-id", _SUBNET), ("group-id", _RULES)):
            if ids := [one.id for one in _of(goes, type_)]:
                with self._checked(f"the network interfaces of {', '.join(ids)}"):
                    answer = self._client("ec2").describe_network_interfaces(
                        Filters=[{"Name": key, "Values": ids}]
                    )
                    found |= {one["NetworkInterfaceId"]: one for one in answer["NetworkInterfaces"]}
        for id_, one in found.items():
            user = one.get("Attachment", {})
            instance = user.get("InstanceId")
            if instance and not are_known:
                continue  # it may be a worker's, and there is a note
            goes_with_host = instance in hosts and user.get("DeleteOnTermination", True)
            if not goes_with_host and id_ not in own:
                shows = f"ec2 describe-network-interfaces --network-interface-ids {id_}"
                yield (
                    f"the network interface {id_}, which is in the stack's subnets or security "
                    "groups, is not of this stack; delete what it belongs to, or give it other "
                    f"groups; its user is shown by {self._command(shows)}"
                )

    def _rules(self, goes: list[Recorded]) -> Iterator[str]:
        """Rules of other security groups that name the stack's."""
        own = [one.id for one in _of(goes, _RULES)]
        found = set()
        for direction in ("ip-permission", "egress.ip-permission") if own else ():
            with self._checked(f"the rules that name {', '.join(own)}"):
                named = [{"Name": f"{direction}.group-id", "Values": own}]
                answer = self._client("ec2").describe_security_groups(Filters=named)
                found |= {one["GroupId"] for one in answer["SecurityGroups"]}
        for id_ in sorted(found - {one.id for one in goes}):
            yield (
                f"the security group {id_} has rules for the stack's security groups; remove those "
                f"rules, which are shown by "
                f"{self._command(f'ec2 describe-security-groups --group-ids {id_}')}"
            )

    def _in_network(self, goes: list[Recorded]) -> Iterator[str]:
        """What others have put into the stack's own network."""
        own = {one.id for one in goes}
        ec2 = self._client("ec2")
        for vpc in _of(goes, _VPC):
            inside = [{"Name": "vpc-id", "Values": [vpc.id]}]
            for operation, part, key, what, delete in _OF_VPC:
                with self._checked(f"each {what} in {vpc.id}"):
                    for one in getattr(ec2, operation)(Filters=inside)[part]:
                        if one[key] not in own and not _goes_with_vpc(one):
                            yield (
                                f"the {what} {one[key]} in the stack's network is not of this "
                                f"stack; delete it: {self._command(f'ec2 {delete} {one[key]}')}"
                            )

    def _policies(self, goes: list[Recorded], state: StackState) -> Iterator[str]:
        """Policies that others have given to the stack's roles."""
        for role in _of(goes, _ROLE):
            with self._checked(f"the policies of {role.id}"):
                iam = self._client("iam")
                attached = iam.list_attached_role_policies(RoleName=role.id)["AttachedPolicies"]
                own = _of_role(state, "aws:iam/rolePolicyAttachment:RolePolicyAttachment", role.id)
                for one in attached:
                    if one["PolicyArn"] not in {each.get("policyArn") for each in own}:
                        yield (
                            f"the role {role.id} has the policy {one['PolicyArn']}, which this "
                            f"stack did not give it; detach it: `aws iam detach-role-policy "
                            f"--role-name {role.id} --policy-arn {one['PolicyArn']}`"
                        )
                inline = iam.list_role_policies(RoleName=role.id)["PolicyNames"]
                own = _of_role(state, "aws:iam/rolePolicy:RolePolicy", role.id)
                for name in inline:
                    if name not in {each.get("name") for each in own}:
                        yield (
                            f"the role {role.id} has the policy {name}, which this stack did not "
                            f"give it; delete it: `aws iam delete-role-policy --role-name "
                            f"{role.id} --policy-name {name}`"
                        )


def _goes_with_vpc(one: Mapping[str, Any]) -> bool:
    """Whether AWS deletes it with its VPC, or already has."""
    is_main = any(each.get("Main") for each in one.get("Associations", ()))
    is_deleted = str(one.get("State", "")).lower() in ("deleting", "deleted")
    return is_main or is_deleted or one.get("IsDefault") or one.get("GroupName") == "default"


def _of(resources: list[Recorded], type_: str) -> list[Recorded]:
    return [one for one in resources if one.type == type_]


def _of_role(state: StackState, type_: str, role: str) -> list[Any]:
    return [one.outputs for one in state.of(type_) if one.outputs.get("role") == role]
