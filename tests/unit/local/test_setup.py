"""`scripts/setup.sh` and `setup_venv.py`: they run before anything is installed."""

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
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
        "requirements-local.txt",
        *setup_venv.LOCKS.values(),
        "pyproject.toml",
    ):
        (root / name).write_text(f"# {name}\n")
    return root


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the pip that Python brings, made once."""
    environment = tmp_path_factory.mktemp("empty") / ".venv"
    venv.create(environment, with_pip=True, symlinks=True)
    return environment


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
    assert "python3-venv" in ran.stderr
    assert "python@3.14" in ran.stderr
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
    assert not setup_venv.is_ready(project, "local")
    stamp(project, "dev")
    assert all(setup_venv.is_ready(project, kind) for kind in ("run", "local", "dev"))
    (project / "requirements-dev.lock").write_text("other\n")
    assert not setup_venv.is_ready(project, "run")
    (project / ".venv" / "geusemaker.json").write_text("{")
    assert not setup_venv.is_ready(project, "run")


def test_an_incomplete_or_moved_environment_is_created_again(
    project: Path, empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed: list[str] = []
    create = venv.create

    def create_with_a_copied_pip(
        environment: Path, *, clear: bool, with_pip: bool, symlinks: bool
    ) -> None:
        """ensurepip takes five seconds."""
        create(environment, clear=clear, symlinks=symlinks)
        if with_pip:
            shutil.copytree(empty / "lib", environment / "lib", dirs_exist_ok=True)

    def install(root: Path, environment: Path, kind: str) -> None:
        installed.append(kind)
        stamp(root, kind)

    monkeypatch.setattr(setup_venv, "install", install)
    monkeypatch.setattr(setup_venv.venv, "create", create_with_a_copied_pip)
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


def wheel(folder: Path, name: str, version: str, *requires: str, script: str = "") -> str:
    """Writes a wheel and says the line that locks it."""
    info = f"{name}-{version}.dist-info"
    lines = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}", *requires]
    entries = {
        f"{info}/METADATA": "\n".join(lines) + "\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if script:
        entries[f"{name}-{version}.data/scripts/{name}"] = script
    record = "".join(f"{entry},,\n" for entry in [*entries, f"{info}/RECORD"])
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for entry, text in {**entries, f"{info}/RECORD": record}.items():
            information = zipfile.ZipInfo(entry)
            information.external_attr = 0o100755 << 16
            archive.writestr(information, text)
    return (
        f"{name}=={version} \\\n    --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"
    )


@pytest.fixture
def index(project: Path, empty: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all that the locks name, which only pip is set up for; the uv is the real one.

    The project has an environment with Python's own pip, and a build of its own.
    """
    shutil.copytree(empty, project / ".venv", symlinks=True)
    folder = project.parent / "packages"
    folder.mkdir()
    real = shutil.which("uv", path=str(Path(sys.executable).parent))
    assert real is not None, "the dev set has no uv: run `make setup-dev`"
    asks = wheel(folder, "asks", "1", "Requires-Dist: thing[more]>=1")
    extra = 'Provides-Extra: more\nRequires-Dist: other; extra == "more"'
    thing, other = wheel(folder, "thing", "1", extra), wheel(folder, "other", "1")
    wheel(folder, "thing", "2", extra)
    (project / "requirements.lock").write_text(asks + other + thing)
    uv = wheel(folder, "uv", "1", script=f'#!/bin/sh\nexec "{real}" "$@"\n')
    (project / "requirements-dev.lock").write_text(asks + other + thing + uv)
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "itself"\nversion = "1"\n'
    )
    itself = "itself-1-py3-none-any.whl"
    wheel(project, "itself", "1")
    (project / "backend.py").write_text(
        "import shutil\n"
        "def build_editable(folder, config_settings=None, metadata_directory=None):\n"
        f"    shutil.copy({itself!r}, folder)\n"
        f"    return {itself!r}\n"
    )
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_FIND_LINKS", f"{folder} {folder}/nowhere")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(project.parent / "cache"))
    return folder


def has(project: Path) -> set[str]:
    """The packages in .venv, without those that Python brings."""
    (packages,) = (project / ".venv").glob("lib/python3.*/site-packages")
    found = {path.stem for path in packages.glob("*.dist-info")}
    return {name for name in found if not name.startswith(("pip-", "setuptools-"))}


def test_a_lock_is_installed_whose_package_another_one_requires_with_an_extra(
    project: Path, index: Path
) -> None:
    """Of old pips, the index's newer version (thing 2) is what the extra asks for."""
    setup_venv.install(project, project / ".venv", "dev")
    assert has(project) == {"asks-1", "itself-1", "other-1", "thing-1", "uv-1"}
    assert setup_venv.is_ready(project, "dev")
    # What the lock does not name any more goes (uv leaves pip and itself).
    lock = project / "requirements.lock"
    text = lock.read_text()
    lock.write_text(text[text.index("other==") :])
    stamp(project, "dev")
    setup_venv.install(project, project / ".venv", "run")
    assert has(project) == {"itself-1", "other-1", "thing-1", "uv-1"}
    assert setup_venv.is_ready(project, "run")
    assert not setup_venv.is_ready(project, "dev")


def test_on_a_terminal_one_line_says_what_takes_the_time(
    project: Path, index: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    setup_venv.install(project, project / ".venv", "dev")
    # The seconds are written over by each other, and last by nothing.
    shown = re.sub("\x1b\\[K.*?\r|\x1b\\[K", "", capfd.readouterr().err)
    lines = [line for line in shown.splitlines() if "/nowhere' is ignored" not in line]
    assert lines == ["  [setup] installing 4 packages of requirements-dev.lock, up to a minute"]


@pytest.mark.parametrize("package", ["uv", "thing"])
def test_nothing_is_installed_that_the_lock_does_not_name(
    project: Path, index: Path, package: str, capfd: pytest.CaptureFixture[str]
) -> None:
    wheel(index, package, "1", script="#!/bin/sh\necho of somebody else\n")
    with pytest.raises(SystemExit, match="a package was changed after it was locked"):
        setup_venv.install(project, project / ".venv", "run")
    assert re.search(r"(?i)hash", capfd.readouterr().err)
    assert has(project) == set()
    assert not setup_venv.is_ready(project, "run")


def test_a_dev_lock_without_uv_is_an_error_with_the_command(project: Path, index: Path) -> None:
    (project / "requirements-dev.lock").write_text("# nothing\n")
    with pytest.raises(SystemExit, match="git checkout requirements-dev"):
        setup_venv.install(project, project / ".venv", "run")


def test_uv_gets_what_pip_is_set_up_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    config = tmp_path / "pip.conf"
    config.write_text(
        "[global]\nindex-url = https://global.example/simple\nextra-index-url =\n"
        "  https://one.example/simple\n  https://two.example/simple\ntimeout = 40\n"
        "cert = /certs/all.pem\n[install]\nindex-url = https://install.example/simple\n"
        "[list]\nindex-url = https://list.example/simple\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    monkeypatch.setenv("PIP_TIMEOUT", "15.5")
    monkeypatch.setenv("PIP_FIND_LINKS", f"{tmp_path} {tmp_path}/nowhere https://x.example/links")
    monkeypatch.setenv("UV_HTTP_RETRIES", "7")
    monkeypatch.setenv("PIP_RETRIES", "2")
    monkeypatch.setenv("SSL_CERT_FILE", "/certs/other.pem")
    settings = setup_venv.uv_environment(Path(sys.executable))
    names = [name for name in settings if name.startswith("UV_")]
    assert {name: settings[name] for name in [*names, "SSL_CERT_FILE"]} == {
        "UV_DEFAULT_INDEX": "https://install.example/simple",
        "UV_INDEX": "https://one.example/simple https://two.example/simple",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_FIND_LINKS": f"{tmp_path},https://x.example/links",
        "UV_HTTP_TIMEOUT": "16",
        "UV_HTTP_RETRIES": "7",
        "SSL_CERT_FILE": "/certs/all.pem",
    } | {name: "1" for name in names if name == "UV_SYSTEM_CERTS"}
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    assert "UV_DEFAULT_INDEX" not in setup_venv.uv_environment(Path(sys.executable))


def test_who_has_a_larger_set_keeps_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed: list[str] = []
    monkeypatch.setattr(setup_venv, "works", lambda _: True)
    monkeypatch.setattr(setup_venv, "install", lambda *given: installed.append(given[2]))
    stamp(project, "dev")
    (project / "requirements-dev.lock").write_text("other\n")
    setup_venv.set_up(project, "run")
    stamp(project, "run")
    setup_venv.set_up(project, "local")
    assert installed == ["dev", "local"]


def test_the_installation_continues_after_an_interruption(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed: list[str] = []
    monkeypatch.setattr(setup_venv, "works", lambda _: True)
    monkeypatch.setattr(setup_venv, "install", lambda *given: installed.append(given[2]))
    (project / ".venv").mkdir()
    setup_venv.set_up(project, "local")
    assert installed == ["local"]


def test_an_interrupted_setup_says_what_finishes_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(setup_venv, "set_up", interrupted)
    monkeypatch.setattr(sys, "argv", ["setup_venv.py", "local"])
    with pytest.raises(SystemExit) as ended:
        setup_venv.main()
    assert ended.value.code == 130
    said = "  [setup] interrupted: the same make command again finishes the installation\n"
    assert capsys.readouterr().err == said


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
        "test-rest",
        "test-all",
        "test-n8n",
        "test-ollama",
        "test-scale",
        "live",
        "mutation",
        "lint",
        "bench",
        "bench-scale",
        "lock",
        "clean",
    ]
