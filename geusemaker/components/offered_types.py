"""The fix for an instance type that is not offered: a type that AWS offers there."""

import pulumi
import pulumi_aws as aws

from geusemaker.ec2.offered import closest
from geusemaker.ec2.type_keys import HOST, TypeKey


def fix(
    instance_type: str,
    opts: pulumi.InvokeOptions,
    *,
    zone: str | None = None,
    key: TypeKey = HOST,
) -> str:
    """A sentence with the command that sets an offered type, or that lists them. One AWS call.

    Without the permission to list, or without a usual type among them: the command that lists them.
    """
    place = f"in {zone}" if zone else "in this Region"
    kind = "availability-zone" if zone else "region"
    filters = [{"name": "location", "values": [zone]}] if zone else None
    try:
        answer = aws.ec2.get_instance_type_offerings(location_type=kind, filters=filters, opts=opts)
    except Exception:  # noqa: BLE001  # the fault at hand is reported, not a second one
        offered = []
    else:
        offered = list(answer.instance_types or ())
    near = closest(instance_type, offered)
    if near:
        return (
            f"The closest type that AWS offers {place} is {near}: "
            f"{key.replaced(instance_type, near)}."
        )
    only = f" --filters Name=location,Values={zone}" if zone else ""
    return (
        f"Set a type that AWS offers {place}: `aws ec2 describe-instance-type-offerings "
        f"--location-type {kind}{only} --query 'InstanceTypeOfferings[].InstanceType'` lists them."
    )
