"""What the host writes about itself: the lines of the stack's status parameter. Pure.

A host may be of an older or a newer version than this program, and a half-broken one may write
anything: no text makes this fail, and nothing of it can steer a terminal.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, Literal

State = Literal["ready", "not-ready", "unknown"]

WIDTH: Final = 600
"""Characters of one value that are kept."""

_STATES: Final[dict[str, State]] = {"ready": "ready", "not-ready": "not-ready"}
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,120}")
_EMPTY: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """The last report of a host, as far as it could be read.

    Attributes:
        state: "unknown" before the first report.
        instance: Id of the instance that wrote it.
        boot: The boot of that instance that it is about.
        time: When it was written.
        running: SHA-256 of the settings bundle that runs; empty when none does.
        wanted: SHA-256 of the bundle that the host knows it should run.
        step: The step that failed; empty when none did.
        reason: Why it failed, or why the wanted bundle does not run.
        services: Health by service: healthy, unhealthy, starting or missing; of an Ollama that does
            not see the host's GPU, "on the CPU: WHY".
        models: Progress by model: "waiting", "pulling 43%", "here" or "failed: WHY".
        dump: When the database was last dumped in full.
        dump_failure: When a later dump failed, and why; empty when none did.
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


def parse(text: str) -> Record:
    """The record of a parameter's value, whatever it is; of two lines of a key the last counts."""
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
    )


def _failure(told: str) -> str:
    """The time that the text begins with as each screen shows one; the rest as it is."""
    first, _, why = told.partition(" ")
    time = moment(first)
    return printable(f"{stamp(time)}: {why or 'no reason given'}") if time else told


def stamp(time: datetime | None) -> str:
    """A time as each screen shows it; all of them are UTC."""
    return f"{time:%Y-%m-%d %H:%M:%S} UTC" if time else "an unknown time"


def values(text: str) -> dict[str, str]:
    """The lines `key=value` of a parameter, made fit for a terminal; all others are left out."""
    found = {}
    # Not splitlines(), which also cuts at what a reason may hold.
    for line in text.split("\n"):
        key, is_there, value = line.partition("=")
        if is_there and key.strip():
            found[printable(key)] = printable(value)
    return found


def printable(text: str) -> str:
    """The text on one line, bounded, and without what would steer a terminal."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 3]}..."


def moment(text: str) -> datetime | None:
    """The time of "2026-11-24T01:02:03Z" and the like; None for what is no time."""
    try:
        found = datetime.fromisoformat(text)
        # A time without a zone is UTC, which is all that the host writes.
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
