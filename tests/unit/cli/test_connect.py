"""`geusemaker connect`: the command that it starts, and its signals."""

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from geusemaker.cli.connect import in_foreground
from geusemaker.components.tier1 import connect_command
from geusemaker.errors import HostError

from .deployed import Deployed, refusal

_AWS = """#!{python} -I
import json, os, sys
printed = {{"args": sys.argv[1:], "profile": os.environ.get("AWS_PROFILE")}}
open({file!r}, "w").write(json.dumps(printed))
sys.exit({code})
"""


class Machine:
    """The programs on PATH, and what the AWS CLI was started with."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.file = folder / "called.json"
        folder.mkdir()
        patch.setenv("PATH", str(folder))
        self.has("aws")
        self.has("session-manager-plugin")

    def has(self, name: str, code: int = 0) -> None:
        program = self.folder / name
        program.write_text(_AWS.format(python=sys.executable, file=str(self.file), code=code))
        program.chmod(0o755)

    @property
    def called(self) -> list[str] | None:
        if not self.file.exists():
            return None
        arguments: list[str] = json.loads(self.file.read_text())["args"]
        return arguments


@pytest.fixture
def machine(host: Deployed, tmp_path: Path) -> Machine:
    host.answers["describe_instance_information"] = lambda **_: {
        "InstanceInformationList": [{"PingStatus": "Online"}]
    }
    return Machine(tmp_path / "programs", host.world.patch)


def test_connect_runs_the_output_of_the_stack_and_prints_the_url(
    host: Deployed, machine: Machine
) -> None:
    said = host.world.run("connect", notes=True)
    assert machine.called == shlex.split(connect_command(host.id, "us-east-1"))[1:]
    assert "Open https://localhost:8443 " in said.err
    assert "Caddy's own CA" in said.err


def test_a_shell_is_a_plain_session(host: Deployed, machine: Machine) -> None:
    said = host.world.run("connect", "--shell")
    words = ["ssm", "start-session", "--region", "us-east-1", "--target", host.id]
    assert machine.called == words
    assert said.err == ""


def test_the_stacks_profile_goes_along(host: Deployed, machine: Machine) -> None:
    host.world.config("aws:profile: work")
    host.world.run("connect", "--shell")
    assert (machine.called or [])[-2:] == ["--profile", "work"]


@pytest.mark.parametrize("lacking", ["aws", "session-manager-plugin"])
def test_a_missing_program_is_an_error_with_the_command(
    host: Deployed, machine: Machine, lacking: str
) -> None:
    (machine.folder / lacking).unlink()
    error = host.world.run("connect", code=1).err
    assert error.startswith(f"A session needs {lacking}, which PATH does not have")
    assert "https://docs.aws.amazon.com/" in error
    assert f"`{connect_command(host.id, 'us-east-1')}`" in error
    assert machine.called is None


def test_a_failed_session_is_an_error_with_the_next_command(
    host: Deployed, machine: Machine
) -> None:
    machine.has("aws", code=254)
    error = host.world.run("connect", code=1, notes=True).err
    assert f"The session with {host.id} has ended with code 254" in error
    assert "`geusemaker status`" in error


def test_what_the_program_did_not_make_is_not_run(host: Deployed, machine: Machine) -> None:
    output = {"instanceId": host.id, "connectCommand": "sh -c reboot"}
    host.world.answers(output=output)
    error = host.world.run("connect", code=1).err
    assert "'sh -c reboot' does not begin with aws ssm start-session" in error
    assert machine.called is None


def test_a_host_that_is_not_connected_or_does_not_run_is_an_error(
    host: Deployed, machine: Machine
) -> None:
    for listed in ([], [{"PingStatus": "ConnectionLost"}]):
        printed = {"InstanceInformationList": listed}
        host.answers["describe_instance_information"] = lambda printed=printed, **_: printed
        assert "Systems Manager does not reach" in host.world.run("connect", code=1).err
    host.state("stopped")
    assert "`geusemaker start`" in host.world.run("connect", code=1).err
    assert machine.called is None


@pytest.mark.parametrize("method", ["describe_instances", "describe_instance_information"])
def test_connect_works_without_permission_to_describe_the_host(
    host: Deployed, machine: Machine, method: str
) -> None:
    host.answers[method] = refusal(method, "AccessDeniedException")
    host.world.run("connect", notes=True)
    assert machine.called is not None


def test_in_the_simulated_account_there_is_nothing_to_connect_to(
    host: Deployed, machine: Machine
) -> None:
    host.world.patch.setenv("GEUSEMAKER_SIMULATED", "1")
    assert "nothing to connect to" in host.world.run("connect", code=1).err
    assert machine.called is None


@pytest.fixture
def handlers() -> Iterator[None]:
    keys = (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP)
    before = [signal.getsignal(key) for key in keys]
    yield
    assert [signal.getsignal(key) for key in keys] == before


def talking(body: str) -> list[str]:
    return [sys.executable, "-I", "-c", f"import os, signal, sys, time\n{body}"]


@pytest.mark.usefixtures("handlers")
def test_ctrl_c_is_the_sessions_and_not_ours() -> None:
    """Both get the key from the terminal; the session ends by itself, and is waited for."""
    body = (
        "def end(*_): sys.exit(5)\nsignal.signal(signal.SIGINT, end)\n"
        "os.kill(os.getppid(), signal.SIGTSTP)\nos.kill(os.getppid(), signal.SIGINT)\n"
        "os.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)"
    )
    assert in_foreground(talking(body), os.environ) == (5, True)


@pytest.mark.usefixtures("handlers")
def test_the_session_does_not_inherit_deafness() -> None:
    body = "sys.exit(signal.getsignal(signal.SIGINT) is not signal.default_int_handler)"
    assert in_foreground(talking(body), os.environ) == (0, False)


@pytest.mark.usefixtures("handlers")
def test_a_program_that_cannot_be_started_is_one_paragraph(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="cannot be started: No such file"):
        in_foreground([str(tmp_path / "none")], os.environ)


@pytest.mark.usefixtures("handlers")
def test_ended_itself_it_leaves_no_session_behind(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    body = (
        f"open({str(file)!r}, 'w').write(str(os.getpid()))\nos.kill(os.getppid(), signal.SIGTERM)"
    )

    def end(*_: object) -> None:
        sys.exit(143)

    before = signal.signal(signal.SIGTERM, end)
    try:
        with pytest.raises(SystemExit):
            in_foreground(talking(f"{body}\ntime.sleep(60)"), os.environ)
    finally:
        signal.signal(signal.SIGTERM, before)
    gone = subprocess.run(["ps", "-p", file.read_text()], capture_output=True, check=False)
    assert gone.returncode != 0


def test_ctrl_c_ends_a_forward_with_130_and_a_shell_with_its_own_code(
    host: Deployed, machine: Machine
) -> None:
    host.world.patch.setattr("geusemaker.cli.connect.in_foreground", lambda *_: (1, True))
    host.world.run("connect", code=130)
    host.world.patch.setattr("geusemaker.cli.connect.in_foreground", lambda *_: (0, True))
    host.world.run("connect", "--shell")
