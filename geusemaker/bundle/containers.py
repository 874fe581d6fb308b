"""What each container is: one function a service, each gives the part that is its own.

What all have in common (image, limits, networks, hardening) is added by `compose.py`. Values that
only the host knows are left to Compose, as `${NAME:?}`, which fails where one is missing.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

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

# n8n's own list, which it complains of when it is left to that, and what n8n 3 adds to it: the
# range shared by carriers, and ways from IPv6 to IPv4.
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
    """A folder of the host. One that is missing is a failure, not a new empty folder of root's."""
    volume: Container = {"type": "bind", "source": source, "target": target}
    if read_only:
        volume["read_only"] = True
    how: Container = {"create_host_path": False}
    if propagation:
        how["propagation"] = propagation
    return volume | {"bind": how}


def health(*test: str, start: str, interval: str = "10s", timeout: str = "5s") -> Container:
    """A check by a program that the image has. `start` is how long failures do not count."""
    return {
        "test": list(test),
        "interval": interval,
        "timeout": timeout,
        "retries": 5,
        "start_period": start,
    }


def from_file(variable: str, secret: str) -> str:
    """Shell that exports a secret, for images that cannot read it from a file themselves.

    In two steps, since `export A=$(...)` would hide that the file is missing. The dollars are
    doubled: Compose would look for variables of its own in single ones.
    """
    return f'{variable}="$$(cat {_INSIDE}/{secret})" && export {variable}'


# API keys do not end with a session, and whoever holds one is the user who made it.
_N8N_API_OFF: Final = {
    "N8N_PUBLIC_API_DISABLED": "true",
    "N8N_PUBLIC_API_SWAGGERUI_DISABLED": "true",
}


def _n8n(facts: BundleFacts) -> Container:
    return {
        "user": "1000:1000",
        "environment": {
            "NODE_ENV": "production",  # else errors carry stack traces to whoever asked
            # Node.js refuses more than 16 KB of headers, and Caddy lets 64 KB and its own pass.
            "NODE_OPTIONS": "--max-http-header-size=81920",
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
            # Caddy stands between n8n and whoever calls it, and nobody else is where it listens.
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
            # A package that nobody at n8n has looked at would run beside n8n's own secrets.
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
        # The owner is named: Docker mounts a folder that the image lacks as root's after a restart.
        "tmpfs": [
            "/tmp:mode=1777",  # noqa: S108
            "/home/node/.cache:uid=1000,gid=1000,mode=0700",
            "/home/node/.npm:uid=1000,gid=1000,mode=0700",
        ],
        # The plain /healthz answers before the database is migrated. The first start migrates for
        # minutes on a busy host.
        "healthcheck": health(
            "CMD",
            "wget",
            "-q",
            "-O",
            "/dev/null",
            f"http://{N8N_ADDRESS}:5678/healthz/readiness",
            start="600s",
        ),
        "stop_grace_period": "45s",  # n8n lets running executions end for 30 s
    }


def _n8n_ssrf(facts: BundleFacts) -> dict[str, str]:
    """n8n's own wall, for requests whose address comes from who uses a workflow. It asks for the
    name first, so a service is allowed by its name and not by the address that it has."""
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
            "N8N_RUNNERS_MAX_CONCURRENCY": "3",  # as its memory allows
            # The launcher ends every task after 60 s unless it is told as well.
            "N8N_RUNNERS_TASK_TIMEOUT": _TASK_SECONDS,
            "N8N_RUNNERS_AUTO_SHUTDOWN_TIMEOUT": "15",
            "N8N_RUNNERS_LAUNCHER_GRACEFUL_SHUTDOWN_TIMEOUT": "10",
            "GENERIC_TIMEZONE": "UTC",
        },
        "depends_on": {"n8n": {"condition": "service_healthy"}},
        "read_only": True,
        "tmpfs": ["/tmp:mode=1777"],  # noqa: S108
        # It says that the launcher lives, also when its token is wrong: more is not to be had.
        "healthcheck": health(
            "CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:5680/healthz", start="30s"
        ),
        "stop_grace_period": "15s",
    }


def _ollama(_: BundleFacts) -> Container:
    return {
        # Of its own: who breaks into Ollama is nobody else's user, and never root on its files. The
        # GPU needs no more: its device files may be used by all, as NVIDIA's driver makes them.
        "user": f"{OLLAMA_UID}:{OLLAMA_UID}",
        "environment": {
            "OLLAMA_HOST": "0.0.0.0:11434",
            "OLLAMA_MODELS": "/models",
            "HOME": "/home/ollama",  # it makes a key there, and does not start without
            "OLLAMA_NO_CLOUD": "1",  # what is asked here stays here
        },
        "volumes": [
            bind(MODELS_DIR, "/models"),
            # What the host mounts below it later, an instance store, shows here as well.
            bind(MODEL_CACHE, "/model-cache", propagation="rslave"),
        ],
        "read_only": True,
        "tmpfs": [
            "/tmp:mode=1777",  # noqa: S108
            f"/home/ollama:uid={OLLAMA_UID},gid={OLLAMA_UID},mode=0700",
        ],
        # The image has neither curl nor wget, but its own program asks the server.
        "healthcheck": health("CMD", "ollama", "list", start="60s"),
        "stop_grace_period": "30s",
        # When the host runs out of memory, a model goes and not the database.
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
            # It writes this beside its program otherwise, which is read-only here.
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
        # Docker 29 gives containers 1,024, and each segment of a collection keeps files open.
        "ulimits": {"nofile": {"soft": 65536, "hard": 65536}},
    }


def _crawl4ai(_: BundleFacts) -> Container:
    own = "uid=999,gid=999,mode=0700"
    return {
        # Its entry point reads the token from /run/secrets/api_token by itself. The bind address
        # is named, since its own one fails where a host has no IPv6.
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
        # Named, so that the entry point need not change the user, for which it has no capability.
        "user": "999:999",
        "environment": {
            "POSTGRES_USER": "n8n",
            "POSTGRES_DB": "n8n",
            "POSTGRES_PASSWORD_FILE": f"{_INSIDE}/{POSTGRES_PASSWORD}",
            "TZ": "UTC",
        },
        "volumes": [
            # From PostgreSQL 18 on, the folder above that of the data.
            bind(f"{DATA}/postgres", "/var/lib/postgresql"),
        ],
        "read_only": True,
        "tmpfs": [
            "/var/run/postgresql:uid=999,gid=999,mode=0775",
            "/tmp:mode=1777",  # noqa: S108
        ],
        # By TCP: while the database is first made, a temporary server answers on the socket.
        "healthcheck": health(
            "CMD", "pg_isready", "-q", "-h", "127.0.0.1", "-U", "n8n", "-d", "n8n", start="60s"
        ),
        "stop_grace_period": "60s",
        "shm_size": "256mb",
        "ulimits": {"nofile": {"soft": 65536, "hard": 65536}},
    }


def _caddy(facts: BundleFacts) -> Container:
    # The way in by Session Manager ends at the host's own loopback.
    outside = "" if facts.access.is_public else "127.0.0.1:"
    return {
        "user": "1000:1000",
        "environment": {
            "GEUSEMAKER_SITES": SITES,
            "GEUSEMAKER_HOST": HOST,
            "GOMEMLIMIT": f"{CADDY_GO_MIB}MiB",
        },
        "ports": [*(["80:80"] if facts.access.domain else []), f"{outside}443:443"],
        "volumes": [
            # Not the bundle's own folder, whose name changes, and Caddy with it, at every change.
            bind(CADDY_DIR, "/etc/caddy", read_only=True),
            bind(f"{DATA}/caddy", "/data"),
        ],
        # The program carries it as a file capability and cannot be started without.
        "cap_add": ["NET_BIND_SERVICE"],
        "read_only": True,
        "tmpfs": [
            "/tmp:mode=1777",  # noqa: S108
            "/config:uid=1000,gid=1000,mode=0700",
        ],
        "ulimits": {"nofile": {"soft": CADDY_FILES, "hard": CADDY_FILES}},
        # By number: `localhost` is ::1 for this wget, where nobody listens.
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
        "ollama": 4096,  # llama.cpp and CUDA start threads by the core
        "qdrant": 4096,
        "crawl4ai": 512,
        "postgres": 1024,
        "caddy": 512,
    }
)
