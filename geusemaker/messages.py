"""Parts of the error messages about config values: the fault, the shown value, and the fix.

A rule raises `InvalidValue` with the reason and possible fixes. The `Origin` of the value (stack or
file) turns a `Fix` into the exact command or line.
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
_MAX_PASTED = 300  # a longer value is not repeated in a command
_SIMILAR = 0.6  # of 1; below it, two words share no more than any two words do
_plain_yaml = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")


@dataclass(frozen=True)
class Set:
    """Set the key to this value."""

    key: str
    value: Any


@dataclass(frozen=True)
class Remove:
    """Remove the key."""

    key: str


Fix = Set | Remove


class InvalidValue(ValueError):
    """A value that breaks a rule. A `ValueError`, so that pydantic collects it.

    Attributes:
        why: The reason, as the end of a sentence: "is not a version number". With `keys`, a whole
            sentence.
        fixes: Changes that each solve the problem, the best one first.
        keys: The keys of a cross-field rule; empty for a rule about a single value.
        public_reason: Whether `why` contains no part of the value, so that the message may show it
            for a secret value too.
    """

    def __init__(
        self, why: str, *fixes: Fix, keys: tuple[str, ...] = (), public_reason: bool = False
    ) -> None:
        super().__init__(why)
        self.why = why
        self.fixes = fixes
        self.keys = keys
        self.public_reason = public_reason


class Origin(Protocol):
    """Where a value was set, which decides its name in messages and the commands that fix it."""

    def name(self, key: str) -> str:
        """The key as messages name it."""

    def place(self) -> str:
        """What comes before the first key in a sentence about several keys."""

    def set(self, key: str, value: Any, *, secret: bool = False) -> str:
        """The instruction to set the key."""

    def remove(self, key: str) -> str:
        """The instruction to remove the key."""

    def rename(self, key: str, value: Any, *, secret: bool = False) -> str:
        """The instruction to move the value to this key."""

    def sibling(self) -> "Origin":
        """The same place, for a key that is not in it yet."""


@dataclass(frozen=True)
class StackOrigin:
    """The config of the selected Pulumi stack; `spelled` is the key as written there."""

    spelled: str | None = None

    def name(self, key: str) -> str:
        return f"{NAMESPACE}:{self.spelled or key}"

    def place(self) -> str:
        return f"{NAMESPACE}:"

    def set(self, key: str, value: Any, *, secret: bool = False) -> str:
        text = as_text(value)
        words = ["set", *(["--secret"] if secret else [])]
        # Without it, a value that starts with a dash is a flag.
        words += ["--"] if text.startswith("-") else []
        return f"run {_command(*words, f'{NAMESPACE}:{key}', text)}"

    def remove(self, key: str) -> str:
        return f"run {_command('rm', self.name(key))}"

    def rename(self, key: str, value: Any, *, secret: bool = False) -> str:
        return f"{self.remove(key)} and {self.set(key, value, secret=secret)}"

    def sibling(self) -> "StackOrigin":
        return StackOrigin()


@dataclass(frozen=True)
class FileOrigin:
    """A config file; `spelled` is the key as written there. `line` is None for a key not in it."""

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
        # A line of JSON may contain several entries.
        if self.path.suffix.lower() == ".json":
            return f"write `{self.spelled}` at line {self.line} as"
        return f"write line {self.line} as"

    def sibling(self) -> "FileOrigin":
        return FileOrigin(self.path, None, self.spelled)

    def _respelled(self, key: str) -> str:
        """The key in the style of its neighbour: with or without namespace, snake or camel case."""
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
    except (TypeError, ValueError, RecursionError):  # YAML allows keys of any type, and cycles
        return repr(value)


def pasteable(value: Any) -> Any:
    """The value for use in a command, or a placeholder if it is too long."""
    return value if len(as_text(value)) <= _MAX_PASTED else "VALUE"


def shown(value: Any) -> str:
    """The value for a message: quoted if it is text, and cut if it is long."""
    structured = isinstance(value, dict | list | tuple | bool)
    text = _as_json(value) if structured else repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}… ({len(text)} characters)"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most similar to a misspelt one, or None if none is similar.

    Case and separators do not count. Shared letters count before their order, because swapped
    letters are the usual slip: `us-esat-1` shares longer runs with us-west-1 than with us-east-1.
    Of equals, the one with the longest common run wins: `ubuntu24` is ubuntu-24.04.
    """
    wanted = _letters(word)[:_MAX_SHOWN]
    ranked = []
    for candidate in known:
        match = difflib.SequenceMatcher(None, wanted, _letters(candidate), autojunk=False)
        if match.ratio() >= _SIMILAR:
            longest = match.find_longest_match().size
            ranked.append((match.quick_ratio(), match.ratio(), longest, candidate))
    return max(ranked, key=lambda one: one[:3])[3] if ranked else None


def _letters(word: str) -> str:
    return re.sub("[^a-z0-9]", "", word.lower())


def one_paragraph(text: str) -> str:
    """The text on a single line, without control characters from values in it."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
