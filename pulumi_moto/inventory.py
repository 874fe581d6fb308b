"""What is alive in the simulated account: the proof that a removal left nothing."""

from collections.abc import Iterator
from typing import Any, Final

from .account import Account
from .resources import backups
from .resources.support import filters

_LISTED: Final = (
    ("vpc", "ec2", "describe_vpcs", "Vpcs", "VpcId"),
    ("subnet", "ec2", "describe_subnets", "Subnets", "SubnetId"),
    (
        "internet gateway",
        "ec2",
        "describe_internet_gateways",
        "InternetGateways",
        "InternetGatewayId",
    ),
    ("route table", "ec2", "describe_route_tables", "RouteTables", "RouteTableId"),
    ("security group", "ec2", "describe_security_groups", "SecurityGroups", "GroupId"),
    ("elastic ip", "ec2", "describe_addresses", "Addresses", "AllocationId"),
    ("launch template", "ec2", "describe_launch_templates", "LaunchTemplates", "LaunchTemplateId"),
    (
        "auto scaling group",
        "autoscaling",
        "describe_auto_scaling_groups",
        "AutoScalingGroups",
        "AutoScalingGroupName",
    ),
    ("alarm", "cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    ("volume", "ec2", "describe_volumes", "Volumes", "VolumeId"),
    ("file system", "efs", "describe_file_systems", "FileSystems", "FileSystemId"),
    ("backup vault", "backup", "list_backup_vaults", "BackupVaultList", "BackupVaultName"),
    ("backup plan", "backup", "list_backup_plans", "BackupPlansList", "BackupPlanId"),
    ("bucket", "s3", "list_buckets", "Buckets", "Name"),
    ("role", "iam", "list_roles", "Roles", "RoleName"),
    (
        "instance profile",
        "iam",
        "list_instance_profiles",
        "InstanceProfiles",
        "InstanceProfileName",
    ),
)
"""What each call of AWS lists: its name here, service, operation, part of the answer, its id."""


def alive(account: Account) -> list[dict[str, str]]:
    """All of the account's Region, and of what no Region holds, beyond what a new account has."""
    own = filters({"is-default": "true"})
    default = {vpc["VpcId"] for vpc in account.ec2.describe_vpcs(Filters=own)["Vpcs"]}
    found = [
        (kind, item[key])
        for kind, service, operation, part, key in _LISTED
        for item in account.call(service, operation)[part]
        if not _is_of_a_new_account(item, default)
    ]
    for others in (_instances, _parameters, _backups, _records):
        found += others(account)
    return [{"type": kind, "id": id_} for kind, id_ in found]


def _is_of_a_new_account(item: dict[str, Any], default: set[str]) -> bool:
    """Whether it came with a default VPC, or is a service's own role, which AWS keeps."""
    if str(item.get("Path")).startswith("/aws-service-role/"):
        return True
    # A group that is not the default one did not come with the VPC.
    return item.get("VpcId") in default and item.get("GroupName", "default") == "default"


def _instances(account: Account) -> Iterator[tuple[str, str]]:
    for reservation in account.ec2.describe_instances()["Reservations"]:
        for instance in reservation["Instances"]:
            if instance["State"]["Name"] != "terminated":
                yield "instance", instance["InstanceId"]


def _parameters(account: Account) -> Iterator[tuple[str, str]]:
    for page in account.client("ssm").get_paginator("describe_parameters").paginate():
        for parameter in page["Parameters"]:
            yield "parameter", parameter["Name"]


def _backups(account: Account) -> Iterator[tuple[str, str]]:
    for vault in backups.backend_of(account).vaults.values():
        if count := vault.num_of_recovery_points:
            yield "recovery points", f"{count} in {vault.backup_vault_name}"
    for id_ in backups.selections_of(account):
        yield "backup selection", id_


def _records(account: Account) -> Iterator[tuple[str, str]]:
    """Zones, and what is in them."""
    for zone in account.route53.list_hosted_zones()["HostedZones"]:
        yield "hosted zone", zone["Id"].rpartition("/")[2]
        sets = account.route53.list_resource_record_sets(HostedZoneId=zone["Id"])
        for record in sets["ResourceRecordSets"]:
            if record["Type"] not in ("NS", "SOA"):
                yield "dns record", f"{record['Name']} {record['Type']}"
