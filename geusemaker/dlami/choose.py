"""Which of the images that EC2 showed is the answer. Pure: the images are passed in.

The program has the provider choose, one candidate at a time; here the images of all candidates come
in one answer of DescribeImages. Both must end at the same image, so each rule of the provider's
stands here once more: the anchored expression, and the newest by creation date. Of several created
at once, which only stand-ins for AWS show, the one whose name ends with the latest day or build.
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
"""An image as EC2's DescribeImages gives it."""

_AMAZON = "amazon"
_NEVER = datetime.min.replace(tzinfo=UTC)


def choose(
    query: ImageQuery, images: Sequence[AwsImage], today: date
) -> tuple[Candidate, AwsImage] | None:
    """The newest image of the first candidate that has any, with that candidate; else None.

    AWS itself hides deprecated images where the query wants none, and only it knows the hour, so an
    image that it shows is a fair answer. What imitates AWS may show them all: images deprecated on
    `today` therefore come last, and are chosen only where AWS shows nothing else that fits.
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
    """The images that AWS names as its own.

    EC2 gives the alias with each image of AWS's. Only where no image of the answer has it, which
    real answers never do, the filter on the owner has to be enough.
    """
    told = any(image.get("ImageOwnerAlias") == _AMAZON for image in images)
    allowed = (_AMAZON,) if told else (_AMAZON, None)
    return [image for image in images if image.get("ImageOwnerAlias") in allowed]


def fitting(query: ImageQuery, candidate: Candidate, images: Iterable[AwsImage]) -> list[AwsImage]:
    """The candidate's images; what an answer leaves out of one, EC2's filters have tested."""
    return [
        image
        for image in images
        if image.get("ImageId")
        # The whole name: Python's `$` would let a line break pass at the end, Go's does not.
        and re.fullmatch(candidate.name_regex, image.get("Name") or "")
        and image.get("Architecture", query.architecture) == query.architecture
        and image.get("State", "available") == "available"
    ]


def newest(images: Iterable[AwsImage]) -> AwsImage | None:
    """The image created last, to the second; None without images.

    Of several created at once, which only stand-ins for AWS show, the one whose name says the
    latest day or the highest build; of those, the first.
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
    """Framework versions of the line's images above all that the table has of it, highest first.

    Each with the name of its newest image. `images` are of the line already; other lines than those
    of a framework have none.
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
    """The image as the project keeps it.

    Raises:
        ImageError: It names no root volume of a known size.
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
    """Order of the images of one version: by creation, then by what the name ends with."""
    return _created(image), build_in(str(image.get("Name") or ""))


def _created(image: AwsImage) -> datetime:
    return _moment(image.get("CreationDate"))


def _moment(text: object) -> datetime:
    """A time as AWS writes it, to the second as the provider reads it; the far past if it is none.

    Compared as times, not as texts: `...00.000Z` and `...00Z` are the same moment.
    """
    try:
        found = datetime.fromisoformat(str(text)).replace(microsecond=0)
    except ValueError:
        return _NEVER
    return found if found.tzinfo else found.replace(tzinfo=UTC)
