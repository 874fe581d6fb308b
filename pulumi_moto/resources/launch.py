"""How an instance is requested, and what RunInstances refuses and moto lets through."""

import base64
from collections.abc import Sequence
from typing import Any, Final

from pulumi_moto import quotas
from pulumi_moto.account import Account, AwsError
from pulumi_moto.launching import groups_of, root_of
from pulumi_moto.planning import Values

from .support import filters, given

USER_DATA_LIMIT: Final = 16_384  # bytes before base64, enforced by RunInstances


def refuse_launch(account: Account, inputs: Values, data: bytes) -> None:
    """Raises the error of RunInstances for a launch that is wrong wherever it is tried."""

    def refuse(code: str, message: str) -> AwsError:
        return account.ec2.refuse("RunInstances", code, message)

    if len(data) > USER_DATA_LIMIT:
        raise refuse("InvalidParameterValue", "User data is limited to 16384 bytes")
    image, type_ = image_of(account, inputs["ami"]), inputs["instanceType"]
    if image["State"] != "available":
        why = f"The image id '[{inputs['ami']}]' is not available"
        raise refuse("InvalidAMIID.Unavailable", why)
    try:
        architectures = architectures_of(account, type_)
    except AwsError as unknown:
        why = f"Invalid value '{type_}' for InstanceType."
        raise refuse("InvalidParameterValue", why) from unknown
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
    subnet = account.ec2.describe_subnets(SubnetIds=[inputs["subnetId"]])["Subnets"][0]
    groups = account.ec2.describe_security_groups(GroupIds=inputs["vpcSecurityGroupIds"])
    if any(group["VpcId"] != subnet["VpcId"] for group in groups["SecurityGroups"]):
        why = f"The security group does not exist in VPC '{subnet['VpcId']}'"
        raise refuse("InvalidGroup.NotFound", why)
    if profile := inputs["iamInstanceProfile"]:
        account.iam.get_instance_profile(InstanceProfileName=profile)


def refuse_place(account: Account, inputs: Values) -> None:
    """Raises the error of RunInstances where the zone or the quota has no room for the type."""

    def refuse(code: str, message: str) -> AwsError:
        return account.ec2.refuse("RunInstances", code, message)

    type_ = inputs["instanceType"]
    subnet = account.ec2.describe_subnets(SubnetIds=[inputs["subnetId"]])["Subnets"][0]
    zone = subnet["AvailabilityZone"]
    if not account.ec2.describe_instance_type_offerings(
        LocationType="availability-zone",
        Filters=filters({"instance-type": type_, "location": zone}),
    )["InstanceTypeOfferings"]:
        raise refuse(
            "Unsupported",
            f"Your requested instance type ({type_}) is not supported in "
            f"your requested Availability Zone ({zone}).",
        )
    if over := quotas.over(account.region, type_):
        raise refuse(quotas.OVER, over)


def refuse_template(account: Account, operation: str, sent: Values, subnets: Sequence[str]) -> None:
    """Raises Auto Scaling's error for a template that nothing can be launched from.

    Args:
        operation: Of Auto Scaling, such as "CreateAutoScalingGroup".
        sent: What names the template, as it is sent.
        subnets: Where it is launched.
    """

    def refuse(message: str) -> AwsError:
        return account.autoscaling.refuse(operation, "ValidationError", message)

    mixed = sent.get("MixedInstancesPolicy", {}).get("LaunchTemplate")
    named = mixed["LaunchTemplateSpecification"] if mixed else sent["LaunchTemplate"]
    broken = "You must use a valid fully-formed launch template. "
    try:
        account.ec2.describe_subnets(SubnetIds=list(subnets))
    except AwsError as unknown:
        raise refuse(unknown.message) from unknown
    try:
        (version,) = account.ec2.describe_launch_template_versions(
            Versions=[named.get("Version", "$Default")],
            **{key: value for key, value in named.items() if key != "Version"},
        )["LaunchTemplateVersions"]
        data = version["LaunchTemplateData"]
        if mixed and data.get("InstanceMarketOptions"):
            raise refuse(
                "Incompatible launch template: You cannot use a launch template that is set to "
                "request Spot Instances (InstanceMarketOptions) when you configure an Auto Scaling "
                "group with a mixed instances policy."
            )
        types = [one["InstanceType"] for one in (mixed or {}).get("Overrides") or []]
        type_ = next(iter(types), data.get("InstanceType"))
        for needed, value in (("ImageId", data.get("ImageId")), ("InstanceType", type_)):
            if not value:
                raise refuse(f"{broken}The request must contain the parameter {needed}")
        profile = data.get("IamInstanceProfile") or {}
        root = root_of(data, image_of(account, data["ImageId"])["RootDeviceName"])
        launch = {
            "ami": data["ImageId"],
            "instanceType": type_,
            "subnetId": subnets[0],
            "vpcSecurityGroupIds": groups_of(data),
            "iamInstanceProfile": profile.get("Name") or profile.get("Arn", "").rpartition("/")[2],
            "rootBlockDevice": given(volumeSize=root.get("VolumeSize")),
        }
        refuse_launch(account, launch, base64.b64decode(data.get("UserData") or ""))
    except AwsError as wrong:
        if wrong.code == "ValidationError":
            raise
        if wrong.code == "NoSuchEntity":
            name = launch["iamInstanceProfile"]
            invalid = f"Value ({name}) for parameter iamInstanceProfile.name is invalid. "
            raise refuse(broken + invalid + "Invalid IAM Instance Profile name") from wrong
        raise refuse(broken + wrong.message) from wrong


def image_of(account: Account, id_: str) -> Any:
    return account.ec2.describe_images(ImageIds=[id_])["Images"][0]


def root_gib(image: Values) -> int:
    for mapping in image["BlockDeviceMappings"]:
        if mapping["DeviceName"] == image["RootDeviceName"]:
            return int(mapping["Ebs"]["VolumeSize"])
    return 0


def architectures_of(account: Account, instance_type: str) -> set[str]:
    return set(account.instance_type(instance_type)["ProcessorInfo"]["SupportedArchitectures"])


def performance(root: Values) -> dict[str, Any]:
    """Size and speed of a root volume in the form of EC2's calls."""
    wanted = {"VolumeSize": root.get("volumeSize"), "VolumeType": root.get("volumeType", "gp3")}
    if wanted["VolumeType"] == "gp3":
        wanted |= {"Iops": root.get("iops"), "Throughput": root.get("throughput")}
    return {key: value for key, value in wanted.items() if value is not None}


def metadata_options(options: Values) -> dict[str, Any]:
    return {
        "HttpEndpoint": options.get("httpEndpoint", "enabled"),
        "HttpTokens": options.get("httpTokens", "required"),
        "HttpPutResponseHopLimit": options.get("httpPutResponseHopLimit", 1),
        "HttpProtocolIpv6": options.get("httpProtocolIpv6", "disabled"),
        "InstanceMetadataTags": options.get("instanceMetadataTags", "disabled"),
    }
