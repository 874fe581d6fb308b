"""What one resource costs a month while it exists, by AWS's list prices. Pure."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from geusemaker.cost.parts import HOURS_A_MONTH
from geusemaker.cost.table import Prices

INSTANCE: Final = "aws:ec2/instance:Instance"
VOLUME: Final = "aws:ebs/volume:Volume"
FILES: Final = "aws:efs/fileSystem:FileSystem"
VAULT: Final = "aws:backup/vault:Vault"
PARAMETER: Final = "aws:ssm/parameter:Parameter"
ADDRESS: Final = "aws:ec2/eip:Eip"
MOUNT: Final = "aws:efs/mountTarget:MountTarget"
GROUP: Final = "aws:autoscaling/group:Group"
TEMPLATE: Final = "aws:ec2/launchTemplate:LaunchTemplate"
POLICY: Final = "aws:autoscaling/policy:Policy"
ALARM: Final = "aws:cloudwatch/metricAlarm:MetricAlarm"
ZONE: Final = "aws:route53/zone:Zone"

_GIB: Final = 2**30
_FREE: Final = frozenset(
    {
        "aws:autoscaling/lifecycleHook:LifecycleHook",
        POLICY,
        "aws:backup/plan:Plan",
        "aws:backup/selection:Selection",
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        "aws:ec2/eipAssociation:EipAssociation",
        "aws:ec2/internetGateway:InternetGateway",
        TEMPLATE,
        "aws:ec2/route:Route",
        "aws:ec2/routeTable:RouteTable",
        "aws:ec2/routeTableAssociation:RouteTableAssociation",
        "aws:ec2/securityGroup:SecurityGroup",
        "aws:ec2/subnet:Subnet",
        "aws:ec2/volumeAttachment:VolumeAttachment",
        "aws:ec2/vpc:Vpc",
        "aws:efs/accessPoint:AccessPoint",
        "aws:efs/fileSystemPolicy:FileSystemPolicy",
        MOUNT,
        "aws:iam/instanceProfile:InstanceProfile",
        "aws:iam/role:Role",
        "aws:iam/rolePolicy:RolePolicy",
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        "aws:kms/grant:Grant",
        "aws:route53/record:Record",
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        "aws:s3/bucketPolicy:BucketPolicy",
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    }
)
"""Types that AWS does not bill."""


def monthly(
    type_: str, outputs: Mapping[str, Any], used: int | None, region: str, prices: Prices
) -> tuple[Decimal | None, str]:
    """USD a month, None if unknown; and the quantity, or why the cost is unknown.

    Args:
        type_: The resource's type in Pulumi.
        outputs: Its properties in the state.
        used: What AWS shows of it: bytes in a file system, copies in a vault, 1 for a running host
            and 0 for a stopped one. None if unknown.
        region: Its Region.
        prices: The table of prices.
    """

    def priced(rate: str, quantity: Decimal) -> Decimal | None:
        price = prices.rate(rate, region)
        return None if price is None else price.usd * quantity

    if type_ in _FREE:
        return Decimal(0), ""
    if type_ == VOLUME:
        gib = outputs.get("size")
        known = isinstance(gib, int | float) and outputs.get("type") == "gp3"
        return (priced("gp3-storage", Decimal(gib or 0)) if known else None), f"{gib} GiB"
    if type_ == ADDRESS:
        return priced("public-ipv4", Decimal(HOURS_A_MONTH)), "public IPv4 address"
    if type_ == FILES:
        if used is None:
            return None, "AWS did not show its size"
        gib_used = Decimal(used) / _GIB
        return priced("efs-standard", gib_used), f"{gib_used.quantize(Decimal('0.01'))} GiB in it"
    if type_ == VAULT:
        if used is None:
            return None, "AWS did not show its copies"
        if not used:
            return Decimal(0), "no copies"
        copies = f"{used} {'copy' if used == 1 else 'copies'}"
        return None, f"{copies}; AWS bills what differs between them"
    if type_ == PARAMETER:
        is_standard = outputs.get("tier", "Standard") == "Standard"
        return (priced("ssm-standard", Decimal(1)) if is_standard else None), ""
    if type_ == INSTANCE:
        return _host(outputs, used, region, prices)
    if type_ == ZONE:
        return priced("route53-zone", Decimal(1)), "private DNS zone"
    if type_ == ALARM:
        count = metrics_of(outputs)
        return priced("cw-alarm", Decimal(count)), f"alarm on {count} metrics"
    if type_ == GROUP:
        return None, "its workers cost by the hour"
    return None, "its cost depends on use"


def metrics_of(alarm: Mapping[str, Any]) -> int:
    """How many metrics an alarm on an expression has: AWS bills each of them."""
    return sum(bool(one.get("metric")) for one in alarm.get("metricQueries") or ())


def _host(
    outputs: Mapping[str, Any], used: int | None, region: str, prices: Prices
) -> tuple[Decimal | None, str]:
    """The hours of the host, its root disk, and its address without an Elastic IP."""
    kind = str(outputs.get("instanceType", ""))
    root = outputs.get("rootBlockDevice") or {}
    disk, gib = prices.rate("gp3-storage", region), root.get("volumeSize")
    hour, address = prices.host(kind, region), prices.rate("public-ipv4", region)
    if used is None or outputs.get("spotInstanceRequestId") or not gib:
        return None, f"{kind}; whether it runs, or at what price, is unknown"
    if disk is None or hour is None or address is None:
        return None, f"{kind}; no price is known for it"
    total = disk.usd * gib
    if used:
        total += (hour.usd + (address.usd if outputs.get("publicIp") else 0)) * HOURS_A_MONTH
    return total, f"{kind}, {'running' if used else 'stopped'}, with its root disk of {gib} GiB"
