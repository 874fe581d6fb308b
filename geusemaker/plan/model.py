"""What `geusemaker plan` shows, as data. Every form of output is made from a `Plan` alone.

The JSON of a plan has these names in camelCase. A change that takes a name away or gives it another
meaning needs another `VERSION`; a new name does not.
"""

import json
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from geusemaker.config.sources import camel

VERSION: Final = 1
"""The version of the JSON schema."""

Operation = Literal["create", "update", "replace", "delete", "same"]


class Part(BaseModel):
    """A part of a plan. Immutable; its JSON has camelCase names."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=camel, populate_by_name=True
    )


class ConfigValue(Part):
    """One config key in effect.

    Attributes:
        key: With its namespace, such as "geusemaker:osType".
        value: As text; "[secret]" for a secret.
        source: "default", "stack", a file, a flag or an environment variable.
    """

    key: str
    value: str
    source: str


class Image(Part):
    """The image that the host boots.

    Attributes:
        why: One sentence: by which keys or which state it was chosen.
        patched_until: The day, as 2027-06-10, until which AWS patches its line; None if unknown.
        is_patched: Whether that day is still to come; None if unknown.
    """

    id: str
    name: str
    why: str
    patched_until: str | None
    is_patched: bool | None


class Host(Part):
    """The host. Sizes are GiB; `gpus` is such as "1 x NVIDIA L4", empty without one."""

    instance_type: str
    architecture: str
    os_type: str
    vcpus: int
    memory_gib: float
    gpus: str
    root_gib: int | None
    data_gib: int


class Subnet(Part):
    """A subnet. `cidr` is None for an adopted one, which is not looked up."""

    name: str
    zone: str | None
    cidr: str | None
    has_host: bool
    has_mount: bool


class Access(Part):
    """Who may reach the host: a network, a port, and the paths of it in words."""

    network: str
    port: int
    what: str


class Network(Part):
    """The network. `vpc_cidr` is None for an adopted VPC."""

    region: str
    is_adopted: bool
    vpc_cidr: str | None
    subnets: tuple[Subnet, ...]
    has_fixed_address: bool
    domain: str | None
    access: tuple[Access, ...]


class Container(Part):
    """A container of the host. `memory_mib` is its limit; None for no limit."""

    name: str
    image: str
    memory_mib: int | None


Fit = Literal["gpu", "memory", "split", "no", "unknown"]


class Workers(Part):
    """The workers, which execute n8n's workflows. Sizes are GiB.

    Attributes:
        least, most: How many there are at any time, and how many there may be.
        instance_types: The preferred one first. The fields that follow are of that one.
        gpus: Such as "1 x NVIDIA L4"; empty without one.
        disk_gib: The root disk of each; None if unknown.
        concurrency: Executions of each at a time.
        drain_seconds: How long one that ends waits for its executions.
        containers: What runs on each.
    """

    least: int
    most: int
    instance_types: tuple[str, ...]
    market: Literal["on-demand", "spot"]
    vcpus: int
    memory_gib: float
    gpus: str
    disk_gib: int | None
    concurrency: int
    drain_seconds: int
    containers: tuple[str, ...]


class Model(Part):
    """A model that Ollama pulls.

    Attributes:
        least_gib: What its weights take at least; None if its name gives no size.
        fit: "gpu": on the GPU. "memory": on the CPU. "split": partly on each. "no": it cannot run.
            "unknown": its name gives no size.
        worker_fit: The same on a worker; None if workers have no Ollama.
    """

    name: str
    least_gib: float | None
    fit: Fit
    worker_fit: Fit | None = None


class Resource(Part):
    """One resource of the stack.

    Attributes:
        name: Its name in Pulumi, such as "geusemaker-compute-host".
        type: Its token, such as "aws:ec2/instance:Instance".
        parent: Name of the component that it belongs to; empty for the topmost one.
        is_component: Whether it only groups others.
        is_protected: Whether Pulumi refuses to delete it.
    """

    name: str
    type: str
    parent: str
    is_component: bool
    is_protected: bool


class Count(Part):
    """How many resources of one type there are."""

    type: str
    count: int


class BootStep(Part):
    """A step of the host's boot. `seconds` is its limit; None where it has none of its own."""

    name: str
    what: str
    seconds: int | None


class Boot(Part):
    """The boot of a host.

    Attributes:
        seconds: Limit of the whole boot, after which the host reports a failure.
        script_bytes: Size of the packed boot script; None if values in it are not known.
        limit_bytes: What EC2 accepts.
    """

    steps: tuple[BootStep, ...]
    seconds: int
    script_bytes: int | None
    limit_bytes: int


class CostPart(Part):
    """The monthly cost of a part in USD, as a range; None if the price is unknown.

    `key` is the same in every estimate. `what` is its quantity in words, or why its price is
    unknown; `source` is where the price is from. `is_counted` is false for a range that no total
    has: that of Spot.
    """

    key: str = ""
    name: str
    what: str
    low: float | None
    high: float | None
    source: str = ""
    is_counted: bool = True


class Cost(Part):
    """An estimate of a month in USD: list prices without taxes, discounts and free tiers.

    `low` and `high` add up the known parts only: with the least number of workers, and with the
    most. `is_complete` is false if a part is unknown or not counted.
    `as_of` is the day of the oldest price.
    """

    hours: float
    as_of: str
    low: float
    high: float
    is_complete: bool = True
    parts: tuple[CostPart, ...]
    notes: tuple[str, ...] = ()


class Message(Part):
    """What the program logged."""

    level: Literal["info", "warning"]
    text: str


class PropertyChange(Part):
    """A differing property.

    Attributes:
        path: In Pulumi's form, such as "rootBlockDevice.volumeSize".
        kind: What happens to it.
        before, after: Short text of the values; None where there is no value, it is not known yet,
            or it is a secret.
        replaces: Whether this property causes the replacement.
    """

    path: str
    kind: Literal["add", "update", "delete"]
    before: str | None = None
    after: str | None = None
    replaces: bool = False


class Change(Part):
    """What would happen to one resource.

    Attributes:
        holds: "host" for the instance; "data" for what holds data or secrets that cannot be created
            again; otherwise "".
        properties: Why. Empty for what is created or deleted, and for a replacement that the
            program itself triggers.
    """

    operation: Literal["create", "update", "replace", "delete"]
    name: str
    type: str
    holds: Literal["host", "data", ""]
    is_protected: bool
    properties: tuple[PropertyChange, ...] = ()


class Outage(Part):
    """For how long services are unavailable.

    Attributes:
        services: Names of services; "host" is all of them and the host itself.
        seconds: At most; None if unknown.
    """

    services: tuple[str, ...]
    why: str
    seconds: int | None


class FileDiff(Part):
    """A unified diff of a file that the host runs: the boot script, or one of its bundle."""

    path: str
    diff: str


class Against(Part):
    """What the plan is compared with. "stack" is the deployed stack itself."""

    kind: Literal["config", "git", "state", "stack"]
    name: str


class Comparison(Part):
    """The change from another config, commit or saved state to this plan.

    Attributes:
        replaces_host: Whether the instance is replaced or deleted.
        replaces_data: Whether something that holds data is replaced or deleted.
        refused: Names of protected resources whose deletion Pulumi would refuse.
        workers: What happens to workers, one sentence each.
        cost_low, cost_high: Difference of the monthly cost in USD; None if unknown.
        notes: What could not be compared.
    """

    against: Against
    changes: tuple[Change, ...]
    unchanged: int
    replaces_host: bool
    replaces_data: bool
    refused: tuple[str, ...]
    outages: tuple[Outage, ...]
    workers: tuple[str, ...] = ()
    cost_low: float | None
    cost_high: float | None
    files: tuple[FileDiff, ...]
    notes: tuple[str, ...] = ()


class Plan(Part):
    """A whole plan.

    Attributes:
        version: Of this form.
        workers: None without any.
        messages: What the program logged, in its order.
        unchecked: What needs an account to be checked, one sentence each.
        failed: The conditions of `--fail-on` that are true, as they were typed.
    """

    version: Literal[1] = VERSION
    stack: str
    config: tuple[ConfigValue, ...]
    image: Image
    host: Host
    network: Network
    containers: tuple[Container, ...]
    models: tuple[Model, ...]
    resources: tuple[Resource, ...]
    counts: tuple[Count, ...]
    boot: Boot
    cost: Cost | None
    workers: Workers | None = None
    messages: tuple[Message, ...]
    unchecked: tuple[str, ...]
    comparison: Comparison | None = None
    failed: tuple[str, ...] = Field(default=())

    def json_text(self) -> str:
        """The plan as JSON."""
        return self.model_dump_json(by_alias=True, indent=2)


def schema_text() -> str:
    """The JSON schema of a plan, which `plan.schema.json` holds."""
    found = Plan.model_json_schema(by_alias=True, mode="serialization")
    return json.dumps(found, indent=2) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("plan.schema.json").write_text(schema_text(), encoding="utf-8")
