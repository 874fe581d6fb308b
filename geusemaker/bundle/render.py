"""Renders the files of the settings bundle. Pure."""

from typing import Final

from geusemaker.bundle.caddyfile import caddyfile
from geusemaker.bundle.compose import compose_gpu_yaml, compose_yaml
from geusemaker.bundle.facts import BundleFacts
from geusemaker.bundle.images import chosen
from geusemaker.bundle.manifest import manifest

MANIFEST: Final = "manifest"
COMPOSE: Final = "compose.yaml"
COMPOSE_GPU: Final = "compose.gpu.yaml"
CADDYFILE: Final = "caddy/Caddyfile"


def render(facts: BundleFacts) -> dict[str, str]:
    """The text of each file of the bundle, by path.

    Raises:
        BundleError: The instance type has too little memory, or an image lacks the architecture.
    """
    images = chosen(facts.containers, facts.image_versions, facts.architecture)
    files = {
        MANIFEST: manifest(facts, images),
        COMPOSE: compose_yaml(facts, images),
        CADDYFILE: caddyfile(facts),
    }
    if "ollama" in facts.services:
        files[COMPOSE_GPU] = compose_gpu_yaml()
    return files
