"""The look-up of the instance type, at preview too."""

from collections.abc import Iterable
from typing import Any

import pulumi
import pulumi_aws as aws

from geusemaker import remarks
from geusemaker.components import offered_types
from geusemaker.dlami.compatibility import Remark
from geusemaker.ec2.instance_types import InstanceType
from geusemaker.ec2.type_keys import HOST, TypeKey
from geusemaker.errors import ConfigError, one_line


def look_up(instance_type: str, opts: pulumi.InvokeOptions, key: TypeKey = HOST) -> InstanceType:
    """The type as this Region has it. `ConfigError` when it has none of that name."""
    try:
        answer = aws.ec2.get_instance_type(instance_type=instance_type, opts=opts)
    except Exception as error:  # the SDK raises nothing narrower
        said = one_line(error)
        if "InvalidInstanceType" not in said:
            raise ConfigError(
                f"The AWS call for geusemaker:{key.name} {instance_type!r} failed: {said} -- if "
                "the cause is the credentials, `aws sts get-caller-identity` shows which are used; "
                "if a permission, the caller needs ec2:DescribeInstanceTypes."
            ) from error
        raise ConfigError(
            f"{key.states(repr(instance_type))}, which this Region does not have. "
            f"{offered_types.fix(instance_type, opts, key=key)}"
        ) from error
    return InstanceType(
        name=instance_type,
        vcpus=int(answer.default_vcpus or 0),
        memory_gib=int(answer.memory_size or 0) / 1024,
        architectures=tuple(answer.supported_architectures or ()),
        gpus=tuple(_gpu(gpu) for gpu in answer.gpuses or ()),
        gpu_gib=int(answer.total_gpu_memory or 0) / 1024,
        store_gb=int(answer.total_instance_storage or 0),
    )


def _gpu(answer: Any) -> str:
    """A GPU as `InstanceType` writes it; an answer without a count means one."""
    name = " ".join(part for part in (answer.manufacturer, answer.name) if part)
    return f"{int(answer.count or 1)} x {name}"


def log_remarks(found: Iterable[Remark]) -> None:
    """Show remarks in Pulumi's log."""
    for remark in found:
        (remarks.warn if remark.level == "warning" else remarks.note)(remark.text)
