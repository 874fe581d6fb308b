"""Pinned versions of programs. They are built when missing, never skipped."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests" / "unit")]

from real_tools import ensure  # noqa: E402


@pytest.fixture(scope="session")
def caddy() -> Path:
    return ensure("caddy")


@pytest.fixture(scope="session")
def compose_plugin() -> Path:
    return ensure("compose")


@pytest.fixture(scope="session")
def actionlint() -> Path:
    return ensure("actionlint")
