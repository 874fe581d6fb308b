"""Ways out of a VPC: internet gateway, route tables, routes."""

import hashlib
from collections.abc import Iterator
from typing import Any

from pulumi_moto.account import Account, gone_is_fine
from pulumi_moto.planning import Values, names
from pulumi_moto.resource import ById, Resource, Update
from pulumi_moto.schema import Problem

from .support import Ec2Resource, capitalised, filters, first, picked


class InternetGateway(Ec2Resource):
    token = "aws:ec2/internetGateway:InternetGateway"
    label = "EC2 Internet Gateway"
    kind = "internet-gateway"
    shown_by = ById("describe_internet_gateways", "InternetGatewayIds", "InternetGateways")
    deleted_by = ById("delete_internet_gateway", "InternetGatewayId")
    optional_computed = names("vpcId")

    def create(self, account: Account, inputs: Values) -> str:
        tags = self.tag_specifications(account, inputs)
        made = account.ec2.create_internet_gateway(TagSpecifications=tags)
        id_ = str(made["InternetGateway"]["InternetGatewayId"])
        if inputs.get("vpcId"):
            self._attach(account, id_, inputs["vpcId"])
        return id_

    def _attach(self, account: Account, id_: str, vpc_id: str) -> None:
        attaching = account.during(f"attaching EC2 Internet Gateway ({id_})")
        attaching.ec2.attach_internet_gateway(InternetGatewayId=id_, VpcId=vpc_id)

    def _detach(self, account: Account, id_: str, vpc_id: str) -> None:
        ec2 = account.during(f"detaching EC2 Internet Gateway ({id_})").ec2
        states = ["pending", "running", "stopping", "stopped"]
        alive = filters({"vpc-id": vpc_id, "instance-state-name": states})
        reservations = ec2.describe_instances(Filters=alive)["Reservations"]
        instances = [i for r in reservations for i in r["Instances"]]
        ids = {i["InstanceId"] for i in instances}
        addresses = ec2.describe_addresses()["Addresses"]
        if any(i.get("PublicIpAddress") for i in instances) or any(
            a.get("InstanceId") in ids for a in addresses
        ):
            raise ec2.refuse(
                "DetachInternetGateway",
                "DependencyViolation",
                f"Network {vpc_id} has some mapped public address(es). "
                "Please unmap those public address(es) before detaching the gateway.",
            )
        with gone_is_fine():
            ec2.detach_internet_gateway(InternetGatewayId=id_, VpcId=vpc_id)

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        attached = first(shown.get("Attachments", []))
        return {
            "arn": self.arn(account, id_),
            "ownerId": account.id,
            "vpcId": attached["VpcId"] if attached else "",
        }

    def update(self, account: Account, id_: str, change: Update) -> None:
        if "vpcId" in change.paths:
            if change.state.get("vpcId"):
                self._detach(account, id_, change.state["vpcId"])
            self._attach(account, id_, change.inputs["vpcId"])
        self.retag(account, id_, change)

    def delete(self, account: Account, id_: str, state: Values) -> None:
        if state.get("vpcId"):
            self._detach(account, id_, state["vpcId"])
        super().delete(account, id_, state)


class RouteTable(Ec2Resource):
    token = "aws:ec2/routeTable:RouteTable"
    label = "EC2 Route Table"
    kind = "route-table"
    shown_by = ById("describe_route_tables", "RouteTableIds", "RouteTables")
    deleted_by = ById("delete_route_table", "RouteTableId")
    replace_on = names("vpcId")
    optional_computed = names("routes")
    not_simulated = dict.fromkeys(("routes", "propagatingVgws"), "use ec2.Route")

    def create(self, account: Account, inputs: Values) -> str:
        tags = self.tag_specifications(account, inputs)
        made = account.ec2.create_route_table(VpcId=inputs["vpcId"], TagSpecifications=tags)
        return str(made["RouteTable"]["RouteTableId"])

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        return {
            "arn": self.arn(account, id_),
            "ownerId": account.id,
            "vpcId": shown["VpcId"],
            "routes": [
                {
                    "cidrBlock": route.get("DestinationCidrBlock", ""),
                    "gatewayId": route.get("GatewayId", ""),
                }
                for route in shown["Routes"]
                if route.get("GatewayId") != "local"
            ],
        }

    def delete(self, account: Account, id_: str, state: Values) -> None:
        table = self.describe(account, id_, state)
        # As the real provider. moto also keeps the associations of subnets that are gone.
        for association in table["Associations"]:
            account.ec2.disassociate_route_table(
                AssociationId=association["RouteTableAssociationId"]
            )
        super().delete(account, id_, state)


class Route(Resource):
    token = "aws:ec2/route:Route"
    label = "Route"
    creating = "creating Route in Route Table ({routeTableId})"
    replace_on = names(
        "routeTableId destinationCidrBlock destinationIpv6CidrBlock destinationPrefixListId"
    )

    def extra_problems(self, inputs: Values) -> Iterator[Problem]:
        if inputs.get("destinationCidrBlock") is None or inputs.get("gatewayId") is None:
            why = "only IPv4 routes to an internet gateway are simulated"
            yield Problem("destinationCidrBlock", why)

    def create(self, account: Account, inputs: Values) -> str:
        account.ec2.create_route(**_where(inputs), GatewayId=inputs["gatewayId"])
        digest = hashlib.sha256(inputs["destinationCidrBlock"].encode()).hexdigest()[:10]
        return f"r-{inputs['routeTableId']}{int(digest, 16) % 10**10}"

    def describe(self, account: Account, id_: str, state: Values) -> Any:
        own = filters({"route-table-id": state["routeTableId"]})
        tables = account.ec2.describe_route_tables(Filters=own)["RouteTables"]
        for route in tables[0]["Routes"] if tables else []:
            if route.get("DestinationCidrBlock") == state["destinationCidrBlock"]:
                return route
        return None

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        return {
            "routeTableId": state["routeTableId"],
            "destinationCidrBlock": shown["DestinationCidrBlock"],
            "gatewayId": shown.get("GatewayId", ""),
            "state": shown.get("State", "active"),
            "origin": "CreateRoute",
            "instanceId": "",
            "instanceOwnerId": "",
        }

    def update(self, account: Account, id_: str, change: Update) -> None:
        account.ec2.replace_route(**_where(change.inputs), GatewayId=change.inputs["gatewayId"])

    def delete(self, account: Account, id_: str, state: Values) -> None:
        account.ec2.delete_route(**_where(state))


def _where(values: Values) -> dict[str, str]:
    return capitalised({key: values[key] for key in ("routeTableId", "destinationCidrBlock")})


class RouteTableAssociation(Resource):
    token = "aws:ec2/routeTableAssociation:RouteTableAssociation"
    label = "EC2 Route Table Association"
    replace_on = names("subnetId gatewayId")

    def extra_problems(self, inputs: Values) -> Iterator[Problem]:
        if inputs.get("subnetId") is None or inputs.get("gatewayId") is not None:
            yield Problem("subnetId", "exactly one of subnetId and gatewayId; gateways: no")

    def create(self, account: Account, inputs: Values) -> str:
        table, subnet = inputs["routeTableId"], inputs["subnetId"]
        if self.describe(account, "", inputs):  # moto answers with the old association instead
            raise account.ec2.refuse(
                "AssociateRouteTable",
                "Resource.AlreadyAssociated",
                f"the specified association for route table {table} "
                "conflicts with an existing association",
            )
        made = account.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        return str(made["AssociationId"])

    def describe(self, account: Account, id_: str, state: Values) -> Any:
        # By subnet: AWS gives a replaced association another id, and the engine keeps the first.
        own = filters({"association.subnet-id": state["subnetId"]})
        tables = account.ec2.describe_route_tables(Filters=own)["RouteTables"]
        for association in tables[0]["Associations"] if tables else []:
            if association.get("SubnetId") == state["subnetId"]:
                return association
        return None

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        return picked(shown, "RouteTableId", "SubnetId")

    def update(self, account: Account, id_: str, change: Update) -> None:
        association = self.describe(account, id_, change.state)
        account.ec2.replace_route_table_association(
            AssociationId=association["RouteTableAssociationId"] if association else id_,
            RouteTableId=change.inputs["routeTableId"],
        )

    def delete(self, account: Account, id_: str, state: Values) -> None:
        if association := self.describe(account, id_, state):
            account.ec2.disassociate_route_table(
                AssociationId=association["RouteTableAssociationId"]
            )
