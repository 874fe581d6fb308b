"""Runs the steps: times each, removes the stack whatever happened, and writes what AWS answered."""

import json
import shutil
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from geusemaker import terminal
from geusemaker.errors import ConfigError

from .answers import differences
from .stack import Failed, Live, say
from .steps import REMOVAL, STEPS, Step, listed

FORMAT: Final = 1
BETWEEN: Final = Step("between two steps", lambda _: None)


@dataclass(frozen=True)
class Done:
    """A step that was taken or left out."""

    step: Step
    result: Literal["passed", "not run", "FAILED"]
    seconds: float = 0.0
    answer: Any = None
    why: str = ""


def run(live: Live, steps: Iterable[Step] = STEPS) -> list[Done]:
    """Takes the steps up to the first that fails, then those of the removal."""
    done: list[Done] = []
    with live.interrupts.handled():
        try:
            for step in steps:
                done.append(take(step, live))
                if done[-1].result == "FAILED":
                    break
            live.interrupts.are_over = True
        except KeyboardInterrupt:
            done.append(_shown(Done(BETWEEN, "FAILED", why="interrupted")))
        live.deadline = None
        done += [take(step, live) for step in REMOVAL]
    return done


def take(step: Step, live: Live) -> Done:
    """Takes one step and prints its result. After Ctrl-C it has failed."""
    begin = time.monotonic()
    if live.simulated and step.not_simulated:
        return _shown(Done(step, "not run", why=step.not_simulated))
    try:
        if live.deadline is not None and begin > live.deadline:
            raise Failed("The time of the run is over: see --hours.")
        with terminal.working(step.name):
            answer = step.do(live)
        return _shown(Done(step, "passed", time.monotonic() - begin, answer))
    except KeyboardInterrupt:
        why = "interrupted"
    except Failed as error:
        why = str(error)
    except Exception as error:  # noqa: BLE001 - whatever it is, the stack must be removed
        why = f"{type(error).__name__}: {error}"
    return _shown(Done(step, "FAILED", time.monotonic() - begin, why=why))


def _shown(done: Done) -> Done:
    first = "" if done.result == "FAILED" else done.why
    took = f"{done.seconds:6.0f} s" if done.result != "not run" else first
    say(f"{done.result:8} {done.step.name:42} {took}")
    if done.result == "FAILED":
        say("\n".join(f"         {line}" for line in done.why.splitlines()))
    return done


def document(live: Live, done: Sequence[Done]) -> dict[str, Any]:
    """What is written into the file of the answers."""
    normalise = live.normaliser()
    return {
        "format": FORMAT,
        "by": "the simulated account" if live.simulated else "AWS",
        "steps": [
            {"name": one.step.name, "result": one.result, "seconds": round(one.seconds)}
            for one in done
        ],
        "answers": {one.step.name: normalise(one.answer) for one in done if one.answer is not None},
    }


def read(file: Path) -> dict[str, Any]:
    """The answers of an earlier run. Raises `ConfigError`."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(found, dict) and found.get("format") == FORMAT:
            return found
        why = f"it is no file of answers in the format {FORMAT}"
    except (OSError, ValueError) as error:
        why = str(error)
    raise ConfigError(
        f"--compare is {str(file)!r}, which cannot be used: {why}. A run writes such a file, by "
        "--answers."
    )


def finish(live: Live, done: Sequence[Done], file: Path, others: Sequence[dict[str, Any]]) -> int:
    """Writes the answers, compares them, and shows what is left. 1 where a step has failed."""
    found = document(live, done)
    file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    count = {
        word: sum(one.result == word for one in done) for word in ("passed", "not run", "FAILED")
    }
    who = "the simulated account" if live.simulated else f"account {live.account}, {live.region}"
    say(", ".join(f"{number} {word}" for word, number in count.items() if number) + f", in {who}.")
    say(f"Answers: {file}")
    for other in others:
        show_differences(found, other)
    removed = [one.result for one in done[-len(REMOVAL) :]]
    if "FAILED" in removed:
        show_left(live)
    else:
        shutil.rmtree(live.folder)
    return 1 if count["FAILED"] else 0


def show_differences(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Prints where two files differ in the answers to the steps that both have."""
    both = sorted(one["answers"].keys() & other["answers"].keys())
    names = (one["by"], other["by"]) if one["by"] != other["by"] else ("first", "second")
    found = [
        f"{where}\n  {what}"
        for step in both
        for where, what in differences(one["answers"][step], other["answers"][step], names, step)
    ]
    say("\n".join([f"{len(found)} differences in: {', '.join(both) or 'no step'}.", *found]))


def show_left(live: Live) -> None:
    """Prints what is left in the account, and the commands that remove it."""
    say("\nThe stack is not removed, and it costs money until it is. Left:")
    try:
        left = listed(live)
        for kind, items in left.items():
            for item in items:
                command = f"aws {kind.delete.format(item[kind.id])} --region {live.region}"
                say(f"  {kind.name} {item[kind.id]}\n    {command}")
        if not left:
            say("  nothing that AWS lists")
    except Exception as error:  # noqa: BLE001 - the commands below must be shown
        say(f"  It could not be listed: {error}. The stack had:")
        for id_, type_ in live.had.items():
            say(f"  {type_} {id_}")
    say(f"The first removes what Pulumi knows of, the second lists the rest:\n{live.by_hand()}")
    say(f"State, passphrase and log are kept in {live.folder}.")
