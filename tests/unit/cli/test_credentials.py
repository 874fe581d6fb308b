"""`geusemaker credentials`: what it prints, and its errors."""

import json

import pytest

from geusemaker.config import DeploymentConfig
from geusemaker.host.secrets import INTERNAL

from .deployed import SECRETS, Deployed, lines_of, refusal


def test_the_logins_and_nothing_internal(host: Deployed) -> None:
    lines = host.world.run("credentials").out.splitlines()
    assert lines[0] == "us-east-1, account 123456789012, stack dev"
    assert "  n8n        https://localhost:8443" in lines
    assert f"             password  {SECRETS['n8n-owner-password']}" in lines
    assert f"             header    api-key: {SECRETS['qdrant-api-key']}" in lines
    assert lines[-1].startswith("`geusemaker connect` opens")
    (call,) = host.calls("get_parameter")
    assert call == {"Name": "credentials-1", "WithDecryption": True}


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_internal_ones_need_a_flag_of_their_own(host: Deployed, flags: list[str]) -> None:
    plain = host.world.run("credentials", *flags)
    every = host.world.run("credentials", "--all", *flags)
    for name in INTERNAL:
        assert SECRETS[name] not in plain.out + plain.err
        assert SECRETS[name] in every.out


def test_json_is_for_programs(host: Deployed) -> None:
    printed = json.loads(host.world.run("credentials", "--json").out)
    assert (printed["stack"], printed["simulated"]) == ("dev", False)
    assert printed["n8n"]["password"] == SECRETS["n8n-owner-password"]
    assert printed["crawl4ai"]["url"] == "https://localhost:8443/crawl4ai"
    assert "internal" not in printed


def test_only_what_the_stack_chose_is_shown(host: Deployed) -> None:
    class Chosen(DeploymentConfig):
        services: tuple[str, ...] = ("qdrant", "ollama")
        owner_email: str | None = "me@example.com"

    host.world.patch.setattr("geusemaker.cli.target.Target.config", lambda _: Chosen())
    said = host.world.run("credentials").out
    assert "Ollama" in said
    assert "Crawl4AI" not in said
    assert SECRETS["n8n-owner-password"] not in said


def test_the_owner_is_the_stacks(host: Deployed) -> None:
    class Owned(DeploymentConfig):
        owner_email: str | None = "me@example.com"

    host.world.patch.setattr("geusemaker.cli.target.Target.config", lambda _: Owned())
    assert "user      me@example.com" in host.world.run("credentials").out


def test_a_config_that_is_wrong_hides_no_password(host: Deployed) -> None:
    host.world.config("geusemaker:osType: ubuntu-99")
    said = host.world.run("credentials")
    assert SECRETS["n8n-owner-password"] in said.out
    assert "note: the stack's config cannot be read" in said.err


@pytest.mark.parametrize(
    ("said", "permission"),
    [
        ("not authorized to perform: ssm:GetParameter on resource: x", "ssm:GetParameter"),
        ("not authorized to perform: kms:Decrypt on resource: x", "kms:Decrypt"),
    ],
)
def test_without_permission_the_error_names_it(host: Deployed, said: str, permission: str) -> None:
    host.answers["get_parameter"] = refusal("GetParameter", "AccessDeniedException", said)
    error = host.world.run("credentials", code=1).err
    assert f"lacks the permission {permission}" in error
    assert "value-of" not in error


def test_an_overwritten_parameter_is_an_error(host: Deployed) -> None:
    host.put("credentials-1", "nothing", "SecureString")
    error = host.world.run("credentials", code=1).err
    assert "has none of the stack's secrets" in error
    host.put("credentials-1", lines_of({"qdrant-api-key": "k"}), "SecureString")
    assert "n8n-owner-password is not among" in host.world.run("credentials").out


def test_credentials_of_an_old_stack_and_of_the_simulated_account(host: Deployed) -> None:
    host.world.patch.setenv("GEUSEMAKER_SIMULATED", "1")
    lines = host.world.run("credentials").out.splitlines()
    assert lines[0].startswith("us-east-1, SIMULATED account")
    assert lines[-1] == "SIMULATED: no host booted, nothing answers at this url"
    host.world.answers(output={"instanceId": host.id})
    assert "no output credentialsParameter" in host.world.run("credentials", code=1).err


def test_a_public_url_is_shown_with_the_command_for_access_without_it(host: Deployed) -> None:
    output = {"instanceId": host.id, "credentialsParameter": "credentials-1"}
    host.world.answers(output=output | {"url": "https://203.0.113.5/"})
    said = host.world.run("credentials").out
    assert "https://203.0.113.5:443/qdrant" in said
    assert "without access to this url: `geusemaker connect" in said
    host.world.answers(output=output)
    assert "no url" in host.world.run("credentials").out
