"""Adds the variables of `serviceSettings` to a container. Pure."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from geusemaker.bundle.containers import Container, from_file
from geusemaker.bundle.facts import BundleFacts
from geusemaker.bundle.service_settings import of_container

RUNNERS_CONFIG: Final = "/etc/n8n-task-runners.json"
"""The launcher's file in the image of the task runners."""

_OWN_RUNNERS_CONFIG = "/tmp/n8n-task-runners.json"  # noqa: S108  # a tmpfs of the container

MODULES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "javascript": ("NODE_FUNCTION_ALLOW_BUILTIN", "NODE_FUNCTION_ALLOW_EXTERNAL"),
        "python": ("N8N_RUNNERS_STDLIB_ALLOW", "N8N_RUNNERS_EXTERNAL_ALLOW"),
    }
)
"""The variables of each task runner that the launcher takes from its file only: `env-overrides`
there hides the launcher's own environment (n8n-io/task-runner-launcher, docs/setup.md)."""


def modules_program(source: str = RUNNERS_CONFIG, target: str = _OWN_RUNNERS_CONFIG) -> str:
    """JavaScript that writes the launcher's file with the modules that the environment names."""
    cases = ",".join(f"{runner}:{list(names)}" for runner, names in MODULES.items())
    return (
        f'const fs=require("fs"),names={{{cases}}},c=JSON.parse(fs.readFileSync("{source}"));'
        'for(const r of c["task-runners"])for(const n of names[r["runner-type"]]||[])'
        'if(n in process.env)(r["env-overrides"]??={})[n]=process.env[n];'
        f'fs.writeFileSync("{target}",JSON.stringify(c))'
    ).replace("'", '"')


def configured(name: str, built: Container, facts: BundleFacts) -> Container:
    """The container with its settings; unchanged without any."""
    # A worker has none of them: those of n8n are for the process with the editor.
    given = facts.secret_settings if facts.role == "head" else ()
    secrets = [variable for service, variable in given if service == name]
    values = dict(of_container(name, facts.settings))
    if not values and not secrets:
        return built
    found = dict(built)
    if secrets:
        found = _SECRETS[name](found, secrets)
        # Another value creates the container again: the host changes the variable.
        variable = f"GEUSEMAKER_SECRETS_{name.upper().replace('-', '_')}"
        found["labels"] = {"geusemaker.secrets": f"${{{variable}:-}}"}
    found["environment"] = {**found.get("environment", {}), **values}
    if name == "n8n-runners" and any(one in values for names in MODULES.values() for one in names):
        *before, start = found["entrypoint"]
        found["entrypoint"] = [*before, _with_modules(start)]
    return found


def _with_modules(start: str) -> str:
    token, launch = start.rsplit(" && exec ", 1)
    own = f"export N8N_RUNNERS_CONFIG_PATH={_OWN_RUNNERS_CONFIG}"
    return f"{token} && node -e '{modules_program()}' && {own} && exec {launch}"


def _by_file(built: Container, secrets: list[str]) -> Container:
    files = {f"{variable}_FILE": f"/run/secrets/{variable}" for variable in secrets}
    return built | {"environment": {**built["environment"], **files}}


def _by_entry_point(built: Container, secrets: list[str]) -> Container:
    """For Crawl4AI, whose image reads no variable from a file."""
    read = " && ".join(from_file(variable, variable) for variable in secrets)
    start = f"{read} && exec bash entrypoint.sh"
    return {"entrypoint": ["/bin/bash", "-c", start], "command": []} | built


_SECRETS: Final[Mapping[str, Callable[[Container, list[str]], dict[str, Any]]]] = MappingProxyType(
    {"n8n": _by_file, "crawl4ai": _by_entry_point}
)
"""How a container gets secret variables."""
