"""Checks of the types of workers that need an answer of AWS."""

from collections.abc import Sequence

import pulumi

from geusemaker.bundle.facts import worker_containers
from geusemaker.bundle.limits import least_gib, memory_limits
from geusemaker.components import instance_type, offered_types, zones
from geusemaker.components.bundle_facts import queue_of
from geusemaker.config import DeploymentConfig
from geusemaker.dlami import ImageQuery
from geusemaker.dlami.compatibility import by_name, verdict
from geusemaker.dlami.image import FoundImage
from geusemaker.ec2.instance_types import InstanceType, usual_type
from geusemaker.ec2.type_keys import of_workers
from geusemaker.errors import BundleError, ConfigError, NetworkError
from geusemaker.run_errors import as_run_errors


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
    key = of_workers(config.worker_types)
    found = []
    for one in config.worker_types:
        if one == host.name:
            found.append(host)
            continue
        by_name(query, one, pin=config.pin_key, key=key)
        found.append(instance_type.look_up(one, opts, key))
        instance_type.log_remarks(verdict(query, found[-1], pin=config.pin_key, key=key))
    if "ollama" in config.services:
        _refuse_some_gpus(found)
    queue = queue_of(config, found)
    containers = worker_containers(has_ollama=queue is not None and queue.has_ollama)
    for type_ in found:
        _refuse_small(containers, found, type_)
    return tuple(found)


def _refuse_some_gpus(types: Sequence[InstanceType]) -> None:
    fast = [one.name for one in types if one.gpus]
    plain = [one.name for one in types if not one.gpus]
    if fast and plain:
        key = of_workers(types)
        raise ConfigError(
            f"geusemaker:workerInstanceTypes has {fast[0]} with a GPU and {plain[0]} without. "
            "Workers with a GPU have an Ollama of their own and others use the host's, so the name "
            "ollama in a workflow would depend on the worker. Use types of one kind: "
            f"{key.set(fast)} or {key.set(plain)}."
        )


def _refuse_small(
    containers: Sequence[str], types: Sequence[InstanceType], one: InstanceType
) -> None:
    """Raises `ConfigError` if the containers of a worker need more memory than the type has."""
    try:
        memory_limits(containers, one.memory_gib or None)
    except BundleError as error:
        key = of_workers(types)
        raise ConfigError(
            f"{key.states(one.name)}, which has {one.memory_gib:g} GiB of memory, and a worker "
            f"needs {least_gib(containers)} GiB at least. Take a larger one: "
            f"{key.replaced(one.name, usual_type(one.name))}."
        ) from error


def check_zones(
    config: DeploymentConfig,
    types: Sequence[InstanceType],
    image: pulumi.Output[FoundImage],
    zones_of_stack: Sequence[pulumi.Input[str]],
    opts: pulumi.InvokeOptions,
) -> pulumi.Output[FoundImage]:
    """The image, for the workers' launch template.

    The Output fails with a `NetworkError` if no zone of the stack offers one of the types.
    """
    key = of_workers(types)
    # The zone of the host offers its type.
    others = [one.name for one in types if one.name != config.instance_type]
    offering = {one: zones.offering_zones(one, opts) for one in others}

    @as_run_errors()
    def checked(found: FoundImage, *own: str) -> FoundImage:
        for one, offered in offering.items():
            if offered is not None and not set(own) & set(offered):
                here = f"in no zone of this stack: {', '.join(own)}"
                where = f"in {', '.join(offered)}, but {here}" if offered else here
                raise NetworkError(
                    f"{key.states(one)}, which AWS offers {where}. No worker of that type could "
                    "start. "
                    f"{offered_types.fix(one, opts, zone=own[0], key=key)}"
                )
        return found

    return pulumi.Output.all(image, *zones_of_stack).apply(lambda known: checked(*known))
