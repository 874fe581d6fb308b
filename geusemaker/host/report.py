"""The host's report about itself: the lines of the stack's status parameter. Pure.

The host's version may be older or newer than this program's, and a broken host may write anything.
So parsing accepts any text, and no value contains terminal control characters.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, Literal

State = Literal["ready", "not-ready", "unknown"]
Leaving = Literal["draining", "left", ""]

WIDTH: Final = 600
"""Maximum characters of one value; the rest is cut."""

_STATES: Final[dict[str, State]] = {"ready": "ready", "not-ready": "not-ready"}
_LEAVING: Final[dict[str, Leaving]] = {"draining": "draining", "left": "left"}
_DIGITS: Final = re.compile(r"[0-9]{1,9}")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,120}")
_EMPTY: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """The last report of a host. Unreadable parts have their default.

    Attributes:
        state: "unknown" before the first report.
        instance: Id of the instance that wrote it.
        boot: Id of the boot that it describes.
        time: When it was written.
        running: SHA-256 of the running settings bundle; empty when none runs.
        wanted: SHA-256 of the bundle that the host has read from the settings parameter.
        step: The failed or current step; empty when all have succeeded.
        reason: Why the step failed, or why the wanted bundle does not run.
        services: Health by service: healthy, unhealthy, starting or missing. "on the CPU: WHY" for
            an Ollama that does not see the host's GPU.
        models: Progress by model: "waiting", "pulling 43%", "here" or "failed: WHY".
        dump: Time of the last complete database dump.
        dump_failure: Time and reason of a later failed dump; empty when none failed.
        waiting, executing: Executions in n8n's queue, from a host with workers; None if unknown.
        waiting_since: Since when executions wait without a pause; None if none waits, or unknown.
        leaving: "draining" or "left" for a worker that ends.
        executions: Executions that run on a worker; None if unknown.
    """

    state: State = "unknown"
    instance: str = ""
    boot: str = ""
    time: datetime | None = None
    running: str = ""
    wanted: str = ""
    step: str = ""
    reason: str = ""
    services: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    models: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    dump: datetime | None = None
    dump_failure: str = ""
    waiting: int | None = None
    executing: int | None = None
    waiting_since: datetime | None = None
    leaving: Leaving = ""
    executions: int | None = None


def parse(text: str) -> Record:
    """The record in a parameter's value. The last line of a repeated key counts."""
    plain: dict[str, str] = {}
    services: dict[str, str] = {}
    models: dict[str, str] = {}
    for key, value in values(text).items():
        group, _, name = key.partition(".")
        if group == "service" and _NAME.fullmatch(name):
            services[name] = value or "unknown"
        elif group == "model" and _NAME.fullmatch(name):
            models[name] = value or "unknown"
        else:
            plain[key] = value
    return Record(
        state=_STATES.get(plain.get("state", ""), "unknown"),
        instance=plain.get("instance", ""),
        boot=plain.get("boot", ""),
        time=moment(plain.get("time", "")),
        running=plain.get("running", ""),
        wanted=plain.get("wanted", ""),
        step=plain.get("step", ""),
        reason=plain.get("reason", ""),
        services=MappingProxyType(services),
        models=MappingProxyType(models),
        dump=moment(plain.get("dump", "")),
        dump_failure=_failure(plain.get("dump.failed", "")),
        waiting=_count(plain.get("queue.waiting", "")),
        executing=_count(plain.get("queue.running", "")),
        waiting_since=moment(plain.get("queue.since", "")),
        leaving=_LEAVING.get(plain.get("worker", ""), ""),
        executions=_count(plain.get("executions", "")),
    )


def _count(text: str) -> int | None:
    return int(text) if _DIGITS.fullmatch(text) else None


def _failure(text: str) -> str:
    """Reformats the time at the beginning of the text as `stamp` does."""
    first, _, why = text.partition(" ")
    time = moment(first)
    return printable(f"{stamp(time)}: {why or 'no reason given'}") if time else text


def stamp(time: datetime | None) -> str:
    """A UTC time in the format of all screens."""
    return f"{time:%Y-%m-%d %H:%M:%S} UTC" if time else "an unknown time"


def values(text: str) -> dict[str, str]:
    """The `key=value` lines of a parameter, printable. Other lines are left out."""
    found = {}
    # Not splitlines(): a reason may contain characters that it takes for line ends.
    for line in text.split("\n"):
        key, is_there, value = line.partition("=")
        if is_there and key.strip():
            found[printable(key)] = printable(value)
    return found


def printable(text: str) -> str:
    """The text on one line, cut to `WIDTH`, without control characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 3]}..."


def moment(text: str) -> datetime | None:
    """Parses an ISO time such as "2026-11-24T01:02:03Z"; None for any other text."""
    try:
        found = datetime.fromisoformat(text)
        # The host writes UTC only.
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
