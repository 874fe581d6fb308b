"""Containers of a stack with workers: what its host adds, and what runs on a worker. Pure."""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from geusemaker.bundle.containers import BUILDERS, DATA, EFS, Container, bind, health
from geusemaker.bundle.facts import BundleFacts
from geusemaker.bundle.networks import CLOSED, N8N_ADDRESS, NETWORKS, bridge, networks_of
from geusemaker.bundle.queue import AUTHORITY, CONNECTIONS, POOL, VALKEY_PASSWORD, Queue

ADDRESS: Final = "${GEUSEMAKER_ADDRESS:?}"
"""The private address of the host."""
HEAD: Final = "${GEUSEMAKER_HEAD:?}"
"""The name by which workers connect to the host."""
ZONE: Final = "${GEUSEMAKER_ZONE:?}"
"""The private zone with that name, and with those of the services."""

PORTS: Final[Mapping[str, tuple[int, ...]]] = MappingProxyType(
    {
        "postgres": (5432,),
        "valkey": (6379,),
        "qdrant": (6333, 6334),
        "crawl4ai": (11235,),
        "ollama": (11434,),
    }
)
"""Ports of the host's containers that workers connect to."""

_TMP = "/tmp"  # noqa: S108  # a tmpfs of each container
_TRUSTED = f"{_TMP}/workers-authority.pem"
_OF_MAIN = (
    *("N8N_INSTANCE_OWNER_", "N8N_LISTEN_ADDRESS", "N8N_PROXY_HOPS", "N8N_SECURE_COOKIE"),
    *("N8N_PUBLIC_API_", "N8N_PORT"),
)
"""Prefixes of variables that only the process with the editor reads."""


def ports_for(facts: BundleFacts) -> dict[str, tuple[int, ...]]:
    """The ports of the host that workers connect to, by container; empty without workers."""
    if facts.queue is None:
        return {}
    return {
        name: ports
        for name, ports in PORTS.items()
        if name in facts.containers and not (name == "ollama" and facts.queue.has_ollama)
    }


def most_ports(services: Iterable[str]) -> int:
    """How many ports of the host workers connect to at most, with these services."""
    chosen = {"valkey", *services}
    return sum(len(ports) for name, ports in PORTS.items() if name in chosen)


def workers_text(facts: BundleFacts, queue: Queue) -> str:
    """The file `workers` of the bundle; see `queue`."""
    if facts.role == "worker":
        lines = [f"head {bridge('edge')} {N8N_ADDRESS}", f"drain {queue.drain_seconds}"]
    else:
        made = networks_of(facts.containers)
        lines = [f"closed {bridge(name)}" for name in CLOSED if name in made]
        lines += ["metrics"] if queue.grows else []
    return "".join(f"{line}\n" for line in lines)


def built(name: str, facts: BundleFacts, memory_mib: int | None) -> Container:
    """The part of compose.yaml that is specific to a container."""
    queue = facts.queue
    if queue is None:
        return BUILDERS[name](facts)
    if name == "valkey":
        found = _valkey(memory_mib)
    elif facts.role == "worker":
        of_worker = {"n8n": _worker, "n8n-runners": _runners}.get(name)
        return BUILDERS[name](facts) if of_worker is None else of_worker(facts, queue)
    else:
        found = BUILDERS[name](facts)
        if more := _ADDED.get(name):
            found = more(found, queue)
    if ports := ports_for(facts).get(name):
        found["ports"] = [f"{ADDRESS}:{port}:{port}" for port in ports]
    return found


def _pem(*names: str, where: str) -> str:
    """Shell code that writes the PEM files of these secrets."""
    return (
        f"cd {where} && for one in {' '.join(names)}; do"
        ' { tr "|" "\\n" <"/run/secrets/workers-$$one" && echo; } >"$$one.pem" || exit 1; done'
    )


def _renewed(name: str) -> dict[str, str]:
    """Labels that make another container when a file of its secrets has another value."""
    end = name.upper().replace("-", "_")
    return {"geusemaker.secrets": f"${{GEUSEMAKER_SECRETS_{end}:-}}"}


def _of_queue(host: str, patience_ms: int) -> dict[str, str]:
    return {
        "EXECUTIONS_MODE": "queue",
        "OFFLOAD_MANUAL_EXECUTIONS_TO_WORKERS": "true",
        "N8N_DEFAULT_BINARY_DATA_MODE": "database",
        "QUEUE_BULL_REDIS_HOST": host,
        "QUEUE_BULL_REDIS_PORT": "6379",
        "QUEUE_BULL_REDIS_TLS": "true",
        "QUEUE_BULL_REDIS_PASSWORD_FILE": f"/run/secrets/{VALKEY_PASSWORD}",
        # n8n ends after ten seconds without the queue by default.
        "QUEUE_BULL_REDIS_TIMEOUT_THRESHOLD": str(patience_ms),
        # n8n has no variable for the authority of the queue's certificate.
        "NODE_EXTRA_CA_CERTS": _TRUSTED,
    }


def _trusting(command: str) -> list[str]:
    trust = f'{{ tr "|" "\\n" </run/secrets/{AUTHORITY} && echo; }} >{_TRUSTED}'
    return ["tini", "--", "/bin/sh", "-c", f"{trust} && {command}"]


def _main(found: Container, _: Queue) -> Container:
    waits = {**found["depends_on"], "valkey": {"condition": "service_healthy"}}
    return found | {
        "entrypoint": _trusting("exec n8n start"),
        "command": [],
        "environment": found["environment"] | _of_queue("valkey", 120_000),
        "labels": _renewed("n8n"),
        "depends_on": waits,
    }


def _postgres(found: Container, _: Queue) -> Container:
    folder = "/var/run/postgresql"
    main = NETWORKS["database"].subnet
    rules = (
        "local all all trust",
        "host all all 127.0.0.1/32 trust",
        f"host all all {main} scram-sha-256",
        "hostssl all n8n all scram-sha-256",
    )
    lines = " ".join(f"'{rule}'" for rule in rules)
    start = (
        f"umask 077 && {_pem('certificate', 'key', where=folder)}"
        f" && printf '%s\\n' {lines} >pg_hba.conf"
        ' && cd / && exec docker-entrypoint.sh "$$@"'
    )
    settings = {
        "hba_file": f"{folder}/pg_hba.conf",
        "ssl": "on",
        "ssl_cert_file": f"{folder}/certificate.pem",
        "ssl_key_file": f"{folder}/key.pem",
        "ssl_min_protocol_version": "TLSv1.3",
        "max_connections": str(CONNECTIONS),
    }
    return found | {
        "entrypoint": ["/bin/bash", "-c", start, "bash"],
        "command": ["postgres", *(f"--{name}={value}" for name, value in settings.items())],
        "labels": _renewed("postgres"),
    }


_ADDED: Final[Mapping[str, Callable[[Container, Queue], Container]]] = MappingProxyType(
    {"n8n": _main, "postgres": _postgres}
)


def _valkey(memory_mib: int | None) -> Container:
    most = (memory_mib or 256) * 3 // 4
    options = (
        "--dir /data --port 0 --tls-port 6379 --tls-auth-clients no --tls-protocols TLSv1.3"
        " --tls-cert-file /tmp/certificate.pem --tls-key-file /tmp/key.pem"
        f" --appendonly yes --maxmemory {most}mb --maxmemory-policy noeviction"
    )
    start = (
        f"umask 077 && {_pem('certificate', 'key', 'authority', where=_TMP)}"
        f' && password="$$(cat /run/secrets/{VALKEY_PASSWORD})"'
        ' && printf "requirepass %s\\n" "$$password" >valkey.conf'
        # Workers that come back have another password. What waited for those of before was executed
        # by the host, and a queue that still has it would have it executed again.
        ' && made_for="$$(printf %s "$$password" | sha256sum)"'
        ' && { [ "$$(cat /data/made-for 2>/dev/null)" = "$$made_for" ]'
        " || { rm -rf /data/appendonlydir /data/dump.rdb"
        ' && printf %s "$$made_for" >/data/made-for; }; }'
        f" && exec valkey-server /tmp/valkey.conf {options}"
    )
    # `ping` exits with 0 also when the password is wrong.
    ping = (
        f'REDISCLI_AUTH="$$(cat /run/secrets/{VALKEY_PASSWORD})" valkey-cli --tls'
        " --cacert /tmp/authority.pem -h 127.0.0.1 ping | grep -qx PONG"
    )
    return {
        "user": "999:1000",
        "entrypoint": ["/bin/sh", "-c", start],
        "command": [],
        "labels": _renewed("valkey"),
        "volumes": [bind(f"{DATA}/valkey", "/data")],
        "read_only": True,
        "tmpfs": ["/tmp:uid=999,gid=1000,mode=0700"],  # noqa: S108
        "healthcheck": health("CMD-SHELL", ping, start="60s"),
        "stop_grace_period": "30s",
    }


def _worker(facts: BundleFacts, queue: Queue) -> Container:
    found = BUILDERS["n8n"](facts)
    own: dict[str, Any] = {
        name: value for name, value in found["environment"].items() if not name.startswith(_OF_MAIN)
    }
    own |= _of_queue(HEAD, 600_000)
    own |= {
        "DB_POSTGRESDB_HOST": HEAD,
        "DB_POSTGRESDB_SSL_ENABLED": "true",
        "DB_POSTGRESDB_SSL_CA_FILE": _TRUSTED,
        "DB_POSTGRESDB_SSL_REJECT_UNAUTHORIZED": "true",
        "DB_POSTGRESDB_POOL_SIZE": str(POOL),
        "QUEUE_HEALTH_CHECK_ACTIVE": "true",
        "QUEUE_HEALTH_CHECK_PORT": "5678",
        "N8N_WORKER_SERVER_ADDRESS": "127.0.0.1",
        "N8N_GRACEFUL_SHUTDOWN_TIMEOUT": str(queue.drain_seconds),
    }
    # Packages are copied: n8n installs later ones itself, and two processes must not write to one
    # folder. Into an empty one, or packages that main has removed since would still be loaded.
    # Older binary data is read where it is.
    start = (
        "rm -rf /home/node/.n8n/nodes && mkdir -p /home/node/.n8n/nodes"
        " && { [ ! -d /n8n-home/nodes ] || cp -a /n8n-home/nodes/. /home/node/.n8n/nodes/; }"
        ' && for one in binaryData storage; do [ ! -d "/n8n-home/$$one" ]'
        ' || export N8N_STORAGE_PATH="/n8n-home/$$one"; done'
        f" && exec n8n worker --concurrency={queue.concurrency}"
    )
    ready = "http://127.0.0.1:5678/healthz/readiness"
    del found["depends_on"]
    return found | {
        "entrypoint": _trusting(start),
        "command": [],
        "environment": own,
        "labels": _renewed("n8n"),
        # The services of the host have their names in the zone. musl searches a domain only for
        # names with fewer dots than this, and Docker's default is 0.
        "dns_search": [ZONE],
        "dns_opt": ["ndots:1"],
        "volumes": [
            bind(f"{DATA}/n8n/home", "/home/node/.n8n"),
            bind(f"{EFS}/n8n-home/home", "/n8n-home", read_only=True),
            bind(f"{EFS}/n8n-files", "/home/node/.n8n-files"),
        ],
        "healthcheck": health("CMD", "wget", "-q", "-O", "/dev/null", ready, start="120s"),
        "stop_grace_period": f"{queue.drain_seconds + 10}s",
    }


def _runners(facts: BundleFacts, _: Queue) -> Container:
    return BUILDERS["n8n-runners"](facts) | {"labels": _renewed("n8n-runners")}
