"""The workers of a stack in lines and as JSON. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from geusemaker.host import screen
from geusemaker.host.report import stamp
from geusemaker.host.workers import State, Worker, Workers, replace_command

ALL_SHOWN: Final = 8
"""Up to so many workers are listed one by one. Of more, those that are ready are counted."""

_STEPS: Final = {**screen.STEPS, "data": "its folder on the root disk"}
_TROUBLE: Final[tuple[State, ...]] = ("failed", "refused", "silent")
_NAMED: Final = 3
"""Ids in a line for workers in the same state."""


def rows(workers: Workers) -> list[tuple[State | None, str, str]]:
    """State, indentation and text of each line after the first."""
    found: list[tuple[State | None, str, str]] = []
    if len(workers.each) <= ALL_SHOWN:
        shown: Sequence[Worker] = workers.each
    else:
        if ready := workers.in_state("ready"):
            found.append(("ready", "", f"{len(ready)} ready{_running(ready)}"))
        shown = [one for one in workers.each if one.state not in ("ready", *_TROUBLE)]
        for text in dict.fromkeys(map(_state, shown)):
            same = [one for one in shown if _state(one) == text]
            ids = ", ".join(one.member.id for one in same[:_NAMED])
            more = f" and {len(same) - _NAMED} more" if len(same) > _NAMED else ""
            found.append((same[0].state, "", f"{len(same)} {text}{_running(same)}: {ids}{more}"))
        shown = workers.in_state(*_TROUBLE)
    for one in shown[:ALL_SHOWN]:
        member = one.member
        place = " ".join(part for part in (member.id, member.type, member.zone) if part)
        found.append((one.state, "", f"{place}  {_state(one)}{_running([one])}"))
        if why := _why(one):
            found.append((None, "  ", why))
    if left := len(shown[ALL_SHOWN:]):
        every = "`geusemaker status --json` lists all"
        found.append((None, "", f"{left} more have failed or are silent; {every}"))
    return found


def fixes(workers: Workers, region: str) -> list[str]:
    """What to do about the first worker that has failed; nothing if none has."""
    return [_fix(one, region) for one in workers.in_state(*_TROUBLE)[:1]]


def notes(workers: Workers, explained: str, region: str) -> Iterator[str]:
    """What is wrong with the workers as a whole, each with its fix.

    `explained` is the failure of the last launch in words, with commands.
    """
    name = workers.group.name
    prefix = f"{_waiting(workers.waiting or 0)}, and no worker starts. "
    if workers.none_starts and not workers.group.wanted:
        size = max(1, workers.group.least)
        yield (
            f"{prefix}The group {name} wants 0. `aws autoscaling set-desired-capacity "
            f"--auto-scaling-group-name {name} --desired-capacity {size} --region {region}` starts "
            f"{size} now; `pulumi up --refresh` restores what was changed outside Pulumi"
        )
    elif workers.waiting and not workers.group.wanted:
        yield "no worker runs; the first is requested after two minutes of waiting"
    if workers.failure:
        yield f"{prefix if workers.none_starts else ''}{explained}"
    if workers.unknown:
        yield workers.unknown


def summary(workers: Workers) -> str:
    """How many are ready, on one line, and the first that has failed."""
    group, parts = workers.group, [f"{workers.ready} of {workers.group.wanted} workers ready"]
    if on_way := workers.on_their_way:
        parts.append(
            f"AWS starts none: {workers.failure}" if workers.failure else _on_their_way(on_way)
        )
    for one in workers.in_state(*_TROUBLE)[:1]:
        parts.append(f"{one.member.id} {_state(one)}: {_why(one)}")
    if workers.unknown and group.wanted:
        parts.append(f"more is unknown: {workers.unknown}")
    return "; ".join(parts)


def fix(workers: Workers) -> str:
    """The command that shows more, for an error."""
    for one in workers.in_state(*_TROUBLE)[:1]:
        return f"`geusemaker logs --host {one.member.id}` shows its boot"
    return "`geusemaker status` shows each worker"


def first_row(workers: Workers) -> str:
    """The row of all workers together."""
    group = workers.group
    # Without reports only EC2's word is known.
    is_unknown = workers.in_state("simulated", "unknown")
    number, word = (group.in_service, "in service") if is_unknown else (workers.ready, "ready")
    size = f"{number} of {group.wanted} {word}" if group.wanted else "none wanted now"
    most = f", at most {group.most}" if group.follows_load else ""
    found = f"{size}{most}, {group.market}"
    if workers.waiting is not None and workers.executing is not None:
        runs = "1 runs" if workers.executing == 1 else f"{workers.executing or 'none'} run"
        found += f"; {_waiting(workers.waiting)}, {runs}"
    if workers.on_their_way and not workers.failure:
        found += f"; {_on_their_way(workers.on_their_way)}"
    return found


def as_json(workers: Workers) -> dict[str, Any]:
    """The workers for programs; unknown values are null."""
    group = workers.group
    return {
        "group": group.name,
        "least": group.least,
        "most": group.most,
        "market": group.market,
        "wanted": group.wanted,
        "ready": workers.ready,
        "areReady": workers.is_ready,
        "onTheirWay": workers.on_their_way,
        "waiting": workers.waiting,
        "running": workers.executing,
        "noneStarts": workers.none_starts,
        "launchFailure": workers.failure or None,
        "unknown": workers.unknown or None,
        "hosts": [
            {
                "id": one.member.id,
                "type": one.member.type or None,
                "zone": one.member.zone or None,
                "state": one.state,
                "step": one.step or None,
                "reason": one.reason or None,
                "executions": one.executions,
            }
            for one in workers.each
        ],
    }


def _state(one: Worker) -> str:
    """The state in two or three words."""
    if one.state == "starting":
        return f"starting, step {one.step}" if one.step else "starting, no report yet"
    if one.state == "failed":
        return f"failed at step {one.step}" if one.step not in ("", "ready") else "not ready"
    if one.state == "left" and one.member.lifecycle not in ("InService", "Terminating:Proceed"):
        return f"not in service ({one.member.lifecycle})"
    return {
        "applying": "ready, with the previous settings",
        "refused": "new settings refused",
        "left": "has ended",
        "silent": "silent",
        "simulated": "in service",
        "unknown": "in service",
    }.get(one.state, one.state)


def _why(one: Worker) -> str:
    if one.state == "silent":
        return f"its last report is from {stamp(one.status.record.time if one.status else None)}"
    if one.state not in _TROUBLE or one.status is None:
        return ""
    if one.state == "failed" and one.step not in ("", "ready"):
        return one.reason or "no reason given"
    return screen.situation(one.status, _STEPS).removeprefix("no: ").removeprefix("yes, but ")


def _fix(one: Worker, region: str) -> str:
    shows = f"`geusemaker logs --host {one.member.id}` shows its boot"
    if one.state == "refused":
        return f"{shows}; correct the settings, then run `pulumi up`"
    return f"{shows}; `{replace_command(one.member.id, region)}` replaces it"


def _running(workers: Sequence[Worker]) -> str:
    known = [one.executions for one in workers if one.executions is not None]
    return f", {_count(sum(known), 'execution')}" if known else ""


def _on_their_way(number: int) -> str:
    return "a worker is on its way" if number == 1 else f"{number} workers are on their way"


def _waiting(number: int) -> str:
    return f"{_count(number, 'execution')} {'waits' if number == 1 else 'wait'}"


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
