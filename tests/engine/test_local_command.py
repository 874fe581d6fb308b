"""`geusemaker local` as a user runs it, on the genuine engine."""

import os
import signal
import subprocess
from pathlib import Path

from geusemaker.local import process, session
from geusemaker.local.account import Account, read_account
from geusemaker.local.places import Places

from .door import MADE, clean_environment, make_project

GEUSEMAKER = [str(session.bin_dir() / "geusemaker")]


def _run(project: Path, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*GEUSEMAKER, *arguments],
        cwd=project,
        env=clean_environment() | extra,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def _account(project: Path) -> Account:
    account = read_account(Places(project).account_file)
    assert account is not None
    return account


def test_up_twice_a_killed_account_and_down(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    first = _run(project, "local", "up")
    assert first.returncode == 0, first.stdout + first.stderr
    assert f"[5/5] Up, stack dev       {MADE} created" in first.stdout
    assert "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20260902" in first.stdout
    assert "m6i.xlarge, 4 vCPU, 16 GiB, no GPU: Ollama runs on the CPU" in first.stdout

    again = _run(project, "local", "up")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "[4/5] Preview             no changes" in again.stdout

    killed = _account(project)
    os.kill(killed.pid, signal.SIGKILL)
    anew = _run(project, "local", "up")
    assert anew.returncode == 0, anew.stdout + anew.stderr
    assert "a new one begins" in anew.stdout
    assert f"{MADE} created" in anew.stdout
    assert _account(project).token != killed.token

    pid = _account(project).pid
    down = _run(project, "local", "down")
    assert down.returncode == 0, down.stdout + down.stderr
    assert "Account empty: proved" in down.stdout
    assert not process.is_running(pid)
    assert sorted(p.name for p in project.iterdir()) == [
        ".geusemaker",
        ".venv",
        "Pulumi.dev.yaml",
        "Pulumi.yaml",
        "__main__.py",
        *(["__pycache__"] if (project / "__pycache__").exists() else []),
    ]


def test_two_clones_have_an_account_each(tmp_path: Path) -> None:
    projects = [make_project(tmp_path / name) for name in ("one", "the other one")]
    running = [
        subprocess.Popen(
            [*GEUSEMAKER, "local", "start"],
            cwd=project,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for project in projects
    ]
    told = [started.communicate()[0] for started in running]
    assert [started.returncode for started in running] == [0, 0], told
    accounts = [_account(project) for project in projects]
    assert accounts[0].endpoint != accounts[1].endpoint
    assert accounts[0].provider_port != accounts[1].provider_port
    for project in projects:
        assert _run(project, "local", "stop").returncode == 0


def test_logins_of_the_user_are_neither_used_nor_handed_on(tmp_path: Path) -> None:
    """Logins that would leave a mark if anybody used them."""
    project = make_project(tmp_path / "project")
    home = tmp_path / "home"
    used = tmp_path / "the-login-was-used"
    (home / ".aws").mkdir(parents=True)
    (home / ".aws" / "config").write_text(
        f"[default]\nregion = eu-west-1\ncredential_process = touch {used}\n"
        f"[profile prod]\ncredential_process = touch {used}\n"
    )
    (home / ".pulumi").mkdir()
    (home / ".pulumi" / "credentials.json").write_text('{"current": "https://api.pulumi.invalid"}')
    logins = {
        "HOME": str(home),
        "AWS_PROFILE": "prod",
        "AWS_SESSION_TOKEN": "a-real-looking-token",
        "AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/admin",
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(home / "token"),
        "PULUMI_ACCESS_TOKEN": "pul-0123456789abcdef",
        "PULUMI_BACKEND_URL": "https://api.pulumi.invalid",
        "GEUSEMAKER_CACHE_DIR": os.environ.get("GEUSEMAKER_CACHE_DIR", "")
        or str(Path("~/.cache/geusemaker").expanduser()),
    }
    up = _run(project, "local", "run", "--", "pulumi", "preview", "--non-interactive", **logins)
    assert up.returncode == 0, up.stdout + up.stderr
    assert f"{MADE} to create" in up.stdout
    shown = _run(project, "local", "run", "--", "env", **logins).stdout
    for value in ("a-real-looking-token", "pul-0123456789abcdef", "111122223333", "invalid"):
        assert value not in shown
    boto = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    who = _run(project, "local", "run", "--", "python", "-c", boto, **logins)
    assert who.stdout.strip() == "000000000000", who.stderr
    assert not used.exists()
    assert (home / ".pulumi" / "credentials.json").read_text().count("invalid") == 1
    assert _run(project, "local", "stop", **logins).returncode == 0


def test_deploy_local_works_from_any_environment(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    said = _run(project, "deploy", "--local", "--yes", AWS_REGION="eu-west-3", AWS_PROFILE="prod")
    assert said.returncode == 0, said.stdout + said.stderr
    assert said.stdout.startswith("us-east-1, SIMULATED account 000000000000, stack dev\n")
    assert "Written to .geusemaker/config/Pulumi.dev.yaml: geusemaker:osType" in said.stdout
    assert (project / "Pulumi.dev.yaml").read_text().count("osType") == 0
    wrong = _run(project, "deploy", "--local", "--stack", "prod")
    assert wrong.returncode == 1
    assert "omit --stack" in wrong.stderr
    assert _run(project, "local", "down").returncode == 0
