"""A private network of hosts and containers, in network namespaces of this kernel."""

import ctypes
import json
import os
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Final

from real_stack.programs import PATIENCE
from real_stack.visitor import Answer, Visitor

ROUTER: Final = "10.42.0.1"
INTERNET: Final = "203.0.113.80"
"""An address outside of the private network, of no host unless a test adds it."""

BRIDGE: Final = "vpc"
NAMESPACES: Final = Path("/run/netns")

_CLONE_NEWNET: Final = 0x40000000


def run(*command: str, text: str | None = None, env: Mapping[str, str] | None = None) -> str:
    """The output of a command that must succeed."""
    ran = subprocess.run(command, input=text, env=env, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, f"{' '.join(command)}: {ran.stderr}{ran.stdout}"
    return ran.stdout


@contextmanager
def within(namespace: str) -> Iterator[None]:
    """A socket that this thread opens here belongs to that namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(NAMESPACES / namespace, os.O_RDONLY)
    try:
        assert libc.setns(there, _CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        yield
    finally:
        assert libc.setns(home, _CLONE_NEWNET) == 0
        os.close(there)
        os.close(home)


def connect(namespace: str, address: str, port: int, timeout: float = PATIENCE) -> socket.socket:
    """A connection from that namespace. Raises `OSError`."""
    with within(namespace):
        line = socket.socket()
    line.settimeout(timeout)
    try:
        line.connect((address, port))
    except BaseException:
        line.close()
        raise
    return line


def make_network() -> None:
    """The private network itself, in the namespace of this process."""
    NAMESPACES.mkdir(exist_ok=True)
    lines = ["link set lo up", f"link add {BRIDGE} type bridge", f"link set {BRIDGE} up"]
    lines += [f"address add {ROUTER}/16 dev {BRIDGE}"]
    lines += [f"route add {INTERNET} dev {BRIDGE}"]
    run("ip", "-batch", "-", text="\n".join(lines))
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def make_host(name: str, address: str) -> None:
    """A host in the private network."""
    run("ip", "netns", "add", name)
    run("ip", "link", "add", f"to-{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
    run("ip", "link", "set", f"to-{name}", "master", BRIDGE, "up")
    lines = ["link set lo up", "link set eth0 up", f"address add {address}/16 dev eth0"]
    lines += [f"route add default via {ROUTER}"]
    run("ip", "-n", name, "-batch", "-", text="\n".join(lines))
    with within(name):
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def remove_host(name: str) -> None:
    """Removes a host and its containers, whose programs have ended."""
    # The kernel removes a namespace some time after its name.
    run("ip", "link", "delete", f"to-{name}")
    for one in NAMESPACES.iterdir():
        if one.name == name or one.name.startswith(f"{name}."):
            run("ip", "netns", "delete", one.name)


class Client(Visitor):
    """Connects from a namespace, as Caddy or a health check does. Keeps cookies."""

    def __init__(self, namespace: str, address: str, port: int = 5678) -> None:
        self.namespace = namespace
        self.address = address
        self.port = port
        self.cookies: dict[str, str] = {}

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = PATIENCE,
    ) -> Answer:
        """One request; a body is sent as JSON. Raises `OSError`."""
        sent = {"Host": "localhost:8443", "Connection": "close", "browser-id": "tests"}
        # As Caddy adds them.
        sent |= {"X-Forwarded-Proto": "https", "X-Forwarded-For": "10.42.0.1"}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        content = None
        if body is not None:
            content = json.dumps(body)
            sent["Content-Type"] = "application/json"
        connection = HTTPConnection(self.address, self.port)
        connection.sock = connect(self.namespace, self.address, self.port, timeout)
        try:
            connection.request(method, path, content, sent | dict(headers or {}))
            response = connection.getresponse()
            for value in response.headers.get_all("Set-Cookie") or []:
                for name, morsel in SimpleCookie(value).items():
                    self.cookies[name] = morsel.value
            return Answer(response.status, dict(response.headers), response.read().decode())
        finally:
            connection.close()
