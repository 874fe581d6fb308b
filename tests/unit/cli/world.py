"""The whole command in this process, in a world of stand-ins: a Pulumi CLI that edits files, and
moto with the recorded images for AWS."""

import os
import re
import shlex
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
import typer
import typer.main
from local import fake_pulumi
from local.clones import Clone

from geusemaker.cli.main import app, main

TODAY = date(2026, 11, 23)
BASE = "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04)"
OLD, OLD_ID = f"{BASE} 20260619", "ami-070fccf6003a2b609"
NEWEST, NEWEST_ID = f"{BASE} 20260902", "ami-0391c53a255869d46"
RUNS_OLD = {"amiId": OLD_ID, "amiName": OLD, "architecture": "x86_64"}
RUNS_NEWEST = {"amiId": NEWEST_ID, "amiName": NEWEST, "architecture": "x86_64"}


@dataclass(frozen=True)
class Said:
    """What a command printed."""

    out: str
    err: str

    @property
    def commands(self) -> list[str]:
        """What it printed between backticks and means to be typed."""
        said = self.out + self.err
        between = re.findall(r"`((?:pulumi|geusemaker|export|unset) [^`]+)`", said)
        following = re.findall(r"^ *Next +(.*)$", said, re.MULTILINE)
        return between + [one for line in following for one in line.split(" | ")]


class World:
    """One clone, one stack file, one account."""

    def __init__(self, clone: Clone, capsys: pytest.CaptureFixture[str]) -> None:
        self.clone = clone
        self.patch = clone.patch
        self.file = clone.places.project / "Pulumi.dev.yaml"
        self._capsys = capsys
        self._answers: dict[str, object] = {"config": "file", "output": {}}
        self.answers()

    def answers(self, **answers: object) -> None:
        """How the Pulumi CLI answers from now on, beside what it answered so far."""
        self._answers |= answers
        self.clone.answers(**self._answers)

    def config(self, text: str) -> str:
        """The stack's file, written; each line one key."""
        lines = [f"  {line}\n" for line in text.splitlines()]
        self.file.write_text("".join(["config:\n  aws:region: us-east-1\n", *lines]))
        return self.file.read_text()

    def run(self, *arguments: str, code: int = 0, notes: bool = False) -> Said:
        """`geusemaker ARGUMENTS`, which must end with that code and without a traceback.

        With `notes` there may be lines before the paragraph of an error.
        """
        before = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGHUP)}
        self._capsys.readouterr()
        try:
            with pytest.raises(SystemExit) as ended:
                main(list(arguments))
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)
        captured = self._capsys.readouterr()
        said = Said(captured.out, captured.err)
        assert (ended.value.code or 0) == code, said
        assert "Traceback" not in said.err
        if code == 1 and said.err and not notes:
            assert said.err.count("\n") == 1, "an error is one paragraph"
        self.proves_alive(said)
        return said

    def terminal(self, answer: bool | type[BaseException]) -> None:
        """A terminal, and a user who gives this answer."""

        def confirm(text: str, default: bool) -> bool:
            assert not default, "nothing is done by a mere Enter"
            if isinstance(answer, bool):
                return answer
            raise answer

        self.patch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
        self.patch.setattr(typer, "confirm", confirm)

    def pulumi(self) -> list[list[str]]:
        """The arguments of each run of the Pulumi CLI."""
        return [one["args"] for one in self.clone.calls() if one["args"] != ["version"]]

    def deployed(self) -> bool:
        """Whether an `up` was run."""
        return any(call[0] == "up" for call in self.pulumi())

    def previewed(self) -> str:
        """The stack file that the last preview saw."""
        return (self.clone.engine_dir / "previewed.yaml").read_text()

    def clients(self, make: Callable[[str], Any]) -> None:
        """What a command gets for a boto3 client."""
        self.patch.setattr("geusemaker.cli.target.Target.client", lambda _, name: make(name))

    def proves_alive(self, said: Said) -> None:
        """Fails when a printed command would not be understood."""
        for command in said.commands:
            for step in re.split(" && ", command):
                is_understood(step)


def is_understood(command: str) -> None:
    """Fails for a command whose words the program, or the Pulumi CLI, does not know."""
    words = shlex.split(command)
    if words[:4] == ["geusemaker", "local", "run", "--"]:
        words = words[4:]
    if words[0] == "geusemaker":
        group = typer.main.get_command(app)
        given = words[1:]
        while hasattr(group, "commands"):
            group, given = group.commands[given[0]], given[1:]
        group.make_context("geusemaker", given)
    elif words[0] == "pulumi":
        flags = words[: words.index("--")] if "--" in words else words
        known = {"--stack", "--secret", "--refresh", "--local", "--create", "--plaintext"}
        assert {word for word in flags if word.startswith("-")} <= known, command
        rest = words[len(flags) + 1 :]
        assert not any(word.startswith("--") for word in rest), command
    else:
        assert words[0] in ("export", "unset")
        assert re.fullmatch(r"[A-Z_]+(=.*)?", words[1])


def typed(world: World, command: str) -> None:
    """Does what a reader does who types the printed `pulumi config ...`."""
    words = shlex.split(command)
    assert words[:2] == ["pulumi", "config"]
    clone = world.clone
    answered = fake_pulumi.answer(words[1:], os.environ, clone.places.project, clone.engine_dir)
    assert answered[2] == 0, f"a user who types {command!r} reads: {answered[1]}"
