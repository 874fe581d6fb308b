"""A stack of a host and workers, with what its users and its tests do with it."""

import itertools
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files as resources
from pathlib import Path
from typing import Any, Final

from n8n.n8n_host import OWNER, OWNER_PASSWORD, SECRETS, log_in, publish, webhook
from real_stack.bundle import facts
from real_stack.programs import wait_until
from real_stack.visitor import Answer

from geusemaker.bundle import BundleFacts, render
from geusemaker.bundle.networks import N8N_ADDRESS
from geusemaker.bundle.queue import Queue
from geusemaker.components.authority import head_name, make_authority, zone_name
from scale import lan
from scale.machine import DATA, EFS, Machine

STACK_ID: Final = "abcdefghijkl"
ZONE: Final = zone_name(STACK_ID)
HEAD: Final = head_name(STACK_ID)
ADDRESS: Final = "10.42.0.10"
WORKERS: Final = {"w1": "10.42.0.21", "w2": "10.42.0.22", "w3": "10.42.0.23"}
STRANGER: Final = "10.42.0.99"
URL: Final = "https://localhost:8443"

QUEUE: Final = Queue(has_ollama=True)
BESIDE: Final = {"ollama": 11434, "qdrant": 6333, "crawl4ai": 11235}
"""Services of the stack that are stand-ins here, with their ports."""

ALL_SECRETS: Final = {
    **SECRETS,
    "valkey-password": "va" + "7L" * 19,
    "workers-runners-token": "wr" + "2N" * 19,
    "qdrant-api-key": "qd" + "4M" * 19,
    "crawl4ai-token": "cr" + "3P" * 19,
    "ollama-api-key": "ol" + "8R" * 19,
}


def bundle_facts(role: str, queue: Queue | None = QUEUE) -> BundleFacts:
    return facts(owner_email=OWNER, memory_gib=16.0, queue=queue, role=role)


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

    def end(self) -> None:
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
            for name, port in BESIDE.items()
            if name in machine.services
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
        secrets: dict[str, str] | None = None,
        **values: str,
    ) -> Machine:
        """A worker that does not run n8n yet. `values`: other values of Compose's variables."""
        files = render(bundle_facts("worker", queue))
        beside = {} if queue.has_ollama else {"ollama": ADDRESS}
        names = {HEAD: ADDRESS, "qdrant": ADDRESS, "crawl4ai": ADDRESS, "postgres": ADDRESS}
        machine = Machine(
            name=name,
            address=WORKERS[name],
            folder=self.folder / name,
            files=files,
            values=_values() | {"GEUSEMAKER_HEAD": HEAD, "GEUSEMAKER_ZONE": ZONE} | values,
            secrets=secrets or self.secrets,
            mounts={
                f"{EFS}/n8n-home": self.efs / "n8n",
                f"{EFS}/n8n-files": self.efs / "n8n/files",
            },
            names=names | beside,
            wall=wall("worker", files),
        )
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
            one.end()
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

    def ask_database(self, statement: str) -> str:
        return lan.run(
            *("ip", "netns", "exec", self.head.space("postgres")),
            *("psql", "-X", "-At", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1"),
            *("-U", "n8n", "-d", "n8n", "-c", statement),
        ).strip()

    def started_executions(self) -> int:
        """How many the workers that run now have started."""
        return sum(len(worker.executed()) for worker in self.workers.values())

    def end(self) -> None:
        for name in list(self.workers):
            self.end_worker(name)
        for one in self._stand_ins.pop("head", []):
            one.end()
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


def wait_node(seconds: float) -> dict[str, Any]:
    """Keeps an execution running for that long."""
    return {
        "name": "Wait",
        "type": "n8n-nodes-base.wait",
        "typeVersion": 1.1,
        "webhookId": "wait",
        "parameters": {"amount": seconds},
    }


def set_node(output: str) -> dict[str, Any]:
    """Its output is this JSON, an expression of n8n."""
    return {
        "name": "Set",
        "type": "n8n-nodes-base.set",
        "typeVersion": 3.4,
        "parameters": {"mode": "raw", "jsonOutput": output, "options": {}},
    }


def _values() -> dict[str, str]:
    return {"GEUSEMAKER_URL": URL, "GEUSEMAKER_HOST": "localhost"}


def wall(role: str, files: dict[str, str]) -> str:
    """The script that a host of this bundle has for its wall."""
    lines = [line.split(" ", 1) for line in (files["manifest"] + files["workers"]).splitlines()]
    reaches = [rest for kind, rest in lines if kind == "reach"]
    reaches += [f"{rest} {ADDRESS}/32" for kind, rest in lines if kind == "head"]
    bridges = [rest for kind, rest in lines if kind == "bridge"]
    program = (resources("geusemaker.userdata") / "host/45-wall.sh").read_text(encoding="utf-8")
    of_host = {"WALL_BRIDGES": "\n".join(bridges), "WALL_REACHES": "\n".join(reaches)}
    return "".join(f"{k}='{v}'\n" for k, v in of_host.items()) + program + "\nwall_up\n"


def make_stack(folder: Path, workers: Iterable[str] = ("w1", "w2")) -> Stack:
    """A stack that is ready."""
    lan.make_network()
    secrets = ALL_SECRETS | make_authority((HEAD, "postgres", "valkey"), datetime.now(UTC).date())
    files = render(bundle_facts("head"))
    head = Machine(
        name="head",
        address=ADDRESS,
        folder=folder / "head",
        files=files,
        values=_values() | {"GEUSEMAKER_ADDRESS": ADDRESS},
        secrets=secrets,
        mounts={EFS: folder / "efs"},
        names={},
        wall=wall("head", files),
    )
    head.values = {**head.values, "GEUSEMAKER_MODELS_DIR": f"{DATA}/ollama"}
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
