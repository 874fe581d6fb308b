"""Whether the Region has the instance type, and the image runs on it: asked as the program asks.

Its name first, for which nobody need be logged in, then what AWS says of the type, then the image.
"""

from typing import Final

from geusemaker.config import DeploymentConfig
from geusemaker.dlami import compatibility
from geusemaker.doctor.account import AWS_ERRORS
from geusemaker.doctor.check import NO_CREDENTIALS, NO_REGION, Check, Place
from geusemaker.doctor.images import Wanted
from geusemaker.doctor.refusals import is_no_permission, said
from geusemaker.ec2.instance_types import InstanceType, usual_type
from geusemaker.errors import ConfigError
from geusemaker.services.aws_errors import code_of

NAME: Final = "instance type"
NO_SUCH_IMAGE: Final = "not looked at: there is no image for the stack's config"
NO_PINNED: Final = "not looked at: the pinned image was not seen or does not fit"
NO_IMAGE: Final = "not looked at: no image was seen"


def instance_type(
    place: Place, config: DeploymentConfig, wanted: Wanted, *, is_logged_in: bool, has_region: bool
) -> tuple[Check, InstanceType | None]:
    """The check, by one question, and what AWS said of the type."""
    name = config.instance_type
    try:
        if wanted.query is not None:
            compatibility.by_name(wanted.query, name, pin=wanted.pin)
    except ConfigError as error:
        return Check(NAME, "failed", str(error)), None
    if not is_logged_in or not has_region:
        return Check(NAME, "unknown", NO_CREDENTIALS if has_region else NO_REGION), None
    try:
        told = place.client("ec2").describe_instance_types(InstanceTypes=[name])
    except AWS_ERRORS as error:
        if code_of(error) == "InvalidInstanceType":
            return _not_there(name, place.region or ""), None
        if is_no_permission(error):
            return Check(NAME, "unknown", "the caller lacks ec2:DescribeInstanceTypes"), None
        return Check(NAME, "unknown", said(error)), None
    host = InstanceType.of_description(told["InstanceTypes"][0])
    return judge(host, config.architecture, wanted), host


def judge(host: InstanceType, architecture: str, wanted: Wanted) -> Check:
    """Pure: what is known of the type against what is known of the image."""
    told = f"{host.name}: {host.vcpus} vCPUs, {host.memory_gib:g} GiB"
    if host.gpus:
        told += f", {', '.join(host.gpus)}"
    try:
        if wanted.query is None:
            compatibility.check_architecture(host, architecture)
            return Check(NAME, "unknown", f"{told}; whether an image runs on it: {NO_SUCH_IMAGE}")
        remarks = compatibility.verdict(wanted.query, host, wanted.found, pin=wanted.pin)
    except ConfigError as error:
        return Check(NAME, "failed", str(error))
    if wanted.found is None and wanted.pin is not None:
        return Check(NAME, "unknown", f"{told}; whether the image runs on it: {NO_PINNED}")
    if wanted.found is None and compatibility.depends_on_image_age(host.name):
        return Check(NAME, "unknown", f"{told}; whether the image has its driver: {NO_IMAGE}")
    has_warned = any(remark.level == "warning" for remark in remarks)
    if remarks:
        told = f"{told}. {' '.join(remark.text for remark in remarks)}"
    return Check(NAME, "warning" if has_warned else "ok", told)


def _not_there(name: str, region: str) -> Check:
    usual = usual_type(name)
    fix = (
        f"`aws ec2 describe-instance-types --region {region} --query "
        "'InstanceTypes[].InstanceType' --output text` lists what it has"
    )
    if usual != name:
        fix += f"; the usual one: `pulumi config set geusemaker:instanceType {usual}`"
    return Check(NAME, "failed", f"{region} does not have the type {name}", f"{fix}.")
