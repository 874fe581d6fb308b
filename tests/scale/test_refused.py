"""Workers and clients that the host of the stack refuses, and what they say."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from n8n.n8n_host import OTHER_KEY
from real_stack.programs import wait_until

from geusemaker.components.authority import make_authority
from scale.machine import Machine
from scale.stack import HEAD, ZONE, Stack

OTHER_AUTHORITY = make_authority((HEAD,), datetime.now(UTC).date())["workers-authority"]


@dataclass(frozen=True)
class Wrong:
    """One thing that is wrong, and what n8n says."""

    says: tuple[str, ...]
    secrets: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    head: str = HEAD


WRONG = {
    "encryption key": Wrong(
        ("cannot be read with this instance encryption key",),
        secrets={"n8n-encryption-key": OTHER_KEY},
    ),
    "password of the database": Wrong(
        ('password authentication failed for user "n8n"',),
        secrets={"postgres-password": "pg" + "6B" * 19},
    ),
    "password of the queue": Wrong(
        ("WRONGPASS invalid username-password pair",),
        secrets={"valkey-password": "va" + "8M" * 19},
    ),
    "authority": Wrong(
        ("There was an error initializing DB", "certificate"),
        secrets={"workers-authority": OTHER_AUTHORITY},
    ),
    "name": Wrong(
        ("Hostname/IP does not match certificate's altnames",),
        head=f"other.{ZONE}",
    ),
    "database in clear": Wrong(
        ('no pg_hba.conf entry for host "10.42.0.', "no encryption"),
        # With an authority n8n uses TLS, whatever the other says.
        variables={"DB_POSTGRESDB_SSL_ENABLED": "false", "DB_POSTGRESDB_SSL_CA_FILE": ""},
    ),
}
"""By what is wrong. These workers end by themselves."""

NEVER_READY = {
    "authority of the queue": Wrong(
        ("unable to verify the first certificate",),
        variables={"NODE_EXTRA_CA_CERTS": ""},
    ),
    "queue in clear": Wrong(
        ("read ECONNRESET",),
        variables={"QUEUE_BULL_REDIS_TLS": "false"},
    ),
}
"""Faults of the queue alone, which the bundle cannot have: n8n waits ten minutes for a queue since
the host may be replaced meanwhile. Where connections are reset it waits for ever."""


@pytest.fixture(scope="module", name="wrong")
def _wrong(stack: Stack) -> Iterator[dict[str, Machine]]:
    """All of them at once, since each takes most of its time to wait."""
    found = {}
    for number, (what, wrong) in enumerate({**WRONG, **NEVER_READY}.items(), start=4):
        machine = stack.make_worker(f"w{number}", secrets=wrong.secrets, head=wrong.head)
        machine.start("n8n", changed=wrong.variables)
        found[what] = machine
    yield found
    for machine in found.values():
        stack.end_worker(machine.name)


@pytest.mark.parametrize("what", WRONG)
def test_a_worker_with_something_wrong_ends_and_says_what(
    wrong: dict[str, Machine], what: str
) -> None:
    machine = wrong[what]
    assert machine.programs["n8n"].wait() == 1
    missing = [text for text in WRONG[what].says if text not in machine.said()]
    assert missing == [], machine.said()[-3000:]
    assert machine.executed() == []


@pytest.mark.parametrize("what", NEVER_READY)
def test_a_worker_that_the_queue_refuses_never_becomes_ready(
    wrong: dict[str, Machine], what: str
) -> None:
    machine = wrong[what]
    (text,) = NEVER_READY[what].says
    wait_until("it was refused for a while", lambda: machine.said().count(text) >= 5)
    assert not machine.is_ready()
    assert machine.executed() == []
