"""The lines that describe a deployed stack. Pure."""

import ipaddress
from collections.abc import Mapping
from datetime import date
from typing import Any

from geusemaker import dlami
from geusemaker.config import DeploymentConfig
from geusemaker.ec2.instance_types import InstanceType


def stack_lines(
    outputs: Mapping[str, Any],
    config: DeploymentConfig,
    host: InstanceType,
    *,
    stack: str,
    newer: bool,
    today: date,
) -> dict[str, list[str]]:
    """Lines by topic: Image, Host, Workers if there are any, Network, Data.

    `outputs` are the stack's; `newer`: whether a newer image of AWS exists.
    """
    return {
        "Image": image_lines(outputs, config, newer, today),
        "Host": [host_line(host)],
        **({"Workers": [worker_line(config)]} if config.has_workers else {}),
        "Network": [network_line(config, len(outputs["subnetIds"]))],
        "Data": [data_line(config, stack)],
    }


def image_lines(
    outputs: Mapping[str, Any], config: DeploymentConfig, newer: bool, today: date
) -> list[str]:
    """The running image, the reason for it, and the end of its patches."""
    request = f"{config.os_type}, {config.architecture}, {config.ami_type}"
    defaults = DeploymentConfig()
    if (config.os_type, config.architecture, config.ami_type) == (
        defaults.os_type,
        defaults.architecture,
        defaults.ami_type,
    ):
        request += " (defaults)"
    if config.ami_id or config.ami_name:
        why = f"pinned by {'amiId' if config.ami_id else 'amiName'}"
    elif newer:
        why = f"kept for {request}; a newer one exists"
    else:
        why = f"newest for {request}"
    policy = (
        "a newer image replaces the host at the next up (amiPolicy latest)"
        if config.ami_policy == "latest"
        else "a newer image never replaces this host by itself"
    )
    patched = _patched(outputs["amiName"], today)
    return [outputs["amiName"], f"{outputs['amiId']}; {why}", f"{patched}; {policy}"]


def _patched(name: str, today: date) -> str:
    known = dlami.recognise(name)
    if known is None:
        return "not a known Deep Learning AMI: the end of its patches is unknown"
    # Some x86_64 names lack the architecture; the dates are the same for both.
    line = dlami.load_catalogue().line(
        known.os_type, known.architecture or "x86_64", known.ami_type
    )
    ends = {version.number: version.patched_until for version in line.versions}
    until = ends.get(known.framework_version)
    if until is None:
        return f"{known.ami_type} {known.framework_version} is newer than the catalogue"
    if until < today:
        return f"not patched since {until}"
    months = (until.year - today.year) * 12 + until.month - today.month - (until.day < today.day)
    left = f"{months} month{'s' * (months > 1)}" if months else "less than a month"
    return f"patched until {until} ({left})"


def host_line(host: InstanceType) -> str:
    """The host's size, and the processor for models."""
    gpu = ", ".join(host.gpus) if host.gpus else "no GPU: Ollama runs on the CPU"
    return f"{host.name}, {host.vcpus} vCPU, {host.memory_gib:g} GiB, {gpu}"


def worker_line(config: DeploymentConfig) -> str:
    """The number of workers, their types, and what each executes."""
    most = config.most_workers
    number = str(most) if most == config.workers else f"{config.workers} to {most}"
    return (
        f"{number} x {' or '.join(config.worker_types)}, {config.worker_market}, "
        f"{config.worker_concurrency} executions each"
    )


def network_line(config: DeploymentConfig, zones: int) -> str:
    """Network, zones, open ports and access."""
    where = config.vpc_id or str(ipaddress.ip_network(config.vpc_cidr))
    return (
        f"{where}, {zones} zone{'s' * (zones > 1)}; open ports: {_ports(config)}; "
        "access: Session Manager"
    )


def _ports(config: DeploymentConfig) -> str:
    ports = [f"443 for {', '.join(config.allowed_cidrs)}"] if config.allowed_cidrs else []
    if config.webhook_cidrs:
        ports.append(f"443 for webhooks from {', '.join(config.webhook_cidrs)}")
    return ", ".join(ports) or "none"


def data_line(config: DeploymentConfig, stack: str) -> str:
    """Where the data is, and whether it is protected."""
    protection = "protectData true" if config.protect_data else f"protectData false in {stack}"
    return f"EBS {config.data_volume_gib} GiB (databases, models), EFS (files); {protection}"
