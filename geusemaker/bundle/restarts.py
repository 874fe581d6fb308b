"""Which containers another bundle creates again, restarts or removes. Pure.

Compose creates a container again where the hash of its settings differs (`docker compose config
--hash`). It restarts those whose `depends_on` says `restart: true` with the one that they need.
"""

from collections.abc import Mapping
from typing import Any, Final

import yaml

from geusemaker.bundle.containers import CADDY_DIR, HOST, SITES, URL
from geusemaker.bundle.render import CADDYFILE, COMPOSE

_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def restarted(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """The containers of a bundle, as files by path, that the bundle `after` stops; sorted.

    Without the files of both, none.
    """
    if not before or not after:
        return []
    old, new = _containers(before), _containers(after)
    variables = []
    if before.get(CADDYFILE) != after.get(CADDYFILE):
        variables.append(CADDY_DIR)  # the host names the folder by the file's content
    if _is_by_address(old) != _is_by_address(new):
        variables += [URL, HOST, SITES]
    found = {
        name
        for name, settings in old.items()
        if new.get(name) != settings or any(one in str(settings) for one in variables)
    }
    return sorted(found | {name for name in old if _follows(new.get(name) or {}, found)})


def _follows(settings: Mapping[str, Any], others: set[str]) -> bool:
    needed = settings.get("depends_on") or {}
    return any(one in others and how.get("restart") for one, how in needed.items())


def _is_by_address(containers: Mapping[str, Any]) -> bool:
    """Whether the URL is the host's address: port 443 is open, and no port 80 for a domain."""
    ports: list[str] = containers.get("caddy", {}).get("ports", [])
    return len(ports) == 1 and not ports[0].startswith("127.0.0.1:")


def _containers(files: Mapping[str, str]) -> Mapping[str, Any]:
    found: Any = yaml.load(files.get(COMPOSE, ""), Loader=_LOADER)  # noqa: S506 - both are safe
    containers: Mapping[str, Any] = (found or {}).get("services") or {}
    return containers
