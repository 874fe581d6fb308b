"""Settings bundles for the boot tests: small, in the format that the host reads."""

import hashlib
import io
import tarfile
from dataclasses import dataclass, field
from typing import Final

from geusemaker.bundle.manifest import OLLAMA_UID
from geusemaker.userdata import bundle_program

PLUGIN: Final = b"5.6.0\n"
"""The Compose plugin of the stand-in for GitHub."""

SECRETS: Final = (
    ("postgres", "postgres-password", 999),
    ("n8n", "n8n-encryption-key", 1000),
    ("n8n", "postgres-password", 1000),
)


def host_program(text: str | None = None) -> str:
    """The bundle's part of the program, with the hash of the stand-in for the plugin."""
    text = bundle_program() if text is None else text
    name, real = next(
        line.split("=") for line in text.splitlines() if line.startswith("COMPOSE_SHA256_x86_64=")
    )
    return text.replace(f"{name}={real}", f"{name}={hashlib.sha256(PLUGIN).hexdigest()}")


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """One bundle; every image reference has `tag`."""

    tag: str = "1"
    services: tuple[str, ...] = ("caddy", "n8n", "ollama", "postgres")
    models: tuple[str, ...] = ()
    dump_days: int = 2
    ollama: int = OLLAMA_UID
    folders: tuple[str, ...] = ("postgres", "caddy", "ollama", "ollama-kept")
    caddyfile: str = "{$GEUSEMAKER_SITES} {\n}\n"
    compose: str | None = None
    gpu: bool = True
    program: str = ""
    """Replaces the bundle's part of the program."""
    more_manifest: str = ""
    more_files: dict[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    links: dict[str, str] = field(default_factory=dict)
    bucket: str = "geusemaker-bundles"
    more_pointer: str = ""
    raw: bytes = b""
    """Stored in place of a tar."""

    def image(self, service: str) -> str:
        return f"example.org/{service}:{self.tag}@sha256:{'0' * 64}"

    @property
    def manifest(self) -> str:
        lines = [f"service {service}" for service in self.services]
        lines += [f"image {self.image(service)}" for service in self.services]
        folders = {"postgres": "999 0700", "caddy": "1000 755"}
        folders |= dict.fromkeys(("ollama", "ollama-kept"), f"{self.ollama} 700")
        lines += [f"directory data {name} {folders[name]}" for name in self.folders]
        lines += ["directory efs n8n 1000 700", "directory efs backups 999 700"]
        lines += [f"secret {who} {name} {uid}" for who, name, uid in SECRETS]
        lines += [f"model {model}" for model in self.models]
        lines += [f"dump-days {self.dump_days}"]
        return "\n".join(lines) + "\n" + self.more_manifest

    @property
    def compose_file(self) -> str:
        lines = ["name: geusemaker", "services:"]
        for service in self.services:
            lines += [f"  {service}:", f"    image: {self.image(service)}"]
            if service == "n8n":
                lines += ["    environment:", "      N8N_HOST: ${GEUSEMAKER_HOST:?}"]
                lines += ["      WEBHOOK_URL: ${GEUSEMAKER_URL:?}"]
            if service == "caddy":
                lines += ["    environment:", "      GEUSEMAKER_SITES: ${GEUSEMAKER_SITES:?}"]
                lines += ["    volumes:", "      - ${GEUSEMAKER_CADDY_DIR:?}:/etc/caddy:ro"]
            if service == "ollama":
                lines += ["    volumes:", "      - ${GEUSEMAKER_MODELS_DIR:?}:/root/.ollama"]
        lines += ["secrets:"]
        for who, name, _ in SECRETS:
            lines += [f"  {who}-{name}:", f"    file: /var/lib/geusemaker/secrets/{who}/{name}"]
        return "\n".join(lines) + "\n"

    @property
    def files(self) -> dict[str, str]:
        files = {
            "caddy/Caddyfile": self.caddyfile,
            "compose.yaml": self.compose or self.compose_file,
            "host.sh": self.program or host_program(),
            "manifest": self.manifest,
        }
        if self.gpu:
            files["compose.gpu.yaml"] = "services:\n  ollama:\n    deploy: nvidia\n"
        files |= self.more_files
        return {path: text for path, text in sorted(files.items()) if path not in self.without}

    @property
    def packed(self) -> bytes:
        if self.raw:
            return self.raw
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for path, text in self.files.items():
                info = tarfile.TarInfo(path)
                info.size, info.mode = len(text.encode()), 0o644
                tar.addfile(info, io.BytesIO(text.encode()))
            for path, target in self.links.items():
                info = tarfile.TarInfo(path)
                info.type, info.linkname = tarfile.SYMTYPE, target
                tar.addfile(info)
        return packed.getvalue()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.packed).hexdigest()

    def pointer(self, url: str | None = None) -> str:
        return (
            f"sha256={self.sha256}\nbucket={self.bucket}\nkey=bundles/{self.sha256}.tar\n"
            f"url={url or 'https://localhost:8443'}\nsites=https://localhost, https://127.0.0.1"
            f"{self.more_pointer}"
        )
