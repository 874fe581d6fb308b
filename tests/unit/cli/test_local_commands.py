"""`geusemaker local`: the output and exit code of each command."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from local.clones import Clone

from geusemaker.cli import local as commands
from geusemaker.cli.main import main
from geusemaker.local import lifecycle, process
from geusemaker.local.account import Account, read_account
from geusemaker.pulumi_cli.find import Engine


def run(*arguments: str) -> int:
    """The exit code of `geusemaker ARGUMENTS`."""
    before = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGHUP)}
    try:
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
    return int(ended.value.code or 0)


def test_up_shows_four_steps_and_the_summary(
    clone: Clone, capsys: pytest.CaptureFixture[str]
) -> None:
    newer = "A newer image is available: that one."
    clone.answers(up_said=[("warning", "warning: the line is ended\n"), ("info", newer)])
    assert run("local", "up") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("SIMULATED AWS on this machine")
    steps = [line for line in lines if line.startswith("  [")]
    assert [step[2:7] for step in steps] == ["[1/4]", "[2/4]", "[3/4]", "[4/4]"]
    assert "3.259.0 from an earlier run" in steps[1]
    assert "000000000000, us-east-1, 118 recorded images" in steps[2]
    assert "36 created" in steps[3]
    assert "        warning: the line is ended" in lines
    assert "        A newer image is available: that one." in lines
    assert "Image    Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 24.04) 20260925" in lines
    assert "         ami-1; kept for ubuntu-24.04, x86_64, base; a newer one exists" in lines
    assert "Host     m6i.xlarge, 4 vCPU, 16 GiB, no GPU: Ollama runs on the CPU" in lines
    assert "Data     EBS 100 GiB (databases, models), EFS (files); protectData true" in lines
    assert any("osType ubuntu-22.04 &&" in line for line in lines), "the change proposed is one"


def test_an_instance_type_that_the_account_lacks_is_one_paragraph(
    clone: Clone, capsys: pytest.CaptureFixture[str]
) -> None:
    clone.answers(config={"geusemaker:instanceType": {"value": "m7i.xlarge"}})
    assert run("local", "up") == 1
    assert "has no instance type m7i.xlarge" in capsys.readouterr().err


def test_a_config_that_cannot_be_read_is_an_error(
    clone: Clone, capsys: pytest.CaptureFixture[str]
) -> None:
    clone.answers(config_error="error: the passphrase is wrong")
    assert run("local", "up") == 1
    assert "the passphrase is wrong" in capsys.readouterr().err


def test_up_twice_uses_the_same_account(clone: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("local", "up") == 0
    first = read_account(clone.places.account_file)
    (clone.places.root / "setup-seconds").write_text("73\n")
    assert run("local", "up") == 0
    assert read_account(clone.places.account_file) == first
    out = capsys.readouterr().out
    assert "running\n" in out
    assert "1 min 13 s\n" in out
    assert not (clone.places.root / "setup-seconds").exists()


def test_up_shows_how_long_an_installed_engine_took(
    clone: Clone, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    built = Engine("3.259.0", clone.engine_dir, "built from tools/")
    monkeypatch.setattr(commands, "find_engine", lambda *_, **__: built)
    assert run("local", "up") == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "[2/4]" in line]
    assert line.endswith(" s")


def test_up_runs_the_program_once(clone: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    clone.answers(up={"same": 36})
    for _ in range(2):
        before = len(clone.commands()) if clone.places.backend.exists() else 0
        assert run("local", "up") == 0
        ran = [command.split()[0] for command in clone.commands()[before:]]
        assert [one for one in ran if one in ("preview", "up", "refresh")] == ["up"]
    assert "no changes, 36 unchanged" in capsys.readouterr().out


def test_a_wrong_config_is_one_paragraph(clone: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    clone.answers(up_said=[("error", "error: osType ubuntu-99 is unknown.")], up_code=1)
    assert run("local", "up") == 1
    assert capsys.readouterr().err == "osType ubuntu-99 is unknown.\n"


def test_a_host_that_aws_does_not_start_is_explained(
    clone: Clone, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = "api error VcpuLimitExceeded: You have requested more vCPU capacity than your current"
    clone.answers(
        up_said=[("error", f"error: {refused} vCPU limit of 0 allows")],
        up_code=1,
        config={"geusemaker:instanceType": {"value": "g5.xlarge"}},
    )
    assert run("local", "up") == 1
    said = capsys.readouterr().err
    assert "L-DB2E81BA" in said
    assert "`pulumi config set geusemaker:instanceType m6i.xlarge`" in said
    assert said.endswith(" Run this in `make shell`.\n")


def test_a_text_with_commands_names_the_shell_of_this_account(
    clone: Clone, capsys: pytest.CaptureFixture[str]
) -> None:
    noted = "An old image. To have a newer one, run `pulumi config rm geusemaker:amiId`."
    noted_only = "Something that needs no command."
    clone.answers(up_said=[("info", noted), ("info", noted_only)])
    assert run("local", "up") == 0
    out = capsys.readouterr().out
    assert "geusemaker:amiId`. Run this in `make shell`." in " ".join(out.split())
    assert out.count("Run this in") == 1
    clone.answers(up_said=[("error", "error: To fix it, run `pulumi up`.")], up_code=1)
    assert run("local", "up") == 1
    assert capsys.readouterr().err == "To fix it, run `pulumi up`. Run this in `make shell`.\n"


def test_down_destroys_the_stack_checks_and_removes_all_that_up_made(
    clone: Clone, capsys: pytest.CaptureFixture[str]
) -> None:
    run("local", "up")
    account = read_account(clone.places.account_file)
    assert account is not None
    assert run("local", "down") == 0
    out = capsys.readouterr().out
    assert "Destroyed: 36 deleted" in out
    assert "Account checked: it is empty" in out
    assert not process.is_running(account.pid)
    assert not clone.places.backend.exists()
    assert clone.commands()[-2:] == ["destroy --preview-only", "destroy --yes"]


def test_down_lists_what_is_left_and_lets_the_account_run(
    clone: Clone, capsys: pytest.CaptureFixture[str]
) -> None:
    clone.simulator("full")
    clone.start()
    assert run("local", "down") == 1
    assert "not empty, 1 left: ec2:vpc vpc-1." in capsys.readouterr().err
    assert lifecycle.running_account(clone.places) is not None


def test_down_fails_with_an_account_that_does_not_list_its_resources(
    clone: Clone, capsys: pytest.CaptureFixture[str]
) -> None:
    clone.simulator("broken")
    clone.start()
    assert run("local", "down") == 1
    assert "cannot list its resources (HTTP 500)" in capsys.readouterr().err


def test_down_keeps_the_config_that_a_user_changed(
    clone: Clone, capsys: pytest.CaptureFixture[str]
) -> None:
    clone.start()
    clone.places.config.write_text("config:\n  geusemaker:osType: ubuntu-24.04\n")
    assert run("local", "down") == 0
    assert "the config that you changed locally is kept in" in capsys.readouterr().out
    (kept,) = clone.places.set_aside.iterdir()
    assert "ubuntu-24.04" in kept.read_text()


def test_down_without_an_account_has_nothing_to_do(
    clone: Clone, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("local", "down") == 0
    assert "Nothing to remove" in capsys.readouterr().out


def test_down_after_a_kill_removes_the_state_of_what_is_gone(
    clone: Clone, capsys: pytest.CaptureFixture[str]
) -> None:
    clone.start()
    clone.kill()
    assert run("local", "down") == 0
    assert "had already ended" in capsys.readouterr().out
    assert not clone.places.backend.exists()


def test_start_status_and_stop_agree(clone: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("local", "status") == 0
    assert "no account is running" in capsys.readouterr().out
    assert run("local", "start") == 0
    assert "http://127.0.0.1:" in capsys.readouterr().out
    assert run("local", "status") == 0
    assert capsys.readouterr().out.startswith("SIMULATED account 000000000000")
    assert run("local", "status", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["running"] is True
    keys = ["pid", "providerPort", "endpoint", "account", "region", "images", "started"]
    assert list(printed["account"]) == [*keys, "resources"], "no secret, and one spelling"
    assert run("local", "stop") == 0
    assert run("local", "stop") == 0
    assert capsys.readouterr().out.splitlines() == [
        "Simulated account stopped",
        "There is no simulated account running",
    ]
    assert run("local", "status", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"running": False, "account": None}


def test_env_prints_nothing_but_shell_lines_on_stdout(
    clone: Clone, capsys: pytest.CaptureFixture[str]
) -> None:
    clone.patch.setenv("AWS_PROFILE", "production")
    assert run("local", "env") == 0
    said = capsys.readouterr()
    assert {line.split()[0] for line in said.out.splitlines()} == {"unset", "export"}
    assert "unset AWS_PROFILE\n" in said.out
    assert "simulated account started" in said.err


@pytest.mark.parametrize(
    ("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill -INT $$", 130)]
)
def test_run_passes_the_exit_code_through(clone: Clone, script: str, code: int) -> None:
    assert run("local", "run", "--", "/bin/sh", "-c", script) == code


def test_run_gives_the_command_the_local_environment_and_its_own_flags(clone: Clone) -> None:
    assert run("local", "run", "--", "pulumi", "preview", "--diff", "--json") == 0
    call = clone.calls()[-1]
    assert call["args"] == ["preview", "--diff", "--json"]
    assert call["env"]["PULUMI_STACK"] == "dev"


def test_run_of_an_unknown_program_is_one_paragraph(
    clone: Clone, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("local", "run", "--", "no-such-program") == 1
    assert "no program 'no-such-program'" in capsys.readouterr().err


def test_shell_opens_one_in_the_environment(clone: Clone, tmp_path: Path) -> None:
    clone.patch.setenv("SHELL", "/bin/sh")
    seen = tmp_path / "seen"
    script = f'echo "$PULUMI_STACK $PS1" >"{seen}"; exit 5\n'
    (tmp_path / "input").write_text(script)
    # The shell reads this process's standard input.
    kept = os.dup(0)
    with (tmp_path / "input").open() as given:
        os.dup2(given.fileno(), 0)
        try:
            assert run("local", "shell") == 5
        finally:
            os.dup2(kept, 0)
            os.close(kept)
    assert seen.read_text() == "dev (simulated) $ \n"
    (start_file,) = (clone.places.root / "shell").iterdir()
    assert start_file.stat().st_mode & 0o777 == 0o600, "the account's key is in it"


def test_a_shell_from_outside_the_clone_starts_in_it(
    clone: Clone, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pulumi finds its project in the folder of the shell."""
    ran: list[object] = []

    def run_through(*given: object) -> int:
        ran.append(given[2])
        return 0

    project = clone.places.project
    clone.patch.setattr("geusemaker.cli.local.find_project", lambda _: project)
    clone.patch.setattr("geusemaker.cli.local._run_through", run_through)
    assert run("local", "shell") == 0
    assert "work here;" in capsys.readouterr().err
    clone.patch.chdir(tmp_path)
    assert run("local", "shell") == 0
    assert f"work in {project}, where this shell starts" in capsys.readouterr().err
    assert ran == [None, project]


@pytest.mark.parametrize("has_project", [True, False])
def test_pulumi_runs_in_another_project_with_its_own_stacks_or_in_the_clone(
    clone: Clone, tmp_path: Path, capfd: pytest.CaptureFixture[str], has_project: bool
) -> None:
    project = clone.places.project
    clone.patch.setattr("geusemaker.cli.local.find_project", lambda _: project)
    if has_project:
        (tmp_path / "Pulumi.yaml").write_text("name: mine\nruntime: python\n")
    clone.patch.chdir(tmp_path)
    clone.patch.setenv("PULUMI_STACK", "dev")  # as in `make shell`
    ran: list[tuple[dict[str, str], object]] = []

    def run_through(_: object, env: dict[str, str], cwd: object = None) -> int:
        ran.append((env, cwd))
        return 0

    clone.patch.setattr("geusemaker.cli.local._run_through", run_through)
    for command in (("pulumi", "preview"), ("env",)):
        assert run("local", "run", "--", *command) == 0
    assert run("local", "env") == 0
    of_stack = ("PULUMI_STACK", "PULUMI_OPTION_CONFIG_FILE", "PULUMI_OPTION_PRESERVE_CONFIG")
    printed = capfd.readouterr().out.splitlines()
    for name in of_stack:
        assert (f"unset {name}" in printed) is has_project
        assert [name in env for env, _ in ran] == [not has_project] * 2
    assert all("PULUMI_BACKEND_URL" in env for env, _ in ran)
    assert [cwd for _, cwd in ran] == [None if has_project else project, None]


def test_an_interrupted_up_says_what_continues(
    clone: Clone, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    clone.patch.setattr(lifecycle, "ensure_account", interrupted)
    assert run("local", "up") == 130
    said = capsys.readouterr()
    assert said.out.splitlines()[-1].split() == ["[3/4]", "Simulated", "account", "stopped"]
    assert said.err == "Interrupted. `make up` again continues.\n"


def test_release_publishes_an_image(clone: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    clone.start()
    assert run("local", "release", "A name", "--architecture", "arm64", "--root-gib", "90") == 0
    assert capsys.readouterr().out == "Released ami-new A name\n"


@pytest.mark.parametrize(("name", "said"), [("taken", "is there already"), ("odd", "HTTP 500")])
def test_a_refused_release_gives_the_reason(
    clone: Clone, capsys: pytest.CaptureFixture[str], name: str, said: str
) -> None:
    clone.start()
    assert run("local", "release", name, "--architecture", "arm64") == 1
    assert said in capsys.readouterr().err


def test_a_release_into_no_account_is_one_paragraph(
    clone: Clone, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("local", "release", "A name", "--architecture", "arm64") == 1
    assert "`make up` starts one" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["local", "nope"],
        ["local", "up", "--nope"],
        ["local", "run"],
        ["local", "release", "A name"],
        ["local", "release", "A name", "--architecture", "sparc"],
        ["local", "release", "A name", "--architecture", "arm64", "--root-gib", "0"],
    ],
)
def test_wrong_flags_end_with_2(clone: Clone, arguments: list[str]) -> None:
    assert run(*arguments) == 2


def test_engine_prints_the_path_of_the_cli(
    clone: Clone, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("local", "engine") == 0
    assert (
        capsys.readouterr().out == f"Pulumi CLI 3.259.0 from an earlier run: {clone.engine_dir}\n"
    )


def test_version_is_printed(clone: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out.count(".") == 2


def test_ctrl_c_ends_with_130(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(lifecycle, "running_account", interrupted)
    assert run("local", "status") == 130


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            OSError(28, "No space left on device", "/full"),
            "failed: /full: No space left",
        ),
        (OSError("odd"), "this machine failed: odd."),
    ],
)
def test_a_machine_that_refuses_is_one_paragraph(
    clone: Clone,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    error: OSError,
    said: str,
) -> None:
    def refusing(*_: object) -> None:
        raise error

    monkeypatch.setattr(lifecycle, "running_account", refusing)
    assert run("local", "status") == 1
    assert said in capsys.readouterr().err


def test_the_installed_command_runs_in_a_fresh_process(clone: Clone) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", "from geusemaker.cli.main import main; main()", "local", "status"],
        capture_output=True,
        text=True,
        check=False,
        cwd=clone.places.project,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_terminated_command_ends_its_children(clone: Clone) -> None:
    child = clone.engine_dir / "child"
    program = clone.engine_dir / "pulumi"
    program.write_text(
        f'#!/bin/sh\necho $$ >"{child}.part"; mv "{child}.part" "{child}"; sleep 60\n'
    )
    with subprocess.Popen(
        [sys.executable, "-c", "from geusemaker.cli.main import main; main()", "local", "engine"],
        cwd=clone.places.project,
    ) as command:
        wait_for(child.exists)
        command.terminate()
        assert command.wait(timeout=60) == 128 + signal.SIGTERM
    wait_for(lambda: not process.is_running(int(child.read_text())))


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, "it did not come to pass"
        time.sleep(0.02)


def test_an_account_that_ends_under_an_up_is_the_error(
    clone: Clone, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clone.answers(up_said=[("error", "Traceback: EOF")], up_code=1)
    clone.start()
    answering = Account.is_answering
    calls: list[int] = []

    def until_preview(self: Account) -> bool:
        calls.append(1)
        return len(calls) == 1 and answering(self)

    monkeypatch.setattr(Account, "is_answering", until_preview)
    assert run("local", "up") == 1
    said = capsys.readouterr().err
    assert "ended while Pulumi was running" in said
    assert "Traceback" not in said


def test_a_name_that_aws_would_not_give_is_released_with_a_note(
    clone: Clone, capsys: pytest.CaptureFixture[str]
) -> None:
    clone.start()
    assert run("local", "release", "foo", "--architecture", "x86_64") == 0
    assert "no stack selects it" in capsys.readouterr().err
    assert run("local", "release", "two\nlines", "--architecture", "x86_64") == 2
