"""What AWS lists of one stack, by calls of its own: Pulumi's state is not asked."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True, eq=False)
class Kind:
    """What one call of AWS lists.

    `items` is the way to the items in the answer, `id` the field with an item's id, `delete` the
    arguments of the AWS CLI that delete one.
    """

    name: str
    service: str
    operation: str
    items: tuple[str, ...]
    id: str
    delete: str
    only: Mapping[str, Any] = field(default_factory=dict)


KINDS: Final = (
    Kind(
        "instance",
        "ec2",
        "describe_instances",
        ("Reservations", "Instances"),
        "InstanceId",
        "ec2 terminate-instances --instance-ids {}",
    ),
    Kind("volume", "ec2", "describe_volumes", ("Volumes",), "VolumeId",
         "ec2 delete-volume --volume-id {}"),
    Kind("snapshot", "ec2", "describe_snapshots", ("Snapshots",), "SnapshotId",
         "ec2 delete-snapshot --snapshot-id {}", {"OwnerIds": ["self"]}),
    Kind("network interface", "ec2", "describe_network_interfaces", ("NetworkInterfaces",),
         "NetworkInterfaceId", "ec2 delete-network-interface --network-interface-id {}"),
    Kind("address", "ec2", "describe_addresses", ("Addresses",), "AllocationId",
         "ec2 release-address --allocation-id {}"),
    Kind("security group", "ec2", "describe_security_groups", ("SecurityGroups",), "GroupId",
         "ec2 delete-security-group --group-id {}"),
    Kind("route table", "ec2", "describe_route_tables", ("RouteTables",), "RouteTableId",
         "ec2 delete-route-table --route-table-id {}"),
    Kind("internet gateway", "ec2", "describe_internet_gateways", ("InternetGateways",),
         "InternetGatewayId", "ec2 delete-internet-gateway --internet-gateway-id {}"),
    Kind("subnet", "ec2", "describe_subnets", ("Subnets",), "SubnetId",
         "ec2 delete-subnet --subnet-id {}"),
    Kind("vpc", "ec2", "describe_vpcs", ("Vpcs",), "VpcId", "ec2 delete-vpc --vpc-id {}"),
    Kind("file system", "efs", "describe_file_systems", ("FileSystems",), "FileSystemId",
         "efs delete-file-system --file-system-id {}"),
    Kind("parameter", "ssm", "describe_parameters", ("Parameters",), "Name",
         "ssm delete-parameter --name {}"),
    Kind("bucket", "s3", "list_buckets", ("Buckets",), "Name", "s3 rb --force s3://{}"),
    Kind("backup plan", "backup", "list_backup_plans", ("BackupPlansList",), "BackupPlanId",
         "backup delete-backup-plan --backup-plan-id {}"),
    Kind("backup vault", "backup", "list_backup_vaults", ("BackupVaultList",), "BackupVaultName",
         "backup delete-backup-vault --backup-vault-name {}"),
    Kind("instance profile", "iam", "list_instance_profiles", ("InstanceProfiles",),
         "InstanceProfileName", "iam delete-instance-profile --instance-profile-name {}"),
    Kind("role", "iam", "list_roles", ("Roles",), "RoleName", "iam delete-role --role-name {}"),
)  # fmt: skip
"""In the order in which they can be deleted."""


def listed(session: Any, stack: str, had: Collection[str]) -> dict[Kind, list[dict[str, Any]]]:
    """What is there of the stack: what has its tag, and what is or names one of its ids.

    Args:
        session: A boto3 session in the stack's Region.
        stack: The stack's name, which no other stack has.
        had: Ids of everything that the stack ever had.
    """
    found = {}
    for kind in KINDS:
        items = [one for one in _all(session, kind) if _is_of(one, stack, had)]
        if items:
            found[kind] = items
    return found


def recovery_points(session: Any, arns: Collection[str]) -> list[str]:
    """The copies in AWS Backup of these resources, in whichever vault."""
    backup = session.client("backup")
    return [
        str(point["RecoveryPointArn"])
        for arn in arns
        for page in backup.get_paginator("list_recovery_points_by_resource").paginate(
            ResourceArn=arn
        )
        for point in page["RecoveryPoints"]
    ]


def _all(session: Any, kind: Kind) -> list[dict[str, Any]]:
    client = session.client(kind.service)
    if client.can_paginate(kind.operation):
        pages = client.get_paginator(kind.operation).paginate(**kind.only)
    else:
        pages = [getattr(client, kind.operation)(**kind.only)]
    found = list(pages)
    for name in kind.items:
        found = [one for answer in found for one in answer[name]]
    return found


def _is_of(item: Mapping[str, Any], stack: str, had: Collection[str]) -> bool:
    if item.get("State") == {"Code": 48, "Name": "terminated"}:
        return False
    tags = item.get("Tags") or []
    if any((tag.get("Key"), tag.get("Value")) == ("geusemaker:stack", stack) for tag in tags):
        return True
    return any(isinstance(value, str) and value in had for value in item.values())
