"""The real Caddy accepts the Caddyfile of every variant."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from bundle.variants import DOMAINS, SUBSETS, facts, named, rendered

from geusemaker.bundle import SERVICES, Access, BundleFacts

SITES = "https://localhost, https://127.0.0.1"


def run(
    caddy: Path, folder: Path, *words: str, sites: str = SITES
) -> subprocess.CompletedProcess[str]:
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder),
        "GEUSEMAKER_SITES": sites,
        "GEUSEMAKER_HOST": sites.rpartition("/")[2],
    }
    return subprocess.run(
        [str(caddy), *words], env=environ, capture_output=True, text=True, check=False
    )


def variants() -> list[BundleFacts]:
    """One of each different Caddyfile. PostgreSQL, for one, changes none."""
    different = {
        rendered(one)["caddy/Caddyfile"]: one
        for domain in DOMAINS
        for chosen in SUBSETS
        for one in [
            facts(
                services=chosen,
                access=Access(domain),
                owner_email="" if len(chosen) == 1 else "a@b.co",
            )
        ]
    }
    return list(different.values())


@pytest.mark.parametrize("one", variants(), ids=named)
def test_caddy_accepts_every_variant(tmp_path: Path, caddy: Path, one: BundleFacts) -> None:
    file = tmp_path / "Caddyfile"
    file.write_text(rendered(one)["caddy/Caddyfile"], encoding="utf-8")
    command = ["validate", "--adapter", "caddyfile", "--config", str(file)]
    # Without the host's address too, where that could make a difference.
    for sites in (SITES, f"{SITES}, https://203.0.113.5")[one.services != SERVICES :]:
        ran = run(caddy, tmp_path, *command, sites=sites)
        assert ran.returncode == 0, ran.stderr
        assert '"level":"warn"' not in ran.stderr, ran.stderr
    formatted = run(caddy, tmp_path, "fmt", "--diff", str(file))
    assert formatted.returncode == 0, formatted.stdout


def adapted(caddy: Path, folder: Path, **changes: Any) -> Any:
    file = folder / "Caddyfile"
    file.write_text(rendered(facts(**changes))["caddy/Caddyfile"], encoding="utf-8")
    ran = run(caddy, folder, "adapt", "--adapter", "caddyfile", "--config", str(file))
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_the_domain_gets_a_public_certificate_and_the_rest_caddys_own(
    tmp_path: Path, caddy: Path
) -> None:
    found = adapted(caddy, tmp_path, access=Access("ai.example.com"), owner_email="me@example.org")
    policies = {
        tuple(policy.get("subjects", ())): policy["issuers"]
        for policy in found["apps"]["tls"]["automation"]["policies"]
    }
    assert policies == {
        ("ai.example.com",): [
            {
                "module": "acme",
                "email": "me@example.org",
                "challenges": {"tls-alpn": {"disabled": True}},
            }
        ],
        # All other names.
        (): [{"module": "internal"}],
    }


def test_only_the_domain_requires_https_for_a_year(tmp_path: Path, caddy: Path) -> None:
    (server,) = adapted(caddy, tmp_path, access=Access("ai.example.com"))["apps"]["http"][
        "servers"
    ].values()
    promised = [
        route["match"][0]["host"]
        for route in server["routes"]
        if '"Strict-Transport-Security": ["max-age=31536000"]' in json.dumps(route)
    ]
    assert promised == [["ai.example.com"]]


def test_a_client_may_stall_for_seconds_only_and_requests_do_not_share_connections(
    tmp_path: Path, caddy: Path
) -> None:
    for domain in DOMAINS:
        found = adapted(caddy, tmp_path, access=Access(domain))
        (server,) = found["apps"]["http"]["servers"].values()
        # HTTP/2 allows 250 requests on one connection.
        assert server["protocols"] == ["h1"]
        second = 10**9
        assert server["read_header_timeout"] == 10 * second
        assert (server["read_idle_timeout"], server["read_min_rate"]) == (30 * second, 1000)
        assert server["write_idle_timeout"] == 60 * second
        assert server["idle_timeout"] == 60 * second
        assert found["admin"]["listen"] == "127.0.0.1:2019"
        assert server.get("automatic_https") == (None if domain else {"disable_redirects": True})
