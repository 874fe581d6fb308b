"""Memory limits fit the host, and services that do not fit are refused."""

import json
import math
import re
import shlex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geusemaker.bundle import SERVICES, BundleError
from geusemaker.bundle.facts import containers_of
from geusemaker.bundle.limits import MIB_PER_GIB, NEEDS, OLLAMA_LEAST, least_gib, memory_limits

from .variants import SUBSETS, compose, facts

_subsets = st.sampled_from(SUBSETS).map(containers_of)
_sizes = st.floats(min_value=0.5, max_value=4096, allow_nan=False)


@settings(deadline=None)  # a busy machine is no failure
@given(_subsets, _sizes)
def test_limits_fit_and_leave_room_for_the_system(
    containers: tuple[str, ...], memory_gib: float
) -> None:
    try:
        limits = memory_limits(containers, memory_gib)
    except BundleError:
        assert memory_gib < least_gib(containers), "refused although it fits"
        return
    given_out = [limit for limit in limits.values() if limit is not None]
    assert list(limits) == list(containers)
    assert sum(given_out) <= memory_gib * MIB_PER_GIB - 768
    for name, limit in limits.items():
        assert limit is not None
        assert limit >= (OLLAMA_LEAST if name == "ollama" else NEEDS[name].least)


@settings(deadline=None)  # a busy machine is no failure
@given(_subsets)
def test_the_smallest_size_is_the_smallest_that_fits(containers: tuple[str, ...]) -> None:
    size = least_gib(containers)
    assert memory_limits(containers, size)
    if size > 1:
        with pytest.raises(BundleError):
            memory_limits(containers, size - 1)


@settings(deadline=None)  # a busy machine is no failure
@given(_subsets, _sizes, _sizes)
def test_more_memory_never_lowers_a_limit(
    containers: tuple[str, ...], one: float, other: float
) -> None:
    small, large = sorted((max(one, 10.0), max(other, 10.0)))
    before, after = memory_limits(containers, small), memory_limits(containers, large)
    for name in set(containers) - {"ollama"}:
        assert (before[name] or 0) <= (after[name] or 0)


def test_a_model_of_seven_billion_parameters_fits_the_default_host() -> None:
    ollama = memory_limits(containers_of(SERVICES), 16.0)["ollama"]
    assert ollama is not None
    assert ollama >= 6 * MIB_PER_GIB


def test_ollama_gets_the_remaining_memory() -> None:
    ollama = memory_limits(containers_of(("ollama",)), 64.0)["ollama"]
    assert ollama == 64 * MIB_PER_GIB - NEEDS["caddy"].least - 4096


@pytest.mark.parametrize("chosen", SUBSETS, ids="+".join)
def test_an_unknown_memory_size_is_accepted(chosen: tuple[str, ...]) -> None:
    containers = containers_of(chosen)
    limits = memory_limits(containers, None)
    assert [name for name, limit in limits.items() if limit is None] == (
        ["ollama"] if "ollama" in chosen else []
    )
    others = [name for name in containers if name != "ollama"]
    assert {name: limits[name] for name in others} == {
        name: memory_limits(others, 8.0)[name] for name in others
    }
    written = compose(facts(services=chosen, memory_gib=None))["services"]
    if "ollama" in chosen:
        assert "memory" not in written["ollama"]["deploy"]["resources"]["limits"]


@pytest.mark.parametrize("chosen", SUBSETS, ids="+".join)
def test_a_host_that_is_too_small_is_refused_with_commands_that_fix_it(
    chosen: tuple[str, ...],
) -> None:
    containers = containers_of(chosen)
    fewer = tuple(name for name in chosen if name not in ("crawl4ai", "ollama"))
    for size in range(1, least_gib(containers)):
        with pytest.raises(BundleError) as caught:
            memory_limits(containers, size)
        text = str(caught.value)
        assert text.startswith(
            f"geusemaker:instanceType has {size} GiB of memory, and the services "
            f"{json.dumps(chosen)} need {least_gib(containers)} GiB at least."
        )
        assert "\n" not in text
        commands = [shlex.split(command) for command in re.findall(r"`([^`]*)`", text)]
        assert commands[0] == ["pulumi", "config", "set", "geusemaker:instanceType", "m6i.xlarge"]
        fits = bool(fewer) and fewer != chosen and least_gib(containers_of(fewer)) <= size
        assert commands[1:] == (
            [["pulumi", "config", "set", "geusemaker:services", ",".join(fewer)]] if fits else []
        )
    assert memory_limits(containers, 16.0), "the proposed type is too small as well"


def test_all_services_fit_a_small_host() -> None:
    assert least_gib(containers_of(SERVICES)) <= 8
    assert math.isfinite(least_gib(containers_of(("postgres",))))
