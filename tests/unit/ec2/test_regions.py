"""Region names: the nearest to a misspelled one, unsupported ones, and the fix at each source."""

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
def test_the_nearest_region_has_the_typed_letters(typed: str, expected: str | None) -> None:
    assert nearest(typed, regions.known()) == expected


def test_each_region_is_its_own_nearest_and_valid_if_supported() -> None:
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
def test_an_unsupported_region_is_rejected_with_the_reason(region: str, why: str) -> None:
    with pytest.raises(ConfigError) as refused:
        regions.check(region, regions.OF_STACK)
    said = str(refused.value)
    assert said.startswith(
        f"GeuseMaker does not support the AWS Region {region} (set by the stack's aws:region): "
    )
    assert why in said
    assert said.endswith("Use another one: `pulumi config set aws:region us-east-1`.")


def test_the_other_partitions_are_supported() -> None:
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
def test_an_unknown_region_is_rejected_with_the_fix_for_its_source(source: str, fix: str) -> None:
    for wrong, hint in (("us-esat-1", "The nearest is"), ("x", "An example is")):
        with pytest.raises(ConfigError) as refused:
            regions.check(wrong, source)
        said = str(refused.value)
        assert said.startswith(
            f"Unknown AWS Region '{wrong}' (set by {source}). {hint} us-east-1: {fix}. "
        )
        assert said.endswith("needs a newer one (docs/upgrading.md).")
