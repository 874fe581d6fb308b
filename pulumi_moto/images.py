"""The simulated AWS's machine images: only those that are published here.

moto's built-in ones carry the start time of moto as creation date, which makes "newest"
meaningless among them.
"""

import functools
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from moto.ec2.models.amis import Ami
from moto.ec2.responses.amis import AmisResponse

from .backends import backend_of

_ISO: Final = "%Y-%m-%dT%H:%M:%S.000Z"
DEPRECATED_AFTER: Final = timedelta(days=730)  # EC2 deprecates a public image after two years


@dataclass(frozen=True)
class Image:
    """One public image. `created` is in UTC; `owner` is an account number."""

    id: str
    name: str
    architecture: str
    created: datetime
    root_device: str
    root_gib: int
    owner: str
    owner_alias: str | None = "amazon"


class PublishedAmi(Ami):  # type: ignore[misc]
    """moto's image with what moto leaves out: root size and type, ENA, end of its visible life."""

    def __init__(self, backend: Any, image: Image, zone: str) -> None:
        self.root_gib = image.root_gib
        super().__init__(
            backend,
            image.id,
            name=image.name,
            description=image.name,
            owner_id=image.owner,
            owner_alias=image.owner_alias,
            public=True,
            virtualization_type="hvm",
            architecture=image.architecture,
            creation_date=image.created,
            image_location=f"{image.owner_alias or image.owner}/{image.name}",
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
    """An image id in AWS's form, the same on every machine."""
    digest = hashlib.sha256(f"{region}/{architecture}/{name}".encode()).hexdigest()
    return f"ami-{digest[:17]}"


def replace(region: str, images: Iterable[Image]) -> None:
    """Let a Region show these images and no others, and hide deprecated ones as AWS does."""
    _hide_deprecated()
    backend = backend_of(region)
    backend.hides_deprecated = True  # gone with moto's next reset
    backend.amis.clear()
    publish(region, images)


def _hide_deprecated() -> None:
    """Let DescribeImages follow `IncludeDeprecated`, which moto ignores, in Regions of an account.

    AWS hides a deprecated image from all but its owner and requests by its id. Plain moto is not
    changed: only Regions that `replace` has set up are marked.
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
    return max((ami.creation_date_iso for ami in amis if isinstance(ami, PublishedAmi)), default="")


def publish(region: str, images: Iterable[Image]) -> None:
    """Make more images visible in a Region."""
    backend = backend_of(region)
    for image in images:
        backend.amis[image.id] = PublishedAmi(backend, image, f"{region}a")
