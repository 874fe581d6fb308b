"""Looks up and validates the Region of the stack."""

import os

import pulumi
import pulumi_aws as aws

from geusemaker.ec2 import regions
from geusemaker.errors import ConfigError, one_line


def look_up(opts: pulumi.InvokeOptions) -> str:
    """The Region of the provider, else of the config.

    Raises:
        ConfigError: The Region is unset, unknown or unsupported, or the call of AWS fails.
    """
    configured, source = _configured()
    if configured and not _has_own_provider(opts):
        # Before any call of AWS: in an unknown Region the provider fails with an error about
        # credentials or hosts, and the engine ends the program before it can report the Region.
        regions.check(configured, source)
    try:
        answer = aws.get_region(opts=opts)
    except Exception as error:  # the SDK raises nothing narrower
        raise _failed(configured, error) from error
    region = (
        answer.region
        # Providers before version 7. The attribute would log a deprecation warning.
        or pulumi.get(answer, "name")
        or configured
    )
    if not region:
        raise ConfigError(
            "aws:region is not set, and the provider has no Region. Set one: `pulumi config set "
            "aws:region us-east-1`, or AWS_REGION in the environment."
        )
    if why := regions.why_unsupported(str(region)):  # of an explicit provider
        raise ConfigError(
            f"The provider of this stack is in the Region {region}, and GeuseMaker does not "
            f"support it: {why}. Use a provider with another Region."
        )
    return str(region)


def _has_own_provider(opts: pulumi.InvokeOptions) -> bool:
    """Whether the caller passed an explicit provider, which has its own Region."""
    function = "aws:index/getRegion:getRegion"
    return opts.provider is not None or bool(opts.parent and opts.parent.get_provider(function))


def _configured() -> tuple[str | None, str]:
    """The Region of the stack or the environment, and the name of its source."""
    if of_stack := pulumi.Config("aws").get("region"):
        return of_stack, regions.OF_STACK
    for name in regions.VARIABLES:
        if value := os.environ.get(name):
            return value, name
    return None, ""


def _failed(region: str | None, error: Exception) -> ConfigError:
    """The error for the first call of AWS, where wrong credentials or no network show."""
    where = f"in the Region {region}" if region else "and no Region is set"
    return ConfigError(
        f"The first call of AWS failed, {where}. The error is: {one_line(error)} -- if it is about "
        "the Region, `pulumi config get aws:region` shows the stack's and `pulumi config set "
        "aws:region us-east-1` changes it; if it is about credentials, `aws sts "
        "get-caller-identity` shows which are in use; if it is about the network, run the command "
        "again."
    )
