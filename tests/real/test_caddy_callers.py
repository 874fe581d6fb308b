"""The real Caddy with `webhookCidrs`: which address reaches which path.

Addresses of the loopback stand for the networks of the config, for Docker's gateway and for n8n.
"""

import http.client
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from bundle.variants import facts, rendered

from geusemaker.bundle import Access

from .proxy import OLLAMA_KEY, Running, running
from .visitors import Answer, Visitor

OFFICE = "127.0.0.2"
CALLER = "127.0.0.3"
SESSION = "127.0.0.4"
"""Docker's gateway, from which a port forward of Session Manager arrives."""
N8N = "127.0.0.5"
NEITHER = "127.0.0.6"
"""In no list, such as another container."""
UNRESTRICTED = (OFFICE, SESSION, N8N)

PUBLIC = Access(is_public=True)
SWAPS = {"remote_ip 198.18.42.1 198.18.42.10": f"remote_ip {SESSION} {N8N}"}
KEY = {"Authorization": f"Bearer {OLLAMA_KEY}"}

OPEN = (
    "/webhook/1",
    "/webhook/a/b/c.json?x=//y&z=%2e%2e",
    "/webhook/a%20b/%C3%A9",
    "/webhook/1/chat",
    "/webhook-test/1",
    "/webhook-waiting/1",
    "/webhook-waiting/1/node?signature=2",
    "/webhook-waiting-slack",
    "/webhook-waiting-telegram",
    "/form/1",
    "/form/1/n8n-form",
    "/form-test/1",
    "/form-waiting/1",
    "/form-waiting/1/n8n-execution-status?signature=2",
    "/mcp/1",
    "/mcp/1/sse",
    "/mcp-test/1",
    "/rest/oauth1-credential/callback?state=1",
    "/rest/oauth2-credential/callback?code=1&state=2",
)

CLOSED = (
    # The editor and what belongs to it.
    *(
        "/",
        "/signin",
        "/home/workflows",
        "/workflow/1",
        "/setup",
        "/assets/index.js",
        "/static/a.css",
    ),
    *("/favicon.ico", "/icons/n8n-nodes-base/dist/a.svg", "/types/nodes.json", "/schemas/a/1.json"),
    # The interfaces of n8n.
    *("/rest/login", "/rest/settings", "/rest/push", "/rest/webhooks/find", "/rest/test-webhook/1"),
    *("/api/v1/workflows", "/mcp-server/http", "/mcp-oauth/register", "/healthz", "/chat"),
    *("/.well-known/oauth-authorization-server", "/rest/binary-data/signed?token=1"),
    *(
        "/rest/oauth2-credential/auth",
        "/rest/oauth2-credential/callback/",
        "/rest/oauth2-credential",
    ),
    *("/rest/oauth2-credential/callback/x", "/rest/oauth3-credential/callback"),
    *("/REST/oauth2-credential/callback", "/rest/oauth2-credential/callback%3f"),
    # The other services, also by their redirects, and the numbers.
    *(
        "/ollama",
        "/ollama/api/tags",
        "/qdrant",
        "/qdrant/collections",
        "/crawl4ai",
        "/crawl4ai/crawl",
    ),
    *("/metrics", "/OLLAMA/api/tags", "/%6fllama/api/tags", "//ollama/api/tags"),
    # n8n has no route for these, and answers with its editor.
    *(
        "/webhook",
        "/webhook/",
        "/webhook/?a=1",
        "/webhook?a=/1",
        "/webhooks/1",
        "/webhook-",
        "/form",
    ),
    *("/form/", "/mcp", "/mcp/", "/mcp-waiting/1", "/form-waiting/", "/form-waiting/1/2/3"),
    *("/webhook-waiting/1/2/3", "/webhook-waiting-slack/1", "/webhook-waiting-other"),
    *("/form-waiting-slack", "/x/webhook/1", "/signin?x=/webhook/1"),
    # Paths that programs read in different ways.
    *(
        "//webhook/1",
        "/./webhook/1",
        "/x/../webhook/1",
        "/%77ebhook/1",
        "/WEBHOOK/1",
        "/webhook%2f1",
    ),
    *("/webhook//1", "/webhook/1//rest/login", "/webhook/../rest/login", "/webhook/./1"),
    *("/webhook/%2e%2e/rest/login", "/webhook/.%2E/rest/login", "/webhook/..%2frest%2flogin"),
    *("/webhook/x%2f..%2f..%2frest/login", "/webhook/..\\rest\\login", "/webhook/..%5crest/login"),
    *("/webhook/1/..", "/webhook/1/.", "/webhook/..;/rest/login", "/webhook/1;/../../rest/login"),
    *("/webhook;/1", "/webhook/..", "/webhook/...", "/form/../ollama/api/tags", "/webhook\\1"),
    *("/webhook/../../ollama/api/tags", "/webhook/%2e%2e/%6fllama/api/tags", "/webhook/a..b"),
)


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    split = facts(access=PUBLIC, allowed_cidrs=(f"{OFFICE}/32",), webhook_cidrs=(f"{CALLER}/32",))
    with running(tmp_path_factory.mktemp("proxy"), split, swaps=SWAPS) as one:
        yield one


def by(source: str, proxy: Running) -> Visitor:
    return Visitor(proxy.visitor.port, proxy.visitor.root, source)


def seen(proxy: Running, *services: str) -> list[str]:
    """What reached these services or any, without the checks of Caddy itself."""
    return [
        path
        for name, upstream in proxy.upstreams.items()
        if name in (services or proxy.upstreams)
        for path in upstream.seen
        if path != "/healthz/readiness"
    ]


def ask(proxy: Running, source: str, path: str, headers: Mapping[str, str] = KEY) -> Answer:
    return by(source, proxy).ask(path, headers)


def refused(answer: Answer) -> None:
    assert answer.status == 403
    assert answer.body == "From this address only webhooks, forms and chats may be reached"
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", OPEN)
@pytest.mark.parametrize("source", [CALLER, *UNRESTRICTED])
def test_callers_reach_what_n8n_answers_by_workflows(
    proxy: Running, source: str, path: str
) -> None:
    told = ask(proxy, source, path).received()
    assert (told["service"], told["path"]) == ("n8n", path)
    assert told["headers"]["x-forwarded-for"] == source


@pytest.mark.parametrize("path", CLOSED)
def test_callers_reach_nothing_else(proxy: Running, path: str) -> None:
    before = seen(proxy)
    refused(ask(proxy, CALLER, path))
    assert seen(proxy) == before


@pytest.mark.parametrize("path", CLOSED)
@pytest.mark.parametrize("source", UNRESTRICTED)
def test_everything_is_open_to_the_other_networks_and_to_session_manager(
    proxy: Running, source: str, path: str
) -> None:
    assert ask(proxy, source, path).status != 403


@pytest.mark.parametrize("path", ["/webhook/1", "/", "/ollama/api/tags"])
def test_an_address_in_no_list_reaches_nothing(proxy: Running, path: str) -> None:
    before = seen(proxy)
    refused(ask(proxy, NEITHER, path))
    assert seen(proxy) == before


@pytest.mark.parametrize(
    "name",
    [
        *("X-Forwarded-For", "X-Real-Ip", "Forwarded", "True-Client-Ip", "Cf-Connecting-Ip"),
        *(
            "X-Client-Ip",
            "X-Original-Url",
            "X-Rewrite-Url",
            "X-Forwarded-Uri",
            "X-Forwarded-Prefix",
        ),
    ],
)
def test_no_header_changes_the_address_or_the_path(proxy: Running, name: str) -> None:
    value = "/webhook/1" if "Ur" in name or "Prefix" in name else f"for={OFFICE}"
    for sent in (value, value.removeprefix("for="), f"{value}, 127.0.0.1"):
        refused(ask(proxy, CALLER, "/rest/login", {name: sent}))


def test_each_request_of_a_connection_is_checked(proxy: Running) -> None:
    visitor = by(CALLER, proxy)
    connection = http.client.HTTPSConnection(
        "localhost", visitor.port, context=visitor.context(), source_address=(CALLER, 0)
    )
    before = seen(proxy, "n8n")
    for path, status in (("/webhook/1", 200), ("/webhook/2", 200), ("/rest/login", 403)):
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status, path
    connection.close()
    assert seen(proxy, "n8n") == [*before, "/webhook/1", "/webhook/2"]


def sent(proxy: Running, source: str, text: str) -> str:
    """All that comes back for these bytes."""
    with by(source, proxy).connected() as safe:
        safe.sendall(text.encode())
        return b"".join(iter(lambda: safe.recv(65536), b"")).decode()


def test_a_body_is_not_taken_for_a_request(proxy: Running) -> None:
    inner = "GET /rest/login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    head = f"POST /webhook/1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(inner)}\r\n"
    before = seen(proxy, "n8n")
    came = sent(proxy, CALLER, f"{head}Connection: close\r\n\r\n{inner}")
    assert came.startswith("HTTP/1.1 200")
    # And one that follows is a request of its own.
    came = sent(proxy, CALLER, f"{head}\r\n{inner}{inner}")
    assert came.startswith("HTTP/1.1 200")
    assert "\nHTTP/1.1 403" in came or "HTTP/1.1 403" in came.partition("\r\n\r\n")[2]
    assert seen(proxy, "n8n") == [*before, "/webhook/1", "/webhook/1"]


@pytest.mark.parametrize(
    "target",
    [
        "https://localhost/rest/login",
        "https://localhost/webhook/../rest/login",
        "https://webhook/rest/login",
        "https://localhost//webhook/1",
        "x:webhook/1",
        "webhook:/rest/login",
        "*",
        "/rest/login#/webhook/1",
        "/rest/login /webhook/1",
        "https://localhost/rest/login?/webhook/1",
        "/webhook/../rest/login?|",
        "/webhook/%2e%2e|/rest/login",
        "/webhook/\t../rest/login",
    ],
)
def test_other_forms_of_a_target_are_no_way_round(proxy: Running, target: str) -> None:
    before = seen(proxy)
    text = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    status = sent(proxy, CALLER, text).split(" ")[1]
    assert status in ("400", "403", "421"), status
    assert seen(proxy) == before


def test_the_absolute_form_of_a_webhook_is_one(proxy: Running) -> None:
    text = (
        "GET https://localhost/webhook/1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    assert '"path": "/webhook/1"' in sent(proxy, CALLER, text)


UPGRADE = (
    "GET {} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: {}\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


def test_the_web_socket_of_chats_is_the_only_one_for_callers(proxy: Running) -> None:
    caller, office = by(CALLER, proxy), by(OFFICE, proxy)
    assert caller.web_socket("/chat?sessionId=1&executionId=2", "hello") == "HELLO"
    assert office.web_socket("/rest/push?pushRef=1", "hello") == "HELLO"
    before = seen(proxy)
    for path, protocol in (
        ("/rest/push?pushRef=1", "websocket"),
        ("/webhook/1", "websocket"),
        ("/webhook/1", "h2c"),
        ("/chat", "h2c"),
        ("/chats", "websocket"),
        ("/chat/../rest/push", "websocket"),
        ("/chat/1", "websocket"),
        ("//chat", "websocket"),
        ("/CHAT", "websocket"),
    ):
        assert sent(proxy, CALLER, UPGRADE.format(path, protocol)).startswith("HTTP/1.1 403"), path
    # What Caddy would not pass on as that upgrade: n8n would answer with its editor, or not at all.
    for method, headers in (
        ("GET", "Connection: keep-alive, Upgrade"),
        ("GET", "Upgrade: websocket"),
        ("GET", "Connection: close\r\nUpgrade: websocket"),
        ("GET", "Connection: X-Upgrade\r\nUpgrade: websocket"),
        ("GET", "Connection: Upgrade\r\nUpgrade: h2c\r\nUpgrade: websocket"),
        ("GET", "Connection: Upgrade\r\nUpgrade: websocket, h2c"),
        ("POST", "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0"),
    ):
        head = f"{method} /chat HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n\r\n"
        assert sent(proxy, CALLER, head).startswith("HTTP/1.1 403"), head
    assert seen(proxy) == before


def test_a_refused_caller_is_not_waited_for(proxy: Running) -> None:
    head = "POST /rest/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nabc"
    assert sent(proxy, CALLER, head).startswith("HTTP/1.1 403")


def test_without_allowed_networks_session_manager_alone_reaches_the_editor(tmp_path: Path) -> None:
    one = facts(access=PUBLIC, webhook_cidrs=("0.0.0.0/0",))
    with running(tmp_path, one, swaps=SWAPS) as proxy:
        for source in (OFFICE, CALLER, NEITHER, "127.0.0.1"):
            refused(ask(proxy, source, "/"))
            assert ask(proxy, source, "/webhook/1").status == 200
        for source in (SESSION, N8N):
            assert ask(proxy, source, "/").status == 200


def test_callers_of_a_domain_are_checked_on_both_of_its_sites(tmp_path: Path) -> None:
    one = facts(access=Access("ai.example.com", is_public=True), webhook_cidrs=("0.0.0.0/0",))
    with running(tmp_path, one, swaps=SWAPS) as proxy:
        for name in ("ai.example.com", "localhost", "127.0.0.1"):
            refused(ask(proxy, CALLER, "/signin", {"Host": name}))
            assert ask(proxy, CALLER, "/webhook/1", {"Host": name}).status == 200
        other = ask(proxy, CALLER, "/webhook/1", {"Host": "evil.example"})
        assert other.status == 421


def test_without_webhook_networks_only_the_allowed_reach_anything(tmp_path: Path) -> None:
    """Rules of the security group go after the Caddyfile has changed, or stay when that fails."""
    one = facts(access=PUBLIC, allowed_cidrs=(f"{OFFICE}/32",))
    with running(tmp_path, one, swaps=SWAPS) as proxy:
        for source in UNRESTRICTED:
            assert ask(proxy, source, "/webhook/1").status == 200
        for source in (CALLER, NEITHER):
            for path in ("/", "/webhook/1", "/chat", "/ollama/api/tags"):
                answer = ask(proxy, source, path)
                assert (answer.status, answer.body) == (403, "This address may not reach the host")
    assert "remote_ip" not in rendered(facts())["caddy/Caddyfile"]
