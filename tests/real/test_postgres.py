"""The real PostgreSQL: the health check, the dump of the host's program, the restore of the docs.

It is the system's PostgreSQL, and Debian 12's is 15; the product runs 18 as an image. Docker's part
is a stand-in that runs the command in the place of the container.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from real_stack.bundle import facts, service
from real_stack.dumps import dump, restore
from real_stack.postgres import Cluster

PASSWORD = "pass" + "W0rd" * 9
OTHER_PASSWORD = "othe" + "rW0d" * 9

ROWS = """
CREATE TABLE workflow (id serial PRIMARY KEY, name text NOT NULL, nodes jsonb, raw bytea);
INSERT INTO workflow (name, nodes, raw) VALUES
  ('it''s "Ünï" \\ $$', '{"a": [1, null]}', '\\x00ff0a'),
  (E'two\\nlines\\ttab', NULL, NULL),
  ('', '{}', '');
CREATE TABLE note (line text);
-- What a dump says of the user, here as somebody's data.
INSERT INTO note VALUES ('CREATE ROLE n8n;'), ('ALTER ROLE n8n WITH NOLOGIN;'), ('\\connect n8n');
CREATE INDEX by_name ON workflow (name);
"""


@pytest.fixture(name="cluster")
def _cluster() -> Iterator[Cluster]:
    cluster = Cluster(PASSWORD)
    yield cluster
    cluster.remove()


@pytest.fixture(name="other")
def _other() -> Iterator[Cluster]:
    other = Cluster(OTHER_PASSWORD)
    yield other
    other.remove()


def content(cluster: Cluster) -> str:
    """Everything in the database n8n, as SQL; without the word that each dump makes up anew."""
    ran = cluster.run(["pg_dump", "-U", "n8n", "-d", "n8n"])
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    return "\n".join(one for one in lines if not one.startswith(("\\restrict", "\\unrestrict")))


def test_the_health_check_knows_up_from_down(cluster: Cluster) -> None:
    kind, *check = service("postgres", facts())["healthcheck"]["test"]
    assert kind == "CMD"
    assert cluster.run(check).returncode == 0
    cluster.stop()
    assert cluster.run(check).returncode != 0


def test_the_health_check_is_not_fooled_by_the_server_of_the_first_start(cluster: Cluster) -> None:
    """While it makes the database, the image runs a server that listens on its socket only."""
    _, *check = service("postgres", facts())["healthcheck"]["test"]
    cluster.stop()
    cluster.start("listen_addresses=")
    # As in the container: who names no host comes by the socket.
    socket = {"PGHOST": str(cluster.folder)}
    assert cluster.run(["pg_isready", "-q"], more=socket).returncode == 0
    assert cluster.run(check, more=socket).returncode != 0


def test_a_wrong_password_is_refused(cluster: Cluster) -> None:
    ran = cluster.run(
        ["psql", "-X", "-U", "n8n", "-d", "n8n", "-c", "SELECT 1"], more={"PGPASSWORD": "wrong"}
    )
    assert ran.returncode != 0
    assert "password authentication failed" in ran.stderr


def test_the_hosts_dump_is_restored_by_the_docs(
    cluster: Cluster, other: Cluster, tmp_path: Path
) -> None:
    cluster.ask(ROWS)
    dumped = dump(cluster, tmp_path)
    # A host that has started anew has a database of its own already.
    other.ask("CREATE TABLE workflow (id int); CREATE TABLE left_over (id int)")
    calls = restore(other, dumped, tmp_path)

    assert content(other) == content(cluster)
    assert other.ask("SELECT string_agg(line, '|') FROM note") == (
        "CREATE ROLE n8n;|ALTER ROLE n8n WITH NOLOGIN;|\\connect n8n"
    )
    assert other.ask("INSERT INTO workflow (name) VALUES ('next') RETURNING id").startswith("4")
    # `ask` has logged in by the password of before, so the dump has not brought its own.
    assert other.ask("SELECT to_regclass('left_over')", database="n8n_before") == "left_over"
    assert calls == [
        "systemctl stop geusemaker-sync.timer geusemaker-sync.service geusemaker-dump.timer",
        "docker compose stop n8n n8n-runners",
        "systemctl start geusemaker-sync.timer geusemaker-dump.timer",
        "systemctl restart geusemaker-services",
    ]


def test_a_damaged_dump_changes_nothing(cluster: Cluster, tmp_path: Path) -> None:
    cluster.ask(ROWS)
    before = content(cluster)
    dumped = dump(cluster, tmp_path)
    dumped.write_bytes(dumped.read_bytes()[:-20])
    with pytest.raises(AssertionError, match="unexpected end of file"):
        restore(cluster, dumped, tmp_path)
    assert content(cluster) == before
    assert cluster.ask("SELECT count(*) FROM pg_database WHERE datname = 'n8n_before'") == "0"
    assert not (tmp_path / "calls").exists(), "n8n was not even stopped"


def test_a_dump_that_fails_is_no_dump(cluster: Cluster, tmp_path: Path) -> None:
    cluster.stop()
    with pytest.raises(AssertionError):
        dump(cluster, tmp_path)
