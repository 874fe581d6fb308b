"""What AWS says of the account: who asks, the Region, the images and the vCPUs.

Each check takes what it needs and answers with a `Check`; none raises for what a user can cause.
"""

import difflib
import re
from datetime import date
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError, NoRegionError
from botocore.loaders import Loader

from geusemaker.config import DeploymentConfig
from geusemaker.dlami import Candidate, select
from geusemaker.doctor.check import NO_CREDENTIALS, NO_REGION, Check, Place
from geusemaker.doctor.refusals import (
    code_of,
    enable_region,
    is_no_permission,
    is_not_enabled,
    login,
    said,
)
from geusemaker.errors import GeuseMakerError

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
        detail, mend = login(error, place.env, place.region)
        return Check(name, "failed", detail, f"{mend}."), None
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
    known = known_regions()
    if here not in known:
        near = difflib.get_close_matches(here, known, n=1)
        return Check(
            name,
            "failed",
            f"{told} is no Region of AWS that boto3 knows"
            f"{f'; the nearest is {near[0]}' if near else ''}",
            f"`pulumi config set aws:region {near[0] if near else 'us-east-1'}`; a Region that is "
            "newer than this program needs `pip install --upgrade boto3`.",
        )
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
        mend = enable_region(here)
        return Check(name, "failed", f"{told} is not enabled for the account", f"{mend}.")
    return Check(name, "ok", told)


def known_regions() -> list[str]:
    """AWS's Regions as boto3 has them on record.

    Read without a session: a session stumbles over a profile that does not exist.
    """
    found = Loader().load_data("partitions")["partitions"]
    return [name for part in found for name in part["regions"] if not name.endswith("-global")]


def image(
    place: Place, config: DeploymentConfig, *, is_logged_in: bool, has_region: bool, today: date
) -> Check:
    """Whether the Region has an image of the stack's line, or the pinned one."""
    name = "image"
    if not is_logged_in or not has_region:
        return Check(name, "unknown", NO_CREDENTIALS if has_region else NO_REGION)
    try:
        if config.ami_id is not None or config.ami_name is not None:
            return _pinned(place, config)
        return _of_the_line(place, config, today)
    except GeuseMakerError as error:  # such as a combination that AWS never made
        return Check(name, "failed", str(error))
    except AWS_ERRORS as error:
        if is_no_permission(error):
            return Check(name, "unknown", "the caller lacks ec2:DescribeImages")
        return Check(name, "unknown", said(error))


def _pinned(place: Place, config: DeploymentConfig) -> Check:
    key, value = ("amiId", config.ami_id) if config.ami_id else ("amiName", config.ami_name)
    search: dict[str, Any] = (
        {"ImageIds": [value]}
        if key == "amiId"
        else {"Owners": ["amazon", "self"], "Filters": [{"Name": "name", "Values": [value]}]}
    )
    try:
        found = place.client("ec2").describe_images(IncludeDeprecated=True, **search)["Images"]
    except ClientError as error:
        if not code_of(error).startswith("InvalidAMIID"):
            raise
        found = []
    if not found:
        return Check(
            "image",
            "failed",
            f"the pinned image, geusemaker:{key} {value!r}, is not in {place.region}",
            f"`pulumi config rm geusemaker:{key}`, or pin one of this Region.",
        )
    return Check("image", "ok", f"pinned: {found[0]['Name']}")


def _of_the_line(place: Place, config: DeploymentConfig, today: date) -> Check:
    query = select(
        config.os_type,
        config.architecture,
        config.ami_type,
        config.framework_version,
        today=today,
    )
    globs = [glob for candidate in query.candidates for glob in candidate.name_globs]
    found = place.client("ec2").describe_images(
        Owners=["amazon"],
        IncludeDeprecated=query.include_deprecated,
        Filters=[
            {"Name": "name", "Values": globs},
            {"Name": "architecture", "Values": [query.architecture]},
            {"Name": "state", "Values": ["available"]},
        ],
    )["Images"]
    line = f"{query.os_type} / {query.architecture} / {query.ami_type}"
    for candidate in query.candidates:
        if fitting := _fitting(found, candidate):
            newest = max(fitting, key=lambda one: str(one["CreationDate"]))["Name"]
            if candidate is not query.candidates[0]:
                best = query.candidates[0].framework_version
                return Check("image", "warning", f"{newest}: {place.region} has no {best}")
            if query.warnings:  # they are about the first candidate
                return Check("image", "warning", newest, " ".join(query.warnings))
            return Check("image", "ok", newest)
    return Check(
        "image",
        "failed",
        f"{place.region} has none for {line}",
        "`pulumi config set aws:region us-east-1`, which has them, or "
        "`pulumi config set geusemaker:amiType base`.",
    )


def _fitting(found: list[dict[str, Any]], candidate: Candidate) -> list[dict[str, Any]]:
    return [one for one in found if re.fullmatch(candidate.name_regex, one["Name"])]
