"""The simulated AWS's images: recorded names of real Deep Learning AMIs, and new releases.

`images.json` holds names that AWS has published. An id that no public source names is derived from
the image's name, so it is the same on every machine.
"""

import functools
import json
import re
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any, Final

from pulumi_moto.backends import backend_of
from pulumi_moto.images import Image, derived_id

DLAMI_OWNER: Final = "898082745236"  # AWS's DLAMI account in the default commercial Regions


def root_device_of(name: str) -> str:
    """The root device: /dev/sda1 for Ubuntu, /dev/xvda for Amazon Linux."""
    return "/dev/xvda" if "Amazon Linux" in name else "/dev/sda1"


def root_gib_of(name: str) -> int:
    """The root size in GiB of published images with such a name; AWS changes it between builds."""
    if "PyTorch" in name:
        return 25 if "Amazon Linux 2023" in name else 30
    if "Neuron" in name or "Amazon Linux 2)" in name:
        return 105
    return 75


def created_of(name: str, released: str | None) -> datetime:
    """Creation time in UTC: the recorded day, else the day in the name, else one by the version.

    The day of images named `Version NN.N` is not public; a higher version gets a later day.
    """
    if released is None and (match := re.search(r"Version (\d+)(?:\.(\d+))?$", name)):
        number = int(match[1]) * 10 + int(match[2] or 0)
        return datetime(2018, 1, 1, tzinfo=UTC) + timedelta(days=4 * number)
    day = released or re.sub(r".*(\d{4})(\d{2})(\d{2})$", r"\1-\2-\3", name)
    # A fixed hour gives equal results in two runs.
    return datetime.strptime(day, "%Y-%m-%d").replace(hour=9, tzinfo=UTC)


@functools.cache
def recorded(region: str) -> tuple[Image, ...]:
    """The recorded images in a Region: each name once per architecture."""
    text = resources.files(__package__).joinpath("images.json").read_text(encoding="utf-8")
    best: dict[tuple[str, str], dict[str, Any]] = {}
    for entry in json.loads(text):
        key = (entry["name"], entry["architecture"])
        known = best.get(key)
        if known is None or _region_match(entry, region) > _region_match(known, region):
            best[key] = entry
    return tuple(_image(entry, region) for entry in best.values())


def _region_match(entry: dict[str, Any], region: str) -> int:
    """2: recorded in this Region; 1: recorded without a Region; 0: recorded elsewhere."""
    return 2 if entry["region"] == region else int(entry["region"] is None)


def _image(entry: dict[str, Any], region: str) -> Image:
    name, architecture = entry["name"], entry["architecture"]
    here = entry["id"] if _region_match(entry, region) else None
    return Image(
        id=here or derived_id(name, architecture, region),
        name=name,
        architecture=architecture,
        created=created_of(name, entry["released"]),
        root_device=root_device_of(name),
        root_gib=root_gib_of(name),
        owner=DLAMI_OWNER,
    )


def new_release(name: str, architecture: str, root_gib: int | None, region: str) -> Image:
    """An image that the simulated AWS releases now. The day in its name, if any, is its date.

    Raises `ValueError` for an unknown architecture, an invalid date or size, or a name that the
    Region has already.
    """
    if architecture not in ("x86_64", "arm64"):
        raise ValueError(f"architecture {architecture!r} is neither x86_64 nor arm64")
    if not 3 <= len(name) <= 128:
        raise ValueError(f"image name {name!r} has {len(name)} characters; AWS allows 3 to 128")
    shown = backend_of(region).amis.values()
    if any(ami.name == name and ami.architecture == architecture for ami in shown):
        raise ValueError(f"{region} already has an image named {name!r}")
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
        owner=DLAMI_OWNER,
    )
