"""Callers of webhooks: which paths and addresses Caddy lets through for `webhookCidrs`. Pure."""

import ipaddress
from collections.abc import Iterable
from typing import Final

from geusemaker.bundle.facts import BundleFacts
from geusemaker.bundle.networks import GATEWAY, N8N_ADDRESS

CALLABLE: Final = (
    "^/("
    "(form|webhook|mcp)(-test)?/[^/?]"
    "|(form|webhook)-waiting/[^/?]+(/[^/?]*)?(\\?|$)"
    "|webhook-waiting-(slack|telegram)/?(\\?|$)"
    "|rest/oauth[12]-credential/callback(\\?|$)"
    ")"
)
"""The paths that callers of webhooks may reach, as an expression over path and query.

The routes to which n8n 2.40.7 and 2.41.3 bind their webhook handler
(packages/cli/src/abstract-server.ts), with as many segments as they take: n8n answers any other
path with its editor. And the two callbacks of OAuth: the user's browser opens them, from whichever
address it has towards this host. n8n accepts a callback once, with the state that it has signed,
and of the same user.
"""

TRICKS: Final = r"(?i)^[^?]*(//|\\|%2f|%5c|[./]\.|%2e|;)"
"""Paths that programs read in different ways. Closed, even below a path that is open."""


def unrestricted(allowed_cidrs: Iterable[str]) -> list[str]:
    """The addresses and networks that reach every path."""
    return [GATEWAY, N8N_ADDRESS, *allowed_cidrs]


def hides_ipv6(facts: BundleFacts) -> bool:
    """Whether Docker must not publish the port for IPv6.

    Containers have no IPv6: Docker's proxy passes such connections on, and Caddy sees `GATEWAY`,
    which reaches every path. So IPv6 is open only if `allowedCidrs` has networks of it.
    """
    return bool(facts.webhook_cidrs) and not any(
        ipaddress.ip_network(one).version == 6 for one in facts.allowed_cidrs
    )
