"""The simulated account starts once, and only its own clone stops it."""

import importlib
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import filelock
import pytest

from geusemaker.errors import ConfigError, LocalError
from geusemaker.local import lifecycle, process
from geusemaker.local.account import Account, read_account
from geusemaker.local.places import Places
from local.clones import Clone, make_clone


def test_a_started_account_answers_and_is_found_again(clone: Clone) -> None:
    first = clone.start()
    assert first.is_answering()
    assert clone.start() == first
    assert lifecycle.running_account(clone.places) == first
    assert clone.said == []


def test_the_account_gets_no_login_of_the_user(clone: Clone) -> None:
    clone.patch.setenv("AWS_PROFILE", "production")
    clone.start()
    seen = json.loads(clone.places.log_file.read_text())
    assert "AWS_PROFILE" not in seen
    assert seen["AWS_ACCESS_KEY_ID"] == "simulated"


def test_stop_ends_the_process_and_a_second_stop_does_nothing(clone: Clone) -> None:
    account = clone.start()
    assert lifecycle.stop_account(clone.places)
    assert not process.is_running(account.pid)
    assert not clone.places.account_file.exists()
    assert not lifecycle.stop_account(clone.places)


def test_an_account_that_ignores_sigterm_is_killed(clone: Clone) -> None:
    clone.simulator("deaf")
    clone.patch.setattr(lifecycle, "STOP_SECONDS", 0.5)
    account = clone.start()
    assert lifecycle.stop_account(clone.places)
    assert not process.is_running(account.pid)


def test_after_a_kill_a_new_account_starts_and_the_old_state_is_set_aside(clone: Clone) -> None:
    first = clone.start()
    (clone.places.backend / "state").write_text("of the old account")
    clone.kill()
    second = clone.start()
    assert second.token != first.token
    assert not (clone.places.backend / "state").exists()
    (kept,) = clone.places.set_aside.iterdir()
    assert (kept / "state").read_text() == "of the old account"
    assert len(clone.said) == 1
    assert kept.name in clone.said[0]


def test_two_things_set_aside_in_the_same_second_are_both_kept(clone: Clone) -> None:
    clone.places.root.mkdir()
    for text in ("one", "two", "three"):
        (clone.places.root / "thing").write_text(text)
        lifecycle.set_aside(clone.places, clone.places.root / "thing")
    assert sorted(file.read_text() for file in clone.places.set_aside.iterdir()) == [
        "one",
        "three",
        "two",
    ]


def test_a_foreign_process_with_the_same_id_is_never_ended(clone: Clone) -> None:
    account = clone.start()
    lifecycle.stop_account(clone.places)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        state = vars(account) | {"pid": stranger.pid}
        clone.places.account_file.write_text(json.dumps(state))
        assert not lifecycle.stop_account(clone.places)
        assert stranger.poll() is None
        clone.start()
        assert stranger.poll() is None
        stranger.communicate(b"\n")


def test_an_answer_to_another_token_is_not_the_account(clone: Clone) -> None:
    account = clone.start()
    stolen = vars(account) | {"token": "of an account that is gone"}
    assert not Account(**stolen).is_answering()


def test_a_server_that_does_not_speak_http_is_not_the_account(clone: Clone) -> None:
    account = clone.start()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()

        def answer() -> None:
            connection, _ = taken.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"SSH-2.0\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
        assert not Account(**(vars(account) | {"endpoint": endpoint})).is_answering()
        thread.join()


def test_a_broken_state_file_names_no_account(clone: Clone) -> None:
    clone.places.root.mkdir()
    for text in ("", "[]", '{"pid": 1}', "\x00", "{"):
        clone.places.account_file.write_text(text)
        assert read_account(clone.places.account_file) is None, f"{text!r} is read as an account"
    assert clone.start().is_answering()


def test_the_error_of_a_failed_start_has_the_last_line_of_output(clone: Clone) -> None:
    clone.simulator("dies")
    with pytest.raises(LocalError, match=r"did not start: ImportError: no module named moto\. See"):
        clone.start()


def test_an_installation_without_the_extra_names_the_command_that_adds_it(clone: Clone) -> None:
    clone.patch.setitem(sys.modules, "moto", None)
    for module in ("geusemaker.simulator", "geusemaker.simulator.mocks"):
        clone.patch.delitem(sys.modules, module, raising=False)
    wanted = (
        r"needs moto, which .* deployments to AWS\. Run `make setup-local` .* geusemaker\[local\]"
    )
    with pytest.raises(LocalError, match=wanted):
        clone.start()
    with pytest.raises(ModuleNotFoundError, match=wanted):
        importlib.import_module("geusemaker.simulator.mocks")


def test_an_account_that_never_becomes_ready_is_ended(clone: Clone) -> None:
    clone.simulator("mute")
    clone.patch.setattr(lifecycle, "START_SECONDS", 0.3)
    started: list[int] = []
    start = process.start_detached

    def noting(*args: object) -> int:
        started.append(start(*args))  # type: ignore[arg-type]
        return started[-1]

    clone.patch.setattr(process, "start_detached", noting)
    with pytest.raises(LocalError, match=r"not ready after"):
        clone.start()
    assert not process.is_running(started[0])


def test_a_process_that_no_longer_answers_is_ended_before_a_new_one_starts(clone: Clone) -> None:
    first = clone.start()
    broken = vars(first) | {"endpoint": "http://127.0.0.1:9"}
    clone.places.account_file.write_text(json.dumps(broken))
    second = clone.start()
    assert second.token != first.token
    assert not process.is_running(first.pid)


def test_two_clones_have_two_accounts(clone: Clone, tmp_path: Path) -> None:
    first = clone.start()
    for other in make_clone(_folder(tmp_path / "other"), clone.patch):
        second = other.start()
        assert second.token != first.token
        assert second.endpoint != first.endpoint
    assert first.is_answering()


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def test_a_second_command_waits_and_then_fails_with_one_message(clone: Clone) -> None:
    clone.places.root.mkdir()
    with (
        filelock.FileLock(clone.places.lock),
        pytest.raises(LocalError, match=r"Another geusemaker command has been running in"),
        lifecycle.locked(clone.places, clone.said.append, seconds=0.1),
    ):
        pass
    assert clone.said == ["another geusemaker command is running in this clone; waiting for it"]


def test_the_config_copy_follows_the_committed_file(clone: Clone) -> None:
    clone.prepare()
    places = clone.places
    places.config.write_text(places.config.read_text() + "  geusemaker:osType: ubuntu-24.04\n")
    clone.prepare()
    assert "ubuntu-24.04" in places.config.read_text()
    assert clone.said == []
    places.committed_config.write_text("config: {}\n")
    clone.prepare()
    assert places.config.read_text() == "config: {}\n"
    assert len(clone.said) == 1
    assert clone.said[0].startswith("Pulumi.dev.yaml has changed")
    (kept,) = places.set_aside.iterdir()
    assert "ubuntu-24.04" in kept.read_text()


@pytest.mark.parametrize("copied", [False, True])
def test_a_stack_file_that_does_not_parse_is_named_and_nothing_is_set_aside(
    clone: Clone, copied: bool
) -> None:
    """The committed file before the copy, which `make up` takes from it."""
    clone.prepare()
    places = clone.places
    file = places.config if copied else places.committed_config
    before = places.config.read_text()
    file.write_text("config:\n  aws:region: [\n")
    with pytest.raises(ConfigError, match=f"{file} has an error at line 2"):
        clone.prepare()
    file.write_text(before)
    clone.prepare()
    assert not places.set_aside.exists()


def test_a_clone_without_a_stack_file_gets_an_empty_copy(clone: Clone) -> None:
    clone.places.committed_config.unlink()
    clone.prepare()
    assert clone.places.config.read_text() == ""


@pytest.mark.parametrize(
    ("appended", "changed"),
    [
        ("", False),
        ("encryptionsalt: v1:abc\n", False),
        ("  geusemaker:osType: ubuntu-24.04\n", True),
        ("{ not yaml", True),
    ],
)
def test_only_values_that_the_user_set_count_as_a_change(
    clone: Clone, appended: str, changed: bool
) -> None:
    clone.prepare()
    copy = clone.places.config
    copy.write_text(copy.read_text() + appended)
    assert lifecycle.config_was_changed(clone.places) is changed


def test_git_never_sees_the_local_folder(clone: Clone) -> None:
    clone.prepare()
    git = ["git", "-c", "init.defaultBranch=main"]
    subprocess.run([*git, "init", "-q", "."], check=True, cwd=clone.places.project)
    seen = subprocess.run(
        [*git, "status", "--porcelain"],
        check=True,
        cwd=clone.places.project,
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "HOME": str(clone.places.project)},
    ).stdout
    assert ".geusemaker" not in seen


def test_processes_are_recognised_without_proc_too(
    clone: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = clone.start()
    exists = Path.exists
    monkeypatch.setattr(
        Path, "exists", lambda self: not str(self).startswith("/proc") and exists(self)
    )
    assert process.is_running(account.pid)
    assert str(Places(clone.places.project).account_file) in process.command_line(account.pid)
    lifecycle.stop_account(clone.places)
    assert not process.is_running(account.pid)


def test_a_comment_or_a_salt_in_the_committed_config_leaves_the_local_copy_alone(
    clone: Clone,
) -> None:
    clone.prepare()
    copy = clone.places.config
    copy.write_text(copy.read_text() + "# set by hand\n")
    committed = clone.places.committed_config
    committed.write_text("# a comment\n" + committed.read_text() + "encryptionsalt: v1:abc\n")
    clone.prepare()
    assert "# set by hand" in copy.read_text()
    assert not clone.said
