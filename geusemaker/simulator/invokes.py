"""The provider's functions: look-ups that answer from the simulated account."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from . import schema
from .account import Account, AwsError
from .images import backend_of
from .resources.support import filters as ec2_filters
from .schema import Problem
from .table import NotSimulated

Answer = dict[str, Any]


class InvokeError(Exception):
    """A look-up fails. `str()` is what the real provider would show for it."""

    def __init__(self, *texts: str) -> None:
        many = f"{len(texts)} error{'s' if len(texts) > 1 else ''} occurred:\n"
        super().__init__(many + "".join(f"\t* {text}\n" for text in texts) + "\n")


def _filters(arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"Name": f["name"], "Values": f["values"]} for f in arguments.get("filters") or []]


def get_ami(account: Account, arguments: Mapping[str, Any]) -> Answer:
    """`aws.ec2.getAmi`: the safety rule, the server's filters, then name regex, then newest."""
    owners = arguments.get("owners") or []
    filters = _filters(arguments)
    newest = bool(arguments.get("mostRecent"))
    named = {f["Name"] for f in filters}
    if newest and not owners and not named & {"owner-id", "image-id"}:
        if not arguments.get("allowUnsafeFilter"):
            raise InvokeError(
                'Most Recent Image Not Filtered: "most_recent" is set to "true" and results are '
                "not filtered by owner or image ID. With this configuration, a third party may "
                "introduce a new image which will be returned by this data source. Filter by "
                "owner or image ID to avoid this possibility."
            )
    found = account.call(
        "reading EC2 AMIs", "ec2", "describe_images", Owners=owners, Filters=filters
    )["Images"]
    if not arguments.get("includeDeprecated"):
        # moto ignores IncludeDeprecated; AWS hides what is past its time from all but the owner.
        now = _newest_day(account)
        found = [image for image in found if image.get("DeprecationTime", now) >= now]
    if pattern := arguments.get("nameRegex"):
        found = [image for image in found if re.search(pattern, image.get("Name") or "")]
    if not found:
        raise InvokeError(
            "Your query returned no results. Please change your search criteria and try again."
        )
    if len(found) > 1 and not newest:
        raise InvokeError(
            "Your query returned more than one result. Please try a more specific search "
            "criteria, or set `most_recent` attribute to true."
        )
    return {**arguments, **_image(account, max(found, key=lambda i: str(i["CreationDate"])))}


def _newest_day(account: Account) -> str:
    """The simulated AWS's today: the day of its newest image, so that no answer ages by itself."""
    images = backend_of(account.region).amis.values()
    return max((str(image.creation_date_iso) for image in images), default="")


def _image(account: Account, image: Mapping[str, Any]) -> Answer:
    root = next(
        (m for m in image["BlockDeviceMappings"] if m["DeviceName"] == image["RootDeviceName"]),
        None,
    )
    return {
        "id": image["ImageId"],
        "imageId": image["ImageId"],
        "arn": f"arn:aws:ec2:{account.region}::image/{image['ImageId']}",
        "architecture": image["Architecture"],
        "blockDeviceMappings": [_mapping(m) for m in image["BlockDeviceMappings"]],
        "bootMode": image.get("BootMode", ""),
        "creationDate": image["CreationDate"],
        "deprecationTime": image.get("DeprecationTime", ""),
        "description": image.get("Description", ""),
        "enaSupport": image.get("EnaSupport", False),
        "hypervisor": image.get("Hypervisor", ""),
        "imageLocation": image.get("ImageLocation", ""),
        "imageOwnerAlias": image.get("ImageOwnerAlias", ""),
        "imageType": image.get("ImageType", ""),
        "imdsSupport": image.get("ImdsSupport", ""),
        "kernelId": "",
        "lastLaunchedTime": "",
        "name": image["Name"],
        "ownerId": image["OwnerId"],
        "platform": image.get("Platform", ""),
        "platformDetails": image.get("PlatformDetails", "Linux/UNIX"),
        "productCodes": [],
        "public": image["Public"],
        "ramdiskId": "",
        "rootDeviceName": image["RootDeviceName"],
        "rootDeviceType": image["RootDeviceType"],
        "rootSnapshotId": root["Ebs"]["SnapshotId"] if root else "",
        "sriovNetSupport": "simple",
        "state": image["State"],
        "stateReason": {"code": "UNSET", "message": "UNSET"},
        "tags": {tag["Key"]: tag["Value"] for tag in image.get("Tags") or []},
        "tpmSupport": "",
        "usageOperation": image.get("UsageOperation", "RunInstances"),
        "virtualizationType": image.get("VirtualizationType", ""),
    }


def _mapping(mapping: Mapping[str, Any]) -> Answer:
    ebs = mapping["Ebs"]
    return {
        "deviceName": mapping["DeviceName"],
        "noDevice": "",
        "virtualName": "",
        "ebs": {  # a map of strings, as in the real provider
            "deleteOnTermination": str(ebs["DeleteOnTermination"]).lower(),
            "encrypted": str(ebs.get("Encrypted", False)).lower(),
            "iops": str(ebs.get("Iops", 0)),
            "snapshotId": ebs["SnapshotId"],
            "throughput": str(ebs.get("Throughput", 0)),
            "volumeSize": str(ebs["VolumeSize"]),
            "volumeType": ebs["VolumeType"],
        },
    }


def get_availability_zones(account: Account, arguments: Mapping[str, Any]) -> Answer:
    """Zones of the Region by name. moto has no Local Zones, and every zone is opted in."""
    filters = _filters(arguments)
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
    skipped = {*(arguments.get("excludeNames") or [])}
    zones = sorted(
        (z for z in zones if z["ZoneName"] not in skipped), key=lambda z: str(z["ZoneName"])
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
    try:
        facts = account.instance_type(name)
    except AwsError as error:
        raise InvokeError(
            f"reading EC2 Instance Type ({name}): operation error EC2: DescribeInstanceTypes, "
            f"https response error StatusCode: 400, RequestID: simulated, "
            f"api error {error.code}: {error.message}"
        ) from error
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
        Filters=_filters(arguments),
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
    wanted = _filters(arguments)
    if id_ := arguments.get("id"):
        wanted.append({"Name": "vpc-id", "Values": [id_]})
    if (default := arguments.get("default")) is not None:
        wanted.append({"Name": "is-default", "Values": [str(default).lower()]})
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
        "default": vpc["IsDefault"],
        "dhcpOptionsId": vpc["DhcpOptionsId"],
        "instanceTenancy": vpc["InstanceTenancy"],
        "ownerId": account.id,
        "state": vpc["State"],
        "tags": {tag["Key"]: tag["Value"] for tag in vpc.get("Tags") or []},
        **dns,
    }


def get_subnet(account: Account, arguments: Mapping[str, Any]) -> Answer:
    """One subnet by id or filters."""
    wanted = _filters(arguments)
    if id_ := arguments.get("id"):
        wanted.append({"Name": "subnet-id", "Values": [id_]})
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
    wanted = _filters(arguments)
    if subnet := arguments.get("subnetId"):
        wanted.extend(ec2_filters({"association.subnet-id": subnet}))
    if vpc := arguments.get("vpcId"):
        wanted.extend(ec2_filters({"vpc-id": vpc}))
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
        "associations": [],
        "tags": {tag["Key"]: tag["Value"] for tag in table.get("Tags") or []},
    }


INVOKES: Final[dict[str, Callable[[Account, Mapping[str, Any]], Answer]]] = {
    "aws:ec2/getAmi:getAmi": get_ami,
    "aws:ec2/getInstanceType:getInstanceType": get_instance_type,
    "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings": get_instance_type_offerings,
    "aws:ec2/getRouteTable:getRouteTable": get_route_table,
    "aws:ec2/getSubnet:getSubnet": get_subnet,
    "aws:ec2/getVpc:getVpc": get_vpc,
    "aws:index/getAvailabilityZones:getAvailabilityZones": get_availability_zones,
    "aws:index/getCallerIdentity:getCallerIdentity": get_caller_identity,
    "aws:index/getPartition:getPartition": get_partition,
    "aws:index/getRegion:getRegion": get_region,
}


def check(token: str, arguments: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with an invoke's arguments. `NotSimulated` for one that is not known."""
    if token not in INVOKES:
        raise NotSimulated(
            f"the simulated account does not know the function {token}; it knows "
            f"{', '.join(sorted(t.rpartition(':')[2] for t in INVOKES))}"
        )
    return list(schema.problems(schema.invoke_shape(token), arguments))


def invoke(account: Account, token: str, arguments: Mapping[str, Any]) -> Answer:
    """Answer of a checked invoke, in the provider's camelCase names."""
    answer = INVOKES[token](account, arguments)
    unknown = set(answer) - schema.invoke_shape(token).outputs
    assert not unknown, f"{token} has no such outputs: {sorted(unknown)}"
    return answer
