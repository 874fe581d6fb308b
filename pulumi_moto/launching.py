"""How an instance of a launch template is run: moto takes only a part of the template."""

from typing import Any

from moto.core.types import Base64EncodedString
from moto.ec2.models.launch_templates import LaunchTemplateVersion


def groups_of(data: dict[str, Any]) -> list[str]:
    """The security groups that a template names, itself or for its first network interface."""
    return list(data.get("SecurityGroupIds") or first_interface(data).get("Groups") or [])


def first_interface(data: dict[str, Any]) -> dict[str, Any]:
    """The network interface that a template describes first."""
    return next(iter(data.get("NetworkInterfaces") or []), {})


def root_of(data: dict[str, Any], device: str) -> dict[str, Any]:
    """What a template says of the volume at a device."""
    mappings = data.get("BlockDeviceMappings") or []
    return next((one["Ebs"] for one in mappings if one.get("DeviceName") == device), {})


def run(
    ec2: Any,
    version: LaunchTemplateVersion,
    type_: str,
    subnet: str,
    tags: dict[str, str],
    spot: bool,
) -> Any:
    """RunInstances for one instance of a version, as Auto Scaling calls it; moto's instance."""
    data, image = version.data, ec2.amis[version.image_id]
    (shipped,) = image.block_device_mappings
    root = {**shipped["Ebs"], **root_of(data, shipped["DeviceName"])}
    specified = {
        one["ResourceType"]: {tag["Key"]: tag["Value"] for tag in one["Tags"]}
        for one in data.get("TagSpecifications") or []
    }
    template = {
        "aws:ec2launchtemplate:id": version.template.id,
        "aws:ec2launchtemplate:version": str(version.number),
    }
    user_data = data.get("UserData")
    (instance,) = ec2.run_instances(
        version.image_id,
        1,
        Base64EncodedString(str(user_data)) if user_data else None,
        [],
        security_group_ids=groups_of(data),
        instance_type=type_,
        is_instance_type_default=False,
        region_name=ec2.region_name,
        subnet_id=subnet,
        associate_public_ip=first_interface(data).get("AssociatePublicIpAddress"),
        block_device_mappings=[{"DeviceName": shipped["DeviceName"], "Ebs": root}],
        metadata_options=data.get("MetadataOptions") or {},
        instance_market_options="spot" if spot else None,
        tags={
            "instance": {**specified.get("instance", {}), **template, **tags},
            "volume": specified.get("volume", {}),
        },
    ).instances
    for interface in instance.nics.values():
        interface._group_set = list(instance.security_groups)
        interface.delete_on_termination = True  # as AWS's is
    if profile := data.get("IamInstanceProfile"):
        name = profile.get("Name") or profile["Arn"].rpartition("/")[2]
        ec2.associate_iam_instance_profile(instance.id, iam_instance_profile_name=name)
    return instance
