"""Which containers run for the chosen services."""

from geusemaker.bundle import CONTAINERS, SERVICES
from geusemaker.bundle.facts import containers_of


def test_caddy_always_runs_and_n8n_brings_its_task_runner() -> None:
    assert containers_of(SERVICES) == tuple(one for one in CONTAINERS if one != "valkey")
    assert containers_of(SERVICES, has_queue=True) == CONTAINERS
    assert containers_of(("qdrant",)) == ("qdrant", "caddy")
    assert containers_of(("postgres", "n8n")) == ("n8n", "n8n-runners", "postgres", "caddy")
