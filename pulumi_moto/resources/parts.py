"""What belongs to an instance: its groups, profile, root volume and address."""

from collections.abc import Mapping, Sequence
from typing import Any

from pulumi_moto.account import Account
from pulumi_moto.backends import backend_of

from .support import filters


def set_groups(account: Account, id_: str, group_ids: Sequence[str]) -> None:
    """Put the groups on the instance and its interface, for moto joins what the two have."""
    backend = backend_of(account.region)
    instance = backend.modify_instance_security_groups(id_, list(group_ids))
    for interface in instance.nics.values():
        interface._group_set = list(instance.security_groups)


def profile_association(account: Account, action: str, id_: str) -> dict[str, Any]:
    found: dict[str, Any] = account.call(
        action,
        "ec2",
        "describe_iam_instance_profile_associations",
        Filters=filters({"instance-id": id_}),
    )["IamInstanceProfileAssociations"][0]
    return found


def root_volume(account: Account, id_: str) -> dict[str, Any]:
    instance = account.call(
        f"reading EC2 Instance ({id_})", "ec2", "describe_instances", InstanceIds=[id_]
    )["Reservations"][0]["Instances"][0]
    mapping = next(
        m for m in instance["BlockDeviceMappings"] if m["DeviceName"] == instance["RootDeviceName"]
    )
    found: dict[str, Any] = account.call(
        f"reading EC2 Instance ({id_})",
        "ec2",
        "describe_volumes",
        VolumeIds=[mapping["Ebs"]["VolumeId"]],
    )["Volumes"][0]
    return found


def other_disks(account: Account, instance: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The volumes of an instance but its root, as the provider lists them."""
    devices = {
        mapping["Ebs"]["VolumeId"]: mapping["DeviceName"]
        for mapping in instance["BlockDeviceMappings"]
        if mapping["DeviceName"] != instance["RootDeviceName"]
    }
    if not devices:
        return []
    volumes = account.call(
        "reading EC2 Instance", "ec2", "describe_volumes", VolumeIds=list(devices)
    )["Volumes"]
    return [
        {
            "deviceName": devices[volume["VolumeId"]],
            "volumeId": volume["VolumeId"],
            "volumeSize": volume["Size"],
            "volumeType": volume["VolumeType"],
            "encrypted": volume["Encrypted"],
            "deleteOnTermination": False,
        }
        for volume in volumes
    ]


def public_address(account: Account, instance: Mapping[str, Any]) -> str:
    """The instance's public IPv4 address: an Elastic IP first, else the one it was given."""
    addresses = account.call(
        "reading EC2 Instance",
        "ec2",
        "describe_addresses",
        Filters=filters({"instance-id": instance["InstanceId"]}),
    )["Addresses"]
    if addresses:
        return str(addresses[0]["PublicIp"])
    # A stopped instance has given its own address back; moto keeps showing it.
    running = instance["State"]["Name"] in ("pending", "running")
    return str(instance.get("PublicIpAddress", "")) if running else ""


def public_choice(account: Account, action: str, inputs: Mapping[str, Any]) -> bool:
    """Whether an instance gets a public address: as asked, else as its subnet does."""
    asked = inputs.get("associatePublicIpAddress")
    if asked is not None:
        return bool(asked)
    subnet = account.call(action, "ec2", "describe_subnets", SubnetIds=[inputs["subnetId"]])
    return bool(subnet["Subnets"][0]["MapPublicIpOnLaunch"])


def set_credits(account: Account, id_: str, wanted: str | None) -> None:
    """Keep how a burstable instance pays for its bursts; moto has no room for it."""
    backend_of(account.region).get_instance(id_).cpu_credits = wanted


def cpu_credits(account: Account, id_: str, instance_type: str) -> str | None:
    """`standard` or `unlimited`; None for a type that does not burst."""
    if not account.instance_type(instance_type).get("BurstablePerformanceSupported"):
        return None
    chosen: str | None = getattr(backend_of(account.region).get_instance(id_), "cpu_credits", None)
    return chosen or ("standard" if instance_type.startswith("t2.") else "unlimited")
