"""n8n's queue: what the host of a stack and its workers need to know of each other. Pure.

The second manifest of a bundle, `workers`, has one fact on each line:

closed <bridge>                     a network that leads nowhere: only answers leave it
head <bridge> <address>             the container that may connect to the host of the stack
drain <seconds>                     how long a worker that ends waits for its executions
metrics                             the host publishes the queue's length

Names that AWS decides are in the pointer to the settings, so that the bundle does not need them.
"""

from dataclasses import dataclass
from typing import Final

from geusemaker.bundle.secret_names import (
    N8N_ENCRYPTION_KEY,
    N8N_RUNNERS_TOKEN,
    POSTGRES_PASSWORD,
    SecretFile,
)

VALKEY_PASSWORD: Final = "valkey-password"  # noqa: S105  # a name, not the value
WORKERS_TOKEN: Final = "workers-runners-token"  # noqa: S105
AUTHORITY: Final = "workers-authority"
CERTIFICATE: Final = "workers-certificate"
KEY: Final = "workers-key"
"""PEM texts in one line each, with `|` for each line break."""

POOL: Final = 4
"""Connections of a worker to PostgreSQL, at most."""
MOST_WORKERS: Final = 50
CONNECTIONS: Final = 100 + 2 * POOL * MOST_WORKERS
"""PostgreSQL's limit: for twice the workers, since new ones start before old ones end. It is the
same for any number, so that another number of workers restarts nothing on the host."""

_N8N, _POSTGRES, _VALKEY = 1000, 999, 999

HEAD_SECRETS: Final = (
    SecretFile("n8n", VALKEY_PASSWORD, _N8N, VALKEY_PASSWORD),
    SecretFile("n8n", AUTHORITY, _N8N, AUTHORITY),
    SecretFile("postgres", CERTIFICATE, _POSTGRES, CERTIFICATE),
    SecretFile("postgres", KEY, _POSTGRES, KEY),
    SecretFile("valkey", VALKEY_PASSWORD, _VALKEY, VALKEY_PASSWORD),
    SecretFile("valkey", CERTIFICATE, _VALKEY, CERTIFICATE),
    SecretFile("valkey", KEY, _VALKEY, KEY),
    SecretFile("valkey", AUTHORITY, _VALKEY, AUTHORITY),
)
"""What the host of the stack reads besides the secrets of a stack without workers."""

SECRETS_BYTES: Final = 1760
"""What those of `HEAD_SECRETS` take at most in the parameter of secrets of the host."""

WORKER_SECRETS: Final = (
    SecretFile("n8n", POSTGRES_PASSWORD, _N8N, POSTGRES_PASSWORD),
    SecretFile("n8n", N8N_ENCRYPTION_KEY, _N8N, N8N_ENCRYPTION_KEY),
    SecretFile("n8n", WORKERS_TOKEN, _N8N, N8N_RUNNERS_TOKEN),
    SecretFile("n8n", VALKEY_PASSWORD, _N8N, VALKEY_PASSWORD),
    SecretFile("n8n", AUTHORITY, _N8N, AUTHORITY),
    SecretFile("n8n-runners", WORKERS_TOKEN, _N8N, N8N_RUNNERS_TOKEN),
)
"""All secrets of a worker."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Queue:
    """The workers of a stack, known before they exist.

    Attributes:
        concurrency: Executions of each at a time.
        drain_seconds: How long one that ends waits for its executions.
        has_ollama: Whether workers have a GPU and an Ollama of their own. Otherwise they use that
            of the host.
        grows: Whether their number follows the load.
    """

    concurrency: int = 5
    drain_seconds: int = 100
    has_ollama: bool = False
    grows: bool = False
