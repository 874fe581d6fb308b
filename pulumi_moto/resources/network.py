"""VPC and subnets: what they do to the account, and what AWS refuses."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from pulumi_moto.account import Account, gone_is_fine
from pulumi_moto.resource import Update
from pulumi_moto.schema import Problem

from .support import Ec2Resource, filters, needed, own_tags


class Vpc(Ec2Resource):
    token = "aws:ec2/vpc:Vpc"
    kind = "vpc"
    replace_on = frozenset({"cidrBlock", "ipv4IpamPoolId", "ipv4NetmaskLength", "instanceTenancy"})
    defaults: ClassVar[Mapping[str, Any]] = {"enableDnsSupport": True, "instanceTenancy": "default"}
    computed = frozenset(
        {
            "arn",
            "defaultSecurityGroupId",
            "defaultRouteTableId",
            "mainRouteTableId",
            "defaultNetworkAclId",
            "dhcpOptionsId",
            "ownerId",
        }
    )
    optional_computed = frozenset({"enableDnsHostnames", "cidrBlock"})

    def extra_problems(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        yield from needed(inputs, "cidrBlock")

    def create(self, account: Account, inputs: Mapping[str, Any]) -> str:
        made = account.call(
            "creating EC2 VPC",
            "ec2",
            "create_vpc",
            CidrBlock=inputs["cidrBlock"],
            InstanceTenancy=inputs["instanceTenancy"],
            TagSpecifications=self.tag_specifications(account, inputs),
        )
        id_ = str(made["Vpc"]["VpcId"])
        self._set_dns(account, id_, inputs)
        return id_

    def _set_dns(self, account: Account, id_: str, inputs: Mapping[str, Any]) -> None:
        for key, attribute in (
            ("enableDnsSupport", "EnableDnsSupport"),
            ("enableDnsHostnames", "EnableDnsHostnames"),
        ):
            if inputs.get(key) is not None:
                account.call(
                    f"updating EC2 VPC ({id_})",
                    "ec2",
                    "modify_vpc_attribute",
                    VpcId=id_,
                    **{attribute: {"Value": inputs[key]}},
                )

    def read(self, account: Account, id_: str, state: Mapping[str, Any]) -> dict[str, Any] | None:
        vpc = self.described(account, "describe_vpcs", "Vpcs", VpcIds=[id_])
        if vpc is None:
            return None
        groups = account.call(
            f"reading EC2 VPC ({id_})",
            "ec2",
            "describe_security_groups",
            Filters=filters({"vpc-id": id_, "group-name": "default"}),
        )["SecurityGroups"]
        main = account.call(
            f"reading EC2 VPC ({id_})",
            "ec2",
            "describe_route_tables",
            Filters=filters({"vpc-id": id_, "association.main": "true"}),
        )["RouteTables"][0]["RouteTableId"]
        acl = account.call(
            f"reading EC2 VPC ({id_})",
            "ec2",
            "describe_network_acls",
            Filters=filters({"vpc-id": id_, "default": "true"}),
        )["NetworkAcls"][0]["NetworkAclId"]
        return {
            "arn": account.arn("ec2", f"vpc/{id_}"),
            "cidrBlock": vpc["CidrBlock"],
            "instanceTenancy": vpc["InstanceTenancy"],
            "dhcpOptionsId": vpc["DhcpOptionsId"],
            "ownerId": account.id,
            "defaultSecurityGroupId": groups[0]["GroupId"],
            "defaultRouteTableId": main,
            "mainRouteTableId": main,
            "defaultNetworkAclId": acl,
            "enableDnsSupport": self._dns(account, id_, "enableDnsSupport"),
            "enableDnsHostnames": self._dns(account, id_, "enableDnsHostnames"),
            "tags": own_tags(account, vpc.get("Tags"), state),
        }

    def _dns(self, account: Account, id_: str, attribute: str) -> bool:
        answer = account.call(
            f"reading EC2 VPC ({id_})",
            "ec2",
            "describe_vpc_attribute",
            VpcId=id_,
            Attribute=attribute,
        )
        return bool(answer[attribute[0].upper() + attribute[1:]]["Value"])

    def update(self, account: Account, id_: str, change: Update) -> None:
        self._set_dns(account, id_, change.inputs)
        self.retag(account, id_, change)

    def delete(self, account: Account, id_: str, state: Mapping[str, Any]) -> None:
        action = f"deleting EC2 VPC ({id_})"
        if self._has_dependencies(account, action, id_):  # moto does not look at all of them
            raise account.refuse(
                action,
                "EC2",
                "DeleteVpc",
                "DependencyViolation",
                f"The vpc '{id_}' has dependencies and cannot be deleted.",
            )
        with gone_is_fine("InvalidVpcID.NotFound"):
            account.call(action, "ec2", "delete_vpc", VpcId=id_)

    def _has_dependencies(self, account: Account, action: str, id_: str) -> bool:
        def found(operation: str, list_name: str, key: str = "vpc-id") -> list[dict[str, Any]]:
            answer = account.call(action, "ec2", operation, Filters=filters({key: id_}))
            things: list[dict[str, Any]] = answer[list_name]
            return things

        groups = found("describe_security_groups", "SecurityGroups")
        tables = found("describe_route_tables", "RouteTables")
        return bool(
            any(group["GroupName"] != "default" for group in groups)
            or any(not any(a["Main"] for a in table["Associations"]) for table in tables)
            or found("describe_subnets", "Subnets")
            or found("describe_internet_gateways", "InternetGateways", "attachment.vpc-id")
        )


class Subnet(Ec2Resource):
    token = "aws:ec2/subnet:Subnet"
    kind = "subnet"
    replace_on = frozenset(
        {"vpcId", "availabilityZone", "availabilityZoneId", "cidrBlock", "ipv6Native", "outpostArn"}
    )
    defaults: ClassVar[Mapping[str, Any]] = {"mapPublicIpOnLaunch": False}
    computed = frozenset({"arn", "ownerId"})
    optional_computed = frozenset({"availabilityZone", "availabilityZoneId"})

    def extra_problems(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        yield from needed(inputs, "cidrBlock")

    def create(self, account: Account, inputs: Mapping[str, Any]) -> str:
        zone, zone_id = inputs.get("availabilityZone"), inputs.get("availabilityZoneId")
        made = account.call(
            "creating EC2 Subnet",
            "ec2",
            "create_subnet",
            VpcId=inputs["vpcId"],
            CidrBlock=inputs["cidrBlock"],
            **({"AvailabilityZone": zone} if zone else {}),
            **({"AvailabilityZoneId": zone_id} if zone_id else {}),
            TagSpecifications=self.tag_specifications(account, inputs),
        )
        id_ = str(made["Subnet"]["SubnetId"])
        self._map_public(account, id_, inputs)
        return id_

    def _map_public(self, account: Account, id_: str, inputs: Mapping[str, Any]) -> None:
        account.call(
            f"updating EC2 Subnet ({id_})",
            "ec2",
            "modify_subnet_attribute",
            SubnetId=id_,
            MapPublicIpOnLaunch={"Value": inputs["mapPublicIpOnLaunch"]},
        )

    def read(self, account: Account, id_: str, state: Mapping[str, Any]) -> dict[str, Any] | None:
        subnet = self.described(account, "describe_subnets", "Subnets", SubnetIds=[id_])
        if subnet is None:
            return None
        return {
            "arn": account.arn("ec2", f"subnet/{id_}"),
            "vpcId": subnet["VpcId"],
            "cidrBlock": subnet["CidrBlock"],
            "availabilityZone": subnet["AvailabilityZone"],
            "availabilityZoneId": subnet["AvailabilityZoneId"],
            "mapPublicIpOnLaunch": subnet["MapPublicIpOnLaunch"],
            "ownerId": account.id,
            "tags": own_tags(account, subnet.get("Tags"), state),
        }

    def update(self, account: Account, id_: str, change: Update) -> None:
        self._map_public(account, id_, change.inputs)
        self.retag(account, id_, change)

    def delete(self, account: Account, id_: str, state: Mapping[str, Any]) -> None:
        interfaces = account.call(
            f"deleting EC2 Subnet ({id_})",
            "ec2",
            "describe_network_interfaces",
            Filters=filters({"subnet-id": id_}),
        )["NetworkInterfaces"]
        # moto deletes a subnet under its instances and mount targets, and keeps the interface of
        # a terminated instance; AWS does neither.
        if any(not _left_over(account, interface) for interface in interfaces):
            raise account.refuse(
                f"deleting EC2 Subnet ({id_})",
                "EC2",
                "DeleteSubnet",
                "DependencyViolation",
                f"The subnet '{id_}' has dependencies and cannot be deleted.",
            )
        with gone_is_fine("InvalidSubnetID.NotFound"):
            account.call(f"deleting EC2 Subnet ({id_})", "ec2", "delete_subnet", SubnetId=id_)


def _left_over(account: Account, interface: Mapping[str, Any]) -> bool:
    instance_id = interface.get("Attachment", {}).get("InstanceId")
    if not instance_id:
        return False
    found = account.call(
        "reading EC2 Instance",
        "ec2",
        "describe_instances",
        Filters=filters({"instance-id": instance_id}),
    )["Reservations"]
    states = [i["State"]["Name"] for r in found for i in r["Instances"]]
    return all(state == "terminated" for state in states)
