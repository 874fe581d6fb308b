"""The facts of the settings bundles, from the config. Pure: nothing depends on resources."""

from collections.abc import Sequence
from typing import Literal

from geusemaker import bundle
from geusemaker.bundle.queue import Queue
from geusemaker.config import DeploymentConfig, service_settings
from geusemaker.ec2.instance_types import InstanceType


def bundle_facts(
    config: DeploymentConfig,
    access: bundle.Access,
    types: Sequence[InstanceType],
    *,
    queue: Queue | None = None,
    role: Literal["head", "worker"] = "head",
) -> bundle.BundleFacts:
    """The settings of the services on a host of one of the types."""
    memory = [one.memory_gib for one in types]
    return bundle.BundleFacts(
        services=config.services,
        image_versions=config.image_versions,
        models=config.ollama_models,
        owner_email=config.owner_email or "",
        access=access,
        # Some size may be unknown.
        memory_gib=min(memory) or None,
        architecture=config.architecture,
        dump_days=config.backup_retention_days,
        n8n_reaches=config.n8n_reaches,
        n8n_public_api=config.n8n_public_api,
        settings=service_settings.plain_values(config.service_settings),
        secret_settings=service_settings.secret_variables(config.service_settings),
        webhook_cidrs=config.webhook_cidrs,
        allowed_cidrs=config.allowed_cidrs,
        has_api_keys=bool(config.api_keys),
        queue=queue,
        role=role,
    )


def queue_of(config: DeploymentConfig, types: Sequence[InstanceType]) -> Queue | None:
    """The workers of the config, whose types are `types`; None without any."""
    if not config.has_workers:
        return None
    return Queue(
        concurrency=config.worker_concurrency,
        drain_seconds=config.worker_drain_seconds,
        has_ollama="ollama" in config.services and all(one.gpus for one in types),
        grows=config.workers_max is not None,
    )
