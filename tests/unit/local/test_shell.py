"""`local shell` starts the user's shell, without the logins that its start-up files export."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from geusemaker.local import shell
from geusemaker.local.environment import Environment

ENVIRONMENT = Environment({"PULUMI_STACK": "dev"}, ("AWS_PROFILE",))


def started(name: str, tmp_path: Path) -> str:
    """What a shell of this kind says of itself, with a start-up file that points elsewhere."""
    program = shutil.which(name)
    assert program is not None
    home, own = tmp_path / "home", tmp_path / "own"
    home.mkdir()
    own.mkdir()
    polluting = (
        "export AWS_PROFILE=production PULUMI_STACK=prod\nalias pulumi=false\nPS1='mine> '\n"
    )
    for file in (".bashrc", ".zshrc"):
        (home / file).write_text(polluting)
    command = tmp_path / "geuse maker"
    command.write_text(f"#!/bin/sh\ncat <<'X'\n{ENVIRONMENT.as_shell()}X\n")
    command.chmod(0o755)
    plan = shell.plan(program, own, ENVIRONMENT, command)
    for start_file, text in plan.files.items():
        start_file.write_text(text)
    ask = 'echo "${AWS_PROFILE-none} $PULUMI_STACK [$PS1]"; alias pulumi; exit 3\n'
    env = {"HOME": str(home), "PATH": os.environ["PATH"], **plan.env}
    ran = subprocess.run(
        plan.command, env=env, input=ask, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 3
    return ran.stdout


def test_bash_sets_the_environment_after_its_own_files_and_marks_the_prompt(
    tmp_path: Path,
) -> None:
    assert started("bash", tmp_path) == "none dev [(simulated) mine> ]\n"


def test_sh_has_the_environment_and_the_prompt(tmp_path: Path) -> None:
    assert started("sh", tmp_path).startswith("none dev [(simulated) $ ]")


def test_zsh_reads_the_users_files_first_and_then_the_environment(tmp_path: Path) -> None:
    plan = shell.plan("/bin/zsh", tmp_path, ENVIRONMENT, Path("/venv/geusemaker"))
    rc = plan.files[tmp_path / ".zshrc"]
    assert plan.env == {"ZDOTDIR": str(tmp_path)}
    order = [rc.index(part) for part in ('. "$ZDOTDIR/.zshrc"', "local env", "PROMPT=")]
    assert order == sorted(order)
    assert tmp_path / ".zshenv" in plan.files


@pytest.mark.parametrize("wanted", [None, "/usr/bin/fish"])
def test_an_unsupported_shell_becomes_sh(tmp_path: Path, wanted: str | None) -> None:
    assert shell.plan(wanted, tmp_path, ENVIRONMENT, Path("/g")).command == ["/bin/sh", "-i"]


@pytest.mark.parametrize(
    "of_user",
    [
        "PROMPT_COMMAND='PS1=\"star> \"'",
        "PROMPT_COMMAND='PS1=\"star> \";'",
        "PROMPT_COMMAND='PS1=\"star> \" # mine'",
        "export PROMPT_COMMAND='PS1=\"star> \" ; '",
        "PROMPT_COMMAND=('PS1=\"star> \"')",
        "PROMPT_COMMAND=('PS1=\"star> \";' ':;')",
        "PROMPT_COMMAND=(: 'PS1=\"star> \"')",
        "PROMPT_COMMAND=; PS1='star> '",
        "PROMPT_COMMAND=(); PS1='star> '",
        "unset PROMPT_COMMAND; PS1='star> '",
    ],
)
def test_what_makes_the_prompt_is_kept_in_each_form_that_bash_takes(
    tmp_path: Path, of_user: str
) -> None:
    program = shutil.which("bash")
    assert program is not None
    home, own = tmp_path / "home", tmp_path / "own"
    home.mkdir()
    own.mkdir()
    (home / ".bashrc").write_text(f"{of_user}\n")
    plan = shell.plan(program, own, ENVIRONMENT, Path("/bin/true"))
    for file, text in plan.files.items():
        file.write_text(text)
    ran = subprocess.run(
        plan.command,
        env={"HOME": str(home), "PATH": os.environ["PATH"], **plan.env},
        input='echo "[$PS1]"\necho "[$PS1]"\n',
        capture_output=True,
        text=True,
        check=False,
    )
    assert "syntax error" not in ran.stderr
    assert ran.stdout.split("\n")[:2] == ["[(simulated) star> ]"] * 2
