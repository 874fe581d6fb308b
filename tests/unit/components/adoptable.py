"""An existing VPC to adopt."""

from geusemaker.simulator.mocks import SimulatedMocks


class Adoptable:
    """A VPC with two subnets in two zones, routed to an internet gateway."""

    def __init__(self, account: SimulatedMocks) -> None:
        self.ec2 = ec2 = account.account.client("ec2")
        self.vpc: str = ec2.create_vpc(CidrBlock="10.50.0.0/16")["Vpc"]["VpcId"]
        ec2.modify_vpc_attribute(VpcId=self.vpc, EnableDnsHostnames={"Value": True})
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)
        here = [{"Name": "vpc-id", "Values": [self.vpc]}]
        (main,) = ec2.describe_route_tables(Filters=here)["RouteTables"]
        self.main_table: str = main["RouteTableId"]
        ec2.create_route(
            RouteTableId=self.main_table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway
        )
        self.subnets = [self.subnet(0, "us-east-1a"), self.subnet(1, "us-east-1b")]

    def subnet(self, number: int, zone: str) -> str:
        """One more subnet; its id."""
        made = self.ec2.create_subnet(
            VpcId=self.vpc, CidrBlock=f"10.50.{number}.0/24", AvailabilityZone=zone
        )
        return str(made["Subnet"]["SubnetId"])
