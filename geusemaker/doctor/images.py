"""Checks that the Region has the image that the stack's config requests or pins.

`EC2Service` finds it; tests hold it to the program's own look-up.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

from geusemaker.config import DeploymentConfig
from geusemaker.dlami import ImageQuery, select, select_around_pin
from geusemaker.dlami.image import FoundImage
from geusemaker.doctor.account import AWS_ERRORS
from geusemaker.doctor.check import NO_CREDENTIALS, NO_REGION, Check, Place
from geusemaker.doctor.refusals import is_no_permission, said
from geusemaker.errors import AwsError, GeuseMakerError, NotAllowedError
from geusemaker.services.ec2 import EC2Service

NAME: Final = "image"
_LACKS: Final = "the caller lacks ec2:DescribeImages"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The image of the config, for other checks.

    Attributes:
        query: The search for the config; None if AWS never released such an image.
        found: The image that AWS has; None if unknown.
        pin: The key that pins an image, "amiId" or "amiName"; None without a pin.
    """

    query: ImageQuery | None = None
    found: FoundImage | None = None
    pin: str | None = None


def image(
    place: Place, config: DeploymentConfig, *, is_logged_in: bool, has_region: bool, today: date
) -> tuple[Check, Wanted]:
    """The check, from one AWS call, and the image that it found."""
    pin = config.pin_key
    try:
        query = (select_around_pin if pin else select)(
            config.os_type,
            config.architecture,
            config.ami_type,
            config.framework_version,
            today=today,
        )
    except GeuseMakerError as error:  # such as a combination that AWS never made
        return Check(NAME, "failed", str(error)), Wanted(pin=pin)
    wanted = Wanted(query=query, pin=pin)
    if not is_logged_in or not has_region:
        return Check(NAME, "unknown", NO_CREDENTIALS if has_region else NO_REGION), wanted
    try:
        service = EC2Service(place.region or "", client=place.client("ec2"))
        found = _found(service, config, pin, today)
    except NotAllowedError:
        return Check(NAME, "unknown", _LACKS), wanted
    except AwsError as error:
        return Check(NAME, "unknown", str(error)), wanted
    except GeuseMakerError as error:  # no image, or one that contradicts the config
        return Check(NAME, "failed", str(error)), wanted
    except AWS_ERRORS as error:  # from creating the client
        lacking = _LACKS if is_no_permission(error) else said(error)
        return Check(NAME, "unknown", lacking), wanted
    wanted = Wanted(query, found, pin)
    detail = f"pinned: {found.name}" if pin else found.name
    if service.warnings:
        return Check(NAME, "warning", detail, " ".join(service.warnings)), wanted
    return Check(NAME, "ok", detail), wanted


def _found(
    service: EC2Service, config: DeploymentConfig, pin: str | None, today: date
) -> FoundImage:
    if pin is None:
        return service.find_dlami(
            config.os_type,
            config.architecture,
            config.ami_type,
            config.framework_version,
            today=today,
        )
    return service.find_pinned(
        config.ami_id,
        config.ami_name,
        os_type=config.os_type,
        architecture=config.architecture,
        ami_type=config.ami_type,
        framework_version=config.framework_version,
    )
