"""Reads config values with their origins from the Pulumi stack, or from a YAML or JSON file.

The values are not validated or converted yet; `DeploymentConfig` does that.
"""

import re
from collections.abc import Awaitable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import SecretStr

from geusemaker.config.documents import fault, json_document, text_of, yaml_document
from geusemaker.ec2.regions import REGION_KEY
from geusemaker.messages import NAMESPACE, ArgumentOrigin, FileOrigin, Origin, StackOrigin

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
            raise fault(
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
    return _read(path).given


class Layer(NamedTuple):
    """What a config file gives: its values, and the `aws:region` of a stack file."""

    given: list[Given]
    region: Given | None


def read_layer(path: Path | None) -> Layer:
    """The values of a file as `read_file` reads it, with its Region; nothing without a file."""
    return Layer([], None) if path is None else _read(path)


def read_own_file(path: Path) -> dict[str, Any]:
    """The values in a stack's own file by full key, as Pulumi reads them; empty without a file.

    Raises:
        ConfigError: The file cannot be read or parsed, or Pulumi refuses or ignores a part of it.
    """
    if not path.exists():
        return {}
    content, lines = yaml_document(path, text_of(path))
    content = {} if content is None else content
    if not isinstance(content, dict):
        raise fault(_no_mapping(path, "", 1))
    for spelled in map(str, content):
        # Pulumi ignores it and takes the defaults.
        if ":" in spelled or (spelled.lower() == "config" and spelled != "config"):
            fix = "move it under `config:`" if ":" in spelled else "write it as `config`"
            raise fault(
                f"The config file {path} has {spelled} at line {lines((spelled,))}, where it has "
                f"no effect; {fix}."
            )
    config = {} if content.get("config") is None else content["config"]
    if not isinstance(config, dict):
        raise fault(_no_mapping(path, " under `config`", lines(("config",))))
    found: dict[str, Any] = {}
    for spelled, value in config.items():
        # Pulumi takes a key without a namespace for one of the project.
        key = re.fullmatch("([^:]+):(?:config:)?([^:]+)", str(spelled))
        if key is None and ":" in str(spelled):
            raise fault(
                f"The config file {path} has the key {spelled} at line "
                f"{lines(('config', str(spelled)))}, which Pulumi does not take; write it as "
                f"NAMESPACE:NAME, such as {NAMESPACE}:osType."
            )
        found[f"{key[1]}:{key[2]}" if key else f"{NAMESPACE}:{spelled}"] = value
    return found


def _no_mapping(path: Path, where: str, line: int) -> str:
    return (
        f"The config file {path} has no mapping of keys{where} at line {line}; write lines such as "
        f"`{NAMESPACE}:osType: ubuntu-24.04` below `config:`."
    )


def _read(path: Path) -> Layer:
    text = text_of(path)
    if path.suffix.lower() == ".json":
        content, lines = json_document(path, text)
    elif path.suffix.lower() in (".yaml", ".yml"):
        content, lines = yaml_document(path, text)
    else:
        raise fault(
            f"The config file {path} has no known extension; rename it to end in .yaml, .yml or "
            ".json."
        )
    if not isinstance(content, dict):
        raise fault(
            f"The config file {path} has no mapping of keys at line 1; write lines such as "
            "`osType: ubuntu-24.04`."
        )
    stack_file = "config" in content
    if stack_file:
        for spelled in content.keys() - _STACK_FILE:
            line = lines((str(spelled),))
            raise fault(
                f"The config file {path} has {spelled} next to `config` at line {line}, where "
                "it has no effect; move it under `config`."
            )
        content = content["config"]
        if not isinstance(content, dict):
            raise fault(_no_mapping(path, " under `config`", lines(("config",))))
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
            raise fault(
                f"The config file {path} has {key} twice: as {_spelled(given[key])}, and as "
                f"{spelled} at line {origin.line}; {origin.remove(key)}."
            )
        given[key] = Given(key, _checked(path, origin, value), origin)
    return Layer(list(given.values()), region)


def _spelled(given: Given) -> str:
    origin = given.origin
    assert isinstance(origin, FileOrigin)  # noqa: S101 - for the type checker; read_file made it
    return f"{origin.spelled} at line {origin.line}"


def _checked(path: Path, origin: FileOrigin, value: Any) -> Any:
    if value is None:
        raise fault(
            f"The config file {path} has no value for {origin.spelled} at line {origin.line}; add "
            f"one, or {origin.remove('')} to use the default."
        )
    if _is_encrypted(value):
        raise fault(
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


def camel(field: str) -> str:
    """The key of a field. pydantic's own `to_camel` turns n8n_reaches into n8NReaches."""
    first, *rest = field.lower().split("_")
    return first + "".join(word.capitalize() for word in rest)
