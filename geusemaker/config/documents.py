"""Parses YAML and JSON files: errors name the file and the line, and no scalar changes its text."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from geusemaker.errors import ConfigError
from geusemaker.messages import one_paragraph

Lines = Callable[[tuple[str, ...]], int]
"""Returns the line of a key, by its path in the document."""


@dataclass(frozen=True)
class Unquoted:
    """A scalar that a parser would change, as text: an unquoted 2.10 would be the number 2.1."""

    text: str

    def __str__(self) -> str:
        return self.text


def read_yaml(path: Path) -> Any:
    """The content of a YAML file. Raises `ConfigError` with file, line and reason."""
    return yaml_document(path, text_of(path))[0]


def text_of(path: Path) -> str:
    """The text of a UTF-8 file. Raises `ConfigError`."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise fault(
            f"The config file {path} cannot be read: {error.strerror}; check it with `ls -l "
            f"{path}`, or name another file."
        ) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise fault(
            f"The config file {path} is not UTF-8 text at line {line}: {error.reason}; save it as "
            "UTF-8."
        ) from None
    except ValueError as error:  # a path that no file can have
        raise fault(f"The config file {path} cannot be read: {error}; name another.") from None


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


def yaml_document(path: Path, text: str) -> tuple[Any, Lines]:
    """The content of the YAML text of a file, and the lines of its keys. Raises `ConfigError`."""
    loader = None
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        content = loader.construct_document(root) if root else None
    except yaml.MarkedYAMLError as error:
        mark, problem = error.problem_mark, str(error.problem)
        # Found at the end of the file, but the line to fix is where the quote or list begins.
        if "stream" in problem and "quoted" in str(error.context):
            mark, problem = error.context_mark, "the quoted text that begins there has no end"
        elif "stream" in problem and loader is not None and loader.marks:
            mark, problem = loader.marks[-1], "the list or map that begins there has no end"
        raise _syntax(path, mark.line + 1 if mark else 1, problem) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _syntax(path, line, f"{error.reason} (#x{error.character:02x})") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _syntax(path, 1, str(error)) from None

    def line_of(keys: tuple[str, ...]) -> int:
        node: Any = root
        line = 1
        for wanted in keys:
            for key, value in node.value:
                if key.value == wanted:
                    node, line = value, key.start_mark.line + 1
        return line

    return content, line_of


def json_document(path: Path, text: str) -> tuple[Any, Lines]:
    """The content of the JSON text of a file, and the lines of its keys. Raises `ConfigError`."""
    try:
        content = load_json(text)
    except json.JSONDecodeError as error:
        raise _syntax(path, error.lineno, error.msg) from None
    except _DuplicateKey as error:
        line = _json_line(text, str(error), 2)
        raise _syntax(path, line, f"duplicate key {error}") from None
    except (ValueError, RecursionError) as error:
        raise _syntax(path, 1, str(error)) from None
    return content, lambda keys: _json_line(text, keys[-1], 1)


def _json_line(text: str, key: str, occurrence: int) -> int:
    """The line of a key, found by text search: the JSON parser records no lines."""
    found = list(re.finditer(rf"{re.escape(json.dumps(key))}\s*:", text))
    return text.count("\n", 0, found[:occurrence][-1].start()) + 1 if found else 1


def _syntax(path: Path, line: int, problem: str) -> ConfigError:
    return fault(f"The config file {path} has an error at line {line}: {problem}; fix that line.")


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


def fault(text: str) -> ConfigError:
    """The error, on one line."""
    return ConfigError(one_paragraph(text))
