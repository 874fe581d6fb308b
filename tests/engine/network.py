"""A network in the account that a stack may adopt."""

from .door import Door


def make_network(door: Door) -> dict[str, str]:
    """A VPC with public subnets c, d and e, and the public zone of example.com: their ids.

    c and e are in the same zone.
    """
    ec2 = door.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.50.0.0/16")["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    here = [{"Name": "vpc-id", "Values": [vpc]}]
    (table,) = ec2.describe_route_tables(Filters=here)["RouteTables"]
    ec2.create_route(
        RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway
    )
    subnets = {
        name: ec2.create_subnet(
            VpcId=vpc, CidrBlock=f"10.50.{number}.0/24", AvailabilityZone=f"us-east-1{zone}"
        )["Subnet"]["SubnetId"]
        for number, (name, zone) in enumerate({"c": "c", "d": "d", "e": "c"}.items())
    }
    route53 = door.client("route53")
    zone = route53.create_hosted_zone(Name="example.com", CallerReference="1")["HostedZone"]
    return {"vpc": vpc, "zone": zone["Id"].rpartition("/")[2], **subnets}
