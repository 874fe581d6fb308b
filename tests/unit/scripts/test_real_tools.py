"""`scripts/real_tools.py`: exactly the pinned version, from PATH, the cache or a build."""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from geusemaker.errors import EngineError
from geusemaker.pulumi_cli.programs import Machine, Ran

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "scripts"))

import real_tools  # noqa: E402
from real_tools import TOOLS, Crate, GoTool, ensure, says_version  # noqa: E402

EACH = pytest.mark.parametrize("name", TOOLS)
GO = [name for name, tool in TOOLS.items() if isinstance(tool, GoTool)]


def put(folder: Path, name: str, says: str) -> Path:
    """A program that answers with this text."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / TOOLS[name].program
    program.write_text(f"#!/bin/sh\necho '{says}'\n")
    program.chmod(0o755)
    return program


BUILDERS = ("go", "cargo")


class Builder(Machine):
    """A machine whose `go build` and `cargo install` do as the test says; other programs run."""

    def __init__(self, path: Path, build: Callable[[Path], Ran] | None = None) -> None:
        super().__init__({"PATH": str(path)})
        self.build = build
        self.built: list[tuple[list[str], Path | None, Mapping[str, str]]] = []

    def which(self, name: str) -> str | None:
        return f"/bin/{name}" if name in BUILDERS and self.build else super().which(name)

    def run(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        seconds: float,
        cwd: Path | None = None,
        still: Callable[[float], None] | None = None,
    ) -> Ran:
        if command[0] not in BUILDERS:
            return super().run(command, env=env, seconds=seconds, cwd=cwd, still=still)
        assert self.build is not None
        self.built.append((list(command), cwd, env))
        if command[0] == "go":
            return self.build(Path(command[command.index("-o") + 1]))
        return self.build(Path(command[command.index("--root") + 1], "bin", "coreutils"))


def builds(name: str, says: str) -> Callable[[Path], Ran]:
    def build(made: Path) -> Ran:
        put(made.parent, name, says)
        return Ran(0, "", "")

    return build


@EACH
def test_the_pinned_version_on_path_is_taken(tmp_path: Path, name: str) -> None:
    there = put(tmp_path / "bin", name, f"v{TOOLS[name].version} h1:abc=")
    machine = Builder(tmp_path / "bin")
    environ = {"PATH": str(tmp_path / "bin"), "GEUSEMAKER_CACHE_DIR": str(tmp_path / "cache")}
    assert ensure(name, environ=environ, machine=machine) == there


@EACH
@pytest.mark.parametrize("says", ["v2.6.2", "unknown", "Docker Compose version v5.6.00", ""])
def test_another_version_on_path_is_passed_over_and_built_once(
    tmp_path: Path, name: str, says: str
) -> None:
    put(tmp_path / "bin", name, says)
    environ = {"PATH": str(tmp_path / "bin"), "GEUSEMAKER_CACHE_DIR": str(tmp_path / "cache")}
    machine = Builder(tmp_path / "bin", builds(name, f"version {TOOLS[name].version}"))
    told: list[str] = []
    made = ensure(name, environ=environ, machine=machine, progress=told.append)
    assert made.is_relative_to(tmp_path / "cache")
    assert TOOLS[name].key in made.parts
    assert told[0].startswith(f"building {name} ")
    assert ensure(name, environ=environ, machine=machine) == made
    ((command, cwd, env),) = machine.built
    tool = TOOLS[name]
    assert tool.version in " ".join(command)
    if isinstance(tool, GoTool):
        assert command[-1] == tool.package
        assert cwd == ROOT / "tools" / name
        assert env["GOFLAGS"] == "-mod=readonly", "the checksums of tools/ must hold"
    else:
        assert "--locked" in command
    assert [entry.name for entry in made.parent.iterdir() if entry.name.startswith("build-")] == []


@EACH
def test_what_fails_says_what_to_do(tmp_path: Path, name: str) -> None:
    environ = {"PATH": str(tmp_path), "GEUSEMAKER_CACHE_DIR": str(tmp_path / "cache")}
    with pytest.raises(EngineError, match=f"no `{TOOLS[name].builder}` to build it with"):
        ensure(name, environ=environ, machine=Builder(tmp_path))
    broken = Builder(tmp_path, lambda _: Ran(1, "", "no such module"))
    with pytest.raises(EngineError, match=f"{name} .* could not be built: no such module"):
        ensure(name, environ=environ, machine=broken)
    other = Builder(tmp_path, builds(name, "v0.0.1"))
    with pytest.raises(EngineError, match="must name the same version"):
        ensure(name, environ=environ, machine=other)
    (tmp_path / "file").write_text("")
    with pytest.raises(EngineError, match="GEUSEMAKER_CACHE_DIR"):
        ensure(
            name,
            environ=environ | {"GEUSEMAKER_CACHE_DIR": str(tmp_path / "file")},
            machine=Builder(tmp_path, builds(name, TOOLS[name].version)),
        )


@pytest.mark.parametrize("name", GO)
def test_the_modules_are_pinned_at_the_same_version(name: str) -> None:
    tool = TOOLS[name]
    assert isinstance(tool, GoTool)
    pinned = (tool.folder / "go.mod").read_text(encoding="utf-8")
    assert f"\ntool {tool.package}\n" in pinned
    assert re.search(rf"^\s*{re.escape(tool.package.partition('/cmd')[0])} v(\S+)", pinned, re.M)
    found = re.search(rf"{re.escape(tool.package.partition('/cmd')[0])} v(\S+)", pinned)
    assert found
    assert found[1] == tool.version
    assert (tool.folder / "go.sum").stat().st_size > 0


def test_a_version_is_not_taken_for_another_that_begins_like_it() -> None:
    tool = TOOLS["caddy"]
    assert says_version(tool, "v2.11.7 h1:x")
    for other in ("v2.11.70", "12.11.7", "v2.11.7-rc.1", "v2.11.7.1", "v2.11.6"):
        assert not says_version(tool, other), other


def test_what_was_built_with_other_features_is_not_taken() -> None:
    tool = TOOLS["coreutils"]
    assert isinstance(tool, Crate)
    assert replace(tool, features=(*tool.features, "wc2")).key != tool.key


def test_an_unknown_name_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert real_tools.main(["nginx"]) == 1
    assert "there are caddy, compose, actionlint, ollama, coreutils" in capsys.readouterr().err
