"""The real Caddy with the real Caddyfile: access, and what reaches the services."""

import http.client
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from bundle.variants import facts
from real_stack.programs import PATIENCE

from geusemaker.bundle import Access

from .proxy import OLLAMA_KEY, Running, listens, running
from .visitors import Answer, Visitor

HIDDEN = {"x-content-type-options": "nosniff", "referrer-policy": "strict-origin-when-cross-origin"}

APART = (
    *("set-cookie", "clear-site-data", "service-worker-allowed", "refresh", "alt-svc", "nel"),
    *("report-to", "sec-session-registration", "secure-session-registration"),
    *("strict-transport-security",),
)
"""Headers that a browser stores for the whole origin, or obeys without a script."""


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("proxy"), facts()) as one:
        yield one


@pytest.fixture(scope="module")
def with_domain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    domain = facts(access=Access("ai.example.com", is_public=True), allowed_cidrs=("0.0.0.0/0",))
    with running(tmp_path_factory.mktemp("proxy"), domain) as one:
        yield one


def until(proxy: Running, path: str, status: int) -> Answer:
    """Repeats the request until the answer has this status: health checks run at intervals."""
    end = time.monotonic() + PATIENCE
    while (answer := proxy.visitor.ask(path)).status != status:
        assert time.monotonic() < end, f"still {answer.status}, not {status}"
        time.sleep(0.2)
    return answer


def test_other_requests_go_to_n8n_with_their_origin(proxy: Running) -> None:
    answer = proxy.visitor.ask("/workflow/1?x=2", {"X-Forwarded-For": "198.51.100.7"})
    received = answer.received()
    assert (answer.status, received["service"], received["path"]) == (200, "n8n", "/workflow/1?x=2")
    headers = received["headers"]
    assert headers["x-forwarded-proto"] == "https"
    assert headers["x-forwarded-host"] == f"localhost:{proxy.https_port}"
    assert headers["x-forwarded-for"] == "127.0.0.1", "a client could set another address"


def test_caddys_own_authority_issues_the_certificate(proxy: Running) -> None:
    for name in ("localhost", "127.0.0.1"):
        with proxy.visitor.connected(name=name) as safe:
            assert safe.version() == "TLSv1.3"
    others = Visitor(proxy.https_port, "")
    with pytest.raises(ssl.SSLCertVerificationError), others.connected():
        pass


def test_a_client_that_uses_the_hosts_address_gets_its_certificate(tmp_path: Path) -> None:
    # As on a host with a public address, which the container does not have. A client that uses an
    # address sends no server name in its TLS greeting.
    with (
        running(
            tmp_path,
            facts(access=Access(is_public=True), allowed_cidrs=("0.0.0.0/0",)),
            sites="https://localhost, https://203.0.113.5",
            host="203.0.113.5",
        ) as one,
        one.visitor.connected(name="203.0.113.5") as safe,
    ):
        assert ("IP Address", "203.0.113.5") in safe.getpeercert()["subjectAltName"]  # type: ignore[index]
    assert not listens(one.https_port)


@pytest.mark.parametrize("name", ["proxy", "with_domain"])
def test_a_request_for_another_name_is_an_error(name: str, request: pytest.FixtureRequest) -> None:
    # Caddy answers 200 without content where no site has the name: a webhook that is sent to the
    # address of a host with a domain would be lost without an error.
    one: Running = request.getfixturevalue(name)
    for host in ("evil.example", "203.0.113.9", "localhost."):
        answer = one.visitor.ask("/webhook/another", {"Host": host}, "POST")
        assert (answer.status, answer.body) == (421, "This host does not go by that name")
        assert HIDDEN.items() <= answer.headers.items()
    assert "/webhook/another" not in one.upstreams["n8n"].seen
    assert one.visitor.ask("/webhook/another", {"Host": "localhost:8443"}, "POST").status == 200


def test_ollama_requires_its_key(proxy: Running) -> None:
    wrong = (
        None,
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Bearer {OLLAMA_KEY}x",
        f"Bearer {OLLAMA_KEY[:-1]}",
        f"Bearer\t{OLLAMA_KEY}",
        f"Bearer Bearer {OLLAMA_KEY}",
        f"Basic {OLLAMA_KEY}",
        OLLAMA_KEY,
        "Bearer *",
        "*",
    )
    before = len(proxy.upstreams["ollama"].seen)
    for value in wrong:
        headers = {} if value is None else {"Authorization": value}
        for path in ("/ollama/api/tags", "/ollama/", "/ollama/../ollama/api/tags", "/ollama//api"):
            answer = proxy.visitor.ask(path, headers)
            assert answer.status == 401, f"{value!r} has access at {path}"
            assert answer.headers["www-authenticate"] == "Bearer"
            assert OLLAMA_KEY not in answer.body
    assert len(proxy.upstreams["ollama"].seen) == before, "it reached Ollama"


def test_ollama_answers_with_the_key_and_does_not_receive_it(proxy: Running) -> None:
    answer = proxy.visitor.ask("/ollama/api/tags?a=1", {"Authorization": f"Bearer {OLLAMA_KEY}"})
    received = answer.received()
    assert (answer.status, received["service"], received["path"]) == (
        200,
        "ollama",
        "/api/tags?a=1",
    )
    assert "authorization" not in received["headers"]


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer "])
def test_the_case_of_the_scheme_is_free(proxy: Running, scheme: str) -> None:
    answer = proxy.visitor.ask("/ollama/api/tags", {"Authorization": f"{scheme} {OLLAMA_KEY}"})
    assert answer.received()["path"] == "/api/tags"


def test_a_browsers_preflight_needs_no_key_and_any_other_request_does(proxy: Running) -> None:
    origin = {"Origin": "https://chat.example"}
    preflight = origin | {"Access-Control-Request-Method": "POST"}
    received = proxy.visitor.ask("/ollama/api/chat", preflight, "OPTIONS").received()
    assert (received["path"], received["headers"]["origin"]) == (
        "/api/chat",
        "https://chat.example",
    )
    before = len(proxy.upstreams["ollama"].seen)
    for headers, method in (
        (preflight, "GET"),
        (preflight, "POST"),
        (origin, "OPTIONS"),
        ({"Access-Control-Request-Method": "POST"}, "OPTIONS"),
        (preflight | {"X-HTTP-Method-Override": "POST"}, "POST"),
    ):
        assert proxy.visitor.ask("/ollama/api/chat", headers, method).status == 401
    assert len(proxy.upstreams["ollama"].seen) == before


def test_an_empty_key_file_gives_no_access(tmp_path: Path) -> None:
    with running(tmp_path, facts(services=("ollama",))) as one:
        one.secret.write_text("")
        for value in ("Bearer ", "Bearer"):
            assert one.visitor.ask("/ollama/api/tags", {"Authorization": value}).status == 401
        # Two headers of one name could each meet one condition.
        twice = [("Authorization", "Bearer "), ("Authorization", f"Bearer {'a' * 40}")]
        assert one.visitor.ask("/ollama/api/tags", twice).status == 401
        one.secret.unlink()
        assert one.visitor.ask("/ollama/api/tags", {"Authorization": "Bearer "}).status == 401
        assert one.upstreams["ollama"].seen == []


def test_qdrant_and_crawl4ai_get_their_own_keys_and_short_paths(proxy: Running) -> None:
    received = proxy.visitor.ask("/qdrant/collections", {"api-key": "q"}).received()
    assert (received["service"], received["path"]) == ("qdrant", "/collections")
    assert received["headers"]["api-key"] == "q"
    received = proxy.visitor.ask(
        "/crawl4ai/crawl", {"Authorization": "Bearer c"}, "POST"
    ).received()
    assert (received["service"], received["path"]) == ("crawl4ai", "/crawl")
    assert received["headers"]["authorization"] == "Bearer c"


@pytest.mark.parametrize("name", ["ollama", "qdrant", "crawl4ai"])
def test_other_services_do_not_receive_n8ns_session(proxy: Running, name: str) -> None:
    sent = {"Cookie": "n8n-auth=session", "Authorization": f"Bearer {OLLAMA_KEY}"}
    received = proxy.visitor.ask(f"/{name}/x", sent).received()
    assert received["service"] == name
    assert "cookie" not in received["headers"]
    assert proxy.visitor.ask("/rest/x", sent).received()["headers"]["cookie"] == "n8n-auth=session"


@pytest.mark.parametrize("name", ["ollama", "qdrant", "crawl4ai"])
@pytest.mark.parametrize(
    "path", ["/{}/hostile", "/{}%2fhostile", "/%{:x}{}/hostile", "//{}/hostile"]
)
def test_a_page_of_another_service_cannot_affect_n8ns_origin(
    proxy: Running, name: str, path: str
) -> None:
    way = path.format(ord(name[0]), name[1:]) if ":x" in path else path.format(name)
    answer = proxy.visitor.ask(way, {"Authorization": f"Bearer {OLLAMA_KEY}"})
    assert answer.status == 200
    assert "service" not in answer.body, "n8n's stand-in answered"
    isolated(answer)


def isolated(answer: Answer) -> None:
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    for name in APART:
        assert name not in answer.headers, name


@pytest.mark.parametrize("name", ["ollama", "qdrant", "crawl4ai"])
def test_no_other_service_can_request_a_password_from_a_browser(proxy: Running, name: str) -> None:
    answer = proxy.visitor.ask(f"/{name}/hostile", {"Authorization": f"Bearer {OLLAMA_KEY}"})
    assert answer.status == 200
    assert "www-authenticate" not in answer.headers


def test_a_provisional_answer_of_another_service_is_isolated(proxy: Running) -> None:
    came = sent(proxy, "/qdrant/hostile/early")
    assert came.startswith("http/1.1 103"), "the stand-in's first answer did not come through"
    assert came.count("content-security-policy: sandbox; default-src 'none'") == 2
    assert "set-cookie" not in came


def test_no_other_service_can_set_how_a_browser_reaches_the_domain(with_domain: Running) -> None:
    for path in ("/", "/qdrant/hostile", "/qdrant/hostile/early"):
        came = sent(with_domain, path, "ai.example.com")
        assert "strict-transport-security: max-age=31536000\r\n" in came, path
        assert "max-age=63072000" not in came, path


def sent(proxy: Running, path: str, host: str = "localhost") -> str:
    """The whole response in lower case, with provisional answers."""
    with proxy.visitor.connected() as safe:
        head = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        safe.sendall(head.encode())
        return b"".join(iter(lambda: safe.recv(65536), b"")).decode().lower()


def test_answers_of_and_for_another_service_are_isolated(tmp_path: Path) -> None:
    with running(tmp_path, facts(services=("ollama", "qdrant"))) as one:
        isolated(one.visitor.ask("/ollama/hostile"))
        one.upstreams["qdrant"].shutdown()
        one.upstreams["qdrant"].server_close()
        down = one.visitor.ask("/qdrant/hostile")
        assert down.status == 503
        assert "does not answer" in down.body
        assert down.headers["content-security-policy"] == "sandbox; default-src 'none'"


@pytest.mark.parametrize("name", ["ollama", "qdrant", "crawl4ai"])
def test_a_path_without_its_last_slash_is_redirected(proxy: Running, name: str) -> None:
    answer = proxy.visitor.ask(f"/{name}")
    assert (answer.status, answer.headers["location"]) == (308, f"/{name}/")


def test_metrics_are_not_available(proxy: Running) -> None:
    for path in ("/metrics", "/metrics/", "/metrics/x", "/METRICS", "//metrics", "/a/../metrics"):
        answer = proxy.visitor.ask(path)
        assert answer.status == 404, path
    assert not [path for path in proxy.upstreams["n8n"].seen if "metrics" in path.lower()]


def test_every_answer_has_the_security_headers(proxy: Running) -> None:
    for path, status, framed in (
        ("/", 200, "SAMEORIGIN"),
        ("/metrics", 404, "SAMEORIGIN"),
        ("/ollama/", 401, "DENY"),
        ("/qdrant/", 200, "DENY"),
    ):
        answer = proxy.visitor.ask(path)
        assert answer.status == status
        assert HIDDEN.items() <= answer.headers.items(), path
        assert answer.headers["x-frame-options"] == framed
        assert "server" not in answer.headers
        assert "alt-svc" not in answer.headers, "HTTP/3 is offered, and no UDP port is open"
        assert "strict-transport-security" not in answer.headers


# The path as n8n receives it: n8n decodes nothing before it chooses a route, and answers unknown
# paths with its editor.
FRAMED = (
    "/form/1",
    "/form/1?a=//x&b=%2e",
    "/form-test/1",
    "/form-waiting/1",
    "/webhook/1/chat",
    "/webhook/a.json",
    "/webhook/a%20b",
    "/webhook-test/1",
    "/webhook-waiting/1",
)
UNFRAMED = (
    "/",
    "/form",
    "/forms/1",
    "/signin?x=/form/1",
    "/form%2f1",
    "/form%2F..%2fsignin",
    "/%66orm/1",
    "/%46ORM/1",
    "/FORM/1",
    "/form-waitin%67/1",
    "//form/1",
    "/./form/1",
    "/x/../form/1",
    "/x%2f..%2fform/1",
    "/form//1",
    "/form/../signin",
    "/form/%2e%2e/signin",
    "/form/.%2E/signin",
    "/form/x/..%5csignin",
    "/form/..\\signin",
    "/form/%2fsignin",
    "/webhook/.%2e/",
    "/webhook-",
)


@pytest.mark.parametrize("path", FRAMED)
def test_forms_and_webhooks_may_be_framed_by_other_pages(proxy: Running, path: str) -> None:
    answer = proxy.visitor.ask(path)
    assert answer.received()["path"] == path
    assert "x-frame-options" not in answer.headers
    assert HIDDEN.items() <= answer.headers.items()


@pytest.mark.parametrize("path", UNFRAMED)
def test_paths_that_n8n_may_answer_with_its_editor_are_never_framed(
    proxy: Running, path: str
) -> None:
    answer = proxy.visitor.ask(path)
    assert answer.received()["service"] == "n8n"
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"


def test_a_service_that_sends_one_security_header_gets_the_others(proxy: Running) -> None:
    answer = proxy.visitor.ask("/hostile")
    assert answer.headers["x-content-type-options"] == "sniff"
    assert answer.headers["referrer-policy"] == HIDDEN["referrer-policy"]
    assert "server" not in answer.headers


def test_web_sockets_are_forwarded(proxy: Running) -> None:
    assert proxy.visitor.web_socket("/rest/push?pushRef=1", "hello") == "HELLO"


def test_a_webhook_keeps_its_headers_except_those_with_underscores_or_dots(proxy: Running) -> None:
    # Caddy drops those since 2.11.4. An exception needs the whole name of a header: there is no
    # pattern for all. The page on services names this.
    received = proxy.visitor.ask(
        "/webhook/abc",
        {
            "X-Hub-Signature-256": "sha256=1",
            "X-Token": "2",
            "X_Token": "3",
            "X.Token": "4",
            "Authorization": "Bearer 5",
        },
        "POST",
    ).received()
    headers = received["headers"]
    assert headers["x-hub-signature-256"] == "sha256=1"
    assert (headers["x-token"], headers["authorization"]) == ("2", "Bearer 5")
    assert "x_token" not in headers
    assert "x.token" not in headers


def test_long_headers_are_forwarded(proxy: Running) -> None:
    received = proxy.visitor.ask("/webhook/abc", {"X-Claims": "a" * 40_000}).received()
    assert len(received["headers"]["x-claims"]) == 40_000


def test_n8n_gets_no_requests_until_it_is_ready(tmp_path: Path) -> None:
    with running(tmp_path, facts(), ready=False) as one:
        n8n = one.upstreams["n8n"]
        answer = until(one, "/", 503)
        assert answer.headers["retry-after"] == "10"
        assert "Try again in a moment" in answer.body
        assert HIDDEN.items() <= answer.headers.items()
        assert answer.headers["x-frame-options"] == "SAMEORIGIN"
        del n8n.seen[:]
        assert one.visitor.ask("/early").status == 503
        assert "/early" not in n8n.seen
        n8n.ready = True
        assert until(one, "/late", 200).received()["service"] == "n8n"
        n8n.ready = False
        until(one, "/", 503)


def test_without_n8n_services_that_were_not_chosen_are_not_found(tmp_path: Path) -> None:
    with running(tmp_path, facts(services=("qdrant",))) as one:
        for path in ("/", "/ollama/api/tags", "/crawl4ai/health", "/webhook/1"):
            answer = one.visitor.ask(path, {"Authorization": f"Bearer {OLLAMA_KEY}"})
            assert answer.status == 404
            assert "without n8n" in answer.body
        assert one.visitor.ask("/qdrant/x").received()["service"] == "qdrant"
        assert not listens(one.http_port), "port 80 is for a domain only"


def test_with_a_domain_http_redirects_to_https_and_a_port_forward_still_works(
    with_domain: Running,
) -> None:
    assert with_domain.visitor.ask("/").received()["service"] == "n8n"
    plain = http.client.HTTPConnection("127.0.0.1", with_domain.http_port, timeout=PATIENCE)
    plain.request("GET", "/workflow/1", headers={"Host": "ai.example.com"})
    response = plain.getresponse()
    assert response.status == 308
    assert response.getheader("Location", "") == "https://ai.example.com/workflow/1"
    plain.close()
