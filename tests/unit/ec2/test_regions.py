"""Region names: the nearest to a misspelt one, and what fixes it where it was named."""

import pytest

from geusemaker.ec2 import regions
from geusemaker.errors import ConfigError
from geusemaker.messages import nearest


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("us-esat-1", "us-east-1"),
        ("us-wset-2", "us-west-2"),
        ("us-east-1a", "us-east-1"),
        ("US-East-1", "us-east-1"),
        ("us east 1", "us-east-1"),
        ("eu-centrl-1", "eu-central-1"),
        ("ap-sotheast-2", "ap-southeast-2"),
        ("nonsense", None),
        ("", None),
    ],
)
def test_the_nearest_has_the_letters_that_were_typed(typed: str, expected: str | None) -> None:
    assert nearest(typed, regions.known()) == expected


def test_each_region_is_its_own_nearest_and_passes() -> None:
    for region in regions.known():
        assert nearest(region, regions.known()) == region
        if regions.why_unsupported(region) is None:
            regions.check(region, regions.OF_STACK)


@pytest.mark.parametrize(
    ("region", "why"),
    [
        ("cn-north-1", "in China"),
        ("cn-northwest-1", "in China"),
        ("us-iso-east-1", "no access to the internet"),
        ("us-isob-east-1", "no access to the internet"),
        ("eu-isoe-west-1", "no access to the internet"),
    ],
)
def test_a_region_where_no_stack_can_run_is_refused_with_the_reason(region: str, why: str) -> None:
    with pytest.raises(ConfigError) as refused:
        regions.check(region, regions.OF_STACK)
    said = str(refused.value)
    assert said.startswith(f"The Region is {region} (by the stack's aws:region), and GeuseMaker")
    assert why in said
    assert said.endswith("Take another one: `pulumi config set aws:region us-east-1`.")


def test_the_other_partitions_are_not_refused() -> None:
    for region in ("us-gov-west-1", "eusc-de-east-1", "us-east-1"):
        assert regions.why_unsupported(region) is None


@pytest.mark.parametrize(
    ("source", "fix"),
    [
        ("--region", "`--region us-east-1`"),
        ("AWS_DEFAULT_REGION", "`export AWS_DEFAULT_REGION=us-east-1`"),
        ("the stack's aws:region", "`pulumi config set aws:region us-east-1`"),
    ],
)
def test_it_is_put_right_where_it_was_named(source: str, fix: str) -> None:
    for wrong, hint in (("us-esat-1", "the nearest is"), ("x", "one that it has is")):
        with pytest.raises(ConfigError) as refused:
            regions.check(wrong, source)
        said = str(refused.value)
        assert said.startswith(f"The Region is '{wrong}' (by {source}), which is not the name of")
        assert f"{hint} us-east-1. Take that: {fix}. A Region that is newer than" in said
