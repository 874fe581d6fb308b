"""The project that these tests plan."""

from pathlib import Path

import pytest

from .project import Project, make


@pytest.fixture
def project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Project:
    return make(tmp_path, monkeypatch, capsys)
