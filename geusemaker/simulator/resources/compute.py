"""EC2 instances."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ..account import Account, gone_is_fine
from ..images import backend_of
from ..resource import all_tags
from ..schema import Problem
from .support import Ec2Resource, filters, own_tags

USER_DATA_LIMIT: Final = 16_384  # bytes before base64, enforced by RunInstances

_STOPPING: Final = frozenset({"instanceType", "userData", "userDataBase64"})


class Instance(Ec2Resource):
    token = "aws:ec2/instance:Instance"
    kind = "instance"
    replace_on = frozenset(
        {
            "ami",
            "subnetId",
            "availabilityZone",
            "keyName",
            "privateIp",
            "associatePublicIpAddress",
            "tenancy",
            "ebsOptimized",
            "hibernation",
            "rootBlockDevice.encrypted",
            "rootBlockDevice.kmsKeyId",
        }
    )
    defaults = {
        "sourceDestCheck": True,
        "getPasswordData": False,
        "forceDestroy": False,
        "userDataReplaceOnChange": False,
        "rootBlockDevice": {"deleteOnTermination": True},
        "metadataOptions": {"httpEndpoint": "enabled", "httpProtocolIpv6": "disabled"},
    }
    computed = frozenset(
        {
            "arn",
            "instanceState",
            "primaryNetworkInterfaceId",
            "privateDns",
            "publicDns",
            "publicIp",
            "outpostArn",
            "passwordData",
            "instanceLifecycle",
        }
    )
    optional_computed = frozenset(
        {
            "ami",
            "associatePublicIpAddress",
            "availabilityZone",
            "creditSpecification",
            "ebsBlockDevices",
            "ebsOptimized",
            "iamInstanceProfile",
            "instanceType",
            "keyName",
            "metadataOptions",
            "monitoring",
            "privateIp",
            "rootBlockDevice",
            "securityGroups",
            "subnetId",
            "tenancy",
            "userData",
            "userDataBase64",
            "vpcSecurityGroupIds",
        }
    )
    unordered = frozenset({"vpcSecurityGroupIds", "securityGroups"})

    _simulated: Final = frozenset(
        {
            "ami",
            "associatePublicIpAddress",
            "creditSpecification",
            "forceDestroy",
            "getPasswordData",
            "iamInstanceProfile",
            "instanceType",
            "metadataOptions",
            "monitoring",
            "region",
            "rootBlockDevice",
            "sourceDestCheck",
            "subnetId",
            "tags",
            "userDataBase64",
            "userDataReplaceOnChange",
            "vpcSecurityGroupIds",
        }
    )

    def extra_problems(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        for key in sorted(inputs.keys() - self._simulated):
            if inputs[key] is not None:
                yield Problem(key, "declared by AWS, but not simulated yet")
        data = inputs.get("userDataBase64")
        if isinstance(data, str):
            try:
                base64.b64decode(data, validate=True)
            except binascii.Error:
                yield Problem("userDataBase64", "expected valid base64")
        if inputs.get("vpcSecurityGroupIds") == []:
            yield Problem("vpcSecurityGroupIds", "an instance needs at least one security group")

    def replaces(
        self, account: Account, path: str, state: Mapping[str, Any], inputs: Mapping[str, Any]
    ) -> bool:
        if path == "userDataBase64":
            return bool(inputs.get("userDataReplaceOnChange"))
        if path == "instanceType":
            old, new = state.get("instanceType"), inputs.get("instanceType")
            if isinstance(old, str) and isinstance(new, str):
                return not (_architectures(account, old) & _architectures(account, new))
            return False
        return super().replaces(account, path, state, inputs)

    def unknown_after_update(self, changed: frozenset[str]) -> frozenset[str]:
        return frozenset({"publicIp", "publicDns"}) if changed & _STOPPING else frozenset()

    def create(self, account: Account, inputs: Mapping[str, Any]) -> str:
        action = "creating EC2 Instance"
        data = _decoded(inputs)
        self._refuse(account, action, inputs, data)
        root = inputs.get("rootBlockDevice") or {}
        image = _image(account, inputs["ami"])
        made = account.call(
            action,
            "ec2",
            "run_instances",
            ImageId=inputs["ami"],
            InstanceType=inputs["instanceType"],
            MinCount=1,
            MaxCount=1,
            UserData=data,
            IamInstanceProfile={"Name": inputs["iamInstanceProfile"]},
            MetadataOptions=_metadata(inputs),
            NetworkInterfaces=[
                {
                    "DeviceIndex": 0,
                    "SubnetId": inputs["subnetId"],
                    "Groups": inputs["vpcSecurityGroupIds"],
                    "AssociatePublicIpAddress": bool(inputs.get("associatePublicIpAddress")),
                }
            ],
            BlockDeviceMappings=[
                {
                    "DeviceName": image["RootDeviceName"],
                    "Ebs": {
                        "VolumeSize": root.get("volumeSize") or _root_gib(image),
                        "VolumeType": root.get("volumeType", "gp3"),
                        "Encrypted": bool(root.get("encrypted")),
                        "DeleteOnTermination": root.get("deleteOnTermination", True),
                        **({"KmsKeyId": root["kmsKeyId"]} if root.get("kmsKeyId") else {}),
                    },
                }
            ],
            TagSpecifications=self.tag_specifications(account, inputs),
        )
        instance = made["Instances"][0]
        id_ = str(instance["InstanceId"])
        # moto puts groups given per interface on the interface only.
        backend_of(account.region).modify_instance_security_groups(
            id_, list(inputs["vpcSecurityGroupIds"])
        )
        self._tag_root(account, id_, root)
        return id_

    def _refuse(
        self, account: Account, action: str, inputs: Mapping[str, Any], data: bytes
    ) -> None:
        """What RunInstances refuses and moto lets through."""

        def refuse(code: str, message: str) -> Exception:
            return account.refuse(action, "EC2", "RunInstances", code, message)

        if len(data) > USER_DATA_LIMIT:
            raise refuse("InvalidParameterValue", "User data is limited to 16384 bytes")
        image = _image(account, inputs["ami"])
        if image["State"] != "available":
            raise refuse(
                "InvalidAMIID.Unavailable", f"The image id '[{inputs['ami']}]' is not available"
            )
        architectures = _architectures(account, inputs["instanceType"])
        if image["Architecture"] not in architectures:
            raise refuse(
                "InvalidParameterValue",
                f"The architecture '{','.join(sorted(architectures))}' of the specified instance "
                f"type does not match the architecture '{image['Architecture']}' of the specified "
                "AMI. Specify an instance type and an AMI that have matching architectures, and "
                "try again. You can use 'describe-instance-types' or 'describe-images' to discover "
                "the architecture of the instance type or AMI.",
            )
        smallest = _root_gib(image)
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

    def _tag_root(self, account: Account, id_: str, root: Mapping[str, Any]) -> None:
        tags = all_tags(account, root)
        if tags:
            account.call(
                f"tagging EC2 Instance ({id_}) volumes",
                "ec2",
                "create_tags",
                Resources=[_root_volume(account, id_)["VolumeId"]],
                Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
            )

    def read(self, account: Account, id_: str, state: Mapping[str, Any]) -> dict[str, Any] | None:
        found = self.described(account, "describe_instances", "Reservations", InstanceIds=[id_])
        if found is None:
            return None
        instance = found["Instances"][0]
        if instance["State"]["Name"] in ("terminated", "shutting-down"):
            return None
        interface = instance["NetworkInterfaces"][0]
        volume = _root_volume(account, id_)
        options = instance.get("MetadataOptions", {})
        data = account.call(
            f"reading EC2 Instance ({id_})",
            "ec2",
            "describe_instance_attribute",
            InstanceId=id_,
            Attribute="userData",
        )["UserData"].get("Value", "")
        profile = instance.get("IamInstanceProfile", {}).get("Arn", "")
        root_state = state.get("rootBlockDevice") or {}
        root_tags = {tag["Key"]: tag["Value"] for tag in volume.get("Tags", [])}
        address = _public_address(account, instance)
        return {
            "arn": account.arn("ec2", f"instance/{id_}"),
            "ami": instance["ImageId"],
            "instanceType": instance["InstanceType"],
            "instanceState": instance["State"]["Name"],
            "availabilityZone": instance["Placement"]["AvailabilityZone"],
            "subnetId": instance["SubnetId"],
            "vpcSecurityGroupIds": sorted(group["GroupId"] for group in interface["Groups"]),
            "securityGroups": [],
            "associatePublicIpAddress": bool(state.get("associatePublicIpAddress")),
            "iamInstanceProfile": profile.rpartition("/")[2],
            "primaryNetworkInterfaceId": interface["NetworkInterfaceId"],
            "privateIp": instance["PrivateIpAddress"],
            "privateDns": instance["PrivateDnsName"],
            "publicIp": address,
            "publicDns": f"ec2-{address.replace('.', '-')}.compute-1.amazonaws.com"
            if address
            else "",
            "keyName": instance.get("KeyName", ""),
            "monitoring": bool(state.get("monitoring")),
            "ebsOptimized": bool(instance.get("EbsOptimized")),
            "tenancy": instance["Placement"].get("Tenancy", "default"),
            "sourceDestCheck": instance.get("SourceDestCheck", True),
            "userDataBase64": data,
            "metadataOptions": {
                "httpEndpoint": options.get("HttpEndpoint", "enabled"),
                "httpProtocolIpv6": options.get("HttpProtocolIpv6", "disabled"),
                "httpPutResponseHopLimit": options.get("HttpPutResponseHopLimit", 1),
                "httpTokens": options.get("HttpTokens", "optional"),
                "instanceMetadataTags": options.get("InstanceMetadataTags", "disabled"),
            },
            "rootBlockDevice": {
                "deviceName": instance["RootDeviceName"],
                "volumeId": volume["VolumeId"],
                "volumeSize": volume["Size"],
                "volumeType": volume["VolumeType"],
                "encrypted": volume["Encrypted"],
                "deleteOnTermination": root_state.get("deleteOnTermination", True),
                **({"kmsKeyId": volume["KmsKeyId"]} if volume.get("KmsKeyId") else {}),
                "tags": {
                    key: value
                    for key, value in root_tags.items()
                    if key in (root_state.get("tags") or {})
                    or account.default_tags.get(key) != value
                },
            },
            "tags": own_tags(account, instance.get("Tags"), state),
        }

    def update(
        self,
        account: Account,
        id_: str,
        state: Mapping[str, Any],
        inputs: Mapping[str, Any],
        changed: frozenset[str],
    ) -> None:
        action = f"updating EC2 Instance ({id_})"
        backend = backend_of(account.region)
        if changed & _STOPPING:
            account.call(action, "ec2", "stop_instances", InstanceIds=[id_])
            if "instanceType" in changed:
                account.call(
                    action,
                    "ec2",
                    "modify_instance_attribute",
                    InstanceId=id_,
                    InstanceType={"Value": inputs["instanceType"]},
                )
            if "userDataBase64" in changed:
                # EC2 stores what it is given; moto wants the text encoded once more.
                account.call(
                    action,
                    "ec2",
                    "modify_instance_attribute",
                    InstanceId=id_,
                    UserData={"Value": base64.b64encode(inputs["userDataBase64"].encode())},
                )
            account.call(action, "ec2", "start_instances", InstanceIds=[id_])
        if "vpcSecurityGroupIds" in changed:
            backend.modify_instance_security_groups(id_, list(inputs["vpcSecurityGroupIds"]))
        if "metadataOptions" in changed:
            account.call(
                action,
                "ec2",
                "modify_instance_metadata_options",
                InstanceId=id_,
                **_metadata(inputs),
            )
        if "iamInstanceProfile" in changed:
            self._swap_profile(account, action, id_, inputs["iamInstanceProfile"])
        if "rootBlockDevice" in changed:
            self._change_root(account, action, id_, inputs["rootBlockDevice"])
        self.retag(account, id_, state, inputs)

    def _swap_profile(self, account: Account, action: str, id_: str, profile: str) -> None:
        current = account.call(
            action,
            "ec2",
            "describe_iam_instance_profile_associations",
            Filters=filters({"instance-id": id_}),
        )["IamInstanceProfileAssociations"]
        account.call(
            action,
            "ec2",
            "replace_iam_instance_profile_association",
            AssociationId=current[0]["AssociationId"],
            IamInstanceProfile={"Name": profile},
        )

    def _change_root(
        self, account: Account, action: str, id_: str, root: Mapping[str, Any]
    ) -> None:
        volume = _root_volume(account, id_)
        size = root.get("volumeSize") or volume["Size"]
        if size < volume["Size"]:
            raise account.refuse(
                action,
                "EC2",
                "ModifyVolume",
                "InvalidParameterValue",
                "New size cannot be smaller than existing size",
            )
        if size != volume["Size"]:
            account.call(action, "ec2", "modify_volume", VolumeId=volume["VolumeId"], Size=size)
        self._tag_root(account, id_, root)

    def delete(self, account: Account, id_: str, state: Mapping[str, Any]) -> None:
        with gone_is_fine("InvalidInstanceID.NotFound"):
            account.call(
                f"deleting EC2 Instance ({id_})", "ec2", "terminate_instances", InstanceIds=[id_]
            )


def _decoded(inputs: Mapping[str, Any]) -> bytes:
    return base64.b64decode(inputs.get("userDataBase64") or "")


def _image(account: Account, id_: str) -> dict[str, Any]:
    found: dict[str, Any] = account.call(
        "creating EC2 Instance", "ec2", "describe_images", ImageIds=[id_]
    )["Images"][0]
    return found


def _root_gib(image: Mapping[str, Any]) -> int:
    for mapping in image["BlockDeviceMappings"]:
        if mapping["DeviceName"] == image["RootDeviceName"]:
            return int(mapping["Ebs"]["VolumeSize"])
    return 0


def _architectures(account: Account, instance_type: str) -> set[str]:
    return set(account.instance_type(instance_type)["ProcessorInfo"]["SupportedArchitectures"])


def _metadata(inputs: Mapping[str, Any]) -> dict[str, Any]:
    options = inputs.get("metadataOptions") or {}
    wanted = {
        "HttpEndpoint": options.get("httpEndpoint", "enabled"),
        "HttpTokens": options.get("httpTokens", "required"),
        "HttpPutResponseHopLimit": options.get("httpPutResponseHopLimit", 1),
        "HttpProtocolIpv6": options.get("httpProtocolIpv6", "disabled"),
        "InstanceMetadataTags": options.get("instanceMetadataTags", "disabled"),
    }
    return wanted


def _root_volume(account: Account, id_: str) -> dict[str, Any]:
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


def _public_address(account: Account, instance: Mapping[str, Any]) -> str:
    """The instance's public IPv4 address: an Elastic IP first, else the one it was given."""
    addresses = account.call(
        "reading EC2 Instance",
        "ec2",
        "describe_addresses",
        Filters=filters({"instance-id": instance["InstanceId"]}),
    )["Addresses"]
    if addresses:
        return str(addresses[0]["PublicIp"])
    return str(instance.get("PublicIpAddress", ""))
