"""What is alive in the simulated account: the proof that a removal left nothing."""

from collections.abc import Iterator

from .account import Account
from .backends import backend_of
from .resources import backups


def alive(account: Account) -> list[dict[str, str]]:
    """All of the account's Region, and of what no Region holds, beyond what a new account has."""
    return [
        {"type": kind, "id": id_}
        for part in (_ec2, _efs, _ssm, _backup, _s3, _route53, _iam)
        for kind, id_ in part(account)
    ]


def _ec2(account: Account) -> Iterator[tuple[str, str]]:
    backend = backend_of(account.region)
    default = {vpc.id for vpc in backend.vpcs.values() if vpc.is_default}
    for vpc in backend.vpcs.values():
        if vpc.id not in default:
            yield "vpc", vpc.id
    for zone in backend.subnets.values():
        for subnet in zone.values():
            if subnet.vpc_id not in default:
                yield "subnet", subnet.id
    for gateway in backend.internet_gateways.values():
        yield "internet gateway", gateway.id
    for table in backend.route_tables.values():
        if table.vpc_id not in default:
            yield "route table", table.id
    for groups in backend.groups.values():
        for group in groups.values():
            if group.vpc_id not in default or group.name != "default":
                yield "security group", group.id
    for address in backend.addresses:
        yield "elastic ip", address.allocation_id
    for volume in backend.volumes.values():
        yield "volume", volume.id
    for reservation in backend.reservations.values():
        for instance in reservation.instances:
            if instance.state != "terminated":
                yield "instance", instance.id


def _efs(account: Account) -> Iterator[tuple[str, str]]:
    for system in account.call("reading", "efs", "describe_file_systems")["FileSystems"]:
        yield "file system", system["FileSystemId"]


def _ssm(account: Account) -> Iterator[tuple[str, str]]:
    pages = account.client("ssm").get_paginator("describe_parameters").paginate()
    for page in pages:
        for parameter in page["Parameters"]:
            yield "parameter", parameter["Name"]


def _backup(account: Account) -> Iterator[tuple[str, str]]:
    backend = backups.backend_of(account)
    for vault in backend.vaults.values():
        yield "backup vault", vault.backup_vault_name
        if vault.num_of_recovery_points:
            count = vault.num_of_recovery_points
            yield "recovery points", f"{count} in {vault.backup_vault_name}"
    for plan in account.call("reading", "backup", "list_backup_plans")["BackupPlansList"]:
        yield "backup plan", plan["BackupPlanId"]
    for id_ in backups.selections_of(account):
        yield "backup selection", id_


def _s3(account: Account) -> Iterator[tuple[str, str]]:
    """Buckets of every Region, for S3 lists them so; what is in one is named with it."""
    for bucket in account.call("reading", "s3", "list_buckets")["Buckets"]:
        yield "bucket", bucket["Name"]


def _route53(account: Account) -> Iterator[tuple[str, str]]:
    """Zones too: nothing here makes one, so somebody who did sees it."""
    for zone in account.call("reading", "route53", "list_hosted_zones")["HostedZones"]:
        yield "hosted zone", zone["Id"].rpartition("/")[2]
        sets = account.call(
            "reading", "route53", "list_resource_record_sets", HostedZoneId=zone["Id"]
        )["ResourceRecordSets"]
        for record in sets:
            if record["Type"] not in ("NS", "SOA"):
                yield "dns record", f"{record['Name']} {record['Type']}"


def _iam(account: Account) -> Iterator[tuple[str, str]]:
    for role in account.call("reading", "iam", "list_roles")["Roles"]:
        yield "role", role["RoleName"]
    for profile in account.call("reading", "iam", "list_instance_profiles")["InstanceProfiles"]:
        yield "instance profile", profile["InstanceProfileName"]
