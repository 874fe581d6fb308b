"""The real Caddy with `apiKeys`: whose key is taken, what services get, what the log says."""

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from bundle.variants import facts
from real_stack.programs import PATIENCE

from geusemaker.bundle import Access
from geusemaker.bundle.api_keys import as_value, new_key

from .proxy import OLLAMA_KEY, OWN_KEYS, Running, running
from .visitors import Answer

LAPTOP, CI = new_key("laptop"), new_key("ci-2")
REMOVED = new_key("laptop")

WAYS = {
    "ollama": ["Authorization: Bearer {}", "Authorization: bearer {}"],
    "qdrant": ["api-key: {}", "Authorization: Bearer {}", "API-KEY: {}"],
    "crawl4ai": ["Authorization: Bearer {}", "Authorization: BEARER  {}"],
}
"""How a client of each service sends its key."""
OWN = {
    "ollama": {},
    "qdrant": {"api-key": OWN_KEYS["qdrant-api-key"]},
    "crawl4ai": {"authorization": f"Bearer {OWN_KEYS['crawl4ai-token']}"},
}
"""The key that each service gets."""
EACH = [(service, way) for service, ways in WAYS.items() for way in ways]


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("proxy"), facts(has_api_keys=True)) as one:
        yield one


@pytest.fixture(autouse=True)
def _keys(proxy: Running) -> None:
    proxy.keys.write_text(as_value([LAPTOP, CI]))


def header(way: str, key: str) -> dict[str, str]:
    name, _, value = way.format(key).partition(": ")
    return {name: value}


def ask(proxy: Running, service: str, headers: Mapping[str, str]) -> Answer:
    return proxy.visitor.ask(f"/{service}/x?key=in-the-query", headers)


def logged(proxy: Running) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in proxy.log.read_text().splitlines()]
    return [one for one in lines if one.get("logger", "").startswith("http.log.access")]


@pytest.mark.parametrize(("service", "way"), EACH)
def test_a_key_with_a_name_is_taken_and_the_service_gets_its_own(
    proxy: Running, service: str, way: str
) -> None:
    for key in (LAPTOP, CI):
        told = ask(proxy, service, header(way, key)).received()
        assert told["service"] == service
        sent = {name: told["headers"].get(name) for name in ("authorization", "api-key")}
        assert {name: value for name, value in sent.items() if value} == OWN[service]
        assert key not in json.dumps(told)


@pytest.mark.parametrize(("service", "way"), EACH)
@pytest.mark.parametrize(
    "key",
    [
        REMOVED,
        LAPTOP[:-1] + ("a" if LAPTOP[-1] != "a" else "b"),
        f"ci-2_{LAPTOP.partition('_')[2]}",
        f"_{LAPTOP.partition('_')[2]}",
        "laptop_" + "a" * 40,
    ],
    ids=["removed", "one letter off", "another name", "no name", "guessed"],
)
def test_any_other_key_is_refused(proxy: Running, service: str, way: str, key: str) -> None:
    answer = ask(proxy, service, header(way, key))
    if key.startswith("_") and service != "ollama":
        # Not of our form: the service decides.
        assert key in json.dumps(answer.received()["headers"])
    else:
        assert answer.status == 401
        assert key not in answer.body


@pytest.mark.parametrize("service", WAYS)
@pytest.mark.parametrize(
    "content",
    [None, "", " ", "  ", "\n", "_", f"x{LAPTOP}", f"{LAPTOP}x"],
    ids=["none", "empty", "space", "spaces", "line", "underscore", "letter before", "letter after"],
)
def test_a_file_without_the_key_lets_nobody_in(
    proxy: Running, service: str, content: str | None
) -> None:
    if content is None:
        proxy.keys.unlink()
    else:
        proxy.keys.write_text(content)
    before = len(proxy.upstreams[service].seen)
    for way in WAYS[service]:
        for key in (LAPTOP, "laptop_", "", " ", "{file.x}", "*", ".*"):
            assert ask(proxy, service, header(way, key)).status == 401 or key != LAPTOP
    if service == "ollama":
        assert len(proxy.upstreams[service].seen) == before


def test_a_changed_file_counts_from_the_next_request_on(proxy: Running) -> None:
    way = WAYS["qdrant"][0]
    new = new_key("new")
    assert ask(proxy, "qdrant", header(way, new)).status == 401
    # As the host writes it: another file takes its place.
    other = proxy.keys.with_name("api-keys.new")
    other.write_text(as_value([CI, new]))
    other.replace(proxy.keys)
    assert ask(proxy, "qdrant", header(way, new)).status == 200
    assert ask(proxy, "qdrant", header(way, CI)).status == 200
    assert ask(proxy, "qdrant", header(way, LAPTOP)).status == 401


def test_an_answer_under_way_goes_on_when_its_key_is_removed(proxy: Running) -> None:
    with proxy.visitor.connected() as safe:
        head = f"GET /ollama/silent HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {LAPTOP}"
        safe.sendall(f"{head}\r\nConnection: close\r\n\r\n".encode())
        came = b""
        while b"first" not in came:
            came += safe.recv(65536)
        proxy.keys.write_text(as_value([CI]))
        assert ask(proxy, "ollama", header(WAYS["ollama"][0], LAPTOP)).status == 401
        proxy.upstreams["ollama"].speak.set()
        while part := safe.recv(65536):
            came += part
    assert b"second" in came


def test_the_single_keys_work_as_before(proxy: Running) -> None:
    told = ask(proxy, "ollama", {"Authorization": f"Bearer {OLLAMA_KEY}"}).received()
    assert "authorization" not in told["headers"]
    for service, headers in (
        ("qdrant", {"api-key": OWN_KEYS["qdrant-api-key"]}),
        ("crawl4ai", {"Authorization": f"Bearer {OWN_KEYS['crawl4ai-token']}"}),
    ):
        sent = ask(proxy, service, headers).received()["headers"]
        assert {name.lower(): value for name, value in headers.items()}.items() <= sent.items()
    # Without a key, the service itself refuses; it never gets its key from us.
    assert "api-key" not in ask(proxy, "qdrant", {}).received()["headers"]
    assert "authorization" not in ask(proxy, "crawl4ai", {}).received()["headers"]


def test_two_headers_of_one_name_are_no_way_round(proxy: Running) -> None:
    for service, name, form in (
        ("ollama", "Authorization", "Bearer {}"),
        ("qdrant", "api-key", "{}"),
        ("crawl4ai", "Authorization", "Bearer {}"),
    ):
        pairs = [(name, form.format(REMOVED)), (name, form.format(LAPTOP))]
        first = proxy.visitor.ask(f"/{service}/x", pairs)
        second = proxy.visitor.ask(f"/{service}/x", pairs[::-1])
        assert sorted({first.status, second.status}) in ([200, 401], [200])
        for answer in (first, second):
            if answer.status == 200:
                # What a service gets of it is its own key alone.
                assert REMOVED not in answer.body
                assert LAPTOP not in answer.body
    both = {"api-key": REMOVED, "Authorization": f"Bearer {LAPTOP}"}
    assert proxy.visitor.ask("/qdrant/x", both).status == 401


def test_no_key_with_a_name_gets_a_token_of_crawl4ai(proxy: Running) -> None:
    """Crawl4AI gives tokens to whoever has its own key in the body, or a valid token to use."""
    way = WAYS["crawl4ai"][0]
    answer = proxy.visitor.ask("/crawl4ai/token", header(way, REMOVED), "POST")
    assert answer.status == 401
    # Only the header is exchanged, so a caller never has Crawl4AI's own key to put into the body.
    body = json.dumps({"email": "a@example.com", "api_token": LAPTOP})
    head = f"POST /crawl4ai/token HTTP/1.1\r\nHost: localhost\r\n{way.format(LAPTOP)}\r\n"
    with proxy.visitor.connected() as safe:
        text = f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
        safe.sendall(text.encode())
        assert OWN["crawl4ai"]["authorization"].encode() in b"".join(
            iter(lambda: safe.recv(65536), b"")
        )
    assert proxy.upstreams["crawl4ai"].bodies[-1] == body.encode()
    # Neither in a query, where web sockets may have it.
    told = proxy.visitor.ask(f"/crawl4ai/ws?token={LAPTOP}").received()
    assert "authorization" not in told["headers"]
    # A token of Crawl4AI itself is for Crawl4AI to check.
    told = proxy.visitor.ask("/crawl4ai/x", header(way, "e.y.J")).received()
    assert told["headers"]["authorization"] == "Bearer e.y.J"


def test_n8n_is_not_opened_by_any_key(proxy: Running) -> None:
    told = proxy.visitor.ask("/rest/login", {"Authorization": f"Bearer {LAPTOP}"}).received()
    assert told["service"] == "n8n"
    assert told["headers"]["authorization"] == f"Bearer {LAPTOP}"


def test_the_log_names_who_asked_and_has_no_key(tmp_path: Path) -> None:
    one = facts(
        has_api_keys=True,
        access=Access("ai.example.com", is_public=True),
        allowed_cidrs=("0.0.0.0/0",),
    )
    with running(tmp_path, one) as proxy:
        proxy.keys.write_text(as_value([LAPTOP, CI]))
        for service, way in EACH:
            assert ask(proxy, service, header(way, CI)).status == 200
            assert ask(proxy, service, header(way, REMOVED)).status == 401
        host = {"Host": "ai.example.com"} | header(WAYS["qdrant"][0], LAPTOP)
        assert ask(proxy, "qdrant", host).status == 200
        for path in ("/", "/webhook/1?token=hush", "/qdrant/x", "/metrics"):
            proxy.visitor.ask(path, {"Cookie": "hush", "api-key": "hush"})
        until = time.monotonic() + PATIENCE
        while len(lines := logged(proxy)) < len(EACH) + 1 and time.monotonic() < until:
            time.sleep(0.05)
        assert [line["api_key"] for line in lines] == ["ci-2"] * len(EACH) + ["laptop"]
        assert [line["request"]["uri"] for line in lines[:-1]] == [f"/{s}/x" for s, _ in EACH]
        text = proxy.log.read_text()
        for hidden in (LAPTOP, CI, REMOVED, OLLAMA_KEY, *OWN_KEYS.values(), "hush", "in-the-query"):
            assert hidden not in text
