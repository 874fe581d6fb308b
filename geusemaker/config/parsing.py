"""Converts the text that `pulumi config set` stores to the type of a key."""

import json
import re
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from geusemaker.config.documents import Unquoted, load_json
from geusemaker.messages import InvalidSetting, InvalidValue, Remove, Set

_whole = re.compile(r"[+-]?[0-9]{1,12}")


class MapOfMaps(dict[str, dict[str, Any]]):
    """The kind of a field that is a map of maps."""


def kind_of(annotation: Any) -> type:
    """The plain type of a field, without `Annotated` or `None`.

    One of str, int, bool, tuple, dict and `MapOfMaps`.
    """
    origin = get_origin(annotation)
    if origin is Annotated:
        return kind_of(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return kind_of(next(arg for arg in get_args(annotation) if arg is not type(None)))
    if origin is dict and get_origin(get_args(annotation)[1]) is dict:
        return MapOfMaps
    if origin in (tuple, dict):
        return origin  # type: ignore[no-any-return]
    return annotation if annotation in (int, bool) else str


def typed(key: str, kind: type, value: Any) -> Any:
    """The value converted to the type of its key. The model rejects values left unconverted.

    Raises:
        InvalidValue: The text cannot be parsed.
    """
    if isinstance(value, Unquoted) and kind is str:
        why = "is an unquoted number, which YAML and JSON may change: quote it"
        raise InvalidValue(why, Set(key, value.text))
    if kind is int:
        return _whole_number(value)
    if kind is bool:
        return _truth(value)
    if kind is tuple:
        return _list(key, value)
    if kind is dict:
        return _map(key, value)
    if kind is MapOfMaps:
        return _map_of_maps(key, value)
    if value == "" and kind is str:
        raise InvalidValue("is empty")
    return value


def _whole_number(value: Any) -> Any:
    if isinstance(value, str) and _whole.fullmatch(value.strip()):
        return int(value.strip())  # int() strips fewer kinds of whitespace
    if isinstance(value, str | Unquoted):
        raise InvalidValue("is not a whole number")
    return value


def _truth(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value.strip().lower() not in ("true", "false"):
        raise InvalidValue("is neither true nor false")
    return value.strip().lower() == "true"


def _list(key: str, value: Any) -> Any:
    if isinstance(value, str):
        if value.lstrip().startswith("["):
            value = _structure(value)
        else:
            value = [item.strip() for item in value.split(",")] if value.strip() else []
    if isinstance(value, list):
        if "" in value:
            raise InvalidValue(
                "has an empty item", Set(key, [item for item in value if item != ""])
            )
        if not all(isinstance(item, str) for item in value):
            raise InvalidValue("has an item that is not text")
    return value


def _map(key: str, value: Any) -> Any:
    if isinstance(value, str):
        value = _structure(value) if value.lstrip().startswith("{") else _pairs(value)
    if not isinstance(value, dict):
        return value
    pairs = {}
    for name, item in value.items():
        if isinstance(item, Unquoted):
            why = f"has the unquoted number {item} under {name!r}, which YAML may have changed"
            raise InvalidValue(f"{why}: quote it", Set(key, {**value, name: item.text}))
        if isinstance(item, bool):
            # `pulumi config set --path` and YAML turn the texts true and 42 into other types.
            item = str(item).lower()
        elif isinstance(item, int):
            item = str(item)
        if not isinstance(name, str) or not isinstance(item, str):
            raise InvalidValue(f"has a key or value that is not text at {name!r}")
        pairs[name] = item
    return pairs


def _map_of_maps(key: str, value: Any) -> Any:
    """The map with numbers as they were written. The field's rule checks names and values.

    Raises:
        InvalidSetting: It is no map of maps. The message shows nothing of it: it may be a secret.
    """
    if isinstance(value, str):
        try:
            value = _structure(value) if value.strip() else {}
        except InvalidValue as invalid:
            raise InvalidSetting(invalid.why, Remove(key)) from None
    if not isinstance(value, dict):
        raise InvalidSetting("is no map", Remove(key))
    maps = {}
    for name, inner in value.items():
        if not isinstance(inner, dict):
            where = f".{name}" if str(name).isalnum() else ""
            raise InvalidSetting("has no map of values", Remove(key + where), at=where[1:])
        maps[name] = {
            part: one.text if isinstance(one, Unquoted) else one for part, one in inner.items()
        }
    return maps


def _pairs(text: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for pair in text.split(",") if text.strip() else []:
        name, equals, item = (part.strip() for part in pair.partition("="))
        if not equals:
            raise InvalidValue(f"has the part {pair!r}, which is not key=value")
        if name in pairs:
            raise InvalidValue(f"has the key {name!r} twice")
        pairs[name] = item
    return pairs


def _structure(text: str) -> Any:
    try:
        return load_json(text)
    except json.JSONDecodeError as error:
        raise InvalidValue(f"is not JSON: {error.msg} at character {error.pos + 1}") from None
    except (ValueError, RecursionError):
        raise InvalidValue("is not valid JSON, or has a duplicate key") from None
