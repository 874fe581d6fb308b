"""Blocks connections and look-ups beyond this machine, and writes each attempt to a file.

Loaded when Python starts, by a .pth file; $ATTEMPTS names the file. botocore's and urllib's sockets
pass here, and those of every child that is Python.
"""

import os
import sys
from typing import Any

_HERE = ("127.0.0.1", "::1", "localhost", "", None)
_EVENTS = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in _EVENTS:
        return
    target = arguments[1] if event in ("socket.connect", "socket.sendto") else arguments[0]
    host = target[0] if isinstance(target, tuple) else target
    if isinstance(target, str | bytes) and event == "socket.connect":
        return  # a socket of Unix
    if isinstance(host, bytes):
        host = host.decode()
    if host in _HERE:
        return
    with open(os.environ["ATTEMPTS"], "a") as file:  # noqa: PTH123 - pathlib is not imported yet
        file.write(f"{event} {host}\n")
    raise PermissionError(f"a test blocks {host}")


sys.addaudithook(_watch)
