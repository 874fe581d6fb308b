"""What is alive in the simulated account: the proof that `down` left nothing."""

from collections.abc import Iterator

from .account import Account
from .images import backend_of


def alive(account: Account) -> list[dict[str, str]]:
    """All of the account's Region, of EFS and of IAM, beyond what a new account holds."""
    return [
        {"type": kind, "id": id_} for kind, id_ in (*_ec2(account), *_efs(account), *_iam(account))
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


def _iam(account: Account) -> Iterator[tuple[str, str]]:
    for role in account.call("reading", "iam", "list_roles")["Roles"]:
        yield "role", role["RoleName"]
    for profile in account.call("reading", "iam", "list_instance_profiles")["InstanceProfiles"]:
        yield "instance profile", profile["InstanceProfileName"]
