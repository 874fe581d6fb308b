"""Checks of the AWS account: credentials and Region.

Each returns a `Check`; none raises for a user's mistake.
"""

from typing import Final

from botocore.exceptions import BotoCoreError, ClientError, NoRegionError

from geusemaker.doctor.check import NO_CREDENTIALS, NO_REGION, Check, Place
from geusemaker.doctor.refusals import enable_region, is_no_permission, is_not_enabled, login, said
from geusemaker.ec2 import regions
from geusemaker.messages import nearest

AWS_ERRORS: Final = (BotoCoreError, ClientError, ValueError)
"""What creating and calling a client raises; `ValueError` for an invalid AWS_ENDPOINT_URL."""


def credentials(place: Place) -> tuple[Check, str | None]:
    """Check the credentials; with the account's number, None without a login."""
    name = "credentials"
    try:
        caller = place.client("sts").get_caller_identity()
    except NoRegionError:
        return Check(name, "unknown", NO_REGION), None
    except AWS_ERRORS as error:
        detail, fix = login(error, place.env, place.region)
        return Check(name, "failed", detail, f"{fix}."), None
    account = f"account {caller['Account']}{' SIMULATED' if place.simulated else ''}"
    return Check(name, "ok", f"{account}, {caller['Arn']}"), str(caller["Account"])


def region(place: Place, *, is_logged_in: bool) -> Check:
    """Check that a Region is set, is known, and is enabled for the account."""
    name, here = "Region", place.region
    if here is None:
        return Check(
            name,
            "failed",
            "no Region is set, by --region, by the stack's aws:region or by AWS_REGION",
            "`pulumi config set aws:region us-east-1` for the stack, or `export "
            "AWS_REGION=us-east-1`.",
        )
    named = f"{here} (from {place.region_source})"
    if here not in regions.known():
        near = nearest(here, regions.known())
        return Check(
            name,
            "failed",
            f"{named} is an unknown AWS Region{f'; the nearest is {near}' if near else ''}",
            f"{regions.fix(place.region_source, near)}. {regions.UPGRADE}",
        )
    if why := regions.why_unsupported(here):
        fix = regions.fix(place.region_source, None)
        return Check(name, "failed", f"{named} is not supported: {why}", f"{fix}.")
    if not is_logged_in:
        return Check(
            name, "unknown", f"{named}; whether it is enabled for the account: {NO_CREDENTIALS}"
        )
    try:
        answer = place.client("ec2").describe_regions(RegionNames=[here], AllRegions=True)
        status = answer["Regions"][0].get("OptInStatus", "")
    except AWS_ERRORS as error:
        if is_no_permission(error):
            return Check(
                name,
                "unknown",
                f"{named}; whether it is enabled for the account: the caller lacks "
                "ec2:DescribeRegions",
            )
        if is_not_enabled(error):
            status = "not-opted-in"
        else:
            return Check(name, "unknown", f"{named}; {said(error)}")
    if status == "not-opted-in":
        fix = enable_region(here)
        return Check(name, "failed", f"{named} is not enabled for the account", f"{fix}.")
    return Check(name, "ok", named)
