"""Reads config values with their origins from the Pulumi stack, or from a YAML or JSON file.

The values are not validated or converted yet; `DeploymentConfig` does that.
"""

import json
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import SecretStr

from geusemaker.ec2.regions import REGION_KEY
from geusemaker.errors import ConfigError
from geusemaker.messages import (
    NAMESPACE,
    ArgumentOrigin,
    FileOrigin,
    Origin,
    StackOrigin,
    one_paragraph,
)

# Top-level keys of a Pulumi stack file.
_STACK_FILE = {"config", "encryptionsalt", "encryptedkey", "secretsprovider", "environment"}


@dataclass(frozen=True)
class Given:
    """One value as the user wrote it. `key` is in camelCase if it is a config key."""

    key: str
    value: Any
    origin: Origin = field(default_factory=StackOrigin)
    secret: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether the value is an empty map, as the default in Pulumi.yaml is."""
        return self.value in ("", "{}", {})


@dataclass(frozen=True)
class Unquoted:
    """A scalar that a parser would change, as text: an unquoted 2.10 would be the number 2.1."""

    text: str

    def __str__(self) -> str:
        return self.text


def read_stack() -> list[Given]:
    """The program's config values, as the Pulumi engine passes them.

    The engine parses the stack file: scalars arrive as text, structures as JSON text, and an
    unquoted 2.10 as the text `2.1`, which cannot be recovered.
    """
    from pulumi.runtime import config as pulumi_config  # only a Pulumi program needs this import

    given = []
    for full, value in pulumi_config.CONFIG.get().items():
        namespace, _, key = full.partition(":")
        if namespace == NAMESPACE:
            secret = pulumi_config.is_config_secret(full)
            given.append(Given(key, value, StackOrigin(key), secret))
    return given


def read_arguments(
    component: str, arguments: Mapping[str, Any], secret: Collection[str]
) -> list[Given]:
    """The arguments of a component, by field name in snake_case. Those in `secret` are never shown.

    Raises:
        ConfigError: An argument is or contains a Pulumi Output.
    """
    given = []
    for name, value in arguments.items():
        origin = ArgumentOrigin(component, name)
        if _is_unknown(value):
            raise _fault(
                f"{origin.name(name)} is a Pulumi Output. Its value is known only while resources "
                "are created, but the image and the settings of the host are chosen before. Pass a "
                "plain value, such as one that the program reads by pulumi.Config."
            )
        given.append(
            Given(camel(name), _revealed(value), origin, name in secret or _has_secrets(value))
        )
    return given


def _is_unknown(value: Any) -> bool:
    from pulumi import Output  # only a Pulumi program has Outputs

    if isinstance(value, Mapping):
        return any(map(_is_unknown, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_is_unknown, value))
    return isinstance(value, Output | Awaitable)


def _has_secrets(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_secrets, value.values()))
    return isinstance(value, SecretStr)


def _revealed(value: Any) -> Any:
    """The value with secrets as text and tuples as lists, as a parser returns it."""
    if isinstance(value, Mapping):
        return {name: _revealed(one) for name, one in value.items()}
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return list(value) if isinstance(value, tuple) else value


def read_file(path: Path) -> list[Given]:
    """The values in a mapping of keys, or in a Pulumi stack file (the mapping under `config`).

    Raises:
        ConfigError: The file cannot be read or parsed.
    """
    return _read(path)[0]


def region_in(path: Path) -> Given | None:
    """The value of `aws:region` in a stack file, which `read_file` skips as another namespace."""
    return _read(path)[1]


def content_of(path: Path) -> Any:
    """The parsed YAML of a stack's file. A scalar that a parser would change is `Unquoted`.

    Raises:
        ConfigError: The file cannot be read or parsed.
    """
    return _yaml(path, _text_of(path))[0]


def _read(path: Path) -> tuple[list[Given], Given | None]:
    text = _text_of(path)
    if path.suffix.lower() == ".json":
        content, lines = _json(path, text)
    elif path.suffix.lower() in (".yaml", ".yml"):
        content, lines = _yaml(path, text)
    else:
        raise _fault(
            f"The config file {path} has no known extension; rename it to end in .yaml, .yml or "
            ".json."
        )
    if not isinstance(content, dict):
        raise _fault(
            f"The config file {path} has no mapping of keys at line 1; write lines such as "
            "`osType: ubuntu-24.04`."
        )
    stack_file = "config" in content
    if stack_file:
        for spelled in content.keys() - _STACK_FILE:
            line = lines((str(spelled),))
            raise _fault(
                f"The config file {path} has {spelled} next to `config` at line {line}, where "
                "it has no effect; move it under `config`."
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
            continue  # a key of another program or of a provider
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
            f"The config file {path} has no value for {origin.spelled} at line {origin.line}; add "
            f"one, or {origin.remove('')} to use the default."
        )
    if _is_encrypted(value):
        raise _fault(
            f"The config file {path} has an encrypted value for {origin.spelled} at line "
            f"{origin.line}, which only a run of its own stack can read; write it in plain text if "
            "it is not a secret, or select that stack and omit the file."
        )
    return value


def _is_encrypted(value: Any) -> bool:
    """Whether a value, or a part of a map in it, is encrypted in a stack's file."""
    return isinstance(value, dict) and (
        "secure" in value or any(map(_is_encrypted, value.values()))
    )


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise _fault(
            f"The config file {path} cannot be read: {error.strerror}; check it with `ls -l "
            f"{path}`, or name another file."
        ) from None
    except ValueError as error:
        raise _fault(
            f"The config file {path} is not UTF-8 text: {error}; save it as UTF-8."
        ) from None


Lines = Callable[[tuple[str, ...]], int]


class _Loader(yaml.SafeLoader):
    """A YAML loader that keeps the text of ambiguous scalars and rejects duplicate keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"duplicate key {key.value}", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _number(_: _Loader, node: yaml.ScalarNode) -> int | Unquoted:
    """Converts plain decimal integers only. YAML changes 0123, 1_000, 0x1f, 1:30 and 2.10."""
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
    except _DuplicateKey as error:
        line = _json_line(text, str(error), 2)
        raise _syntax(path, f"line {line}", f"duplicate key {error}") from None
    except (ValueError, RecursionError) as error:
        raise _syntax(path, "line 1", str(error)) from None
    return content, lambda keys: _json_line(text, keys[-1], 1)


def _json_line(text: str, key: str, occurrence: int) -> int:
    """The line of a key, found by text search: the JSON parser records no lines."""
    found = list(re.finditer(rf"{re.escape(json.dumps(key))}\s*:", text))
    return text.count("\n", 0, found[:occurrence][-1].start()) + 1 if found else 1


def _syntax(path: Path, where: str, problem: str) -> ConfigError:
    return _fault(f"The config file {path} has an error at {where}: {problem}; fix that line.")


class _DuplicateKey(ValueError):
    """A duplicate key in a JSON object; the message is the key."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    whole: dict[str, Any] = {}
    for key, value in pairs:
        if key in whole:
            raise _DuplicateKey(key)
        whole[key] = value
    return whole


def load_json(text: str) -> Any:
    """Parses JSON: fractional numbers keep their text, and a duplicate key is an error."""
    return json.loads(
        text, object_pairs_hook=_object, parse_float=Unquoted, parse_constant=Unquoted
    )


def camel(field: str) -> str:
    """The key of a field. pydantic's own `to_camel` turns n8n_reaches into n8NReaches."""
    first, *rest = field.lower().split("_")
    return first + "".join(word.capitalize() for word in rest)
