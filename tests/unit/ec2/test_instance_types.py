"""EC2's naming rules, tested against all types of EC2."""

import gzip
import json
from importlib.resources import files
from typing import Any, Literal

import pytest

from geusemaker.ec2.instance_types import architecture_of, counterpart, type_pattern


@pytest.fixture(scope="module")
def types() -> dict[str, Any]:
    data = files("moto.ec2").joinpath("resources/instance_types.json.gz").read_bytes()
    loaded: dict[str, Any] = json.loads(gzip.decompress(data))
    assert len(loaded) > 1000
    return loaded


def test_the_architecture_by_name_is_right_for_every_type(types: dict[str, Any]) -> None:
    wrong = {
        name: architectures
        for name, facts in types.items()
        if (architectures := facts["ProcessorInfo"]["SupportedArchitectures"])
        and not any(one.startswith(architecture_of(name)) for one in architectures)
    }
    assert wrong == {}


def test_the_pattern_matches_every_type(types: dict[str, Any]) -> None:
    assert [name for name in types if not type_pattern.fullmatch(name)] == []


@pytest.mark.parametrize("architecture", ["x86_64", "arm64"])
def test_the_counterpart_exists_and_has_the_architecture(
    types: dict[str, Any], architecture: Literal["x86_64", "arm64"]
) -> None:
    for name in types:
        other = counterpart(name, architecture)
        assert other in types
        assert architecture_of(other) == architecture


@pytest.mark.parametrize(
    "name", ["p6e-gb200.36xlarge", "a1.large", "mac2-m2pro.metal", "x2gd.metal"]
)
def test_arm_types_outside_the_common_rule_are_known(name: str) -> None:
    assert architecture_of(name) == "arm64"


@pytest.mark.parametrize(
    "name", ["mac1.metal", "p6-b200.48xlarge", "g4dn.xlarge", "u7i-6tb.112xlarge"]
)
def test_a_g_in_another_place_does_not_mean_graviton(name: str) -> None:
    assert architecture_of(name) == "x86_64"


def test_a_counterpart_keeps_series_and_size_if_it_can() -> None:
    assert counterpart("g5.xlarge", "arm64") == "g5g.xlarge"
    assert counterpart("m7i-flex.2xlarge", "arm64") == "m6g.2xlarge"
    assert counterpart("p5.48xlarge", "arm64") == "g5g.xlarge"
    assert counterpart("trn1.2xlarge", "arm64") == "m6g.2xlarge"
