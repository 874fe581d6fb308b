"""Notes of a preview on workers. Pure."""

from datetime import date, timedelta
from typing import Final

from geusemaker import cost
from geusemaker.components.compute import CREDIT_MODE
from geusemaker.config import DeploymentConfig
from geusemaker.config.sources import camel
from geusemaker.ec2.instance_types import is_burstable

_DETAILS: Final = (
    "worker_instance_types",
    "worker_market",
    "worker_concurrency",
    "worker_drain_seconds",
)
_FEW: Final = 5
"""n8n warns of less: many small workers use up the database's connections."""

_RENEWED: Final = timedelta(days=180)
"""How long before its end the certificate of workers is named."""


def worker_notes(config: DeploymentConfig) -> list[str]:
    """One paragraph for each choice that may cost or surprise the user."""
    if not config.has_workers:
        return _unused(config)
    waits = (
        " While there is no worker, executions and the callers of their webhooks wait until the "
        "first one has started."
    )
    notes = [
        f"{_number(config)}, so workflows run on workers, also those that you start in the editor. "
        "A PostgreSQL node that connects to the host postgres needs SSL there: set SSL to Require "
        "in its credential. Models and files that you put on the host by hand are not on workers."
        f"{'' if config.workers else waits}"
    ]
    burstable = [one for one in config.worker_instance_types if is_burstable(one)]
    if burstable:
        notes.append(
            f"geusemaker:workerInstanceTypes has {' and '.join(burstable)}, burstable in credit "
            f"mode {CREDIT_MODE}: AWS bills CPU time beyond the CPU credits of each worker and "
            "does not slow it down."
        )
    if config.worker_market == "spot":
        notes.append(
            "geusemaker:workerMarket is spot, so an execution of more than "
            f"{config.worker_drain_seconds} seconds ends as an error when AWS takes its worker, "
            "and n8n does not repeat it. For workers that AWS does not take: `pulumi config set "
            "geusemaker:workerMarket on-demand`."
        )
    if config.worker_concurrency < _FEW:
        notes.append(
            f"geusemaker:workerConcurrency is {config.worker_concurrency}. n8n advises {_FEW} or "
            "more: many workers with few executions each use up the connections of the database. "
            f"To follow: `pulumi config set geusemaker:workerConcurrency {_FEW}`."
        )
    return notes


def _unused(config: DeploymentConfig) -> list[str]:
    """What config sets for workers, without any."""
    notes = []
    if "valkey" in config.image_versions:
        notes.append(
            "geusemaker:imageVersions names an image for valkey, which runs with workers only: "
            "the image is unused until there are some. For two workers: `pulumi config set "
            "geusemaker:workers 2`."
        )
    # By value: Pulumi passes defaults as if the user had set them.
    idle = [
        f"geusemaker:{camel(one)}"
        for one in _DETAILS
        if getattr(config, one) != DeploymentConfig.model_fields[one].default
    ]
    if idle:
        have = "have" if len(idle) > 1 else "has"
        notes.append(
            f"There are no workers, so {' and '.join(idle)} {have} no effect. For two workers: "
            "`pulumi config set geusemaker:workers 2`."
        )
    return notes


def cost_note(config: DeploymentConfig, found: cost.Estimate) -> str:
    """What the workers of a config cost a month."""
    number = f"{config.workers} worker{'s' if config.workers > 1 else ''}"
    if config.workers_max is not None:
        number = f"{config.workers} to {config.workers_max} workers"
    return (
        f"{_number(config)}. By AWS's list prices, {number} all month and the queue cost "
        f"{cost.of_workers(found)}. `geusemaker plan` shows the parts."
    )


def end_warning(config: DeploymentConfig, ends: date, today: date) -> str | None:
    """The warning before the end of the certificate by which workers recognise the host."""
    if today < ends - _RENEWED:
        return None
    keys = {"workers": config.workers or None, "workersMax": config.workers_max}
    chosen = {key: value for key, value in keys.items() if value is not None}
    off = [f"pulumi config rm geusemaker:{key}" for key in chosen]
    on = [f"pulumi config set geusemaker:{key} {value}" for key, value in chosen.items()]
    first, then = (" && ".join([*commands, "pulumi up"]) for commands in (off, on))
    return (
        f"The certificate of this stack's workers ends on {ends}, and workers accept the host no "
        f"longer then. A new one is made with the first worker, so remove the workers: `{first}`; "
        f"and add them again: `{then}`. n8n restarts both times."
    )


def _number(config: DeploymentConfig) -> str:
    """The key that decides on the number of workers, with its value."""
    if config.workers_max is not None:
        return f"geusemaker:workersMax is {config.workers_max}"
    return f"geusemaker:workers is {config.workers}"
