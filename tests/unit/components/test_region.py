"""The Region of the program: an invalid one is refused before any call of AWS."""

from collections.abc import Iterator
from typing import NoReturn

import pulumi
import pulumi.runtime
import pulumi_aws as aws
import pytest

from geusemaker.components import region
from geusemaker.errors import ConfigError
from geusemaker.simulator.mocks import SimulatedMocks

SAID = (
    "invoke of aws:index/getRegion:getRegion failed: invocation of aws:index/getRegion:getRegion "
    "returned an error: No valid credential sources found.\n"
)


@pytest.fixture
def no_answer(
    account: SimulatedMocks, monkeypatch: pytest.MonkeyPatch
) -> Iterator[pytest.MonkeyPatch]:
    """Each call fails, and no Region is configured."""

    def failing(**_: object) -> NoReturn:
        raise Exception(SAID)  # the SDK raises nothing narrower

    monkeypatch.setattr(aws, "get_region", failing)
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    pulumi.runtime.set_all_config({})
    yield monkeypatch
    pulumi.runtime.set_all_config({})


def refusal() -> str:
    with pytest.raises(ConfigError) as refused:
        region.look_up(pulumi.InvokeOptions())
    said = str(refused.value)
    assert "\n" not in said
    return said


def test_an_unknown_region_is_refused_before_any_call_of_aws(no_answer: pytest.MonkeyPatch) -> None:
    no_answer.setenv("AWS_DEFAULT_REGION", "us-wset-2")
    assert "`export AWS_DEFAULT_REGION=us-west-2`" in refusal()
    pulumi.runtime.set_all_config({"aws:region": "us-esat-1"})
    said = refusal()
    assert said.startswith("Unknown AWS Region 'us-esat-1' (set by the stack's aws:region)")
    assert "credential" not in said


def test_an_explicit_provider_ignores_the_configured_region(
    account: SimulatedMocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "fr-par")  # of another cloud, say, with S3's protocol
    with pytest.raises(ConfigError):
        region.look_up(pulumi.InvokeOptions())
    own = aws.Provider("own", region="us-east-1")
    parent = pulumi.ComponentResource("a:b:C", "c", None, pulumi.ResourceOptions(providers=[own]))
    for opts in (pulumi.InvokeOptions(provider=own), pulumi.InvokeOptions(parent=parent)):
        assert region.look_up(opts) == "us-east-1"


def test_an_explicit_provider_in_china_is_refused(
    account: SimulatedMocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = aws.Provider("own", region="cn-north-1")
    monkeypatch.setattr(
        aws, "get_region", lambda **_: aws.GetRegionResult("cn-north-1", "", "", "cn-north-1", "")
    )
    with pytest.raises(ConfigError, match="is in the Region cn-north-1, and GeuseMaker does not"):
        region.look_up(pulumi.InvokeOptions(provider=own))


def test_a_failed_call_of_aws_is_reported_in_one_paragraph(
    no_answer: pytest.MonkeyPatch,
) -> None:
    assert refusal().startswith(
        "The first call of AWS failed, and no Region is set. The error is: inv"
    )
    no_answer.setenv("AWS_REGION", "eu-west-1")
    said = refusal()
    assert said.startswith("The first call of AWS failed, in the Region eu-west-1. The error is: ")
    assert "No valid credential sources found." in said
    assert "`aws sts get-caller-identity`" in said
