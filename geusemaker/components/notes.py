"""Notes of a preview on valid config that may cost or surprise. Pure."""

from datetime import date

from geusemaker.bundle import images
from geusemaker.bundle.facts import containers_of
from geusemaker.components.compute import CREDIT_MODE
from geusemaker.config import DeploymentConfig
from geusemaker.ec2.instance_types import is_burstable


def notes_of(config: DeploymentConfig, today: date) -> list[str]:
    """One paragraph for each choice that may cost or surprise the user."""
    notes = []
    containers = containers_of(config.services)
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
    if config.domain and not config.allowed_cidrs:
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
    if idle := [key for key in config.image_versions if key not in containers]:
        notes.append(
            f"geusemaker:imageVersions names an image for {', '.join(idle)}, which "
            "geusemaker:services leaves out: the image is unused until the service is in the list."
        )
    return notes
