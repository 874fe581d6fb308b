"""Parses what the Pulumi CLI prints. Pure."""

import json
import re
from collections.abc import Iterator
from typing import Any

# The engine repeats the program's error with these; they add nothing.
ECHOES = (
    "an unhandled error occurred: program exited with non-zero exit code",
    "preview failed",
    "update failed",
    "destroy failed",
)
# The engine puts this before an error of the program's hooks.
_HOOK = re.compile(r'^(Preview failed: )?before hook "[^"]*" failed: ')
_MARKUP = re.compile(r"<\{%[^%]*%\}>")


def is_json(text: str) -> bool:
    """Whether the CLI's output is JSON."""
    return re.match(r'\s*\{\s*["}]', text) is not None


def without_prefix(text: str) -> str:
    """An error or a warning of the program without what the CLI puts before it."""
    plain = text.strip().removeprefix("error: ").removeprefix("warning: ").strip()
    return _HOOK.sub("", plain)


def reason(text: str) -> str:
    """The first error in the CLI's output for people, on one line; the whole text without one."""
    _, found, diagnostics = text.partition("Diagnostics:")
    first, *errors = (diagnostics if found else text).split("error: ")
    for error in errors or [first]:
        lines = [line.strip() for line in error.partition("\n\n")[0].splitlines()]
        said = " ".join(line for line in lines if line and not line.startswith(ECHOES))
        if said:
            return re.sub(r"^1 error occurred: \* ", "", said).rstrip(".")
    return text


def as_object(text: str) -> dict[str, Any]:
    """A JSON object; empty for any other text."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def events_in(text: str) -> Iterator[dict[str, Any]]:
    """The events of a log, one a line."""
    for line in text.splitlines():
        if event := as_object(line):
            yield event


def diagnostics_in(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """The severity and the text of each diagnostic, without colours."""
    said = [event["diagnosticEvent"] for event in events if event.get("diagnosticEvent")]
    return [(str(one.get("severity")), _MARKUP.sub("", str(one.get("message")))) for one in said]
