"""Ollama as in its container, on this machine.

User, mounts, environment and read-only root are those of the rendered compose.yaml. Container paths
keep their names, and lead to a test's folder.
"""

import contextlib
import hashlib
import http.client
import http.server
import json
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any, Final

from real_stack.bundle import facts, service
from real_stack.programs import Program, free_port
from real_stack.proxy import Proxy

from geusemaker.bundle import render
from geusemaker.userdata import bundle_program

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import real_tools  # noqa: E402

PAGE: Final = "https://chat.example.com"
"""The web page that config lets call Ollama."""
FACTS: Final = facts(
    services=("ollama",),
    settings={"ollama": {"OLLAMA_CONTEXT_LENGTH": "1536", "OLLAMA_ORIGINS": PAGE}},
)
RENDERED: Final[dict[str, Any]] = service("ollama", FACTS)
UID: Final = int(RENDERED["user"].partition(":")[0])
KEY: Final = "ol" + "7K" * 19


class OllamaHost:
    """A data volume, an instance store, a proxy, and Ollama."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data, self.lib = folder / "data", folder / "lib"
        self.models, self.kept = self.data / "ollama", self.data / "ollama-kept"
        self.disk = self.lib / "model-cache/disk"
        for path in (self.models, self.kept, self.disk):
            path.mkdir(parents=True)
            os.chown(path, UID, UID)
        (folder / "key").write_text(KEY)
        self.port = free_port()
        self._program: Program | None = None
        caddyfile = render(FACTS)["caddy/Caddyfile"]
        local = {
            "ollama:11434": f"127.0.0.1:{self.port}",
            "/run/secrets/ollama-api-key": str(folder / "key"),
        }
        self.proxy = Proxy(folder / "caddy", caddyfile, local)

    def _mounts(self) -> Path:
        sources = {
            "${GEUSEMAKER_MODELS_DIR:?}": self.models,
            "/var/lib/geusemaker/model-cache": self.disk.parent,
        }
        volumes = RENDERED["volumes"]
        lines = [f"bind {sources[volume['source']]} {volume['target']}" for volume in volumes]
        for mount in RENDERED["tmpfs"]:
            target, _, options = mount.partition(":")
            lines.append(f"tmpfs {options} {target}")
        path = self.folder / "mounts"
        path.write_text("".join(f"{line}\n" for line in lines))
        return path

    def _environment(self) -> dict[str, str]:
        environment = dict(RENDERED["environment"])
        assert environment["OLLAMA_HOST"] == "0.0.0.0:11434"
        return environment | {"OLLAMA_HOST": f"127.0.0.1:{self.port}", "PATH": "/opt:/usr/bin"}

    def command(self, *words: str) -> list[str]:
        """A program in a container like Ollama's."""
        root = self.folder / "root"
        root.mkdir(exist_ok=True)
        for link in ("bin", "sbin", "lib", "lib64"):
            if not (root / link).is_symlink():
                (root / link).symlink_to(f"usr/{link}")
        assert RENDERED["read_only"] is True
        assert RENDERED["cap_drop"] == ["ALL"]
        return [
            *("/usr/bin/unshare", "--mount", "/bin/sh", str(Path(__file__).parent / "enter.sh")),
            *(str(root), str(real_tools.ensure("ollama")), str(UID), str(self._mounts()), *words),
        ]

    def start(self) -> None:
        self._program = Program(
            self.command("/opt/ollama", "serve"),
            log=self.folder / f"ollama-{len(list(self.folder.glob('ollama-*')))}.log",
            env=self._environment(),
            cwd=self.folder,
        )
        self._program.until("Ollama listened", lambda: "Listening on" in self.program_said())

    def program_said(self) -> str:
        assert self._program is not None
        return self._program.said()

    def stop(self) -> None:
        if self._program is not None:
            self._program.stop()

    def end(self) -> None:
        self.stop()
        self.proxy.stop()

    def inside(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command in the container, as by `docker compose exec`."""
        return subprocess.run(
            self.command(*words),
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def on_host(self, script: str) -> str:
        """Runs functions of the bundle's program as the host does. Returns their output."""
        program = self.folder / "host.sh"
        program.write_text(bundle_program())
        (self.folder / "manifest").write_text(render(FACTS)["manifest"])
        ours = (
            'log() { echo "$*"; }; '
            'write_file() { cat >"$1.new" && chmod "$2" "$1.new" && mv -f "$1.new" "$1"; }; '
            f"DIR={self.folder} DATA_MOUNT={self.data} LIB={self.lib} UNITS={self.folder}; "
            f". {program}; ask_ollama() {{ cat {self.folder}/listed; }}; {script}"
        )
        done = subprocess.run(
            ["/bin/bash", "-Eeuo", "pipefail", "-c", ours],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextlib.contextmanager
    def asked(
        self, method: str, path: str, body: object = None, key: str | None = KEY, **more: str
    ) -> Iterator[http.client.HTTPResponse]:
        """A request through Caddy. The answer can be read in parts."""
        tls = ssl.create_default_context(cafile=str(self.proxy.root))
        connection = HTTPSConnection("localhost", self.proxy.port, timeout=300, context=tls)
        headers = {name.replace("_", "-"): value for name, value in more.items()}
        headers |= {} if key is None else {"Authorization": f"Bearer {key}"}
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body)
        try:
            connection.request(method, f"/ollama{path}", content, headers)
            yield connection.getresponse()
        finally:
            connection.close()

    def ask(self, method: str, path: str, body: object = None) -> list[dict[str, Any]]:
        """The lines of an answer, which must be a success."""
        with self.asked(method, path, body) as answer:
            lines = answer.read().decode().splitlines()
            assert answer.status in (200, 201), lines
        found = [json.loads(line) for line in lines if line]
        assert not [line for line in found if "error" in line], found
        return found

    def make(self, name: str, content: bytes) -> str:
        """Creates a model from a file. Returns the name of its blob."""
        digest = hashlib.sha256(content).hexdigest()
        with self.asked("HEAD", f"/api/blobs/sha256:{digest}") as answer:
            missing = answer.status == 404
        if missing:
            self.ask("POST", f"/api/blobs/sha256:{digest}", content)
        self.ask("POST", "/api/create", {"model": name, "files": {"a.gguf": f"sha256:{digest}"}})
        return f"sha256-{digest}"

    def says(self, model: str) -> list[dict[str, Any]]:
        """The lines of the model's answer."""
        options = {"num_predict": 3, "seed": 1, "temperature": 0}
        return self.ask(
            "POST", "/api/generate", {"model": model, "prompt": "a", "options": options}
        )


class Registry(http.server.ThreadingHTTPServer):
    """A registry with one model. Like the real one it redirects to its storage at another name."""

    def __init__(self, blobs: dict[str, bytes], layers: list[tuple[str, str]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.blobs = blobs
        self.opened = threading.Event()
        entries = [
            {"mediaType": kind, "digest": digest, "size": len(blobs[digest])}
            for kind, digest in layers
        ]
        kind = "application/vnd.docker.distribution.manifest.v2+json"
        self.manifest = json.dumps(
            {"schemaVersion": 2, "mediaType": kind, "config": entries[0], "layers": entries[1:]}
        ).encode()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Registry
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer(200, self.server.blobs[self.path.rpartition("/")[2]], head=True)

    def do_GET(self) -> None:
        last = self.path.rpartition("/")[2]
        if "/manifests/" in self.path:
            self._answer(200, self.server.manifest)
        elif self.path.startswith("/v2/"):
            port = self.server.server_address[1]
            self.send_response(307)
            self.send_header("Location", f"http://localhost:{port}/storage/{last}")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            assert self.server.opened.wait(300)
            first, _, end = self.headers["Range"].removeprefix("bytes=").partition("-")
            self._answer(206, self.server.blobs[last][int(first) : int(end) + 1])

    def _answer(self, status: int, content: bytes, *, head: bool = False) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if not head:
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Prints nothing."""
