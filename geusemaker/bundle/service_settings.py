"""Variables of the containers that `geusemaker:serviceSettings` may set. Pure.

`service_settings.toml` is the list. Values are checked here, so that the bundle needs no quoting
but Compose's.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

TABLE: Final = Path(__file__).with_name("service_settings.toml")
ZONES: Final = Path(__file__).with_name("time_zones.toml")

_KINDS = ("whole", "number", "boolean", "choice", "duration", "zone", "text", "secret")
_GO_DURATION = re.compile(r"-?([0-9]{1,9}(\.[0-9]{1,9})?(ns|us|µs|ms|s|m|h))+|-?[0-9]{1,9}")
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_MAX_TEXT = 1024


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable of a service. The fields are those of the table."""

    service: str
    variable: str
    kind: str
    about: str
    containers: tuple[str, ...]
    example: str
    least: int = 0
    most: int = 0
    other: int | None = None
    choices: tuple[str, ...] = ()
    pattern: str = ""
    form: str = ""

    @property
    def is_secret(self) -> bool:
        """Whether the value is a secret, however it was set."""
        return self.kind == "secret"

    @property
    def values(self) -> str:
        """The allowed values in words."""
        bounds = f"{self.least} to {self.most}"
        other = "" if self.other is None else f", or {self.other}"
        return {
            "whole": f"a whole number, {bounds}{other}",
            "number": f"a number, {bounds}",
            "boolean": "true or false",
            "choice": ", ".join(self.choices),
            "duration": "seconds, or a duration such as 30m or 24h",
            "zone": "a time zone such as Europe/Berlin",
            "text": self.form,
            "secret": "a secret of one line",
        }[self.kind]

    def allows(self, value: str) -> bool:
        """Whether this is a value of the variable."""
        match self.kind:
            case "whole":
                number = int(value) if _WHOLE.fullmatch(value) else None
                return number is not None and (
                    self.least <= number <= self.most or number == self.other
                )
            case "number":
                return bool(_NUMBER.fullmatch(value)) and self.least <= float(value) <= self.most
            case "boolean":
                return value in ("true", "false")
            case "choice":
                return value in self.choices
            case "duration":
                return bool(_GO_DURATION.fullmatch(value))
            case "zone":
                return value in time_zones()
            case "text":
                return len(value) <= _MAX_TEXT and bool(re.fullmatch(self.pattern, value))
            case _:
                return value != "" and value.isprintable()


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """The part of the table about one service.

    Attributes:
        source: Where the program reads its variables.
        settings: Its settings by variable.
        set_by: Patterns of variables that are no setting, with the reason.
    """

    source: str
    settings: Mapping[str, Setting]
    set_by: Mapping[str, str]

    def why_not(self, variable: str) -> str | None:
        """Why the stack decides on a variable that is no setting; None for an unknown one."""
        if variable in self.settings:
            return None
        found = (why for name, why in self.set_by.items() if fnmatchcase(variable, name))
        return next(found, None)


@cache
def load_settings() -> Mapping[str, ServiceSettings]:
    """The table, by service. Reads the file once."""
    raw = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return MappingProxyType({service: _service(service, row) for service, row in raw.items()})


def _service(service: str, row: Mapping[str, Any]) -> ServiceSettings:
    settings = {name: _setting(service, name, one) for name, one in row["variables"].items()}
    return ServiceSettings(row["source"], settings, row["set_by"])


def _setting(service: str, variable: str, row: Mapping[str, Any]) -> Setting:
    fields: dict[str, Any] = {
        key: tuple(one) if isinstance(one, list) else one for key, one in row.items()
    }
    fields.setdefault("containers", (service,))
    if "or" in fields:
        fields["other"] = fields.pop("or")
    examples = {"boolean": "true", "choice": fields.get("choices", ("",))[0], "secret": "SECRET"}
    fields["example"] = str(fields.get("example", examples.get(fields["kind"])))
    setting = Setting(service, variable, **fields)
    assert setting.kind in _KINDS, variable  # noqa: S101 - the table is part of the program
    return setting


@cache
def time_zones() -> frozenset[str]:
    """Names of the IANA time zone database."""
    return frozenset(tomllib.loads(ZONES.read_text(encoding="utf-8"))["names"].split())


def of_container(container: str, values: Mapping[str, Mapping[str, str]]) -> Mapping[str, str]:
    """The variables of a container from values by service and variable; none of them a secret.

    Compose expands single dollars.
    """
    return {
        setting.variable: value.replace("$", "$$")
        for service, given in values.items()
        for setting in load_settings()[service].settings.values()
        if container in setting.containers
        for value in [given.get(setting.variable)]
        if value is not None
    }
