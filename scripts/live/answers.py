"""What AWS answered, without ids and names: the same of two runs, or what differs."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_ENCRYPTED: Final = "4dabf18193072939515e22adb298388d"  # Pulumi's mark of such a value
_SHORTEST: Final = 6
"""Characters of an id that is replaced wherever it is. A shorter one would be part of words."""

_RULES: Final = tuple(
    (re.compile(pattern), placeholder)
    for pattern, placeholder in (
        (r"[A-Za-z0-9+/]{100,}={0,2}", "<data>"),
        (r"\b[0-9a-f]{32,}\b", "<hash>"),
        (r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", "<uuid>"),
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?( ?UTC|Z|[+-]\d\d:?\d\d)?", "<time>"),
        (r"\d{4}-\d\d-\d\d\b", "<day>"),
        (r"(?<!\d)20\d{6}(?!\d)", "<day>"),
        (r"\b(ip|ec2)-\d+-\d+-\d+-\d+\.[a-z0-9.-]+", "<host>"),
        (r"(?<![\d.])(?!0\.0\.0\.0/0|10\.)\d{1,3}(\.\d{1,3}){3}(/\d+)?(?![\d.])", "<ip>"),
        (r"(?<![\d.])10(\.\d{1,3}){3}(?![\d./])", "<ip>"),
        (r"\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b", "<mac>"),
        (r"(?<![\w:])[0-9a-f]{1,4}(:[0-9a-f]{0,4}){2,7}(/\d+)?(?![\w:])", "<ipv6>"),
        (r"(?<!\d)\d{12}(?!\d)", "<account>"),
        (r"\bA[A-Z]{3}[A-Z0-9]{12,}\b|\b(?=[a-z]*\d)[a-z0-9]{20,21}\b", "<unique>"),
        (r"\b(?=[A-Za-z]*\d)[A-Za-z0-9]{40,}\b", "<random>"),
        (r"\b[a-z]{2,4}\d-az\d\b", "<zone>"),
        (r"\b([a-z]{1,12})-(?=[a-f]*\d)[0-9a-f]{7,40}\b", r"\1-<id>"),
    )
)


class Normaliser:
    """Replaces what differs between two runs. `known` maps values of this run to placeholders."""

    def __init__(self, known: Mapping[str, str], region: str) -> None:
        self._known = sorted(known.items(), key=lambda one: -len(one[0]))
        self._zone = re.compile(rf"\b{re.escape(region)}[a-z]\b")
        self._region = region

    def __call__(self, value: Any) -> Any:
        """The value as JSON: no order of lists, no dates, no requests' ids."""
        if isinstance(value, Mapping):
            if _ENCRYPTED in value:
                return "<secret>"
            return {
                self._text(str(key)): self(one)
                for key, one in sorted(value.items())
                if not key.startswith("__") and key != "ResponseMetadata"
            }
        if isinstance(value, list | tuple):
            return sorted((self(one) for one in value), key=json.dumps)
        if value is None or isinstance(value, bool | int | float):
            return value
        return self._text(str(value))

    def _text(self, text: str) -> str:
        for known, placeholder in self._known:
            if len(known) >= _SHORTEST:
                text = text.replace(known, placeholder)
        text = self._zone.sub("<zone>", text).replace(self._region, "<region>")
        for pattern, placeholder in _RULES:
            text = pattern.sub(placeholder, text)
        return text


def differences(
    one: Any, other: Any, names: tuple[str, str], path: str = ""
) -> Iterator[tuple[str, str]]:
    """Where two files differ, and how. A step that either did not run is left out."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            where = f"{path} / {key}" if path else key
            if key not in other:
                yield where, f"only {names[0]}: {_short(one[key])}"
            elif key not in one:
                yield where, f"only {names[1]}: {_short(other[key])}"
            else:
                yield from differences(one[key], other[key], names, where)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from differences(left, right, names, f"{path}[{number}]")
    elif one != other:
        yield path, f"{names[0]}: {_short(one)}; {names[1]}: {_short(other)}"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 160 else f"{text[:160]}…"
