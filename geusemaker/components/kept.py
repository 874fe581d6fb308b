"""Choices that a stack keeps: the first stays, whatever is configured or found later."""

from typing import Any

import pulumi
from pulumi import ResourceOptions

from geusemaker.components.run_errors import as_run_errors
from geusemaker.errors import ConfigError, NetworkError


def keep(
    name: str,
    choice: pulumi.Input[Any],
    parent: pulumi.Resource,
    *,
    protect: bool | None = None,
) -> pulumi.Output[Any]:
    """The choice as it was made the first time."""
    stash = pulumi.Stash(
        name,
        input=choice,
        opts=ResourceOptions(parent=parent, protect=protect, ignore_changes=["input"]),
    )
    return output_of(stash)


def output_of(stash: pulumi.Stash) -> pulumi.Output[Any]:
    """What the stash keeps. The engine always tells it; the mocks of a unit test may not.

    Then it is what the stash was given, as in a first deployment.
    """
    return stash.output.apply(lambda kept: stash.input if kept is None else kept)


@as_run_errors()
def check_same_region(was: str, now: str) -> str:
    """The Region of the stack. Raises `NetworkError` when another one is configured."""
    if was == now:
        return was
    raise NetworkError(
        f"This stack is in the Region {was}, and {now} is configured now. Everything in it, its "
        f"data too, would be made anew and empty there. Put it back: `pulumi config set aws:region "
        f"{was}`. For {now} make a stack of its own: `pulumi stack init {now}`."
    )


@as_run_errors()
def check_same_key(was: str, now: str) -> str | None:
    """The key of the data, or None for AWS's own. Raises `ConfigError` when another is configured.

    AWS cannot give a volume or a file system another key: both would be replaced by empty ones.
    """
    if was == now:
        return was or None
    back = (
        f"pulumi config set geusemaker:kmsKeyArn {was}"
        if was
        else "pulumi config rm geusemaker:kmsKeyArn"
    )
    raise ConfigError(
        f"geusemaker:kmsKeyArn is {now or 'not set'}, but this stack's data is encrypted with "
        f"{was or 'the keys of AWS'}, and AWS cannot change the key of a volume or a file system: "
        f"both would be made anew and empty. Put it back: `{back}`. For another key make another "
        "stack, and bring the data over by a backup."
    )
