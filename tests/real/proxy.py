"""Runs the real Caddy with the real Caddyfile in front of stand-ins, on loopback only.

What has to differ from a host is replaced in the text, and each replacement must find its place:
addresses of the services, the ports, the folder of the secrets, the certificate authority.
"""

import os
import resource
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bundle.variants import compose, rendered
from real_stack.programs import free_port

from geusemaker.bundle import BundleFacts

from .visitors import PATIENCE, Upstream, Visitor

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
    """A proxy that listens, with what stands behind it."""

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


def greets(port: int, root: Path, sites: str) -> bool:
    """Whether every site has its certificate: Caddy makes them after it listens."""
    visitor = Visitor(port, root.read_text())
    try:
        for site in sites.split(", "):
            with visitor.connected(name=site.removeprefix("https://")):
                pass
    except (OSError, ssl.SSLError):
        return False
    return True


def replaced(text: str, old: str, new: str) -> str:
    assert old in text, f"the Caddyfile has no {old!r} any more"
    return text.replace(old, new)


@contextmanager
def running(
    caddy: Path,
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
    http_port, https_port, admin = free_port(), free_port(), free_port()
    secret = folder / "ollama-api-key"
    secret.write_text(OLLAMA_KEY)
    text = rendered(one)["caddy/Caddyfile"]
    container = compose(one)["services"]["caddy"]
    files = min(
        container["ulimits"]["nofile"]["hard"], resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    )
    for name, upstream in upstreams.items():
        text = replaced(
            text, f"reverse_proxy {UPSTREAMS[name]}", f"reverse_proxy {upstream.address}"
        )
    if "ollama" in one.services:
        text = replaced(text, "/run/secrets/ollama-api-key", str(secret))
    keys = folder / "api-keys"
    if one.has_api_keys:
        text = replaced(text, "/run/keys/api-keys", str(keys))
        for name, value in OWN_KEYS.items():
            (folder / name).write_text(value)
            text = replaced(text, f"/run/secrets/{name}", str(folder / name))
    if one.access.domain:
        # No authority is asked: nobody listens there.
        nobody = f"https://127.0.0.1:{free_port()}/"
        text = replaced(text, "issuer acme {", f"issuer acme {{\n\t\t\tdir {nobody}")
    text = replaced(
        text,
        "admin 127.0.0.1:2019",
        f"admin 127.0.0.1:{admin}\n\tdefault_bind 127.0.0.1\n\thttp_port {http_port}\n"
        f"\thttps_port {https_port}",
    )
    for old, new in (swaps or {}).items():
        text = replaced(text, old, new)
    (folder / "Caddyfile").write_text(text, encoding="utf-8")
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "GEUSEMAKER_SITES": sites,
        "GEUSEMAKER_HOST": host,
        "GOMEMLIMIT": container["environment"]["GOMEMLIMIT"],
    }
    root = folder / "data/caddy/pki/authorities/local/root.crt"
    log = folder / "caddy.log"
    with log.open("wb") as out:
        command = [str(caddy), "run", "--adapter", "caddyfile", "--config", "Caddyfile"]
        process = subprocess.Popen(command, cwd=folder, env=environ, stdout=out, stderr=out)
        try:
            resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (files, files))
            until = time.monotonic() + PATIENCE
            while not (root.exists() and greets(https_port, root, sites)):
                said = log.read_text(errors="replace")
                assert process.poll() is None, f"Caddy ended: {said}"
                assert time.monotonic() < until, f"Caddy is not up: {said}"
                time.sleep(0.05)
            visitor = Visitor(https_port, root.read_text())
            yield Running(visitor, http_port, https_port, upstreams, secret, process.pid, keys, log)
        finally:
            process.terminate()
            process.wait(PATIENCE)
            for upstream in upstreams.values():
                upstream.speak.set()
                upstream.shutdown()
                upstream.server_close()
