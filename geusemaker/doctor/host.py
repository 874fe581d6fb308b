"""Checks that the Region has the instance type and that the image runs on it, as the program does.

The name is checked first, without a login, then AWS's description of the type, then the image.
"""

from typing import Final

from geusemaker.config import DeploymentConfig
from geusemaker.dlami import compatibility
from geusemaker.doctor.account import AWS_ERRORS
from geusemaker.doctor.check import NO_CREDENTIALS, NO_REGION, Check, Place
from geusemaker.doctor.images import Wanted
from geusemaker.doctor.refusals import is_no_permission, said
from geusemaker.ec2.instance_types import InstanceType
from geusemaker.ec2.offered import closest
from geusemaker.errors import ConfigError
from geusemaker.services.aws_errors import code_of

NAME: Final = "instance type"
NO_SUCH_IMAGE: Final = "not checked: there is no image for the stack's config"
NO_PINNED: Final = "not checked: the pinned image was not found or does not fit"
NO_IMAGE: Final = "not checked: no image was found"


def instance_type(
    place: Place, config: DeploymentConfig, wanted: Wanted, *, is_logged_in: bool, has_region: bool
) -> tuple[Check, InstanceType | None]:
    """The check, from one AWS call, and the type as AWS describes it."""
    name = config.instance_type
    try:
        if wanted.query is not None:
            compatibility.by_name(wanted.query, name, pin=wanted.pin)
    except ConfigError as error:
        return Check(NAME, "failed", str(error)), None
    if not is_logged_in or not has_region:
        return Check(NAME, "unknown", NO_CREDENTIALS if has_region else NO_REGION), None
    try:
        answer = place.client("ec2").describe_instance_types(InstanceTypes=[name])
    except AWS_ERRORS as error:
        if code_of(error) == "InvalidInstanceType":
            return _not_there(name, place), None
        if is_no_permission(error):
            return Check(NAME, "unknown", "the caller lacks ec2:DescribeInstanceTypes"), None
        return Check(NAME, "unknown", said(error)), None
    host = InstanceType.of_description(answer["InstanceTypes"][0])
    return judge(host, config.architecture, wanted), host


def judge(host: InstanceType, architecture: str, wanted: Wanted) -> Check:
    """Check the described type against what is known of the image. Pure."""
    detail = f"{host.name}: {host.vcpus} vCPUs, {host.memory_gib:g} GiB"
    detail += f", {', '.join(host.gpus) or 'no GPU: Ollama runs on the CPU'}"
    try:
        if wanted.query is None:
            compatibility.check_architecture(host, architecture)
            return Check(NAME, "unknown", f"{detail}; whether an image runs on it: {NO_SUCH_IMAGE}")
        remarks = compatibility.verdict(wanted.query, host, wanted.found, pin=wanted.pin)
    except ConfigError as error:
        return Check(NAME, "failed", str(error))
    if wanted.found is None and wanted.pin is not None:
        return Check(NAME, "unknown", f"{detail}; whether the image runs on it: {NO_PINNED}")
    if wanted.found is None and compatibility.depends_on_image_age(host.name):
        return Check(NAME, "unknown", f"{detail}; whether the image has its driver: {NO_IMAGE}")
    has_warned = any(remark.level == "warning" for remark in remarks)
    if remarks:
        detail = f"{detail}. {' '.join(remark.text for remark in remarks)}"
    return Check(NAME, "warning" if has_warned else "ok", detail)


def _not_there(name: str, place: Place) -> Check:
    fix = (
        f"`aws ec2 describe-instance-type-offerings --region {place.region} --query "
        "'InstanceTypeOfferings[].InstanceType' --output text` lists what it has"
    )
    try:
        pages = place.client("ec2").get_paginator("describe_instance_type_offerings").paginate()
        offered = [one["InstanceType"] for page in pages for one in page["InstanceTypeOfferings"]]
    except AWS_ERRORS:
        offered = []
    if near := closest(name, offered):
        fix = f"the closest that it has: `pulumi config set geusemaker:instanceType {near}`"
    return Check(NAME, "failed", f"{place.region} does not have the type {name}", f"{fix}.")
