"""This machine: config, Pulumi, its plugin, the age of the table."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from doctor.place import Somewhere
from geusemaker.dlami import load_catalogue
from geusemaker.doctor import machine
from geusemaker.doctor.check import Check
from geusemaker.errors import CatalogueError, ConfigError, EngineError
from geusemaker.pulumi_cli.find import CACHED, ON_PATH, VERSION, Engine, find_ready_engine
from geusemaker.pulumi_cli.programs import Machine, Ran

NAMES = ("pulumi", "pulumi-language-python", "pulumi-language-python-exec")
READY = Engine(VERSION, Path("/opt/pulumi"), ON_PATH)
WANTED = version("pulumi-aws")


class FakeMachine(Machine):
    """Answers every program with the same, and keeps what was run."""

    def __init__(self, answer: Ran, path: str = "") -> None:
        super().__init__({"PATH": path})
        self.answer = answer
        self.ran: list[tuple[list[str], Mapping[str, str]]] = []

    def run(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        seconds: float,
        cwd: Path | None = None,
        still: Callable[[float], None] | None = None,
    ) -> Ran:
        self.ran.append((list(command), env))
        return self.answer


def put_engine(folder: Path, names: Sequence[str] = NAMES) -> Path:
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    return folder


# Config. ------------------------------------------------------------------------------------


def test_a_valid_config_is_ok() -> None:
    check, found = machine.config(Somewhere(settings={"instance_type": "g5.xlarge"}))
    assert check == Check("config", "ok", "stack prod: ubuntu-22.04 / x86_64 / base on g5.xlarge")
    assert found is not None
    assert found.instance_type == "g5.xlarge"


def test_without_a_stack_the_defaults_are_checked() -> None:
    check, found = machine.config(Somewhere(stack=None, no_stack="Select one."))
    assert (check.state, check.fix) == ("warning", "Select one.")
    assert check.detail.startswith("no stack, so the defaults: ubuntu-22.04")
    assert found is not None


def test_an_invalid_config_fails() -> None:
    check, found = machine.config(Somewhere(settings=ConfigError("A paragraph.")))
    assert (check, found) == (Check("config", "failed", "A paragraph."), None)


# The CLI. -----------------------------------------------------------------------------------


def test_a_cli_on_path_is_ok(tmp_path: Path) -> None:
    folder = put_engine(tmp_path / "bin", NAMES[:2])
    there = FakeMachine(Ran(0, f"v{VERSION}", ""), str(folder))
    check, engine = machine.pulumi_cli({"GEUSEMAKER_CACHE_DIR": str(tmp_path / "c")}, there)
    assert check == Check("Pulumi CLI", "ok", f"{VERSION}, {folder}/pulumi")
    assert engine == Engine(VERSION, folder, ON_PATH)


def test_a_cached_cli_is_marked_as_not_on_path(tmp_path: Path) -> None:
    folder = put_engine(tmp_path / "pulumi" / VERSION)
    check, engine = machine.pulumi_cli(
        {"GEUSEMAKER_CACHE_DIR": str(tmp_path)}, FakeMachine(Ran(0, f"v{VERSION}", ""))
    )
    assert check.state == "warning", "the next step is `pulumi up`"
    assert check.detail.startswith(f"{VERSION}, {folder}/pulumi, which only `geusemaker` uses")
    assert check.fix.endswith(f'`export PATH={folder}:"$PATH"`.')
    assert engine == Engine(VERSION, folder, CACHED)


def test_no_cli_is_a_warning_and_nothing_is_built(tmp_path: Path) -> None:
    nowhere = FakeMachine(Ran(0, "", ""))
    check, engine = machine.pulumi_cli({"GEUSEMAKER_CACHE_DIR": str(tmp_path / "c")}, nowhere)
    assert (check.state, engine) == ("warning", None)
    assert check.detail == "no suitable one found (PATH: there is no `pulumi`)"
    assert "`geusemaker deploy` installs or builds it" in check.fix
    assert nowhere.ran == []
    assert not (tmp_path / "c").exists()


def test_a_cli_that_is_too_old_is_named(tmp_path: Path) -> None:
    folder = put_engine(tmp_path / "bin")
    old = FakeMachine(Ran(0, "v3.1.0", ""), str(folder))
    check, _ = machine.pulumi_cli({"GEUSEMAKER_CACHE_DIR": str(tmp_path / "c")}, old)
    assert check.state == "warning"
    assert f"it is 3.1.0, and {VERSION} is the oldest supported version" in check.detail


@pytest.mark.parametrize(
    "env", [{"GEUSEMAKER_ENGINE_SOURCES": "moon"}, {"GEUSEMAKER_CACHE_DIR": "~nobody-of-that-name"}]
)
def test_an_invalid_variable_gives_no_traceback(env: dict[str, str]) -> None:
    with pytest.raises(EngineError):
        find_ready_engine(environ=env)
    check, engine = machine.pulumi_cli(env)
    assert (check.state, engine) == ("failed", None)
    assert next(iter(env)) in check.detail


# The plugin. --------------------------------------------------------------------------------


def listed(*versions: str, kind: str = "resource") -> Ran:
    """What `pulumi plugin ls --json` prints."""
    plugins: list[dict[str, Any]] = [
        {"name": "aws", "kind": kind, "version": one, "size": 1, "lastUsedTime": "2026-01-01"}
        for one in versions
    ]
    other = {"name": "random", "kind": "resource", "version": WANTED, "size": 1}
    return Ran(0, json.dumps([*plugins, other]), "")


def plugin(answer: Ran, **facts: Any) -> Check:
    return machine.aws_plugin(Somewhere(**facts), READY, FakeMachine(answer))


def test_an_installed_plugin_is_ok() -> None:
    stub = FakeMachine(listed("7.0.0", WANTED))
    check = machine.aws_plugin(Somewhere(env={"PULUMI_HOME": "/h"}), READY, stub)
    assert check == Check("aws plugin", "ok", WANTED)
    ((command, env),) = stub.ran
    assert command == ["/opt/pulumi/pulumi", "plugin", "ls", "--json"]
    assert env["PULUMI_HOME"] == "/h"


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (listed(), f"{WANTED} is not installed"),
        (listed("7.0.0"), f"{WANTED} is not installed, only 7.0.0"),
        (listed(WANTED, kind="language"), f"{WANTED} is not installed"),
    ],
)
def test_a_missing_plugin_is_a_warning(answer: Ran, detail: str) -> None:
    check = plugin(answer)
    assert (check.state, check.detail) == ("warning", detail)
    assert "`pulumi up` or `geusemaker deploy` downloads it" in check.fix
    assert f"`pulumi plugin install resource aws v{WANTED}`" in check.fix


@pytest.mark.parametrize(
    "answer", [Ran(1, "", "error: no home"), Ran(0, "no JSON", ""), Ran(0, "[1]", "")]
)
def test_without_a_plugin_list_the_plugin_is_unknown(answer: Ran) -> None:
    check = plugin(answer)
    assert (check.state, answer.last_line() in check.detail) == ("unknown", True)


def test_the_simulated_account_needs_no_plugin() -> None:
    check = plugin(Ran(1, "", "not called"), simulated=True)
    assert check == Check("aws plugin", "ok", "not needed for the simulated account")


def test_without_a_cli_the_plugin_is_not_checked() -> None:
    check = machine.aws_plugin(Somewhere(), None)
    assert check == Check("aws plugin", "unknown", "not checked: no Pulumi CLI")


# The table. ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "state"), [(0, "ok"), (90, "ok"), (91, "warning")])
def test_an_old_table_is_a_warning(days: int, state: str) -> None:
    as_of = load_catalogue().as_of
    check = machine.catalogue(as_of + timedelta(days=days))
    assert check.state == state
    assert f"images as of {as_of}" in check.detail
    assert ("`git pull`" in check.fix) == (state == "warning")


def test_a_broken_table_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise CatalogueError("catalogue.toml, line 3: no")

    monkeypatch.setattr(machine, "load_catalogue", broken)
    check = machine.catalogue(date(2026, 1, 1))
    assert check == Check("catalogue", "failed", "catalogue.toml, line 3: no")
