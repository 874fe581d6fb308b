"""A clone in a temporary folder, with stand-ins for the simulator and the Pulumi CLI."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from geusemaker.local import lifecycle
from geusemaker.local.account import Account, read_account
from geusemaker.local.places import Places
from geusemaker.pulumi_cli import run

from . import fake_pulumi

FAKE_SIMULATOR = Path(__file__).with_name("fake_simulator.py")
STARTER = """\
#!/bin/sh
if [ "$*" = version ]; then
  echo '{{"args": ["version"]}}' >>"{folder}/calls.jsonl"
  echo v3.259.0
  exit
fi
exec "{python}" -I "{folder}/fake_pulumi.py" "$@"
"""
START_PROCESS = run._started


@dataclass
class Clone:
    """A clone, and what tests do with it."""

    places: Places
    engine_dir: Path
    patch: pytest.MonkeyPatch
    said: list[str] = field(default_factory=list)

    def simulator(self, mode: str) -> None:
        command = [sys.executable, str(FAKE_SIMULATOR), "--mode", mode]
        self.patch.setattr(lifecycle, "SIMULATOR", command)

    def answers(self, **answers: object) -> None:
        (self.engine_dir / "answers.json").write_text(json.dumps(answers))

    def calls(self) -> list[dict[str, Any]]:
        lines = (self.engine_dir / "calls.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def commands(self) -> list[str]:
        return [" ".join(call["args"][:2]) for call in self.calls() if call["args"] != ["version"]]

    def start(self) -> Account:
        with lifecycle.locked(self.places, self.said.append):
            account, _ = lifecycle.ensure_account(self.places, os.environ, self.said.append)
            lifecycle.prepare(self.places, self.said.append)
        return account

    def prepare(self) -> None:
        """The files of a local run, without an account."""
        with lifecycle.locked(self.places, self.said.append):
            lifecycle.prepare(self.places, self.said.append)

    def kill(self) -> None:
        account = read_account(self.places.account_file)
        assert account is not None
        os.kill(account.pid, signal.SIGKILL)

    def spawned(self) -> None:
        """Runs the stand-in in a process from now on, like a user's CLI."""
        self.patch.setattr(run, "_started", START_PROCESS)


class Answered:
    """An ended run of the stand-in, with the methods of a child process that `pulumi_cli` uses."""

    def __init__(self, command: list[str], cwd: Path, env: Mapping[str, str], stderr: int) -> None:
        here = Path(command[0]).parent
        out, self._error, self.returncode = fake_pulumi.answer(command[1:], env, cwd, here)
        both = stderr == subprocess.STDOUT
        self.stdout = io.StringIO(out + self._error if both else out)

    def __enter__(self) -> "Answered":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def communicate(self) -> tuple[str, str]:
        return self.stdout.read(), self._error

    def wait(self) -> int:
        return self.returncode


def answering_here(starter: str) -> Callable[[list[str], Path, Mapping[str, str], int], Any]:
    """Runs the stand-in in this process. A CLI that a test has replaced or removed runs as a
    process."""

    def started(command: list[str], cwd: Path, env: Mapping[str, str], stderr: int) -> Any:
        program = Path(command[0])
        if os.access(program, os.X_OK) and program.read_text() == starter:
            return Answered(command, cwd, env, stderr)
        return START_PROCESS(command, cwd, env, stderr)

    return started


def make_clone(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Clone]:
    """A clone whose account is ended after the test, whatever the test did."""
    project = folder / "my clone"
    project.mkdir()
    (project / "Pulumi.yaml").write_text("name: geusemaker\nruntime: python\n")
    (project / "Pulumi.dev.yaml").write_text("# why\nconfig:\n  aws:region: us-east-1\n")
    engine_dir = folder / "cache" / "pulumi" / "3.259.0"
    engine_dir.mkdir(parents=True)
    shutil.copyfile(fake_pulumi.__file__, engine_dir / "fake_pulumi.py")
    starter = STARTER.format(python=sys.executable, folder=engine_dir)
    for name in ("pulumi", "pulumi-language-python", "pulumi-language-python-exec"):
        (engine_dir / name).write_text(starter)
        (engine_dir / name).chmod(0o755)
    for name in [name for name in os.environ if name.startswith(("AWS_", "PULUMI_"))]:
        patch.delenv(name)
    patch.setenv("GEUSEMAKER_CACHE_DIR", str(folder / "cache"))
    patch.setenv("GEUSEMAKER_ENGINE_SOURCES", "cache")
    patch.setattr(lifecycle, "STOP_SECONDS", 2.0)
    patch.setattr(run, "_started", answering_here(starter))
    patch.chdir(project)
    clone = Clone(Places(project), engine_dir, patch)
    clone.simulator("works")
    try:
        yield clone
    finally:
        if project.exists():
            lifecycle.stop_account(clone.places)
