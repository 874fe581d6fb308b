"""The stack's secrets: the lines of its parameter, and who logs in where with them. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from geusemaker.bundle.secret_names import (
    CRAWL4AI_TOKEN,
    N8N_OWNER_PASSWORD,
    OLLAMA_API_KEY,
    QDRANT_API_KEY,
    SECRET_NAMES,
)


@dataclass(frozen=True, slots=True)
class Login:
    """One way in.

    Attributes:
        service: As the key `services` names it.
        path: Below the stack's URL.
        header: What a request carries, up to the secret; None where a person types it.
    """

    service: str
    name: str
    path: str
    secret: str
    header: str | None


LOGINS: Final = (
    Login("n8n", "n8n", "", N8N_OWNER_PASSWORD, None),
    Login("ollama", "Ollama", "/ollama", OLLAMA_API_KEY, "Authorization: Bearer "),
    Login("qdrant", "Qdrant", "/qdrant", QDRANT_API_KEY, "api-key: "),
    Login("crawl4ai", "Crawl4AI", "/crawl4ai", CRAWL4AI_TOKEN, "Authorization: Bearer "),
)
"""Those for people and programs; PostgreSQL is for n8n alone."""

INTERNAL: Final = tuple(
    name for name in SECRET_NAMES if name not in {login.secret for login in LOGINS}
)
"""What nobody logs in with; whoever has the encryption key and the database has all in it."""


def parse(text: str) -> dict[str, str]:
    """The secrets by name. A value may hold "=", and is not changed in any way."""
    found = {}
    for line in text.split("\n"):
        name, is_there, value = line.partition("=")
        if is_there and name.strip() in SECRET_NAMES:
            found[name.strip()] = value.removesuffix("\r")
    return found


def logins_of(services: Collection[str] | None) -> list[Login]:
    """Those that the stack chose; all of them where nobody says what it chose."""
    return [one for one in LOGINS if services is None or one.service in services]


def lines(
    secrets: Mapping[str, str],
    logins: Collection[Login],
    url: str | None,
    owner: str,
    *,
    internal: bool,
) -> list[str]:
    """What a person reads; `internal` adds what nobody logs in with."""
    told = []
    for login in logins:
        at = f"{url or 'no url: the stack has none'}{login.path if url else ''}"
        told.append(f"{login.name:<11}{at}")
        value = secrets.get(login.secret)
        if value is None:
            told.append(f"{'':<11}{login.secret} is not among the stack's secrets")
        elif login.header is None:
            told += [f"{'':<11}user      {owner}", f"{'':<11}password  {value}"]
        else:
            told.append(f"{'':<11}header    {login.header}{value}")
    if internal:
        told.append("Internal: not for logging in, and not to be handed on")
        told += [f"  {name:<25}{secrets[name]}" for name in INTERNAL if name in secrets]
    return told


def as_json(
    secrets: Mapping[str, str],
    logins: Collection[Login],
    url: str | None,
    owner: str,
    *,
    internal: bool,
) -> dict[str, Any]:
    """The same for programs; what is not there is null."""
    told: dict[str, Any] = {
        login.service: {
            "url": f"{url}{login.path}" if url else None,
            **(
                {"user": owner, "password": secrets.get(login.secret)}
                if login.header is None
                else {
                    "header": login.header.partition(":")[0],
                    "value": login.header.partition(": ")[2] + secrets[login.secret]
                    if login.secret in secrets
                    else None,
                }
            ),
        }
        for login in logins
    }
    if internal:
        told["internal"] = {name: secrets[name] for name in INTERNAL if name in secrets}
    return told
