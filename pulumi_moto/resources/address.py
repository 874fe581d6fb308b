"""Elastic IP addresses."""

from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_moto.account import Account, gone_is_fine
from pulumi_moto.resource import Resource
from pulumi_moto.schema import Problem

from .support import Ec2Resource, first, needed, not_simulated, own_tags, private_dns, public_dns


class Eip(Ec2Resource):
    token = "aws:ec2/eip:Eip"
    kind = "elastic-ip"
    replace_on = frozenset(
        {"domain", "address", "publicIpv4Pool", "networkBorderGroup", "ipamPoolId"}
    )
    computed = frozenset(
        {"allocationId", "arn", "associationId", "privateDns", "privateIp", "publicDns", "publicIp"}
    )
    optional_computed = frozenset({"domain", "instance", "networkInterface"})

    def extra_problems(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        yield from not_simulated(inputs, "use ec2.EipAssociation", "instance", "networkInterface")

    def create(self, account: Account, inputs: Mapping[str, Any]) -> str:
        made = account.call(
            "creating EC2 EIP",
            "ec2",
            "allocate_address",
            Domain="vpc",
            TagSpecifications=self.tag_specifications(account, inputs),
        )
        return str(made["AllocationId"])

    def read(self, account: Account, id_: str, state: Mapping[str, Any]) -> dict[str, Any] | None:
        address = self.described(account, "describe_addresses", "Addresses", AllocationIds=[id_])
        if address is None:
            return None
        private = address.get("PrivateIpAddress", "")
        return {
            "arn": account.arn("ec2", f"elastic-ip/{id_}"),
            "allocationId": id_,
            "domain": "vpc",
            "publicIp": address["PublicIp"],
            "publicDns": public_dns(account.region, address["PublicIp"]),
            "associationId": address.get("AssociationId", ""),
            "instance": address.get("InstanceId", ""),
            "networkInterface": address.get("NetworkInterfaceId", ""),
            "privateIp": private,
            "privateDns": private_dns(account.region, private),
            "tags": own_tags(account, address.get("Tags"), state),
        }

    def delete(self, account: Account, id_: str, state: Mapping[str, Any]) -> None:
        action = f"deleting EC2 EIP ({id_})"
        with gone_is_fine("InvalidAllocationID.NotFound"):
            address = account.call(action, "ec2", "describe_addresses", AllocationIds=[id_])[
                "Addresses"
            ][0]
            if association := state.get("associationId"):
                with gone_is_fine("InvalidAssociationID.NotFound"):
                    account.call(action, "ec2", "disassociate_address", AssociationId=association)
            elif address.get("AssociationId"):  # moto releases it all the same
                raise account.refuse(
                    action,
                    "EC2",
                    "ReleaseAddress",
                    "InvalidIPAddress.InUse",
                    f"Address {address['PublicIp']} is in use.",
                )
            account.call(action, "ec2", "release_address", AllocationId=id_)


class EipAssociation(Resource):
    token = "aws:ec2/eipAssociation:EipAssociation"
    replace_on = frozenset(
        {
            "allocationId",
            "allowReassociation",
            "instanceId",
            "networkInterfaceId",
            "privateIpAddress",
            "publicIp",
        }
    )
    optional_computed = frozenset(
        {"allocationId", "instanceId", "networkInterfaceId", "privateIpAddress", "publicIp"}
    )
    taggable = False

    def extra_problems(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        yield from needed(inputs, "allocationId", "instanceId")

    def create(self, account: Account, inputs: Mapping[str, Any]) -> str:
        made = account.call(
            "creating EC2 EIP Association",
            "ec2",
            "associate_address",
            AllocationId=inputs["allocationId"],
            InstanceId=inputs["instanceId"],
            AllowReassociation=bool(inputs.get("allowReassociation")),
        )
        return str(made["AssociationId"])

    def read(self, account: Account, id_: str, state: Mapping[str, Any]) -> dict[str, Any] | None:
        addresses = account.call(
            f"reading EC2 EIP Association ({id_})", "ec2", "describe_addresses"
        )["Addresses"]
        address = first([a for a in addresses if a.get("AssociationId") == id_])
        if address is None:
            return None
        return {
            "allocationId": address["AllocationId"],
            "instanceId": address.get("InstanceId", ""),
            "networkInterfaceId": address.get("NetworkInterfaceId", ""),
            "privateIpAddress": address.get("PrivateIpAddress", ""),
            "publicIp": address["PublicIp"],
        }

    def delete(self, account: Account, id_: str, state: Mapping[str, Any]) -> None:
        with gone_is_fine("InvalidAssociationID.NotFound"):
            account.call(
                f"deleting EC2 EIP Association ({id_})",
                "ec2",
                "disassociate_address",
                AssociationId=id_,
            )
