"""How an instance is asked for, and what RunInstances refuses and moto lets through."""

import base64
from collections.abc import Mapping
from typing import Any, Final

from pulumi_moto import quotas
from pulumi_moto.account import Account, AwsError

from .support import filters

USER_DATA_LIMIT: Final = 16_384  # bytes before base64, enforced by RunInstances


def refuse_launch(account: Account, action: str, inputs: Mapping[str, Any], data: bytes) -> None:
    """Raise what RunInstances would answer, if it would not launch."""

    def refuse(code: str, message: str) -> Exception:
        return account.refuse(action, "EC2", "RunInstances", code, message)

    if len(data) > USER_DATA_LIMIT:
        raise refuse("InvalidParameterValue", "User data is limited to 16384 bytes")
    image = image_of(account, inputs["ami"])
    if image["State"] != "available":
        raise refuse(
            "InvalidAMIID.Unavailable", f"The image id '[{inputs['ami']}]' is not available"
        )
    try:
        architectures = architectures_of(account, inputs["instanceType"])
    except AwsError as unknown:
        raise refuse(
            "InvalidParameterValue", f"Invalid value '{inputs['instanceType']}' for InstanceType."
        ) from unknown
    if image["Architecture"] not in architectures:
        raise refuse(
            "InvalidParameterValue",
            f"The architecture '{','.join(sorted(architectures))}' of the specified instance "
            f"type does not match the architecture '{image['Architecture']}' of the specified "
            "AMI. Specify an instance type and an AMI that have matching architectures, and "
            "try again. You can use 'describe-instance-types' or 'describe-images' to discover "
            "the architecture of the instance type or AMI.",
        )
    smallest = root_gib(image)
    size = (inputs.get("rootBlockDevice") or {}).get("volumeSize")
    if size is not None and size < smallest:
        raise refuse(
            "InvalidBlockDeviceMapping",
            f"Volume of size {size}GB is smaller than snapshot "
            f"'{image['BlockDeviceMappings'][0]['Ebs']['SnapshotId']}', "
            f"expect size >= {smallest}GB",
        )
    subnet = account.call(action, "ec2", "describe_subnets", SubnetIds=[inputs["subnetId"]])[
        "Subnets"
    ][0]
    zone = subnet["AvailabilityZone"]
    offered = account.call(
        action,
        "ec2",
        "describe_instance_type_offerings",
        LocationType="availability-zone",
        Filters=filters({"instance-type": inputs["instanceType"], "location": zone}),
    )["InstanceTypeOfferings"]
    if not offered:
        raise refuse(
            "Unsupported",
            f"Your requested instance type ({inputs['instanceType']}) is not supported in "
            f"your requested Availability Zone ({zone}).",
        )
    groups = account.call(
        action, "ec2", "describe_security_groups", GroupIds=inputs["vpcSecurityGroupIds"]
    )["SecurityGroups"]
    if any(group["VpcId"] != subnet["VpcId"] for group in groups):
        raise refuse(
            "InvalidGroup.NotFound",
            f"The security group does not exist in VPC '{subnet['VpcId']}'",
        )
    account.call(
        action,
        "iam",
        "get_instance_profile",
        InstanceProfileName=inputs["iamInstanceProfile"],
    )
    if why := quotas.over(account.region, inputs["instanceType"]):
        raise refuse(quotas.OVER, why)


def decoded(inputs: Mapping[str, Any]) -> bytes:
    return base64.b64decode(inputs.get("userDataBase64") or "")


def image_of(account: Account, id_: str) -> dict[str, Any]:
    found: dict[str, Any] = account.call(
        "creating EC2 Instance", "ec2", "describe_images", ImageIds=[id_]
    )["Images"][0]
    return found


def root_gib(image: Mapping[str, Any]) -> int:
    for mapping in image["BlockDeviceMappings"]:
        if mapping["DeviceName"] == image["RootDeviceName"]:
            return int(mapping["Ebs"]["VolumeSize"])
    return 0


def architectures_of(account: Account, instance_type: str) -> set[str]:
    return set(account.instance_type(instance_type)["ProcessorInfo"]["SupportedArchitectures"])


def performance(root: Mapping[str, Any]) -> dict[str, Any]:
    """Size and speed of a root volume in the form of EC2's calls."""
    wanted = {"VolumeSize": root.get("volumeSize"), "VolumeType": root.get("volumeType", "gp3")}
    if wanted["VolumeType"] == "gp3":
        wanted |= {"Iops": root.get("iops"), "Throughput": root.get("throughput")}
    return {key: value for key, value in wanted.items() if value is not None}


def metadata_options(options: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "HttpEndpoint": options.get("httpEndpoint", "enabled"),
        "HttpTokens": options.get("httpTokens", "required"),
        "HttpPutResponseHopLimit": options.get("httpPutResponseHopLimit", 1),
        "HttpProtocolIpv6": options.get("httpProtocolIpv6", "disabled"),
        "InstanceMetadataTags": options.get("instanceMetadataTags", "disabled"),
    }
