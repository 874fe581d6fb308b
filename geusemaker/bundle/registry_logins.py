"""Logins of container registries in the form that Docker reads. Pure."""

import base64
import json
from collections.abc import Mapping
from typing import Final

from pydantic import SecretStr

DOCKER_HUB: Final = "docker.io"

_HUB_KEY = "https://index.docker.io/v1/"  # what Docker's own client calls it in this file


def docker_config(logins: Mapping[str, SecretStr]) -> str:
    """The `config.json` with which Docker logs in: `user:password` by registry, in base64.

    One line, in an order that does not depend on the order of the config.
    """
    auths = {
        _HUB_KEY if registry == DOCKER_HUB else registry: {
            "auth": base64.b64encode(login.get_secret_value().encode()).decode()
        }
        for registry, login in sorted(logins.items())
    }
    return json.dumps({"auths": auths}, separators=(",", ":"))
