"""What AWS says of the account: who asks, and the Region.

Each check takes what it needs and answers with a `Check`; none raises for what a user can cause.
"""

from typing import Final

from botocore.exceptions import BotoCoreError, ClientError, NoRegionError

from geusemaker.doctor.check import NO_CREDENTIALS, NO_REGION, Check, Place
from geusemaker.doctor.refusals import enable_region, is_no_permission, is_not_enabled, login, said
from geusemaker.ec2 import regions
from geusemaker.messages import nearest

AWS_ERRORS: Final = (BotoCoreError, ClientError, ValueError)
"""What making and asking a client ends with; `ValueError` where AWS_ENDPOINT_URL is no address."""


def credentials(place: Place) -> tuple[Check, str | None]:
    """Whether somebody is logged in, and the account's number."""
    name = "credentials"
    try:
        told = place.client("sts").get_caller_identity()
    except NoRegionError:
        return Check(name, "unknown", NO_REGION), None
    except AWS_ERRORS as error:
        detail, fix = login(error, place.env, place.region)
        return Check(name, "failed", detail, f"{fix}."), None
    account = f"account {told['Account']}{' SIMULATED' if place.simulated else ''}"
    return Check(name, "ok", f"{account}, {told['Arn']}"), str(told["Account"])


def region(place: Place, *, is_logged_in: bool) -> Check:
    """Whether a Region is named, is one of AWS's, and is enabled for the account."""
    name, here = "Region", place.region
    if here is None:
        return Check(
            name,
            "failed",
            "none is set: neither --region, nor the stack's aws:region, nor AWS_REGION names one",
            "`pulumi config set aws:region us-east-1` for the stack, or `export "
            "AWS_REGION=us-east-1`.",
        )
    told = f"{here} (from {place.region_source})"
    if here not in regions.known():
        near = nearest(here, regions.known())
        return Check(
            name,
            "failed",
            f"{told} is no Region of AWS that boto3 knows"
            f"{f'; the nearest is {near}' if near else ''}",
            f"{regions.fix(place.region_source, near)}. {regions.UPGRADE}",
        )
    if why := regions.why_unsupported(here):
        fix = regions.fix(place.region_source, None)
        return Check(name, "failed", f"{told} is not supported: {why}", f"{fix}.")
    if not is_logged_in:
        return Check(name, "unknown", f"{told}; whether the account has it: {NO_CREDENTIALS}")
    try:
        answer = place.client("ec2").describe_regions(RegionNames=[here], AllRegions=True)
        status = answer["Regions"][0].get("OptInStatus", "")
    except AWS_ERRORS as error:
        if is_no_permission(error):
            return Check(
                name,
                "unknown",
                f"{told}; whether the account has it: the caller lacks ec2:DescribeRegions",
            )
        if is_not_enabled(error):
            status = "not-opted-in"
        else:
            return Check(name, "unknown", f"{told}; {said(error)}")
    if status == "not-opted-in":
        fix = enable_region(here)
        return Check(name, "failed", f"{told} is not enabled for the account", f"{fix}.")
    return Check(name, "ok", told)
