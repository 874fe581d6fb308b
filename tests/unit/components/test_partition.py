"""Policies of another partition of AWS, whose ARNs are valid."""

from typing import Any

import pytest

from geusemaker.errors import ConfigError
from geusemaker.simulator.mocks import SimulatedMocks

from .rendering import deploy

GOV = "arn:aws-us-gov:iam::123456789012:policy/edge"


@pytest.mark.parametrize(
    ("key", "args"),
    [
        ("permissionsBoundaryArn", {"permissions_boundary_arn": GOV}),
        ("extraPolicyArns", {"extra_policy_arns": [GOV.replace("-us-gov", ""), GOV]}),
    ],
)
def test_a_policy_of_another_partition_is_refused_before_any_resource(
    account: SimulatedMocks, key: str, args: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError) as refused:
        deploy(**args)
    assert f"geusemaker:{key} names {GOV}, a policy of the partition aws-us-gov" in str(
        refused.value
    )
    assert f"`pulumi config rm geusemaker:{key}`" in str(refused.value)
    assert not account.of("aws:ec2/vpc:Vpc")
