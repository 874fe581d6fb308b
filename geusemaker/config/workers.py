"""Cross-field validation of the keys of workers."""

from collections.abc import Callable
from typing import Final

from geusemaker.config.worker_fields import WorkerFields
from geusemaker.ec2.instance_types import architecture_of, counterpart
from geusemaker.messages import InvalidValue, Remove, Set

SPOT_NOTICE_SECONDS: Final = 120
"""AWS ends a Spot instance so long after its notice."""

_LIMIT: Final = "N8N_CONCURRENCY_PRODUCTION_LIMIT"


def removal_of(config: WorkerFields) -> Remove:
    """The fix that leaves a config no workers. Each of two keys alone would keep them."""
    if config.workers and config.workers_max:
        return Remove("workers", also="workersMax")
    return Remove("workers" if config.workers else "workersMax")


def _workers_have_a_queue(config: WorkerFields) -> None:
    if config.has_workers and "n8n" not in config.services:
        key = "workers" if config.workers else "workersMax"
        raise InvalidValue(
            f"{key} is {config.workers or config.workers_max}, but services has no n8n, whose "
            "workflows are what workers execute",
            Set("services", list(dict.fromkeys(("n8n", *config.services, "postgres")))),
            removal_of(config),
            keys=(key, "services"),
        )


def _most_is_not_less(config: WorkerFields) -> None:
    if config.workers_max is not None and config.workers_max < config.workers:
        raise InvalidValue(
            f"workersMax is {config.workers_max}, which is less than workers, {config.workers}, "
            "the least number",
            Set("workersMax", config.workers),
            Set("workers", config.workers_max),
            Remove("workersMax"),
            keys=("workersMax", "workers"),
        )


def _types_match_architecture(config: WorkerFields) -> None:
    types = config.worker_instance_types
    other = [one for one in types if architecture_of(one) != config.architecture]
    if other:
        fitting = [counterpart(one, config.architecture) if one in other else one for one in types]
        raise InvalidValue(
            f"workerInstanceTypes has {other[0]}, which is {architecture_of(other[0])} only, but "
            f"architecture is {config.architecture}, and workers boot the host's image",
            Set("workerInstanceTypes", list(dict.fromkeys(fitting))),
            Remove("workerInstanceTypes"),
            keys=("workerInstanceTypes", "architecture"),
        )


def _spot_ends_in_time(config: WorkerFields) -> None:
    if config.worker_market == "spot" and config.worker_drain_seconds >= SPOT_NOTICE_SECONDS:
        raise InvalidValue(
            f"workerDrainSeconds is {config.worker_drain_seconds}, but workerMarket is spot, and "
            f"AWS ends such a worker {SPOT_NOTICE_SECONDS} seconds after its notice",
            Remove("workerDrainSeconds"),
            Set("workerMarket", "on-demand"),
            keys=("workerDrainSeconds", "workerMarket"),
        )


def _one_limit_of_executions(config: WorkerFields) -> None:
    # n8n takes it for each worker, in place of the worker's own number.
    if config.has_workers and _LIMIT in config.service_settings.get("n8n", {}):
        raise InvalidValue(
            f"serviceSettings sets {_LIMIT} of n8n, which limits one host; with workers, "
            "workerConcurrency limits each of them",
            Remove(f"serviceSettings.n8n.{_LIMIT}"),
            keys=("serviceSettings", "workerConcurrency"),
            public_reason=True,
        )


RULES: Final[tuple[Callable[[WorkerFields], None], ...]] = (
    _workers_have_a_queue,
    _most_is_not_less,
    _types_match_architecture,
    _spot_ends_in_time,
    _one_limit_of_executions,
)
