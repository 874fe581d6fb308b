"""Logins of container registries in Docker's format. Pure."""

import base64
import json
from collections.abc import Mapping
from typing import Final

from pydantic import SecretStr

DOCKER_HUB: Final = "docker.io"

_HUB_KEY = "https://index.docker.io/v1/"  # Docker's key for Docker Hub


def docker_config(logins: Mapping[str, SecretStr]) -> str:
    """Docker's `config.json` for logins of the form `user:password` by registry.

    One line, sorted by registry.
    """
    auths = {
        _HUB_KEY if registry == DOCKER_HUB else registry: {
            "auth": base64.b64encode(login.get_secret_value().encode()).decode()
        }
        for registry, login in sorted(logins.items())
    }
    return json.dumps({"auths": auths}, separators=(",", ":"))
