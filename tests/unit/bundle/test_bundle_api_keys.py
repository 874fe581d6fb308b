"""Keys with names in the bundle: their form, and what only Caddy gets."""

import re

import pytest

from geusemaker.bundle.api_keys import PATTERN, SOURCE, as_value, by_name, entry, new_key
from geusemaker.bundle.secret_names import SECRETS_ROOT

from .variants import compose, facts, rendered


def test_a_key_is_random_and_has_its_name() -> None:
    one, other = new_key("ci-2"), new_key("ci-2")
    assert one != other
    found = re.fullmatch(PATTERN, one)
    assert found is not None
    assert found.groups() == (one, "ci-2")


def test_the_keys_are_found_by_name_again() -> None:
    names = ("a", "ci-2", "z-", "a" * 31)
    keys = {name: new_key(name) for name in names}
    assert by_name(as_value(keys.values())) == keys
    assert "\n" not in as_value(keys.values())


@pytest.mark.parametrize(
    ("text", "found"),
    [("a", ("a", 1)), ("a:2", ("a", 2)), ("a-1:9999", ("a-1", 9999)), ("a:10000", None)],
)
def test_an_item_has_a_name_and_a_number(text: str, found: tuple[str, int] | None) -> None:
    assert entry(text) == found


def test_only_caddy_gets_the_keys_and_those_of_the_services() -> None:
    one = facts(has_api_keys=True)
    before, after = compose(facts())["services"], compose(one)["services"]
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"caddy"}
    assert [secret["source"] for secret in after["caddy"]["secrets"]] == [
        "caddy_ollama-api-key",
        "caddy_qdrant-api-key",
        "caddy_crawl4ai-token",
    ]
    (mount,) = [one for one in after["caddy"]["volumes"] if one["target"] == "/run/keys"]
    assert mount["source"] == SOURCE == f"{SECRETS_ROOT}/caddy-keys"
    assert mount["read_only"] is True
    lines = set(rendered(one)["manifest"].splitlines())
    assert lines - set(rendered(facts())["manifest"].splitlines()) == {
        "secret caddy qdrant-api-key 1000",
        "secret caddy crawl4ai-token 1000",
        "secret caddy-keys api-keys 1000",
    }


@pytest.mark.parametrize("service", ["ollama", "qdrant", "crawl4ai"])
def test_caddy_gets_the_key_of_no_service_that_does_not_run(service: str) -> None:
    one = facts(services=(service,), has_api_keys=True)
    assert len(compose(one)["services"]["caddy"]["secrets"]) == 1
    text = rendered(one)["caddy/Caddyfile"]
    assert text.count("@known") == 2
    assert f"reverse_proxy {service}:" in text
