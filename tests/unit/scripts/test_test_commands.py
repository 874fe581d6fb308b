"""The make targets that run tests: each folder by one of them, and none left out in silence."""

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
RUN_TESTS = ("test", "test-rest", "test-n8n", "test-ollama", "test-scale")


def commands(target: str, *variables: str) -> str:
    """What make would run for a target."""
    env = {k: v for k, v in os.environ.items() if k not in ("MAKELEVEL", "MAKEFLAGS", "MFLAGS")}
    env.pop("COVERAGE", None)
    ran = subprocess.run(
        ["make", "--no-print-directory", "-n", target, *variables],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=env,
    )
    return ran.stdout.replace("\\\n", "")


def folders_run(target: str) -> list[str]:
    runs = re.findall(r"-m pytest (.*)", commands(target))
    return [name for arguments in runs for name in re.findall(r"\btests/(\w+)", arguments)]


def test_each_folder_of_tests_is_run_by_one_target() -> None:
    tests = ROOT / "tests"
    there = {path.relative_to(tests).parts[0] for path in tests.rglob("test_*.py")}
    assert sorted(name for target in RUN_TESTS for name in folders_run(target)) == sorted(there)


def test_make_test_ends_by_naming_each_folder_that_it_does_not_run() -> None:
    last = "".join(re.findall(r"^echo '(.*)'$", commands("test"), re.MULTILINE)[-2:])
    named = re.findall(r"\btests/(\w+)", last)
    assert sorted(named) == sorted(name for target in RUN_TESTS[1:] for name in folders_run(target))
    assert set(re.findall(r"`make (test-\w+)`", last)) == {*RUN_TESTS[1:], "test-all"}


def test_make_test_needs_no_other_tool_and_measures_coverage_only_when_asked() -> None:
    plain = commands("test")
    assert "real_tools" not in plain
    assert "test_packages" not in plain
    assert "-m coverage run" not in plain
    assert re.findall(r"-m pytest .*?((?: tests/\w+)+)$", plain, re.M) == [
        " tests/engine tests/unit"
    ]
    measured = commands("test", "COVERAGE=yes")
    runs = re.findall(r"(-m coverage run )?-m pytest .* (tests/\w+)$", measured, re.M)
    assert runs == [("", "tests/engine"), ("-m coverage run ", "tests/unit")]
    assert "--fail-under=100" in measured


def test_make_test_all_is_the_measured_tests_and_the_rest() -> None:
    def without_make(text: str) -> str:
        return re.sub(r"^make .*\n", "", text, flags=re.MULTILINE)

    both = commands("test", "COVERAGE=yes") + commands("test-rest")
    assert without_make(commands("test-all")) == both
