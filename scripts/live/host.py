"""The host of the stack: commands on it by Systems Manager, and its services by the tunnel."""

import contextlib
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from geusemaker.host.service import HostService

from .stack import Failed, Live

PORT: Final = 8443
"""Of this machine: `geusemaker connect` forwards it."""
_OPENS_SECONDS: Final = 90.0
_COMMAND_SECONDS: Final = 180.0
_ANSWER_SECONDS: Final = 120.0
"""Crawl4AI opens a page before it answers."""

REQUESTS: Final[Mapping[str, tuple[str, str, Any]]] = {
    "ollama": ("GET", "/api/tags", None),
    "qdrant": ("GET", "/collections", None),
    "crawl4ai": ("POST", "/crawl", {"urls": ["https://example.com"]}),
}
"""By service, a request that needs its key: method, path and body."""


def on_host(live: Live, lines: Sequence[str]) -> str:
    """What a script prints that runs on the host as root. `Failed` where it fails."""
    service = HostService(live.region, live.session.client)
    host = live.outputs()["instanceId"]
    command = service.send(host, ["set -eu", *lines])
    until = time.monotonic() + _COMMAND_SECONDS
    while command is not None and time.monotonic() < until:
        ran = service.command_result(host, command)
        if ran.has_ended:
            if ran.status != "Success":
                raise Failed(f"A command on the host has ended with {ran.status}: {ran.err}")
            return ran.out
        time.sleep(1.0)
    raise Failed("Systems Manager does not reach the host, or the command has not ended.")


@contextlib.contextmanager
def tunnel(live: Live) -> Iterator[None]:
    """`geusemaker connect`, until the block ends."""
    with (
        live.log.open("ab") as log,
        subprocess.Popen(
            ["geusemaker", "connect"],
            cwd=live.folder,
            env=live.env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        ) as child,
    ):
        try:
            until = time.monotonic() + _OPENS_SECONDS
            while not is_taken(PORT):
                if child.poll() is not None or time.monotonic() > until:
                    raise Failed(f"`geusemaker connect` does not open port {PORT}: see {live.log}.")
                time.sleep(0.5)
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGINT)


def is_taken(port: int) -> bool:
    """Whether a program of this machine listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def statuses(logins: Mapping[str, Any], port: int = PORT) -> dict[str, dict[str, int]]:
    """The status of each service with its key and without, by `geusemaker credentials --json`."""
    found = {}
    for name, (method, path, body) in REQUESTS.items():
        login = logins[name]
        path = urlsplit(login["url"]).path + path
        key = {login["header"]: login["value"]}
        found[name] = {
            "with its key": _ask(port, method, path, body, key)[0],
            "without": _ask(port, method, path, body, {})[0],
        }
    owner = logins["n8n"]
    words = {"emailOrLdapLoginId": owner["user"], "password": owner["password"]}
    _, cookies = _ask(port, "POST", "/rest/login", words, {})
    found["n8n"] = {
        "with its key": _ask(port, "GET", "/rest/workflows", None, {"Cookie": cookies})[0],
        "without": _ask(port, "GET", "/rest/workflows", None, {})[0],
    }
    return found


def _ask(
    port: int, method: str, path: str, body: Any, headers: Mapping[str, str]
) -> tuple[int, str]:
    """The status of a request, and the cookies that it sets."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.check_hostname = False
    tls.verify_mode = ssl.CERT_NONE  # Caddy's own authority; Session Manager carries the connection
    connection = http.client.HTTPSConnection(
        "localhost", port, timeout=_ANSWER_SECONDS, context=tls
    )
    sent = {"Host": f"localhost:{PORT}", "Content-Type": "application/json"} | dict(headers)
    try:
        connection.request(method, path, None if body is None else json.dumps(body), sent)
        answer = connection.getresponse()
        answer.read()
        cookies = answer.headers.get_all("Set-Cookie") or []
        return answer.status, "; ".join(one.partition(";")[0] for one in cookies)
    finally:
        connection.close()
