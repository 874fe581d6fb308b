"""The data that n8n 2.40.7 keeps over restarts; with another encryption key it does not start.

The tests follow each other on one host, as its user's days do. The product ships a newer n8n.
"""

from pathlib import Path

import pytest
from real_stack.dumps import dump, restore
from real_stack.postgres import Cluster
from real_stack.programs import wait_until

from n8n.n8n_host import (
    OTHER_KEY,
    OWNER,
    OWNER_PASSWORD,
    SECRETS,
    Host,
    await_published,
    is_ready,
    log_in,
    publish,
    webhook,
)

GUARD = "hea" + "der1" * 8
NEW_OWNER = "Somebody.Else@example.com"


@pytest.fixture(scope="module", name="guarded")
def _guarded(host: Host) -> str:
    """The id of a workflow whose webhook requires a header, which is in a saved credential."""
    host.start()
    owner = host.owner()
    saved = owner.ask(
        "POST",
        "/rest/credentials",
        {"name": "guard", "type": "httpHeaderAuth", "data": {"name": "X-Guard", "value": GUARD}},
    )
    assert saved.status == 200, saved.text
    credential = {"id": saved.json["data"]["id"], "name": "guard"}
    return publish(
        owner,
        "guarded",
        webhook(
            "guarded",
            authentication="headerAuth",
            credentials={"httpHeaderAuth": credential},
        ),
    )


def guard_holds(host: Host) -> None:
    """The webhook accepts only requests with the header, so n8n has read the credential."""
    visitor = host.visitor()
    assert visitor.ask("POST", "/webhook/guarded", {}).status == 403
    assert visitor.ask("POST", "/webhook/guarded", {}, {"X-Guard": GUARD + "x"}).status == 403
    answer = visitor.ask("POST", "/webhook/guarded", {"a": 1}, {"X-Guard": GUARD})
    assert answer.status == 200, answer.text
    assert answer.json["body"] == {"a": 1}


def refuses(host: Host) -> str:
    """Waits until n8n exits. Returns its output."""
    program = host.launch()
    assert program.wait() != 0
    return program.said()


def test_a_credential_is_kept_encrypted_and_works(host: Host, guarded: str) -> None:
    guard_holds(host)
    assert host.cluster.ask("SELECT count(*) FROM credentials_entity WHERE name = 'guard'") == "1"
    assert GUARD not in host.cluster.ask("SELECT data FROM credentials_entity")


def test_a_credential_works_after_a_restart_with_the_same_key(host: Host, guarded: str) -> None:
    host.stop()
    host.start()
    await_published(host.owner(), guarded)
    guard_holds(host)


def test_readiness_follows_the_database(host: Host, guarded: str) -> None:
    visitor = host.visitor()
    host.cluster.stop()
    wait_until("n8n was not ready", lambda: not is_ready(visitor))
    host.cluster.start()
    wait_until("n8n was ready again", lambda: is_ready(visitor))
    guard_holds(host)


def test_another_key_for_the_same_files_is_refused(host: Host, guarded: str) -> None:
    host.stop()
    host.write_secrets(n8n_encryption_key=OTHER_KEY)
    assert "Mismatching encryption keys" in refuses(host)


def test_another_key_for_the_same_database_is_refused(host: Host, guarded: str) -> None:
    host.stop()
    host.forget_files()
    said = refuses(host)
    assert "cannot be read with this instance encryption key" in said
    # As docs/backup-and-restore.md warns: from here on the right key is refused too.
    assert OTHER_KEY in host.config_file.read_text()
    host.write_secrets()
    assert "Mismatching encryption keys" in refuses(host)


def test_the_right_key_works_without_the_old_files(host: Host, guarded: str) -> None:
    host.stop()
    host.write_secrets()
    host.config_file.unlink(missing_ok=True)
    host.start()
    await_published(host.owner(), guarded)
    guard_holds(host)
    assert SECRETS["n8n-encryption-key"] in host.config_file.read_text()
    assert host.config_file.stat().st_mode & 0o777 == 0o600


def test_a_dump_is_a_working_n8n_in_another_database(
    host: Host, guarded: str, tmp_path: Path
) -> None:
    """By docs/backup-and-restore.md, on a host that has only the stack's secrets."""
    host.stop()
    dumped = dump(host.cluster, tmp_path)
    host.forget_files()
    host.cluster.remove()
    host.cluster = Cluster(SECRETS["postgres-password"])
    restore(host.cluster, dumped, tmp_path)
    host.start()
    await_published(host.owner(), guarded)
    guard_holds(host)


def test_a_changed_owner_email_is_used_from_the_next_start(host: Host, guarded: str) -> None:
    users = host.cluster.ask('SELECT id FROM "user"')
    host.stop()
    host.start(NEW_OWNER)
    visitor = host.visitor()
    assert log_in(visitor, OWNER, OWNER_PASSWORD).status == 401
    answer = log_in(visitor, NEW_OWNER, OWNER_PASSWORD)
    assert answer.status == 200, answer.text
    assert answer.json["data"]["email"] == NEW_OWNER.lower()
    assert host.cluster.ask('SELECT id FROM "user"') == users, "it is the same user"
    workflows = visitor.ask("GET", "/rest/workflows").json["data"]
    assert [workflow["id"] for workflow in workflows] == [guarded]
