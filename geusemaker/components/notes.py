"""What a preview says of config that is right as it is, and may still cost or surprise. Pure."""

from datetime import date

from geusemaker.bundle import images
from geusemaker.bundle.facts import containers_of
from geusemaker.components.compute import CREDIT_MODE
from geusemaker.config import DeploymentConfig
from geusemaker.ec2.instance_types import is_burstable


def notes_of(config: DeploymentConfig, today: date) -> list[str]:
    """What is right as it is, and may still cost or surprise."""
    notes = []
    containers = containers_of(config.services)
    if holes := images.known_holes(containers, config.image_versions):
        notes.append(
            f"geusemaker:services runs images with published security holes: "
            f"{', '.join(map(str, holes))}. To have the fixed ones, "
            f"{images.closing(holes, config.image_versions)}; the next `pulumi up` brings them."
        )
    if old := images.age_warning(images.load_images().as_of, today):
        notes.append(old)
    if is_burstable(config.instance_type):
        notes.append(
            f"geusemaker:instanceType is {config.instance_type}, a burstable type, in credit mode "
            f"{CREDIT_MODE}: once its CPU credits are spent, it is not slowed down, and the CPU "
            "time beyond them is billed."
        )
    if config.domain and not config.allowed_cidrs:
        notes.append(
            f"geusemaker:domain is {config.domain}, but geusemaker:allowedCidrs is empty, so that "
            "nobody reaches port 443 of that name: the way in is Session Manager still. To open "
            "it to everyone: `pulumi config set geusemaker:allowedCidrs 0.0.0.0/0`."
        )
    if config.domain and not config.hosted_zone_id:
        notes.append(
            f"geusemaker:domain is {config.domain} without geusemaker:hostedZoneId, so its DNS "
            "record is yours to make: an A record for the output publicIp. The certificate comes "
            "once it is there."
        )
    if not config.backup_retention_days:
        notes.append(
            "geusemaker:backupRetentionDays is 0, so neither AWS Backup nor the host makes copies "
            "of the data; those that there are stay, AWS's until their own date. To have them "
            "made: `pulumi config rm geusemaker:backupRetentionDays`."
        )
    # A network that has neighbours, or was given its range to have some; said until it is decided.
    joined = config.vpc_id or "vpc_cidr" in config.model_fields_set
    if joined and "n8n" in config.services and "n8n_reaches" not in config.model_fields_set:
        notes.append(
            "geusemaker:n8nReaches is not set, so n8n connects to nothing in private networks: "
            "neither to the VPC nor to what it is joined to; other containers never do. For an "
            "internal API or database, with your network: `pulumi config set "
            "geusemaker:n8nReaches 10.0.8.0/24`; to keep it closed without this note: "
            "`pulumi config set geusemaker:n8nReaches '[]'`."
        )
    if idle := [key for key in config.image_versions if key not in containers]:
        notes.append(
            f"geusemaker:imageVersions names an image for {', '.join(idle)}, which "
            "geusemaker:services leaves out: it is for nothing until that has it."
        )
    return notes
