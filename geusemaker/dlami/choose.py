"""Chooses one of the images that EC2 returned. Pure: the images are passed in.

In the program the provider chooses, one candidate at a time; here one answer of DescribeImages has
the images of all candidates. Both must choose the same image, so this module repeats the provider's
rules: the anchored expression, and the newest creation date. Of equal dates, which only imitations
of AWS return, the name with the latest day or build wins.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from geusemaker.dlami.catalogue import Line, numeric
from geusemaker.dlami.image import FoundImage, root_device_of, root_volume_gib, version_in
from geusemaker.dlami.naming import build_in, recognise
from geusemaker.dlami.selection import Candidate, ImageQuery

AwsImage = Mapping[str, Any]
"""An image as EC2's DescribeImages returns it."""

_AMAZON = "amazon"
_NEVER = datetime.min.replace(tzinfo=UTC)


def choose(
    query: ImageQuery, images: Sequence[AwsImage], today: date
) -> tuple[Candidate, AwsImage] | None:
    """The newest image of the first candidate that has any, with that candidate; else None.

    AWS hides deprecated images unless the query includes them, so any image that it returns is
    valid. Imitations of AWS may return them all: images deprecated on `today` come last, and are
    chosen only if no other image fits.
    """
    images = of_amazon(images)
    if not query.include_deprecated and (
        found := _choose(query, without_deprecated(images, today))
    ):
        return found
    return _choose(query, images)


def without_deprecated(images: Iterable[AwsImage], today: date) -> list[AwsImage]:
    """The images whose deprecation is not before `today` (in UTC), in their order."""
    start = datetime(today.year, today.month, today.day, tzinfo=UTC)
    return [
        image
        for image in images
        if (ends := _moment(image.get("DeprecationTime"))) == _NEVER or ends >= start
    ]


def of_amazon(images: Sequence[AwsImage]) -> list[AwsImage]:
    """The images that AWS owns, by their owner alias.

    EC2 returns the alias with each image of AWS. If no image has one, as in imitations, the owner
    filter of the search decides.
    """
    has_alias = any(image.get("ImageOwnerAlias") == _AMAZON for image in images)
    allowed = (_AMAZON,) if has_alias else (_AMAZON, None)
    return [image for image in images if image.get("ImageOwnerAlias") in allowed]


def fitting(query: ImageQuery, candidate: Candidate, images: Iterable[AwsImage]) -> list[AwsImage]:
    """The candidate's images. EC2's filters have tested the fields that an answer lacks."""
    return [
        image
        for image in images
        if image.get("ImageId")
        # `fullmatch`, because Python's `$` lets a line break follow and Go's does not.
        and re.fullmatch(candidate.name_regex, image.get("Name") or "")
        and image.get("Architecture", query.architecture) == query.architecture
        and image.get("State", "available") == "available"
    ]


def newest(images: Iterable[AwsImage]) -> AwsImage | None:
    """The image with the latest creation date, to the second; None without images.

    Of equal dates the name with the latest day or the highest build wins, else the first.
    """
    return max(images, key=_age, default=None)


def line_of(image: AwsImage) -> tuple[str, str, str] | None:
    """OS, architecture and type of the known line that an available image belongs to."""
    known = recognise(image.get("Name") or "")
    if known is None or not image.get("ImageId") or image.get("State", "available") != "available":
        return None
    by_name = known.architecture or "x86_64"
    if image.get("Architecture", by_name) != by_name:
        return None
    return known.os_type, by_name, known.ami_type


def newer_versions(line: Line, images: Iterable[AwsImage]) -> dict[str, str]:
    """Framework versions of a line's images that are higher than the table's, highest first.

    Each has the name of its newest image. `images` belong to the line.
    """
    if not line.numbers:
        return {}
    highest = numeric(line.numbers[0])
    above: dict[str, list[AwsImage]] = {}
    for image in images:
        version = version_in(image["Name"])
        if version is not None and numeric(version) > highest:
            above.setdefault(version, []).append(image)
    return {
        version: str(max(above[version], key=_age)["Name"])
        for version in sorted(above, key=numeric, reverse=True)
    }


def best_first(images: Iterable[AwsImage]) -> list[AwsImage]:
    """Highest framework version first, then newest; equal ones stay in their order."""

    def rank(image: AwsImage) -> tuple[tuple[int, ...], tuple[datetime, tuple[int, ...]]]:
        return numeric(version_in(image.get("Name") or "") or "0"), _age(image)

    return sorted(images, key=rank, reverse=True)


def found_image(image: AwsImage) -> FoundImage:
    """The image as the program stores it.

    Raises:
        ImageError: Its root is on an instance store.
    """
    name = image.get("Name") or ""
    root_device = image.get("RootDeviceName") or root_device_of(name)
    volumes = (
        (mapping.get("DeviceName"), (mapping.get("Ebs") or {}).get("VolumeSize"))
        for mapping in image.get("BlockDeviceMappings") or ()
    )
    return FoundImage(
        id=image["ImageId"],
        name=name,
        architecture=image.get("Architecture") or "",
        root_device_name=root_device,
        root_volume_gib=root_volume_gib(
            image["ImageId"], name, root_device, volumes, image.get("RootDeviceType")
        ),
        creation_date=str(image.get("CreationDate") or ""),
        framework_version=version_in(name),
    )


def _choose(query: ImageQuery, images: Sequence[AwsImage]) -> tuple[Candidate, AwsImage] | None:
    for candidate in query.candidates:
        if (found := newest(fitting(query, candidate, images))) is not None:
            return candidate, found
    return None


def _age(image: AwsImage) -> tuple[datetime, tuple[int, ...]]:
    """Order of the images of one version: by creation date, then by the end of the name."""
    return _moment(image.get("CreationDate")), build_in(str(image.get("Name") or ""))


def _moment(text: object) -> datetime:
    """A time as AWS writes it, to the second as the provider reads it; the far past if invalid.

    Compared as times, not as texts: `...00.000Z` and `...00Z` are the same moment.
    """
    try:
        found = datetime.fromisoformat(str(text)).replace(microsecond=0)
    except ValueError:
        return _NEVER
    return found if found.tzinfo else found.replace(tzinfo=UTC)
