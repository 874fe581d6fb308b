"""Renders the boot script and packs it for EC2. Pure: no AWS, no Pulumi, no clock.

The script contains only values that the host cannot find itself. It detects the OS family at boot,
so pinned images work too. It contains no secrets: many principals can read user data.
"""

import base64
import gzip
import hashlib
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Literal

import jinja2

from geusemaker.errors import UserDataError

LIMIT_BYTES = 16_384
"""EC2's limit of user data, before base64."""

EFS_ROOT = "/srv/geusemaker/efs"

_PATHS = {
    "efs": EFS_ROOT,
    "lib": "/var/lib/geusemaker",
    "log": "/var/log/geusemaker-boot.log",
    "program": "/usr/local/lib/geusemaker/host",
    "state": "/var/lib/geusemaker/state",
}

# Order matters: a part uses only parts above it, and the last one starts the program.
_PARTS = (
    "10-head.sh.j2",
    "20-common.sh.j2",
    "25-status.sh.j2",
    "30-data.sh.j2",
    "40-packages.sh.j2",
    "50-efs.sh.j2",
    "60-docker.sh.j2",
    "65-gpu.sh.j2",
    "67-bundle.sh.j2",
    "68-services.sh.j2",
    "70-units.sh.j2",
    "80-main.sh.j2",
)


_OF_WORKER = {"30-data.sh.j2": "31-disk.sh.j2"}

# Of the bundle's program, after the folder `host`. A later part may define a function again.
_FOLDERS: Mapping[str, tuple[str, ...]] = {
    "alone": (),
    "head": ("host_shared", "host_queue"),
    "worker": ("host_shared", "host_worker"),
}
# A worker keeps no data, and starts its services in another way.
_ONLY_ON_HEAD = frozenset({"host/45-data-images.sh", "host/52-up.sh", "host/80-dumps.sh"})


@dataclass(frozen=True, kw_only=True)
class HostFacts:
    """Values of the boot script that only AWS and the stack know.

    A worker has `reports`, and neither a data volume nor a status parameter.
    """

    region: str
    file_system_id: str
    access_points: Mapping[str, str] = field(
        metadata={"doc": "directory below EFS_ROOT -> id of the access point"}
    )
    # Names of SSM parameters.
    settings_parameter: str
    secrets_parameter: str
    status_parameter: str = ""
    data_volume_id: str = ""
    reports: str = ""
    """Bucket of the reports of workers."""
    data_mount: str = "/srv/geusemaker/data"
    data_device: str = "/dev/sdf"
    """Device name of the attachment. Xen hosts find the volume by it: they show no volume ids."""

    @property
    def role(self) -> Literal["head", "worker"]:
        """The host of the stack, or one of its workers."""
        return "worker" if self.reports else "head"


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Number of tries of each step, and seconds between them. `unit_*` limit the whole step."""

    data_tries: int = 120
    data_pause: int = 10  # 20 minutes: the old host stops before it releases the volume
    mount_tries: int = 6
    mount_pause: int = 10
    efs_tries: int = 60
    efs_pause: int = 10  # 10 minutes: DNS of a new mount target may take five
    package_tries: int = 20
    package_pause: int = 15
    package_lock_seconds: int = 600
    docker_tries: int = 30
    docker_pause: int = 10
    gpu_tries: int = 30
    gpu_pause: int = 10
    aws_tries: int = 30
    aws_pause: int = 10  # 5 minutes: a new role takes time to propagate
    aws_seconds: int = 120
    pull_tries: int = 10
    pull_pause: int = 30
    services_seconds: int = 1500  # n8n's first start migrates its database for minutes
    model_tries: int = 5
    model_pause: int = 60
    dump_tries: int = 60
    dump_pause: int = 30
    unit_seconds: int = 7200
    unit_pause: int = 60


# Wider than AWS's ids, for mocks. The value must be one word for the shell and for fstab, and not a
# path.
_ID = r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,254}"
_WORD = r"[A-Za-z0-9]+([_.-]+[A-Za-z0-9]+)*"
_PARAMETER = rf"/?{_WORD}(/{_WORD})*"
_SHAPES = {
    "region": r"[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}",
    "file_system_id": _ID,
    "data_volume_id": _ID,
    "data_mount": r"(/[a-z0-9_-]+)+",
    "data_device": r"/dev/sd[f-p]",
    "settings_parameter": _PARAMETER,
    "secrets_parameter": _PARAMETER,
    "status_parameter": _PARAMETER,
}
_SHAPES_OF_WORKER = _SHAPES | {
    "data_volume_id": r"",
    "status_parameter": r"",
    "reports": r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]",
}
_MOUNT_NAME = r"[a-z][a-z0-9-]{0,31}"


def render(facts: HostFacts, bounds: Bounds | None = None) -> str:
    """The text of the boot script. Raises `UserDataError` for a value of an unexpected shape."""
    _check(facts)
    bounds = bounds or Bounds()
    _check_bounds(bounds)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("geusemaker.userdata"),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        # Removes template comments with their lines: they would take a third of EC2's limit.
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701  # a shell script, not HTML: values are quoted by `sh`
    )
    environment.filters["sh"] = shlex.quote
    # Sorted: equal mappings must render the same text, or the host is replaced.
    # A worker mounts n8n-home before n8n-files, a folder in it: EFS makes a folder at the first
    # mount, and its parents with an owner of its own.
    mounts = dict(sorted(facts.access_points.items(), reverse=facts.role == "worker"))
    values = {"facts": facts, "bounds": bounds, "mounts": mounts, "paths": _PATHS}
    other = _OF_WORKER if facts.role == "worker" else {}
    parts = (environment.get_template(other.get(part, part)) for part in _PARTS)
    return "\n".join(part.render(values) for part in parts)


def bundle_program(role: Literal["head", "worker"] = "head", *, queue: bool = False) -> str:
    """The text of `host.sh` in each settings bundle: files of the folders for that host, joined.

    The part of the host's program that boot does not need, so that a change replaces no host. The
    order is that of the folders and of the names in each.

    Args:
        role: The host of the stack, or one of its workers.
        queue: Whether the stack has workers. A worker always has the queue's part.
    """
    root = resources.files("geusemaker.userdata")
    folders = ("host", *_FOLDERS[role if queue or role == "worker" else "alone"])
    names = [f"{one}/{name}" for one in folders for name in sorted(_names(root / one))]
    left_out = _ONLY_ON_HEAD if role == "worker" else frozenset()
    return "\n".join(
        (root / name).read_text(encoding="utf-8") for name in names if name not in left_out
    )


def _names(folder: Traversable) -> list[str]:
    return [part.name for part in folder.iterdir()]


def encode(text: str) -> str:
    """Base64 of the gzipped text, for `user_data_base64`.

    The bytes depend on the Python build: keep the result, and detect changes by `fingerprint`.
    """
    packed = gzip.compress(text.encode(), compresslevel=9, mtime=0)
    if len(packed) > LIMIT_BYTES:
        raise UserDataError(
            f"The boot script has {len(packed):,} bytes when packed, but EC2 accepts "
            f"{LIMIT_BYTES:,}. Move code that boot does not need from "
            "geusemaker/userdata/templates to geusemaker/userdata/host."
        )
    return base64.b64encode(packed).decode("ascii")


def decode(encoded: str) -> str:
    """The text that `encode` packed, on any machine."""
    try:
        return gzip.decompress(base64.b64decode(encoded, validate=True)).decode()
    except (ValueError, OSError, EOFError) as error:
        raise UserDataError(
            f"This user data is not base64 of a gzipped script: {error}. GeuseMaker did not create "
            "it, or it has changed since."
        ) from error


def fingerprint(text: str) -> str:
    """SHA-256 of the text, equal on every machine."""
    return hashlib.sha256(text.encode()).hexdigest()


def _check(facts: HostFacts) -> None:
    for name, shape in (_SHAPES_OF_WORKER if facts.role == "worker" else _SHAPES).items():
        _check_shape(name, getattr(facts, name), shape)
    if not facts.access_points:
        raise UserDataError(
            "The boot script needs at least one EFS access point, and access_points is empty."
        )
    for mount, access_point in facts.access_points.items():
        _check_shape("access_points (the name)", mount, _MOUNT_NAME)
        _check_shape(f"access_points[{mount}]", access_point, _ID)
    if f"{facts.data_mount}/".startswith(f"{EFS_ROOT}/") or EFS_ROOT.startswith(
        f"{facts.data_mount}/"
    ):
        raise UserDataError(
            f"data_mount is {facts.data_mount!r}, which overlaps {EFS_ROOT}: one of the two file "
            "systems would hide the other. Choose another directory."
        )


def _check_shape(name: str, value: object, shape: str) -> None:
    # fullmatch: `$` allows a trailing newline, which would start a second command.
    if not isinstance(value, str) or not re.fullmatch(shape, value):
        raise UserDataError(
            f"{name} is {value!r}, which cannot go into the boot script: it must look like {shape}."
        )


def _check_bounds(bounds: Bounds) -> None:
    for bound in fields(bounds):
        value = getattr(bounds, bound.name)
        least = 0 if bound.name.endswith("_pause") else 1
        if type(value) is not int or value < least:
            raise UserDataError(
                f"The bound {bound.name} is {value!r}: it must be a whole number from {least} up."
            )
