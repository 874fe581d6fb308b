"""Invalid arguments of `Tier1`: one paragraph each, as for config, with the argument to pass."""

from typing import Any

import pulumi
import pytest
from pydantic import SecretStr

from geusemaker.config import DeploymentConfig
from geusemaker.errors import ConfigError


def refused(**arguments: Any) -> str:
    with pytest.raises(ConfigError) as error:
        DeploymentConfig.from_arguments("Tier1", arguments)
    text = str(error.value)
    assert "\n" not in text
    assert "pydantic" not in text
    assert "pulumi config set geusemaker" not in text
    return text


@pytest.mark.parametrize(
    ("arguments", "why", "fix"),
    [
        (
            {"architecture": "amd64"},
            "The argument architecture of Tier1 is 'amd64', which is not an allowed value (did you "
            "mean x86_64?).",
            "pass `architecture='x86_64'`.",
        ),
        ({"data_volume_gib": 0}, "data_volume_gib of Tier1 is 0, which is less than", "pass `data"),
        ({"allowed_cidrs": ["10.0.0.1/8"]}, "10.0.0.0/8", "pass `allowed_cidrs=['10.0.0.0/8']`."),
        (
            {"instancetype": "g5.xlarge"},
            "The argument instancetype of Tier1 is not a config key (did you mean instanceType?).",
            "pass `instance_type='g5.xlarge'` in its place.",
        ),
        (
            {"domain": "ai.example.com", "services": ["n8n"]},
            "In the arguments of Tier1: ",
            "pass `",
        ),
    ],
    ids=["choice", "range", "network", "name", "together"],
)
def test_an_invalid_argument_is_one_paragraph_with_the_argument_to_pass(
    arguments: dict[str, Any], why: str, fix: str
) -> None:
    text = refused(**arguments)
    assert why in text
    assert fix in text


@pytest.mark.parametrize(
    "value",
    [
        pulumi.Output.from_input("10.0.0.0/8"),
        [pulumi.Output.from_input("10.0.0.0/8")],
        ("10.0.0.0/8", pulumi.Output.secret("10.0.0.0/8")),
    ],
    ids=["output", "in a list", "in a tuple"],
)
def test_an_output_as_an_argument_is_refused_in_words(value: Any) -> None:
    text = refused(allowed_cidrs=value)
    assert text.startswith("The argument allowed_cidrs of Tier1 is a Pulumi Output.")
    assert refused(tags={"team": pulumi.Output.from_input("ml")}).startswith("The argument tags")


def test_no_message_shows_a_login() -> None:
    for password in ("pass\nword", SecretStr("pass\nword")):
        text = refused(registry_logins={"docker.io": password})
        assert "registry_logins of Tier1 has a secret value (not shown)" in text
        assert "word" not in text.replace("password", "")


def test_no_message_shows_a_secret_under_a_misspelt_name() -> None:
    for password in ("hush", SecretStr("hush")):
        text = refused(service_setting={"n8n": {"N8N_SMTP_PASS": password}})
        assert "did you mean serviceSettings?" in text
        assert "hush" not in text


def test_valid_arguments_are_the_config() -> None:
    config = DeploymentConfig.from_arguments(
        "Tier1", {"services": ("n8n", "postgres"), "ami_id": None, "tags": {"team": "ml"}}
    )
    assert config.services == ("n8n", "postgres")
    assert config.model_fields_set == {"services", "ami_id", "tags"}
