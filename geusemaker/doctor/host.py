"""Whether the Region has the instance type, and the image runs on it: asked as the program asks.

Its name first, for which nobody need be logged in, then what AWS says of the type, then the image.
"""

from typing import Final

from botocore.exceptions import ClientError

from geusemaker.config import DeploymentConfig
from geusemaker.dlami import ImageQuery, load_catalogue, recognise
from geusemaker.dlami.compatibility import Remark, check_facts, check_host, check_image
from geusemaker.doctor.account import AWS_ERRORS
from geusemaker.doctor.check import NO_CREDENTIALS, NO_REGION, Check, Place
from geusemaker.doctor.images import Wanted
from geusemaker.doctor.refusals import code_of, is_no_permission, said
from geusemaker.ec2.instance_types import InstanceType, family_of, usual_type
from geusemaker.errors import ConfigError

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
        # A pinned image may be of another line: what runs on it is known once it is found.
        if wanted.query is not None and wanted.pin is None:
            check_host(wanted.query, name)
    except ConfigError as error:
        return Check(NAME, "failed", str(error)), None
    if not is_logged_in or not has_region:
        return Check(NAME, "unknown", NO_CREDENTIALS if has_region else NO_REGION), None
    try:
        told = place.client("ec2").describe_instance_types(InstanceTypes=[name])
    except AWS_ERRORS as error:
        if isinstance(error, ClientError) and code_of(error) == "InvalidInstanceType":
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
        if architecture not in host.architectures:
            # Here, since it loads Pulumi's provider, and the name has told almost always.
            from geusemaker.components import instance_type as host_type

            host_type.check(host, architecture)
        if wanted.query is None:
            return Check(NAME, "unknown", f"{told}; whether an image runs on it: {NO_SUCH_IMAGE}")
        if wanted.pin is not None and wanted.found is None:
            return Check(NAME, "unknown", f"{told}; whether the image runs on it: {NO_PINNED}")
        remarks = _remarks(wanted.query, host, wanted)
        if wanted.found is not None:
            check_image(host.name, wanted.found, pin=wanted.pin)
        elif load_catalogue().blackwell_of(family_of(host.name)):
            return Check(NAME, "unknown", f"{told}; whether the image has its driver: {NO_IMAGE}")
    except ConfigError as error:
        return Check(NAME, "failed", str(error))
    has_warned = any(remark.level == "warning" for remark in remarks)
    if remarks:
        told = f"{told}. {' '.join(remark.text for remark in remarks)}"
    return Check(NAME, "warning" if has_warned else "ok", told)


def _remarks(query: ImageQuery, host: InstanceType, wanted: Wanted) -> tuple[Remark, ...]:
    """As the program: a pinned image of no known line may bring a driver that those lack."""
    try:
        return (*check_host(query, host.name), *check_facts(query, host))
    except ConfigError as error:
        found = wanted.found
        if wanted.pin is None or found is None or recognise(found.name) is not None:
            raise
        text = f"The image that geusemaker:{wanted.pin} names is none of these, so it is used."
        return (Remark("warning", f"{error} {text}"),)


def _not_there(name: str, region: str) -> Check:
    usual = usual_type(name)
    fix = (
        f"`aws ec2 describe-instance-types --region {region} --query "
        "'InstanceTypes[].InstanceType' --output text` lists what it has"
    )
    if usual != name:
        fix += f"; the usual one: `pulumi config set geusemaker:instanceType {usual}`"
    return Check(NAME, "failed", f"{region} does not have the type {name}", f"{fix}.")
