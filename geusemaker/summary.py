"""The few lines that tell a user what a stack is. Pure."""

from collections.abc import Sequence
from datetime import date

from geusemaker.components.host_type import HostType
from geusemaker.config import DeploymentConfig
from geusemaker.dlami import ImageQuery
from geusemaker.dlami.lookup import FoundImage


def _months(start: date, end: date) -> int:
    return (end.year - start.year) * 12 + end.month - start.month - (end.day < start.day)


def image_lines(
    kept: FoundImage, found: FoundImage, query: ImageQuery, config: DeploymentConfig, today: date
) -> list[str]:
    """The running image, why it was chosen, and until when AWS patches it."""
    wish = f"{query.os_type}, {query.architecture}, {query.ami_type}"
    if config.ami_id or config.ami_name:
        why = f"pinned by {'amiId' if config.ami_id else 'amiName'}"
    elif kept.id == found.id:
        why = f"newest for {wish}"
    else:
        why = f"kept for {wish}; newer: {found.name}"
    left = _months(today, query.patched_until)
    if query.patched_until < today:
        patched = f"not patched since {query.patched_until}"
    elif left:
        patched = f"patched until {query.patched_until} ({left} month{'s' * (left > 1)})"
    else:
        patched = f"patched until {query.patched_until} (less than a month)"
    told = (
        "a newer image replaces the host at the next up (amiPolicy latest)"
        if config.ami_policy == "latest"
        else "a newer image is told, never forced"
    )
    return [kept.name, f"{kept.id}; {why}", f"{patched}; {told}"]


def newer_image(kept: FoundImage, found: FoundImage) -> str | None:
    """What to tell when AWS has released a newer image than the one that runs."""
    if kept.id == found.id:
        return None
    return (
        f"A newer image is available: {found.name} ({found.id}). This stack keeps {kept.name} "
        f"({kept.id}), and nothing is replaced. To move to it, which replaces the host and keeps "
        f"the data: `pulumi config set geusemaker:amiId {found.id}`."
    )


def host_line(host: HostType) -> str:
    """Size of the host and where models run."""
    gpu = ", ".join(host.gpus) if host.gpus else "no GPU: Ollama runs on the CPU"
    return f"{host.name}, {host.vcpus} vCPU, {host.memory_gib:g} GiB, {gpu}"


def network_line(cidr: str, zones: int, allowed_cidrs: Sequence[str]) -> str:
    """Addresses, zones, and who may come in."""
    ports = f"443 for {', '.join(allowed_cidrs)}" if allowed_cidrs else "none"
    return f"{cidr}, {zones} zone{'s' * (zones > 1)}; open ports: {ports}; way in: Session Manager"


def data_line(data_volume_gib: int, protect: bool, stack: str) -> str:
    """Where the data is and whether it is guarded."""
    guard = "protectData true" if protect else f"protectData false in {stack}"
    return f"EBS {data_volume_gib} GiB (databases, models), EFS (files); {guard}"
