"""A clone in a temporary folder, with stand-ins for the simulator and the Pulumi CLI."""

import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from geusemaker.local import lifecycle
from geusemaker.local.account import Account, read_account
from geusemaker.local.places import Places

FAKE_SIMULATOR = Path(__file__).with_name("fake_simulator.py")
FAKE_PULUMI = Path(__file__).with_name("fake_pulumi.py")


@dataclass
class Clone:
    """What a test does with its clone."""

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

    def kill(self) -> None:
        account = read_account(self.places.account_file)
        assert account is not None
        os.kill(account.pid, signal.SIGKILL)


def make_clone(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Clone]:
    """A clone whose account is ended after the test, whatever the test did."""
    project = folder / "my clone"
    project.mkdir()
    (project / "Pulumi.yaml").write_text("name: geusemaker\nruntime: python\n")
    (project / "Pulumi.dev.yaml").write_text("# why\nconfig:\n  aws:region: us-east-1\n")
    engine_dir = folder / "cache" / "pulumi" / "3.259.0"
    engine_dir.mkdir(parents=True)
    shutil.copyfile(FAKE_PULUMI, engine_dir / "fake_pulumi.py")
    starter = f'#!/bin/sh\nexec "{sys.executable}" -I "{engine_dir / "fake_pulumi.py"}" "$@"\n'
    for name in ("pulumi", "pulumi-language-python", "pulumi-language-python-exec"):
        (engine_dir / name).write_text(starter)
        (engine_dir / name).chmod(0o755)
    for name in [name for name in os.environ if name.startswith(("AWS_", "PULUMI_"))]:
        patch.delenv(name)
    patch.setenv("GEUSEMAKER_CACHE_DIR", str(folder / "cache"))
    patch.setenv("GEUSEMAKER_ENGINE_SOURCES", "cache")
    patch.setattr(lifecycle, "STOP_SECONDS", 2.0)
    patch.chdir(project)
    clone = Clone(Places(project), engine_dir, patch)
    clone.simulator("works")
    try:
        yield clone
    finally:
        if project.exists():
            lifecycle.stop_account(clone.places)
