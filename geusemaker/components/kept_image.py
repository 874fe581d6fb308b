"""The image of a stack: looked up, checked against the host, and kept."""

from collections.abc import Sequence
from typing import Any, Final

import pulumi
from pulumi import ResourceOptions

from geusemaker import remarks
from geusemaker.components.instance_type import log_remarks
from geusemaker.components.kept import output_of
from geusemaker.config import DeploymentConfig
from geusemaker.dlami import ImageQuery, lookup
from geusemaker.dlami.compatibility import verdict
from geusemaker.dlami.image import SMALLEST_ROOT_GIB, FoundImage
from geusemaker.dlami.wording import newer_image
from geusemaker.ec2.instance_types import InstanceType
from geusemaker.ec2.type_keys import of_workers
from geusemaker.errors import ConfigError, NoImageError
from geusemaker.run_errors import as_run_errors

MISSING: Final = "missing"
"""Key of a record without an image; its value is the reason."""


def keep_image(
    name: str,
    config: DeploymentConfig,
    query: ImageQuery,
    host: InstanceType,
    region: str,
    invoke: pulumi.InvokeOptions,
    parent: pulumi.Resource,
    workers: Sequence[InstanceType] = (),
) -> pulumi.Output[FoundImage]:
    """The image that the stack keeps, so that a newer one never replaces a host by itself.

    A change of the request (OS, architecture, type, version) searches again. With the policy `keep`
    and no pin, later results are ignored, also an empty one: a line that AWS has withdrawn does not
    stop a running stack. Raises `ConfigError` if it does not run on the host or on a type of
    workers.
    """
    floats = config.ami_policy == "latest"
    pinned = config.pin_key is not None
    request = [config.os_type, config.architecture, config.ami_type, config.framework_version]
    found, missing = None, None
    try:
        found = _find(config, query, host, region, invoke, workers)
    except NoImageError as error:
        if floats or pinned:
            raise
        missing = error
    stash = pulumi.Stash(
        f"{name}-image",
        input=found.to_record() if found else {MISSING: str(missing)},
        opts=ResourceOptions(
            parent=parent,
            ignore_changes=None if floats or pinned else ["input"],
            replace_on_changes=["input"] if floats or pinned else None,
            replacement_trigger=[part or "" for part in request],
        ),
    )
    kept: pulumi.Output[FoundImage] = output_of(stash).apply(_image_of)
    if not (floats or pinned):
        kept.apply(lambda image: _log_news(image, found))
    if not pinned:
        kept = kept.apply(lambda image: _checked(query, host, image, found, workers))
    return kept


@as_run_errors()
def _image_of(record: dict[str, Any]) -> FoundImage:
    if MISSING in record:
        raise NoImageError(
            f"{record[MISSING]} (Where a first deployment has failed on this: `pulumi state "
            "unprotect --all && pulumi destroy` clears what it left.)"
        )
    return FoundImage.from_record(record)


@as_run_errors()
def _checked(
    query: ImageQuery,
    host: InstanceType,
    kept: FoundImage,
    found: FoundImage | None,
    workers: Sequence[InstanceType],
) -> FoundImage:
    """The kept image, after the check that it runs on the hosts. Its remarks are logged already."""
    verdict(query, host, kept, newest=found)
    for one in workers:
        verdict(query, one, kept, newest=found, key=of_workers(workers))
    return kept


def _log_news(kept: FoundImage, found: FoundImage | None) -> None:
    if news := newer_image(kept, found):
        remarks.note(news)


def _find(
    config: DeploymentConfig,
    query: ImageQuery,
    host: InstanceType,
    region: str,
    invoke: pulumi.InvokeOptions,
    workers: Sequence[InstanceType],
) -> FoundImage:
    """The pinned image, checked against the hosts, else the newest image of the query.

    Logs the query's warnings.
    """
    if config.pin_key is not None:
        image = lookup.find_pinned(
            config.ami_id,
            config.ami_name,
            os_type=config.os_type,
            architecture=config.architecture,
            ami_type=config.ami_type,
            framework_version=config.framework_version,
            opts=invoke,
            region=region,
        )
        log_remarks(verdict(query, host, image, pin=config.pin_key))
        for one in workers:
            log_remarks(verdict(query, one, image, pin=config.pin_key, key=of_workers(workers)))
        return image
    for warning in query.warnings:
        remarks.warn(warning)
    return lookup.find_image(query, invoke, region, config.instance_type)


@as_run_errors()
def root_gib(wanted: int | None, image: FoundImage) -> int:
    """GiB of the root volume: as configured, else the image's own, at least `SMALLEST_ROOT_GIB`.

    `ConfigError` for less than the image's own: EC2 refuses to start it.
    """
    if wanted is None:
        return max(image.root_volume_gib, SMALLEST_ROOT_GIB)
    if wanted < image.root_volume_gib:
        raise ConfigError(
            f"geusemaker:rootVolumeGib is {wanted}, but the image {image.name!r} needs "
            f"{image.root_volume_gib} GiB, and EC2 starts no host on less. "
            f"`pulumi config set geusemaker:rootVolumeGib {image.root_volume_gib}` is the least; "
            "`pulumi config rm geusemaker:rootVolumeGib` takes what fits."
        )
    return wanted
