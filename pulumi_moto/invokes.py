"""The provider's functions: look-ups that answer from the simulated account."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from . import schema
from .account import Account, AwsError
from .ami_lookup import ami_problems, get_ami
from .lookup import Answer, InvokeError, filters_of
from .schema import Problem
from .table import NotSimulated


def get_availability_zones(account: Account, arguments: Mapping[str, Any]) -> Answer:
    """Zones of the Region by name. moto has no Local Zones, and every zone is opted in."""
    filters = filters_of(arguments)
    if state := arguments.get("state"):
        filters.append({"Name": "state", "Values": [state]})
    known = {"opt-in-status": "opt-in-not-required", "zone-type": "availability-zone"}
    for wanted in list(filters):
        if wanted["Name"] in known:
            if known[wanted["Name"]] not in wanted["Values"]:
                return {**arguments, "id": account.region, "names": [], "zoneIds": []}
            filters.remove(wanted)
    zones = account.call(
        "reading EC2 Availability Zones", "ec2", "describe_availability_zones", Filters=filters
    )["AvailabilityZones"]
    skipped = {*(arguments.get("excludeNames") or []), *(arguments.get("excludeZoneIds") or [])}
    zones = sorted(
        (z for z in zones if not skipped & {z["ZoneName"], z["ZoneId"]}),
        key=lambda z: str(z["ZoneName"]),
    )
    return {
        **arguments,
        "id": account.region,
        "names": [zone["ZoneName"] for zone in zones],
        "zoneIds": [zone["ZoneId"] for zone in zones],
        "groupNames": sorted({zone["ZoneName"][:-1] for zone in zones}),
    }


def get_instance_type(account: Account, arguments: Mapping[str, Any]) -> Answer:
    """Facts of an instance type from moto's recorded DescribeInstanceTypes data."""
    name = arguments["instanceType"]
    facts = account.instance_type(name)
    gpus = facts.get("GpuInfo", {}).get("Gpus", [])
    return {
        "id": name,
        "instanceType": name,
        "currentGeneration": facts.get("CurrentGeneration", True),
        "defaultVcpus": facts["VCpuInfo"]["DefaultVCpus"],
        "memorySize": facts["MemoryInfo"]["SizeInMiB"],
        "supportedArchitectures": facts["ProcessorInfo"]["SupportedArchitectures"],
        "bareMetal": facts.get("BareMetal", False),
        "burstablePerformanceSupported": facts.get("BurstablePerformanceSupported", False),
        "instanceStorageSupported": facts.get("InstanceStorageSupported", False),
        "gpuses": [
            {
                "count": gpu["Count"],
                "manufacturer": gpu["Manufacturer"],
                "memorySize": gpu.get("MemoryInfo", {}).get("SizeInMiB", 0),
                "name": gpu["Name"],
            }
            for gpu in gpus
        ],
        "totalGpuMemory": facts.get("GpuInfo", {}).get("TotalGpuMemoryInMiB", 0),
    }


def get_instance_type_offerings(account: Account, arguments: Mapping[str, Any]) -> Answer:
    """Where instance types are offered; an empty answer is no error."""
    kind = arguments.get("locationType") or "region"
    offers = account.call(
        "reading EC2 Instance Type Offerings",
        "ec2",
        "describe_instance_type_offerings",
        LocationType=kind,
        Filters=filters_of(arguments),
    )["InstanceTypeOfferings"]
    return {
        **arguments,
        "id": account.region,
        "instanceTypes": [offer["InstanceType"] for offer in offers],
        "locations": [offer["Location"] for offer in offers],
        "locationTypes": [offer["LocationType"] for offer in offers],
    }


def get_region(account: Account, arguments: Mapping[str, Any]) -> Answer:
    """The Region of the provider."""
    region = arguments.get("region") or account.region
    return {
        "id": region,
        "region": region,
        "name": region,
        "description": region,
        "endpoint": f"ec2.{region}.amazonaws.com",
    }


def get_partition(account: Account, arguments: Mapping[str, Any]) -> Answer:
    """The partition: the simulated account is a commercial one."""
    return {
        "id": "aws",
        "partition": "aws",
        "dnsSuffix": "amazonaws.com",
        "reverseDnsPrefix": "com.amazonaws",
    }


def get_caller_identity(account: Account, arguments: Mapping[str, Any]) -> Answer:
    """Who calls: nobody, in the simulated account."""
    return {
        "id": account.id,
        "accountId": account.id,
        "arn": f"arn:aws:iam::{account.id}:user/simulated",
        "userId": "AIDASIMULATED",
    }


# Which filter an argument of a look-up stands for.
_VPC: Final = {
    "id": "vpc-id",
    "default": "is-default",
    "cidrBlock": "cidr",
    "dhcpOptionsId": "dhcp-options-id",
    "state": "state",
}
_SUBNET: Final = {
    "id": "subnet-id",
    "availabilityZone": "availabilityZone",
    "availabilityZoneId": "availability-zone-id",
    "cidrBlock": "cidr-block",
    "defaultForAz": "default-for-az",
    "state": "state",
    "vpcId": "vpc-id",
}
_ROUTE_TABLE: Final = {
    "routeTableId": "route-table-id",
    "gatewayId": "association.gateway-id",
    "subnetId": "association.subnet-id",
    "vpcId": "vpc-id",
}
# What the provider declares and nothing here looks at: refused, lest the answer be another one.
_NOT_SIMULATED: Final = {
    "aws:ec2/getAmi:getAmi": {"executableUsers", "uefiData", "tags"},
    "aws:ec2/getSubnet:getSubnet": {"ipv6CidrBlock"},
    "aws:index/getRegion:getRegion": {"endpoint", "id", "name"},
    "aws:route53/getZone:getZone": {"enableAcceleratedRecovery", "name", "tags", "vpcId"},
    "aws:index/getAvailabilityZones:getAvailabilityZones": {"allAvailabilityZones"},
}


def _one(what: str, found: list[dict[str, Any]]) -> dict[str, Any]:
    if not found:
        raise InvokeError(f"no matching {what} found")
    if len(found) > 1:
        raise InvokeError(
            f"multiple {what}s matched; use additional constraints to reduce matches to a single "
            f"{what}"
        )
    return found[0]


def _described(
    account: Account, operation: str, list_name: str, **arguments: Any
) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = account.call("reading", "ec2", operation, **arguments)[
            list_name
        ]
    except AwsError as error:
        if "NotFound" in error.code:
            return []
        raise
    return found


def get_vpc(account: Account, arguments: Mapping[str, Any]) -> Answer:
    """One VPC by id or filters."""
    wanted = filters_of(arguments, _VPC)
    vpc = _one("EC2 VPC", _described(account, "describe_vpcs", "Vpcs", Filters=wanted))
    id_ = vpc["VpcId"]
    dns = {
        key: account.call(
            "reading EC2 VPC", "ec2", "describe_vpc_attribute", VpcId=id_, Attribute=key
        )[key[0].upper() + key[1:]]["Value"]
        for key in ("enableDnsSupport", "enableDnsHostnames")
    }
    return {
        "id": id_,
        "arn": account.arn("ec2", f"vpc/{id_}"),
        "cidrBlock": vpc["CidrBlock"],
        "cidrBlockAssociations": [
            {
                "associationId": one["AssociationId"],
                "cidrBlock": one["CidrBlock"],
                "state": one["CidrBlockState"]["State"],
            }
            for one in vpc["CidrBlockAssociationSet"]
        ],
        "default": vpc["IsDefault"],
        "dhcpOptionsId": vpc["DhcpOptionsId"],
        "instanceTenancy": vpc["InstanceTenancy"],
        "ownerId": account.id,
        "state": vpc["State"],
        "tags": {tag["Key"]: tag["Value"] for tag in vpc.get("Tags") or []},
        **dns,
    }


def get_zone(account: Account, arguments: Mapping[str, Any]) -> Answer:
    """One hosted zone by its id."""
    id_ = arguments.get("zoneId")
    if not id_:
        raise InvokeError('one of "name,zone_id" must be specified')
    action = f"reading Route 53 Hosted Zone ({id_})"
    zone = account.call(action, "route53", "get_hosted_zone", Id=id_)["HostedZone"]
    return {
        "id": id_,
        "zoneId": id_,
        "arn": f"arn:aws:route53:::hostedzone/{id_}",
        "name": zone["Name"].removesuffix("."),
        "privateZone": zone["Config"]["PrivateZone"],
        "comment": zone["Config"].get("Comment", ""),
        "callerReference": zone["CallerReference"],
        "resourceRecordSetCount": zone["ResourceRecordSetCount"],
    }


def get_subnet(account: Account, arguments: Mapping[str, Any]) -> Answer:
    """One subnet by id or filters."""
    wanted = filters_of(arguments, _SUBNET)
    found = _described(account, "describe_subnets", "Subnets", Filters=wanted)
    subnet = _one("EC2 Subnet", found)
    return {
        "id": subnet["SubnetId"],
        "arn": account.arn("ec2", f"subnet/{subnet['SubnetId']}"),
        "availabilityZone": subnet["AvailabilityZone"],
        "availabilityZoneId": subnet["AvailabilityZoneId"],
        "availableIpAddressCount": subnet["AvailableIpAddressCount"],
        "cidrBlock": subnet["CidrBlock"],
        "mapPublicIpOnLaunch": subnet["MapPublicIpOnLaunch"],
        "ownerId": account.id,
        "state": subnet["State"],
        "vpcId": subnet["VpcId"],
        "tags": {tag["Key"]: tag["Value"] for tag in subnet.get("Tags") or []},
    }


def get_route_table(account: Account, arguments: Mapping[str, Any]) -> Answer:
    """One route table by filters or by the subnet that is associated with it."""
    wanted = filters_of(arguments, _ROUTE_TABLE)
    table = _one(
        "EC2 Route Table",
        _described(account, "describe_route_tables", "RouteTables", Filters=wanted),
    )
    return {
        "id": table["RouteTableId"],
        "routeTableId": table["RouteTableId"],
        "arn": account.arn("ec2", f"route-table/{table['RouteTableId']}"),
        "vpcId": table["VpcId"],
        "ownerId": account.id,
        "routes": [
            {
                "cidrBlock": route.get("DestinationCidrBlock", ""),
                "gatewayId": route.get("GatewayId", ""),
                "natGatewayId": route.get("NatGatewayId", ""),
                "transitGatewayId": route.get("TransitGatewayId", ""),
                "networkInterfaceId": route.get("NetworkInterfaceId", ""),
                "instanceId": route.get("InstanceId", ""),
            }
            for route in table["Routes"]
        ],
        "associations": [
            {
                "main": association["Main"],
                "routeTableAssociationId": association["RouteTableAssociationId"],
                "routeTableId": association["RouteTableId"],
                "subnetId": association.get("SubnetId", ""),
                "gatewayId": association.get("GatewayId", ""),
            }
            for association in table["Associations"]
        ],
        "tags": {tag["Key"]: tag["Value"] for tag in table.get("Tags") or []},
    }


def get_route_tables(account: Account, arguments: Mapping[str, Any]) -> Answer:
    """Ids of the route tables that fit; none is no error."""
    wanted = filters_of(arguments, {"vpcId": "vpc-id"})
    found = _described(account, "describe_route_tables", "RouteTables", Filters=wanted)
    return {
        **arguments,
        "id": account.region,
        "ids": sorted(table["RouteTableId"] for table in found),
    }


INVOKES: Final[dict[str, Callable[[Account, Mapping[str, Any]], Answer]]] = {
    "aws:ec2/getAmi:getAmi": get_ami,
    "aws:ec2/getInstanceType:getInstanceType": get_instance_type,
    "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings": get_instance_type_offerings,
    "aws:ec2/getRouteTable:getRouteTable": get_route_table,
    "aws:ec2/getRouteTables:getRouteTables": get_route_tables,
    "aws:ec2/getSubnet:getSubnet": get_subnet,
    "aws:ec2/getVpc:getVpc": get_vpc,
    "aws:index/getAvailabilityZones:getAvailabilityZones": get_availability_zones,
    "aws:index/getCallerIdentity:getCallerIdentity": get_caller_identity,
    "aws:index/getPartition:getPartition": get_partition,
    "aws:index/getRegion:getRegion": get_region,
    "aws:route53/getZone:getZone": get_zone,
}


def check(token: str, arguments: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with an invoke's arguments. `NotSimulated` for one that is not known."""
    if token not in INVOKES:
        raise NotSimulated(
            f"the simulated account does not know the function {token}; it knows "
            f"{', '.join(sorted(t.rpartition(':')[2] for t in INVOKES))}"
        )
    found = list(schema.problems(schema.invoke_shape(token), arguments))
    for key in sorted(_NOT_SIMULATED.get(token, set()) & arguments.keys()):
        if arguments[key]:
            found.append(Problem(key, "declared by AWS, but not simulated yet"))
    if not found and token == "aws:ec2/getAmi:getAmi":
        found += ami_problems(arguments)
    return found


def invoke(account: Account, token: str, arguments: Mapping[str, Any]) -> Answer:
    """Answer of a checked invoke, in the provider's camelCase names."""
    answer = INVOKES[token](account, arguments)
    if unknown := set(answer) - schema.invoke_shape(token).outputs:
        raise LookupError(f"{token} has no such outputs: {sorted(unknown)}")
    return answer
