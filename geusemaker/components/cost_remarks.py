"""What a preview says of the cost."""

from collections.abc import Sequence
from datetime import date

from geusemaker import cost, remarks
from geusemaker.components.kept_image import root_gib
from geusemaker.components.worker_disk import disk_gib
from geusemaker.components.worker_notes import cost_note
from geusemaker.config import DeploymentConfig
from geusemaker.dlami.image import FoundImage
from geusemaker.ec2.instance_types import InstanceType


def log_costs(
    config: DeploymentConfig,
    region: str,
    types: Sequence[InstanceType],
    image: FoundImage,
    today: date,
) -> None:
    """Logs what workers cost, and a warning for a stack above its budget.

    `types` are those of workers; `image` decides the sizes of root disks.
    """
    found = cost.estimate_of(
        config,
        region=region,
        today=today,
        root_gib=root_gib(config.root_volume_gib, image),
        worker_disk_gib=disk_gib(config, types, image),
    )
    if config.has_workers:
        remarks.note(cost_note(config, found))
    if warning := cost.over_budget(config, found):
        remarks.warn(warning)
