"""Names of the stack's secrets, and which container reads which.

The stack generates the values of `SECRET_NAMES`; others are from config. The host writes them to
`SECRETS_ROOT/<consumer>/<name>`, and Compose mounts each into its container as a file of the
container's user.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

SECRETS_ROOT: Final = "/var/lib/geusemaker/secrets"

POSTGRES_PASSWORD: Final = "postgres-password"  # noqa: S105  # a name, not the value
N8N_ENCRYPTION_KEY: Final = "n8n-encryption-key"
N8N_OWNER_PASSWORD: Final = "n8n-owner-password"  # noqa: S105
N8N_OWNER_PASSWORD_HASH: Final = "n8n-owner-password-hash"  # noqa: S105
N8N_RUNNERS_TOKEN: Final = "n8n-runners-token"  # noqa: S105
QDRANT_API_KEY: Final = "qdrant-api-key"
OLLAMA_API_KEY: Final = "ollama-api-key"
CRAWL4AI_TOKEN: Final = "crawl4ai-token"  # noqa: S105

SECRET_NAMES: Final = (
    POSTGRES_PASSWORD,
    N8N_ENCRYPTION_KEY,
    N8N_OWNER_PASSWORD,
    N8N_OWNER_PASSWORD_HASH,
    N8N_RUNNERS_TOKEN,
    QDRANT_API_KEY,
    OLLAMA_API_KEY,
    CRAWL4AI_TOKEN,
)
"""All secrets of a stack. No container reads the owner's password: n8n reads its hash."""


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A secret in one container.

    Attributes:
        consumer: Compose service, and folder below `SECRETS_ROOT`.
        name: One of `SECRET_NAMES`.
        uid: User in the container. Docker keeps the owner of the mounted file.
        inside: File name below /run/secrets in the container.
        only_with: The consumer needs the secret only if this service runs.
    """

    consumer: str
    name: str
    uid: int
    inside: str
    only_with: str | None = None


def _files(consumer: str, uid: int, *names: str) -> tuple[SecretFile, ...]:
    return tuple(SecretFile(consumer, name, uid, name) for name in names)


CONSUMERS: Final[Mapping[str, tuple[SecretFile, ...]]] = MappingProxyType(
    {
        "n8n": _files(
            "n8n",
            1000,
            POSTGRES_PASSWORD,
            N8N_ENCRYPTION_KEY,
            N8N_OWNER_PASSWORD_HASH,
            N8N_RUNNERS_TOKEN,
        ),
        "n8n-runners": _files("n8n-runners", 1000, N8N_RUNNERS_TOKEN),
        "qdrant": _files("qdrant", 1000, QDRANT_API_KEY),
        # The image's entry point reads this file name only.
        "crawl4ai": (SecretFile("crawl4ai", CRAWL4AI_TOKEN, 999, "api_token"),),
        "postgres": _files("postgres", 999, POSTGRES_PASSWORD),
        # Ollama has no authentication: Caddy checks the key.
        "caddy": (SecretFile("caddy", OLLAMA_API_KEY, 1000, OLLAMA_API_KEY, only_with="ollama"),),
    }
)
"""Secrets by Compose service."""


def secrets_of(
    containers: tuple[str, ...], settings: Iterable[tuple[str, str]] = ()
) -> tuple[SecretFile, ...]:
    """The secrets that these Compose services read: the stack's in their order, then `settings`.

    `settings` are secret variables, by service: the container's file has the variable's name.
    """
    own = tuple(
        file
        for container in containers
        for file in CONSUMERS.get(container, ())
        if file.only_with is None or file.only_with in containers
    )
    of_config = (
        SecretFile(service, setting_secret(service, variable), CONSUMERS[service][0].uid, variable)
        for service, variable in settings
    )
    return (*own, *of_config)


def setting_secret(service: str, variable: str) -> str:
    """Name of a secret variable of `serviceSettings` among the host's secrets."""
    return f"{service}.{variable}"


def secret_lines(values: Mapping[str, str]) -> str:
    """The parameter of the secrets from config, as the host reads it: sorted `name=value` lines."""
    return "\n".join(f"{name}={value}" for name, value in sorted(values.items()))
