"""The settings bundle: Compose files, Caddyfile and manifest, as one tar under its hash.

Pure: no AWS, no Pulumi resource, no clock, no secret. The stack renders and packs it, the host
unpacks and applies it in place; so a new model or image is no new host.
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
from geusemaker.bundle.secret_names import CONSUMERS, SECRET_NAMES
from geusemaker.bundle.tar import digest, pack
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
]
