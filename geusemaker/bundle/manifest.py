"""Renders the manifest: what the host creates, pulls and monitors for a bundle. Pure.

One fact on each line:

service <compose service>
image <reference>
directory data|efs <path below it> <uid> <mode>     parents come first
secret <consumer> <name> <uid>
model <name>
dump-days <n>
bridge <name>                                       bridge interface of a network
reach <bridge> <address> <network>                  route that n8n may use
docker0 <address>/<prefix>                          Docker's default bridge
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from geusemaker.bundle.api_keys import KEYS_FILE, files_of_caddy
from geusemaker.bundle.facts import BundleFacts
from geusemaker.bundle.networks import firewall_lines
from geusemaker.bundle.reference import Reference

OLLAMA_UID: Final = 11434
"""User and group of Ollama, on host and in container. The number of its port, unused by images."""

# By container: file system below /srv/geusemaker, folder, uid, mode.
DIRECTORIES: Final[Mapping[str, tuple[tuple[str, str, int, str], ...]]] = MappingProxyType(
    {
        "n8n": (
            ("efs", "n8n", 1000, "0700"),
            ("efs", "n8n/home", 1000, "0700"),
            ("efs", "n8n/files", 1000, "0700"),
        ),
        # Older stacks created them as root: the host changes the owner (70-model-cache.sh).
        "ollama": (
            ("data", "ollama", OLLAMA_UID, "0700"),
            ("data", "ollama-kept", OLLAMA_UID, "0700"),
        ),
        "qdrant": (
            ("data", "qdrant", 1000, "0700"),
            ("data", "qdrant/storage", 1000, "0700"),
            ("data", "qdrant/snapshots", 1000, "0700"),
        ),
        "postgres": (
            ("data", "postgres", 999, "0700"),
            ("efs", "backups", 999, "0700"),
        ),
        "valkey": (("data", "valkey", 999, "0700"),),
        "caddy": (("data", "caddy", 1000, "0700"),),
    }
)

# Where a worker has others. It has no data volume and cannot create folders on the file system.
WORKER_DIRECTORIES: Final[Mapping[str, tuple[tuple[str, str, int, str], ...]]] = MappingProxyType(
    {"n8n": (("data", "n8n", 1000, "0700"), ("data", "n8n/home", 1000, "0700"))}
)


def manifest(facts: BundleFacts, images: Mapping[str, Reference]) -> str:
    """The text of the manifest."""
    containers = facts.containers
    directories = {**DIRECTORIES, **(WORKER_DIRECTORIES if facts.role == "worker" else {})}
    lines = [f"service {name}" for name in containers]
    lines += [f"image {reference}" for reference in dict.fromkeys(images.values())]
    lines += [
        f"directory {root} {path} {uid} {mode}"
        for name in containers
        for root, path, uid, mode in directories.get(name, ())
    ]
    secrets = facts.secrets
    if facts.has_api_keys and "caddy" in containers:
        secrets += (*files_of_caddy(containers), KEYS_FILE)
    lines += [f"secret {file.consumer} {file.name} {file.uid}" for file in secrets]
    if "ollama" in containers:
        lines += [f"model {name}" for name in dict.fromkeys(facts.models)]
    lines.append(f"dump-days {facts.dump_days if 'postgres' in containers else 0}")
    lines += firewall_lines(containers, facts.n8n_reaches)
    return "".join(f"{line}\n" for line in lines)
