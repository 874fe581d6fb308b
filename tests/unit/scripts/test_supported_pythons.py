"""The Pythons that run GeuseMaker: each place that names them names the same."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[3]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
WANTED = SpecifierSet(PROJECT["project"]["requires-python"])
VERSIONS = [one for one in (f"3.{minor}" for minor in range(30)) if WANTED.contains(one)]
OLDEST, NEWEST = VERSIONS[0], VERSIONS[-1]
RANGED = (
    "README.md",
    "CONTRIBUTING.md",
    "docs/troubleshooting.md",
    "docs/trying-it-locally.md",
    "scripts/lock_requirements.py",
    "scripts/setup.sh",
    ".ci/run",
)
"""Each page or script with a text "3.x to 3.y"."""


def test_classifiers_and_checks_start_at_the_oldest_and_end_at_the_newest() -> None:
    named = [one.rpartition(" ")[2] for one in PROJECT["project"]["classifiers"]]
    assert named == VERSIONS
    tools = PROJECT["tool"]
    assert tools["ruff"]["target-version"] == f"py{OLDEST.replace('.', '')}"
    assert tools["mypy"]["python_version"] == OLDEST
    assert f'"--python-version", "{OLDEST}"' in (ROOT / "scripts/lock_requirements.py").read_text()


@pytest.mark.parametrize("name", RANGED)
def test_a_page_that_names_the_range_names_this_one(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert re.findall(r"(3\.\d+) to (3\.\d+)", text) == [(OLDEST, NEWEST)]


def test_the_setup_accepts_and_tries_all_of_them_the_newest_first() -> None:
    limits = (
        f"({OLDEST.replace('.', ', ')}) <= sys.version_info[:2] <= ({NEWEST.replace('.', ', ')})"
    )
    script = (ROOT / "scripts" / "setup.sh").read_text()
    for text in (script, (ROOT / "scripts" / "setup_venv.py").read_text()):
        assert text.count("sys.version_info[:2] <=") == text.count(limits) == 1
    tried = [f"python{one}" for one in reversed(VERSIONS)]
    (loop,) = re.findall(r"for python in (.*); do", script)
    assert loop.split() == [*tried, "python3"]
    (told,) = re.findall(r"\(tried (.*?) and python3 on PATH\)", re.sub(r'" \\\n *"', " ", script))
    assert told.split(", ") == tried


def test_ci_runs_each_on_linux_and_the_newest_on_macos() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]
    matrix = jobs["check"]["strategy"]["matrix"]
    assert matrix["python"] == VERSIONS
    assert [one["python"] for one in matrix["include"]] == [NEWEST]
