"""`scripts/mutation.py`: a change that no test notices is listed, and only such a change."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
CODE = """
from functools import cache
from typing import Final

LIMIT: "Final[int]" = 2

@cache
def limit() -> int:
    return LIMIT + 1

def small(size: int) -> bool:
    return size < limit()
"""
TESTS = """
from geusemaker.sizes import small

def test_a_small_size_is_small() -> None:
    assert small(1)
"""
CLOSER = """
def test_a_size_at_the_limit_is_not_small() -> None:
    assert not small(3)
"""
PLACES = ("geusemaker/__init__.py", "geusemaker/sizes.py", "tests/unit/test_sizes.py")


def states(project: Path, *options: str) -> tuple[int, str, dict[str, str]]:
    """The exit code, what is printed, and the state of each mutant."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("COV_", "COVERAGE_", "PYTEST"))}
    ran = subprocess.run(
        [sys.executable, "scripts/mutation.py", "geusemaker", "--jobs", "1", *options],
        cwd=project,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    record = project / ".geusemaker" / "mutation" / "record.json"
    assert record.exists(), ran.stdout + ran.stderr
    found: list[dict[str, Any]] = json.loads(record.read_text())["geusemaker"]
    return ran.returncode, ran.stdout, {f"{m['before']} -> {m['after']}": m["state"] for m in found}


def test_a_change_survives_until_a_test_notices_it(tmp_path: Path) -> None:
    for place, text in zip(PLACES, ("", CODE, TESTS + CLOSER), strict=True):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(text)
    (tmp_path / "scripts").mkdir()
    for name in ("mutation.py", "mutants.py"):
        shutil.copy(ROOT / "scripts" / name, tmp_path / "scripts")

    code, printed, with_both = states(tmp_path)
    assert code == 0, printed
    # A constant is read at import, and what is cached runs for the first test only: neither is
    # covered by the test that notices. No test could notice a change of an annotation.
    whole = 'LIMIT: "Final[int]" = 2 -> LIMIT: "Final[int]" = None'
    noticed_at_the_limit = ("2 -> 3", "1 -> 2", "< limit() -> <= limit()")
    noticed_anyhow = (whole, "LIMIT + 1 -> LIMIT - 1")
    assert with_both == dict.fromkeys((*noticed_at_the_limit, *noticed_anyhow), "killed")

    earlier = tmp_path / "earlier.json"
    shutil.move(tmp_path / ".geusemaker" / "mutation" / "record.json", earlier)
    (tmp_path / PLACES[2]).write_text(TESTS)
    (tmp_path / PLACES[1]).write_text("\n# Moved by a line.\n" + CODE)
    code, printed, with_one = states(tmp_path, "--again", str(earlier))
    assert code == 1
    assert with_one == {
        **dict.fromkeys(noticed_at_the_limit, "survived"),
        **dict.fromkeys(noticed_anyhow, "killed"),
    }
    assert "KILLED BEFORE, by tests/unit/test_sizes.py::test_a_size_at_the_limit" in printed
