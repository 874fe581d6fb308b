"""`serviceSettings`: what is accepted, and what an error says and keeps to itself."""

import json
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from geusemaker.bundle.queue import SECRETS_BYTES
from geusemaker.config import DeploymentConfig
from geusemaker.config.service_settings import plain_values, secret_values, secret_variables

from .conftest import FromFile, FromStack, Refused

KEY = "geusemaker:serviceSettings"
SET = f"`pulumi config set --path {KEY}."
RM = f"`pulumi config rm --path {KEY}."


def text(**services: Any) -> str:
    return json.dumps(services)


def test_values_are_text_in_the_order_of_the_list(from_stack: FromStack) -> None:
    given = {"EXECUTIONS_DATA_PRUNE": False, "N8N_SMTP_PORT": 587, "GENERIC_TIMEZONE": "UTC"}
    found = from_stack(serviceSettings=text(n8n=given, qdrant={})).service_settings
    assert found == {
        "n8n": {"GENERIC_TIMEZONE": "UTC", "N8N_SMTP_PORT": "587", "EXECUTIONS_DATA_PRUNE": "false"}
    }
    assert list(found["n8n"]) == ["GENERIC_TIMEZONE", "N8N_SMTP_PORT", "EXECUTIONS_DATA_PRUNE"]


def test_a_fraction_of_yaml_is_taken_as_it_was_written(from_file: FromFile) -> None:
    config = from_file(
        "serviceSettings:\n  qdrant:\n    QDRANT__STORAGE__OPTIMIZERS__DELETED_THRESHOLD: 0.30\n"
    )
    (value,) = config.service_settings["qdrant"].values()
    assert value == "0.30"


def test_secrets_are_apart_and_in_no_text_of_the_config(from_stack: FromStack) -> None:
    given = text(
        n8n={"N8N_SMTP_PASS": "hush$1", "N8N_SMTP_USER": "me"}, crawl4ai={"GROQ_API_KEY": "hush"}
    )
    config = from_stack(secret=("serviceSettings",), serviceSettings=given)
    values = config.service_settings
    assert plain_values(values) == {"n8n": {"N8N_SMTP_USER": "me"}, "crawl4ai": {}}
    assert secret_values(values) == {"n8n.N8N_SMTP_PASS": "hush$1", "crawl4ai.GROQ_API_KEY": "hush"}
    assert set(secret_variables(values)) == {("n8n", "N8N_SMTP_PASS"), ("crawl4ai", "GROQ_API_KEY")}
    for shown in (f"{config!r}{config}", str(config.stack_values()), str(config.model_dump())):
        assert "hush" not in shown
    assert "hush" not in config.model_dump_json()
    # As arguments of the component, which are read again.
    assert DeploymentConfig.model_validate(config.model_dump(exclude_unset=True)) == config


def test_component_arguments_take_plain_values() -> None:
    given = {"n8n": {"N8N_SMTP_PASS": "hush", "N8N_SMTP_PORT": 25, "TZ": SecretStr("UTC")}}
    found = DeploymentConfig.model_validate({"service_settings": given}).service_settings
    assert found["n8n"] == {
        "TZ": "UTC", "N8N_SMTP_PORT": "25", "N8N_SMTP_PASS": SecretStr("hush")
    }  # fmt: skip
    for wrong in ({"n8n": {"N8N_SMTP_PASS": ["hush"]}}, {"n8n": "hush"}, {"n8n": {"X_Y": "hush"}}):
        with pytest.raises(ValidationError) as failed:
            DeploymentConfig.model_validate({"service_settings": wrong})
        assert "hush" not in str(failed.value)


# The value, what the message says, and the command that fixes it.
REFUSED = {
    "zone, by its city": (
        {"n8n": {"GENERIC_TIMEZONE": "Berlin"}},
        "n8n.GENERIC_TIMEZONE is 'Berlin', which is not allowed (did you mean Europe/Berlin?).",
        f"{SET}n8n.GENERIC_TIMEZONE Europe/Berlin`",
    ),
    "zone, by its case": (
        {"n8n": {"TZ": "america/new york"}}, "mean America/New_York?", f"{SET}n8n.TZ America/New_"
    ),
    "zone, misspelt": ({"n8n": {"TZ": "Europe/Berln"}}, "(did you mean Europe/Berlin?)", "Berlin`"),
    "zone, unlike any": (
        {"n8n": {"TZ": "local"}}, "is 'local', which is not allowed. Allowed: a time zone", f"{SET}"
    ),
    "number": (
        {"ollama": {"OLLAMA_CONTEXT_LENGTH": "16k"}},
        "Allowed: a whole number, 512 to 10485760.",
        f"{SET}ollama.OLLAMA_CONTEXT_LENGTH 16384`",
    ),
    "number beyond": (
        {"n8n": {"N8N_PAYLOAD_SIZE_MAX": 512}},
        "is '512', which",
        f"{SET}n8n.N8N_PAYLOAD_SIZE_MAX 64`",
    ),
    "truth": ({"ollama": {"OLLAMA_SCHED_SPREAD": "True"}}, "(did you mean true?)", "SPREAD true`"),
    "choice": ({"ollama": {"OLLAMA_KV_CACHE_TYPE": "q5"}}, "Allowed: f16, q8_0, q4_0.", f"{SET}"),
    "list": ({"n8n": {"TZ": ["UTC"]}}, "is no text, number or truth value", f"{SET}n8n.TZ"),
    "origin": (
        {"ollama": {"OLLAMA_ORIGINS": "chat.example.com"}},
        "is 'chat.example.com', which is not allowed",
        "OLLAMA_ORIGINS https://chat.example.com`",
    ),
    "near variable": (
        {"n8n": {"N8N_SMTP_PASSWORD": "hush"}},
        "n8n.N8N_SMTP_PASSWORD is not in the list of settings (did you mean N8N_SMTP_PASS?)",
        f"{RM}n8n.N8N_SMTP_PASSWORD`",
    ),
    "small letters": (
        {"n8n": {"generic_timezone": "hush"}}, "mean GENERIC_TIMEZONE?)", f"{RM}n8n.generic"
    ),
    "unknown variable": (
        {"ollama": {"OLLAMA_TURBO_BOOST": "hush"}},
        "is not in the list of settings. Allowed: OLLAMA_CONTEXT_LENGTH, ",
        f"{RM}ollama.OLLAMA_TURBO_BOOST`",
    ),
    "no variable": ({"n8n": {"a b": "hush"}}, "n8n has a name that is not that of a", f"{RM}n8n`"),
    "of another service": (
        {"n8n": {"OLLAMA_MAX_QUEUE": 9}},
        "is a setting of ollama, not of n8n",
        f"{RM}n8n.OLLAMA_MAX_QUEUE`",
    ),
    "what the stack sets": (
        {"n8n": {"N8N_ENCRYPTION_KEY": "hush"}},
        "n8n.N8N_ENCRYPTION_KEY cannot be set: the stack generates the key of n8n's credentials",
        f"{RM}n8n.N8N_ENCRYPTION_KEY`",
    ),
    "what another key sets": (
        {"n8n": {"N8N_HOST": "hush"}}, "cannot be set: `geusemaker:domain`", f"{RM}n8n.N8N_HOST`"
    ),
    "postgres": ({"postgres": {"X": "hush"}}, "PostgreSQL has no settings here", f"{RM}postgres`"),
    "near service": ({"qdrnt": {"X": "hush"}}, "(did you mean qdrant?)", f"{RM}qdrnt`"),
    "unknown service": (
        {"redis": {"X": "hush"}}, "redis is no service's name. Allowed: n8n, ollama,", f"{RM}redis`"
    ),
    "a container": ({"n8n-runners": {"X": "hush"}}, "is no service's name", f"{RM}n8n-runners`"),
    "no map": ({"n8n": "hush"}, "serviceSettings.n8n has no map of values", f"{RM}n8n`"),
    "no service's name": ({"a b": {}}, "has a name that is not that of a", f"rm {KEY}`"),
}  # fmt: skip


@pytest.mark.parametrize("secret", [(), ("serviceSettings",)], ids=["plain", "secret"])
@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_a_wrong_part_is_named_with_its_fix(
    refused: Refused, case: tuple[Any, str, str], secret: tuple[str, ...]
) -> None:
    given, said, fix = case
    message = refused(secret=secret, serviceSettings=json.dumps(given))
    assert message.startswith(KEY)
    assert "hush" not in message
    if not secret:
        assert said in message
        assert fix in message
    else:
        # Neither a value nor a guess from it.
        shown = "Berlin?", "'512'", "'local'", "16k", "did you mean true", "'chat."
        assert not [part for part in shown if part in message]
        assert "pulumi config" in message


def test_the_fix_of_a_secret_map_repeats_no_value(refused: Refused) -> None:
    given = text(n8n={"GENERIC_TIMEZONE": "Asia/Tokio", "N8N_SMTP_PASS": "hush"})
    message = refused(secret=("serviceSettings",), serviceSettings=given)
    assert message.endswith(f"To fix it, run {SET}n8n.GENERIC_TIMEZONE Europe/Berlin`.")
    assert "Tok" not in message


def test_no_wild_guess(refused: Refused) -> None:
    for variable in ("OLLAMA_TURBO_BOOST", "OLLAMA_GPU_OVERHEAD", "FOO", "OLLAMA_"):
        message = refused(serviceSettings=text(ollama={variable: 1}))
        assert "did you mean" not in message, message


def test_a_secret_in_plain_text_is_refused_and_not_repeated(
    refused: Refused, refused_file: Refused
) -> None:
    where = f"{KEY}.n8n.N8N_SMTP_PASS"
    message = refused(serviceSettings=text(n8n={"TZ": "UTC", "N8N_SMTP_PASS": "hush"}))
    assert message.startswith(f"{where} is in plain text, so everyone who can read")
    assert message.endswith(f"To fix it, run `pulumi config set --secret --path {where}`.")
    in_file = refused_file(
        "services: n8n,postgres\nserviceSettings:\n  n8n: {N8N_SMTP_PASS: hush}\n"
    )
    assert "delete `N8N_SMTP_PASS` under n8n in `serviceSettings` at line 2 and run" in in_file
    assert f"`pulumi config set --secret --path {where}`" in in_file
    assert "hush" not in message + in_file


@pytest.mark.parametrize("value", ["", "hu\nsh", "hush\x00"])
def test_a_secret_is_one_line(refused: Refused, value: str) -> None:
    given = text(n8n={"N8N_SMTP_PASS": value})
    message = refused(secret=("serviceSettings",), serviceSettings=given)
    assert "is empty, or has a control character such as a line break" in message
    assert f"`pulumi config set --secret --path {KEY}.n8n.N8N_SMTP_PASS`" in message
    assert "hu" not in message.replace("such", "")


def test_all_secrets_together_fit_one_parameter(refused: Refused, from_stack: FromStack) -> None:
    name = len("n8n.N8N_SMTP_PASS=")
    fits = text(n8n={"N8N_SMTP_PASS": "x" * (4096 - name)})
    from_stack(secret=("serviceSettings",), serviceSettings=fits)
    more = text(n8n={"N8N_SMTP_PASS": "x" * (4097 - name)})
    message = refused(secret=("serviceSettings",), serviceSettings=more)
    assert "needs 4097 bytes" in message
    assert f"{RM}n8n.N8N_SMTP_PASS`" in message
    # The list allows bytes, not letters.
    umlauts = text(n8n={"N8N_SMTP_PASS": "ü" * 2100})
    assert "needs 4218 bytes" in refused(secret=("serviceSettings",), serviceSettings=umlauts)
    # The keys of apiKeys are in the same parameter.
    lines = "\n".join((f"api-keys=ci_{'x' * 40} laptop_{'x' * 40}", "n8n.N8N_SMTP_PASS="))
    keys = {"secret": ("serviceSettings",), "apiKeys": "laptop,ci:2"}
    given = text(n8n={"N8N_SMTP_PASS": "x" * (4096 - len(lines))})
    assert from_stack(**keys, serviceSettings=given).api_keys == ("laptop", "ci:2")
    given = text(n8n={"N8N_SMTP_PASS": "x" * (4097 - len(lines))})
    message = refused(**keys, serviceSettings=given)
    assert "apiKeys and the secrets of serviceSettings need 4097 bytes together" in message
    assert message.endswith("To fix it, run `pulumi config rm geusemaker:apiKeys`.")
    # Those of workers too.
    keys = {"secret": ("serviceSettings",), "workers": "2"}
    fits = text(n8n={"N8N_SMTP_PASS": "x" * (4096 - SECRETS_BYTES - name)})
    from_stack(**keys, serviceSettings=fits)
    more = text(n8n={"N8N_SMTP_PASS": "x" * (4097 - SECRETS_BYTES - name)})
    message = refused(**keys, serviceSettings=more)
    assert "serviceSettings, with those of workers, need 4097 bytes together" in message
    assert message.endswith(f"To fix it, run {RM}n8n.N8N_SMTP_PASS`.")


@pytest.mark.parametrize("secret", [(), ("serviceSettings",)], ids=["plain", "secret"])
def test_settings_of_a_service_that_was_not_chosen(
    refused: Refused, secret: tuple[str, ...]
) -> None:
    message = refused(secret=secret, services="ollama", serviceSettings=text(n8n={"TZ": "UTC"}))
    assert message == (
        "geusemaker:serviceSettings has settings of n8n, but services does not have it. "
        "To fix it, run `pulumi config set geusemaker:services n8n,ollama,postgres` or run "
        f"{RM}n8n`."
    )


def test_a_wrong_part_of_a_file_is_named_with_its_line(refused_file: Refused) -> None:
    message = refused_file("osType: ubuntu-24.04\nserviceSettings:\n  n8n:\n    TZ: Berlin\n")
    assert message.startswith("serviceSettings.n8n.TZ (")
    assert "stack.yaml, line 2) is 'Berlin', which is not allowed" in message
    assert "write `TZ: Europe/Berlin` under n8n in `serviceSettings` at line 2" in message
    message = refused_file("service_settings: {n8n: {N8N_HOST: x}}\n")
    assert message.startswith("service_settings.n8n.N8N_HOST (")
    assert "delete `N8N_HOST` under n8n in `service_settings` at line 1" in message


def test_a_part_of_a_stack_file_that_is_encrypted_is_not_taken_for_plain_text(
    refused_file: Refused,
) -> None:
    message = refused_file(
        "config:\n  geusemaker:serviceSettings:\n    n8n:\n      N8N_SMTP_PASS:\n"
        "        secure: AAABAHusH\n"
    )
    assert "has an encrypted value for geusemaker:serviceSettings at line 2" in message
