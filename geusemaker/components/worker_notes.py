"""Notes of a preview on workers. Pure."""

from typing import Final

from geusemaker.config import DeploymentConfig
from geusemaker.config.sources import camel

_DETAILS: Final = (
    "worker_instance_types",
    "worker_market",
    "worker_concurrency",
    "worker_drain_seconds",
)
_FEW: Final = 5
"""n8n warns of less: many small workers use up the database's connections."""


def worker_notes(config: DeploymentConfig) -> list[str]:
    """One paragraph for each choice that may cost or surprise the user."""
    if not config.has_workers:
        # By value: Pulumi passes defaults as if the user had set them.
        idle = [
            f"geusemaker:{camel(one)}"
            for one in _DETAILS
            if getattr(config, one) != DeploymentConfig.model_fields[one].default
        ]
        notes = []
        if "valkey" in config.image_versions:
            notes.append(
                "geusemaker:imageVersions names an image for valkey, which runs with workers only: "
                "the image is unused until there are some. For two workers: `pulumi config set "
                "geusemaker:workers 2`."
            )
        if not idle:
            return notes
        have = "have" if len(idle) > 1 else "has"
        return [
            *notes,
            f"There are no workers, so {' and '.join(idle)} {have} no effect. For two workers: "
            "`pulumi config set geusemaker:workers 2`.",
        ]
    what = f"workers is {config.workers}"
    if config.workers_max is not None:
        what = f"workersMax is {config.workers_max}"
    notes = [
        f"geusemaker:{what}, so workflows run on workers, also those that you start in the editor. "
        "A PostgreSQL node that connects to the host postgres needs SSL there: set SSL to Require "
        "in its credential. Models and files that you put on the host by hand are not on workers."
    ]
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
