"""Which containers another bundle stops. `tests/real` compares it with the real Compose."""

from typing import Any

import pytest

from geusemaker.bundle import Access, pack, restarted, unpack

from .variants import facts, rendered

CHANGES: list[tuple[dict[str, Any], set[str]]] = [
    ({"models": ("llama3.2:3b",)}, set()),
    ({"dump_days": 0}, set()),
    ({"n8n_public_api": True}, {"n8n"}),
    ({"webhook_cidrs": ("192.0.2.0/24",), "access": Access(None, True)}, {"caddy", "n8n"}),
    # n8n gets another URL, by a variable of Compose only.
    ({"access": Access(None, True)}, {"caddy", "n8n"}),
    # n8n's own part does not differ, but it restarts with its database.
    ({"image_versions": {"postgres": "postgres:18.9-trixie"}}, {"postgres", "n8n"}),
    (
        {"services": ("ollama", "qdrant")},
        {"n8n", "n8n-runners", "crawl4ai", "postgres", "caddy", "ollama"},
    ),
]
"""What changes of a default host with all services, and which of its containers that stops."""


@pytest.mark.parametrize(("change", "stopped"), CHANGES, ids=[str(one) for one, _ in CHANGES])
def test_a_bundle_stops_the_containers_that_it_changes(
    change: dict[str, Any], stopped: set[str]
) -> None:
    assert set(restarted(rendered(facts()), rendered(facts(**change)))) == stopped


def test_without_a_bundle_before_nothing_stops() -> None:
    assert restarted({}, rendered(facts())) == []


def test_a_packed_bundle_has_the_same_files() -> None:
    assert unpack(pack(rendered(facts()))) == rendered(facts())
