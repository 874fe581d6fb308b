"""The estimate of a config."""

from datetime import date
from typing import TYPE_CHECKING

from geusemaker.cost.estimate import (
    HOURS_A_MONTH,
    Assumptions,
    Estimate,
    StackFacts,
    estimate,
)

if TYPE_CHECKING:
    from geusemaker.config import DeploymentConfig

_CREDENTIALS_POINTER_STATUS = 3


def estimate_of(
    config: "DeploymentConfig",
    *,
    region: str,
    today: date,
    root_gib: int,
    hours: int = HOURS_A_MONTH,
    public_addresses: int | None = None,
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
        assumptions: What depends on use.
    """
    is_fixed = bool(config.domain or config.allowed_cidrs or config.webhook_cidrs)
    if public_addresses is None and (is_fixed or not config.vpc_id):
        public_addresses = 1
    has_secrets = bool(config.registry_logins), bool(config.service_settings or config.api_keys)
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
            parameters=_CREDENTIALS_POINTER_STATUS + sum(has_secrets),
            assumptions=assumptions or Assumptions(),
        ),
        today,
    )
