"""`geusemaker local` as a user runs it, on the genuine engine."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from geusemaker.local import lifecycle, process, session
from geusemaker.local.account import Account, read_account
from geusemaker.local.places import Places

from .door import MADE, PROJECT, clean_environment, make_project

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


@dataclass(frozen=True)
class User:
    """Somebody whose logins would leave a mark if anybody used them."""

    home: Path
    used: Path
    """A file that is there once the login was used."""

    def environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.home),
            "AWS_PROFILE": "prod",
            "AWS_REGION": "eu-west-3",
            "AWS_SESSION_TOKEN": "a-real-looking-token",
            "AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/admin",
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(self.home / "token"),
            "PULUMI_ACCESS_TOKEN": "pul-0123456789abcdef",
            "PULUMI_BACKEND_URL": "https://api.pulumi.invalid",
            "GEUSEMAKER_CACHE_DIR": os.environ.get("GEUSEMAKER_CACHE_DIR", "")
            or str(Path("~/.cache/geusemaker").expanduser()),
        }


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> User:
    home = tmp_path_factory.mktemp("home")
    used = home / "the-login-was-used"
    (home / ".aws").mkdir()
    (home / ".aws" / "config").write_text(
        f"[default]\nregion = eu-west-1\ncredential_process = touch {used}\n"
        f"[profile prod]\ncredential_process = touch {used}\n"
    )
    (home / ".pulumi").mkdir()
    (home / ".pulumi" / "credentials.json").write_text('{"current": "https://api.pulumi.invalid"}')
    return User(home, used)


@pytest.fixture(scope="module")
def clones(tmp_path_factory: pytest.TempPathFactory, user: User) -> Iterator[list[Path]]:
    """Two clones whose accounts the user starts at the same time."""
    folder = tmp_path_factory.mktemp("clones")
    projects = [make_project(folder / name) for name in ("one", "the other one")]
    running = [
        subprocess.Popen(
            [*GEUSEMAKER, "local", "start"],
            cwd=project,
            env=clean_environment() | user.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for project in projects
    ]
    told = [started.communicate()[0] for started in running]
    assert [started.returncode for started in running] == [0, 0], told
    yield projects
    for project in projects:
        lifecycle.stop_account(Places(project))


def test_two_clones_have_an_account_each(clones: list[Path]) -> None:
    accounts = [_account(project) for project in clones]
    assert accounts[0].endpoint != accounts[1].endpoint
    assert accounts[0].provider_port != accounts[1].provider_port


def test_up_twice_a_wrong_config_a_killed_account_and_down(clones: list[Path]) -> None:
    project = clones[0]
    first = _run(project, "local", "up")
    assert first.returncode == 0, first.stdout + first.stderr
    assert re.search(rf"\[4/4\] Up, stack dev +{MADE} created", first.stdout), first.stdout
    assert "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20260902" in first.stdout
    assert "m6i.xlarge, 4 vCPU, 16 GiB, no GPU: Ollama runs on the CPU" in first.stdout

    again = _run(project, "local", "up")
    assert again.returncode == 0, again.stdout + again.stderr
    assert re.search(r"\[4/4\] Up, stack dev +no changes", again.stdout), again.stdout

    config = project / "Pulumi.dev.yaml"
    good = config.read_text(encoding="utf-8")
    before = _account(project).resources()
    config.write_text(f"{good}  geusemaker:osType: ubuntu-99\n", encoding="utf-8")
    wrong = _run(project, "local", "up")
    assert wrong.returncode == 1, wrong.stdout + wrong.stderr
    assert wrong.stderr.startswith("geusemaker:osType is 'ubuntu-99'")
    assert _account(project).resources() == before, "a wrong config changes the account"
    config.write_text(good, encoding="utf-8")

    killed = _account(project)
    os.kill(killed.pid, signal.SIGKILL)
    anew = _run(project, "local", "up")
    assert anew.returncode == 0, anew.stdout + anew.stderr
    assert "a new account starts" in anew.stdout
    assert f"{MADE} created" in anew.stdout
    assert _account(project).token != killed.token

    pid = _account(project).pid
    down = _run(project, "local", "down")
    assert down.returncode == 0, down.stdout + down.stderr
    assert "Account checked: it is empty" in down.stdout
    assert not process.is_running(pid)
    assert sorted(p.name for p in project.iterdir()) == [
        ".geusemaker",
        ".venv",
        "Pulumi.dev.yaml",
        "Pulumi.yaml",
        "__main__.py",
        *(["__pycache__"] if (project / "__pycache__").exists() else []),
    ]


def test_deploy_local_works_from_any_environment_and_hands_on_no_login(
    clones: list[Path], user: User
) -> None:
    project, logins = clones[1], user.environment()
    said = _run(project, "deploy", "--local", "--yes", **logins)
    assert said.returncode == 0, said.stdout + said.stderr
    assert said.stdout.startswith("us-east-1, SIMULATED account 000000000000, stack dev\n")
    assert "Written to .geusemaker/config/Pulumi.dev.yaml: geusemaker:osType" in said.stdout
    assert (project / "Pulumi.dev.yaml").read_text().count("osType") == 0
    listed = _run(project, "local", "run", "--", "pulumi", "stack", "ls", **logins)
    assert "dev*" in listed.stdout, listed.stderr
    shown = _run(project, "local", "run", "--", "env", **logins).stdout
    assert "AWS_ENDPOINT_URL=" in shown
    for value in ("a-real-looking-token", "pul-0123456789abcdef", "111122223333", "invalid"):
        assert value not in shown
    boto = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    who = _run(project, "local", "run", "--", "python", "-c", boto, **logins)
    assert who.stdout.strip() == "000000000000", who.stderr
    wrong = _run(project, "deploy", "--local", "--stack", "prod", **logins)
    assert wrong.returncode == 1
    assert "omit --stack" in wrong.stderr
    assert _run(project, "local", "down", **logins).returncode == 0
    assert not user.used.exists()
    assert (user.home / ".pulumi" / "credentials.json").read_text().count("invalid") == 1


PAGE = PROJECT / "docs" / "trying-it-locally.md"


def _block(section: str, language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)
    return str(found)


def test_a_project_of_the_user_uses_the_account_as_the_page_says(
    tmp_path: Path, user: User
) -> None:
    """From a folder outside the clone from which the command was installed."""
    page = PAGE.read_text(encoding="utf-8")
    section = page.partition("\n## Your own Pulumi project\n")[2].partition("\n## ")[0]
    clone, mine = make_project(tmp_path / "clone"), tmp_path / "mine"
    for package in ("geusemaker", "pulumi_moto"):
        shutil.copytree(PROJECT / package, clone / package)
    mine.mkdir()
    (mine / "Pulumi.yaml").write_text(_block(section, "yaml"), encoding="utf-8")
    (mine / "__main__.py").write_text(_block(section, "python"), encoding="utf-8")
    activate, *commands = _block(section, "sh").splitlines()
    assert activate == ". ~/geusemaker/.venv/bin/activate"
    env = clean_environment() | user.environment() | {"PYTHONPATH": str(clone)}
    printed: list[str] = []
    try:
        for command in commands:
            name, *words = shlex.split(command)
            assert name == "geusemaker"
            ran = subprocess.run(
                [sys.executable, "-c", "from geusemaker.cli.main import main; main()", *words],
                cwd=mine,
                env=env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            assert ran.returncode == 0, f"{command}: {ran.stdout}{ran.stderr}"
            printed.append(ran.stdout)
    finally:
        lifecycle.stop_account(Places(clone))
    created, destroyed = printed[2:4]
    assert re.search(r"image\s*: \"ami-\w+\"", created)
    assert "aws:ec2:SecurityGroup queue created" in created
    assert "aws:ec2:Instance ai-compute-host created" in created
    assert re.search(r"Resources:\n    - \d{2} deleted", destroyed)
    assert (mine / "Pulumi.trial.yaml").exists(), "the config is the project's own"
    assert not (clone / "Pulumi.trial.yaml").exists()
    assert not user.used.exists()
