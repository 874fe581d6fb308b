"""The root disk of a worker, which holds its models if the type has no instance store for them."""

from collections.abc import Sequence

from geusemaker.components.bundle_facts import queue_of
from geusemaker.components.kept_image import root_gib
from geusemaker.config import DeploymentConfig
from geusemaker.dlami.image import FoundImage
from geusemaker.ec2.instance_types import InstanceType
from geusemaker.ec2.model_fit import room_gib


def disk_gib(config: DeploymentConfig, types: Sequence[InstanceType], image: FoundImage) -> int:
    """GiB of it. All types have the same, so the one with the least instance store decides."""
    size = root_gib(config.root_volume_gib, image)
    queue = queue_of(config, types)
    if queue is None or not queue.has_ollama:
        return size
    room = room_gib(config.ollama_models)
    return size if min(one.store_gb for one in types) >= room else size + room
