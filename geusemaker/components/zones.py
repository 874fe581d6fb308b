"""Selects the availability zones of a new network."""

from collections.abc import Callable, Sequence

import pulumi
import pulumi_aws as aws

from geusemaker.errors import NetworkError, one_line
from geusemaker.run_errors import as_run_errors


@as_run_errors()
def pick(candidates: Sequence[str], taken: Sequence[str]) -> str:
    """The first candidate by name that is not taken.

    If all are taken, the first candidate. This happens when zones are kept that are no longer
    candidates. The result is unused then.
    """
    return next((zone for zone in sorted(candidates) if zone not in taken), sorted(candidates)[0])


def check_enough(
    candidates: Sequence[str], count: int, instance_type: str, fix: Callable[[], str]
) -> None:
    """Raises `NetworkError` if fewer than `count` zones offer the instance type.

    `fix` names a type that AWS offers.
    """
    if len(candidates) >= count:
        return
    if not candidates:
        raise NetworkError(
            f"No availability zone of this Region that the account is opted in to offers "
            f"geusemaker:instanceType {instance_type}: a host of that type cannot start here. "
            f"{fix()} Or create a stack in another Region."
        )
    raise NetworkError(
        f"geusemaker:availabilityZoneCount is {count}, but only {len(candidates)} of the Region's "
        f"zones offer {instance_type}: {', '.join(sorted(candidates))}. Use that many: "
        f"`pulumi config set geusemaker:availabilityZoneCount {len(candidates)}`."
    )


def _failed(what: str, action: str, error: Exception) -> NetworkError:
    return NetworkError(
        f"AWS did not list {what}. The error is: {one_line(error)} -- if it is about credentials, "
        "`aws sts get-caller-identity` shows which are in use; if it is about permissions, the "
        f"caller needs ec2:Describe{action}; if it is about the network, run the command again."
    )


def usable_zones(opts: pulumi.InvokeOptions) -> list[str]:
    """Zones of the Region that the account is opted in to, without Local and Wavelength Zones."""
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
        raise _failed("the availability zones", "AvailabilityZones", error) from error
    if not answer.names:
        raise NetworkError(
            "The Region of `aws:region` has no availability zone for this account. `aws ec2 "
            "describe-availability-zones` lists its zones. Use another Region on a new stack: "
            "`pulumi config set aws:region us-east-1`."
        )
    return sorted(answer.names)


def offering_zones(instance_type: str, opts: pulumi.InvokeOptions) -> list[str] | None:
    """Zones that offer the instance type. Empty if the Region has none, None if unknown."""
    try:
        answer = aws.ec2.get_instance_type_offerings(
            location_type="availability-zone",
            filters=[{"name": "instance-type", "values": [instance_type]}],
            opts=opts,
        )
    except Exception as error:  # the SDK raises nothing narrower
        raise _failed("the zones of the instance type", "InstanceTypeOfferings", error) from error
    return None if answer.locations is None else sorted(answer.locations)


@as_run_errors()
def check_kept_zone(
    zone: str, offering: Sequence[str] | None, instance_type: str, fix: Callable[[str], str]
) -> str:
    """The zone of the host and its data volume. `fix` names a type that a zone offers.

    Raises `NetworkError` if it does not offer the instance type: the volume cannot leave its zone.
    """
    if offering is not None and zone not in offering:
        raise NetworkError(
            f"geusemaker:instanceType is {instance_type}, which AWS offers in "
            f"{', '.join(offering) or 'no zone of this Region'}, but not in {zone}, where this "
            f"stack's data volume is, and a volume cannot leave its zone. {fix(zone)}"
        )
    return zone
