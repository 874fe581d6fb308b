"""The project that these tests plan."""

import subprocess
import sys
from pathlib import Path

import pytest

from geusemaker.plan.model import Plan

from .project import ROOT, Project, make


@pytest.fixture
def project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Project:
    return make(tmp_path, monkeypatch, capsys)


@pytest.fixture(scope="session")
def committed() -> Plan:
    """The plan of the committed stack, made once: for what only renders a plan."""
    code = "from geusemaker.cli.main import main; main(['plan', '--stack', 'dev', '--json'])"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return Plan.model_validate_json(ran.stdout)
