"""Availability zones: which ones a new network spans."""

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from geusemaker.components.run_errors import as_run_errors
from geusemaker.ec2.instance_types import usual_type
from geusemaker.errors import NetworkError, one_line


@as_run_errors()
def pick(candidates: Sequence[str], taken: Sequence[str]) -> str:
    """The first candidate by name that is not taken.

    It is asked again on every run, also where the answer is kept and candidates have gone since:
    then it repeats one, which nobody reads.
    """
    return next((zone for zone in sorted(candidates) if zone not in taken), sorted(candidates)[0])


def check_enough(candidates: Sequence[str], count: int, instance_type: str) -> None:
    """Raises `NetworkError` when too few zones offer the type: a host could start in no other."""
    if len(candidates) >= count:
        return
    if not candidates:
        raise NetworkError(
            f"No availability zone of this Region that the account is opted in to offers "
            f"geusemaker:instanceType {instance_type}: a host of that type cannot start here. Take "
            "the usual type with `pulumi config set geusemaker:instanceType "
            f"{usual_type(instance_type)}`, or another Region in aws:region on a new stack."
        )
    raise NetworkError(
        f"geusemaker:availabilityZoneCount is {count}, but only {len(candidates)} of the Region's "
        f"zones offer {instance_type}: {', '.join(sorted(candidates))}. Use that many: "
        f"`pulumi config set geusemaker:availabilityZoneCount {len(candidates)}`."
    )


def _unasked(what: str, action: str, error: Exception) -> NetworkError:
    said = one_line(error)
    return NetworkError(
        f"AWS could not be asked {what}. It said: {said} -- if that is about credentials, "
        "`aws sts get-caller-identity` shows whose are used; if about permission, the caller needs "
        f"ec2:Describe{action}; if about the network, run it again."
    )


def usable_zones(opts: pulumi.InvokeOptions) -> list[str]:
    """Zones of the Region that this account is opted in to; no Local or Wavelength Zones."""
    try:
        answer = aws.get_availability_zones(
            state="available",
            filters=[
                {"name": "opt-in-status", "values": ["opt-in-not-required", "opted-in"]},
                {"name": "zone-type", "values": ["availability-zone"]},
            ],
            opts=opts,
        )
    except Exception as error:  # the SDK raises nothing narrower
        raise _unasked("for its zones", "AvailabilityZones", error) from error
    if not answer.names:
        raise NetworkError(
            "AWS tells no availability zone of the Region of `aws:region` that this account may "
            "use, so nothing can be placed there. `aws ec2 describe-availability-zones` lists what "
            "it tells; take another Region on a new stack: `pulumi config set aws:region "
            "us-east-1`."
        )
    return sorted(answer.names)


def offering_zones(instance_type: str, opts: pulumi.InvokeOptions) -> list[str] | None:
    """Zones in which AWS offers the instance type; empty when the Region has none.

    None when the answer does not tell: then each zone may.
    """
    try:
        answer = aws.ec2.get_instance_type_offerings(
            location_type="availability-zone",
            filters=[{"name": "instance-type", "values": [instance_type]}],
            opts=opts,
        )
    except Exception as error:  # the SDK raises nothing narrower
        raise _unasked("where it offers instance types", "InstanceTypeOfferings", error) from error
    return None if answer.locations is None else sorted(answer.locations)


@as_run_errors()
def check_kept_zone(zone: str, offering: Sequence[str] | None, instance_type: str) -> str:
    """The zone of the host and its data volume, unless it is known not to offer the type.

    The data volume cannot leave its zone, so a type that is not offered there is refused.
    """
    if offering is not None and zone not in offering:
        raise NetworkError(
            f"geusemaker:instanceType is {instance_type}, which AWS offers in "
            f"{', '.join(offering) or 'no zone of this Region'}, but not in {zone}, where this "
            "stack's data volume is; a volume cannot leave its zone. Take a type that is offered "
            f"there: `aws ec2 describe-instance-type-offerings --location-type availability-zone "
            f"--filters Name=location,Values={zone}` lists them; "
            f"`pulumi config set geusemaker:instanceType {usual_type(instance_type)}` takes the "
            "usual one."
        )
    return zone
