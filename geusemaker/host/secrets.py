"""The stack's secrets: parses their parameter and shows the logins of each service. Pure."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from geusemaker.bundle.api_keys import API_KEYS, by_name
from geusemaker.bundle.secret_names import (
    CRAWL4AI_TOKEN,
    N8N_OWNER_PASSWORD,
    OLLAMA_API_KEY,
    QDRANT_API_KEY,
    SECRET_NAMES,
)


@dataclass(frozen=True, slots=True)
class Login:
    """How to log in to one service.

    Attributes:
        service: Its name in the key `services`.
        path: Its path below the stack's URL.
        secret: Name of the secret.
        header: The request header up to the secret; None for a password that a person types.
    """

    service: str
    name: str
    path: str
    secret: str
    header: str | None

    def address(self, url: str) -> str:
        """Where clients find the service, below the stack's URL.

        Qdrant's clients take port 6333 for an address that names no port.
        """
        if self.service == "qdrant" and not re.search(":[0-9]+$", url):
            url = f"{url}:443"
        return f"{url}{self.path}"


LOGINS: Final = (
    Login("n8n", "n8n", "", N8N_OWNER_PASSWORD, None),
    Login("ollama", "Ollama", "/ollama", OLLAMA_API_KEY, "Authorization: Bearer "),
    Login("qdrant", "Qdrant", "/qdrant", QDRANT_API_KEY, "api-key: "),
    Login("crawl4ai", "Crawl4AI", "/crawl4ai", CRAWL4AI_TOKEN, "Authorization: Bearer "),
)
"""The services with a login. Only n8n uses PostgreSQL."""

INTERNAL: Final = tuple(
    name for name in SECRET_NAMES if name not in {login.secret for login in LOGINS}
)
"""Secrets that are not logins. The encryption key decrypts the credentials in n8n's database."""


def parse(text: str) -> dict[str, str]:
    """The secrets by name. A value may contain "=" and is taken unchanged."""
    found = {}
    for line in text.split("\n"):
        name, is_there, value = line.partition("=")
        if is_there and name.strip() in SECRET_NAMES:
            found[name.strip()] = value.removesuffix("\r")
    return found


def named_keys(text: str) -> Mapping[str, str]:
    """The keys of `apiKeys` by name, from the parameter of the secrets of config."""
    lines = (line.partition("=") for line in text.split("\n"))
    return by_name(next((value for name, _, value in lines if name == API_KEYS), ""))


def key_lines(names: Collection[str], keys: Mapping[str, str]) -> list[str]:
    """The text output for the keys with names. `names` are those of the config."""
    if not names and not keys:
        return []
    shown = ["Keys       for Ollama, Qdrant and Crawl4AI, in place of the keys above"]
    shown += [f"{'':<11}{name:<9} {keys[name]}" for name in sorted(keys)]
    missing = [name for name in names if name not in keys]
    return shown + [f"{'':<11}{name:<9} is not deployed yet" for name in missing]


def logins_of(services: Collection[str] | None) -> list[Login]:
    """The logins of these services; all logins for None."""
    return [one for one in LOGINS if services is None or one.service in services]


def lines(
    secrets: Mapping[str, str],
    logins: Collection[Login],
    url: str | None,
    owner: str,
    *,
    internal: bool,
) -> list[str]:
    """The text output; `internal` adds the secrets that are not logins."""
    shown = []
    for login in logins:
        at = login.address(url) if url else "no url: the stack has none"
        shown.append(f"{login.name:<11}{at}")
        value = secrets.get(login.secret)
        if value is None:
            shown.append(f"{'':<11}{login.secret} is not among the stack's secrets")
        elif login.header is None:
            shown += [f"{'':<11}user      {owner}", f"{'':<11}password  {value}"]
        else:
            shown.append(f"{'':<11}header    {login.header}{value}")
    if internal:
        shown.append("Internal: not logins, do not share them")
        shown += [f"  {name:<25}{secrets[name]}" for name in INTERNAL if name in secrets]
    return shown


def as_json(
    secrets: Mapping[str, str],
    logins: Collection[Login],
    url: str | None,
    owner: str,
    *,
    internal: bool,
) -> dict[str, Any]:
    """The JSON output; missing values are null."""
    document: dict[str, Any] = {
        login.service: {
            "url": login.address(url) if url else None,
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
        document["internal"] = {name: secrets[name] for name in INTERNAL if name in secrets}
    return document
