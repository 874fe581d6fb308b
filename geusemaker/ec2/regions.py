"""AWS's Regions by name: which there are, and the nearest to one that there is not.

The list is botocore's own, so that a newer boto3 brings newer Regions.
"""

import functools
from typing import Final

from geusemaker.errors import ConfigError
from geusemaker.messages import nearest

REGION_KEY: Final = "aws:region"
OF_FLAG: Final = "--region"
OF_STACK: Final = f"the stack's {REGION_KEY}"
VARIABLES: Final = ("AWS_REGION", "AWS_DEFAULT_REGION")

UPGRADE: Final = "A Region that is newer than the boto3 here needs `pip install --upgrade boto3`."

UNSUPPORTED: Final = {
    "aws-cn": "in China EC2 may need another service principal in the policies of roles, and the "
    "registries of the container images may be out of reach",
    "aws-iso": "it has no access to the internet, from which packages and container images come",
}
"""Partitions in which a stack is refused, by the start of their names, with the reason."""

_USUAL: Final = "us-east-1"


@functools.cache
def known() -> tuple[str, ...]:
    """AWS's Regions as botocore has them on record.

    Read without a session: a session stumbles over a profile that does not exist.
    """
    return tuple(_partitions())


@functools.cache
def _partitions() -> dict[str, str]:
    """The partition of each Region."""
    from botocore.loaders import Loader  # here, since most commands need no list

    found = Loader().load_data("partitions")["partitions"]
    return {
        name: part["id"]
        for part in found
        for name in part["regions"]
        if not name.endswith("-global")
    }


def why_unsupported(region: str) -> str | None:
    """Why a stack cannot run in that Region, or None for one in which it may."""
    partition = _partitions().get(region, "")
    return next((why for start, why in UNSUPPORTED.items() if partition.startswith(start)), None)


def check(region: str, source: str) -> None:
    """`ConfigError` for a Region in which no stack can run; `source` says what names it.

    One that botocore does not know is refused too, though AWS may have opened it since, with the
    one command that makes it known.
    """
    if region in known():
        if why := why_unsupported(region):
            raise ConfigError(
                f"The Region is {region} (by {source}), and GeuseMaker does not support it: {why}. "
                f"Take another one: {fix(source, None)}."
            )
        return
    near = nearest(region, known())
    hint = f"the nearest is {near}" if near else f"one that it has is {_USUAL}"
    raise ConfigError(
        f"The Region is {region!r} (by {source}), which is not the name of one that AWS has; "
        f"{hint}. Take that: {fix(source, near)}. {UPGRADE}"
    )


def fix(source: str, near: str | None) -> str:
    """What puts the Region right where it was named."""
    name = near or _USUAL
    if source == OF_FLAG:
        return f"`{OF_FLAG} {name}`"
    if source in VARIABLES:
        return f"`export {source}={name}`"
    return f"`pulumi config set {REGION_KEY} {name}`"
