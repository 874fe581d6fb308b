"""Clients without a key that send slowly or not at all: what they cost Caddy, and for how long."""

import resource
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from bundle.variants import facts

from geusemaker.bundle import Access
from geusemaker.bundle.limits import NEEDS

from .proxy import OLLAMA_KEY, Running, running
from .visitors import PATIENCE

REQUESTS = 1200
GIVEN_UP = (b"HTTP/1.1 499", b"HTTP/1.1 503")
"""How Caddy answers a request whose body did not come: whichever it notices first."""
HEAD = "POST {} HTTP/1.1\r\nHost: localhost\r\nX-Claims: {}\r\nContent-Length: {}\r\n\r\nabc"


def most_mib(process: int) -> int:
    """The most memory that it has had."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


@contextmanager
def many_files() -> Iterator[None]:
    """Both ends of every connection are in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, REQUESTS * 3), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_stalled_requests_leave_caddy_its_memory_and_others_their_answers(
    caddy: Path, tmp_path: Path
) -> None:
    with (
        many_files(),
        running(caddy, tmp_path, facts(access=Access(is_public=True))) as one,
        ExitStack() as held,
    ):
        context = one.visitor.context()
        request = HEAD.format("/webhook/1", "a" * 60_000, 1_000_000).encode()
        for _ in range(REQUESTS):
            plain = held.enter_context(socket.create_connection(("127.0.0.1", one.https_port)))
            safe = context.wrap_socket(plain, server_hostname="localhost")
            held.enter_context(safe).sendall(request)
        assert one.visitor.ask("/workflow/1").told()["service"] == "n8n"
        with_key = one.visitor.ask("/ollama/api/tags", {"Authorization": f"Bearer {OLLAMA_KEY}"})
        assert with_key.told()["service"] == "ollama"
        limit = NEEDS["caddy"].least
        assert most_mib(one.process) < limit * 0.85, f"of its {limit} MiB"


@pytest.fixture(scope="module")
def impatient(caddy: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """With the same limits, but seconds in place of a minute."""
    swaps = {
        "read_header 10s": "read_header 2s",
        "read_body_idle 30s 1000": "read_body_idle 2s 1000",
    }
    with running(caddy, tmp_path_factory.mktemp("proxy"), facts(), swaps=swaps) as one:
        yield one


def rest(safe: ssl.SSLSocket) -> bytes:
    """All that comes until the other side closes. Fails when that takes `PATIENCE` seconds."""
    came = b""
    while part := safe.recv(65536):
        came += part
    return came


def test_half_a_head_is_not_waited_for(impatient: Running) -> None:
    with impatient.visitor.connected() as safe:
        safe.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Claims: aaaa")
        assert b"200" not in rest(safe)


@pytest.mark.parametrize("path", ["/webhook/1", "/qdrant/collections", "/crawl4ai/crawl"])
def test_a_body_that_stalls_is_not_waited_for(impatient: Running, path: str) -> None:
    with impatient.visitor.connected() as safe:
        safe.sendall(HEAD.format(path, "a", 1_000_000).encode())
        assert safe.recv(65536).startswith(GIVEN_UP)


def test_a_body_that_trickles_is_not_waited_for(impatient: Running) -> None:
    with impatient.visitor.connected() as safe:
        safe.sendall(HEAD.format("/webhook/1", "a", 1_000_000).encode())
        safe.settimeout(0.2)
        came = b""
        for _ in range(int(PATIENCE / 0.2)):
            safe.sendall(b"x")
            try:
                came = safe.recv(65536)
                break
            except TimeoutError:
                pass
        assert came.startswith(GIVEN_UP)


def test_an_upload_may_take_longer_than_any_limit(impatient: Running) -> None:
    parts = 12
    with impatient.visitor.connected() as safe:
        safe.sendall(HEAD.format("/qdrant/snapshots", "a", 3 + parts * 1000).encode())
        safe.settimeout(0.3)
        for at in range(parts):
            safe.sendall(b"x" * 1000)
            if at < parts - 1:
                # Not a measurement: this is how slow the client is.
                with pytest.raises(TimeoutError):
                    safe.recv(1)
        safe.settimeout(PATIENCE)
        assert safe.recv(65536).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("path", ["/ollama/api/blobs/1", "/metrics"])
def test_who_is_refused_is_not_waited_for(caddy: Path, tmp_path: Path, path: str) -> None:
    with running(caddy, tmp_path, facts()) as one, one.visitor.connected() as safe:
        safe.settimeout(20)  # less than the limit on stalled bodies
        safe.sendall(HEAD.format(path, "a" * 60_000, 1_000_000).encode())
        assert rest(safe).startswith((b"HTTP/1.1 401", b"HTTP/1.1 404"))


def test_one_connection_has_one_request_at_a_time(impatient: Running) -> None:
    with impatient.visitor.connected("h2", "http/1.1") as safe:
        assert safe.selected_alpn_protocol() == "http/1.1"
