"""The config keys of workers, which execute n8n's queue."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StrictInt

from geusemaker.bundle.queue import MOST_WORKERS
from geusemaker.config import effects
from geusemaker.config.fields import ConfigFields, metadata_of
from geusemaker.ec2.instance_types import type_pattern
from geusemaker.messages import InvalidValue, Set

WorkerMarket = Literal["on-demand", "spot"]

MAX_WORKER_TYPES = 20


def _distinct_types(values: Sequence[str]) -> tuple[str, ...]:
    for index, value in enumerate(values):
        if not type_pattern.fullmatch(value):
            lower = [*values[:index], value.lower(), *values[index + 1 :]]
            raise InvalidValue(
                f"has the item {value!r}, which is not a valid name of an EC2 instance type",
                *(
                    [Set("workerInstanceTypes", lower)]
                    if type_pattern.fullmatch(value.lower())
                    else []
                ),
            )
    distinct = tuple(dict.fromkeys(values))
    if len(distinct) < len(values):
        raise InvalidValue("lists a type twice", Set("workerInstanceTypes", distinct))
    if len(values) > MAX_WORKER_TYPES:
        raise InvalidValue(
            f"has {len(values)} types; the maximum is {MAX_WORKER_TYPES}",
            Set("workerInstanceTypes", distinct[:MAX_WORKER_TYPES]),
        )
    return distinct


class WorkerFields(ConfigFields):
    """All keys: those of a stack with one host, and those of its workers."""

    workers: StrictInt = Field(
        0,
        ge=0,
        le=MOST_WORKERS,
        description="Further hosts that execute n8n's workflows, each at its type's hourly price. "
        "With any, the first host executes none. With workersMax, the least number.",
        json_schema_extra=metadata_of(
            f"0 to {MOST_WORKERS}, with n8n among the services", 2, effects=effects.WORKERS
        ),
    )
    workers_max: Annotated[StrictInt, Field(ge=1, le=MOST_WORKERS)] | None = Field(
        None,
        description="The number of workers follows the load, from workers to this number. With "
        "workers 0, the first worker starts when something waits, and the last one ends after 20 "
        "idle minutes.",
        json_schema_extra=metadata_of(
            f"1 to {MOST_WORKERS}, at least workers",
            4,
            "none: always as many as workers",
            effects=effects.WORKERS,
        ),
    )
    worker_instance_types: Annotated[tuple[str, ...], AfterValidator(_distinct_types)] = Field(
        (),
        description="Types of the workers, the preferred one first. Several types help where AWS "
        "has no capacity, and spot needs them most.",
        json_schema_extra=metadata_of(
            f"up to {MAX_WORKER_TYPES} EC2 instance types of the architecture",
            ["g6.xlarge", "g5.xlarge"],
            "the type of the host",
            effects=effects.WORKER_TYPES,
        ),
    )
    worker_market: WorkerMarket = Field(
        "on-demand",
        description="spot: AWS sells the workers cheaper and takes them back at two minutes' "
        "notice. The host is always on demand.",
        json_schema_extra=metadata_of("{choices}", "spot", effects=effects.OF_WORKERS),
    )
    worker_concurrency: StrictInt = Field(
        5,
        ge=1,
        le=100,
        description="Executions at a time on each worker.",
        json_schema_extra=metadata_of("1 to 100", 10, effects=effects.OF_WORKERS),
    )
    worker_drain_seconds: StrictInt = Field(
        100,
        ge=10,
        le=7000,  # a lifecycle hook waits two hours at most
        description="How long a worker that ends waits for its executions. n8n does not repeat "
        "those that it cuts off.",
        json_schema_extra=metadata_of(
            "10 to 7000, below 120 on spot", 60, effects=effects.OF_WORKERS
        ),
    )

    @property
    def has_workers(self) -> bool:
        """Whether n8n has a queue. With `workers_max` there may be no worker at times."""
        return self.workers > 0 or self.workers_max is not None

    @property
    def most_workers(self) -> int:
        """The number of workers that there may be at a time."""
        return self.workers if self.workers_max is None else self.workers_max

    @property
    def worker_types(self) -> tuple[str, ...]:
        """The instance types of workers, the preferred one first."""
        return self.worker_instance_types or (self.instance_type,)
