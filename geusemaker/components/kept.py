"""Values that a stack keeps from its first deployment, independent of later config."""

from typing import Any

import pulumi
from pulumi import ResourceOptions

from geusemaker import userdata
from geusemaker.errors import ConfigError, NetworkError
from geusemaker.run_errors import as_run_errors


def keep(
    name: str,
    choice: pulumi.Input[Any],
    parent: pulumi.Resource,
    *,
    protect: bool | None = None,
    hooks: pulumi.ResourceHookBinding | None = None,
    trigger: pulumi.Input[Any] = None,
) -> pulumi.Output[Any]:
    """The value of the first deployment, or of the first one with this `trigger`."""
    stash = pulumi.Stash(
        name,
        input=choice,
        opts=ResourceOptions(
            parent=parent,
            protect=protect,
            ignore_changes=["input"],
            hooks=hooks,
            replacement_trigger=trigger,
        ),
    )
    return output_of(stash)


def keep_secret(
    name: str,
    choice: pulumi.Input[Any],
    parent: pulumi.Resource,
    *,
    protect: bool | None = None,
    trigger: pulumi.Input[Any] = None,
) -> pulumi.Output[Any]:
    """The same for a secret."""
    secret = pulumi.Output.secret(choice)
    return pulumi.Output.secret(keep(name, secret, parent, protect=protect, trigger=trigger))


def keep_user_data(
    name: str, script: pulumi.Output[str], parent: pulumi.Resource
) -> pulumi.Output[Any]:
    """The boot script as EC2 gets it.

    gzip's output depends on the Python build. The bytes are kept until the text changes, so that an
    update from another machine replaces no host.
    """
    return keep(
        f"{name}-user-data",
        script.apply(as_run_errors()(userdata.encode)),
        parent,
        trigger=script.apply(userdata.fingerprint),
    )


def output_of(stash: pulumi.Stash) -> pulumi.Output[Any]:
    """The value that the stash keeps. Under mocks without an output, its input."""
    return stash.output.apply(lambda kept: stash.input if kept is None else kept)


@as_run_errors()
def check_same_region(was: str, now: str) -> str:
    """The Region of the stack. Raises `NetworkError` if the config has another one."""
    if was == now:
        return was
    raise NetworkError(
        f"This stack is in the Region {was}, and {now} is configured now. Pulumi would "
        "create everything again there, without the data. Restore the config: `pulumi config set "
        f"aws:region {was}`. For {now} create another stack: `pulumi stack init {now}`."
    )


@as_run_errors()
def check_same_key(was: str, now: str) -> str | None:
    """The key of the data, or None for AWS's keys. Raises `ConfigError` if the config has another.

    AWS cannot change the key of a volume or a file system: both would be replaced by empty ones.
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
        f"both would be replaced by empty ones. Restore the config: `{back}`. For another key, "
        "create another stack and restore the data from a backup."
    )
