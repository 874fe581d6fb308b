"""Renders the Caddyfile from config. Pure.

Caddy reads addresses from its environment: the host's address is unknown when this is rendered.
"""

from geusemaker.bundle.api_keys import API_KEYS, INSIDE, PATTERN
from geusemaker.bundle.callers import CALLABLE, TRICKS, unrestricted
from geusemaker.bundle.facts import DEFAULT_OWNER_EMAIL, BundleFacts


def caddyfile(facts: BundleFacts) -> str:
    """The Caddyfile. Config has validated domain and address: Caddy cannot quote safely."""
    import jinja2  # slow, and most commands import this package without rendering

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("geusemaker.bundle"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  # no HTML
    )
    return environment.get_template("Caddyfile.j2").render(
        domain=facts.access.domain,
        email=facts.owner_email if facts.owner_email != DEFAULT_OWNER_EMAIL else "",
        n8n="n8n" in facts.services,
        ollama="ollama" in facts.services,
        qdrant="qdrant" in facts.services,
        crawl4ai="crawl4ai" in facts.services,
        api_key=PATTERN if facts.has_api_keys else "",
        api_keys=f"{INSIDE}/{API_KEYS}",
        is_public=facts.access.is_public,
        callers=" ".join(facts.webhook_cidrs),
        unrestricted=" ".join(unrestricted(facts.allowed_cidrs)),
        callable=CALLABLE,
        tricks=TRICKS,
    )
