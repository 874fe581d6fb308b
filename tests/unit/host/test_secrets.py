"""The logins of each service; internal secrets are shown on demand only."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geusemaker.bundle import SECRET_NAMES, SERVICES
from geusemaker.host import secrets
from geusemaker.host.secrets import INTERNAL, as_json, lines, logins_of, parse

VALUES = {name: f"value-of-{name}" for name in SECRET_NAMES}
TEXT = "\n".join(f"{name}={value}" for name, value in sorted(VALUES.items()))
URL, OWNER = "https://n8n.example.com", "me@example.com"


def test_a_value_is_taken_unchanged() -> None:
    assert parse(TEXT) == VALUES
    found = parse("n8n-owner-password-hash=$2b$12$a=b \r\nno line\nother=x\nqdrant-api-key= k")
    assert found == {"n8n-owner-password-hash": "$2b$12$a=b ", "qdrant-api-key": " k"}


def test_the_internal_secrets_are_those_without_a_login() -> None:
    assert set(INTERNAL) == {
        "postgres-password",
        "n8n-encryption-key",
        "n8n-owner-password-hash",
        "n8n-runners-token",
    }


def test_the_whole_output() -> None:
    assert lines(VALUES, logins_of(None), URL, OWNER, internal=False) == [
        "n8n        https://n8n.example.com",
        "           user      me@example.com",
        "           password  value-of-n8n-owner-password",
        "Ollama     https://n8n.example.com/ollama",
        "           header    Authorization: Bearer value-of-ollama-api-key",
        "Qdrant     https://n8n.example.com:443/qdrant",
        "           header    api-key: value-of-qdrant-api-key",
        "Crawl4AI   https://n8n.example.com/crawl4ai",
        "           header    Authorization: Bearer value-of-crawl4ai-token",
    ]


@pytest.mark.parametrize("internal", [False, True])
@pytest.mark.parametrize("services", [None, ("n8n",), ("ollama", "postgres"), SERVICES])
def test_internal_secrets_are_shown_on_demand_only(
    services: tuple[str, ...] | None, internal: bool
) -> None:
    logins = logins_of(services)
    printed = "\n".join(lines(VALUES, logins, URL, OWNER, internal=internal))
    document = json.dumps(as_json(VALUES, logins, URL, OWNER, internal=internal))
    for name in INTERNAL:
        # One name is a prefix of another, so the search includes the end of the value.
        assert (f"value-of-{name}\n" in f"{printed}\n") is internal
        assert (f'"value-of-{name}"' in document) is internal
    for login in secrets.LOGINS:
        is_chosen = services is None or login.service in services
        assert (f"value-of-{login.secret}\n" in f"{printed}\n") is is_chosen
        assert (f'value-of-{login.secret}"' in document) is is_chosen


def test_json_has_what_a_request_needs() -> None:
    document = as_json(VALUES, logins_of(None), URL, OWNER, internal=True)
    assert document["n8n"] == {"url": URL, "user": OWNER, "password": "value-of-n8n-owner-password"}
    assert document["qdrant"] == {
        "url": f"{URL}:443/qdrant",
        "header": "api-key",
        "value": "value-of-qdrant-api-key",
    }
    assert document["ollama"]["value"] == "Bearer value-of-ollama-api-key"
    assert set(document["internal"]) == set(INTERNAL)


def test_a_missing_secret_and_a_missing_url_are_shown() -> None:
    assert lines({}, logins_of(("qdrant",)), None, OWNER, internal=True) == [
        "Qdrant     no url: the stack has none",
        "           qdrant-api-key is not among the stack's secrets",
        "Internal: not logins, do not share them",
    ]
    document = as_json({}, logins_of(None), None, OWNER, internal=False)
    assert document["qdrant"] == {"url": None, "header": "api-key", "value": None}
    assert document["n8n"]["password"] is None


@given(st.text())
def test_no_text_makes_it_fail(text: str) -> None:
    assert set(parse(text)) <= set(SECRET_NAMES)
