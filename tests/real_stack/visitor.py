"""An HTTPS client like a browser: trusts only Caddy's authority, keeps cookies, has web sockets."""

import base64
import contextlib
import email
import hashlib
import json
import secrets
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPSConnection
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, BinaryIO

from real_stack.programs import PATIENCE

_MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass(frozen=True)
class WebSocket:
    """A requested web socket. `status` is 101 when it is open."""

    status: int
    line: socket.socket
    reader: BinaryIO

    def send(self, kind: int, content: bytes) -> None:
        """Sends one frame. Clients mask theirs; a mask of zeros does not change the content."""
        assert len(content) < 126
        self.line.sendall(bytes((0x80 | kind, 0x80 | len(content), 0, 0, 0, 0)) + content)

    def next(self) -> tuple[int, bytes]:
        """The next frame: its kind (1 is text, 8 is close, 10 is pong) and content."""
        head = self.reader.read(2)
        assert len(head) == 2, "the connection was closed without a frame"
        size = head[1] & 0x7F
        if size > 125:
            size = int.from_bytes(self.reader.read(2 if size == 126 else 8), "big")
        return head[0] & 0x0F, self.reader.read(size)


class Visitor:
    """Connects to `port` of this machine with the Host header `authority`, as by a port forward."""

    def __init__(self, port: int, root: Path, authority: str = "localhost:8443") -> None:
        self.port = port
        self.authority = authority
        self.cookies: dict[str, str] = {}
        self._tls = ssl.create_default_context(cafile=str(root))

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request; a body is sent as JSON."""
        sent = {"Host": self.authority, "Connection": "close"} | self._cookie_header()
        content = None
        if body is not None:
            content = json.dumps(body)
            sent["Content-Type"] = "application/json"
        connection = HTTPSConnection("localhost", self.port, timeout=PATIENCE, context=self._tls)
        try:
            connection.request(method, path, content, sent | dict(headers or {}))
            response = connection.getresponse()
            for value in response.headers.get_all("Set-Cookie") or []:
                for name, morsel in SimpleCookie(value).items():
                    self.cookies[name] = morsel.value
            text = response.read().decode()
            return Answer(response.status, dict(response.headers), text)
        finally:
            connection.close()

    @contextlib.contextmanager
    def web_socket(self, path: str, origin: str) -> Iterator["WebSocket"]:
        """Requests a web socket."""
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        lines = {
            "Host": self.authority,
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": key,
            "Origin": origin,
        } | self._cookie_header()
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as plain,
            self._tls.wrap_socket(plain, server_hostname="localhost") as line,
            line.makefile("rb") as reader,
        ):
            line.sendall(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode())
            status = int(reader.readline().split()[1])
            answered = email.message_from_bytes(b"".join(iter(reader.readline, b"\r\n")))
            if status == 101:
                accept = hashlib.sha1(f"{key}{_MAGIC}".encode()).digest()  # noqa: S324
                assert answered["Sec-WebSocket-Accept"] == base64.b64encode(accept).decode()
            yield WebSocket(status, line, reader)

    def _cookie_header(self) -> dict[str, str]:
        if not self.cookies:
            return {}
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
