"""The real Caddy with the real Caddyfile: who gets in, and what reaches the services."""

import http.client
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from bundle.variants import facts

from geusemaker.bundle import Access

from .proxy import OLLAMA_KEY, Running, listens, running
from .visitors import PATIENCE, Answer, Visitor

HIDDEN = {"x-content-type-options": "nosniff", "referrer-policy": "strict-origin-when-cross-origin"}

APART = (
    *("set-cookie", "clear-site-data", "service-worker-allowed", "refresh", "alt-svc", "nel"),
    *("report-to", "sec-session-registration", "secure-session-registration"),
    *("strict-transport-security",),
)
"""What a browser keeps for the whole origin, or acts on without a script."""


@pytest.fixture(scope="module")
def proxy(caddy: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(caddy, tmp_path_factory.mktemp("proxy"), facts()) as one:
        yield one


def until(proxy: Running, path: str, status: int) -> Answer:
    """Asks until the answer has this status: a health check takes its time."""
    end = time.monotonic() + PATIENCE
    while (answer := proxy.visitor.ask(path)).status != status:
        assert time.monotonic() < end, f"still {answer.status}, and {status} is wanted"
        time.sleep(0.2)
    return answer


def test_everything_else_goes_to_n8n_and_says_how_it_came(proxy: Running) -> None:
    answer = proxy.visitor.ask("/workflow/1?x=2", {"X-Forwarded-For": "198.51.100.7"})
    told = answer.told()
    assert (answer.status, told["service"], told["path"]) == (200, "n8n", "/workflow/1?x=2")
    headers = told["headers"]
    assert headers["x-forwarded-proto"] == "https"
    assert headers["x-forwarded-host"] == f"localhost:{proxy.https_port}"
    assert headers["x-forwarded-for"] == "127.0.0.1", "a visitor could name another address"


def test_the_certificate_is_of_caddys_own_authority(proxy: Running) -> None:
    for name in ("localhost", "127.0.0.1"):
        with proxy.visitor.connected(name=name) as safe:
            assert safe.version() == "TLSv1.3"
    others = Visitor(proxy.https_port, "")
    with pytest.raises(ssl.SSLCertVerificationError), others.connected():
        pass


def test_who_asks_by_the_hosts_address_gets_its_certificate(caddy: Path, tmp_path: Path) -> None:
    # As on a host with a public address: the container's own one is another, and a client that
    # asks by address names no server in its greeting.
    with (
        running(
            caddy,
            tmp_path,
            facts(access=Access(is_public=True)),
            sites="https://localhost, https://203.0.113.5",
            host="203.0.113.5",
        ) as one,
        one.visitor.connected(name="203.0.113.5") as safe,
    ):
        assert ("IP Address", "203.0.113.5") in safe.getpeercert()["subjectAltName"]  # type: ignore[index]
    assert not listens(one.https_port)


@pytest.mark.parametrize("domain", [None, "ai.example.com"])
def test_who_asks_by_another_name_is_not_told_that_all_went_well(
    caddy: Path, tmp_path: Path, domain: str | None
) -> None:
    # Caddy answers 200 and nothing where no site goes by the name: a webhook that is sent to the
    # address of a host with a domain would be lost in silence.
    with running(caddy, tmp_path, facts(access=Access(domain, is_public=True))) as one:
        for name in ("evil.example", "203.0.113.9", "localhost."):
            answer = one.visitor.ask("/webhook/1", {"Host": name}, "POST")
            assert (answer.status, answer.body) == (421, "This host does not go by that name")
            assert HIDDEN.items() <= answer.headers.items()
        assert "/webhook/1" not in one.upstreams["n8n"].seen
        assert one.visitor.ask("/webhook/1", {"Host": "localhost:8443"}, "POST").status == 200


def test_ollama_asks_for_its_key(proxy: Running) -> None:
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
            assert answer.status == 401, f"{value!r} got in at {path}"
            assert answer.headers["www-authenticate"] == "Bearer"
            assert OLLAMA_KEY not in answer.body
    assert len(proxy.upstreams["ollama"].seen) == before, "it reached Ollama all the same"


def test_ollama_answers_who_has_the_key_and_never_sees_it(proxy: Running) -> None:
    answer = proxy.visitor.ask("/ollama/api/tags?a=1", {"Authorization": f"Bearer {OLLAMA_KEY}"})
    told = answer.told()
    assert (answer.status, told["service"], told["path"]) == (200, "ollama", "/api/tags?a=1")
    assert "authorization" not in told["headers"]


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer "])
def test_the_case_of_the_scheme_is_free(proxy: Running, scheme: str) -> None:
    answer = proxy.visitor.ask("/ollama/api/tags", {"Authorization": f"{scheme} {OLLAMA_KEY}"})
    assert answer.told()["path"] == "/api/tags"


def test_a_browsers_preflight_needs_no_key_and_any_other_request_does(proxy: Running) -> None:
    origin = {"Origin": "https://chat.example"}
    preflight = origin | {"Access-Control-Request-Method": "POST"}
    told = proxy.visitor.ask("/ollama/api/chat", preflight, "OPTIONS").told()
    assert (told["path"], told["headers"]["origin"]) == ("/api/chat", "https://chat.example")
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


def test_an_empty_key_file_lets_nobody_in(caddy: Path, tmp_path: Path) -> None:
    with running(caddy, tmp_path, facts(services=("ollama",))) as one:
        one.secret.write_text("")
        for value in ("Bearer ", "Bearer"):
            assert one.visitor.ask("/ollama/api/tags", {"Authorization": value}).status == 401
        # Each of two headers of one name could meet one condition.
        twice = [("Authorization", "Bearer "), ("Authorization", f"Bearer {'a' * 40}")]
        assert one.visitor.ask("/ollama/api/tags", twice).status == 401
        one.secret.unlink()
        assert one.visitor.ask("/ollama/api/tags", {"Authorization": "Bearer "}).status == 401
        assert one.upstreams["ollama"].seen == []


def test_qdrant_and_crawl4ai_get_their_own_keys_and_short_paths(proxy: Running) -> None:
    told = proxy.visitor.ask("/qdrant/collections", {"api-key": "q"}).told()
    assert (told["service"], told["path"]) == ("qdrant", "/collections")
    assert told["headers"]["api-key"] == "q"
    told = proxy.visitor.ask("/crawl4ai/crawl", {"Authorization": "Bearer c"}, "POST").told()
    assert (told["service"], told["path"]) == ("crawl4ai", "/crawl")
    assert told["headers"]["authorization"] == "Bearer c"


@pytest.mark.parametrize("name", ["ollama", "qdrant", "crawl4ai"])
def test_the_other_services_never_see_n8ns_session(proxy: Running, name: str) -> None:
    sent = {"Cookie": "n8n-auth=session", "Authorization": f"Bearer {OLLAMA_KEY}"}
    told = proxy.visitor.ask(f"/{name}/x", sent).told()
    assert told["service"] == name
    assert "cookie" not in told["headers"]
    assert proxy.visitor.ask("/rest/x", sent).told()["headers"]["cookie"] == "n8n-auth=session"


@pytest.mark.parametrize("name", ["ollama", "qdrant", "crawl4ai"])
@pytest.mark.parametrize(
    "path", ["/{}/hostile", "/{}%2fhostile", "/%{:x}{}/hostile", "//{}/hostile"]
)
def test_a_page_of_another_service_has_no_power_over_n8ns_origin(
    proxy: Running, name: str, path: str
) -> None:
    way = path.format(ord(name[0]), name[1:]) if ":x" in path else path.format(name)
    answer = proxy.visitor.ask(way, {"Authorization": f"Bearer {OLLAMA_KEY}"})
    assert answer.status == 200
    assert "told" not in answer.body, "n8n's stand-in answered"
    held_apart(answer)


def held_apart(answer: Answer) -> None:
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    for name in APART:
        assert name not in answer.headers, name


@pytest.mark.parametrize("name", ["ollama", "qdrant", "crawl4ai"])
def test_no_other_service_has_a_browser_send_it_a_password_of_this_origin(
    proxy: Running, name: str
) -> None:
    answer = proxy.visitor.ask(f"/{name}/hostile", {"Authorization": f"Bearer {OLLAMA_KEY}"})
    assert answer.status == 200
    assert "www-authenticate" not in answer.headers


def test_a_provisional_answer_of_another_service_is_held_apart_as_well(proxy: Running) -> None:
    came = sent(proxy, "/qdrant/hostile/early")
    assert came.startswith("http/1.1 103"), "the stand-in's first answer did not come through"
    assert came.count("content-security-policy: sandbox; default-src 'none'") == 2
    assert "set-cookie" not in came


def test_no_other_service_says_how_a_browser_reaches_the_domain(
    caddy: Path, tmp_path: Path
) -> None:
    with running(caddy, tmp_path, facts(access=Access("ai.example.com", is_public=True))) as one:
        for path in ("/", "/qdrant/hostile", "/qdrant/hostile/early"):
            came = sent(one, path, "ai.example.com")
            assert "strict-transport-security: max-age=31536000\r\n" in came, path
            assert "max-age=63072000" not in came, path


def sent(proxy: Running, path: str, host: str = "localhost") -> str:
    """All that comes back, in lower case, provisional answers too."""
    with proxy.visitor.connected() as safe:
        head = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        safe.sendall(head.encode())
        return b"".join(iter(lambda: safe.recv(65536), b"")).decode().lower()


def test_answers_for_another_service_are_held_apart_as_well(caddy: Path, tmp_path: Path) -> None:
    with running(caddy, tmp_path, facts(services=("ollama", "qdrant"))) as one:
        held_apart(one.visitor.ask("/ollama/hostile"))
        one.upstreams["qdrant"].shutdown()
        one.upstreams["qdrant"].server_close()
        down = one.visitor.ask("/qdrant/hostile")
        assert down.status == 503
        assert down.headers["content-security-policy"] == "sandbox; default-src 'none'"


@pytest.mark.parametrize("name", ["ollama", "qdrant", "crawl4ai"])
def test_a_path_without_its_last_slash_is_led_there(proxy: Running, name: str) -> None:
    answer = proxy.visitor.ask(f"/{name}")
    assert (answer.status, answer.headers["location"]) == (308, f"/{name}/")


def test_numbers_about_the_services_are_nobodys(proxy: Running) -> None:
    for path in ("/metrics", "/metrics/", "/metrics/x", "/METRICS", "//metrics", "/a/../metrics"):
        answer = proxy.visitor.ask(path)
        assert answer.status == 404, path
    assert not [path for path in proxy.upstreams["n8n"].seen if "metrics" in path.lower()]


def test_every_answer_carries_the_safe_headers(proxy: Running) -> None:
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


# By the address as n8n gets it: it decodes nothing before it chooses a route, and answers what it
# does not know with its editor.
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
def test_forms_and_webhooks_may_be_shown_in_other_pages(proxy: Running, path: str) -> None:
    answer = proxy.visitor.ask(path)
    assert answer.told()["path"] == path
    assert "x-frame-options" not in answer.headers
    assert HIDDEN.items() <= answer.headers.items()


@pytest.mark.parametrize("path", UNFRAMED)
def test_what_n8n_may_answer_with_its_editor_is_never_framed(proxy: Running, path: str) -> None:
    answer = proxy.visitor.ask(path)
    assert answer.told()["service"] == "n8n"
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"


def test_a_service_that_sends_one_safe_header_gets_the_others_as_well(proxy: Running) -> None:
    answer = proxy.visitor.ask("/hostile")
    assert answer.headers["x-content-type-options"] == "sniff"
    assert answer.headers["referrer-policy"] == HIDDEN["referrer-policy"]
    assert "server" not in answer.headers


def test_web_sockets_go_through(proxy: Running) -> None:
    assert proxy.visitor.web_socket("/rest/push?pushRef=1", "hello") == "HELLO"


def test_a_webhook_keeps_its_headers_but_those_with_underscores_or_dots(proxy: Running) -> None:
    # Caddy drops those since 2.11.4, and what it can be told to keep must be told by whole names:
    # a pattern for all there is not. The page on services tells callers.
    told = proxy.visitor.ask(
        "/webhook/abc",
        {
            "X-Hub-Signature-256": "sha256=1",
            "X-Token": "2",
            "X_Token": "3",
            "X.Token": "4",
            "Authorization": "Bearer 5",
        },
        "POST",
    ).told()
    headers = told["headers"]
    assert headers["x-hub-signature-256"] == "sha256=1"
    assert (headers["x-token"], headers["authorization"]) == ("2", "Bearer 5")
    assert "x_token" not in headers
    assert "x.token" not in headers


def test_long_headers_of_callers_go_through(proxy: Running) -> None:
    told = proxy.visitor.ask("/webhook/abc", {"X-Claims": "a" * 40_000}).told()
    assert len(told["headers"]["x-claims"]) == 40_000


def test_n8n_gets_no_visitors_until_it_is_ready(caddy: Path, tmp_path: Path) -> None:
    with running(caddy, tmp_path, facts(), ready=False) as one:
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
        assert until(one, "/late", 200).told()["service"] == "n8n"
        n8n.ready = False
        until(one, "/", 503)


def test_a_service_that_is_down_is_told_in_words(caddy: Path, tmp_path: Path) -> None:
    with running(caddy, tmp_path, facts()) as one:
        one.upstreams["qdrant"].shutdown()
        one.upstreams["qdrant"].server_close()
        answer = one.visitor.ask("/qdrant/collections")
        assert answer.status == 503
        assert "does not answer" in answer.body


def test_without_n8n_there_is_no_way_to_services_that_were_not_chosen(
    caddy: Path, tmp_path: Path
) -> None:
    with running(caddy, tmp_path, facts(services=("qdrant",))) as one:
        for path in ("/", "/ollama/api/tags", "/crawl4ai/health", "/webhook/1"):
            answer = one.visitor.ask(path, {"Authorization": f"Bearer {OLLAMA_KEY}"})
            assert answer.status == 404
            assert "without n8n" in answer.body
        assert one.visitor.ask("/qdrant/x").told()["service"] == "qdrant"
        assert not listens(one.http_port), "port 80 is for a domain only"


def test_with_a_domain_http_leads_to_https_and_session_manager_still_gets_in(
    caddy: Path, tmp_path: Path
) -> None:
    with running(caddy, tmp_path, facts(access=Access("ai.example.com", is_public=True))) as one:
        assert one.visitor.ask("/").told()["service"] == "n8n"
        plain = http.client.HTTPConnection("127.0.0.1", one.http_port, timeout=PATIENCE)
        plain.request("GET", "/workflow/1", headers={"Host": "ai.example.com"})
        response = plain.getresponse()
        assert response.status == 308
        to = response.getheader("Location", "")
        assert to == "https://ai.example.com/workflow/1"
        plain.close()
