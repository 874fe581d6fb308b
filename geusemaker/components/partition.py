"""Partitions: separate parts of AWS, such as `aws` and `aws-us-gov`."""

from collections.abc import Mapping, Sequence
from typing import Final

import pulumi
import pulumi_aws as aws

from geusemaker.errors import ConfigError

COMMERCIAL: Final = "aws"
"""The partition of most accounts, and the default under mocks."""


def look_up(opts: pulumi.InvokeOptions) -> str:
    """The partition of the provider's Region."""
    found: str = aws.get_partition(opts=opts).partition or COMMERCIAL
    return found


def partition_of(arn: str | None) -> str:
    """The partition of an ARN. `COMMERCIAL` if `arn` is not an ARN."""
    scheme, _, rest = (arn or "").partition(":")
    return (rest.partition(":")[0] if scheme == "arn" else "") or COMMERCIAL


def check_policies(named: Mapping[str, Sequence[str]], partition: str) -> None:
    """Raises `ConfigError` for a policy of another partition. `named`: ARNs by their config key."""
    for key, arns in named.items():
        for arn in arns:
            if (own := partition_of(arn)) != partition:
                raise ConfigError(
                    f"geusemaker:{key} names {arn}, a policy of the partition {own}, but this "
                    f"stack is in the partition {partition}, and IAM attaches policies of its own "
                    "partition only. `aws iam list-policies --scope Local` lists the policies of "
                    f"the account. To use none: `pulumi config rm geusemaker:{key}`."
                )
