"""The part of compose.yaml that is specific to each container: one function each.

`compose.py` adds the common part: image, limits, networks, hardening. Values that only the host
knows are Compose variables, `${NAME:?}`: Compose fails if one is missing.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from geusemaker.bundle.api_keys import INSIDE, SOURCE
from geusemaker.bundle.callers import hides_ipv6
from geusemaker.bundle.facts import DEFAULT_OWNER_EMAIL, SERVICES, BundleFacts
from geusemaker.bundle.limits import CADDY_FILES, CADDY_GO_MIB
from geusemaker.bundle.manifest import OLLAMA_UID
from geusemaker.bundle.networks import N8N_ADDRESS, N8N_BROKER_ADDRESS
from geusemaker.bundle.secret_names import (
    N8N_ENCRYPTION_KEY,
    N8N_OWNER_PASSWORD_HASH,
    N8N_RUNNERS_TOKEN,
    POSTGRES_PASSWORD,
    QDRANT_API_KEY,
)

DATA: Final = "/srv/geusemaker/data"
EFS: Final = "/srv/geusemaker/efs"
MODEL_CACHE: Final = "/var/lib/geusemaker/model-cache"

URL: Final = "${GEUSEMAKER_URL:?}"
HOST: Final = "${GEUSEMAKER_HOST:?}"
SITES: Final = "${GEUSEMAKER_SITES:?}"
MODELS_DIR: Final = "${GEUSEMAKER_MODELS_DIR:?}"
CADDY_DIR: Final = "${GEUSEMAKER_CADDY_DIR:?}"

Container = dict[str, Any]

_INSIDE = "/run/secrets"

# n8n's default list, which n8n warns about unless it is set, with the additions of n8n 3: the
# carrier-grade NAT range and IPv6 ranges that translate to IPv4.
_NOT_PUBLIC: Final = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
    *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15"),
    *("198.51.100.0/24", "203.0.113.0/24"),
    *("::1/128", "64:ff9b::/96", "2001::/32", "2002::/16", "fc00::/7", "fd00::/8", "fe80::/10"),
)
_TASK_SECONDS = "300"


def bind(
    source: str, target: str, *, read_only: bool = False, propagation: str | None = None
) -> Container:
    """A bind mount. Docker fails if the folder is missing, and does not create it as root."""
    volume: Container = {"type": "bind", "source": source, "target": target}
    if read_only:
        volume["read_only"] = True
    how: Container = {"create_host_path": False}
    if propagation:
        how["propagation"] = propagation
    return volume | {"bind": how}


def health(*test: str, start: str, interval: str = "10s", timeout: str = "5s") -> Container:
    """A health check by a program in the image. Failures do not count during `start`."""
    return {
        "test": list(test),
        "interval": interval,
        "timeout": timeout,
        "retries": 5,
        "start_period": start,
    }


def from_file(variable: str, secret: str) -> str:
    """Shell code that exports a secret, for images that cannot read it from a file.

    In two steps: `export A=$(...)` would succeed without the file. Dollars are doubled because
    Compose expands single ones.
    """
    return f'{variable}="$$(cat {_INSIDE}/{secret})" && export {variable}'


# API keys outlive a session and have all rights of the user who created them.
_N8N_API_OFF: Final = {
    "N8N_PUBLIC_API_DISABLED": "true",
    "N8N_PUBLIC_API_SWAGGERUI_DISABLED": "true",
}


def _n8n(facts: BundleFacts) -> Container:
    return {
        "user": "1000:1000",
        "environment": {
            "NODE_ENV": "production",  # otherwise error responses contain stack traces
            # Node.js accepts 16 KB of headers by default, Caddy forwards 64 KB and adds its own.
            # It leaves an address after 250 ms for the next one, which may be IPv6 without a route.
            # A connection to a far continent takes longer.
            "NODE_OPTIONS": "--max-http-header-size=81920"
            " --network-family-autoselection-attempt-timeout=2000",
            "DB_TYPE": "postgresdb",
            "DB_POSTGRESDB_HOST": "postgres",
            "DB_POSTGRESDB_PORT": "5432",
            "DB_POSTGRESDB_DATABASE": "n8n",
            "DB_POSTGRESDB_USER": "n8n",
            "DB_POSTGRESDB_PASSWORD_FILE": f"{_INSIDE}/{POSTGRES_PASSWORD}",
            "N8N_ENCRYPTION_KEY_FILE": f"{_INSIDE}/{N8N_ENCRYPTION_KEY}",
            # Otherwise the first visitor would become the owner.
            "N8N_INSTANCE_OWNER_MANAGED_BY_ENV": "true",
            "N8N_INSTANCE_OWNER_EMAIL": facts.owner_email or DEFAULT_OWNER_EMAIL,
            "N8N_INSTANCE_OWNER_FIRST_NAME": "Geuse",
            "N8N_INSTANCE_OWNER_LAST_NAME": "Maker",
            "N8N_INSTANCE_OWNER_PASSWORD_HASH_FILE": f"{_INSIDE}/{N8N_OWNER_PASSWORD_HASH}",
            "N8N_HOST": HOST,
            "N8N_PORT": "5678",
            "N8N_PROTOCOL": "https",
            "N8N_EDITOR_BASE_URL": URL,
            "N8N_WEBHOOK_URL": URL,
            # n8n trusts one proxy. Only Caddy is on the network where n8n listens.
            "N8N_LISTEN_ADDRESS": N8N_ADDRESS,
            "N8N_PROXY_HOPS": "1",
            "N8N_SECURE_COOKIE": "true",
            **_n8n_ssrf(facts),
            "N8N_RUNNERS_MODE": "external",
            "N8N_RUNNERS_AUTH_TOKEN_FILE": f"{_INSIDE}/{N8N_RUNNERS_TOKEN}",
            "N8N_RUNNERS_BROKER_LISTEN_ADDRESS": N8N_BROKER_ADDRESS,
            "N8N_RUNNERS_TASK_TIMEOUT": _TASK_SECONDS,
            "N8N_DEFAULT_BINARY_DATA_MODE": "filesystem",
            "N8N_ENFORCE_SETTINGS_FILE_PERMISSIONS": "true",
            # Packages that n8n has not reviewed would run in the process that has n8n's secrets.
            "N8N_UNVERIFIED_PACKAGES_ENABLED": "false",
            **({} if facts.n8n_public_api else _N8N_API_OFF),
            "N8N_DIAGNOSTICS_ENABLED": "false",
            "N8N_PERSONALIZATION_ENABLED": "false",
            "GENERIC_TIMEZONE": "UTC",
            "TZ": "UTC",
        },
        "depends_on": {"postgres": {"condition": "service_healthy", "restart": True}},
        "volumes": [
            bind(f"{EFS}/n8n/home", "/home/node/.n8n"),
            bind(f"{EFS}/n8n/files", "/home/node/.n8n-files"),
        ],
        "read_only": True,
        # With owner: after a restart Docker mounts a folder that the image lacks as root.
        "tmpfs": [
            "/tmp:mode=1777",  # noqa: S108
            "/home/node/.cache:uid=1000,gid=1000,mode=0700",
            "/home/node/.npm:uid=1000,gid=1000,mode=0700",
        ],
        # /healthz succeeds before the database is migrated. The first migration takes minutes on a
        # busy host.
        "healthcheck": health(
            "CMD",
            "wget",
            "-q",
            "-O",
            "/dev/null",
            f"http://{N8N_ADDRESS}:5678/healthz/readiness",
            start="600s",
        ),
        "stop_grace_period": "45s",  # n8n waits 30 s for running executions
    }


def _n8n_ssrf(facts: BundleFacts) -> dict[str, str]:
    """n8n's SSRF protection, for workflows that request URLs from their input.

    n8n checks the host name first, so services are allowed by name, whatever their address.
    """
    names: list[str] = [name for name in SERVICES if name in facts.services and name != "n8n"]
    if facts.access.domain:
        names.append(facts.access.domain)
    ranges = {"N8N_SSRF_ALLOWED_IP_RANGES": ",".join(facts.n8n_reaches)}
    return {
        "N8N_SSRF_PROTECTION_ENABLED": "true",
        "N8N_SSRF_BLOCKED_IP_RANGES": ",".join(_NOT_PUBLIC),
        "N8N_SSRF_ALLOWED_HOSTNAMES": ",".join(names),
        **(ranges if facts.n8n_reaches else {}),
    }


def _runners(_: BundleFacts) -> Container:
    start = (
        f"{from_file('N8N_RUNNERS_AUTH_TOKEN', N8N_RUNNERS_TOKEN)}"
        " && exec /usr/local/bin/task-runner-launcher javascript python"
    )
    return {
        "user": "1000:1000",
        "entrypoint": ["tini", "--", "/bin/sh", "-c", start],
        "command": [],
        "environment": {
            "N8N_RUNNERS_TASK_BROKER_URI": "http://n8n:5679",
            "N8N_RUNNERS_MAX_CONCURRENCY": "3",  # fits the memory limit
            # The launcher has its own limit, 60 s by default.
            "N8N_RUNNERS_TASK_TIMEOUT": _TASK_SECONDS,
            "N8N_RUNNERS_AUTO_SHUTDOWN_TIMEOUT": "15",
            "N8N_RUNNERS_LAUNCHER_GRACEFUL_SHUTDOWN_TIMEOUT": "10",
            "GENERIC_TIMEZONE": "UTC",
        },
        "depends_on": {"n8n": {"condition": "service_healthy"}},
        "read_only": True,
        "tmpfs": ["/tmp:mode=1777"],  # noqa: S108
        # Shows only that the launcher runs, not that n8n accepts its token.
        "healthcheck": health(
            "CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:5680/healthz", start="30s"
        ),
        "stop_grace_period": "15s",
    }


def _ollama(_: BundleFacts) -> Container:
    return {
        # A user that no other container has, and not root. NVIDIA's device files are open to all
        # users.
        "user": f"{OLLAMA_UID}:{OLLAMA_UID}",
        "environment": {
            "OLLAMA_HOST": "0.0.0.0:11434",
            "OLLAMA_MODELS": "/models",
            "HOME": "/home/ollama",  # Ollama writes a key there and fails without it
            "OLLAMA_NO_CLOUD": "1",  # no prompt leaves the host
        },
        "volumes": [
            bind(MODELS_DIR, "/models"),
            # rslave: the host may mount an instance store below it later.
            bind(MODEL_CACHE, "/model-cache", propagation="rslave"),
        ],
        "read_only": True,
        "tmpfs": [
            "/tmp:mode=1777",  # noqa: S108
            f"/home/ollama:uid={OLLAMA_UID},gid={OLLAMA_UID},mode=0700",
        ],
        # The image has neither curl nor wget. This command calls the server.
        "healthcheck": health("CMD", "ollama", "list", start="60s"),
        "stop_grace_period": "30s",
        # Out of memory, the kernel kills Ollama before the database.
        "oom_score_adj": 500,
    }


def _qdrant(_: BundleFacts) -> Container:
    start = f"{from_file('QDRANT__SERVICE__API_KEY', QDRANT_API_KEY)} && exec ./entrypoint.sh"
    ready = (
        "exec 3<>/dev/tcp/127.0.0.1/6333"
        " && printf 'GET /readyz HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3"
        ' && read -r -t 4 _ status _ <&3 && [ "$$status" = 200 ]'
    )
    return {
        "user": "1000:1000",
        "working_dir": "/qdrant",
        "entrypoint": ["/bin/bash", "-c", start],
        "command": [],
        "environment": {
            "QDRANT__TELEMETRY_DISABLED": "true",
            "QDRANT__STORAGE__SNAPSHOTS_PATH": "/qdrant/snapshots",
            # By default it is in the program's folder, which is read-only.
            "QDRANT_INIT_FILE_PATH": "/qdrant/storage/.qdrant-initialized",
        },
        "volumes": [
            bind(f"{DATA}/qdrant/storage", "/qdrant/storage"),
            bind(f"{DATA}/qdrant/snapshots", "/qdrant/snapshots"),
        ],
        "read_only": True,
        "tmpfs": ["/tmp:mode=1777"],  # noqa: S108
        # The image has neither curl nor wget, but bash. /readyz needs no key.
        "healthcheck": health("CMD", "/bin/bash", "-c", ready, start="300s"),
        "stop_grace_period": "60s",
        # Docker 29 allows 1,024, and each segment of a collection keeps files open.
        "ulimits": {"nofile": {"soft": 65536, "hard": 65536}},
    }


def _crawl4ai(_: BundleFacts) -> Container:
    own = "uid=999,gid=999,mode=0700"
    return {
        # The entry point reads the token from /run/secrets/api_token. Its default bind address
        # fails on a host without IPv6.
        "environment": {"GUNICORN_BIND": "0.0.0.0:11235"},
        "read_only": True,
        "tmpfs": [
            "/tmp:mode=1777",  # noqa: S108
            f"/var/lib/redis:{own}",
            f"/var/lib/crawl4ai/outputs:{own}",
            f"/home/appuser/.crawl4ai:{own}",
            f"/home/appuser/.cache/url_seeder:{own}",
            f"/home/appuser/.gunicorn:{own}",
        ],
        "healthcheck": health(
            "CMD",
            "curl",
            "-fsS",
            "-o",
            "/dev/null",
            "http://127.0.0.1:11235/health",
            start="90s",
            timeout="10s",
        ),
        "stop_grace_period": "20s",
        "shm_size": "1gb",  # Chromium crashes with Docker's 64 MB
    }


def _postgres(_: BundleFacts) -> Container:
    return {
        # The entry point has no capability to change the user itself.
        "user": "999:999",
        "environment": {
            "POSTGRES_USER": "n8n",
            "POSTGRES_DB": "n8n",
            "POSTGRES_PASSWORD_FILE": f"{_INSIDE}/{POSTGRES_PASSWORD}",
            "TZ": "UTC",
        },
        "volumes": [
            # From PostgreSQL 18 on, the parent of the data folder.
            bind(f"{DATA}/postgres", "/var/lib/postgresql"),
        ],
        "read_only": True,
        "tmpfs": [
            "/var/run/postgresql:uid=999,gid=999,mode=0775",
            "/tmp:mode=1777",  # noqa: S108
        ],
        # By TCP: while the database is initialized, a temporary server answers on the socket.
        "healthcheck": health(
            "CMD", "pg_isready", "-q", "-h", "127.0.0.1", "-U", "n8n", "-d", "n8n", start="60s"
        ),
        "stop_grace_period": "60s",
        "shm_size": "256mb",
        "ulimits": {"nofile": {"soft": 65536, "hard": 65536}},
    }


def _caddy(facts: BundleFacts) -> Container:
    # Session Manager forwards to the host's loopback.
    outside = "127.0.0.1:"
    if facts.access.is_public:
        outside = "0.0.0.0:" if hides_ipv6(facts) else ""
    return {
        "user": "1000:1000",
        "environment": {
            "GEUSEMAKER_SITES": SITES,
            "GEUSEMAKER_HOST": HOST,
            "GOMEMLIMIT": f"{CADDY_GO_MIB}MiB",
        },
        "ports": [*(["80:80"] if facts.access.domain else []), f"{outside}443:443"],
        "volumes": [
            # Not the bundle's folder: its name changes with each bundle, which replaces Caddy.
            bind(CADDY_DIR, "/etc/caddy", read_only=True),
            bind(f"{DATA}/caddy", "/data"),
            *([bind(SOURCE, INSIDE, read_only=True)] if facts.has_api_keys else []),
        ],
        # A file capability of the program, which does not start without it.
        "cap_add": ["NET_BIND_SERVICE"],
        "read_only": True,
        "tmpfs": [
            "/tmp:mode=1777",  # noqa: S108
            "/config:uid=1000,gid=1000,mode=0700",
        ],
        "ulimits": {"nofile": {"soft": CADDY_FILES, "hard": CADDY_FILES}},
        # By number: this wget resolves `localhost` to ::1, where Caddy does not listen.
        "healthcheck": health(
            "CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:2019/config/", start="15s"
        ),
        "stop_grace_period": "15s",
    }


BUILDERS: Final[Mapping[str, Callable[[BundleFacts], Container]]] = MappingProxyType(
    {
        "n8n": _n8n,
        "n8n-runners": _runners,
        "ollama": _ollama,
        "qdrant": _qdrant,
        "crawl4ai": _crawl4ai,
        "postgres": _postgres,
        "caddy": _caddy,
    }
)

PIDS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "n8n": 1024,
        "n8n-runners": 512,
        "ollama": 4096,  # llama.cpp and CUDA start threads for each core
        "qdrant": 4096,
        # Its own limit is 40 pages at a time, and each set of browser options has its own Chromium.
        # Measured on 2 cores: 9 threads for a page, 46 for a browser; more cores take more.
        "crawl4ai": 4096,
        "postgres": 1024,
        "valkey": 128,
        "caddy": 512,
    }
)
