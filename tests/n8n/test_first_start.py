"""n8n 2.40.7 with the rendered environment: its state after the first boot.

The product ships a newer n8n as an image; this is the newest that npm installs. PostgreSQL is the
system's, which n8n calls too old when it is older than 16, and works with.
"""

import json
import re
import socket
import subprocess
import uuid
from pathlib import Path

import pytest
import real_n8n
from real_stack.bundle import facts, service

from geusemaker.bundle.service_settings import load_settings
from n8n.mail_server import MailServer
from n8n.n8n_host import (
    MAIL_LOGIN,
    OWNER,
    OWNER_PASSWORD,
    SECRETS,
    URL,
    Host,
    launcher_file,
    log_in,
    publish,
    webhook,
)

# Kinds of frames on a web socket.
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


@pytest.fixture(scope="module", name="started")
def _started(host: Host) -> Host:
    before = host.visitor().ask("GET", "/")
    host.start()
    assert before.status == 503, "Caddy says that n8n is not there yet"
    assert before.headers["Retry-After"] == "10"
    return host


def test_no_secret_is_in_the_environment_or_the_command(host: Host, started: Host) -> None:
    environment = "\n".join(f"{k}={v}" for k, v in host.environment().items())
    assert [name for name, value in SECRETS.items() if value in environment] == []
    assert MAIL_LOGIN[1] not in environment
    assert host.program is not None
    said = host.program.said()
    assert [name for name, value in SECRETS.items() if value in said] == []
    assert OWNER_PASSWORD not in said


def test_n8n_logs_no_warning_about_its_settings(started: Host) -> None:
    assert started.program is not None
    said = started.program.said()
    # It also announces changes of defaults, in lines " - NAME -> what".
    old = set(re.findall(r"^ - ([A-Z0-9_]+) -> ", said, re.MULTILINE))
    assert old & set(started.environment()) == set(), said
    assert "Invalid value" not in said, said
    assert "contained leading or trailing whitespace" not in said, said


def test_the_owner_logs_in_with_the_credentials(started: Host) -> None:
    visitor = started.visitor()
    answer = log_in(visitor, OWNER, OWNER_PASSWORD)
    assert answer.status == 200, answer.text
    assert answer.json["data"]["email"] == OWNER
    assert answer.json["data"]["role"] == "global:owner"
    cookie = answer.headers["Set-Cookie"]
    assert "Secure" in cookie
    assert "HttpOnly" in cookie
    assert visitor.ask("GET", "/rest/workflows").status == 200


def test_a_wrong_password_and_no_login_are_refused(started: Host) -> None:
    visitor = started.visitor()
    for wrong in (OWNER_PASSWORD[:-1], OWNER_PASSWORD + "x", SECRETS["n8n-owner-password-hash"]):
        assert log_in(visitor, OWNER, wrong).status == 401
    assert visitor.cookies == {}
    assert visitor.ask("GET", "/rest/workflows").status == 401


def test_no_other_user_can_become_the_owner(started: Host) -> None:
    visitor = started.visitor()
    settings = visitor.ask("GET", "/rest/settings").json["data"]
    assert settings["userManagement"]["showSetupOnFirstLoad"] is False
    thief = {
        "email": "thief@example.com",
        "firstName": "A",
        "lastName": "Thief",
        "password": "Password123",
    }
    answer = visitor.ask("POST", "/rest/owner/setup", thief)
    assert answer.status == 400
    assert answer.json["message"] == "Instance owner already setup"
    assert log_in(visitor, thief["email"], thief["password"]).status == 401


def test_no_key_gives_access_to_the_public_api(started: Host) -> None:
    owner = started.owner()
    assert owner.ask("GET", "/rest/settings").json["data"]["publicApi"]["enabled"] is False
    key = {"label": "a key", "scopes": ["workflow:read"], "expiresAt": None}
    made = owner.ask("POST", "/rest/api-keys", key)
    assert made.status == 404, made.text
    answer = started.visitor().ask("GET", "/api/v1/workflows", headers={"X-N8N-API-KEY": "a key"})
    assert answer.status == 401
    page = started.visitor().ask("GET", "/api/v1/docs/")
    assert "swagger" not in page.text.lower()


def test_the_proxy_serves_the_editor(started: Host) -> None:
    answer = started.visitor().ask("GET", "/signin")
    assert answer.status == 200
    assert 'id="app"' in answer.text
    assert started.visitor().ask("GET", "/metrics").status == 404


def test_a_webhook_is_answered_at_its_public_address(started: Host) -> None:
    owner = started.owner()
    publish(
        owner,
        "greeting",
        webhook("greeting"),
        {
            "name": "Answer",
            "type": "n8n-nodes-base.set",
            "typeVersion": 3.4,
            "parameters": {
                "mode": "raw",
                "jsonOutput": '={{ { "hello": $json.body.name, "at": $json.webhookUrl,'
                ' "secure": $json.headers["x-forwarded-proto"] } }}',
            },
        },
    )
    answer = started.visitor().ask("POST", "/webhook/greeting", {"name": "Ada"})
    assert answer.status == 200, answer.text
    assert answer.json == {"hello": "Ada", "at": f"{URL}/webhook/greeting", "secure": "https"}
    assert started.visitor().ask("POST", "/webhook/other", {}).status == 404


def test_long_headers_of_callers_reach_a_webhook(started: Host) -> None:
    publish(started.owner(), "claims", webhook("claims"))
    answer = started.visitor().ask("POST", "/webhook/claims", {}, {"X-Claims": "a" * 60_000})
    assert answer.status == 200, answer.text
    assert len(answer.json["headers"]["x-claims"]) == 60_000


def test_the_editor_receives_events_over_a_web_socket(started: Host) -> None:
    owner = started.owner()
    ref = uuid.uuid4().hex
    with owner.web_socket(f"/rest/push?pushRef={ref}", URL) as line:
        assert line.status == 101
        line.send(PING, b"are you there")
        assert line.next() == (PONG, b"are you there")
        identity = publish(owner, "heard", webhook("heard"))
        while True:
            kind, content = line.next()
            assert kind == TEXT
            event = json.loads(content)
            if event["type"] == "workflowActivated":
                break
        assert event["data"]["workflowId"] == identity


def test_the_push_channel_needs_a_login_and_the_same_origin(started: Host) -> None:
    # n8n opens the connection first, and refuses on it.
    with started.visitor().web_socket("/rest/push?pushRef=a", URL) as line:
        assert line.next()[0] == CLOSE
    with started.owner().web_socket("/rest/push?pushRef=b", "https://evil.example") as line:
        assert line.next() == (TEXT, b"Invalid origin!")
        assert line.next()[0] == CLOSE


def test_n8n_reads_every_variable_of_the_list() -> None:
    """By the names in its own settings, of n8n and of its task runner for JavaScript."""
    packages = real_n8n.ensure().packages / "@n8n"
    texts = "\n".join(
        path.read_text(encoding="utf-8")
        for name in ("config", "task-runner")
        for path in sorted((packages / name / "dist").rglob("*.js"))
    )
    # That of Node.js itself, and those of the runner for Python, which npm does not have.
    elsewhere = {"TZ", "N8N_RUNNERS_STDLIB_ALLOW", "N8N_RUNNERS_EXTERNAL_ALLOW"}
    listed = set(load_settings()["n8n"].settings)
    unread = {name for name in listed if not re.search(rf"\b{name}\b", texts)}
    assert unread == elsewhere


def test_the_time_zone_of_config_is_that_of_n8n(started: Host) -> None:
    settings = started.owner().ask("GET", "/rest/settings").json["data"]
    assert settings["timezone"] == "Europe/Berlin"


def test_mail_is_sent_by_the_login_of_config(started: Host) -> None:
    with MailServer(started.mail_port) as server:
        answer = started.visitor().ask("POST", "/rest/forgot-password", {"email": OWNER})
        assert answer.status == 200, answer.text
        assert server.done.wait(600)
    assert server.login == MAIL_LOGIN
    assert server.receivers == [f"<{OWNER}>"]


def test_the_launchers_file_gets_the_modules_of_config_and_keeps_the_rest(tmp_path: Path) -> None:
    given = {"NODE_FUNCTION_ALLOW_BUILTIN": "*", "N8N_RUNNERS_EXTERNAL_ALLOW": "numpy"}
    assert launcher_file(tmp_path, given) == {
        "javascript": {"NODE_FUNCTION_ALLOW_BUILTIN": "*", "OTHER": "kept"},
        "python": {"N8N_RUNNERS_STDLIB_ALLOW": "", "N8N_RUNNERS_EXTERNAL_ALLOW": "numpy"},
    }


def test_the_broker_accepts_only_the_token_of_the_runners(started: Host) -> None:
    token = SECRETS["n8n-runners-token"]
    assert started.ask_broker(token).status == 200
    assert started.ask_broker(token[:-1]).status == 403
    assert started.ask_broker("").status in (400, 403)


def test_a_code_node_runs_in_the_task_runner(started: Host, tmp_path: Path) -> None:
    """The runner's program is the real one. Its launcher, which starts it in the image, is no npm
    package: here the test requests the token that the launcher requests first."""
    publish(
        started.owner(),
        "sum",
        webhook("sum"),
        {
            "name": "Code",
            "type": "n8n-nodes-base.code",
            "typeVersion": 2,
            "parameters": {
                "jsCode": "const numbers = $input.first().json.body.numbers;"
                " return [{ json: { sum: numbers.reduce((a, b) => a + b, 0) } }];"
            },
        },
    )
    runner = started.launch_runner(tmp_path)
    try:
        answer = started.visitor().ask("POST", "/webhook/sum", {"numbers": [1, 2, 39]})
        assert answer.status == 200, f"{answer.text} {runner.said()}"
        assert answer.json == {"sum": 42}
    finally:
        runner.stop()


@pytest.mark.parametrize(
    ("url", "blocked"),
    [
        ("http://10.0.9.7/", True),
        ("http://172.31.0.9/", True),
        ("http://100.64.3.3/", True),
        ("http://169.254.169.254/latest/meta-data/", True),
        # Another container by its address, and n8n's machine.
        ("http://198.18.42.66:11434/", True),
        ("http://localhost:5678/", True),
        ("http://[::1]:5678/", True),
        # By name, as the editor's pages recommend; and the networks in n8nReaches.
        *((f"http://{name}/", False) for name in ("ollama:11434", "qdrant:6333", "crawl4ai:11235")),
        ("http://10.0.8.7/", False),
    ],
)
def test_n8n_connects_to_no_private_address_except_the_allowed_ones(
    started: Host, url: str, blocked: bool
) -> None:
    """An address that is not blocked does not answer: tests connect only to loopback."""
    path = f"asks-{uuid.uuid4().hex[:8]}"  # with more to it, an id of at most 36 characters
    publish(
        started.owner(),
        path,
        webhook(path),
        {
            "name": "Ask",
            "type": "n8n-nodes-base.httpRequest",
            "typeVersion": 4.2,
            "onError": "continueRegularOutput",
            "parameters": {"url": url, "options": {"timeout": 5000}},
        },
    )
    answer = started.visitor().ask("POST", f"/webhook/{path}", {})
    assert answer.status == 200, answer.text
    said = json.dumps(answer.json["error"])
    assert ("blocked" in said.lower()) is blocked, said


@pytest.mark.allow_hosts(["127.0.0.1", "127.0.0.2"])
def test_n8n_and_its_broker_listen_on_the_configured_address(started: Host) -> None:
    # Here 127.0.0.1: this machine has all of 127.0.0.0/8.
    for port in (started.port, started.broker_port):
        socket.create_connection(("127.0.0.1", port)).close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", port))


def test_every_range_that_n8n_calls_private_is_blocked() -> None:
    tools = real_n8n.ensure()
    config = tools.packages / "@n8n/config/dist/configs/ssrf-protection.config.js"
    own = f"require({json.dumps(str(config))}).SSRF_DEFAULT_BLOCKED_IP_RANGES"
    script = f"console.log(JSON.stringify({own}))"
    said = subprocess.run([str(tools.node), "-e", script], capture_output=True, check=True)
    environment = service("n8n", facts())["environment"]
    blocked = set(environment["N8N_SSRF_BLOCKED_IP_RANGES"].split(","))
    assert set(json.loads(said.stdout)) < blocked
