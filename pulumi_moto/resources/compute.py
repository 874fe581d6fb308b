"""EC2 instances."""

import base64
from collections.abc import Iterator
from typing import Any, ClassVar, Final

from moto.core.types import Base64EncodedString

from pulumi_moto.account import Account
from pulumi_moto.backends import backend_of
from pulumi_moto.planning import Values, names
from pulumi_moto.resource import ById, Update
from pulumi_moto.schema import Problem
from pulumi_moto.tags import own_tags

from .launch import (
    architectures_of,
    image_of,
    metadata_options,
    performance,
    refuse_launch,
    refuse_place,
    root_gib,
)
from .parts import (
    cpu_credits,
    instance_of,
    other_disks,
    profile_association,
    public_address,
    public_choice,
    root_volume,
    set_credits,
    set_groups,
)
from .support import (
    Ec2Resource,
    base64_problem,
    choice_problem,
    given,
    picked,
    public_dns,
    refuse_to_shrink,
)

_STOPPING: Final = frozenset({"instanceType", "userData", "userDataBase64"})


class Instance(Ec2Resource):
    token = "aws:ec2/instance:Instance"
    label = "EC2 Instance"
    kind = "instance"
    deleted_by = ById("terminate_instances", "InstanceIds")
    replace_on = names(
        """
        ami associatePublicIpAddress availabilityZone ebsBlockDevices ebsOptimized enclaveOptions
        ephemeralBlockDevices hibernation hostId ipv6AddressCount keyName placementGroup
        placementPartitionNumber privateDnsNameOptions privateIp rootBlockDevice.encrypted
        rootBlockDevice.kmsKeyId securityGroups subnetId tenancy
        """
    )
    defaults: ClassVar[Values] = {
        "sourceDestCheck": True,
        "getPasswordData": False,
        "forceDestroy": False,
        "userDataReplaceOnChange": False,
        "rootBlockDevice": {"deleteOnTermination": True},
        "metadataOptions": {"httpEndpoint": "enabled", "httpProtocolIpv6": "disabled"},
    }
    optional_computed = names(
        """
        ami associatePublicIpAddress availabilityZone creditSpecification ebsBlockDevices
        ebsOptimized iamInstanceProfile instanceType keyName metadataOptions monitoring privateIp
        rootBlockDevice securityGroups subnetId tenancy userData userDataBase64 vpcSecurityGroupIds
        """
    )
    updated_when_left_out = names("associatePublicIpAddress creditSpecification")
    only_given = names("creditSpecification.cpuCredits rootBlockDevice.tags")
    unordered = names("vpcSecurityGroupIds securityGroups")
    simulated = names(
        """
        ami associatePublicIpAddress creditSpecification forceDestroy getPasswordData
        iamInstanceProfile instanceType metadataOptions monitoring region rootBlockDevice
        sourceDestCheck subnetId tags tagsAll userDataBase64 userDataReplaceOnChange
        vpcSecurityGroupIds
        """
    )
    needed = ("ami", "instanceType", "subnetId", "iamInstanceProfile", "vpcSecurityGroupIds")

    def extra_problems(self, inputs: Values) -> Iterator[Problem]:
        credits_ = (inputs.get("creditSpecification") or {}).get("cpuCredits")
        yield from choice_problem(
            "creditSpecification.cpuCredits", credits_, ("standard", "unlimited")
        )
        yield from base64_problem("userDataBase64", inputs.get("userDataBase64"))
        if inputs.get("vpcSecurityGroupIds") == []:
            yield Problem("vpcSecurityGroupIds", "an instance needs at least one security group")

    def replaces(self, account: Account, path: str, state: Values, inputs: Values) -> bool:
        if path in self.updated_when_left_out and inputs.get(path) is None:
            return False
        if path == "userDataBase64":
            return bool(inputs.get("userDataReplaceOnChange"))
        if path == "instanceType":
            old, new = state.get("instanceType"), inputs.get("instanceType")
            if isinstance(old, str) and isinstance(new, str):
                return not (architectures_of(account, old) & architectures_of(account, new))
            return False
        return super().replaces(account, path, state, inputs)

    def unknown_after_update(self, changed: frozenset[str]) -> frozenset[str]:
        return frozenset({"publicIp", "publicDns"}) if changed & _STOPPING else frozenset()

    def create(self, account: Account, inputs: Values) -> str:
        data = base64.b64decode(inputs.get("userDataBase64") or "")
        refuse_launch(account, inputs, data)
        refuse_place(account, inputs)
        root = inputs.get("rootBlockDevice") or {}
        image = image_of(account, inputs["ami"])
        made = account.ec2.run_instances(
            ImageId=inputs["ami"],
            InstanceType=inputs["instanceType"],
            MinCount=1,
            MaxCount=1,
            UserData=data,
            IamInstanceProfile={"Name": inputs["iamInstanceProfile"]},
            MetadataOptions=metadata_options(inputs.get("metadataOptions") or {}),
            NetworkInterfaces=[
                {
                    "DeviceIndex": 0,
                    "DeleteOnTermination": True,  # as AWS does unless told otherwise
                    "SubnetId": inputs["subnetId"],
                    "Groups": inputs["vpcSecurityGroupIds"],
                    "AssociatePublicIpAddress": public_choice(account, inputs),
                }
            ],
            BlockDeviceMappings=[
                {
                    "DeviceName": image["RootDeviceName"],
                    "Ebs": {
                        **performance({"volumeSize": root_gib(image), **root}),
                        "Encrypted": bool(root.get("encrypted")),
                        "DeleteOnTermination": root.get("deleteOnTermination", True),
                        **given(KmsKeyId=root.get("kmsKeyId")),
                    },
                }
            ],
            TagSpecifications=self.tag_specifications(account, inputs),
        )
        id_ = str(made["Instances"][0]["InstanceId"])
        set_groups(account, id_, inputs["vpcSecurityGroupIds"])
        set_credits(account, id_, (inputs.get("creditSpecification") or {}).get("cpuCredits"))
        if not inputs["sourceDestCheck"]:
            self._modify(account, id_, SourceDestCheck=False)
        self._tag_root(account, id_, {}, root)
        return id_

    def _modify(self, account: Account, id_: str, **attributes: Any) -> None:
        sent = {name: {"Value": value} for name, value in attributes.items()}
        account.ec2.modify_instance_attribute(InstanceId=id_, **sent)

    def _tag_root(self, account: Account, id_: str, old: Values, root: Values) -> None:
        volume = str(root_volume(account, instance_of(account, id_))["VolumeId"])
        self.retag(account, volume, Update({"tagsAll": old.get("tags")}, root, frozenset()))

    def describe(self, account: Account, id_: str, state: Values) -> Any:
        instance = instance_of(account, id_)
        return None if instance["State"]["Name"] in ("terminated", "shutting-down") else instance

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        interface = shown["NetworkInterfaces"][0]
        volume = root_volume(account, shown)
        options = shown.get("MetadataOptions", {})
        data = account.ec2.describe_instance_attribute(InstanceId=id_, Attribute="userData")
        # moto's instances keep showing the profile that they were launched with.
        profile = profile_association(account, id_)["IamInstanceProfile"]["Arn"]
        root_state = state.get("rootBlockDevice") or {}
        address = public_address(account, shown)
        bursts = cpu_credits(account, id_, shown["InstanceType"])
        return {
            **picked(shown, "InstanceType", "SubnetId"),
            "creditSpecification": {"cpuCredits": bursts} if bursts else None,
            "arn": self.arn(account, id_),
            "ami": shown["ImageId"],
            "instanceState": shown["State"]["Name"],
            "availabilityZone": shown["Placement"]["AvailabilityZone"],
            "vpcSecurityGroupIds": sorted(group["GroupId"] for group in interface["Groups"]),
            "securityGroups": [],
            "associatePublicIpAddress": bool(address),
            "iamInstanceProfile": profile.rpartition("/")[2],
            "primaryNetworkInterfaceId": interface["NetworkInterfaceId"],
            "privateIp": shown["PrivateIpAddress"],
            "privateDns": shown["PrivateDnsName"],
            "publicIp": address,
            "publicDns": public_dns(account.region, address),
            "keyName": shown.get("KeyName", ""),
            "monitoring": bool(state.get("monitoring")),
            "ebsOptimized": bool(shown.get("EbsOptimized")),
            "tenancy": shown["Placement"].get("Tenancy", "default"),
            "sourceDestCheck": shown.get("SourceDestCheck", True),
            "userDataBase64": data["UserData"].get("Value", ""),
            "metadataOptions": {
                "httpEndpoint": options.get("HttpEndpoint", "enabled"),
                "httpProtocolIpv6": options.get("HttpProtocolIpv6", "disabled"),
                "httpPutResponseHopLimit": options.get("HttpPutResponseHopLimit", 1),
                "httpTokens": options.get("HttpTokens", "optional"),
                "instanceMetadataTags": options.get("InstanceMetadataTags", "disabled"),
            },
            # What the attachments attach: the first refresh after them records it.
            "ebsBlockDevices": other_disks(account, shown),
            "rootBlockDevice": {
                **picked(volume, "VolumeId", "VolumeType", "Encrypted"),
                "deviceName": shown["RootDeviceName"],
                "volumeSize": volume["Size"],
                "deleteOnTermination": root_state.get("deleteOnTermination", True),
                **given(kmsKeyId=volume.get("KmsKeyId")),
                # moto leaves both out unless given; these are what AWS gives a gp3 volume.
                "iops": volume.get("Iops") or 3000,
                "throughput": volume.get("Throughput") or 125,
                "tags": own_tags(account, volume.get("Tags"), root_state),
            },
        }

    def update(self, account: Account, id_: str, change: Update) -> None:
        ec2, inputs = account.ec2, change.inputs
        if change.paths & _STOPPING:
            ec2.stop_instances(InstanceIds=[id_])
            if "instanceType" in change.paths:
                self._modify(account, id_, InstanceType=inputs["instanceType"])
            if "userDataBase64" in change.paths:
                # moto's ModifyInstanceAttribute encodes the data once more than EC2 does.
                backend_of(account.region).get_instance(id_).user_data = Base64EncodedString(
                    inputs["userDataBase64"]
                )
            ec2.start_instances(InstanceIds=[id_])
        if "vpcSecurityGroupIds" in change.paths:
            set_groups(account, id_, inputs["vpcSecurityGroupIds"])
        if "metadataOptions" in change.paths:
            options = {**change.state["metadataOptions"], **inputs["metadataOptions"]}
            ec2.modify_instance_metadata_options(InstanceId=id_, **metadata_options(options))
        if "iamInstanceProfile" in change.paths:
            ec2.replace_iam_instance_profile_association(
                AssociationId=profile_association(account, id_)["AssociationId"],
                IamInstanceProfile={"Name": inputs["iamInstanceProfile"]},
            )
        chosen = (inputs.get("creditSpecification") or {}).get("cpuCredits")
        if "creditSpecification" in change.paths and chosen:
            set_credits(account, id_, chosen)
        if "rootBlockDevice" in change.paths:
            old, new = change.state["rootBlockDevice"], inputs["rootBlockDevice"]
            self._change_root(account, id_, old, new)
        if "sourceDestCheck" in change.paths:
            self._modify(account, id_, SourceDestCheck=inputs["sourceDestCheck"])
        self.retag(account, id_, change)

    def _change_root(self, account: Account, id_: str, old: Values, new: Values) -> None:
        wanted = performance({**old, **new} if "volumeType" not in new else new)
        size = wanted.pop("VolumeSize", old["volumeSize"])
        # What is recorded may be of an update that was refused.
        refuse_to_shrink(account, size, root_volume(account, instance_of(account, id_))["Size"])
        account.ec2.modify_volume(VolumeId=old["volumeId"], Size=size, **wanted)
        self._tag_root(account, id_, old, new)
