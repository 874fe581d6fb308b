"""The provider's functions: look-ups that answer from the simulated account."""

from collections.abc import Callable
from typing import Any, Final

from . import schema
from .account import Account, AwsError
from .ami_lookup import ami_problems, get_ami
from .lookup import Answer, InvokeError, filters_of
from .planning import Values, region_problem
from .resources.network import vpc_attributes
from .resources.support import optional, picked
from .schema import Problem
from .table import NotSimulated
from .tags import plain_tags


def get_availability_zones(account: Account, arguments: Values) -> Answer:
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
    reading = account.during("reading EC2 Availability Zones")
    zones = reading.ec2.describe_availability_zones(Filters=filters)["AvailabilityZones"]
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


def get_instance_type(account: Account, arguments: Values) -> Answer:
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
        "totalInstanceStorage": facts.get("InstanceStorageInfo", {}).get("TotalSizeInGB", 0),
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


def get_instance_type_offerings(account: Account, arguments: Values) -> Answer:
    """Where instance types are offered; an empty answer is no error."""
    kind = arguments.get("locationType") or "region"
    reading = account.during("reading EC2 Instance Type Offerings")
    offers = reading.ec2.describe_instance_type_offerings(
        LocationType=kind, Filters=filters_of(arguments)
    )["InstanceTypeOfferings"]
    return {
        **arguments,
        "id": account.region,
        "instanceTypes": [offer["InstanceType"] for offer in offers],
        "locations": [offer["Location"] for offer in offers],
        "locationTypes": [offer["LocationType"] for offer in offers],
    }


def get_region(account: Account, arguments: Values) -> Answer:
    """The Region of the provider, or the named one."""
    region = account.region
    return {
        "id": region,
        "region": region,
        "name": region,
        "description": region,
        "endpoint": f"ec2.{region}.amazonaws.com",
    }


def get_partition(account: Account, arguments: Values) -> Answer:
    """The partition: the simulated account is a commercial one."""
    return {
        "id": "aws",
        "partition": "aws",
        "dnsSuffix": "amazonaws.com",
        "reverseDnsPrefix": "com.amazonaws",
    }


def get_caller_identity(account: Account, arguments: Values) -> Answer:
    """The caller: a made-up user of the simulated account."""
    return {
        "id": account.id,
        "accountId": account.id,
        "arn": f"arn:aws:iam::{account.id}:user/simulated",
        "userId": "AIDASIMULATED",
    }


# The filters that the arguments of a look-up set.
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
# What the provider declares and nothing here reads: refused, since the answer would be wrong.
_NOT_SIMULATED: Final = {
    "aws:ec2/getAmi:getAmi": {"executableUsers", "uefiData", "tags"},
    "aws:ec2/getSubnet:getSubnet": {"ipv6CidrBlock"},
    "aws:index/getRegion:getRegion": {"endpoint", "id", "name"},
    "aws:kms/getKey:getKey": {"grantTokens"},
    "aws:route53/getZone:getZone": {"enableAcceleratedRecovery", "name", "tags", "vpcId"},
    "aws:index/getAvailabilityZones:getAvailabilityZones": {"allAvailabilityZones"},
}


def _found(
    account: Account, operation: str, part: str, wanted: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """What EC2 describes for filters; nothing where it knows no such thing."""
    try:
        answer = account.call("ec2", operation, Filters=wanted)
    except AwsError as error:
        if error.is_gone:
            return []
        raise
    found: list[dict[str, Any]] = answer[part]
    return found


def _one(
    account: Account, what: str, operation: str, part: str, wanted: list[dict[str, Any]]
) -> dict[str, Any]:
    found = _found(account, operation, part, wanted)
    if not found:
        raise InvokeError(f"no matching {what} found")
    if len(found) > 1:
        raise InvokeError(
            f"multiple {what}s matched; use additional constraints to reduce matches to a single "
            f"{what}"
        )
    return found[0]


def get_vpc(account: Account, arguments: Values) -> Answer:
    """One VPC by id or filters."""
    reading = account.during("reading EC2 VPC")
    vpc = _one(reading, "EC2 VPC", "describe_vpcs", "Vpcs", filters_of(arguments, _VPC))
    id_ = vpc["VpcId"]
    return {
        **picked(vpc, "CidrBlock", "DhcpOptionsId", "InstanceTenancy", "State"),
        **vpc_attributes(reading, id_),
        "id": id_,
        "arn": account.arn("ec2", f"vpc/{id_}"),
        "cidrBlockAssociations": [
            {
                "associationId": one["AssociationId"],
                "cidrBlock": one["CidrBlock"],
                "state": one["CidrBlockState"]["State"],
            }
            for one in vpc["CidrBlockAssociationSet"]
        ],
        "default": vpc["IsDefault"],
        "ownerId": account.id,
        "tags": plain_tags(vpc.get("Tags")),
    }


def _refuse_foreign_key(account: Account, id_: str) -> None:
    """Raises the errors of KMS for the ARN of another Region or account. moto ignores both.

    A key of another account that is in this one's state may be used.
    """
    region, owner = id_.split(":")[3:5] if id_.startswith("arn:") else (account.region, account.id)
    if region != account.region:
        raise account.kms.refuse("DescribeKey", "NotFoundException", f"Invalid arn {region}")
    shared = [one["KeyArn"] for one in account.kms.list_keys()["Keys"]]
    if owner != account.id and id_ not in shared:
        why = (
            f"User: arn:aws:iam::{account.id}:user/simulated is not authorized to perform: "
            f"kms:DescribeKey on resource: {id_} because the resource does not exist in this "
            "Region, no resource-based policies allow access, or a resource-based policy "
            "explicitly denies access"
        )
        raise account.kms.refuse("DescribeKey", "AccessDeniedException", why)


def get_key(account: Account, arguments: Values) -> Answer:
    """One key of KMS by its id, ARN or alias."""
    id_ = arguments["keyId"]
    reading = account.during(f"reading KMS Key ({id_})")
    _refuse_foreign_key(reading, id_)
    key = reading.kms.describe_key(KeyId=id_)["KeyMetadata"]
    return {
        **picked(key, "Arn", "CustomerMasterKeySpec", "Description", "Enabled", "KeyManager"),
        **picked(key, "KeySpec", "KeyState", "Origin"),
        # moto leaves both out unless given; these are what AWS gives a key.
        "keyUsage": key.get("KeyUsage") or "ENCRYPT_DECRYPT",
        "multiRegion": bool(key.get("MultiRegion")),
        "id": key["KeyId"],
        "keyId": id_,
        "awsAccountId": key["AWSAccountId"],
        "creationDate": key["CreationDate"].isoformat(),
    }


def get_zone(account: Account, arguments: Values) -> Answer:
    """One hosted zone by its id."""
    id_ = arguments.get("zoneId")
    if not id_:
        raise InvokeError('one of "name,zone_id" must be specified')
    reading = account.during(f"reading Route 53 Hosted Zone ({id_})")
    zone = reading.route53.get_hosted_zone(Id=id_)["HostedZone"]
    return {
        **picked(zone, "CallerReference", "ResourceRecordSetCount"),
        "id": id_,
        "zoneId": id_,
        "arn": f"arn:aws:route53:::hostedzone/{id_}",
        "name": zone["Name"].removesuffix("."),
        "privateZone": zone["Config"]["PrivateZone"],
        "comment": zone["Config"].get("Comment", ""),
    }


def get_subnet(account: Account, arguments: Values) -> Answer:
    """One subnet by id or filters."""
    wanted = filters_of(arguments, _SUBNET)
    subnet = _one(account, "EC2 Subnet", "describe_subnets", "Subnets", wanted)
    return {
        **picked(subnet, "AvailabilityZone", "AvailabilityZoneId", "AvailableIpAddressCount"),
        **picked(subnet, "CidrBlock", "MapPublicIpOnLaunch", "State", "VpcId"),
        "id": subnet["SubnetId"],
        "arn": account.arn("ec2", f"subnet/{subnet['SubnetId']}"),
        "ownerId": account.id,
        "tags": plain_tags(subnet.get("Tags")),
    }


def get_route_table(account: Account, arguments: Values) -> Answer:
    """One route table by filters or by the subnet that is associated with it."""
    wanted = filters_of(arguments, _ROUTE_TABLE)
    table = _one(account, "EC2 Route Table", "describe_route_tables", "RouteTables", wanted)
    return {
        **picked(table, "RouteTableId", "VpcId"),
        "id": table["RouteTableId"],
        "arn": account.arn("ec2", f"route-table/{table['RouteTableId']}"),
        "ownerId": account.id,
        "routes": [
            {
                "cidrBlock": route.get("DestinationCidrBlock", ""),
                **optional(route, "GatewayId", "InstanceId", "NatGatewayId"),
                **optional(route, "NetworkInterfaceId", "TransitGatewayId"),
            }
            for route in table["Routes"]
        ],
        "associations": [
            {
                **picked(association, "Main", "RouteTableAssociationId", "RouteTableId"),
                **optional(association, "SubnetId", "GatewayId"),
            }
            for association in table["Associations"]
        ],
        "tags": plain_tags(table.get("Tags")),
    }


def get_route_tables(account: Account, arguments: Values) -> Answer:
    """Ids of the route tables that fit; none is no error."""
    wanted = filters_of(arguments, {"vpcId": "vpc-id"})
    found = _found(account, "describe_route_tables", "RouteTables", wanted)
    return {
        **arguments,
        "id": account.region,
        "ids": sorted(table["RouteTableId"] for table in found),
    }


INVOKES: Final[dict[str, Callable[[Account, Values], Answer]]] = {
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
    "aws:kms/getKey:getKey": get_key,
    "aws:route53/getZone:getZone": get_zone,
}


def check(token: str, arguments: Values) -> list[Problem]:
    """What is wrong with an invoke's arguments. `NotSimulated` for one that is not known."""
    if token not in INVOKES:
        raise NotSimulated(
            f"the simulated account does not know the function {token}; it knows "
            f"{', '.join(sorted(t.rpartition(':')[2] for t in INVOKES))}"
        )
    found = [*schema.problems(schema.invoke_shape(token), arguments), *region_problem(arguments)]
    for key in sorted(_NOT_SIMULATED.get(token, set()) & arguments.keys()):
        if arguments[key]:
            found.append(Problem(key, "declared by AWS, but not simulated yet"))
    if not found and token == "aws:ec2/getAmi:getAmi":
        found += ami_problems(arguments)
    return found


def invoke(account: Account, token: str, arguments: Values) -> Answer:
    """Answer of a checked invoke in the Region of `account`, in the provider's camelCase names."""
    answer = INVOKES[token](account, arguments)
    outputs = schema.invoke_shape(token).outputs
    if "region" in outputs:
        answer["region"] = account.region
    if unknown := set(answer) - outputs:
        raise LookupError(f"{token} has no such outputs: {sorted(unknown)}")
    return answer
