"""Partitions: the parts of AWS that share nothing, such as `aws` and `aws-us-gov`."""

from typing import Final

import pulumi
import pulumi_aws as aws

COMMERCIAL: Final = "aws"
"""The partition of most accounts, for where none is told, as by the mocks of a unit test."""


def look_up(opts: pulumi.InvokeOptions) -> str:
    """The partition of the provider's Region."""
    found: str = aws.get_partition(opts=opts).partition or COMMERCIAL
    return found


def partition_of(arn: str | None) -> str:
    """The partition that an ARN names; the commercial one for what is no ARN."""
    scheme, _, rest = (arn or "").partition(":")
    return (rest.partition(":")[0] if scheme == "arn" else "") or COMMERCIAL
