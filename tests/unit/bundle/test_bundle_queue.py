"""The bundles of a stack with workers: its host, and a worker."""

import hashlib
import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml

from geusemaker.bundle import BundleError, render
from geusemaker.bundle.networks import NETWORKS
from geusemaker.bundle.queue import MOST_WORKERS, POOL, Queue
from geusemaker.userdata import bundle_program

from .variants import facts

QUEUE = Queue()
WITH_GPU = Queue(has_ollama=True)
TMP = "/tmp"  # noqa: S108  # in the container
PROGRAM = '#!/bin/sh\nprintf "%s\\n" "${0##*/}" "$@"\nenv | grep N8N_ || :\n'
PEM = "-----BEGIN CERTIFICATE-----\nAAAA\nBBBB\n-----END CERTIFICATE-----\n"


def services(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(render(facts(**changes))["compose.yaml"])["services"]
    return found


HEAD = services(queue=QUEUE)
WORKER = services(queue=QUEUE, role="worker")


def test_a_stack_without_workers_has_nothing_of_them() -> None:
    files = render(facts())
    assert "workers" not in files
    for text in files.values():
        for word in ("valkey", "QUEUE_", "EXECUTIONS_MODE", "GEUSEMAKER_ADDRESS"):
            assert word not in text


def test_main_and_workers_run_one_image() -> None:
    own = {"n8n": "docker.io/n8nio/n8n:2.43.0"}
    for one in ("n8n", "n8n-runners"):
        head = services(queue=QUEUE, image_versions=own)[one]["image"]
        worker = services(queue=QUEUE, role="worker", image_versions=own)[one]["image"]
        assert head == worker
        assert "2.43.0" in head


@pytest.mark.parametrize(
    ("queue", "chosen", "ports"),
    [
        (QUEUE, ("n8n", "postgres"), {5432, 6379}),
        (QUEUE, ("n8n", "ollama", "postgres"), {5432, 6379, 11434}),
        (WITH_GPU, ("n8n", "ollama", "postgres"), {5432, 6379}),
        (QUEUE, ("n8n", "qdrant", "crawl4ai", "postgres"), {5432, 6379, 6333, 6334, 11235}),
    ],
)
def test_ports_for_workers_are_on_the_private_address_only(
    queue: Queue, chosen: tuple[str, ...], ports: set[int]
) -> None:
    found = services(queue=queue, services=chosen)
    published = [port for name in found if name != "caddy" for port in found[name].get("ports", ())]
    assert published == [f"${{GEUSEMAKER_ADDRESS:?}}:{port}:{port}" for port in _numbers(published)]
    assert set(_numbers(published)) == ports
    assert not any("ports" in one for one in services(queue=queue, role="worker").values())


def _numbers(published: list[str]) -> list[int]:
    return [int(port.rsplit(":", 1)[1]) for port in published]


def test_what_is_published_has_a_network_that_leads_nowhere() -> None:
    files = render(facts(queue=QUEUE))
    closed = [line.split()[1] for line in files["workers"].splitlines() if "closed" in line]
    assert closed == ["gm-postgres-in", "gm-valkey-in", "gm-qdrant-in"]
    # Docker publishes nothing from an internal network. Others already have one that is not.
    for name, container in HEAD.items():
        outside = [one for one in container["networks"] if not NETWORKS[one].internal]
        assert len(outside) == (name != "n8n-runners"), name
    # Alone: containers on one bridge reach each other.
    for bridge in closed:
        name = bridge.removeprefix("gm-")
        assert [one for one in HEAD if name in HEAD[one]["networks"]] == [name[:-3]]


def test_a_worker_has_its_secrets_and_no_others() -> None:
    files = render(facts(queue=QUEUE, role="worker"))
    lines = {line for line in files["manifest"].splitlines() if line.startswith("secret ")}
    assert lines == {
        "secret n8n postgres-password 1000",
        "secret n8n n8n-encryption-key 1000",
        "secret n8n workers-runners-token 1000",
        "secret n8n valkey-password 1000",
        "secret n8n workers-authority 1000",
        "secret n8n-runners workers-runners-token 1000",
    }
    # The runner reads its token under the name of the host of the stack.
    targets = {one["target"] for one in WORKER["n8n-runners"]["secrets"]}
    assert targets == {"n8n-runners-token"}


def test_the_key_of_the_certificate_is_only_where_it_is_used() -> None:
    having = [
        name
        for name, one in HEAD.items()
        if "workers-key" in {secret["target"] for secret in one.get("secrets", ())}
    ]
    assert having == ["postgres", "valkey"]


def test_a_worker_verifies_what_it_connects_to() -> None:
    env = WORKER["n8n"]["environment"]
    assert env["DB_POSTGRESDB_HOST"] == env["QUEUE_BULL_REDIS_HOST"] == "${GEUSEMAKER_HEAD:?}"
    assert env["DB_POSTGRESDB_SSL_ENABLED"] == env["QUEUE_BULL_REDIS_TLS"] == "true"
    assert env["DB_POSTGRESDB_SSL_REJECT_UNAUTHORIZED"] == "true"
    assert env["DB_POSTGRESDB_SSL_CA_FILE"] == env["NODE_EXTRA_CA_CERTS"]
    assert env["NODE_EXTRA_CA_CERTS"] in WORKER["n8n"]["entrypoint"][-1]


def test_workers_have_the_environment_of_main_where_workflows_see_it() -> None:
    main, worker = HEAD["n8n"]["environment"], WORKER["n8n"]["environment"]
    settings = {"n8n": {"GENERIC_TIMEZONE": "Europe/Berlin", "N8N_LOG_LEVEL": "debug"}}
    own = services(queue=QUEUE, role="worker", settings=settings)["n8n"]["environment"]
    assert own["GENERIC_TIMEZONE"] == "Europe/Berlin"
    assert own["N8N_LOG_LEVEL"] == "debug"
    differ = {name for name in main.keys() & worker.keys() if main[name] != worker[name]}
    assert differ == {
        "DB_POSTGRESDB_HOST",
        "QUEUE_BULL_REDIS_HOST",
        "QUEUE_BULL_REDIS_TIMEOUT_THRESHOLD",
    }
    assert not any(name.startswith("N8N_INSTANCE_OWNER") for name in worker)


def test_docker_waits_longer_for_a_worker_than_n8n_does() -> None:
    slow = services(queue=Queue(drain_seconds=900), role="worker")["n8n"]
    assert slow["environment"]["N8N_GRACEFUL_SHUTDOWN_TIMEOUT"] == "900"
    assert slow["stop_grace_period"] == "910s"
    assert "--concurrency=5" in slow["entrypoint"][-1]


def test_the_database_takes_the_connections_of_twice_the_workers() -> None:
    found = services(queue=Queue())["postgres"]["command"]
    (limit,) = [int(one.split("=")[1]) for one in found if one.startswith("--max_connections=")]
    assert limit >= 100 + 2 * MOST_WORKERS * POOL
    worker = services(queue=Queue(), role="worker")["n8n"]
    assert worker["environment"]["DB_POSTGRESDB_POOL_SIZE"] == str(POOL)


def test_workers_with_a_gpu_have_their_own_ollama() -> None:
    found = services(queue=WITH_GPU, role="worker")
    assert set(found) == {"n8n", "n8n-runners", "ollama"}
    assert "models" in found["n8n"]["networks"]
    assert "compose.gpu.yaml" in render(facts(queue=WITH_GPU, role="worker"))
    assert set(WORKER) == {"n8n", "n8n-runners"}
    assert "compose.gpu.yaml" not in render(facts(queue=QUEUE, role="worker"))


def test_a_worker_that_is_too_small_is_refused() -> None:
    with pytest.raises(BundleError, match="has 2 GiB of memory"):
        render(facts(queue=WITH_GPU, role="worker", memory_gib=2.0))


def _started(
    tmp_path: Path, command: list[str], places: dict[str, str], *programs: str
) -> subprocess.CompletedProcess[str]:
    """Runs a container's start with its paths in `tmp_path`; programs print their arguments."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for name in ("workers-certificate", "workers-key", "workers-authority"):
        (secrets / name).write_text(PEM.strip().replace("\n", "|"))
    (secrets / "valkey-password").write_text("pass%sword")
    binary = tmp_path / "bin"
    binary.mkdir()
    for name in programs:
        (binary / name).write_text(PROGRAM)
        (binary / name).chmod(0o755)
    places = {"/run/secrets": "secrets"} | places
    for outside in places.values():
        (tmp_path / outside).mkdir(exist_ok=True)
    inside = re.compile("|".join(map(re.escape, places)))
    return subprocess.run(
        [
            inside.sub(lambda one: str(tmp_path / places[one[0]]), part).replace("$$", "$")
            for part in command
        ],
        env={"PATH": f"{binary}:{os.defpath}"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_postgresql_starts_with_tls_and_refuses_others_in_clear(tmp_path: Path) -> None:
    one = HEAD["postgres"]
    places = {"/var/run/postgresql": "run"}
    ran = _started(tmp_path, [*one["entrypoint"], *one["command"]], places, "docker-entrypoint.sh")
    assert (ran.returncode, ran.stderr) == (0, "")
    run = tmp_path / "run"
    assert ran.stdout.splitlines()[:3] == [
        "docker-entrypoint.sh",
        "postgres",
        f"--hba_file={run}/pg_hba.conf",
    ]
    assert (run / "certificate.pem").read_text() == PEM
    assert (run / "key.pem").stat().st_mode & 0o777 == 0o600
    rules = (run / "pg_hba.conf").read_text().splitlines()
    database = str(NETWORKS["database"].subnet)
    remote = [rule.split() for rule in rules if rule.split()[-2] not in ("127.0.0.1/32", "all")]
    assert remote == [["host", "all", "all", database, "scram-sha-256"]]
    assert rules[-1] == "hostssl all n8n all scram-sha-256"


VALKEY = {TMP: "tmp", "/data": "data"}


@pytest.mark.parametrize("password", ["pass%sword", "another"])
def test_a_queue_is_kept_with_its_password_and_empty_with_another(
    tmp_path: Path, password: str
) -> None:
    """Executions that waited when the workers were removed are not executed a second time."""
    (tmp_path / "data/appendonlydir").mkdir(parents=True)
    made_for = hashlib.sha256(password.encode()).hexdigest()
    (tmp_path / "data/made-for").write_text(f"{made_for}  -")
    ran = _started(tmp_path, HEAD["valkey"]["entrypoint"], VALKEY, "valkey-server")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert (tmp_path / "data/appendonlydir").exists() == (password == "pass%sword")
    own = hashlib.sha256(b"pass%sword").hexdigest()
    assert (tmp_path / "data/made-for").read_text() == f"{own}  -"


def test_valkey_listens_with_tls_only_and_its_password_is_no_argument(tmp_path: Path) -> None:
    ran = _started(tmp_path, HEAD["valkey"]["entrypoint"], VALKEY, "valkey-server")
    assert (ran.returncode, ran.stderr) == (0, "")
    words = ran.stdout.split()
    assert words[:2] == ["valkey-server", str(tmp_path / "tmp/valkey.conf")]
    options = dict(zip(words[2::2], words[3::2], strict=True))
    assert options["--port"] == "0"
    assert options["--tls-port"] == "6379"
    assert options["--maxmemory-policy"] == "noeviction"
    assert options["--appendonly"] == "yes"
    limit = int(HEAD["valkey"]["deploy"]["resources"]["limits"]["memory"].removesuffix("M"))
    assert int(options["--maxmemory"].removesuffix("mb")) < limit
    assert "pass%sword" not in ran.stdout
    assert (tmp_path / "tmp/valkey.conf").read_text() == "requirepass pass%sword\n"
    assert (tmp_path / "tmp/key.pem").read_text() == PEM


def test_a_worker_starts_with_the_packages_of_main_and_reads_its_files(tmp_path: Path) -> None:
    (tmp_path / "head/nodes/node_modules/n8n-nodes-own").mkdir(parents=True)
    (tmp_path / "head/storage").mkdir()
    # Of the start before: main has no longer this one.
    (tmp_path / "home/.n8n/nodes/node_modules/n8n-nodes-removed").mkdir(parents=True)
    places = {TMP: "tmp", "/n8n-home": "head", "/home/node": "home"}
    # tini is the image's; it starts the rest.
    start = WORKER["n8n"]["entrypoint"][2:]
    ran = _started(tmp_path, start, places, "n8n")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.splitlines() == [
        *("n8n", "worker", "--concurrency=5"),
        f"N8N_STORAGE_PATH={tmp_path}/head/storage",
    ]
    packages = (tmp_path / "home/.n8n/nodes/node_modules").iterdir()
    assert [one.name for one in packages] == ["n8n-nodes-own"]
    assert (tmp_path / "tmp/workers-authority.pem").read_text() == PEM


@pytest.mark.parametrize("role", ["head", "worker"])
def test_the_host_knows_every_line_of_both_manifests(
    tmp_path: Path, role: Literal["head", "worker"]
) -> None:
    queue = replace(WITH_GPU, grows=True)
    files = render(facts(queue=queue, role=role, models=("llama3.2:3b",)))
    for name in ("manifest", "workers"):
        (tmp_path / name).write_text(files[name])
    program = f'set -eu; DIR="{tmp_path}" SHA=x; refuse() {{ echo "$*"; exit 1; }}\n'
    ran = subprocess.run(
        ["/bin/bash", "-c", program + bundle_program(role, queue=True) + "\ncheck_manifest"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
