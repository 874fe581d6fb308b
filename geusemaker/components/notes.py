"""Notes of a preview on valid config that may cost or surprise. Pure."""

import ipaddress
from collections.abc import Iterable
from datetime import date

from geusemaker.bundle import images
from geusemaker.bundle.facts import containers_of
from geusemaker.bundle.limits import memory_limits
from geusemaker.components.compute import CREDIT_MODE
from geusemaker.components.worker_notes import worker_notes
from geusemaker.config import DeploymentConfig
from geusemaker.ec2 import model_fit
from geusemaker.ec2.instance_types import InstanceType, is_burstable


def notes_of(config: DeploymentConfig, host: InstanceType, today: date) -> list[str]:
    """One paragraph for each choice that may cost or surprise the user."""
    notes = []
    containers = containers_of(config.services, has_queue=config.has_workers)
    if known := images.known_vulnerabilities(containers, config.image_versions):
        notes.append(
            f"geusemaker:services runs images with published vulnerabilities: "
            f"{', '.join(map(str, known))}. To fix them, "
            f"{images.fix_command(known, config.image_versions)}; the next `pulumi up` deploys "
            "them."
        )
    if old := images.age_warning(images.load_images().as_of, today):
        notes.append(old)
    if is_burstable(config.instance_type):
        notes.append(
            f"geusemaker:instanceType is {config.instance_type}, a burstable type, in credit mode "
            f"{CREDIT_MODE}: AWS bills CPU time beyond its CPU credits and does not slow it down."
        )
    if config.webhook_cidrs and not config.domain:
        notes.append(
            "geusemaker:webhookCidrs is set without geusemaker:domain, so callers of webhooks get "
            "a certificate that they do not trust. For a public one: `pulumi config set "
            "geusemaker:domain ai.example.com`."
        )
    if config.webhook_cidrs and all(
        _is_within(one, config.allowed_cidrs) for one in config.webhook_cidrs
    ):
        notes.append(
            f"geusemaker:allowedCidrs is {', '.join(config.allowed_cidrs)}, which contains all of "
            "geusemaker:webhookCidrs, so every caller of webhooks may reach the editor too. To "
            "leave the editor to Session Manager: `pulumi config rm geusemaker:allowedCidrs`."
        )
    if config.domain and not config.allowed_cidrs and not config.webhook_cidrs:
        notes.append(
            f"geusemaker:domain is {config.domain}, but geusemaker:allowedCidrs is empty, so "
            "port 443 of that name is closed and only Session Manager reaches the host. To open "
            "it to everyone: `pulumi config set geusemaker:allowedCidrs 0.0.0.0/0`."
        )
    if config.domain and not config.hosted_zone_id:
        notes.append(
            f"geusemaker:domain is {config.domain} without geusemaker:hostedZoneId, so you "
            "create its DNS record: an A record for the output publicIp. Caddy gets the "
            "certificate once the record exists."
        )
    if not config.backup_retention_days:
        notes.append(
            "geusemaker:backupRetentionDays is 0, so neither AWS Backup nor the host makes copies "
            "of the data. Existing copies stay, those of AWS until they expire. To enable "
            "copies: `pulumi config rm geusemaker:backupRetentionDays`."
        )
    # A network that may have neighbours. The note goes once the key is set.
    joined = config.vpc_id or "vpc_cidr" in config.model_fields_set
    if joined and "n8n" in config.services and "n8n_reaches" not in config.model_fields_set:
        notes.append(
            "geusemaker:n8nReaches is not set, so n8n connects to nothing in private networks, "
            "neither in the VPC nor in its peers. Other containers never do. To allow the "
            "network of an internal API or database: `pulumi config set "
            "geusemaker:n8nReaches 10.0.8.0/24`; to keep it closed and hide this note: "
            "`pulumi config set geusemaker:n8nReaches '[]'`."
        )
    if config.ollama_models:
        memory = memory_limits(containers, host.memory_gib or None)["ollama"]
        notes += model_fit.remarks(
            config.ollama_models,
            host.name,
            memory_mib=memory,
            gpu_gib=host.gpu_gib,
            disk_gib=config.data_volume_gib,
            is_chosen="instance_type" in config.model_fields_set,
        )
    if idle := [key for key in config.image_versions if key not in (*containers, "valkey")]:
        notes.append(
            f"geusemaker:imageVersions names an image for {', '.join(idle)}, which "
            "geusemaker:services leaves out: the image is unused until the service is in the list."
        )
    return notes + worker_notes(config)


def _is_within(network: str, others: Iterable[str]) -> bool:
    return any(
        ipaddress.IPv4Network(network).subnet_of(ipaddress.IPv4Network(other))
        for other in others
        if ":" not in other
    )
