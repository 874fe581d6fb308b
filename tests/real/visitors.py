"""Clients for the tests of the proxy, and stand-ins for the services behind it."""

import base64
import hashlib
import http.client
import http.server
import json
import os
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from real_stack.programs import PATIENCE

HOSTILE = (
    ("Content-Type", "text/html"),
    ("Content-Security-Policy", "default-src * 'unsafe-inline'"),
    ("Content-Security-Policy", "sandbox allow-scripts allow-same-origin"),
    ("X-Content-Type-Options", "sniff"),
    ("X-Frame-Options", "ALLOWALL"),
    ("Set-Cookie", "n8n-auth=mine; Path=/"),
    ("Clear-Site-Data", '"*"'),
    ("Service-Worker-Allowed", "/"),
    ("Refresh", "0; url=/signin"),
    ("Alt-Svc", 'h2="evil.example:443"'),
    ("Strict-Transport-Security", "max-age=63072000"),
    ("NEL", '{"report_to":"evil","max_age":31536000,"success_fraction":1}'),
    (
        "Report-To",
        '{"group":"evil","max_age":31536000,"endpoints":[{"url":"https://evil.example"}]}',
    ),
    ("Sec-Session-Registration", '(ES256);path="/qdrant/session"'),
    ("Secure-Session-Registration", '(ES256);path="/qdrant/session"'),
    ("WWW-Authenticate", 'Basic realm="Webhook"'),
)
"""The answer of /hostile: headers by which a service could affect n8n's origin."""


class Upstream(http.server.ThreadingHTTPServer):
    """A service behind the proxy. Its answer is what it received; it can be silent for long."""

    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, name: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.name = name
        self.ready = True
        self.free = threading.Event()
        """Cleared while the one thread of the service is busy: no check is answered."""
        self.free.set()
        self.speak = threading.Event()
        """Ends the silence between the two words of the answer to /silent."""
        self.seen: list[str] = []
        self.bodies: list[bytes] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Prints an error, unless Caddy has closed the connection, which several tests cause."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Upstream

    def log_message(self, format: str, *args: Any) -> None:
        """Prints nothing: the tests show what failed."""

    def do_GET(self) -> None:
        self.server.seen.append(self.path)
        if self.path == "/healthz/readiness":
            self.server.free.wait(PATIENCE)
            self._answer(200 if self.server.ready else 503, b"")
        elif self.headers.get("Upgrade", "").lower() == "websocket":
            self._web_socket()
        elif self.path == "/silent":
            self._silent()
        elif self.path.startswith("/hostile"):
            self._hostile()
        else:
            received = {
                "service": self.server.name,
                "path": self.path,
                "headers": {name.lower(): value for name, value in self.headers.items()},
            }
            self._answer(200, json.dumps(received).encode())

    def do_POST(self) -> None:
        size = int(self.headers.get("Content-Length", "0"))
        self.server.bodies.append(self.rfile.read(size))
        if len(self.server.bodies[-1]) < size:
            self.close_connection = True  # Caddy has cut the request
        else:
            self.do_GET()

    def do_OPTIONS(self) -> None:
        self.do_GET()

    def _answer(self, code: int, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _hostile(self) -> None:
        if self.path.endswith("/early"):
            # A browser also accepts some headers of a provisional answer.
            self.send_response_only(103)
            self.send_header("Set-Cookie", "n8n-auth=mine; Path=/")
            self.end_headers()
        self.send_response(200)
        for name, value in HOSTILE:
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _silent(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Content-Type", "application/x-ndjson")
        self.end_headers()
        self._chunk(b"first ")
        self.server.speak.wait(PATIENCE)
        self._chunk(b"second")
        self._chunk(b"")

    def _chunk(self, part: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        self.wfile.flush()

    def _web_socket(self) -> None:
        self.close_connection = True
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", _accept(self.headers["Sec-WebSocket-Key"]))
        self.end_headers()
        text = read_frame(self.rfile.read)
        # From a server, frames are not masked.
        self.wfile.write(bytes([0x81, len(text)]) + text.upper())
        self.wfile.flush()


def _accept(key: str) -> str:
    digest = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode())  # noqa: S324
    return base64.b64encode(digest.digest()).decode()


def read_frame(read: Callable[[int], bytes]) -> bytes:
    """The text of one short frame, masked or not."""
    _, second = read(2)
    mask = read(4) if second & 0x80 else b"\0\0\0\0"
    return bytes(byte ^ mask[i % 4] for i, byte in enumerate(read(second & 0x7F)))


@dataclass(frozen=True)
class Answer:
    """A response. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: str

    def received(self) -> Any:
        """The request as the stand-in received it."""
        return json.loads(self.body)


class Visitor:
    """A TLS client that trusts this root certificate, or the machine's own if empty.

    `source` is the address of the loopback that the connections come from.
    """

    def __init__(self, port: int, root: str, source: str = "127.0.0.1") -> None:
        self.port = port
        self.root = root
        self.source = source

    def context(self, *protocols: str) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=self.root or None)
        if protocols:
            context.set_alpn_protocols(list(protocols))
        return context

    @contextmanager
    def connected(self, *protocols: str, name: str = "localhost") -> Iterator[ssl.SSLSocket]:
        plain = socket.create_connection(
            ("127.0.0.1", self.port), timeout=PATIENCE, source_address=(self.source, 0)
        )
        # A separate handshake, so that the socket is closed when it fails.
        safe = self.context(*protocols).wrap_socket(
            plain, server_hostname=name, do_handshake_on_connect=False
        )
        with safe:
            safe.do_handshake()
            yield safe

    def ask(
        self,
        path: str,
        headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        method: str = "GET",
    ) -> Answer:
        """Sends path and headers unchanged. Pairs may have a header twice."""
        connection = http.client.HTTPSConnection(
            "localhost",
            self.port,
            context=self.context(),
            timeout=PATIENCE,
            source_address=(self.source, 0),
        )
        try:
            pairs = list(headers.items() if isinstance(headers, Mapping) else headers)
            connection.putrequest(method, path, skip_host="Host" in dict(pairs))
            for name, value in pairs:
                connection.putheader(name, value)
            connection.endheaders()
            response = connection.getresponse()
            body = response.read().decode()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, body)
        finally:
            connection.close()

    def web_socket(self, path: str, text: str) -> str:
        """The answer of a web socket to one short text."""
        key = base64.b64encode(os.urandom(16)).decode()
        with self.connected("http/1.1") as safe:
            safe.sendall(
                f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
                f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                f"Sec-WebSocket-Key: {key}\r\n\r\n".encode()
            )
            stream = safe.makefile("rb")
            assert stream.readline().split()[1] == b"101"
            while (line := stream.readline()) != b"\r\n":
                if line.lower().startswith(b"sec-websocket-accept:"):
                    assert line.split()[1].decode() == _accept(key)
            mask, raw = os.urandom(4), text.encode()
            masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(raw))
            safe.sendall(bytes([0x81, 0x80 | len(raw)]) + mask + masked)
            return read_frame(stream.read).decode()
