"""The values that a settings bundle is rendered from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from geusemaker.bundle.access import Access
from geusemaker.bundle.queue import HEAD_SECRETS, WORKER_SECRETS, Queue
from geusemaker.bundle.secret_names import SecretFile, secrets_of

SERVICES: Final = ("n8n", "ollama", "qdrant", "crawl4ai", "postgres")
"""Services that a user can choose. Caddy always runs, and n8n adds its task runner."""

CONTAINERS: Final = (
    *("n8n", "n8n-runners", "ollama", "qdrant", "crawl4ai", "postgres", "valkey", "caddy"),
)
"""All Compose services. Every rendered list has this order."""

WORKER_CONTAINERS: Final = ("n8n", "n8n-runners", "ollama")
"""The Compose services of a worker. Ollama runs there with a GPU only."""

DEFAULT_OWNER_EMAIL: Final = "owner@geusemaker.invalid"
"""Login of n8n's owner by default. `.invalid` receives no mail."""


@dataclass(frozen=True, kw_only=True)
class BundleFacts:
    """Values of a `DeploymentConfig`, known before the host exists. None is a secret.

    The config has validated them: the files of the bundle do not quote them.

    Attributes:
        services: Some of `SERVICES`.
        image_versions: Image references by container. They override the table of images.
        models: Models that Ollama pulls.
        owner_email: Login of n8n's owner and contact of the certificate authority. Empty:
            `DEFAULT_OWNER_EMAIL` and no contact.
        access: How users reach the host.
        memory_gib: Memory of the instance type; None if unknown.
        architecture: "x86_64" or "arm64".
        dump_days: How many nightly dumps of PostgreSQL the host keeps.
        n8n_reaches: Private networks that n8n may connect to. Other containers reach none.
        n8n_public_api: Whether n8n's public API is on.
        settings: Values of variables by service, of those in `service_settings.toml`.
        secret_settings: Service and variable of those whose values are secrets.
        webhook_cidrs: Networks that reach n8n's webhooks, forms and chats only. Empty: no path is
            closed to any network that reaches port 443.
        allowed_cidrs: Networks that reach every path. Used only with `webhook_cidrs`.
        has_api_keys: Whether there are keys with names. The bundle has no name: another one needs
            neither another bundle nor another container.
        queue: The workers; None without any.
        role: "head" for the host of the stack. With a queue also "worker".
    """

    services: tuple[str, ...]
    image_versions: Mapping[str, str]
    models: tuple[str, ...]
    owner_email: str
    access: Access
    memory_gib: float | None
    architecture: str
    dump_days: int
    n8n_reaches: tuple[str, ...] = ()
    n8n_public_api: bool = False
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    secret_settings: tuple[tuple[str, str], ...] = ()
    webhook_cidrs: tuple[str, ...] = ()
    allowed_cidrs: tuple[str, ...] = ()
    has_api_keys: bool = False
    queue: Queue | None = None
    role: Literal["head", "worker"] = "head"

    @property
    def containers(self) -> tuple[str, ...]:
        """The Compose services that run, in the order of `CONTAINERS`."""
        if self.role == "worker":
            return worker_containers(has_ollama=self.queue is not None and self.queue.has_ollama)
        return containers_of(self.services, has_queue=self.queue is not None)

    @property
    def secrets(self) -> tuple[SecretFile, ...]:
        """The files of secrets, without those of `has_api_keys`."""
        if self.role == "worker":
            return WORKER_SECRETS
        own = secrets_of(self.containers, self.secret_settings)
        return own if self.queue is None else (*own, *HEAD_SECRETS)


def worker_containers(*, has_ollama: bool) -> tuple[str, ...]:
    """The Compose services of a worker, in the order of `CONTAINERS`."""
    return tuple(name for name in WORKER_CONTAINERS if has_ollama or name != "ollama")


def containers_of(services: Iterable[str], *, has_queue: bool = False) -> tuple[str, ...]:
    """The Compose services of the chosen services, in the order of `CONTAINERS`."""
    wanted = {"caddy", *services}
    if "n8n" in wanted:
        wanted.add("n8n-runners")
    if has_queue:
        wanted.add("valkey")
    return tuple(name for name in CONTAINERS if name in wanted)
