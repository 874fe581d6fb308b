"""Clients without a key that send slowly or stop: what they cost Caddy, and for how long."""

import resource
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from bundle.variants import facts
from real_stack.programs import PATIENCE

from geusemaker.bundle import Access
from geusemaker.bundle.limits import NEEDS

from .proxy import OLLAMA_KEY, Running, running

REQUESTS = 1200
GIVEN_UP = (b"HTTP/1.1 499", b"HTTP/1.1 503")
"""The answers to a request without its body. Which one depends on what Caddy notices first."""
HEAD = "POST {} HTTP/1.1\r\nHost: localhost\r\nX-Claims: {}\r\nContent-Length: {}\r\n\r\nabc"


def most_mib(process: int) -> int:
    """The most memory that it has used."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


@contextmanager
def many_files() -> Iterator[None]:
    """Allows enough open files: both ends of every connection are in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, REQUESTS * 3), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_stalled_requests_leave_caddy_its_memory_and_others_their_answers(tmp_path: Path) -> None:
    with (
        many_files(),
        running(
            tmp_path, facts(access=Access(is_public=True), allowed_cidrs=("0.0.0.0/0",))
        ) as one,
        ExitStack() as held,
    ):
        context = one.visitor.context()
        request = HEAD.format("/webhook/1", "a" * 60_000, 1_000_000).encode()
        for _ in range(REQUESTS):
            plain = held.enter_context(socket.create_connection(("127.0.0.1", one.https_port)))
            safe = context.wrap_socket(plain, server_hostname="localhost")
            held.enter_context(safe).sendall(request)
        assert one.visitor.ask("/workflow/1").received()["service"] == "n8n"
        with_key = one.visitor.ask("/ollama/api/tags", {"Authorization": f"Bearer {OLLAMA_KEY}"})
        assert with_key.received()["service"] == "ollama"
        limit = NEEDS["caddy"].least
        assert most_mib(one.process) < limit * 0.85, f"of its {limit} MiB"


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A proxy with the same limits, but of seconds."""
    swaps = {
        "read_header 10s": "read_header 5s",  # the limit of the TLS handshake too
        "read_body_idle 30s 1000": "read_body_idle 2s 1000",
    }
    with running(tmp_path_factory.mktemp("proxy"), facts(), swaps=swaps) as one:
        yield one


def rest(safe: ssl.SSLSocket) -> bytes:
    """Everything until the other side closes. Fails after `PATIENCE` seconds."""
    came = b""
    while part := safe.recv(65536):
        came += part
    return came


def test_an_incomplete_head_is_not_waited_for(impatient: Running) -> None:
    with impatient.visitor.connected() as safe:
        safe.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Claims: aaaa")
        assert b"200" not in rest(safe)


def test_a_body_that_stalls_is_not_waited_for(impatient: Running) -> None:
    with ExitStack() as held:
        stalled = []
        for path in ("/webhook/1", "/qdrant/collections", "/crawl4ai/crawl"):
            stalled.append(held.enter_context(impatient.visitor.connected()))
            stalled[-1].sendall(HEAD.format(path, "a", 1_000_000).encode())
        for safe in stalled:
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
    # On a machine that stalls for seconds, one upload is rightly closed. A limit closes each.
    answers: list[bytes] = []
    while len(answers) < 5 and not any(answer.startswith(b"HTTP/1.1 200") for answer in answers):
        answers.append(upload(impatient, parts=20))
    assert answers[-1].startswith(b"HTTP/1.1 200")


def upload(impatient: Running, parts: int) -> bytes:
    """The answer to an upload of `parts` times 1,000 bytes, each after 0.3 s."""
    with impatient.visitor.connected() as safe:
        safe.sendall(HEAD.format("/qdrant/snapshots", "a", 3 + parts * 1000).encode())
        safe.settimeout(0.3)
        try:
            for at in range(parts):
                safe.sendall(b"x" * 1000)
                if at < parts - 1:
                    # Not a measurement: this is how slow the client is.
                    with suppress(TimeoutError):
                        return safe.recv(65536)
            safe.settimeout(PATIENCE)
            return safe.recv(65536)
        except OSError as error:
            return repr(error).encode()


def test_a_refused_client_is_not_waited_for(tmp_path: Path) -> None:
    # Without a limit on stalled bodies, only the refusal can end the request.
    swaps = {"read_body_idle 30s 1000": "read_body_idle 1h 1000"}
    with running(tmp_path, facts(), swaps=swaps) as one:
        for path in ("/ollama/api/blobs/1", "/metrics"):
            with one.visitor.connected() as safe:
                safe.sendall(HEAD.format(path, "a" * 60_000, 1_000_000).encode())
                assert rest(safe).startswith((b"HTTP/1.1 401", b"HTTP/1.1 404"))


def test_one_connection_has_one_request_at_a_time(impatient: Running) -> None:
    with impatient.visitor.connected("h2", "http/1.1") as safe:
        assert safe.selected_alpn_protocol() == "http/1.1"
