"""Which services may be chosen together."""

import re
import shlex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geusemaker.bundle import CONTAINERS, SERVICES, BundleError, check_services
from geusemaker.bundle.facts import containers_of
from geusemaker.errors import ConfigError

from .variants import SUBSETS


@pytest.mark.parametrize("chosen", SUBSETS, ids="+".join)
def test_every_allowed_choice_is_taken(chosen: tuple[str, ...]) -> None:
    check_services(chosen)
    check_services(list(reversed(chosen)))


@pytest.mark.parametrize(
    ("chosen", "says"),
    [
        ((), "is an empty list"),
        (("n8n",), "n8n keeps its workflows in PostgreSQL"),
        (("n8n", "ollama"), "n8n keeps its workflows in PostgreSQL"),
        (("n8m", "postgres"), "did you mean n8n?"),
        (("caddy",), "'caddy' is no service"),
        (("ollama", "redis"), "'redis' is no service"),
        (("ollama", "Qdrant"), "did you mean qdrant?"),
        (("ollama", "ollama"), "names a service twice"),
        (("ollama", ""), "'' is no service"),
    ],
)
def test_others_are_refused_with_commands_that_fix(chosen: tuple[str, ...], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_services(chosen)
    text = str(caught.value)
    assert isinstance(caught.value, BundleError)
    assert says in text
    assert "\n" not in text
    commands = [shlex.split(command) for command in re.findall(r"`([^`]*)`", text)]
    assert commands[0][:4] == ["pulumi", "config", "set", "geusemaker:services"]
    check_services(commands[0][4].split(","))


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(st.text(max_size=12), max_size=6))
def test_whatever_is_typed_ends_in_one_paragraph_or_runs(chosen: list[str]) -> None:
    try:
        check_services(chosen)
    except BundleError as error:
        for command in re.findall(r"`pulumi config set geusemaker:services ([^`]*)`", str(error)):
            check_services(shlex.split(command)[0].split(","))
    else:
        assert set(chosen) <= set(SERVICES)


def test_the_proxy_always_runs_and_n8n_brings_its_runner() -> None:
    assert containers_of(SERVICES) == CONTAINERS
    assert containers_of(("qdrant",)) == ("qdrant", "caddy")
    assert containers_of(("postgres", "n8n")) == ("n8n", "n8n-runners", "postgres", "caddy")
