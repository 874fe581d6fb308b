"""The real PostgreSQL: the health check, the dump of the host's program, the restore of the docs.

It is the system's PostgreSQL, which is 15 in Debian 12. The product runs 18 as an image. A stand-in
for Docker runs the commands here.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from real_stack.bundle import facts, service
from real_stack.dumps import dump, restore, run
from real_stack.postgres import Cluster
from real_stack.programs import wait_until

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from live.steps import FILE, read_back, written

PASSWORD = "pass" + "W0rd" * 9
OTHER_PASSWORD = "othe" + "rW0d" * 9

ROWS = """
CREATE TABLE workflow (id serial PRIMARY KEY, name text NOT NULL, nodes jsonb, raw bytea);
INSERT INTO workflow (name, nodes, raw) VALUES
  ('it''s "Ünï" \\ $$', '{"a": [1, null]}', '\\x00ff0a'),
  (E'two\\nlines\\ttab', NULL, NULL),
  ('', '{}', '');
CREATE TABLE note (line text);
-- Lines of a dump about the user, here as data.
INSERT INTO note VALUES ('CREATE ROLE n8n;'), ('ALTER ROLE n8n WITH NOLOGIN;'), ('\\connect n8n');
CREATE INDEX by_name ON workflow (name);
"""


@pytest.fixture(scope="module", name="shared")
def _shared() -> Iterator[Cluster]:
    cluster = Cluster(PASSWORD)
    cluster.ask(ROWS)
    yield cluster
    cluster.remove()


@pytest.fixture(name="cluster")
def _cluster(shared: Cluster) -> Iterator[Cluster]:
    """A running cluster with ROWS, which a test may stop but not change."""
    yield shared
    if not shared.answers():
        shared.start()


@pytest.fixture(name="other")
def _other() -> Iterator[Cluster]:
    other = Cluster(OTHER_PASSWORD)
    yield other
    other.remove()


def content(cluster: Cluster) -> str:
    """The database n8n as SQL, without the random word of each dump."""
    ran = cluster.run(["pg_dump", "-U", "n8n", "-d", "n8n"])
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    return "\n".join(one for one in lines if not one.startswith(("\\restrict", "\\unrestrict")))


def test_the_health_check_passes_only_while_the_server_runs(cluster: Cluster) -> None:
    kind, *check = service("postgres", facts())["healthcheck"]["test"]
    assert kind == "CMD"
    # Each try has a time limit of its own.
    wait_until("the check passes", lambda: cluster.run(check).returncode == 0)
    cluster.stop()
    assert cluster.run(check).returncode != 0


def test_the_health_check_fails_for_the_temporary_server_of_the_first_start(
    cluster: Cluster,
) -> None:
    """While it creates the database, the image runs a server that listens on its socket only."""
    _, *check = service("postgres", facts())["healthcheck"]["test"]
    cluster.stop()
    cluster.start("listen_addresses=")
    # As in the container: without a host, a client uses the socket.
    socket = {"PGHOST": str(cluster.folder)}
    wait_until(
        "the socket answers",
        lambda: cluster.run(["pg_isready", "-q"], more=socket).returncode == 0,
    )
    assert cluster.run(check, more=socket).returncode != 0
    cluster.stop()


def test_a_wrong_password_is_refused(cluster: Cluster) -> None:
    ran = cluster.run(
        ["psql", "-X", "-U", "n8n", "-d", "n8n", "-c", "SELECT 1"], more={"PGPASSWORD": "wrong"}
    )
    assert ran.returncode != 0
    assert "password authentication failed" in ran.stderr


def test_the_documented_commands_restore_a_dump_of_the_host(
    cluster: Cluster, other: Cluster, tmp_path: Path
) -> None:
    dumped = dump(cluster, tmp_path)
    # A new host already has a database.
    other.ask("CREATE TABLE workflow (id int); CREATE TABLE left_over (id int)")
    calls = restore(other, dumped, tmp_path)

    assert content(other) == content(cluster)
    assert other.ask("SELECT string_agg(line, '|') FROM note") == (
        "CREATE ROLE n8n;|ALTER ROLE n8n WITH NOLOGIN;|\\connect n8n"
    )
    assert other.ask("INSERT INTO workflow (name) VALUES ('next') RETURNING id").startswith("4")
    # `ask` has used the previous password, so the dump has not changed it.
    assert other.ask("SELECT to_regclass('left_over')", database="n8n_before") == "left_over"
    assert calls == [
        "systemctl stop geusemaker-sync.timer geusemaker-sync.service geusemaker-dump.timer",
        "docker compose stop n8n n8n-runners",
        "systemctl start geusemaker-sync.timer geusemaker-dump.timer",
        "systemctl restart geusemaker-services",
    ]


def test_a_damaged_dump_changes_nothing(cluster: Cluster, tmp_path: Path) -> None:
    before = content(cluster)
    dumped = dump(cluster, tmp_path)
    dumped.write_bytes(dumped.read_bytes()[:-20])
    with pytest.raises(AssertionError, match="unexpected end of file"):
        restore(cluster, dumped, tmp_path)
    assert content(cluster) == before
    assert cluster.ask("SELECT count(*) FROM pg_database WHERE datname = 'n8n_before'") == "0"
    assert not (tmp_path / "calls").exists(), "n8n was stopped"


def test_a_failed_dump_is_an_error(cluster: Cluster, tmp_path: Path) -> None:
    cluster.stop()
    with pytest.raises(AssertionError):
        dump(cluster, tmp_path)


def test_the_run_on_aws_reads_the_row_and_the_file_that_it_wrote(
    other: Cluster, tmp_path: Path
) -> None:
    current = tmp_path / "current"
    current.mkdir()
    places = {"/var/lib/geusemaker/current": str(current), FILE: str(tmp_path / "file")}

    def on_host(lines: list[str]) -> str:
        script = "\n".join(("set -eu", *lines))
        for inside, outside in places.items():
            assert inside in script
            script = script.replace(inside, outside)
        return run(other, tmp_path, script)

    on_host(written("0123456789abcdef"))
    assert on_host(read_back()).split() == ["0123456789abcdef"] * 2
