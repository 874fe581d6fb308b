"""The config of a stack as the program would get it from Pulumi, read without Pulumi.

Encrypted values cannot be read without the stack's passphrase. Stand-ins take their place, which
pass validation and are never shown.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from geusemaker.config import DeploymentConfig
from geusemaker.config.documents import Unquoted
from geusemaker.config.report import holds_secrets, metadata
from geusemaker.config.sources import Given, read_own_file
from geusemaker.ec2.regions import REGION_KEY
from geusemaker.messages import NAMESPACE, StackOrigin

_STAND_IN: Final = "stand-in-for-a-secret"
_TAGS: Final = "aws:defaultTags"


@dataclass(frozen=True)
class StackValues:
    """What a stack's file sets.

    Attributes:
        given: The keys of this program, as the engine passes them.
        defaults: Those that `Pulumi.yaml` sets for every stack.
        region: Its `aws:region`; None without one.
        default_tags: Of the AWS provider.
        encrypted: Keys with values that are encrypted, and replaced by stand-ins.
    """

    given: tuple[Given, ...] = ()
    defaults: tuple[Given, ...] = ()
    region: str | None = None
    default_tags: Mapping[str, str] | None = None
    encrypted: tuple[str, ...] = ()


def read(project: Path, file: Path) -> StackValues:
    """The values in a stack's file, which may not exist.

    Raises:
        ConfigError: A file cannot be read or parsed, or Pulumi refuses or ignores a part of it.
    """
    config = read_own_file(file)
    given, encrypted = [], []
    for full, value in config.items():
        namespace, _, key = full.partition(":")
        if namespace != NAMESPACE:
            continue
        clear, is_secret = _in_clear(value)
        if is_secret:
            encrypted.append(key)
        if clear == _STAND_IN:
            field = _field(key)
            if not holds_secrets(field):
                continue  # its default stands in
            clear = metadata(field, "example")
        given.append(Given(key, _as_passed(clear), StackOrigin(key), is_secret))
    region = config.get(REGION_KEY)
    tags = config.get(_TAGS)
    tags = tags.get("tags") if isinstance(tags, Mapping) else None
    return StackValues(
        tuple(given),
        defaults(project, {one.key for one in given} | set(encrypted)),
        region if isinstance(region, str) else None,
        {str(key): str(value) for key, value in (tags or {}).items()},
        tuple(encrypted),
    )


def defaults(project: Path, taken: Collection[str]) -> tuple[Given, ...]:
    """The values that `Pulumi.yaml` gives to keys that are not set."""
    return tuple(_defaults(project, taken))


def _defaults(project: Path, taken: Collection[str]) -> Iterator[Given]:
    for full, declared in read_own_file(project / "Pulumi.yaml").items():
        namespace, _, key = full.partition(":")
        if namespace == NAMESPACE and key not in taken and isinstance(declared, Mapping):
            for name in ("value", "default"):
                if name in declared:
                    yield Given(key, _as_passed(declared[name]), StackOrigin(key))
                    break


def _field(key: str) -> Any:
    return next((one for one in DeploymentConfig.model_fields.values() if one.alias == key), None)


def _in_clear(value: Any) -> tuple[Any, bool]:
    """The value with stand-ins for what is encrypted, and whether anything is."""
    if not isinstance(value, Mapping):
        return value, False
    if "secure" in value:
        return _STAND_IN, True
    parts = {name: _in_clear(one) for name, one in value.items()}
    return {name: one for name, (one, _) in parts.items()}, any(s for _, s in parts.values())


def _as_passed(value: Any) -> str:
    """A value as the engine passes it: scalars as text, structures as JSON."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping | list):
        return json.dumps(value, default=_number)
    # The engine reads an unquoted 2.10 as a number.
    return str(_number(value)) if isinstance(value, Unquoted) else str(value)


def _number(value: Any) -> Any:
    try:
        number = float(str(value))
    except ValueError:
        return str(value)
    return int(number) if number.is_integer() else number
