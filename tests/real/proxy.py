"""Runs the real Caddy with the real Caddyfile in front of stand-ins, on loopback only.

Replaced in the text, which must contain each: addresses of the services, ports, the folder of the
secrets, the certificate authority.
"""

import resource
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bundle.variants import compose, rendered
from real_stack.programs import free_port
from real_stack.proxy import Proxy

from geusemaker.bundle import BundleFacts

from .visitors import Upstream, Visitor

UPSTREAMS = {
    "n8n": "n8n-edge:5678",
    "ollama": "ollama:11434",
    "qdrant": "qdrant:6333",
    "crawl4ai": "crawl4ai:11235",
}
OLLAMA_KEY = "Marker0000000000000000000000000000000Key"
OWN_KEYS = {
    "qdrant-api-key": "Marker00000000000000000000000000000Qdrant",
    "crawl4ai-token": "Marker00000000000000000000000000000Token",
}


@dataclass(frozen=True)
class Running:
    """A proxy that listens, and the stand-ins behind it."""

    visitor: Visitor
    http_port: int
    https_port: int
    upstreams: Mapping[str, Upstream]
    secret: Path
    process: int
    keys: Path
    """The file with the keys that have names, where the settings have any."""
    log: Path


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running(
    folder: Path,
    one: BundleFacts,
    *,
    sites: str = "https://localhost, https://127.0.0.1",
    host: str = "localhost",
    ready: bool = True,
    swaps: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """Caddy for these settings, until the block ends."""
    upstreams = {name: Upstream(name) for name in UPSTREAMS if name in one.services}
    for upstream in upstreams.values():
        upstream.ready = ready
    local = {
        f"reverse_proxy {UPSTREAMS[name]}": f"reverse_proxy {upstream.address}"
        for name, upstream in upstreams.items()
    }
    secret = folder / "ollama-api-key"
    secret.write_text(OLLAMA_KEY)
    if "ollama" in one.services:
        local["/run/secrets/ollama-api-key"] = str(secret)
    keys = folder / "api-keys"
    if one.has_api_keys:
        local["/run/keys/api-keys"] = str(keys)
        for name, value in OWN_KEYS.items():
            (folder / name).write_text(value)
            local[f"/run/secrets/{name}"] = str(folder / name)
    if one.access.domain:
        # An authority that does not exist.
        local["issuer acme {"] = f"issuer acme {{\n\t\t\tdir https://127.0.0.1:{free_port()}/"
    local |= swaps or {}
    container = compose(one)["services"]["caddy"]
    files = min(
        container["ulimits"]["nofile"]["hard"], resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    )
    memory = {"GOMEMLIMIT": container["environment"]["GOMEMLIMIT"]}
    try:
        caddy = Proxy(
            folder / "caddy",
            rendered(one)["caddy/Caddyfile"],
            local,
            sites=sites,
            host=host,
            environment=memory,
        )
        try:
            pid = caddy.program.pid
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (files, files))
            visitor = Visitor(caddy.port, caddy.root.read_text())
            yield Running(
                visitor,
                caddy.http_port,
                caddy.port,
                upstreams,
                secret,
                pid,
                keys,
                caddy.program.log,
            )
        finally:
            caddy.stop()
    finally:
        for upstream in upstreams.values():
            upstream.speak.set()
            upstream.shutdown()
            upstream.server_close()
