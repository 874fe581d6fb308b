"""The settings bundle: Compose files, Caddyfile and manifest, in one tar named by its hash.

Pure: no AWS, no Pulumi resources, no clock, no secrets. The stack renders and packs the bundle. The
host unpacks and applies it in place, so a new model or image needs no new host.
"""

from geusemaker.bundle.access import Access
from geusemaker.bundle.facts import (
    CONTAINERS,
    DEFAULT_OWNER_EMAIL,
    SERVICES,
    BundleFacts,
)
from geusemaker.bundle.images import KEYS as IMAGE_KEYS
from geusemaker.bundle.images import check_image_versions, load_images
from geusemaker.bundle.render import render
from geusemaker.bundle.restarts import restarted
from geusemaker.bundle.secret_names import CONSUMERS, SECRET_NAMES
from geusemaker.bundle.tar import digest, pack, unpack
from geusemaker.errors import BundleError

__all__ = [
    "CONSUMERS",
    "CONTAINERS",
    "DEFAULT_OWNER_EMAIL",
    "IMAGE_KEYS",
    "SECRET_NAMES",
    "SERVICES",
    "Access",
    "BundleError",
    "BundleFacts",
    "check_image_versions",
    "digest",
    "load_images",
    "pack",
    "render",
    "restarted",
    "unpack",
]
