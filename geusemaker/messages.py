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
_SIMILAR = 0.75  # of 1: the share of letters that two words have in common
_MARGIN = 0.05  # by which the best word is more similar than the next one
_PART = 3  # characters of a known word that name it, if no other known word has them
_plain_yaml = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")


@dataclass(frozen=True)
class Set:
    """Set the key, or the part of it at a dotted path, to this value. None: Pulumi prompts."""

    key: str
    value: Any


@dataclass(frozen=True)
class Remove:
    """Remove the key, or the part of it at a dotted path, and another key with it."""

    key: str
    also: str | None = None


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


class InvalidSetting(InvalidValue):
    """An invalid part of a map of maps. No message shows the rest of the map, or a secret.

    Attributes:
        at: The part, such as "n8n.TZ"; empty for the whole map.
        value: The part's value for the message; None hides it.
        guess: The value that was probably meant.
        allowed: The part's allowed values in words; empty says nothing of them.
        public_fixes: The fixes for a map with secrets in it. They repeat no part of a value.
    """

    def __init__(
        self,
        why: str,
        *fixes: Fix,
        at: str = "",
        value: str | None = None,
        guess: str | None = None,
        allowed: str = "",
        public_fixes: tuple[Fix, ...] = (),
    ) -> None:
        super().__init__(why, *fixes, public_reason=True)
        self.at = at
        self.value = value
        self.guess = guess
        self.allowed = allowed
        self.public_fixes = public_fixes or fixes


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
        text = [] if value is None else [as_text(value)]
        words = ["set", *(["--secret"] if secret else []), *_path(key)]
        # Without it, a value that starts with a dash is a flag.
        words += ["--"] if text and text[0].startswith("-") else []
        return f"run {_command(*words, f'{NAMESPACE}:{key}', *text)}"

    def remove(self, key: str) -> str:
        name = f"{NAMESPACE}:{key}" if "." in key else self.name(key)
        return f"run {_command('rm', *_path(key), name)}"

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
        if "." in key:
            part, within = self._part(key)
            return f"write `{self._entry(part, value)}` {within}"
        if self.line is None:
            return f"add the line `{self._entry(self._respelled(key), value)}`"
        return f"{self._write} `{self._entry(self.spelled or key, value)}`"

    def remove(self, key: str) -> str:
        if "." in key:
            part, within = self._part(key)
            return f"delete `{part}` {within}"
        return f"delete `{self.spelled or key}` at line {self.line}"

    def _part(self, key: str) -> tuple[str, str]:
        """The last name of a dotted path, and where it is."""
        whole, _, rest = key.partition(".")
        parents, _, part = rest.rpartition(".")
        place = f"`{self.spelled or whole}` at line {self.line}"
        return part, f"under {f'{parents} in ' if parents else ''}{place}"

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
            return _snake(key)
        return key

    def _entry(self, key: str, value: Any) -> str:
        if self.path.suffix.lower() == ".json":
            return f"{json.dumps(key)}: {_as_json(value)}"
        return f"{key}: {_yaml_value(value)}"


def _path(key: str) -> list[str]:
    """The flag for a part of a key's value."""
    return ["--path"] if "." in key else []


@dataclass(frozen=True)
class ArgumentOrigin:
    """The arguments of a component; `spelled` is the argument as the program names it."""

    component: str
    spelled: str | None = None

    def name(self, key: str) -> str:
        return f"The argument {self.spelled or _snake(key)} of {self.component}"

    def place(self) -> str:
        return f"In the arguments of {self.component}: "

    def set(self, key: str, value: Any, *, secret: bool = False) -> str:  # noqa: ARG002
        plain = list(value) if isinstance(value, tuple) else value
        name, *parts = key.split(".")
        inside = "".join(f"[{part!r}]" for part in parts)
        return f"pass `{_snake(name)}{inside}={plain!r}`"

    def remove(self, key: str) -> str:
        name, *parts = key.split(".")
        inside = "".join(f"[{part!r}]" for part in parts)
        return f"leave out `{_snake(name)}{inside}`"

    def rename(self, key: str, value: Any, *, secret: bool = False) -> str:
        return f"{self.set(key, value, secret=secret)} in its place"

    def sibling(self) -> "ArgumentOrigin":
        return ArgumentOrigin(self.component)


def _snake(key: str) -> str:
    return re.sub("[A-Z]", lambda letter: f"_{letter.group().lower()}", key)


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


# Other common names of known words.
_ALIASES = {
    "amd64": "x86_64",
    "x64": "x86_64",
    "x86": "x86_64",
    "i386": "x86_64",
    "intel": "x86_64",
    "amd": "x86_64",
    "aarch64": "arm64",
    "armv8": "arm64",
    "graviton": "arm64",
    "al2023": "amazon-linux-2023",
    "amzn2023": "amazon-linux-2023",
    "al2": "amazon-linux-2",
    "amzn2": "amazon-linux-2",
    "jammy": "ubuntu-22.04",
    "noble": "ubuntu-24.04",
    "tf": "tensorflow",
    "pg": "postgres",
    "crawler": "crawl4ai",
}


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that a misspelt one surely means, or None.

    Case and separators do not count. A word means the known one of which it is another name, then
    its plural, then the only one that contains it, then one that is clearly more similar than all
    others. Shared letters count before their order, because swapped letters are the usual slip. A
    word with other digits is another version or Region, however similar: `ubuntu-23.04` is not
    ubuntu-22.04.
    """
    known = tuple(known)
    wanted = _letters(word)[:_MAX_SHOWN]
    if _ALIASES.get(wanted) in known:
        return _ALIASES[wanted]
    folded = {one: _letters(one) for one in known}
    if same := [one for one in known if folded[one] == wanted]:
        return same[0]
    if len(wanted) >= _PART and (parts := [one for one in known if wanted in folded[one]]):
        plural = [one for one in parts if folded[one] == f"{wanted}s"]
        return parts[0] if len(parts) == 1 else next(iter(plural), None)
    ranked = sorted(((_similarity(wanted, folded[one]), one) for one in known), reverse=True)
    if not ranked or ranked[0][0] < _SIMILAR:
        return None
    (best, found), (second, _) = ranked[0], (*ranked, (0.0, ""))[1]
    clear = best - second >= _MARGIN and _has_digits(wanted, folded[found])
    return found if clear else None


def _similarity(word: str, known: str) -> float:
    """From 0 to 1; the order of the letters decides half of it."""
    match = difflib.SequenceMatcher(None, word, known, autojunk=False)
    return (match.quick_ratio() + match.ratio()) / 2


def _has_digits(word: str, known: str) -> bool:
    """Whether the known word has the digits of the word, in their order, or has none."""
    own, rest = re.sub("[^0-9]", "", known), iter(re.sub("[^0-9]", "", known))
    return not own or all(digit in rest for digit in re.sub("[^0-9]", "", word))


def _letters(word: str) -> str:
    return re.sub("[^a-z0-9]", "", word.lower())


def one_paragraph(text: str) -> str:
    """The text on a single line, without control characters from values in it."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
