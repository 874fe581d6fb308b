"""Partitions: separate parts of AWS, such as `aws` and `aws-us-gov`."""

from typing import Final

import pulumi
import pulumi_aws as aws

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
