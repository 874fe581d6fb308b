"""How users reach the host: its address, URL and sites."""

import pytest

from geusemaker.bundle import Access

IP = "203.0.113.7"
LOCAL = ("https://localhost", "https://127.0.0.1")


@pytest.mark.parametrize(
    ("access", "has_elastic_ip", "url", "sites"),
    [
        (Access(), False, "https://localhost:8443", LOCAL),
        (Access(needs_address=True), True, "https://localhost:8443", LOCAL),
        (Access(is_public=True), True, f"https://{IP}", (*LOCAL, f"https://{IP}")),
        # The Caddyfile has the domain's site.
        (Access("ai.example.com"), True, "https://ai.example.com", LOCAL),
        (Access("ai.example.com", is_public=True), True, "https://ai.example.com", LOCAL),
    ],
)
def test_the_url_is_the_domain_else_the_public_address_else_local(
    access: Access, has_elastic_ip: bool, url: str, sites: tuple[str, ...]
) -> None:
    assert access.has_elastic_ip is has_elastic_ip
    assert (access.url(IP), access.sites(IP)) == (url, sites)
    if not access.is_by_address:
        assert (access.url(None), access.sites(None)) == (url, sites)
