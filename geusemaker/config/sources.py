"""Reads config values from where users write them: the Pulumi stack, or a YAML or JSON file.

What comes out is still as it was written, each value with its origin. The model judges it.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from geusemaker.ec2.regions import REGION_KEY
from geusemaker.errors import ConfigError
from geusemaker.messages import NAMESPACE, FileOrigin, Origin, StackOrigin, one_paragraph

# What Pulumi writes at the top of a stack's file.
_STACK_FILE = {"config", "encryptionsalt", "encryptedkey", "secretsprovider", "environment"}


@dataclass(frozen=True)
class Given:
    """One value as the user gave it. `key` is in camelCase where that can be told."""

    key: str
    value: Any
    origin: Origin = field(default_factory=StackOrigin)
    secret: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether it is a map without entries, as Pulumi.yaml has it for a default."""
        return self.value in ("", "{}", {})


@dataclass(frozen=True)
class Unquoted:
    """A scalar that reading has changed: an unquoted 2.10 is the number 2.1."""

    text: str

    def __str__(self) -> str:
        return self.text


def read_stack() -> list[Given]:
    """What the engine hands over. It parses the stack's file itself, so that scalars come as text,
    structures as JSON text, and an unquoted 2.10 as the text `2.1`, past repair."""
    from pulumi.runtime import config as pulumi_config  # here, since only the program has it

    given = []
    for full, value in pulumi_config.CONFIG.get().items():
        namespace, _, key = full.partition(":")
        if namespace == NAMESPACE:
            secret = pulumi_config.is_config_secret(full)
            given.append(Given(key, value, StackOrigin(key), secret))
    return given


def read_file(path: Path) -> list[Given]:
    """A mapping of keys, or a Pulumi stack file with the mapping under `config`."""
    return _read(path)[0]


def region_in(path: Path) -> Given | None:
    """The Region that a stack file names, which `read_file` leaves out with all that is not the
    program's."""
    return _read(path)[1]


def _read(path: Path) -> tuple[list[Given], Given | None]:
    text = _text_of(path)
    if path.suffix.lower() == ".json":
        content, lines = _json(path, text)
    elif path.suffix.lower() in (".yaml", ".yml"):
        content, lines = _yaml(path, text)
    else:
        raise _fault(
            f"The config file {path} is neither YAML nor JSON by its name; rename it so that it "
            "ends in .yaml, .yml or .json."
        )
    if not isinstance(content, dict):
        raise _fault(
            f"The config file {path} holds no mapping of keys at line 1; write lines such as "
            "`osType: ubuntu-24.04`."
        )
    stack_file = "config" in content
    if stack_file:
        for spelled in content.keys() - _STACK_FILE:
            line = lines((str(spelled),))
            raise _fault(
                f"The config file {path} has {spelled} beside `config` at line {line}, where it "
                "would have no effect; move it under `config`."
            )
        content = content["config"]
        if not isinstance(content, dict):
            raise _fault(
                f"The config file {path} has no mapping of keys under `config` "
                f"(line {lines(('config',))}); write lines such as "
                f"`  {NAMESPACE}:osType: ubuntu-24.04` there."
            )
    prefix = ("config",) if stack_file else ()
    given: dict[str, Given] = {}
    region = None
    for spelled, value in content.items():
        namespace, colon, bare = str(spelled).rpartition(":")
        if stack_file and colon and namespace != NAMESPACE:
            if spelled == REGION_KEY:
                region = Given(spelled, value, FileOrigin(path, lines((*prefix, spelled)), spelled))
            continue  # another program's or provider's
        key = camel(bare) if "_" in bare and not colon else bare
        key = key if namespace in ("", NAMESPACE) else str(spelled)
        origin = FileOrigin(path, lines((*prefix, str(spelled))), str(spelled))
        if key in given:
            raise _fault(
                f"The config file {path} has {key} twice: as {_spelled(given[key])}, and as "
                f"{spelled} at line {origin.line}; {origin.remove(key)}."
            )
        given[key] = Given(key, _checked(path, origin, value), origin)
    return list(given.values()), region


def _fault(text: str) -> ConfigError:
    return ConfigError(one_paragraph(text))


def _spelled(given: Given) -> str:
    origin = given.origin
    assert isinstance(origin, FileOrigin)  # noqa: S101 - for the type checker; read_file made it
    return f"{origin.spelled} at line {origin.line}"


def _checked(path: Path, origin: FileOrigin, value: Any) -> Any:
    if value is None:
        raise _fault(
            f"The config file {path} gives {origin.spelled} no value at line {origin.line}; give "
            f"it one, or {origin.remove('')} for the default."
        )
    if isinstance(value, dict) and "secure" in value:
        raise _fault(
            f"The config file {path} holds {origin.spelled} encrypted at line {origin.line}, which "
            "only the stack's own run can read; write it in clear if it is none, or select the "
            "stack and leave the file out."
        )
    return value


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise _fault(
            f"The config file {path} cannot be read: {error.strerror}; see `ls -l {path}`, or name "
            "another file."
        ) from None
    except ValueError as error:
        raise _fault(
            f"The config file {path} is not UTF-8 text: {error}; save it as UTF-8."
        ) from None


Lines = Callable[[tuple[str, ...]], int]


class _Loader(yaml.SafeLoader):
    """YAML, but a scalar that would be changed by reading is marked, and a key stands once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value} stands there twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _number(_: _Loader, node: yaml.ScalarNode) -> int | Unquoted:
    """A decimal number stays one. 0123, 1_000, 0x1f, 1:30 and 2.10 mean something else as text."""
    return (
        int(node.value)
        if re.fullmatch("-?(0|[1-9][0-9]{0,17})", node.value)
        else Unquoted(str(node.value))
    )


def _as_written(_: _Loader, node: yaml.ScalarNode) -> str:
    return str(node.value)


_Loader.add_constructor("tag:yaml.org,2002:int", _number)
_Loader.add_constructor("tag:yaml.org,2002:float", _number)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _as_written)


def _yaml(path: Path, text: str) -> tuple[Any, Lines]:
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        content = loader.construct_document(root) if root else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}" if mark else "line 1"
        raise _syntax(path, where, f"{error.problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _syntax(path, "line 1", str(error)) from None

    def line_of(keys: tuple[str, ...]) -> int:
        node: Any = root
        line = 1
        for wanted in keys:
            for key, value in node.value:
                if key.value == wanted:
                    node, line = value, key.start_mark.line + 1
        return line

    return content, line_of


def _json(path: Path, text: str) -> tuple[Any, Lines]:
    try:
        content = load_json(text)
    except json.JSONDecodeError as error:
        raise _syntax(path, f"line {error.lineno}", error.msg) from None
    except _Twice as error:
        line = _json_line(text, str(error), 2)
        raise _syntax(path, f"line {line}", f"the key {error} stands there twice") from None
    except (ValueError, RecursionError) as error:
        raise _syntax(path, "line 1", str(error)) from None
    return content, lambda keys: _json_line(text, keys[-1], 1)


def _json_line(text: str, key: str, occurrence: int) -> int:
    """JSON's reader keeps no lines: look for the key itself."""
    found = list(re.finditer(rf"{re.escape(json.dumps(key))}\s*:", text))
    return text.count("\n", 0, found[:occurrence][-1].start()) + 1 if found else 1


def _syntax(path: Path, where: str, problem: str) -> ConfigError:
    return _fault(f"The config file {path} has an error at {where}: {problem}; fix that line.")


class _Twice(ValueError):
    """A key that stands twice in one JSON object."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    whole: dict[str, Any] = {}
    for key, value in pairs:
        if key in whole:
            raise _Twice(key)
        whole[key] = value
    return whole


def load_json(text: str) -> Any:
    """JSON in which numbers with a fraction keep their text, and a key stands once."""
    return json.loads(text, object_pairs_hook=_once, parse_float=Unquoted, parse_constant=Unquoted)


def camel(field: str) -> str:
    """The key of a field. Not pydantic's own way, which makes n8NReaches of n8n_reaches."""
    first, *rest = field.lower().split("_")
    return first + "".join(word.capitalize() for word in rest)
