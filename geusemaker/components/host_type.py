"""Asks AWS about the instance type, at preview too."""

import pulumi
import pulumi_aws as aws

from geusemaker.errors import ConfigError, one_line
from geusemaker.host_type import HostType
from geusemaker.instance_types import counterpart


def look_up(instance_type: str, opts: pulumi.InvokeOptions) -> HostType:
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
            "`aws ec2 describe-instance-types --query InstanceTypes[].InstanceType` lists what it "
            "has; `pulumi config set geusemaker:instanceType m6i.xlarge` takes the usual one."
        ) from error
    return HostType(
        name=instance_type,
        vcpus=int(told.default_vcpus),
        memory_gib=int(told.memory_size) / 1024,
        architectures=tuple(told.supported_architectures),
        gpus=tuple(f"{int(gpu.count)} x {gpu.manufacturer} {gpu.name}" for gpu in told.gpuses),
    )


def check(host: HostType, architecture: str) -> None:
    """`ConfigError` when the type cannot boot an image of that architecture."""
    if architecture in host.architectures:
        return
    other = counterpart(host.name, "arm64" if architecture == "arm64" else "x86_64")
    raise ConfigError(
        f"geusemaker:instanceType is {host.name}, which AWS says is "
        f"{' or '.join(host.architectures)} only, and geusemaker:architecture is {architecture}: "
        f"that image would not boot on it. Change one of them: "
        f"`pulumi config set geusemaker:instanceType {other}` or "
        f"`pulumi config set geusemaker:architecture {host.architectures[0]}`."
    )
