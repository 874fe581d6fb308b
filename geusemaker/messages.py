"""How a wrong config value is told to the user: one paragraph with the way out of it.

A rule raises `InvalidValue`. It knows what is wrong and which values would do, but not whether the
value came from a stack or from a file; the `Origin` of the value turns a `Fix` into the exact
command or line.
"""

import difflib
import json
import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import yaml

NAMESPACE = "geusemaker"

_MAX_SHOWN = 120
_MAX_PASTED = 300  # a longer value does not belong into a command that is meant to be copied
_SIMILAR = 0.6  # of 1; below it, two words share no more than any two words do
_plain_yaml = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")


@dataclass(frozen=True)
class Set:
    """Set the key to this value."""

    key: str
    value: Any


@dataclass(frozen=True)
class Remove:
    """Take the key out."""

    key: str


Fix = Set | Remove


class InvalidValue(ValueError):
    """A value that breaks a rule; `ValueError`, so that pydantic collects it.

    `keys` is empty when the rule is about one key, whose name the reader knows. When the rule is
    about several, they are named there and `why` is a whole sentence. `open_why` says that `why`
    repeats nothing that has to stay secret, so that it is told of a secret value too.
    """

    def __init__(
        self, why: str, *fixes: Fix, keys: tuple[str, ...] = (), open_why: bool = False
    ) -> None:
        super().__init__(why)
        self.why = why
        self.fixes = fixes
        self.keys = keys
        self.open_why = open_why


class Origin(Protocol):
    """Where a value was written, hence how it is named and what the user does to fix it."""

    def name(self, key: str) -> str: ...
    def place(self) -> str:
        """What a sentence about several keys must say first."""

    def set(self, key: str, value: Any, *, secret: bool = False) -> str: ...
    def remove(self, key: str) -> str: ...
    def rename(self, key: str, value: Any, *, secret: bool = False) -> str:
        """Write the value under this key instead of the one it stands under."""

    def beside(self) -> "Origin":
        """The same place, for a key that is not written there yet."""


@dataclass(frozen=True)
class StackOrigin:
    """The config of the selected Pulumi stack; `spelled` is the key as it stands there."""

    spelled: str | None = None

    def name(self, key: str) -> str:
        return f"{NAMESPACE}:{self.spelled or key}"

    def place(self) -> str:
        return ""

    def set(self, key: str, value: Any, *, secret: bool = False) -> str:
        text = as_text(value)
        words = ["set", *(["--secret"] if secret else [])]
        # A value that starts with a dash would be read as a flag.
        words += ["--"] if text.startswith("-") else []
        return f"run {_command(*words, f'{NAMESPACE}:{key}', text)}"

    def remove(self, key: str) -> str:
        return f"run {_command('rm', self.name(key))}"

    def rename(self, key: str, value: Any, *, secret: bool = False) -> str:
        return f"{self.remove(key)} and {self.set(key, value, secret=secret)}"

    def beside(self) -> "StackOrigin":
        return StackOrigin()


@dataclass(frozen=True)
class FileOrigin:
    """A config file; `spelled` is the key as it stands there, and `line` is None if it does not."""

    path: Path
    line: int | None = None
    spelled: str | None = None

    def name(self, key: str) -> str:
        return f"{self.spelled or key} ({self.path}, line {self.line})"

    def place(self) -> str:
        return f"In {self.path}: "

    def set(self, key: str, value: Any, *, secret: bool = False) -> str:  # noqa: ARG002
        if self.line is None:
            return f"add the line `{self._entry(self._respelled(key), value)}`"
        return f"{self._write} `{self._entry(self.spelled or key, value)}`"

    def remove(self, key: str) -> str:
        return f"delete `{self.spelled or key}` at line {self.line}"

    def rename(self, key: str, value: Any, *, secret: bool = False) -> str:  # noqa: ARG002
        return f"{self._write} `{self._entry(self._respelled(key), value)}`"

    @property
    def _write(self) -> str:
        # A line of YAML holds the one entry; one of JSON may hold all of them.
        if self.path.suffix.lower() == ".json":
            return f"write `{self.spelled}` at line {self.line} as"
        return f"write line {self.line} as"

    def beside(self) -> "FileOrigin":
        return FileOrigin(self.path, None, self.spelled)

    def _respelled(self, key: str) -> str:
        """The key in the manner of its neighbour: with or without namespace, snake or camel."""
        spelled = self.spelled or key
        if spelled.startswith(f"{NAMESPACE}:"):
            return f"{NAMESPACE}:{key}"
        if "_" in spelled:
            return re.sub("[A-Z]", lambda letter: f"_{letter.group().lower()}", key)
        return key

    def _entry(self, key: str, value: Any) -> str:
        if self.path.suffix.lower() == ".json":
            return f"{json.dumps(key)}: {_as_json(value)}"
        return f"{key}: {_yaml_value(value)}"


def _command(*words: str) -> str:
    return f"`{shlex.join(['pulumi', 'config', *words])}`"


def _yaml_value(value: Any) -> str:
    if isinstance(value, str) and _plain_yaml.fullmatch(value) and yaml.safe_load(value) == value:
        return value
    return _as_json(value)  # JSON is YAML


def as_text(value: Any) -> str:
    """The value as `pulumi config set` takes it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple) and not any("," in str(item) for item in value):
        return ",".join(str(item) for item in value)
    return _as_json(value)


def _as_json(value: Any) -> str:
    try:
        return json.dumps(value, default=str)
    except (TypeError, ValueError, RecursionError):  # YAML can make keys of any kind, and circles
        return repr(value)


def pasteable(value: Any) -> Any:
    """The value for a command that repeats it, or a placeholder where it is too long for that."""
    return value if len(as_text(value)) <= _MAX_PASTED else "VALUE"


def shown(value: Any) -> str:
    """The value for the eye: quoted if it is text, and cut if it is long."""
    structured = isinstance(value, dict | list | tuple | bool)
    text = _as_json(value) if structured else repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}… ({len(text)} characters)"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most similar to a misspelt one, or None if none is similar.

    Case and separators do not count. Shared letters count before their order, because swapped
    letters are the usual slip: `us-esat-1` shares longer runs with us-west-1 than with us-east-1.
    """
    wanted = _letters(word)[:_MAX_SHOWN]
    ranked = []
    for candidate in known:
        match = difflib.SequenceMatcher(None, wanted, _letters(candidate), autojunk=False)
        if match.ratio() >= _SIMILAR:
            ranked.append((match.quick_ratio(), match.ratio(), candidate))
    return max(ranked, key=lambda one: one[:2])[2] if ranked else None


def _letters(word: str) -> str:
    return re.sub("[^a-z0-9]", "", word.lower())


def one_paragraph(text: str) -> str:
    """A single line: whatever a value smuggled in, no break and no control character is left."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
