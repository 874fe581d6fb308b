"""The script that reads logs, run by real shells against stand-ins, and its parsed output."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geusemaker.bundle import CONTAINERS
from geusemaker.host import logs as remote_logs
from geusemaker.host.logs import AWS_OUTPUT_LIMIT, FETCHED_BYTES, Follower, logs, script


def stand_in(folder: Path, name: str, body: str) -> None:
    (folder / name).write_text(f'#!/bin/sh\necho "{name} $*" >>"{folder}/calls"\n{body}\n')
    (folder / name).chmod(0o755)


@pytest.fixture
def host(tmp_path: Path) -> Path:
    stand_in(tmp_path, "docker", "echo out; echo err >&2")
    stand_in(tmp_path, "journalctl", "echo journal")
    (tmp_path / "boot.log").write_text("one\ntwo\nthree\n")
    return tmp_path


def ran(
    host: Path, service: str | None, lines: int, shell: str = "sh"
) -> subprocess.CompletedProcess[str]:
    text = "\n".join(script(service, lines)).replace(remote_logs.BOOT_LOG, str(host / "boot.log"))
    env = {"PATH": f"{host}:{os.defpath}", "TMPDIR": str(host)}
    done = subprocess.run([shell, "-c", text], env=env, capture_output=True, text=True, check=False)
    assert not list(host.glob("tmp.*")), "the script leaves a file behind"
    assert done.stderr == ""
    return done


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_the_log_of_a_service_comes_from_compose(host: Path, shell: str) -> None:
    done = ran(host, "n8n-runners", 50, shell)
    assert done.returncode == 0
    (log,) = logs(done.stdout)
    assert (log.title, log.text, log.left_out) == ("service n8n-runners", "out\nerr", 0)
    called = (host / "calls").read_text()
    assert called == "docker compose -p geusemaker logs --no-color --tail 50 n8n-runners\n"


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_without_a_service_it_is_the_boot_log_and_the_journal(host: Path, shell: str) -> None:
    boot, journal = logs(ran(host, None, 2, shell).stdout)
    assert boot.text == "two\nthree"
    assert (journal.title, journal.text) == ("journal of geusemaker-*", "journal")
    assert (host / "calls").read_text() == "journalctl --no-pager -n 2 -u geusemaker-*\n"


def test_without_a_boot_log_the_journal_is_still_shown(host: Path) -> None:
    (host / "boot.log").unlink()
    done = ran(host, None, 2)
    assert done.returncode != 0
    boot, journal = logs(done.stdout)
    assert "No such file" in boot.text
    assert journal.text == "journal"


def test_the_exit_code_of_compose_is_passed_on(host: Path) -> None:
    stand_in(host, "docker", "echo no such service: n8n >&2; exit 7")
    done = ran(host, "n8n", 2)
    assert done.returncode == 7
    assert logs(done.stdout)[0].text == "no such service: n8n"


def test_a_long_log_keeps_its_last_lines_within_the_limit_of_aws(host: Path) -> None:
    lines = "".join(f"line {number} ünïcode €\n" for number in range(5000))
    (host / "boot.log").write_text(lines, encoding="utf-8")
    stand_in(host, "journalctl", f'cat "{host}/boot.log"')
    done = ran(host, None, 5000)
    assert len(done.stdout.encode()) < AWS_OUTPUT_LIMIT
    found = logs(done.stdout)
    assert len(found) == 2
    for log in found:
        first, *_, last = log.text.splitlines()
        assert last == "line 4999 ünïcode €"
        assert first.startswith("line "), "no half line"
        assert len(lines.encode()) - log.left_out == FETCHED_BYTES // 2
    assert not remote_logs.was_cut_by_aws(done.stdout)


def test_a_log_that_just_fits_is_whole(host: Path) -> None:
    (host / "boot.log").write_text("x" * (FETCHED_BYTES // 2 - 1) + "\n")
    boot, _ = logs(ran(host, None, 1).stdout)
    assert (len(boot.text), boot.left_out) == (FETCHED_BYTES // 2 - 1, 0)


@given(st.text())
def test_only_a_known_service_reaches_the_shell(name: str) -> None:
    if name not in CONTAINERS:
        with pytest.raises(ValueError, match="is not one of"):
            script(name, 1)


@pytest.mark.parametrize("service", ["n8n; reboot", "n8n ", "N8N", "$(reboot)", "--follow", ""])
def test_a_name_that_is_not_a_service_is_refused(service: str) -> None:
    with pytest.raises(ValueError, match="is not one of n8n, n8n-runners"):
        script(service, 1)


@pytest.mark.parametrize("lines", [0, -1, 5001])
def test_a_number_of_lines_out_of_range_is_refused(lines: int) -> None:
    with pytest.raises(ValueError, match="between 1 and 5000"):
        script(None, lines)


@pytest.mark.parametrize("service", [None, *CONTAINERS])
def test_the_script_is_valid_shell(service: str | None) -> None:
    """`dash` and `bash` parse it."""
    text = "\n".join(script(service, 5))
    for shell in filter(None, map(shutil.which, ("sh", "bash", "dash"))):
        subprocess.run([shell, "-n", "-c", text], check=True)


def test_output_that_aws_has_cut_is_recognised() -> None:
    assert remote_logs.was_cut_by_aws("x" * AWS_OUTPUT_LIMIT)
    assert remote_logs.was_cut_by_aws("geusemaker-logs 9 a\nx\n---Output truncated---"[:-3] + "--")
    assert not remote_logs.was_cut_by_aws("output")


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("a\x1b]0;title\x07b", "a]0;titleb"),
        ("bell\x07 back\x08 del\x7f", "bell back del"),
        ("tab\tand ünïcode\n", "tab\tand ünïcode\n"),
        ("crlf\r\n", "crlf\n"),
    ],
)
def test_a_log_has_no_terminal_control_characters(text: str, plain: str) -> None:
    assert remote_logs.without_control_characters(text) == plain


@given(st.text())
def test_any_output_is_parsed(printed: str) -> None:
    for one in logs(printed) + logs(f"geusemaker-logs 99999 x\n{printed}"):
        assert "\x1b" not in one.text
        assert one.left_out >= 0


# Following. ------------------------------------------------------------------------------------


def read_on(host: Path, follower: Follower, shell: str = "sh") -> list[str]:
    """One read of the log, with what it returns as new."""
    text = "\n".join(follower.script()).replace(remote_logs.BOOT_LOG, str(host / "boot.log"))
    env = {"PATH": f"{host}:{os.defpath}", "TMPDIR": str(host)}
    done = subprocess.run([shell, "-c", text], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout) < AWS_OUTPUT_LIMIT
    assert not list(host.glob("tmp.*")), "the script leaves a file behind"
    return follower.new_lines(done.stdout)


def stamped(number: int, text: str) -> str:
    """A line of Compose; two lines have the same time."""
    return f"n8n-1  | 2026-11-30T05:00:00.{number // 2:09}Z {text}\n"


@pytest.fixture
def compose(host: Path) -> Path:
    """The log of a stand-in for Compose, which honours --tail and --since."""
    log = host / "service.log"
    log.write_text("")
    body = (
        f'case $7 in --since) awk -v since="$8" \'$3 >= since\' "{log}";; '
        f'--tail) tail -n "$(echo "$8" | sed s/all/+1/)" "{log}";; esac'
    )
    stand_in(host, "docker", body)
    return log


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize("at_once", [1, 3, 40, 400])
def test_a_followed_service_loses_and_repeats_no_line(
    host: Path, compose: Path, shell: str, at_once: int
) -> None:
    follower = Follower("n8n", 5)
    assert read_on(host, follower, shell) == []
    found: list[str] = []
    written = [f"{number} {'x' * 90}" for number in range(4 * at_once)]
    for start in range(0, len(written), at_once):
        with compose.open("a") as log:
            for number in range(start, start + at_once):
                log.write(stamped(number, written[number]))
        found += read_on(host, follower, shell)
        while follower.is_behind:
            found += read_on(host, follower, shell)
    assert found == [f"n8n-1  | {one}" for one in written]
    assert read_on(host, follower, shell) == []


def test_a_line_that_is_longer_than_a_read_does_not_stop_what_follows(
    host: Path, compose: Path
) -> None:
    follower = Follower("n8n", 5)
    compose.write_text(stamped(0, "a"))
    assert read_on(host, follower) == ["n8n-1  | a"]
    with compose.open("a") as log:
        log.write(stamped(2, "y" * 50_000) + stamped(4, "b"))
    long, last = read_on(host, follower)
    assert long.startswith("n8n-1  | yyy")
    assert last == "n8n-1  | b"


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_followed_boot_log_goes_on_at_its_last_whole_line(host: Path, shell: str) -> None:
    boot, follower = host / "boot.log", Follower(None, 2)
    assert read_on(host, follower, shell) == ["two", "three"]
    with boot.open("a") as log:
        log.write("\nfi")
    assert read_on(host, follower, shell) == [""]
    with boot.open("a") as log:
        log.write("ve\n" + "\u00e4" * 30_000)
    assert read_on(host, follower, shell) == ["five"]
    assert read_on(host, follower, shell) == ["\u00e4" * (FETCHED_BYTES // 2)]
    boot.write_text("new\n")
    assert read_on(host, follower, shell) == ["new"]


def test_at_first_the_last_lines_are_read(host: Path, compose: Path) -> None:
    compose.write_text("".join(stamped(number, str(number)) for number in range(9)))
    assert read_on(host, Follower("n8n", 2)) == ["n8n-1  | 7", "n8n-1  | 8"]


@pytest.mark.parametrize("printed", ["", "noise", "\\nWARN x"])
def test_a_read_without_a_line_changes_nothing(printed: str) -> None:
    follower = Follower("n8n", 5)
    before = follower.script()
    assert follower.new_lines(printed) == []
    assert follower.script() == before
