"""Elastic IP addresses."""

from typing import Any

from pulumi_moto.account import Account, gone_is_fine
from pulumi_moto.planning import Values, names
from pulumi_moto.resource import ById, Resource

from .support import Ec2Resource, first, optional, picked, private_dns, public_dns


class Eip(Ec2Resource):
    token = "aws:ec2/eip:Eip"
    label = "EC2 EIP"
    kind = "elastic-ip"
    shown_by = ById("describe_addresses", "AllocationIds", "Addresses")
    deleted_by = ById("release_address", "AllocationId")
    replace_on = names("domain address publicIpv4Pool networkBorderGroup ipamPoolId")
    optional_computed = names("domain instance networkInterface")
    not_simulated = dict.fromkeys(("instance", "networkInterface"), "use ec2.EipAssociation")

    def create(self, account: Account, inputs: Values) -> str:
        tags = self.tag_specifications(account, inputs)
        made = account.ec2.allocate_address(Domain="vpc", TagSpecifications=tags)
        return str(made["AllocationId"])

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        private = shown.get("PrivateIpAddress", "")
        return {
            "arn": self.arn(account, id_),
            "allocationId": id_,
            "domain": "vpc",
            "publicIp": shown["PublicIp"],
            "publicDns": public_dns(account.region, shown["PublicIp"]),
            **optional(shown, "AssociationId"),
            "instance": shown.get("InstanceId", ""),
            "networkInterface": shown.get("NetworkInterfaceId", ""),
            "privateIp": private,
            "privateDns": private_dns(account.region, private),
        }

    def delete(self, account: Account, id_: str, state: Values) -> None:
        address = self.describe(account, id_, state)
        if association := state.get("associationId"):
            with gone_is_fine():
                account.ec2.disassociate_address(AssociationId=association)
        elif address.get("AssociationId"):  # moto releases it all the same
            why = f"Address {address['PublicIp']} is in use."
            raise account.ec2.refuse("ReleaseAddress", "InvalidIPAddress.InUse", why)
        super().delete(account, id_, state)


class EipAssociation(Resource):
    token = "aws:ec2/eipAssociation:EipAssociation"
    service = "ec2"
    label = "EC2 EIP Association"
    deleted_by = ById("disassociate_address", "AssociationId")
    optional_computed = names(
        "allocationId instanceId networkInterfaceId privateIpAddress publicIp"
    )
    replace_on = optional_computed | {"allowReassociation"}
    needed = ("allocationId", "instanceId")

    def create(self, account: Account, inputs: Values) -> str:
        made = account.ec2.associate_address(
            AllocationId=inputs["allocationId"],
            InstanceId=inputs["instanceId"],
            AllowReassociation=bool(inputs.get("allowReassociation")),
        )
        return str(made["AssociationId"])

    def describe(self, account: Account, id_: str, state: Values) -> Any:
        addresses = account.ec2.describe_addresses()["Addresses"]
        return first([a for a in addresses if a.get("AssociationId") == id_])

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        return {
            **picked(shown, "AllocationId", "PublicIp"),
            **optional(shown, "InstanceId", "NetworkInterfaceId", "PrivateIpAddress"),
        }
