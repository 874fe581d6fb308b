"""The Region that the stack is made in, at preview too."""

import os

import pulumi
import pulumi_aws as aws

from geusemaker.ec2 import regions
from geusemaker.errors import ConfigError, one_line


def look_up(opts: pulumi.InvokeOptions) -> str:
    """The provider's Region: what it tells, else what its config says.

    Providers before version 7, and mocks written for them, tell it as `name`.

    Raises:
        ConfigError: Neither tells one, the one that is configured is none or is not supported, or
            AWS cannot be asked.
    """
    configured, source = _configured()
    if configured and not _has_own_provider(opts):
        # Before AWS is asked: a provider that finds nobody there fails by itself, with words on
        # credentials and hosts, and the engine ends the program before it can say a word.
        regions.check(configured, source)
    try:
        told = aws.get_region(opts=opts)
    except Exception as error:  # the SDK raises nothing narrower
        raise _unasked(configured, error) from error
    region = (
        told.region
        or pulumi.get(told, "name")  # not as an attribute, which warns that it is deprecated
        or configured
    )
    if not region:
        raise ConfigError(
            "aws:region is not set, and AWS did not tell which Region it was asked in, so that "
            "nothing can be placed. Name one: `pulumi config set aws:region us-east-1`; or set "
            "AWS_REGION in the environment."
        )
    if why := regions.why_unsupported(str(region)):  # of a provider of its own
        raise ConfigError(
            f"The provider of this stack is in the Region {region}, and GeuseMaker does not "
            f"support it: {why}. Give it a provider of another Region."
        )
    return str(region)


def _has_own_provider(opts: pulumi.InvokeOptions) -> bool:
    """Whether a provider was passed on that has a Region of its own, whatever is configured."""
    asked = "aws:index/getRegion:getRegion"
    return opts.provider is not None or bool(opts.parent and opts.parent.get_provider(asked))


def _configured() -> tuple[str | None, str]:
    """What the stack or the environment says, and which of them."""
    if of_stack := pulumi.Config("aws").get("region"):
        return of_stack, regions.OF_STACK
    for name in regions.VARIABLES:
        if value := os.environ.get(name):
            return value, name
    return None, ""


def _unasked(region: str | None, error: Exception) -> ConfigError:
    """The first question to AWS: what is wrong with the way to it shows here."""
    where = f"in the Region {region}" if region else "and no Region is set"
    return ConfigError(
        f"AWS could not be asked, {where}. It said: {one_line(error)} -- if that is about the "
        "Region, `pulumi config get aws:region` shows the stack's and `pulumi config set "
        "aws:region us-east-1` changes it; if about credentials, `aws sts get-caller-identity` "
        "shows whose are used; if about the network, run it again."
    )
