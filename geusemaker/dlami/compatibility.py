"""Whether an image runs on an instance type: with its GPU, without one, or not. Pure.

Call `by_name` before AWS is called, and `verdict` once the type's description is there, again with
the image once that is found. Each raises `ConfigError` for what cannot run.
"""

import contextlib
from dataclasses import dataclass
from datetime import date
from typing import Literal

from geusemaker.dlami.catalogue import Catalogue, Line, load_catalogue
from geusemaker.dlami.image import FoundImage
from geusemaker.dlami.naming import looks_like_dlami, recognise
from geusemaker.dlami.nearest import Request, listing
from geusemaker.dlami.rows import Blackwell
from geusemaker.dlami.selection import ImageQuery
from geusemaker.ec2.instance_types import (
    InstanceType,
    architecture_of,
    counterpart,
    family_of,
    runnable,
)
from geusemaker.ec2.type_keys import HOST, TypeKey
from geusemaker.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Remark:
    """One paragraph for the user about an allowed type."""

    level: Literal["note", "warning"]
    text: str


def by_name(
    query: ImageQuery,
    instance_type: str,
    *,
    pin: str | None = None,
    catalogue: Catalogue | None = None,
    key: TypeKey = HOST,
) -> tuple[Remark, ...]:
    """Check an instance type by its name against the selected line.

    `verdict` returns the same remarks again. With a pin nothing is checked: a pinned image may be
    of another line. A family that the table does not list passes.

    Args:
        pin: The key that names the image, "amiId" or "amiName"; None without a pin.
        key: The key that names the type.

    Raises:
        ConfigError: No line has a driver for the family; or it is of the Blackwell generation, and
            AWS does not list it for this line, or stopped building this line before its driver
            was released. `catalogue.toml` names the sources.
    """
    if pin is not None:
        return ()
    catalogue = catalogue or load_catalogue()
    family, line = family_of(instance_type), _line(query, catalogue)
    if unsupported := catalogue.unsupported_of(family):
        raise ConfigError(
            f"{key.states(instance_type)}, and {family} has {unsupported.what}, "
            f"which no Deep Learning AMI that GeuseMaker knows can use: {unsupported.reason}. The "
            f"nearest type that can be used: {_other_type(instance_type, line, key)}."
        )
    blackwell = catalogue.blackwell_of(family)
    last = _last_build(query, line)
    if blackwell and last and last < blackwell.since:
        raise _refusal(
            instance_type,
            f"which needs NVIDIA's driver {blackwell.driver}; no image from before "
            f"{blackwell.since} is known to have it, and AWS built {_name(query)} until {last}",
            query,
            catalogue,
            key,
        )
    if family in line.instance_families or not catalogue.lists(family):
        return ()
    if not line.instance_families:
        others = catalogue.seen_on(line.architecture, line.ami_type)
        if blackwell and others and family not in others:
            why = (
                f"which AWS lists for no {line.ami_type} image of {line.architecture}; without "
                f"NVIDIA's driver {blackwell.driver} a host finds no GPU"
            )
            raise _refusal(instance_type, why, query, catalogue, key)
        return (_unseen(query, family, blackwell),)

    of_day = f" (a list of {line.listed_on})" if line.listed_on else ""
    unlisted = f"which AWS does not list for {_name(query)}{of_day}"
    if blackwell and family not in line.tried_families:
        why = (
            f"{unlisted}; without NVIDIA's driver {blackwell.driver} a host finds no GPU, and that "
            "image is not known to have it"
        )
        raise _refusal(instance_type, why, query, catalogue, key)
    known = (
        "users run images of this line there"
        if family in line.tried_families
        else "it is not known to fail"
    )
    elsewhere = _elsewhere(query, family, catalogue)
    return (
        Remark(
            "warning",
            f"{key.states(instance_type)}, {unlisted}, but {known}"
            f"{f'. It is listed for {elsewhere}' if elsewhere else ''}.",
        ),
    )


def runs(query: ImageQuery, instance_type: str) -> bool:
    """Whether `by_name` accepts the instance type, and its name is of the architecture."""
    with contextlib.suppress(ConfigError):
        by_name(query, instance_type)
        return architecture_of(instance_type) in (None, query.architecture)
    return False


def verdict(
    query: ImageQuery,
    host: InstanceType,
    image: FoundImage | None = None,
    *,
    pin: str | None = None,
    newest: FoundImage | None = None,
    catalogue: Catalogue | None = None,
    key: TypeKey = HOST,
) -> tuple[Remark, ...]:
    """Check an instance type against the selected line, and against the image once it is known.

    In this order: architecture, name, GPUs, age of the image. With a pin but without its image,
    only the architecture is checked.

    A pinned image of no known line may bring a driver that the known lines lack: an error of name
    or GPUs is a warning then.

    Args:
        host: The type as AWS describes it.
        image: The image that the host boots; None while it is not known.
        pin: The key that names the image, "amiId" or "amiName"; None for a searched or kept image.
        newest: The newest image of the line in the Region, to offer in place of a kept one.
        key: The key that names the type.

    Raises:
        ConfigError: The image does not run on the type.
    """
    catalogue = catalogue or load_catalogue()
    check_architecture(host, query.architecture, key)
    if pin is not None and image is None:
        return ()
    try:
        remarks = (
            *by_name(query, host.name, catalogue=catalogue, key=key),
            *_by_gpus(query, host, catalogue, key),
        )
    except ConfigError as error:
        if pin is None or image is None or recognise(image.name) is not None:
            raise
        text = f"{error} The image that geusemaker:{pin} names is none of these, so it is used."
        remarks = (Remark("warning", text),)
    if image is not None:
        _check_age(host.name, image, pin, newest, catalogue, key)
    return remarks


def check_architecture(host: InstanceType, architecture: str, key: TypeKey = HOST) -> None:
    """`ConfigError` when AWS says that the type cannot boot an image of that architecture.

    A type without a described architecture passes: EC2 decides.
    """
    if not host.architectures or architecture in host.architectures:
        return
    other = counterpart(host.name, "arm64" if architecture == "arm64" else "x86_64")
    fix = key.replaced(host.name, other)
    if not key.listed:
        fix += (
            f", or `pulumi config set geusemaker:architecture {host.architectures[0]}`, which "
            "replaces a deployed host; its data stays"
        )
    raise ConfigError(
        f"{key.states(host.name)}, which AWS says is {' or '.join(host.architectures)} only, and "
        f"geusemaker:architecture is {architecture}: that image would not boot on it. Change "
        f"{'it' if key.listed else 'one of them'}: {fix}."
    )


def depends_on_image_age(instance_type: str) -> bool:
    """Whether older images of a line that runs on the type lack its driver."""
    return load_catalogue().blackwell_of(family_of(instance_type)) is not None


def _by_gpus(
    query: ImageQuery, host: InstanceType, catalogue: Catalogue, key: TypeKey
) -> tuple[Remark, ...]:
    """The remarks on the GPUs that AWS describes; a type without one gets none.

    Raises:
        ConfigError: The family is not in the table, and a GPU is not NVIDIA's.
    """
    family = family_of(host.name)
    if not host.gpus or catalogue.lists(family) or catalogue.unsupported_of(family):
        return ()
    gpus, other = ", ".join(host.gpus), _other_type(host.name, _line(query, catalogue), key)
    # "1 x NVIDIA L4"
    if not all(gpu.partition(" x ")[2].startswith("NVIDIA") for gpu in host.gpus):
        raise ConfigError(
            f"{key.states(host.name)}, which has {gpus}, and the images hold "
            f"NVIDIA's driver only. The nearest type that can be used: {other}."
        )
    text = (
        f"{key.states(host.name)}, whose family is not in GeuseMaker's table of "
        f"{catalogue.as_of}: whether the image has a driver for its {gpus} was not seen. A newer "
        f"GeuseMaker may know it; the nearest known type: {other}."
    )
    return (Remark("warning", text),)


def _check_age(
    instance_type: str,
    image: FoundImage,
    pin: str | None,
    newest: FoundImage | None,
    catalogue: Catalogue,
    key: TypeKey,
) -> None:
    """`ConfigError` for an image that is older than the driver that the type needs.

    Other images than Deep Learning AMIs pass: their dates do not show their drivers.
    """
    blackwell = catalogue.blackwell_of(family_of(instance_type))
    if blackwell is None or not looks_like_dlami(image.name) or not _is_older(image, blackwell):
        return
    what = f"{image.name} ({image.id}) of {_day(image)}"
    if pin is not None:
        which = f"geusemaker:{pin} names {what}"
        fix = f"Drop the pin: `pulumi config rm geusemaker:{pin}`; or take"
    elif newest is None or _is_older(newest, blackwell):
        which = f"AWS shows no image of this line that is young enough; there is {what}"
        fix = "Take"
    else:
        which = f"this stack keeps {what}"
        fix = (
            f"Move to {newest.name}, which replaces the host and keeps the data: "
            f"`pulumi config set geusemaker:amiId {newest.id}`; or take"
        )
    other = runnable(instance_type, image.architecture, ())
    raise ConfigError(
        f"{key.states(instance_type)}, which needs NVIDIA's driver "
        f"{blackwell.driver}; no image from before {blackwell.since} is known to have it, and "
        f"{which}: a host would find no GPU. {fix} another type: "
        f"{key.replaced(instance_type, other)}."
    )


def _refusal(
    instance_type: str, why: str, query: ImageQuery, catalogue: Catalogue, key: TypeKey
) -> ConfigError:
    """The error for a family that this line lacks a driver for; the fix is another line or type."""
    elsewhere = _elsewhere(query, family_of(instance_type), catalogue)
    other = _other_type(instance_type, _line(query, catalogue), key)
    ways = f"Take the nearest image that is listed for it, {elsewhere}; or a" if elsewhere else "A"
    return ConfigError(
        f"{key.states(instance_type)}, {why}. {ways} type that this image runs on: {other}."
    )


def _unseen(query: ImageQuery, family: str, blackwell: Blackwell | None) -> Remark:
    """The remark on a line without a list of families.

    NVIDIA's open driver runs every listed family before Blackwell.
    """
    text = f"Which instance types AWS lists for {_name(query)} was not seen; {family} "
    if blackwell is None:
        return Remark("note", f"{text}runs on other lines with the same kind of driver.")
    return Remark(
        "warning",
        f"{text}needs NVIDIA's driver {blackwell.driver}, which images have from "
        f"{blackwell.since} on at the earliest. Check that the host finds its GPU: `nvidia-smi`.",
    )


def _elsewhere(query: ImageQuery, family: str, catalogue: Catalogue) -> str | None:
    request = Request(query.os_type, query.architecture, query.ami_type, query.framework_version)
    return listing(request, family, query.today, catalogue)


def _other_type(instance_type: str, line: Line, key: TypeKey) -> str:
    other = runnable(instance_type, line.architecture, line.instance_families)
    return key.replaced(instance_type, other)


def _line(query: ImageQuery, catalogue: Catalogue) -> Line:
    return catalogue.line(query.os_type, query.architecture, query.ami_type)


def _last_build(query: ImageQuery, line: Line) -> date | None:
    """The last day on which AWS may have built an image of the best candidate; None: no end.

    AWS builds while it patches, and sometimes some days longer.
    """
    best = query.candidates[0]
    if best.ended_on is None:
        return None
    seen = (v.last_seen for v in line.versions if v.number == best.framework_version)
    return max([best.ended_on, *(day for day in seen if day)])


def _name(query: ImageQuery) -> str:
    version = query.candidates[0].framework_version
    named = f"{query.os_type} / {query.architecture} / {query.ami_type}"
    return f"{named} {version}" if version else named


def _day(image: FoundImage) -> str:
    return image.creation_date[:10]


def _is_older(image: FoundImage, blackwell: Blackwell) -> bool:
    """Whether the creation date or the day in the name is before the driver's first day.

    AWS copies an old build to a Region later, with a new creation date.
    """
    known = recognise(image.name)
    days = [_day(image), str(known.release) if known and known.release else ""]
    return any(day and day < blackwell.since.isoformat() for day in days)
