"""The effective config: config file, stack, environment and flags joined. Pure.

The later layer wins.
"""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from geusemaker.config import DeploymentConfig
from geusemaker.config.report import holds_secrets
from geusemaker.config.service_settings import KEY as SETTINGS
from geusemaker.config.sources import Given
from geusemaker.ec2.regions import REGION_KEY
from geusemaker.errors import ConfigError
from geusemaker.messages import NAMESPACE, FileOrigin, StackOrigin, as_text, shown

FLAGS: Final = {
    "osType": "--os-type",
    "architecture": "--architecture",
    "amiType": "--ami-type",
    "instanceType": "--instance-type",
}
"""The keys that have a flag of `geusemaker deploy`."""

_SECRET_KEYS: Final = {
    field.alias for field in DeploymentConfig.model_fields.values() if holds_secrets(field)
}


@dataclass(frozen=True)
class FlagOrigin:
    """A flag of the command, or its environment variable."""

    flag: str
    variable: str | None = None

    def name(self, key: str) -> str:  # noqa: ARG002
        return self.variable or self.flag

    def place(self) -> str:
        return StackOrigin().place()

    def set(self, key: str, value: Any, *, secret: bool = False) -> str:  # noqa: ARG002
        if self.variable:
            return f"run `export {self.variable}={shlex.quote(as_text(value))}`"
        return f"pass {self.flag} {shlex.quote(as_text(value))}"

    def remove(self, key: str) -> str:  # noqa: ARG002
        return f"run `unset {self.variable}`" if self.variable else f"leave out {self.flag}"

    def rename(self, key: str, value: Any, *, secret: bool = False) -> str:
        return f"{self.remove(key)} and {StackOrigin().set(key, value, secret=secret)}"

    def sibling(self) -> StackOrigin:
        return StackOrigin()


@dataclass(frozen=True)
class Row:
    """One line of the table of effective values."""

    key: str
    value: str
    source: str


@dataclass(frozen=True)
class Effective:
    """The config to deploy.

    Attributes:
        writes: Full config keys whose values in the stack's file are missing or differ.
        notes: Values of a layer that have no effect, one sentence each.
    """

    config: DeploymentConfig
    region: str
    rows: tuple[Row, ...]
    writes: Mapping[str, str]
    notes: tuple[str, ...]


def effective(
    layers: Sequence[Iterable[Given]],
    region: str,
    region_source: str,
    region_in_stack: bool,
    file_region: Given | None = None,
) -> Effective:
    """Joins the layers, first to last. Raises `ConfigError`, with the fix for its layer.

    `file_region` is the Region in a config file, which has no effect.
    """
    every = [one for layer in layers for one in layer]
    winner = {one.key: one for one in every}
    notes = (*_other_region(file_region, region), *_overruled(every, winner))
    try:
        config = DeploymentConfig.from_given(every)
    except ConfigError as error:
        # Two values may contradict each other only because one layer overrides another.
        raise ConfigError(" ".join([str(error), *notes])) from None
    # The image's three keys are written even with default values: defaults may change. The type is
    # shown, since it decides the price, but not written: its default follows the architecture.
    defaults = {key: as_text(config.model_dump(by_alias=True)[key]) for key in FLAGS}
    set_values = config.stack_values()
    values = {**defaults, **set_values}
    in_stack = {one.key: one.value for one in every if isinstance(one.origin, StackOrigin)}
    rows = [Row(REGION_KEY, region, region_source)]
    writes: dict[str, str] = {} if region_in_stack else {REGION_KEY: region}
    for key, value in values.items():
        one = winner.get(key)
        secret = one is not None and one.secret
        # Of `serviceSettings` a secret has secret parts only, which the value does not show.
        hidden = secret and key != SETTINGS
        rows.append(Row(f"{NAMESPACE}:{key}", "[secret]" if hidden else value, _source(one)))
        is_written = key in set_values or key != "instanceType"
        if (
            is_written
            and in_stack.get(key) != value
            and not (one and isinstance(one.origin, StackOrigin))
        ):
            writes[f"{NAMESPACE}:{key}"] = value
    return Effective(config, region, tuple(rows), writes, notes)


def _source(one: Given | None) -> str:
    if one is None:
        return "default"
    origin = one.origin
    if isinstance(origin, FileOrigin):
        return str(origin.path)
    if isinstance(origin, FlagOrigin):
        return origin.variable or origin.flag
    return "stack"


def _other_region(of_file: Given | None, region: str) -> Iterable[str]:
    """Notes that the Region in a config file is not the one that is used."""
    if of_file is not None and of_file.value != region:
        yield (
            f"{of_file.origin.name(REGION_KEY)} is {shown(of_file.value)}, but a config file does "
            f"not set the Region, which is {region}; "
            f"`--region {shlex.quote(str(of_file.value))}` does."
        )


def _overruled(every: Iterable[Given], winner: Mapping[str, Given]) -> Iterable[str]:
    """Notes each value of a config file that another layer overrides."""
    for one in every:
        won = winner[one.key]
        if isinstance(one.origin, FileOrigin) and won is not one and won.value != one.value:
            hidden = one.key in _SECRET_KEYS or one.key == SETTINGS
            other = "another value" if won.secret or hidden else shown(won.value)
            note = (
                f"{one.origin.name(one.key)} is {'set' if hidden else shown(one.value)}, but "
                f"{_source(won)} has {other}, which overrides a file"
            )
            if isinstance(won.origin, StackOrigin):
                note += f"; `pulumi config rm {NAMESPACE}:{one.key}` lets the file decide"
            yield f"{note}."
