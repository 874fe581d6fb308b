"""Renders the Compose files from config. Pure.

Only Caddy publishes ports. Each network joins only containers that need each other (`networks.py`).
"""

from collections.abc import Mapping
from typing import Any, Final

import yaml

from geusemaker.bundle.api_keys import files_of_caddy
from geusemaker.bundle.configured import configured
from geusemaker.bundle.containers import PIDS, Container
from geusemaker.bundle.facts import BundleFacts
from geusemaker.bundle.limits import memory_limits
from geusemaker.bundle.networks import Network, compose_endpoints, compose_network, networks_of
from geusemaker.bundle.queue_containers import built
from geusemaker.bundle.reference import Reference
from geusemaker.bundle.secret_names import SECRETS_ROOT, SecretFile

PROJECT: Final = "geusemaker"

_HEADER = "# Made by GeuseMaker from the stack's config: the next update undoes changes here.\n"


# At most 50 MB of logs for each container.
_LOGGING: Final = {"driver": "json-file", "options": {"max-size": "10m", "max-file": "5"}}


def compose_yaml(facts: BundleFacts, images: Mapping[str, Reference]) -> str:
    """compose.yaml. Raises `BundleError` when the services do not fit the instance type."""
    containers = facts.containers
    limits = memory_limits(containers, facts.memory_gib)
    made = networks_of(containers)
    document = {
        "name": PROJECT,
        "services": {
            name: _service(facts, name, str(images[name]), made, limits[name])
            for name in containers
        },
        "networks": {name: compose_network(name, network) for name, network in made.items()},
    }
    if files := _secrets(facts):
        document["secrets"] = {
            _secret(file): {"file": f"{SECRETS_ROOT}/{file.consumer}/{file.name}"} for file in files
        }
    return _dump(document)


def compose_gpu_yaml() -> str:
    """compose.gpu.yaml, for hosts with an NVIDIA GPU only: Ollama does not start without one."""
    gpu = {"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}
    resources = {"reservations": {"devices": [gpu]}}
    return _dump({"services": {"ollama": {"deploy": {"resources": resources}}}})


def _service(
    facts: BundleFacts,
    name: str,
    image: str,
    networks: Mapping[str, Network],
    memory_mib: int | None,
) -> Container:
    memory = {} if memory_mib is None else {"memory": f"{memory_mib}M"}
    service: Container = {
        "image": image,
        **configured(name, built(name, facts, memory_mib), facts),
        "networks": compose_endpoints(name, networks, facts.access.domain),
    }
    if mine := [file for file in _secrets(facts) if file.consumer == name]:
        service["secrets"] = [{"source": _secret(file), "target": file.inside} for file in mine]
    return service | {
        "restart": "unless-stopped",
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "logging": _LOGGING,
        "deploy": {"resources": {"limits": {**memory, "pids": PIDS[name]}}},
    }


def _secrets(facts: BundleFacts) -> tuple[SecretFile, ...]:
    """The files that Compose mounts."""
    more = files_of_caddy(facts.containers) if facts.has_api_keys else ()
    return (*facts.secrets, *more)


def _secret(file: SecretFile) -> str:
    return f"{file.consumer}_{file.name}"


class _Dumper(yaml.SafeDumper):
    """Writes equal parts in full, not as anchors and aliases, which are harder to read."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def _dump(document: Mapping[str, Any]) -> str:
    text = yaml.dump(
        dict(document), Dumper=_Dumper, sort_keys=False, width=10_000, default_flow_style=False
    )
    return f"{_HEADER}{text}"
