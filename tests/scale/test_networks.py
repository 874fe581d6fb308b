"""Who reaches what through the rules that the hosts set, without the security groups of AWS."""

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from geusemaker.bundle.queue import Queue
from geusemaker.bundle.queue_containers import ports_for
from scale import lan
from scale.images import tools
from scale.nodes import http_node, set_node
from scale.stack import (
    ADDRESS,
    ALL_SECRETS,
    STRANGER,
    WORKERS,
    Stack,
    StandIn,
    bundle_facts,
    bundle_files,
)

PORTS = (22, 80, 443, 2049, 5432, 5678, 5679, 6333, 6334, 6379, 11235, 11434)
SILENCE_SECONDS = 3.0
"""How long an answer is waited for where none is expected."""

WITHOUT_GPU = Queue()


@pytest.fixture(scope="module", autouse=True)
def _stranger(stack: Stack) -> Iterator[None]:
    lan.make_host("stranger", STRANGER)
    lan.run("ip", "-n", "stranger", "address", "add", f"{lan.INTERNET}/32", "dev", "eth0")
    with closing(StandIn("stranger", 443, "stranger")):
        yield
    lan.remove_host("stranger")


def open_ports(namespace: str, address: str) -> set[int]:
    def accepts(port: int) -> bool:
        try:
            lan.connect(namespace, address, port, SILENCE_SECONDS).close()
        except OSError:
            return False
        return True

    with ThreadPoolExecutor(len(PORTS)) as pool:
        return {port for port, found in zip(PORTS, pool.map(accepts, PORTS), strict=True) if found}


@pytest.mark.parametrize("client", ["w1.n8n", "w1", "stranger"])
def test_the_host_answers_at_the_ports_that_workers_need(stack: Stack, client: str) -> None:
    expected = {port for ports in ports_for(bundle_facts("head")).values() for port in ports}
    assert expected == {5432, 6333, 6334, 6379, 11235}
    assert open_ports(client, ADDRESS) == expected


@pytest.mark.parametrize("client", ["w1.n8n", "w1.ollama", "head.n8n", "head.ollama"])
@pytest.mark.parametrize("neighbour", ["stranger", "w2"])
def test_containers_reach_no_neighbour(stack: Stack, client: str, neighbour: str) -> None:
    address = STRANGER if neighbour == "stranger" else WORKERS[neighbour]
    with closing(StandIn(neighbour, 22, neighbour)):
        assert 22 in open_ports("stranger" if neighbour != "stranger" else "w1", address)
        assert open_ports(client, address) == set()


def test_a_worker_reaches_the_host_from_n8n_only(stack: Stack) -> None:
    assert open_ports("w1.ollama", ADDRESS) == set()


@pytest.mark.parametrize("client", ["w1.n8n", "w1.ollama", "head.n8n", "head.crawl4ai"])
def test_other_containers_reach_the_internet(stack: Stack, client: str) -> None:
    assert open_ports(client, lan.INTERNET) == {443}


@pytest.mark.parametrize("container", ["postgres", "valkey", "qdrant"])
def test_containers_that_only_answer_reach_nothing(stack: Stack, container: str) -> None:
    assert open_ports("w1", STRANGER) == {443}
    for address in (lan.INTERNET, STRANGER, WORKERS["w1"]):
        assert open_ports(f"head.{container}", address) == set()


@pytest.mark.parametrize("client", ["stranger", "w1"])
@pytest.mark.parametrize(
    ("mode", "password", "refusal"),
    [
        ("disable", "postgres-password", "no pg_hba.conf entry"),
        ("require", "n8n-encryption-key", "password authentication failed"),
        ("require", "postgres-password", ""),
    ],
)
def test_the_database_takes_clients_with_tls_and_the_password(
    stack: Stack, client: str, mode: str, password: str, refusal: str
) -> None:
    ran = subprocess.run(
        [
            *("ip", "netns", "exec", client, "psql", "-X", "-At", "-c", "SELECT 1"),
            f"host={ADDRESS} user=n8n dbname=n8n sslmode={mode}",
        ],
        env={"PATH": "/usr/sbin:/usr/bin:/bin", "PGPASSWORD": ALL_SECRETS[password]},
        capture_output=True,
        text=True,
        check=False,
    )
    if refusal:
        assert refusal in ran.stderr
    assert (ran.returncode, ran.stdout.strip()) == ((2, "") if refusal else (0, "1")), ran.stderr


@pytest.mark.parametrize("client", ["stranger", "w1"])
@pytest.mark.parametrize(
    ("tls", "password", "answer"),
    [
        (False, "valkey-password", ""),
        (True, "postgres-password", "WRONGPASS"),
        (True, "valkey-password", "PONG"),
    ],
)
def test_the_queue_takes_clients_with_tls_and_the_password(
    stack: Stack, client: str, tls: bool, password: str, answer: str
) -> None:
    command = ["ip", "netns", "exec", client, str(tools() / "valkey-cli"), "-h", ADDRESS]
    ran = subprocess.run(
        [*command, *(("--tls", "--insecure") if tls else ()), "ping"],
        env={"PATH": "/usr/sbin:/usr/bin:/bin", "REDISCLI_AUTH": ALL_SECRETS[password]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ("PONG" in ran.stdout) == (answer == "PONG")
    assert (answer or "reset by peer") in ran.stdout + ran.stderr


def test_a_workflow_reaches_the_ollama_of_the_host_that_executes_it(stack: Stack) -> None:
    path = stack.workflow(http_node("http://ollama:11434/"), answer_with_host())
    before = {name: len(worker.executed()) for name, worker in stack.workers.items()}
    with stack.calls(path, 20) as calls:
        answers = {answer.json["id"]: answer.json["host"] for answer in calls.answers}
    for name, worker in stack.workers.items():
        ran = worker.executed()[before[name] :]
        assert ran != []
        assert {answers[one] for one in ran} == {name}


def test_workers_without_a_gpu_reach_the_ollama_of_the_host(stack: Stack) -> None:
    path = stack.workflow(http_node("http://ollama:11434/"), answer_with_host())
    stack.head.use(bundle_files("head", WITHOUT_GPU))
    worker = stack.start_worker("w3", queue=WITHOUT_GPU)
    try:
        answers: dict[str, str] = {}
        while not worker.executed():
            with stack.calls(path, 20) as calls:
                answers |= {answer.json["id"]: answer.json["host"] for answer in calls.answers}
        assert {answers[one] for one in worker.executed()} == {"head"}
    finally:
        stack.end_worker("w3")
        stack.head.use(bundle_files("head"))


@pytest.mark.parametrize(("name", "port"), [("qdrant", 6333), ("crawl4ai", 11235)])
def test_workflows_reach_the_services_of_the_host_by_their_names(
    stack: Stack, name: str, port: int
) -> None:
    path = stack.workflow(http_node(f"http://{name}:{port}/"), answer_with_host())
    with stack.calls(path, 10) as calls:
        assert {answer.json["host"] for answer in calls.answers} == {"head"}


def answer_with_host() -> dict[str, object]:
    return set_node('={"id": "{{ $execution.id }}", "host": "{{ $json.host }}"}')
