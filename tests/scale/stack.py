"""A stack of a host and workers, with what its users and its tests do with it."""

import itertools
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, Literal

from n8n.n8n_host import OWNER, OWNER_PASSWORD, SECRETS, log_in, publish, webhook
from real_stack.bundle import facts
from real_stack.programs import wait_until
from real_stack.visitor import Answer

from geusemaker.bundle import BundleFacts, render
from geusemaker.bundle.networks import N8N_ADDRESS
from geusemaker.bundle.queue import Queue
from geusemaker.components.authority import head_name, make_authority, zone_name
from geusemaker.userdata import HostFacts, bundle_program
from geusemaker.userdata import render as boot_script
from scale import lan
from scale.machine import DATA, EFS, Machine

STACK_ID: Final = "abcdefghijkl"
ZONE: Final = zone_name(STACK_ID)
HEAD: Final = head_name(STACK_ID)
ADDRESS: Final = "10.42.0.10"
WORKERS: Final = {f"w{number}": f"10.42.0.{20 + number}" for number in range(1, 20)}
GROUP: Final = f"geusemaker-{STACK_ID}-workers"
NAMESPACE: Final = f"GeuseMaker/{STACK_ID}"
STRANGER: Final = "10.42.0.99"
URL: Final = "https://localhost:8443"

QUEUE: Final = Queue(has_ollama=True, grows=True)
BESIDE: Final = {"ollama": (11434,), "qdrant": (6333, 6334), "crawl4ai": (11235,)}
"""Services of the stack that are stand-ins here, with their ports."""

ALL_SECRETS: Final = {
    **SECRETS,
    "valkey-password": "va" + "7L" * 19,
    "workers-runners-token": "wr" + "2N" * 19,
    "qdrant-api-key": "qd" + "4M" * 19,
    "crawl4ai-token": "cr" + "3P" * 19,
    "ollama-api-key": "ol" + "8R" * 19,
}


def bundle_facts(role: Literal["head", "worker"], queue: Queue | None = QUEUE) -> BundleFacts:
    return facts(owner_email=OWNER, memory_gib=16.0, queue=queue, role=role)


def bundle_files(role: Literal["head", "worker"], queue: Queue | None = QUEUE) -> dict[str, str]:
    """The settings bundle, as the stack packs it."""
    program = bundle_program(role, queue=queue is not None)
    return {**render(bundle_facts(role, queue)), "host.sh": program}


class StandIn:
    """An HTTP server in a container's namespace. Each answer has the name of its host."""

    def __init__(self, namespace: str, port: int, host: str) -> None:
        answer = f'{{"host": "{host}"}}'.encode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        with lan.within(namespace):
            self._server = ThreadingHTTPServer(("0.0.0.0", port), Handler)  # noqa: S104
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass
class Stack:
    """A host with PostgreSQL, the queue and n8n's main process, and its workers by name."""

    folder: Path
    secrets: dict[str, str]
    head: Machine
    workers: dict[str, Machine] = field(default_factory=dict)
    _stand_ins: dict[str, list[StandIn]] = field(default_factory=dict)
    _names: Iterator[int] = field(default_factory=itertools.count)
    _owner: lan.Client | None = None

    @property
    def efs(self) -> Path:
        return self.folder / "efs"

    def caddy(self) -> lan.Client:
        """A caller, as n8n sees it: by Caddy."""
        return lan.Client("head.caddy", N8N_ADDRESS)

    def owner(self) -> lan.Client:
        """A client that has logged in with the stack's credentials, once: n8n limits logins."""
        if self._owner is None:
            client = self.caddy()
            answer = log_in(client, OWNER, OWNER_PASSWORD)
            assert answer.status == 200, answer.text
            self._owner = client
        return self._owner

    def serve_beside(self, machine: Machine) -> None:
        """Starts the stand-ins of a host."""
        self._stand_ins[machine.name] = [
            StandIn(machine.space(name), port, machine.name)
            for name, ports in BESIDE.items()
            if name in machine.services
            for port in ports
        ]

    def start_main(self) -> None:
        self.head.start("n8n")
        client = self.caddy()

        def ready() -> bool:
            try:
                return client.ask("GET", "/healthz/readiness", timeout=60).status == 200
            except OSError:
                return False

        self.head.programs["n8n"].until("n8n's main process was ready", ready)

    def make_worker(
        self,
        name: str,
        *,
        queue: Queue = QUEUE,
        secrets: Mapping[str, str] | None = None,
        head: str = HEAD,
    ) -> Machine:
        """A worker that does not run n8n yet. `head`: the name that it has for the stack's host."""
        beside = {} if queue.has_ollama else {"ollama": ADDRESS}
        names = {head: ADDRESS, "qdrant": ADDRESS, "crawl4ai": ADDRESS, "postgres": ADDRESS}
        machine = Machine(
            name=name,
            address=WORKERS[name],
            folder=self.folder / name,
            files=bundle_files("worker", queue),
            values=_values() | {"GEUSEMAKER_HEAD": head, "GEUSEMAKER_ZONE": ZONE},
            secrets=self.secrets | dict(secrets or {}),
            mounts={
                f"{EFS}/n8n-home": self.efs / "n8n",
                f"{EFS}/n8n-files": self.efs / "n8n/files",
            },
            names=names | beside,
            program=host_program("worker"),
            setup="follow_head; put_up_wall; lay_down_leave",
        )
        machine.write_pointer(head=head, zone=ZONE, group=GROUP)
        machine.boot()
        self.serve_beside(machine)
        self.workers[name] = machine
        return machine

    def start_worker(self, name: str, **more: Any) -> Machine:
        machine = self.make_worker(name, **more)
        machine.start("n8n")
        machine.await_ready()
        return machine

    def end_worker(self, name: str) -> None:
        """Its host is gone."""
        for one in self._stand_ins.pop(name):
            one.close()
        self.workers.pop(name).end()

    def workflow(self, *nodes: dict[str, Any], **of_webhook: Any) -> str:
        """Publishes a workflow of these nodes after a webhook. Returns the webhook's path."""
        path = f"hook{next(self._names)}"
        publish(self.owner(), path, webhook(path, **of_webhook), *nodes)
        return path

    def call(self, path: str, body: object = None) -> Answer:
        return self.caddy().ask("POST", f"/webhook/{path}", {} if body is None else body)

    @contextmanager
    def calls(self, path: str, number: int, at_once: int | None = None) -> Iterator["Calls"]:
        """Calls a webhook that often. The answers are there at the end of the block."""
        with ThreadPoolExecutor(at_once or number) as pool:
            yield Calls([pool.submit(self.call, path) for _ in range(number)])

    @contextmanager
    def load(self, path: str, at_once: int) -> Iterator[list[Answer]]:
        """As many callers at a time, each with one call after the other until the block ends.

        At the end of the block the list has all answers.
        """
        answers: list[Answer] = []
        ended = threading.Event()

        def caller() -> None:
            while not ended.is_set():
                answers.append(self.call(path))

        with ThreadPoolExecutor(at_once) as pool:
            running = [pool.submit(caller) for _ in range(at_once)]
            try:
                yield answers
            finally:
                ended.set()
            for one in running:
                one.result()

    def ask_database(self, statement: str) -> str:
        return lan.run(
            *("ip", "netns", "exec", self.head.space("postgres")),
            *("psql", "-X", "-At", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1"),
            *("-U", "n8n", "-d", "n8n", "-c", statement),
        ).strip()

    def queue_lines(self) -> dict[str, str]:
        """What the host reports of the queue each minute."""
        lines = self.head.call("bundle_health").splitlines()
        return dict(line.split("=", 1) for line in lines if line.startswith("queue."))

    def published(self) -> list[str]:
        """The calls by which the host has published the length of the queue."""
        calls = self.head.place("/run/aws").read_text().splitlines()
        return [one for one in calls if one.startswith("cloudwatch put-metric-data")]

    def state_of(self, execution: str) -> str:
        return self.execution_states([execution])[execution]

    def executed(self) -> int:
        """How many executions the workers have started since their last starts."""
        return sum(len(worker.executed()) for worker in self.workers.values())

    def executions_of(self, path: str) -> list[str]:
        """The ids of a workflow's executions, the oldest first."""
        found = self.ask_database(
            "SELECT w.name, e.id FROM execution_entity e"
            ' JOIN workflow_entity w ON w.id = e."workflowId" ORDER BY e.id'
        )
        rows = [line.split("|") for line in found.splitlines()]
        return [execution for name, execution in rows if name == path]

    def data_of(self, execution: str) -> str:
        """What the editor shows of an execution: JSON, in n8n's own form."""
        answer = self.owner().ask("GET", f"/rest/executions/{execution}")
        assert answer.status == 200, answer.text
        data: str = answer.json["data"]["data"]
        return data

    def resume(self, execution: str) -> None:
        """Calls the address of an execution that waits for it; see `waiting_for_a_call`."""
        found = re.search(rf'{URL}(/webhook-waiting/{execution}[^"\\]*)', self.data_of(execution))
        assert found, self.data_of(execution)
        answer = self.caddy().ask("GET", found[1])
        assert answer.status == 200, answer.text

    def execution_states(self, ids: Iterable[str]) -> dict[str, str]:
        """The states of these executions, as the editor lists them."""
        found = self.ask_database("SELECT id, status FROM execution_entity")
        states = dict(line.split("|") for line in found.splitlines())
        return {one: states[one] for one in ids}

    def end(self) -> None:
        for name in list(self.workers):
            self.end_worker(name)
        for one in self._stand_ins.pop("head", []):
            one.close()
        self.head.end()


@dataclass
class Calls:
    """Requests that run."""

    running: list[Future[Answer]]

    @property
    def answers(self) -> list[Answer]:
        """Waits for all of them."""
        return [one.result() for one in self.running]

    @property
    def statuses(self) -> list[int]:
        return [one.status for one in self.answers]


def _values() -> dict[str, str]:
    return {"GEUSEMAKER_URL": URL, "GEUSEMAKER_HOST": "localhost"}


def host_program(role: str) -> str:
    """The boot script of a host, without its last line, which runs it."""
    of_role = (
        {"reports": "reports-of-workers"}
        if role == "worker"
        else {"data_volume_id": "vol-0123456789abcdef0", "status_parameter": "/geusemaker/status"}
    )
    found = HostFacts(
        region="us-west-2",
        file_system_id="fs-0123456789abcdef0",
        access_points={"n8n": "fsap-0123456789abcdef0"},
        settings_parameter="/geusemaker/settings",
        secrets_parameter="/geusemaker/secrets",
        **of_role,
    )
    return boot_script(found).removesuffix('main "$@"\n')


def make_stack(folder: Path, workers: Iterable[str] = ("w1", "w2")) -> Stack:
    """A stack that is ready."""
    lan.make_network()
    secrets = ALL_SECRETS | make_authority((HEAD, "postgres", "valkey"), datetime.now(UTC).date())
    head = Machine(
        name="head",
        address=ADDRESS,
        folder=folder / "head",
        files=bundle_files("head"),
        values=_values() | {"GEUSEMAKER_ADDRESS": ADDRESS},
        secrets=secrets,
        mounts={EFS: folder / "efs"},
        names={},
        program=host_program("head"),
        # As where Docker's own bridge stays, since no Docker is here to start again.
        setup="put_up_wall; manifest docker0 >$LIB/docker0-stays; move_docker0",
    )
    head.values = {**head.values, "GEUSEMAKER_MODELS_DIR": f"{DATA}/ollama"}
    head.write_pointer(namespace=NAMESPACE)
    stack = Stack(folder, secrets, head)
    try:
        head.boot()
        stack.serve_beside(head)
        head.start("postgres")
        head.start("valkey")
        start_data(stack)
        stack.start_main()
        for name in workers:
            stack.start_worker(name)
    except BaseException:
        stack.end()
        raise
    return stack


def start_data(stack: Stack) -> None:
    """Waits until PostgreSQL and the queue answer."""

    def answers() -> bool:
        for name, port in (("postgres", 5432), ("valkey", 6379)):
            assert stack.head.programs[name].code is None, stack.head.said(name)
            try:
                lan.connect(stack.head.space(name), "127.0.0.1", port).close()
            except OSError:
                return False
        return True

    wait_until("PostgreSQL and the queue answered", answers)
