"""Asks AWS about the instance type, at preview too, and says whether the image runs on it."""

from collections.abc import Iterable
from typing import Any

import pulumi
import pulumi_aws as aws

from geusemaker.dlami import ImageQuery, recognise
from geusemaker.dlami.compatibility import Remark, check_facts, check_host, check_image
from geusemaker.dlami.image import FoundImage
from geusemaker.ec2.instance_types import InstanceType, counterpart, usual_type
from geusemaker.errors import ConfigError, one_line


def look_up(instance_type: str, opts: pulumi.InvokeOptions) -> InstanceType:
    """The type as this Region has it. `ConfigError` when it has none of that name."""
    try:
        told = aws.ec2.get_instance_type(instance_type=instance_type, opts=opts)
    except Exception as error:  # the SDK raises nothing narrower
        said = one_line(error)
        if "InvalidInstanceType" not in said:
            raise ConfigError(
                f"AWS could not be asked about geusemaker:instanceType {instance_type!r}. It said: "
                f"{said} -- if that is about credentials, `aws sts get-caller-identity` shows "
                "whose are used; the caller needs ec2:DescribeInstanceTypes."
            ) from error
        raise ConfigError(
            f"geusemaker:instanceType is {instance_type!r}, which this Region does not have. "
            "`aws ec2 describe-instance-types --query 'InstanceTypes[].InstanceType'` lists what "
            "it has; the usual one: "
            f"`pulumi config set geusemaker:instanceType {usual_type(instance_type)}`."
        ) from error
    return InstanceType(
        name=instance_type,
        vcpus=int(told.default_vcpus or 0),
        memory_gib=int(told.memory_size or 0) / 1024,
        architectures=tuple(told.supported_architectures or ()),
        gpus=tuple(_gpu(gpu) for gpu in told.gpuses or ()),
    )


def _gpu(told: Any) -> str:
    """A GPU as `InstanceType` writes it. One that comes without a number is one."""
    name = " ".join(part for part in (told.manufacturer, told.name) if part)
    return f"{int(told.count or 1)} x {name}"


def check(host: InstanceType, architecture: str) -> None:
    """`ConfigError` when AWS says that the type cannot boot an image of that architecture.

    Of a type that AWS names no architecture for, nothing is said: EC2 has the last word.
    """
    if not host.architectures or architecture in host.architectures:
        return
    other = counterpart(host.name, "arm64" if architecture == "arm64" else "x86_64")
    raise ConfigError(
        f"geusemaker:instanceType is {host.name}, which AWS says is "
        f"{' or '.join(host.architectures)} only, and geusemaker:architecture is {architecture}: "
        f"that image would not boot on it. Change one of them: "
        f"`pulumi config set geusemaker:instanceType {other}` or "
        f"`pulumi config set geusemaker:architecture {host.architectures[0]}`."
    )


def tell(remarks: Iterable[Remark]) -> None:
    """Show remarks in Pulumi's log."""
    for remark in remarks:
        (pulumi.log.warn if remark.level == "warning" else pulumi.log.info)(remark.text)


def check_pinned(query: ImageQuery, host: InstanceType, image: FoundImage, pin: str) -> None:
    """Check the type against an image that the config key `pin` names.

    `ConfigError` when that image is of a known line and does not run on the type. An image of
    another line, or of the user's own, may bring a driver that the known ones lack: what would be
    an error is a warning then.
    """
    try:
        remarks = (*check_host(query, host.name), *check_facts(query, host))
    except ConfigError as error:
        if recognise(image.name) is not None:
            raise
        remarks = (
            Remark(
                "warning",
                f"{error} The image that geusemaker:{pin} names is none of these, so it is used.",
            ),
        )
    check_image(host.name, image, pin=pin)
    tell(remarks)
