"""Renders the files of the settings bundle. Pure."""

from typing import Final

from geusemaker.bundle.caddyfile import caddyfile
from geusemaker.bundle.compose import compose_gpu_yaml, compose_yaml
from geusemaker.bundle.facts import BundleFacts
from geusemaker.bundle.images import chosen
from geusemaker.bundle.manifest import manifest
from geusemaker.bundle.queue_containers import workers_text

MANIFEST: Final = "manifest"
COMPOSE: Final = "compose.yaml"
COMPOSE_GPU: Final = "compose.gpu.yaml"
CADDYFILE: Final = "caddy/Caddyfile"
WORKERS: Final = "workers"


def render(facts: BundleFacts) -> dict[str, str]:
    """The text of each file of the bundle, by path.

    Raises:
        BundleError: The instance type has too little memory, or an image lacks the architecture.
    """
    images = chosen(facts.containers, facts.image_versions, facts.architecture)
    files = {
        MANIFEST: manifest(facts, images),
        COMPOSE: compose_yaml(facts, images),
    }
    if "caddy" in facts.containers:
        files[CADDYFILE] = caddyfile(facts)
    if facts.queue is not None:
        files[WORKERS] = workers_text(facts, facts.queue)
    if "ollama" in facts.containers:
        files[COMPOSE_GPU] = compose_gpu_yaml()
    return files
