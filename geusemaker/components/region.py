"""The Region that the stack is made in, at preview too."""

import os

import pulumi
import pulumi_aws as aws

from geusemaker.errors import ConfigError


def look_up(opts: pulumi.InvokeOptions) -> str:
    """The provider's Region: what it tells, else what its config says.

    Providers before version 7, and mocks written for them, tell it as `name`.

    Raises:
        ConfigError: Neither tells one.
    """
    told = aws.get_region(opts=opts)
    region = (
        told.region
        or pulumi.get(told, "name")  # not as an attribute, which warns that it is deprecated
        or pulumi.Config("aws").get("region")
        or os.environ.get("AWS_REGION")
        or os.environ.get("AWS_DEFAULT_REGION")
    )
    if not region:
        raise ConfigError(
            "aws:region is not set, and AWS did not tell which Region it was asked in, so that "
            "nothing can be placed. Name one: `pulumi config set aws:region us-east-1`; or set "
            "AWS_REGION in the environment."
        )
    return str(region)
