"""The Pulumi CLI's output becomes counts, warnings, or one error paragraph."""

import os
import platform
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from geusemaker.errors import ConfigError, LocalError
from geusemaker.local import lifecycle
from geusemaker.local.places import Places, find_project
from geusemaker.local.stack import LocalCli
from geusemaker.pulumi_cli import output
from geusemaker.pulumi_cli.outcome import Outcome
from local.clones import Clone


@pytest.fixture
def cli(clone: Clone) -> LocalCli:
    clone.places.root.mkdir()
    lifecycle.prepare(clone.places, clone.said.append)
    env = {"PULUMI_BACKEND_URL": f"file://{clone.places.backend}", "PATH": os.environ["PATH"]}
    return LocalCli(clone.places, clone.engine_dir / "pulumi", env)


@pytest.mark.parametrize(
    ("changes", "would", "did"),
    [
        ({"create": 36}, "36 to create, 0 to replace, 0 to delete", "36 created"),
        ({"same": 36}, "no changes, 36 unchanged", "no changes, 36 unchanged"),
        ({}, "no changes", "no changes"),
        (
            {"same": 30, "update": 2, "replace": 1, "create-replacement": 1, "delete": 3},
            "0 to create, 2 to update, 1 to replace, 3 to delete",
            "2 updated, 1 replaced, 3 deleted",
        ),
    ],
)
def test_counts_are_shown_as_text(changes: dict[str, int], would: str, did: str) -> None:
    outcome = Outcome(changes, ())
    assert outcome.would() == would
    assert outcome.did() == did


def test_a_preview_has_counts_and_warnings(clone: Clone, cli: LocalCli) -> None:
    assert cli.preview() == Outcome(
        {"create": 36}, ("the line is ended",), ("A newer image is available: that one.",)
    )


def test_an_update_has_counts_and_each_warning_once(clone: Clone, cli: LocalCli) -> None:
    clone.answers(up_said=[("warning", "warning: same\n"), ("warning", "same"), ("debug", "x")])
    assert cli.up() == Outcome({"create": 36}, ("same",))


def test_the_programs_own_error_is_shown_without_the_engines(clone: Clone, cli: LocalCli) -> None:
    echo = "error: an unhandled error occurred: program exited with non-zero exit code: 1\n"
    clone.answers(
        preview={
            "diagnostics": [
                {"severity": "error", "message": "error: osType ubuntu-99 is unknown.\n"},
                {"severity": "error", "message": echo},
            ]
        },
        preview_code=1,
    )
    with pytest.raises(LocalError) as caught:
        cli.preview()
    assert str(caught.value) == "osType ubuntu-99 is unknown."


def test_an_error_before_the_program_starts_is_the_clis_output(clone: Clone, cli: LocalCli) -> None:
    clone.answers(preview_error="error: the project file is broken")
    with pytest.raises(LocalError, match=r"^the project file is broken$"):
        cli.preview()


def test_an_error_without_a_reason_names_the_log(clone: Clone, cli: LocalCli) -> None:
    clone.answers(up_said=[("error", "error: update failed")], up_code=255)
    with pytest.raises(
        LocalError, match=r"code 255 and gave no reason: see \.geusemaker/logs/pulumi\.log"
    ):
        cli.up()
    assert "[ended with code 255]" in clone.places.pulumi_log.read_text()


def test_destroy_is_previewed_first_so_that_a_protected_resource_stops_it(
    clone: Clone, cli: LocalCli
) -> None:
    said = 'error: resource "urn" cannot be deleted\nbecause it is protected. To unprotect'
    clone.answers(looked_said=[("error", said)], looked_code=1)
    with pytest.raises(LocalError, match="`geusemaker destroy --delete-data`"):
        cli.destroy()
    assert [call["args"][1] for call in clone.calls()] == ["--preview-only"]


def _lock(clone: Clone, pid: int, host: str | None = None) -> None:
    holder = f"user@{host or platform.node()} (pid {pid})"
    (clone.engine_dir / "locked").write_text(
        "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es)"
        " to end or delete the lock file with `pulumi cancel`.\n"
        f"  file:///x: created by {holder} at 2026-11-23T20:00:00Z\n"
    )


@pytest.fixture
def ended_pid() -> int:
    """The id of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        return ended.pid


def test_the_lock_of_a_killed_cli_is_removed(clone: Clone, cli: LocalCli, ended_pid: int) -> None:
    _lock(clone, ended_pid)
    assert cli.preview().count("create") == 36


def test_a_lock_of_another_machine_is_kept(clone: Clone, cli: LocalCli, ended_pid: int) -> None:
    """A process id says nothing about a process of another machine."""
    _lock(clone, ended_pid, host=f"not-{platform.node()}")
    with pytest.raises(LocalError, match="currently locked"):
        cli.preview()
    assert (clone.engine_dir / "locked").exists(), "the lock of a running CLI may be gone"


def test_the_lock_of_a_running_cli_is_kept(clone: Clone, cli: LocalCli) -> None:
    _lock(clone, os.getpid())
    with pytest.raises(LocalError, match="currently locked"):
        cli.preview()
    assert (clone.engine_dir / "locked").exists()


def test_the_events_of_a_killed_cli_are_not_shown(clone: Clone, cli: LocalCli) -> None:
    clone.answers(up_said=[("debug", "much")], up_code=137)
    with pytest.raises(LocalError) as failed:
        cli.up()
    assert "ended with code 137" in str(failed.value)
    assert "diagnosticEvent" not in str(failed.value)


def test_the_stack_is_created_once_and_outside_the_work_tree(clone: Clone, cli: LocalCli) -> None:
    clone.spawned()
    cli.ensure_stack()
    cli.ensure_stack()
    (call,) = clone.calls()
    assert call["args"][:3] == ["stack", "init", "dev"]
    assert call["cwd"] == str(clone.places.scratch)


@pytest.mark.parametrize("what", ["init", "output"])
def test_a_failing_stack_command_is_one_paragraph(clone: Clone, cli: LocalCli, what: str) -> None:
    clone.answers(**{f"{what}_error": "error: no room on the disk"})
    with pytest.raises(LocalError, match=r"^no room on the disk$"):
        cli.ensure_stack() if what == "init" else cli.outputs()


def test_a_cli_that_cannot_be_started_is_one_paragraph(clone: Clone, cli: LocalCli) -> None:
    (clone.engine_dir / "pulumi").chmod(0o644)
    with pytest.raises(LocalError, match=r"pulumi cannot be started: Permission denied\.$"):
        cli.preview()


def test_ctrl_c_waits_until_the_cli_has_freed_its_lock(
    clone: Clone, cli: LocalCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = clone.engine_dir / "pulumi"
    ended = clone.engine_dir / "ended"
    program.write_text(
        f"#!/bin/sh\ntrap 'sleep 1; echo freed >\"{ended}\"; exit 0' INT\nkill -INT $$\nsleep 30\n"
    )
    communicate = subprocess.Popen.communicate
    interrupted: list[bool] = []

    def interrupting(self: subprocess.Popen[str], *args: object, **named: object) -> object:
        if not interrupted:
            interrupted.append(True)
            raise KeyboardInterrupt
        return communicate(self, *args, **named)  # type: ignore[arg-type, misc]

    monkeypatch.setattr(subprocess.Popen, "communicate", interrupting)
    with pytest.raises(KeyboardInterrupt):
        cli.up()
    assert ended.read_text() == "freed\n"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_cli_gets_the_local_environment_the_project_folder_and_no_input(
    clone: Clone, cli: LocalCli
) -> None:
    (clone.engine_dir / "pulumi").write_text(
        '#!/bin/sh\ncat\necho "$PULUMI_BACKEND_URL $(pwd) $*"\n'
        "printf 'error: \\377 is no UTF-8\\n' >&2\nexit 3\n"
    )
    with pytest.raises(LocalError, match=r"^\ufffd is no UTF-8$"):
        cli.outputs()
    log = clone.places.pulumi_log.read_text()
    backend, folder = clone.places.backend, clone.places.project
    given = "stack output --json --non-interactive --color never"
    assert f"file://{backend} {folder} {given}\n" in log, "the CLI does not get what it needs"
    assert "[ended with code 3]" in log


def test_a_spawned_stand_in_answers_like_the_one_in_this_process(
    clone: Clone, cli: LocalCli
) -> None:
    here = (cli.preview(), cli.outputs(), cli.config())
    clone.spawned()
    assert (cli.preview(), cli.outputs(), cli.config()) == here
    calls = clone.calls()
    assert [one["args"] for one in calls[:3]] == [one["args"] for one in calls[3:]]
    assert len({one["cwd"] for one in calls}) == 1


def test_lines_that_are_not_json_objects_are_skipped() -> None:
    assert list(output.events_in('[1]\n{"a": 1}\nnoise\n')) == [{"a": 1}]


def test_the_clone_is_found_from_a_folder_inside_it(clone: Clone) -> None:
    inside = clone.places.project / "deep" / "down"
    inside.mkdir(parents=True)
    assert find_project(inside) == clone.places.project


def test_a_folder_outside_every_clone_is_one_paragraph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("geusemaker.local.places.__file__", str(tmp_path / "a" / "b" / "c.py"))
    (tmp_path / "Pulumi.yaml").write_text("name: another\n")
    with pytest.raises(LocalError, match="go into your clone"):
        find_project(tmp_path)


def test_a_project_file_that_does_not_parse_is_named_with_its_line(clone: Clone) -> None:
    file = clone.places.project / "Pulumi.yaml"
    file.write_text("name: geusemaker\nruntime: {\n")
    with pytest.raises(ConfigError, match=f"{file} has an error at line 2"):
        find_project(clone.places.project)


def test_a_path_outside_the_clone_is_shown_whole() -> None:
    assert Places(Path("/clone")).shown(Path("/else/where")) == "/else/where"
    assert Places(Path("/clone")).shown(Path("/clone/.venv")) == ".venv"
