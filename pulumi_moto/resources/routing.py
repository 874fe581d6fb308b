"""Ways out of a VPC: internet gateway, route tables, routes."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_moto.account import Account, gone_is_fine
from pulumi_moto.resource import Resource, Update
from pulumi_moto.schema import Problem

from .support import Ec2Resource, filters, first, not_simulated, own_tags


class InternetGateway(Ec2Resource):
    token = "aws:ec2/internetGateway:InternetGateway"
    kind = "internet-gateway"
    computed = frozenset({"arn", "ownerId"})
    optional_computed = frozenset({"vpcId"})

    def create(self, account: Account, inputs: Mapping[str, Any]) -> str:
        made = account.call(
            "creating EC2 Internet Gateway",
            "ec2",
            "create_internet_gateway",
            TagSpecifications=self.tag_specifications(account, inputs),
        )
        id_ = str(made["InternetGateway"]["InternetGatewayId"])
        if inputs.get("vpcId"):
            self._attach(account, id_, inputs["vpcId"])
        return id_

    def _attach(self, account: Account, id_: str, vpc_id: str) -> None:
        account.call(
            f"attaching EC2 Internet Gateway ({id_})",
            "ec2",
            "attach_internet_gateway",
            InternetGatewayId=id_,
            VpcId=vpc_id,
        )

    def _detach(self, account: Account, id_: str, vpc_id: str) -> None:
        addresses = account.call(
            f"detaching EC2 Internet Gateway ({id_})", "ec2", "describe_addresses"
        )["Addresses"]
        reservations = account.call(
            f"detaching EC2 Internet Gateway ({id_})",
            "ec2",
            "describe_instances",
            Filters=filters(
                {
                    "vpc-id": vpc_id,
                    "instance-state-name": ["pending", "running", "stopping", "stopped"],
                }
            ),
        )["Reservations"]
        instances = [i for r in reservations for i in r["Instances"]]
        mapped = {i["InstanceId"] for i in instances if i.get("PublicIpAddress")} | {
            a["InstanceId"]
            for a in addresses
            if a.get("InstanceId") in {i["InstanceId"] for i in instances}
        }
        if mapped:
            raise account.refuse(
                f"detaching EC2 Internet Gateway ({id_})",
                "EC2",
                "DetachInternetGateway",
                "DependencyViolation",
                f"Network {vpc_id} has some mapped public address(es). "
                "Please unmap those public address(es) before detaching the gateway.",
            )
        with gone_is_fine("Gateway.NotAttached", "InvalidInternetGatewayID.NotFound"):
            account.call(
                f"detaching EC2 Internet Gateway ({id_})",
                "ec2",
                "detach_internet_gateway",
                InternetGatewayId=id_,
                VpcId=vpc_id,
            )

    def read(self, account: Account, id_: str, state: Mapping[str, Any]) -> dict[str, Any] | None:
        gateway = self.described(
            account, "describe_internet_gateways", "InternetGateways", InternetGatewayIds=[id_]
        )
        if gateway is None:
            return None
        attached = first(gateway.get("Attachments", []))
        return {
            "arn": account.arn("ec2", f"internet-gateway/{id_}"),
            "ownerId": account.id,
            "vpcId": attached["VpcId"] if attached else "",
            "tags": own_tags(account, gateway.get("Tags"), state),
        }

    def update(self, account: Account, id_: str, change: Update) -> None:
        if "vpcId" in change.paths:
            if change.state.get("vpcId"):
                self._detach(account, id_, change.state["vpcId"])
            self._attach(account, id_, change.inputs["vpcId"])
        self.retag(account, id_, change)

    def delete(self, account: Account, id_: str, state: Mapping[str, Any]) -> None:
        if state.get("vpcId"):
            self._detach(account, id_, state["vpcId"])
        with gone_is_fine("InvalidInternetGatewayID.NotFound"):
            account.call(
                f"deleting EC2 Internet Gateway ({id_})",
                "ec2",
                "delete_internet_gateway",
                InternetGatewayId=id_,
            )


class RouteTable(Ec2Resource):
    token = "aws:ec2/routeTable:RouteTable"
    kind = "route-table"
    replace_on = frozenset({"vpcId"})
    computed = frozenset({"arn", "ownerId"})
    optional_computed = frozenset({"routes"})

    def extra_problems(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        yield from not_simulated(inputs, "use ec2.Route", "routes", "propagatingVgws")

    def create(self, account: Account, inputs: Mapping[str, Any]) -> str:
        made = account.call(
            "creating EC2 Route Table",
            "ec2",
            "create_route_table",
            VpcId=inputs["vpcId"],
            TagSpecifications=self.tag_specifications(account, inputs),
        )
        return str(made["RouteTable"]["RouteTableId"])

    def read(self, account: Account, id_: str, state: Mapping[str, Any]) -> dict[str, Any] | None:
        table = self.described(account, "describe_route_tables", "RouteTables", RouteTableIds=[id_])
        if table is None:
            return None
        return {
            "arn": account.arn("ec2", f"route-table/{id_}"),
            "ownerId": account.id,
            "vpcId": table["VpcId"],
            "routes": [
                {
                    "cidrBlock": route.get("DestinationCidrBlock", ""),
                    "gatewayId": route.get("GatewayId", ""),
                }
                for route in table["Routes"]
                if route.get("GatewayId") != "local"
            ],
            "tags": own_tags(account, table.get("Tags"), state),
        }

    def delete(self, account: Account, id_: str, state: Mapping[str, Any]) -> None:
        action = f"deleting EC2 Route Table ({id_})"
        with gone_is_fine("InvalidRouteTableID.NotFound"):
            table = account.call(action, "ec2", "describe_route_tables", RouteTableIds=[id_])[
                "RouteTables"
            ][0]
            # As the real provider. moto also keeps the associations of subnets that are gone.
            for association in table["Associations"]:
                account.call(
                    action,
                    "ec2",
                    "disassociate_route_table",
                    AssociationId=association["RouteTableAssociationId"],
                )
            account.call(action, "ec2", "delete_route_table", RouteTableId=id_)


class Route(Resource):
    token = "aws:ec2/route:Route"
    replace_on = frozenset(
        {
            "routeTableId",
            "destinationCidrBlock",
            "destinationIpv6CidrBlock",
            "destinationPrefixListId",
        }
    )
    computed = frozenset({"state", "origin", "instanceId", "instanceOwnerId"})
    taggable = False

    def extra_problems(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        if inputs.get("destinationCidrBlock") is None or inputs.get("gatewayId") is None:
            yield Problem(
                "destinationCidrBlock", "only IPv4 routes to an internet gateway are simulated"
            )

    def create(self, account: Account, inputs: Mapping[str, Any]) -> str:
        account.call(
            f"creating Route in Route Table ({inputs['routeTableId']})",
            "ec2",
            "create_route",
            RouteTableId=inputs["routeTableId"],
            DestinationCidrBlock=inputs["destinationCidrBlock"],
            GatewayId=inputs["gatewayId"],
        )
        digest = hashlib.sha256(inputs["destinationCidrBlock"].encode()).hexdigest()[:10]
        return f"r-{inputs['routeTableId']}{int(digest, 16) % 10**10}"

    def read(self, account: Account, id_: str, state: Mapping[str, Any]) -> dict[str, Any] | None:
        tables = account.call(
            f"reading Route ({id_})",
            "ec2",
            "describe_route_tables",
            Filters=filters({"route-table-id": state["routeTableId"]}),
        )["RouteTables"]
        for route in tables[0]["Routes"] if tables else []:
            if route.get("DestinationCidrBlock") == state["destinationCidrBlock"]:
                return {
                    "routeTableId": state["routeTableId"],
                    "destinationCidrBlock": route["DestinationCidrBlock"],
                    "gatewayId": route.get("GatewayId", ""),
                    "state": route.get("State", "active"),
                    "origin": "CreateRoute",
                    "instanceId": "",
                    "instanceOwnerId": "",
                }
        return None

    def update(self, account: Account, id_: str, change: Update) -> None:
        account.call(
            f"updating Route ({id_})",
            "ec2",
            "replace_route",
            RouteTableId=change.inputs["routeTableId"],
            DestinationCidrBlock=change.inputs["destinationCidrBlock"],
            GatewayId=change.inputs["gatewayId"],
        )

    def delete(self, account: Account, id_: str, state: Mapping[str, Any]) -> None:
        with gone_is_fine("InvalidRoute.NotFound", "InvalidRouteTableID.NotFound"):
            account.call(
                f"deleting Route ({id_})",
                "ec2",
                "delete_route",
                RouteTableId=state["routeTableId"],
                DestinationCidrBlock=state["destinationCidrBlock"],
            )


class RouteTableAssociation(Resource):
    token = "aws:ec2/routeTableAssociation:RouteTableAssociation"
    replace_on = frozenset({"subnetId", "gatewayId"})
    taggable = False

    def extra_problems(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        if inputs.get("subnetId") is None or inputs.get("gatewayId") is not None:
            yield Problem("subnetId", "exactly one of subnetId and gatewayId; gateways: no")

    def create(self, account: Account, inputs: Mapping[str, Any]) -> str:
        action = "creating EC2 Route Table Association"
        taken = account.call(
            action,
            "ec2",
            "describe_route_tables",
            Filters=filters({"association.subnet-id": inputs["subnetId"]}),
        )["RouteTables"]
        if taken:  # moto answers with the old association instead
            raise account.refuse(
                action,
                "EC2",
                "AssociateRouteTable",
                "Resource.AlreadyAssociated",
                f"the specified association for route table {inputs['routeTableId']} "
                "conflicts with an existing association",
            )
        made = account.call(
            action,
            "ec2",
            "associate_route_table",
            RouteTableId=inputs["routeTableId"],
            SubnetId=inputs["subnetId"],
        )
        return str(made["AssociationId"])

    def read(self, account: Account, id_: str, state: Mapping[str, Any]) -> dict[str, Any] | None:
        association = self._association(account, id_, state["subnetId"])
        if association is None:
            return None
        return {"routeTableId": association["RouteTableId"], "subnetId": state["subnetId"]}

    def _association(self, account: Account, id_: str, subnet_id: str) -> dict[str, Any] | None:
        # By subnet: AWS gives a replaced association another id, and the engine keeps the first.
        tables = account.call(
            f"reading EC2 Route Table Association ({id_})",
            "ec2",
            "describe_route_tables",
            Filters=filters({"association.subnet-id": subnet_id}),
        )["RouteTables"]
        for association in tables[0]["Associations"] if tables else []:
            if association.get("SubnetId") == subnet_id:
                found: dict[str, Any] = association
                return found
        return None

    def update(self, account: Account, id_: str, change: Update) -> None:
        association = self._association(account, id_, change.state["subnetId"])
        account.call(
            f"updating EC2 Route Table Association ({id_})",
            "ec2",
            "replace_route_table_association",
            AssociationId=association["RouteTableAssociationId"] if association else id_,
            RouteTableId=change.inputs["routeTableId"],
        )

    def delete(self, account: Account, id_: str, state: Mapping[str, Any]) -> None:
        if association := self._association(account, id_, state["subnetId"]):
            account.call(
                f"deleting EC2 Route Table Association ({id_})",
                "ec2",
                "disassociate_route_table",
                AssociationId=association["RouteTableAssociationId"],
            )
