"""`scripts/setup.sh` and `setup_venv.py`: what make runs before anything is installed."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("setup_venv", SCRIPTS / "setup_venv.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


setup_venv = load()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "my clone"
    (root / "scripts").mkdir(parents=True)
    for name in ("setup.sh", "setup_venv.py"):
        shutil.copy(SCRIPTS / name, root / "scripts" / name)
    for name in (
        "requirements.txt",
        "requirements.lock",
        "requirements-dev.lock",
        "pyproject.toml",
    ):
        (root / name).write_text(f"# {name}\n")
    return root


def stamp(project: Path, *kinds: str) -> None:
    (project / ".venv").mkdir(exist_ok=True)
    marks = {kind: setup_venv.wanted_stamp(project, kind) for kind in kinds}
    text = json.dumps(marks | {"path": str(project)})
    (project / ".venv" / "geusemaker.json").write_text(text)


def setup_sh(project: Path, path: Path) -> subprocess.CompletedProcess[str]:
    """Runs the script with a PATH of its own, on which only the shell's tools are."""
    for tool in ("dirname", "sh"):
        found = shutil.which(tool)
        assert found is not None
        if not (path / tool).exists():
            (path / tool).symlink_to(found)
    env = {"PATH": str(path), "HOME": str(project), "PYTHONHOME": "/nowhere"}
    return subprocess.run(
        [project / "scripts" / "setup.sh", "run"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


def program(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def test_a_python_that_is_there_but_fails_is_passed_over(project: Path, tmp_path: Path) -> None:
    path = tmp_path / "bin"
    program(path, "python3.13", "echo 'pyenv: python3.13: command not found' >&2; exit 127")
    chosen = 'case "$3" in import*) exit 0;; esac; echo "chosen $*"'
    program(path, "python3.12", chosen)
    program(path, "python3.11", "echo never")
    ran = setup_sh(project, path)
    assert (ran.returncode, ran.stdout) == (0, "chosen -I scripts/setup_venv.py run\n")


def test_without_a_python_the_packages_are_named_in_one_paragraph(
    project: Path, tmp_path: Path
) -> None:
    path = tmp_path / "bin"
    program(path, "python3", "exit 1")
    ran = setup_sh(project, path)
    assert ran.returncode == 1
    assert "python3.12-venv" in ran.stderr
    assert "python@3.13" in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_a_warm_start_needs_the_environments_python_only(project: Path, tmp_path: Path) -> None:
    (project / ".venv" / "bin").mkdir(parents=True)
    program(project / ".venv" / "bin", "python", f'exec "{sys.executable}" "$@"')
    stamp(project, "run")
    path = tmp_path / "bin"
    path.mkdir()
    assert setup_sh(project, path).returncode == 0
    (project / "requirements.lock").write_text("something==1\n")
    assert setup_sh(project, path).returncode == 1


def test_a_stamp_counts_for_what_it_was_made_for(project: Path) -> None:
    assert not setup_venv.is_ready(project, "run")
    stamp(project, "run")
    assert setup_venv.is_ready(project, "run")
    assert not setup_venv.is_ready(project, "dev")
    stamp(project, "dev")
    assert setup_venv.is_ready(project, "run")
    assert setup_venv.is_ready(project, "dev")
    (project / "requirements-dev.lock").write_text("other\n")
    assert not setup_venv.is_ready(project, "run")
    (project / ".venv" / "geusemaker.json").write_text("{")
    assert not setup_venv.is_ready(project, "run")


def test_a_half_made_environment_is_made_anew_and_a_moved_one_too(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed: list[str] = []

    def install(root: Path, environment: Path, kind: str) -> None:
        installed.append(kind)
        stamp(root, kind)

    monkeypatch.setattr(setup_venv, "install", install)
    python = project / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("cut off")
    stamp(project, "run")
    setup_venv.set_up(project, "run")
    assert setup_venv.works(project / ".venv")
    setup_venv.set_up(project, "run")
    assert installed == ["run"]
    moved = project.with_name("moved clone")
    project.rename(moved)
    assert setup_venv.was_moved(moved)
    setup_venv.set_up(moved, "dev")
    assert installed == ["run", "dev"]
    assert not setup_venv.was_moved(moved)


@pytest.mark.parametrize("code", [0, 1])
def test_the_stamp_is_written_only_when_pip_was_content(project: Path, code: int) -> None:
    (project / ".venv" / "bin").mkdir(parents=True)
    program(project / ".venv" / "bin", "python", f'echo "$@" >>asked; exit {code}')
    stamp(project, "dev")
    (project / "requirements.txt").write_text("new\n")
    if code:
        with pytest.raises(SystemExit, match="needs a package index"):
            setup_venv.install(project, project / ".venv", "run")
    else:
        setup_venv.install(project, project / ".venv", "run")
    assert setup_venv.is_ready(project, "run") is (code == 0)
    assert not setup_venv.is_ready(project, "dev")
    asked = (project / "asked").read_text().splitlines()
    assert asked[0].endswith(" --require-hashes -r requirements.lock")
    itself = " --no-deps --no-build-isolation --no-index -e ."
    assert [line.endswith(itself) for line in asked[1:]] == [True] * (1 - code)


def test_wrong_arguments_show_the_usage(project: Path) -> None:
    ran = subprocess.run(
        [sys.executable, project / "scripts" / "setup_venv.py", "nope"],
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ),
    )
    assert (ran.returncode, ran.stderr.startswith("Usage:")) == (1, True)


def test_bare_make_prints_help() -> None:
    ran = subprocess.run(
        ["make", "-f", str(SCRIPTS.parent / "Makefile")],
        capture_output=True,
        text=True,
        check=True,
        cwd=SCRIPTS.parent,
        # `make test` runs this too, and a make within a make says where it is.
        env={k: v for k, v in os.environ.items() if k not in ("MAKELEVEL", "MAKEFLAGS", "MFLAGS")},
    )
    targets = [line.split()[1] for line in ran.stdout.splitlines()]
    assert targets == [
        "up",
        "shell",
        "down",
        "test",
        "test-boot",
        "test-n8n",
        "test-ollama",
        "lint",
        "lock",
        "clean",
    ]
