"""n8n as in its container, on this machine.

The environment is that of the rendered compose.yaml. Container paths and names are mapped to local
ones, and ports to free ones. `Host._added` has what the image or the container's network sets.
"""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

from real_stack.bundle import facts, filled, service
from real_stack.postgres import Cluster
from real_stack.programs import Program, free_port, wait_until
from real_stack.proxy import Proxy
from real_stack.visitor import Answer, Visitor

from geusemaker.bundle import CONSUMERS, BundleFacts, render
from geusemaker.bundle.configured import modules_program
from geusemaker.components.credentials import owner_hash

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import real_n8n  # noqa: E402

URL: Final = "https://localhost:8443"
"""The stack's default: the address of a port forward by Session Manager."""

OWNER: Final = "owner@example.com"
OWNER_PASSWORD: Final = "own" + "er7" * 12 + "x"
SECRETS: Final = {
    "postgres-password": "pg" + "5A" * 19,
    "n8n-encryption-key": "ke" + "9K" * 19,
    "n8n-owner-password-hash": owner_hash(OWNER_PASSWORD),
    "n8n-runners-token": "ru" + "2N" * 19,
}
REACHED: Final = ("10.0.8.0/24",)
"""The private networks that n8n may connect to."""

MAIL_LOGIN: Final = ("me@example.com", "ma" + "4L" * 19)
"""User and password at the mail server. n8n reads the password from a file."""
SECRET_SETTINGS: Final = {("n8n", "N8N_SMTP_PASS"): MAIL_LOGIN[1]}

OTHER_KEY: Final = "ot" + "3H" * 19

# Where the container's paths are below the host's folder here.
_PATHS: Final = {"/run/secrets": "secrets", "/home/node": "home"}


@dataclass
class Host:
    """A folder, a database and a proxy. A test starts and stops n8n."""

    folder: Path
    cluster: Cluster
    proxy: Proxy
    port: int
    broker_port: int = field(default_factory=free_port)
    mail_port: int = field(default_factory=free_port)
    program: Program | None = None
    _logins: dict[str, Visitor] = field(default_factory=dict)

    @property
    def config_file(self) -> Path:
        """The file with n8n's key."""
        return self.folder / "home/.n8n/config"

    def visitor(self) -> Visitor:
        return Visitor(self.proxy.port, self.proxy.root)

    def owner(self, email: str = OWNER) -> Visitor:
        """A client that has logged in with the stack's credentials, once: n8n limits logins."""
        if email not in self._logins:
            visitor = self.visitor()
            answer = log_in(visitor, email, OWNER_PASSWORD)
            assert answer.status == 200, answer.text
            self._logins[email] = visitor
        return self._logins[email]

    def facts(self, email: str = OWNER) -> BundleFacts:
        """What the bundle is rendered from."""
        settings = {
            "GENERIC_TIMEZONE": "Europe/Berlin",
            "N8N_SMTP_HOST": "127.0.0.1",
            "N8N_SMTP_PORT": str(self.mail_port),
            "N8N_SMTP_SSL": "false",
            "N8N_SMTP_STARTTLS": "false",
            "N8N_SMTP_USER": MAIL_LOGIN[0],
            "N8N_SMTP_SENDER": "n8n@example.com",
        }
        return facts(
            owner_email=email,
            n8n_reaches=REACHED,
            settings={"n8n": settings},
            secret_settings=tuple(SECRET_SETTINGS),
        )

    def environment(self, email: str = OWNER) -> dict[str, str]:
        """The environment of n8n in compose.yaml, with local names."""
        of = self.facts(email)
        rendered: dict[str, str] = service("n8n", of)["environment"]
        values = {"GEUSEMAKER_URL": URL, "GEUSEMAKER_HOST": "localhost"}
        env = {name: filled(str(value), values) for name, value in rendered.items()}
        for inside, outside in _PATHS.items():
            env = {
                name: value.replace(inside, str(self.folder / outside))
                for name, value in env.items()
            }
        local = {
            "DB_POSTGRESDB_HOST": ("postgres", "127.0.0.1"),
            "DB_POSTGRESDB_PORT": ("5432", str(self.cluster.port)),
            "N8N_PORT": ("5678", str(self.port)),
            # The addresses that n8n has in the networks of its container.
            "N8N_LISTEN_ADDRESS": ("198.18.42.10", "127.0.0.1"),
            "N8N_RUNNERS_BROKER_LISTEN_ADDRESS": ("198.18.42.42", "127.0.0.1"),
        }
        for name, (inside, outside) in local.items():
            assert env[name] == inside
            env[name] = outside
        return env | self._added()

    def _added(self) -> dict[str, str]:
        return {
            # In the container the broker's port is the default, 5679.
            "N8N_RUNNERS_BROKER_PORT": str(self.broker_port),
            # Requests to the internet fail at once: no test connects beyond loopback.
            "HTTP_PROXY": "http://127.0.0.1:9",
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "NO_PROXY": "localhost,127.0.0.1",
            # As in the image.
            "NODE_ENV": "production",
            "HOME": str(self.folder / "home"),
            "PATH": os.defpath,
        }

    def write_secrets(self, **other: str) -> None:
        """One file for each, without a trailing newline, as on the host, only for n8n."""
        into = self.folder / "secrets"
        into.mkdir(exist_ok=True)
        for file in CONSUMERS["n8n"]:
            value = other.get(file.name.replace("-", "_"), SECRETS[file.name])
            write_secret(into / file.inside, value)
        for (_, variable), value in SECRET_SETTINGS.items():
            write_secret(into / variable, value)

    def launch(self, email: str = OWNER) -> Program:
        """Starts n8n without waiting."""
        tools = real_n8n.ensure()
        (self.folder / "home").mkdir(exist_ok=True)
        self.program = Program(
            [str(tools.node), str(tools.script), "start"],
            log=self.folder / f"n8n-{len(list(self.folder.glob('n8n-*.log')))}.log",
            env=self.environment(email),
            cwd=self.folder / "home",
        )
        return self.program

    def start(self, email: str = OWNER) -> None:
        """Starts n8n, and waits until it is ready behind Caddy."""
        visitor = self.visitor()
        self.launch(email).until("n8n was ready", lambda: is_ready(visitor))

    def ask_broker(self, token: str) -> Answer:
        """The first request of the runner's launcher."""
        connection = HTTPConnection("127.0.0.1", self.broker_port, timeout=300)
        try:
            headers = {"Content-Type": "application/json"}
            connection.request("POST", "/runners/auth", json.dumps({"token": token}), headers)
            response = connection.getresponse()
            return Answer(response.status, dict(response.headers), response.read().decode())
        finally:
            connection.close()

    def launch_runner(self, folder: Path) -> Program:
        """The task runner with its rendered environment, as its launcher starts it."""
        rendered: dict[str, str] = service("n8n-runners", facts())["environment"]
        assert rendered["N8N_RUNNERS_TASK_BROKER_URI"] == "http://n8n:5679"
        granted = self.ask_broker(SECRETS["n8n-runners-token"]).json["data"]["token"]
        tools = real_n8n.ensure()
        return Program(
            [str(tools.node), str(tools.packages / "@n8n/task-runner/dist/start.js")],
            log=folder / "runner.log",
            env=rendered
            | {
                "N8N_RUNNERS_TASK_BROKER_URI": f"http://127.0.0.1:{self.broker_port}",
                "N8N_RUNNERS_GRANT_TOKEN": granted,
                "HOME": str(folder),
                "PATH": os.defpath,
            },
            cwd=folder,
        )

    def stop(self) -> None:
        if self.program is not None:
            self.program.stop()

    def forget_files(self) -> None:
        """Deletes n8n's files, as on a new host."""
        shutil.rmtree(self.folder / "home")

    def end(self) -> None:
        """Stops and removes everything."""
        if self.program is not None:
            self.program.stop(signal.SIGKILL)
        self.proxy.stop()
        self.cluster.remove()


def write_secret(path: Path, value: str) -> None:
    """A file without a trailing newline that only its owner reads."""
    path.unlink(missing_ok=True)
    path.write_text(value)
    path.chmod(0o400)


def launcher_file(folder: Path, rendered: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What the launcher of task runners sets for each, after the container has written its file.

    The image's own file has these defaults, which hide the launcher's environment.
    """
    image, own = folder / "image.json", folder / "own.json"
    runners = {
        "javascript": {"NODE_FUNCTION_ALLOW_BUILTIN": "crypto", "OTHER": "kept"},
        "python": {"N8N_RUNNERS_STDLIB_ALLOW": ""},
    }
    listed = [{"runner-type": name, "env-overrides": env} for name, env in runners.items()]
    image.write_text(json.dumps({"task-runners": listed}))
    program = modules_program(str(image), str(own))
    # The rendered command has it in single quotes.
    assert "'" not in program
    node = str(real_n8n.ensure().node)
    subprocess.run([node, "-e", program], env=dict(rendered), check=True)
    found = json.loads(own.read_text())["task-runners"]
    return {one["runner-type"]: one["env-overrides"] for one in found}


def make_host(folder: Path) -> Host:
    """A host on which everything except n8n runs."""
    port = free_port()
    cluster = Cluster(SECRETS["postgres-password"])
    try:
        caddyfile = render(facts())["caddy/Caddyfile"]
        proxy = Proxy(folder / "caddy", caddyfile, {"n8n-edge:5678": f"127.0.0.1:{port}"})
    except BaseException:
        cluster.remove()
        raise
    host = Host(folder, cluster, proxy, port)
    host.write_secrets()
    return host


def is_ready(visitor: Visitor) -> bool:
    answer = visitor.ask("GET", "/healthz/readiness")
    return answer.status == 200 and answer.json == {"status": "ok"}


def log_in(visitor: Visitor, email: str, password: str) -> Answer:
    return visitor.ask("POST", "/rest/login", {"emailOrLdapLoginId": email, "password": password})


def create(owner: Visitor, name: str, *nodes: dict[str, Any]) -> dict[str, Any]:
    """Creates a workflow of these nodes in a chain."""
    for at, node in enumerate(nodes):
        node.update(id=f"{name}-{at}", position=[200 * at, 0])
    links = {
        before["name"]: {"main": [[{"node": after["name"], "type": "main", "index": 0}]]}
        for before, after in itertools.pairwise(nodes)
    }
    made = owner.ask(
        "POST",
        "/rest/workflows",
        {"name": name, "nodes": list(nodes), "connections": links, "settings": {}},
    )
    assert made.status == 200, made.text
    workflow: dict[str, Any] = made.json["data"]
    return workflow


def publish(owner: Visitor, name: str, *nodes: dict[str, Any]) -> str:
    """Creates a workflow of these nodes in a chain, and publishes it. Returns its id."""
    workflow = create(owner, name, *nodes)
    active = owner.ask(
        "POST",
        f"/rest/workflows/{workflow['id']}/activate",
        {"versionId": workflow["versionId"]},
    )
    assert active.status == 200, active.text
    identity: str = workflow["id"]
    await_published(owner, identity)
    return identity


def await_published(owner: Visitor, workflow: str) -> None:
    """n8n registers webhooks some time after it has answered the request for it."""

    def state() -> str:
        answer = owner.ask("GET", f"/rest/workflows/{workflow}/publication-status")
        assert answer.status == 200, answer.text
        said: str = answer.json["data"]["status"]
        assert said in ("in_progress", "not_published", "published"), answer.text
        return said

    wait_until("the workflow was published", lambda: state() == "published")


def webhook(path: str, **more: Any) -> dict[str, Any]:
    """A node that accepts a POST and answers with the result of the last node."""
    credentials = {"credentials": more.pop("credentials")} if "credentials" in more else {}
    return {
        "name": "Webhook",
        "type": "n8n-nodes-base.webhook",
        "typeVersion": 2.1,
        "webhookId": path,
        "parameters": {
            "httpMethod": "POST",
            "path": path,
            "responseMode": "lastNode",
            "options": {},
        }
        | more,
    } | credentials
