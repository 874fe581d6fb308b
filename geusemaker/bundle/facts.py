"""What a settings bundle is made of, and the rules that its values must keep."""

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from geusemaker.errors import BundleError
from geusemaker.messages import nearest

SERVICES: Final = ("n8n", "ollama", "qdrant", "crawl4ai", "postgres")
"""What a user can choose from. Caddy always runs, and n8n brings its task runner."""

CONTAINERS: Final = ("n8n", "n8n-runners", "ollama", "qdrant", "crawl4ai", "postgres", "caddy")
"""The Compose services there can be, in the order of every list that we write."""

DEFAULT_OWNER_EMAIL: Final = "owner@geusemaker.invalid"
"""The login of n8n's owner when the stack names none. No mail can ever reach it."""

_domain = re.compile(
    r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]"
)
# Narrower than mail allows: what means something to Compose or to Caddy ($ { } " ') is left out.
_email = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,190}")
_model = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*(:[A-Za-z0-9._-]+)?")
_MOST_DUMPS = 365


@dataclass(frozen=True, kw_only=True)
class BundleFacts:
    """Plain config. Nothing here is a secret, nor known only after the host is there.

    Attributes:
        services: Some of `SERVICES`.
        image_versions: Image references that win over the table's, by its keys.
        models: What Ollama is to pull.
        owner_email: The login of n8n's owner, and where certificate authorities write to; empty
            for `DEFAULT_OWNER_EMAIL` and no mail.
        domain: The public name, for a public certificate.
        public: Whether somebody may reach 443 from outside.
        memory_gib: What the instance type has; None when it is not known.
        architecture: "x86_64" or "arm64".
        dump_days: How many nightly dumps of PostgreSQL are kept.
        n8n_reaches: Private networks that n8n may connect to; no container reaches any other.
        n8n_public_api: Whether n8n's public API is on.
    """

    services: tuple[str, ...]
    image_versions: Mapping[str, str]
    models: tuple[str, ...]
    owner_email: str
    domain: str | None
    public: bool
    memory_gib: float | None
    architecture: str
    dump_days: int
    n8n_reaches: tuple[str, ...] = ()
    n8n_public_api: bool = False

    @property
    def containers(self) -> tuple[str, ...]:
        """The Compose services that run."""
        return containers_of(self.services)


def containers_of(services: Iterable[str]) -> tuple[str, ...]:
    """The Compose services behind the chosen services, in the order of `CONTAINERS`."""
    wanted = {"caddy", *services}
    if "n8n" in wanted:
        wanted.add("n8n-runners")
    return tuple(name for name in CONTAINERS if name in wanted)


def set_list(key: str, values: Iterable[str]) -> str:
    """The command that gives a list to a config key."""
    return f"`pulumi config set geusemaker:{key} {shlex.quote(','.join(values))}`"


def check_services(services: Iterable[str]) -> None:
    """Raises `BundleError` unless these services can run together."""
    chosen = tuple(services)
    shown = json.dumps(list(chosen))
    if not chosen:
        raise BundleError(
            "geusemaker:services is an empty list, so the host would run nothing but its proxy. "
            f"Choose some of {', '.join(SERVICES)}: {set_list('services', SERVICES)}, or "
            "`pulumi config rm geusemaker:services` for all of them."
        )
    for name in chosen:
        if name not in SERVICES:
            near = nearest(name, SERVICES)
            rest = [near if other == name else other for other in chosen if near or other != name]
            needed = ["postgres"] if "n8n" in rest else []
            fixed = tuple(dict.fromkeys(one for one in [*rest, *needed] if one in SERVICES))
            fixed = fixed or SERVICES
            raise BundleError(
                f"geusemaker:services is {shown}, and {name!r} is no service"
                f"{f', did you mean {near}?' if near else ''} There are {', '.join(SERVICES)}. "
                f"To fix it, {set_list('services', fixed)}."
            )
    if len(set(chosen)) < len(chosen):
        raise BundleError(
            f"geusemaker:services is {shown}, which names a service twice. To fix it, "
            f"{set_list('services', dict.fromkeys(chosen))}."
        )
    if "n8n" in chosen and "postgres" not in chosen:
        raise BundleError(
            f"geusemaker:services is {shown}, and n8n keeps its workflows in PostgreSQL, which is "
            f"not among them. To fix it, {set_list('services', (*chosen, 'postgres'))}, or leave "
            f"n8n out."
        )


def check_facts(facts: BundleFacts) -> None:
    """Raises `BundleError` for values that cannot go into the files of a bundle."""
    check_services(facts.services)
    if facts.architecture not in ("x86_64", "arm64"):
        raise BundleError(
            f"The architecture is {facts.architecture!r}, and the images of the services are there "
            "for x86_64 and arm64: `pulumi config set geusemaker:architecture x86_64`."
        )
    if facts.domain is not None and not _domain.fullmatch(facts.domain):
        raise BundleError(
            f"geusemaker:domain is {facts.domain!r}, which is no name that a public certificate "
            "can be had for: lower case, with at least one dot, without scheme, port or path. "
            "`pulumi config set geusemaker:domain ai.example.com`, or "
            "`pulumi config rm geusemaker:domain` to do without."
        )
    if facts.owner_email and not _email.fullmatch(facts.owner_email):
        raise BundleError(
            f"geusemaker:ownerEmail is {facts.owner_email!r}, which is no mail address of the "
            "usual kind. `pulumi config set geusemaker:ownerEmail you@example.com`, or "
            "`pulumi config rm geusemaker:ownerEmail` for a login without mail."
        )
    if facts.models and "ollama" not in facts.services:
        raise BundleError(
            f"geusemaker:ollamaModels is {json.dumps(list(facts.models))}, but ollama is not among "
            "the services, so nothing would pull them. "
            f"{set_list('services', (*facts.services, 'ollama'))}, or "
            "`pulumi config rm geusemaker:ollamaModels`."
        )
    for model in facts.models:
        if not _model.fullmatch(model) or len(model) > 200:
            raise BundleError(
                f"geusemaker:ollamaModels has the item {model!r}, which is no name of a model: "
                "wanted is a name such as llama3.2:3b, from Ollama's library or with its host in "
                f"front. To fix it, {set_list('ollamaModels', ('llama3.2:3b',))}."
            )
    if not 0 <= facts.dump_days <= _MOST_DUMPS:
        raise BundleError(
            f"geusemaker:backupRetentionDays gives {facts.dump_days} nightly dumps to keep, which "
            f"must be 0 to {_MOST_DUMPS}: `pulumi config set geusemaker:backupRetentionDays 7`."
        )
