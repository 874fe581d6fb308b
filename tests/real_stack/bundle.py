"""The rendered bundle as Compose reads it, with the host's values."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from geusemaker.bundle import SERVICES, Access, BundleFacts, render

OWNER = "owner@example.com"


def facts(**changes: Any) -> BundleFacts:
    """All services, no open port: by default a user reaches them by a port forward."""
    plain: dict[str, Any] = {
        "services": SERVICES,
        "image_versions": {},
        "models": (),
        "owner_email": OWNER,
        "access": Access(),
        "memory_gib": None,
        "architecture": "x86_64",
        "dump_days": 7,
    }
    return BundleFacts(**(plain | changes))


def service(name: str, of: BundleFacts) -> dict[str, Any]:
    """One service of the rendered compose.yaml."""
    document = yaml.safe_load(render(of)["compose.yaml"])
    found: dict[str, Any] = document["services"][name]
    return found


def filled(text: str, values: Mapping[str, str]) -> str:
    """Compose's interpolation, as far as the files use it. Fails on other forms."""
    done = re.sub(
        r"\$(?:\$|\{([A-Z_]+):\?\})", lambda one: values[one[1]] if one[1] else "\0", text
    )
    assert "$" not in done, f"this Compose variable is not known to the tests: {text}"
    return done.replace("\0", "$")
