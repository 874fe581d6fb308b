"""The simulated AWS's images: recorded names of real Deep Learning AMIs, and newer releases.

`images.json` holds names that AWS really published. Where no public source names an image's id,
one is derived from its name, the same on every machine.
"""

import functools
import hashlib
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any, Final

from moto.core import DEFAULT_ACCOUNT_ID
from moto.ec2 import ec2_backends
from moto.ec2.models.amis import Ami
from moto.ec2.responses.amis import AmisResponse

DLAMI_OWNER: Final = "898082745236"  # AWS's DLAMI account in the default commercial Regions
_ISO: Final = "%Y-%m-%dT%H:%M:%S.000Z"
DEPRECATED_AFTER: Final = timedelta(days=730)  # EC2 deprecates a public image after two years


@dataclass(frozen=True)
class Image:
    """One image as AWS publishes it."""

    id: str
    name: str
    architecture: str
    created: datetime
    root_device: str
    root_gib: int


class RecordedAmi(Ami):  # type: ignore[misc]
    """moto's image with what moto leaves out: root size and type, ENA, end of its visible life."""

    def __init__(self, backend: Any, image: Image, zone: str) -> None:
        self.root_gib = image.root_gib
        super().__init__(
            backend,
            image.id,
            name=image.name,
            description=image.name,
            owner_id=DLAMI_OWNER,
            owner_alias="amazon",
            public=True,
            virtualization_type="hvm",
            architecture=image.architecture,
            creation_date=image.created,
            image_location=f"amazon/{image.name}",
            hypervisor="xen",
            root_device_type="ebs",
            root_device_name=image.root_device,
            boot_mode="uefi-preferred" if image.architecture == "x86_64" else "uefi",
            region_name=zone,
        )
        self.ena_support = True
        self.imds_support = "v2.0"
        self.creation_date_iso = image.created.strftime(_ISO)
        self.deprecation_time = (image.created + DEPRECATED_AFTER).strftime(_ISO)

    @property
    def block_device_mappings(self) -> list[dict[str, Any]]:
        return [
            {
                "DeviceName": self.root_device_name,
                "Ebs": {
                    "SnapshotId": self.ebs_snapshot.id,
                    "VolumeSize": self.root_gib,
                    "DeleteOnTermination": True,
                    "VolumeType": "gp3",
                    "Iops": 3000,
                    "Throughput": 125,
                    "Encrypted": False,
                },
            }
        ]


def derived_id(name: str, architecture: str, region: str) -> str:
    """An image id in AWS's form for a name whose real id is not public."""
    digest = hashlib.sha256(f"{region}/{architecture}/{name}".encode()).hexdigest()
    return f"ami-{digest[:17]}"


def root_device_of(name: str) -> str:
    """Root device by OS: Ubuntu images use /dev/sda1, Amazon Linux /dev/xvda."""
    return "/dev/xvda" if "Amazon Linux" in name else "/dev/sda1"


def root_gib_of(name: str) -> int:
    """Root size in GiB that images of such a name were seen with; AWS moves it between builds."""
    if "PyTorch" in name:
        return 25 if "Amazon Linux 2023" in name else 30
    if "Neuron" in name or "Amazon Linux 2)" in name:
        return 105
    return 75


def created_of(name: str, released: str | None) -> datetime:
    """Creation time in UTC: the recorded day, else the day in the name, else by the version.

    Images named `Version NN.N` whose day is not public still need an order among themselves:
    the higher version is the later one.
    """
    if released is None and (match := re.search(r"Version (\d+)(?:\.(\d+))?$", name)):
        number = int(match[1]) * 10 + int(match[2] or 0)
        return datetime(2018, 1, 1, tzinfo=UTC) + timedelta(days=4 * number)
    day = released or re.sub(r".*(\d{4})(\d{2})(\d{2})$", r"\1-\2-\3", name)
    # AWS's own builds carry odd times; a fixed hour keeps two runs equal.
    return datetime.strptime(day, "%Y-%m-%d").replace(hour=9, tzinfo=UTC)


@functools.cache
def recorded(region: str) -> tuple[Image, ...]:
    """All recorded images as a Region shows them: each name once per architecture."""
    text = resources.files(__package__).joinpath("images.json").read_text(encoding="utf-8")
    best: dict[tuple[str, str], dict[str, Any]] = {}
    for entry in json.loads(text):
        key = (entry["name"], entry["architecture"])
        known = best.get(key)
        if known is None or _fits(entry, region) > _fits(known, region):
            best[key] = entry
    return tuple(_image(entry, region) for entry in best.values())


def _fits(entry: dict[str, Any], region: str) -> int:
    """2: recorded in this Region; 1: recorded without a Region; 0: recorded elsewhere."""
    return 2 if entry["region"] == region else int(entry["region"] is None)


def _image(entry: dict[str, Any], region: str) -> Image:
    name, architecture = entry["name"], entry["architecture"]
    here = entry["id"] if _fits(entry, region) else None
    return Image(
        id=here or derived_id(name, architecture, region),
        name=name,
        architecture=architecture,
        created=created_of(name, entry["released"]),
        root_device=root_device_of(name),
        root_gib=root_gib_of(name),
    )


def account_id() -> str:
    """Account number that moto answers for, as it decides it itself."""
    return os.environ.get("MOTO_ACCOUNT_ID", str(DEFAULT_ACCOUNT_ID))


def backend_of(region: str) -> Any:
    """moto's EC2 state of one Region of the simulated account."""
    return ec2_backends[account_id()][region]


def has_region(region: str) -> bool:
    """Whether moto has it: fewer than AWS, where AWS's newest are missing."""
    return region in ec2_backends[account_id()].regions


def seed(region: str) -> int:
    """Replace moto's built-in images of `region` by the recorded ones; returns how many.

    The built-in ones carry the start time of moto as creation date, which makes "newest"
    meaningless among them.
    """
    _hide_deprecated()
    backend = backend_of(region)
    backend.hides_deprecated = True  # gone with moto's next reset
    backend.amis.clear()
    publish(region, recorded(region))
    return len(backend.amis)


def _hide_deprecated() -> None:
    """Let DescribeImages heed `IncludeDeprecated`, which moto ignores, in Regions of an account.

    AWS hides an image that is past its time from all but its owner and who asks for its id. Plain
    moto stays as it is: only Regions that `seed` has set up are marked.
    """
    plain = AmisResponse.describe_images
    if getattr(plain, "__wrapped__", None) is not None:
        return

    @functools.wraps(plain)
    def describe_images(response: Any) -> Any:
        answer = plain(response)
        backend = response.ec2_backend
        if (
            getattr(backend, "hides_deprecated", False)
            and not response._get_bool_param("IncludeDeprecated", False)
            and not response._get_param("ImageIds", [])
        ):
            now = _now(backend)
            answer.result["Images"] = [
                image
                for image in answer.result["Images"]
                if getattr(image, "deprecation_time", now) >= now
                or image.owner_id == backend.account_id
            ]
        return answer

    AmisResponse.describe_images = describe_images


def _now(backend: Any) -> str:
    """The simulated AWS's time: its newest release, so that no answer ages by itself."""
    amis = list(backend.amis.values())
    return max((ami.creation_date_iso for ami in amis if isinstance(ami, RecordedAmi)), default="")


def publish(region: str, images: Iterable[Image]) -> None:
    """Make the images visible in a Region."""
    backend = backend_of(region)
    for image in images:
        backend.amis[image.id] = RecordedAmi(backend, image, f"{region}a")


def new_release(name: str, architecture: str, root_gib: int | None, region: str) -> Image:
    """An image that AWS "releases" now: its day is the one in its name, when it has one.

    Raises `ValueError` when the architecture is unknown, the name's day is no date, or the
    Region shows that name already.
    """
    if architecture not in ("x86_64", "arm64"):
        raise ValueError(f"architecture {architecture!r} is neither x86_64 nor arm64")
    if not 3 <= len(name) <= 128:
        raise ValueError(f"image name {name!r} has {len(name)} characters; AWS takes 3 to 128")
    shown = backend_of(region).amis.values()
    if any(ami.name == name and ami.architecture == architecture for ami in shown):
        raise ValueError(f"{region} shows an image of that name already: {name!r}")
    dated = re.search(r"\d{8}$", name) is not None
    try:
        created = created_of(name, None) if dated else datetime.now(UTC).replace(microsecond=0)
    except ValueError as wrong:
        raise ValueError(f"the last eight digits of {name!r} are not a date") from wrong
    if root_gib is not None and not 1 <= root_gib <= 65536:
        raise ValueError(f"root size {root_gib} GiB is outside 1 to 65536")
    return Image(
        id=derived_id(name, architecture, region),
        name=name,
        architecture=architecture,
        created=created,
        root_device=root_device_of(name),
        root_gib=root_gib or root_gib_of(name),
    )
