"""A copy of the project in a folder of its own, and `geusemaker plan` in it."""

import gc
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest
import yaml

from geusemaker.cli.main import main
from geusemaker.plan.model import Plan

ROOT = Path(__file__).parents[3]


@dataclass
class Project:
    """A clone without a Pulumi CLI, an account or a network."""

    folder: Path
    patch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def config(self, values: Mapping[str, object], stack: str = "dev") -> None:
        """Writes the stack's file."""
        config = {"aws:region": "us-east-1", "geusemaker:protectData": "false", **values}
        text = yaml.safe_dump({"config": config})
        (self.folder / f"Pulumi.{stack}.yaml").write_text(text, encoding="utf-8")

    def run(self, *arguments: str, code: int = 0) -> str:
        """What the command prints on stdout, or on stderr where it fails."""
        before = gc.get_threshold()
        ended = 0
        try:
            # What the program freezes for good is not its own here.
            with mock.patch.object(gc, "freeze"):
                main(["plan", *arguments])
        except SystemExit as end:
            ended = int(end.code or 0)
        finally:
            gc.set_threshold(*before)
        printed = self.capsys.readouterr()
        assert ended == code, printed.err + printed.out
        return printed.err if code == 1 else printed.out

    def plan(self, *arguments: str, code: int = 0) -> Plan:
        """The plan, read back from the JSON."""
        return Plan.model_validate_json(self.run("--json", *arguments, code=code))


def make(folder: Path, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Project:
    """The project in a new folder, which becomes the current one."""
    for name in ("Pulumi.yaml", "Pulumi.dev.yaml", "__main__.py"):
        shutil.copy(ROOT / name, folder / name)
    patch.chdir(folder)
    patch.setenv("PATH", "/nowhere")  # no Pulumi CLI
    for name in ("GEUSEMAKER_OS_TYPE", "GEUSEMAKER_ARCHITECTURE", "GEUSEMAKER_AMI_TYPE"):
        patch.delenv(name, raising=False)
    return Project(folder, patch, capsys)
