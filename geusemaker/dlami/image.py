"""An image as the program stores it in the stack's state and shows it."""

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
    """The facts of an image of AWS that the program needs.

    Attributes:
        root_volume_gib: GiB of the image's root volume; a host's root volume must not be smaller.
        creation_date: AWS's text, such as "2026-10-03T08:15:00.000Z".
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

        The version is left out, because the name contains it and the state drops a null: the same
        image must give the same record.
        """
        record = asdict(self)
        del record["framework_version"]
        return record

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> "FoundImage":
        """Read a record.

        Pulumi's state returns the size as a float. Fields of a newer GeuseMaker are ignored.

        Raises:
            ImageError: A field is missing or invalid.
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
                "running host again."
            ) from error


def version_in(name: str) -> str | None:
    """The framework version in the name of an image; None without one."""
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

    AWS returns the size of every EBS image; imitations of AWS may not. Then it is the table's size
    for the line, else `SMALLEST_ROOT_GIB`.

    Raises:
        ImageError: The root is on an instance store, which loses its data when the host stops.
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
    """The root device of images with that name, for answers without one."""
    known = recognise(name)
    systems = {one.name: one.root_device for one in load_catalogue().systems}
    return systems[known.os_type] if known else _USUAL_ROOT_DEVICE


def _whole(size: object) -> int:
    """A size as an int: EC2 returns a number, Pulumi's provider text, mocks 75.0. 0 if invalid."""
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
