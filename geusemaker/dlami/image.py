"""An image as this project keeps it: in the stack's state, in messages, in tables."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final

from geusemaker.dlami.catalogue import load_catalogue
from geusemaker.dlami.naming import recognise
from geusemaker.errors import ImageError

_USUAL_ROOT_DEVICE: Final = "/dev/sda1"
SMALLEST_ROOT_GIB: Final = 75
"""GiB of the root volume of AWS's base images; also a host's least, as room for containers."""


@dataclass(frozen=True, slots=True)
class FoundImage:
    """An image that AWS has, as far as the program needs it.

    Attributes:
        root_volume_gib: GiB of the image's own root volume: a root volume must not be smaller.
        creation_date: As AWS writes it, such as "2026-10-03T08:15:00.000Z".
        framework_version: As a user types it; None without a framework or for an unknown name.
    """

    id: str
    name: str
    architecture: str
    root_device_name: str
    root_volume_gib: int
    creation_date: str
    framework_version: str | None

    def to_record(self) -> dict[str, Any]:
        """The image as plain values, for the stack's state; `from_record` reads it back.

        What the name tells is left out: the state drops a null, and the same image must make the
        same record however it was found.
        """
        record = asdict(self)
        del record["framework_version"]
        return record

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> "FoundImage":
        """The image of a record.

        Pulumi's state knows one kind of number and gives the size back as a float; fields that a
        newer GeuseMaker wrote are ignored.

        Raises:
            ImageError: The record lacks a field or has one that is none.
        """
        try:
            return cls(
                id=record["id"],
                name=record["name"],
                architecture=record["architecture"],
                root_device_name=record["root_device_name"],
                root_volume_gib=int(record["root_volume_gib"]),
                creation_date=record["creation_date"],
                framework_version=version_in(record["name"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ImageError(
                f"The record of the chosen image in the stack's state cannot be read ({error!r}): "
                f"{record!r}. `geusemaker ami pin --by id` writes the image of the "
                "running host down anew."
            ) from error


def version_in(name: str) -> str | None:
    """The framework version that the name of an image tells; None without one."""
    known = recognise(name)
    return known.framework_version if known else None


def root_volume_gib(
    image_id: str,
    name: str,
    root_device: str,
    volumes: Iterable[tuple[object, object]],
    root_device_type: str | None = None,
) -> int:
    """GiB of the root volume; `volumes` are pairs of a device's name and its size in GiB.

    AWS tells the size of every EBS image. Where an answer leaves it out, as those of stand-ins for
    AWS may, it is the least that the table has for the line, or what base images have.

    Raises:
        ImageError: The image has its root on an instance store, where no host can keep anything.
    """
    if root_device_type == "instance-store":
        raise ImageError(
            f"The image {image_id} ({name}) has its root on an instance store, not on an EBS "
            "volume, and no host of this program can start from it. Take another image: "
            "`geusemaker ami list --json` shows their names, for geusemaker:amiName."
        )
    for device, size in volumes:
        if device == root_device and (gib := _whole(size)):
            return gib
    return _least_root_gib(name)


def root_device_of(name: str) -> str:
    """The root device that images of that name have, for answers that leave it out."""
    known = recognise(name)
    systems = {one.name: one.root_device for one in load_catalogue().systems}
    return systems[known.os_type] if known else _USUAL_ROOT_DEVICE


def _whole(size: object) -> int:
    """EC2 gives a size as a number, Pulumi's provider as text, its mocks as 75.0; 0 for none."""
    try:
        number = float(str(size))
    except ValueError:
        return 0
    return int(number) if number > 0 and number.is_integer() else 0


def _least_root_gib(name: str) -> int:
    known = recognise(name)
    if known is None:
        return SMALLEST_ROOT_GIB
    line = load_catalogue().line(known.os_type, known.architecture or "x86_64", known.ami_type)
    return line.min_root_gib
