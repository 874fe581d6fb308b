"""How users reach the host: its address, URL and sites. Pure."""

from dataclasses import dataclass
from typing import Final

LOCAL_URL: Final = "https://localhost:8443"
"""Where `connectCommand` forwards port 443 of a host that is closed to the internet."""

_LOCAL_SITES: Final = ("https://localhost", "https://127.0.0.1")


@dataclass(frozen=True, slots=True)
class Access:
    """How users reach the host. Made once, from config and network.

    Attributes:
        domain: Public name of the host, with a public certificate; None without one.
        is_public: Whether `geusemaker:allowedCidrs` or `geusemaker:webhookCidrs` opens port 443 to
            any network.
        needs_address: Whether the host reaches the internet through an Elastic IP only.
    """

    domain: str | None = None
    is_public: bool = False
    needs_address: bool = False

    @property
    def has_elastic_ip(self) -> bool:
        """Whether the host has an address that outlives it."""
        return self.is_public or self.domain is not None or self.needs_address

    @property
    def is_by_address(self) -> bool:
        """Whether the URL of the stack is the Elastic IP."""
        return self.is_public and self.domain is None

    def url(self, address: str | None) -> str:
        """The URL of the stack. `address` is used only if `is_by_address`."""
        if self.domain is not None:
            return f"https://{self.domain}"
        return f"https://{address}" if self.is_by_address else LOCAL_URL

    def sites(self, address: str | None) -> tuple[str, ...]:
        """The sites that Caddy serves with its own certificates.

        Session Manager forwards to the local sites. The bundle's Caddyfile has the domain.
        """
        return (*_LOCAL_SITES, self.url(address)) if self.is_by_address else _LOCAL_SITES
