"""EC2 instances."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

from moto.core.types import Base64EncodedString

from pulumi_moto.account import Account, gone_is_fine
from pulumi_moto.backends import backend_of
from pulumi_moto.resource import Update
from pulumi_moto.schema import Problem

from .launch import (
    architectures_of,
    decoded,
    image_of,
    metadata_options,
    performance,
    refuse_launch,
    root_gib,
)
from .parts import (
    cpu_credits,
    other_disks,
    profile_association,
    public_address,
    public_choice,
    root_volume,
    set_credits,
    set_groups,
)
from .support import Ec2Resource, needed, own_tags, public_dns, refuse_to_shrink

_STOPPING: Final = frozenset({"instanceType", "userData", "userDataBase64"})


class Instance(Ec2Resource):
    token = "aws:ec2/instance:Instance"
    kind = "instance"
    replace_on = frozenset(
        {
            "ami",
            "associatePublicIpAddress",
            "availabilityZone",
            "ebsBlockDevices",
            "ebsOptimized",
            "enclaveOptions",
            "ephemeralBlockDevices",
            "hibernation",
            "hostId",
            "ipv6AddressCount",
            "keyName",
            "placementGroup",
            "placementPartitionNumber",
            "privateDnsNameOptions",
            "privateIp",
            "rootBlockDevice.encrypted",
            "rootBlockDevice.kmsKeyId",
            "securityGroups",
            "subnetId",
            "tenancy",
        }
    )
    defaults: ClassVar[Mapping[str, Any]] = {
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
    updated_when_left_out = frozenset({"associatePublicIpAddress", "creditSpecification"})
    only_given = frozenset({"creditSpecification.cpuCredits", "rootBlockDevice.tags"})
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
            "tagsAll",
            "userDataBase64",
            "userDataReplaceOnChange",
            "vpcSecurityGroupIds",
        }
    )

    def extra_problems(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        for key in sorted(inputs.keys() - self._simulated):
            if inputs[key] is not None:
                yield Problem(key, "declared by AWS, but not simulated yet")
        yield from needed(
            inputs, "ami", "instanceType", "subnetId", "iamInstanceProfile", "vpcSecurityGroupIds"
        )
        chosen = (inputs.get("creditSpecification") or {}).get("cpuCredits")
        if isinstance(chosen, str) and chosen not in ("standard", "unlimited"):
            yield Problem(
                "creditSpecification.cpuCredits",
                f"expected to be one of standard and unlimited, got {chosen}",
            )
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

    def create(self, account: Account, inputs: Mapping[str, Any]) -> str:
        action = "creating EC2 Instance"
        data = decoded(inputs)
        refuse_launch(account, action, inputs, data)
        root = inputs.get("rootBlockDevice") or {}
        image = image_of(account, inputs["ami"])
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
            MetadataOptions=metadata_options(inputs.get("metadataOptions") or {}),
            NetworkInterfaces=[
                {
                    "DeviceIndex": 0,
                    "SubnetId": inputs["subnetId"],
                    "Groups": inputs["vpcSecurityGroupIds"],
                    "AssociatePublicIpAddress": public_choice(account, action, inputs),
                }
            ],
            BlockDeviceMappings=[
                {
                    "DeviceName": image["RootDeviceName"],
                    "Ebs": {
                        **performance({"volumeSize": root_gib(image), **root}),
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
        set_groups(account, id_, inputs["vpcSecurityGroupIds"])
        set_credits(account, id_, (inputs.get("creditSpecification") or {}).get("cpuCredits"))
        if not inputs["sourceDestCheck"]:
            self._set_source_dest_check(account, action, id_, inputs)
        self._tag_root(account, id_, {}, root)
        return id_

    def _set_source_dest_check(
        self, account: Account, action: str, id_: str, inputs: Mapping[str, Any]
    ) -> None:
        account.call(
            action,
            "ec2",
            "modify_instance_attribute",
            InstanceId=id_,
            SourceDestCheck={"Value": inputs["sourceDestCheck"]},
        )

    def _tag_root(
        self, account: Account, id_: str, old: Mapping[str, Any], root: Mapping[str, Any]
    ) -> None:
        volume = str(root_volume(account, id_)["VolumeId"])
        self.retag(account, volume, Update({"tagsAll": old.get("tags")}, root, frozenset()))

    def read(self, account: Account, id_: str, state: Mapping[str, Any]) -> dict[str, Any] | None:
        found = self.described(account, "describe_instances", "Reservations", InstanceIds=[id_])
        if found is None:
            return None
        instance = found["Instances"][0]
        if instance["State"]["Name"] in ("terminated", "shutting-down"):
            return None
        interface = instance["NetworkInterfaces"][0]
        volume = root_volume(account, id_)
        options = instance.get("MetadataOptions", {})
        data = account.call(
            f"reading EC2 Instance ({id_})",
            "ec2",
            "describe_instance_attribute",
            InstanceId=id_,
            Attribute="userData",
        )["UserData"].get("Value", "")
        # moto's instances keep showing the profile that they were launched with.
        profile = profile_association(account, f"reading EC2 Instance ({id_})", id_)[
            "IamInstanceProfile"
        ]["Arn"]
        root_state = state.get("rootBlockDevice") or {}
        address = public_address(account, instance)
        bursts = cpu_credits(account, id_, instance["InstanceType"])
        return {
            **({"creditSpecification": {"cpuCredits": bursts}} if bursts else {}),
            "arn": account.arn("ec2", f"instance/{id_}"),
            "ami": instance["ImageId"],
            "instanceType": instance["InstanceType"],
            "instanceState": instance["State"]["Name"],
            "availabilityZone": instance["Placement"]["AvailabilityZone"],
            "subnetId": instance["SubnetId"],
            "vpcSecurityGroupIds": sorted(group["GroupId"] for group in interface["Groups"]),
            "securityGroups": [],
            "associatePublicIpAddress": bool(address),
            "iamInstanceProfile": profile.rpartition("/")[2],
            "primaryNetworkInterfaceId": interface["NetworkInterfaceId"],
            "privateIp": instance["PrivateIpAddress"],
            "privateDns": instance["PrivateDnsName"],
            "publicIp": address,
            "publicDns": public_dns(account.region, address),
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
            # What the attachments attach: the first refresh after them records it.
            "ebsBlockDevices": other_disks(account, instance),
            "rootBlockDevice": {
                "deviceName": instance["RootDeviceName"],
                "volumeId": volume["VolumeId"],
                "volumeSize": volume["Size"],
                "volumeType": volume["VolumeType"],
                "encrypted": volume["Encrypted"],
                "deleteOnTermination": root_state.get("deleteOnTermination", True),
                **({"kmsKeyId": volume["KmsKeyId"]} if volume.get("KmsKeyId") else {}),
                # moto leaves both out unless given; these are what AWS gives a gp3 volume.
                "iops": volume.get("Iops") or 3000,
                "throughput": volume.get("Throughput") or 125,
                "tags": own_tags(account, volume.get("Tags"), root_state),
            },
            "tags": own_tags(account, instance.get("Tags"), state),
        }

    def update(self, account: Account, id_: str, change: Update) -> None:
        action = f"updating EC2 Instance ({id_})"
        if change.paths & _STOPPING:
            account.call(action, "ec2", "stop_instances", InstanceIds=[id_])
            if "instanceType" in change.paths:
                account.call(
                    action,
                    "ec2",
                    "modify_instance_attribute",
                    InstanceId=id_,
                    InstanceType={"Value": change.inputs["instanceType"]},
                )
            if "userDataBase64" in change.paths:
                # moto's ModifyInstanceAttribute encodes the data once more than EC2 does.
                backend_of(account.region).get_instance(id_).user_data = Base64EncodedString(
                    change.inputs["userDataBase64"]
                )
            account.call(action, "ec2", "start_instances", InstanceIds=[id_])
        if "vpcSecurityGroupIds" in change.paths:
            set_groups(account, id_, change.inputs["vpcSecurityGroupIds"])
        if "metadataOptions" in change.paths:
            account.call(
                action,
                "ec2",
                "modify_instance_metadata_options",
                InstanceId=id_,
                **metadata_options(
                    {**change.state["metadataOptions"], **change.inputs["metadataOptions"]}
                ),
            )
        if "iamInstanceProfile" in change.paths:
            self._swap_profile(account, action, id_, change.inputs["iamInstanceProfile"])
        chosen = (change.inputs.get("creditSpecification") or {}).get("cpuCredits")
        if "creditSpecification" in change.paths and chosen:
            set_credits(account, id_, chosen)
        if "rootBlockDevice" in change.paths:
            old, new = change.state["rootBlockDevice"], change.inputs["rootBlockDevice"]
            self._change_root(account, action, id_, old, new)
        if "sourceDestCheck" in change.paths:
            self._set_source_dest_check(account, action, id_, change.inputs)
        self.retag(account, id_, change)

    def _swap_profile(self, account: Account, action: str, id_: str, profile: str) -> None:
        account.call(
            action,
            "ec2",
            "replace_iam_instance_profile_association",
            AssociationId=profile_association(account, action, id_)["AssociationId"],
            IamInstanceProfile={"Name": profile},
        )

    def _change_root(
        self,
        account: Account,
        action: str,
        id_: str,
        old: Mapping[str, Any],
        new: Mapping[str, Any],
    ) -> None:
        wanted = performance({**old, **new} if "volumeType" not in new else new)
        wanted.setdefault("VolumeSize", old["volumeSize"])
        # What is recorded may be of an update that was refused.
        now = root_volume(account, id_)["Size"]
        refuse_to_shrink(account, action, wanted["VolumeSize"], now)
        wanted["Size"] = wanted.pop("VolumeSize")
        account.call(action, "ec2", "modify_volume", VolumeId=old["volumeId"], **wanted)
        self._tag_root(account, id_, old, new)

    def delete(self, account: Account, id_: str, state: Mapping[str, Any]) -> None:
        with gone_is_fine("InvalidInstanceID.NotFound"):
            account.call(
                f"deleting EC2 Instance ({id_})", "ec2", "terminate_instances", InstanceIds=[id_]
            )
