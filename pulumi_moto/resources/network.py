"""VPC and subnets."""

from typing import ClassVar

from pulumi_moto.account import Account
from pulumi_moto.planning import Values, names
from pulumi_moto.resource import ById, Update

from .support import Ec2Resource, capitalised, filters, given, picked


class Vpc(Ec2Resource):
    token = "aws:ec2/vpc:Vpc"
    label = "EC2 VPC"
    kind = "vpc"
    shown_by = ById("describe_vpcs", "VpcIds", "Vpcs")
    deleted_by = ById("delete_vpc", "VpcId")
    replace_on = names("cidrBlock ipv4IpamPoolId ipv4NetmaskLength instanceTenancy")
    defaults: ClassVar[Values] = {"enableDnsSupport": True, "instanceTenancy": "default"}
    optional_computed = names("enableDnsHostnames cidrBlock")
    needed = ("cidrBlock",)

    _attributes = ("enableDnsSupport", "enableDnsHostnames")

    def create(self, account: Account, inputs: Values) -> str:
        made = account.ec2.create_vpc(
            CidrBlock=inputs["cidrBlock"],
            InstanceTenancy=inputs["instanceTenancy"],
            TagSpecifications=self.tag_specifications(account, inputs),
        )
        id_ = str(made["Vpc"]["VpcId"])
        self._set_dns(account.during(f"updating EC2 VPC ({id_})"), id_, inputs)
        return id_

    def _set_dns(self, account: Account, id_: str, inputs: Values) -> None:
        for key in self._attributes:  # EC2 takes one at a time
            if inputs.get(key) is not None:
                attribute = capitalised({key: {"Value": inputs[key]}})
                account.ec2.modify_vpc_attribute(VpcId=id_, **attribute)

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        ec2 = account.ec2
        own = filters({"vpc-id": id_, "group-name": "default"})
        groups = ec2.describe_security_groups(Filters=own)["SecurityGroups"]
        acls = ec2.describe_network_acls(Filters=filters({"vpc-id": id_, "default": "true"}))
        main = filters({"vpc-id": id_, "association.main": "true"})
        tables = ec2.describe_route_tables(Filters=main)["RouteTables"]
        return {
            **picked(shown, "CidrBlock", "InstanceTenancy", "DhcpOptionsId"),
            "arn": self.arn(account, id_),
            "ownerId": account.id,
            "defaultSecurityGroupId": groups[0]["GroupId"],
            "defaultRouteTableId": tables[0]["RouteTableId"],
            "mainRouteTableId": tables[0]["RouteTableId"],
            "defaultNetworkAclId": acls["NetworkAcls"][0]["NetworkAclId"],
            **vpc_attributes(account, id_),
        }

    def update(self, account: Account, id_: str, change: Update) -> None:
        self._set_dns(account, id_, change.inputs)
        self.retag(account, id_, change)

    def delete(self, account: Account, id_: str, state: Values) -> None:
        if self._has_dependencies(account, id_):  # moto does not check all of them
            why = f"The vpc '{id_}' has dependencies and cannot be deleted."
            raise account.ec2.refuse("DeleteVpc", "DependencyViolation", why)
        super().delete(account, id_, state)

    def _has_dependencies(self, account: Account, id_: str) -> bool:
        ec2, own = account.ec2, filters({"vpc-id": id_})
        attached = filters({"attachment.vpc-id": id_})
        groups = ec2.describe_security_groups(Filters=own)["SecurityGroups"]
        tables = ec2.describe_route_tables(Filters=own)["RouteTables"]
        return bool(
            any(group["GroupName"] != "default" for group in groups)
            or any(not any(a["Main"] for a in table["Associations"]) for table in tables)
            or ec2.describe_subnets(Filters=own)["Subnets"]
            or ec2.describe_internet_gateways(Filters=attached)["InternetGateways"]
        )


def vpc_attributes(account: Account, id_: str) -> dict[str, bool]:
    """The attributes of a VPC that EC2 describes one by one."""
    found = {}
    for key in Vpc._attributes:
        answer = account.ec2.describe_vpc_attribute(VpcId=id_, Attribute=key)
        found[key] = bool(answer[key[0].upper() + key[1:]]["Value"])
    return found


class Subnet(Ec2Resource):
    token = "aws:ec2/subnet:Subnet"
    label = "EC2 Subnet"
    kind = "subnet"
    shown_by = ById("describe_subnets", "SubnetIds", "Subnets")
    deleted_by = ById("delete_subnet", "SubnetId")
    replace_on = names("vpcId availabilityZone availabilityZoneId cidrBlock ipv6Native outpostArn")
    defaults: ClassVar[Values] = {"mapPublicIpOnLaunch": False}
    optional_computed = names("availabilityZone availabilityZoneId")
    needed = ("cidrBlock",)

    def create(self, account: Account, inputs: Values) -> str:
        made = account.ec2.create_subnet(
            VpcId=inputs["vpcId"],
            CidrBlock=inputs["cidrBlock"],
            TagSpecifications=self.tag_specifications(account, inputs),
            **given(
                AvailabilityZone=inputs.get("availabilityZone"),
                AvailabilityZoneId=inputs.get("availabilityZoneId"),
            ),
        )
        id_ = str(made["Subnet"]["SubnetId"])
        self._map_public(account.during(f"updating EC2 Subnet ({id_})"), id_, inputs)
        return id_

    def _map_public(self, account: Account, id_: str, inputs: Values) -> None:
        account.ec2.modify_subnet_attribute(
            SubnetId=id_, MapPublicIpOnLaunch={"Value": inputs["mapPublicIpOnLaunch"]}
        )

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        return {
            **picked(shown, "VpcId", "CidrBlock", "AvailabilityZone", "AvailabilityZoneId"),
            **picked(shown, "MapPublicIpOnLaunch"),
            "arn": self.arn(account, id_),
            "ownerId": account.id,
        }

    def update(self, account: Account, id_: str, change: Update) -> None:
        self._map_public(account, id_, change.inputs)
        self.retag(account, id_, change)

    def delete(self, account: Account, id_: str, state: Values) -> None:
        interfaces = account.ec2.describe_network_interfaces(Filters=filters({"subnet-id": id_}))
        # moto deletes a subnet under its instances and mount targets.
        if interfaces["NetworkInterfaces"]:
            why = f"The subnet '{id_}' has dependencies and cannot be deleted."
            raise account.ec2.refuse("DeleteSubnet", "DependencyViolation", why)
        super().delete(account, id_, state)
