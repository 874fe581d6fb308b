"""What belongs to an instance: its groups, profile, root volume and address."""

from collections.abc import Sequence
from typing import Any

from pulumi_moto.account import Account
from pulumi_moto.backends import backend_of
from pulumi_moto.planning import Values

from .support import filters


def instance_of(account: Account, id_: str) -> Any:
    """An instance as EC2 describes it."""
    answer = account.ec2.describe_instances(InstanceIds=[id_])
    return answer["Reservations"][0]["Instances"][0]


def set_groups(account: Account, id_: str, group_ids: Sequence[str]) -> None:
    """Put the groups on the instance and its interface, for moto joins what the two have."""
    backend = backend_of(account.region)
    instance = backend.modify_instance_security_groups(id_, list(group_ids))
    for interface in instance.nics.values():
        interface._group_set = list(instance.security_groups)


def profile_association(account: Account, id_: str) -> Any:
    """The association of an instance with its profile."""
    answer = account.ec2.describe_iam_instance_profile_associations(
        Filters=filters({"instance-id": id_})
    )
    return answer["IamInstanceProfileAssociations"][0]


def root_volume(account: Account, instance: Values) -> Any:
    """The root volume of a described instance."""
    mappings, root = instance["BlockDeviceMappings"], instance["RootDeviceName"]
    id_ = next(one["Ebs"]["VolumeId"] for one in mappings if one["DeviceName"] == root)
    return account.ec2.describe_volumes(VolumeIds=[id_])["Volumes"][0]


def other_disks(account: Account, instance: Values) -> list[dict[str, Any]]:
    """The volumes of an instance but its root, as the provider lists them."""
    devices = {
        mapping["Ebs"]["VolumeId"]: mapping["DeviceName"]
        for mapping in instance["BlockDeviceMappings"]
        if mapping["DeviceName"] != instance["RootDeviceName"]
    }
    if not devices:
        return []
    return [
        {
            "deviceName": devices[volume["VolumeId"]],
            "volumeId": volume["VolumeId"],
            "volumeSize": volume["Size"],
            "volumeType": volume["VolumeType"],
            "encrypted": volume["Encrypted"],
            "deleteOnTermination": False,
        }
        for volume in account.ec2.describe_volumes(VolumeIds=list(devices))["Volumes"]
    ]


def public_address(account: Account, instance: Values) -> str:
    """The instance's public IPv4 address: an Elastic IP first, else the one it was given."""
    own = filters({"instance-id": instance["InstanceId"]})
    if addresses := account.ec2.describe_addresses(Filters=own)["Addresses"]:
        return str(addresses[0]["PublicIp"])
    # A stopped instance has given its own address back; moto keeps showing it.
    running = instance["State"]["Name"] in ("pending", "running")
    return str(instance.get("PublicIpAddress", "")) if running else ""


def public_choice(account: Account, inputs: Values) -> bool:
    """Whether an instance gets a public address: as requested, else as its subnet does."""
    requested = inputs.get("associatePublicIpAddress")
    if requested is not None:
        return bool(requested)
    subnet = account.ec2.describe_subnets(SubnetIds=[inputs["subnetId"]])["Subnets"][0]
    return bool(subnet["MapPublicIpOnLaunch"])


def set_credits(account: Account, id_: str, wanted: str | None) -> None:
    """Keep how a burstable instance pays for its bursts; moto has no room for it."""
    backend_of(account.region).get_instance(id_).cpu_credits = wanted


def cpu_credits(account: Account, id_: str, instance_type: str) -> str | None:
    """`standard` or `unlimited`; None for a type that does not burst."""
    if not account.instance_type(instance_type).get("BurstablePerformanceSupported"):
        return None
    chosen: str | None = getattr(backend_of(account.region).get_instance(id_), "cpu_credits", None)
    return chosen or ("standard" if instance_type.startswith("t2.") else "unlimited")
