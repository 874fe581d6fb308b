"""The estimate of a config."""

from datetime import date
from typing import TYPE_CHECKING

from geusemaker.cost.estimate import Assumptions, Estimate, StackFacts, estimate
from geusemaker.cost.parts import HOURS_A_MONTH
from geusemaker.cost.workers import METRICS, TRACKING_METRICS, ZERO_METRICS, Workers

if TYPE_CHECKING:
    from geusemaker.config import DeploymentConfig

_CREDENTIALS_POINTER_STATUS = 3
_SETTINGS_SECRETS = 2


def estimate_of(
    config: "DeploymentConfig",
    *,
    region: str,
    today: date,
    root_gib: int,
    hours: int = HOURS_A_MONTH,
    public_addresses: int | None = None,
    worker_disk_gib: int | None = None,
    assumptions: Assumptions | None = None,
) -> Estimate:
    """The cost a month of the stack of a config.

    Args:
        config: The config.
        region: Region of the stack.
        today: The day from which the age of a price counts.
        root_gib: GiB of the root volume. If config does not set it, the image decides it.
        hours: Of the running host a month.
        public_addresses: Public IPv4 addresses of the host. None: one in a created VPC, and in an
            existing one unknown unless config gives the host a fixed address.
        worker_disk_gib: GiB of the root volume of each worker. None: as the host's.
        assumptions: What depends on use.
    """
    is_fixed = bool(config.domain or config.allowed_cidrs or config.webhook_cidrs)
    if public_addresses is None and (is_fixed or not config.vpc_id):
        public_addresses = 1
    has_secrets = (
        bool(config.registry_logins),
        bool(config.service_settings or config.api_keys or config.has_workers),
    )
    of_workers = _SETTINGS_SECRETS if config.has_workers else 0
    return estimate(
        StackFacts(
            region=region,
            instance_type=config.instance_type,
            root_gib=root_gib,
            data_gib=config.data_volume_gib,
            hours=hours,
            public_addresses=public_addresses,
            keeps_address=is_fixed,
            backup_days=config.backup_retention_days,
            has_own_key=config.kms_key_arn is not None,
            parameters=_CREDENTIALS_POINTER_STATUS + sum(has_secrets) + of_workers,
            assumptions=assumptions or Assumptions(),
            workers=_workers(config, worker_disk_gib or root_gib) if config.has_workers else None,
        ),
        today,
    )


def _workers(config: "DeploymentConfig", disk_gib: int) -> Workers:
    grows = config.workers_max is not None
    return Workers(
        least=config.workers,
        most=config.most_workers,
        types=config.worker_types,
        market=config.worker_market,
        disk_gib=disk_gib,
        have_addresses=None if config.vpc_id else True,
        metrics=METRICS if grows else 0,
        alarm_metrics=(TRACKING_METRICS + (0 if config.workers else ZERO_METRICS)) if grows else 0,
    )
