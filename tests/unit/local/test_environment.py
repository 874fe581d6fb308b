"""The local environment leads to the simulated account and to nothing else."""

import subprocess
from pathlib import Path

import pytest

from geusemaker.local import environment
from geusemaker.local.account import Account
from geusemaker.local.environment import Environment
from geusemaker.local.places import Places

ACCOUNT = Account(
    1,
    4711,
    "http://127.0.0.1:8080",
    "000000000000",
    "us-east-1",
    118,
    "now",
    "token",
    "AKIASIMULATED",
    "its secret",
)
LOGINS = {
    "AWS_ACCESS_KEY_ID": "AKIAREALLOOKING00000",
    "AWS_SECRET_ACCESS_KEY": "real-secret",
    "AWS_SESSION_TOKEN": "real-session",
    "AWS_PROFILE": "production",
    "AWS_DEFAULT_PROFILE": "production",
    "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/admin",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/real",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/real",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN": "real-container",
    "AWS_ENDPOINT_URL_EC2": "https://ec2.real.example",
    "AWS_CONFIG_FILE": "/home/real/.aws/config",
    "AWS_SHARED_CREDENTIALS_FILE": "/home/real/.aws/credentials",
    "AWS_REGION": "eu-real-1",
    "AWS_SOMETHING_OF_NEXT_YEAR": "real-future",
    "BOTO_CONFIG": "/home/real/.boto",
    "PULUMI_ACCESS_TOKEN": "pul-real",
    "PULUMI_BACKEND_URL": "s3://real-state",
    "PULUMI_CONFIG_PASSPHRASE": "real-passphrase",
    "PULUMI_CONFIG_PASSPHRASE_FILE": "/home/real/passphrase",
    "PULUMI_HOME": "/home/real/.pulumi",
    "PULUMI_ORG": "real-org",
    "PULUMI_STACK": "real-stack",
    "PULUMI_OPTION_CONFIG_FILE": "/home/real/Pulumi.prod.yaml",
    "PYTHONPATH": "/home/real/python",
    "PYTHONHOME": "/home/real/python",
    "MOTO_ACCOUNT_ID": "real-moto",
    "grpc_proxy": "http://proxy.real.example",
}
OTHERS = {
    "HOME": "/home/me",
    "PATH": "/usr/bin:/bin",
    "HTTPS_PROXY": "http://proxy.example:3128",
    "no_proxy": "intern.example",
    "AWS_PAGER": "less",
    "PYTHONWARNINGS": "error",
}


def local(places: Places, base: dict[str, str]) -> Environment:
    return environment.for_account(places, Path("/engine"), Path("/clone/.venv/bin"), ACCOUNT, base)


def test_no_login_of_the_user_is_left(tmp_path: Path) -> None:
    env = local(Places(tmp_path), LOGINS | OTHERS).applied_to(LOGINS | OTHERS)
    left = {name: value for name, value in env.items() if value in LOGINS.values()}
    assert left == {}


def test_no_login_of_the_user_reaches_the_simulator(tmp_path: Path) -> None:
    env = environment.for_simulator(Places(tmp_path), LOGINS | OTHERS)
    assert not set(env.values()) & set(LOGINS.values())
    assert "AWS_ENDPOINT_URL" not in env


def test_harmless_variables_stay(tmp_path: Path) -> None:
    env = local(Places(tmp_path), LOGINS | OTHERS).applied_to(LOGINS | OTHERS)
    kept = {name: env[name] for name in OTHERS if name not in ("PATH", "no_proxy")}
    assert kept == {name: OTHERS[name] for name in kept}


def test_loopback_never_goes_through_a_proxy(tmp_path: Path) -> None:
    env = local(Places(tmp_path), OTHERS).applied_to(OTHERS)
    assert env["NO_PROXY"] == env["no_proxy"] == "127.0.0.1,localhost,::1,intern.example"


@pytest.mark.parametrize("path", ["/usr/bin:/bin", "/usr/bin:/clone/.venv/bin::/engine:/bin"])
def test_the_environments_own_programs_come_first(tmp_path: Path, path: str) -> None:
    env = local(Places(tmp_path), {"PATH": path}).applied_to({})
    assert env["PATH"] == "/clone/.venv/bin:/engine:/usr/bin:/bin"


def test_everything_points_into_the_clone(tmp_path: Path) -> None:
    places = Places(tmp_path / "50% odd #clone?")
    env = local(places, {}).applied_to({})
    assert env["PULUMI_BACKEND_URL"].endswith("/50%25%20odd%20%23clone%3F/.geusemaker/backend")
    assert env["PULUMI_HOME"] == str(places.root / "pulumi")
    assert env["PULUMI_OPTION_CONFIG_FILE"] == str(places.root / "config" / "Pulumi.dev.yaml")
    assert (
        env["AWS_CONFIG_FILE"] == env["AWS_SHARED_CREDENTIALS_FILE"] == str(places.root / "empty")
    )
    assert env["PULUMI_STACK"] == "dev"
    assert env["PULUMI_DEBUG_PROVIDERS"] == "aws:4711"
    assert env["AWS_ENDPOINT_URL"] == "http://127.0.0.1:8080"
    keys = (env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"])
    assert keys == ("AKIASIMULATED", "its secret")


def test_the_shell_lines_set_and_unset_the_variables_for_any_path(tmp_path: Path) -> None:
    places = Places(tmp_path / """it's a "clone" $HOME `id`""")
    lines = local(places, LOGINS).as_shell()
    script = f'set -eu\n{lines}printf "%s|%s" "$PULUMI_HOME" "${{AWS_PROFILE-unset}}"'
    ran = subprocess.run(
        ["/bin/sh", "-c", script], env=LOGINS, capture_output=True, text=True, check=True
    )
    assert ran.stdout == f"{places.pulumi_home}|unset"
