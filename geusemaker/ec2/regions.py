"""Validation of Region names, against the list in botocore. A newer boto3 knows newer Regions."""

import functools
import json
from importlib.resources import files
from typing import Final

from geusemaker.errors import ConfigError
from geusemaker.messages import nearest

REGION_KEY: Final = "aws:region"
OF_FLAG: Final = "--region"
OF_STACK: Final = f"the stack's {REGION_KEY}"
VARIABLES: Final = ("AWS_REGION", "AWS_DEFAULT_REGION")

UPGRADE: Final = "A Region newer than this GeuseMaker needs a newer one (docs/upgrading.md)."

UNSUPPORTED: Final = {
    "aws-cn": "in China, roles may need another service principal for EC2, and the registries of "
    "the container images may be unreachable",
    "aws-iso": "it has no access to the internet, which packages and container images need",
}
"""Unsupported partitions, by the start of their names, with the reason."""

_USUAL: Final = "us-east-1"


@functools.cache
def known() -> tuple[str, ...]:
    """All Regions that botocore knows.

    Read without a boto3 session, which fails if the selected profile does not exist.
    """
    return tuple(_partitions())


@functools.cache
def _partitions() -> dict[str, str]:
    """The partition of each Region."""
    # The file alone: botocore's own loader imports what its clients need, 0.15 s of CPU.
    file = files("botocore") / "data" / "partitions.json"
    found = json.loads(file.read_text(encoding="utf-8"))
    return {
        name: part["id"]
        for part in found["partitions"]
        for name in part["regions"]
        if not name.endswith("-global")
    }


def why_unsupported(region: str) -> str | None:
    """Why GeuseMaker does not support a Region, or None for a supported or unknown one."""
    partition = _partitions().get(region, "")
    return next((why for start, why in UNSUPPORTED.items() if partition.startswith(start)), None)


def check(region: str, source: str) -> None:
    """Validate a Region.

    Args:
        region: Name of the Region.
        source: What sets it: `OF_FLAG`, `OF_STACK` or one of `VARIABLES`.

    Raises:
        ConfigError: The Region is unsupported, or unknown to the installed botocore.
    """
    if region in known():
        if why := why_unsupported(region):
            raise ConfigError(
                f"GeuseMaker does not support the AWS Region {region} (set by {source}): {why}. "
                f"Use another one: {fix(source, None)}."
            )
        return
    near = nearest(region, known())
    hint = f"The nearest is {near}" if near else f"An example is {_USUAL}"
    raise ConfigError(
        f"Unknown AWS Region {region!r} (set by {source}). {hint}: {fix(source, near)}. {UPGRADE}"
    )


def fix(source: str, near: str | None) -> str:
    """The command or flag that sets the Region `near`, or the usual one, at its source."""
    name = near or _USUAL
    if source == OF_FLAG:
        return f"`{OF_FLAG} {name}`"
    if source in VARIABLES:
        return f"`export {source}={name}`"
    return f"`pulumi config set {REGION_KEY} {name}`"
