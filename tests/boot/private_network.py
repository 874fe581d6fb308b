"""A VPC with the host in it, in network namespaces of this kernel, for the tests of the wall.

A program that `Network` in test_boot_wall.py starts as root. The first line of its standard input
is the network to build, as JSON. Each further line is one case: firewall rules to set from empty
tables, and connections to attempt. For each it prints a line with the answers and the rules.
Containers are namespaces on real bridges. The host's own script sets the wall, and Docker's rules
are written down here. Everything is gone when the process ends.
"""

import asyncio
import ctypes
import errno
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

HOST: Final = "10.42.0.10"
ELASTIC: Final = "203.0.113.10"
"""The host's address in the VPC, and its public address, which the internet gateway translates."""

CADDY: Final = "198.18.42.2"

VPC: Final = (
    *("10.42.0.1", "10.42.0.2", "10.42.0.20", "10.42.0.30", "10.42.0.50", "10.7.0.5"),
    *("172.31.0.9", "192.168.5.5", "100.64.3.3", "198.18.0.1", "198.19.0.1"),
    *("169.254.169.254", "169.254.169.253", "203.0.113.80", "203.0.113.99"),
)
"""The others: router, resolver, neighbour, database, client, peers, metadata, internet."""

VPC6: Final = ("fd00:42::20", "fd00:ec2::254", "fd00:ec2::253", "2001:db8:80::1")
HOST6: Final = "2001:db8:42::10"

PORTS: Final = (22, 53, 80, 443, 2049, 5432, 5678, 6333, 6334, 6379, 11235, 11434)
QUIET_SECONDS: Final = 0.5
"""How long silence is waited for, after every expected answer has come."""
RESEND_SECONDS: Final = 1.0
LONGEST_SECONDS: Final = 120.0
"""When a wait is given up. Only a hang or a missing answer takes that long."""

EMPTY: Final = {
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
}

SOURCE_PORTS: Final = count(20000)
"""Each attempt has a port of its own, or the kernel could take it for a connection of before."""


def run(*command: str, text: str | None = None) -> str:
    ran = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        sys.exit(f"{' '.join(command)}: {ran.stderr}{ran.stdout}")
    return ran.stdout


@contextmanager
def within(namespace: str) -> Iterator[None]:
    """A socket that is opened here belongs to that namespace; "host" is the process's own."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    path = "/proc/self/ns/net" if namespace == "host" else f"/run/netns/{namespace}"
    there = os.open(path, os.O_RDONLY)
    try:
        assert libc.setns(there, 0x40000000) == 0, os.strerror(ctypes.get_errno())
        yield
    finally:
        assert libc.setns(home, 0x40000000) == 0
        os.close(there)
        os.close(home)


def build(plan: dict[str, Any]) -> None:
    """Bridges, containers and the VPC, with a route from each to each."""
    Path("/run/netns").mkdir(exist_ok=True)
    for name in ("vpc", *plan["containers"]):
        run("ip", "netns", "add", name)
    # A router whose own address is still being checked for duplicates finds no neighbour.
    for namespace in ("host", "vpc", *plan["containers"]):
        with within(namespace):
            for scope in ("all", "default"):
                Path(f"/proc/sys/net/ipv6/conf/{scope}/accept_dad").write_text("0")
    host = ["link set lo up", "link add eth0 type veth peer name eth0 netns vpc"]
    host += [
        "link set eth0 up",
        f"address add {HOST}/24 dev eth0",
        f"address add {HOST6}/64 dev eth0 nodad",
    ]
    host += ["route add default via 10.42.0.1", "route add 169.254.0.0/16 dev eth0"]
    vpc = ["link set lo up", "link set eth0 up"]
    vpc += [f"address add {one}/{24 if one.startswith('10.42.') else 32} dev eth0" for one in VPC]
    vpc += [f"address add {one}/128 dev eth0 nodad" for one in VPC6]
    vpc += ["address add 2001:db8:42::1/64 dev eth0 nodad"]
    vpc += [f"route add fd42::/16 via {HOST6}"]
    for bridge, network in plan["networks"].items():
        host += [f"link add {bridge} type bridge", f"link set {bridge} up"]
        host += [f"address add {network['gateway']}/28 dev {bridge}"]
    host += ["route add default via 2001:db8:42::1"]
    inside: dict[str, list[str]] = {name: ["link set lo up"] for name in plan["containers"]}
    for number, (name, bridge) in enumerate(
        (name, bridge) for name, on in plan["containers"].items() for bridge in on
    ):
        network = plan["networks"][bridge]
        host += [f"link add v{number} type veth peer name {bridge} netns {name}"]
        host += [f"link set v{number} master {bridge} up"]
        address = plan["containers"][name][bridge]
        inside[name] += [f"address add {address}/28 dev {bridge}", f"link set {bridge} up"]
        if not network["internal"]:
            inside[name] += [f"route add default via {network['gateway']}"]
            # As in a network with enable_ipv6.
            host += [f"address add fd42:{number}::1/64 dev {bridge} nodad"]
            inside[name] += [f"address add fd42:{number}::2/64 dev {bridge} nodad"]
            inside[name] += [f"route add default via fd42:{number}::1"]
    run("ip", "-batch", "-", text="\n".join(host))
    run("ip", "-n", "vpc", "-batch", "-", text="\n".join(vpc))
    for name, lines in inside.items():
        run("ip", "-n", name, "-batch", "-", text="\n".join(lines))
    for namespace in ("host", "vpc"):
        with within(namespace):
            for setting in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
                Path(f"/proc/sys/net/{setting}").write_text("1")
            for setting in ("send_redirects", "rp_filter"):
                for scope in ("all", "eth0"):
                    Path(f"/proc/sys/net/ipv4/conf/{scope}/{setting}").write_text("0")
    # The internet gateway.
    with within("vpc"):
        inward = f"-A PREROUTING -d {ELASTIC} -j DNAT --to-destination {HOST}"
        outward = f"-A POSTROUTING -s {HOST} -d {HOST} -j SNAT --to-source {ELASTIC}"
        restore("iptables", ("nat", [inward, outward]))
    for namespace in ("host", "vpc", *plan["containers"]):
        with within(namespace):
            until_links_are_ready(namespace)


def until_links_are_ready(namespace: str) -> None:
    """The kernel gives a link its own IPv6 address some time after the link is up."""
    end = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < end:
        links = {one["ifname"] for one in json.loads(run("ip", "-json", "link"))} - {"lo"}
        ready = ["ip", "-json", "-6", "address", "show", "scope", "link", "-tentative"]
        addresses = [one for one in json.loads(run(*ready)) if one]
        missing = links - {one["ifname"] for one in addresses if one.get("addr_info")}
        if not missing:
            return
        time.sleep(0.05)
    sys.exit(f"no link-local address in {namespace} on {sorted(missing)}")


def restore(command: str, *tables: tuple[str, list[str]]) -> None:
    """Adds to the firewall's tables: chains as `:NAME POLICY`, and rules."""
    lines = [line for name, body in tables for line in (f"*{name}", *body, "COMMIT")]
    run(f"{command}-restore", "--wait=30", "--noflush", text="\n".join(lines) + "\n")


def reset(case: dict[str, Any]) -> None:
    """A host after a boot, before any rule."""
    for command, names in (("iptables", ("filter", "nat")), ("ip6tables", ("filter",))):
        tables = "".join(
            "".join((f"*{table}\n", *(f":{chain} ACCEPT\n" for chain in EMPTY[table]), "COMMIT\n"))
            for table in names
        )
        run(f"{command}-restore", text=tables)
    Path("/etc/resolv.conf").write_text(case["resolv_conf"])
    filtered = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
    if case["bridges_filtered"] and not filtered.exists():
        subprocess.run(["modprobe", "br_netfilter"], check=False)  # as Docker does
    if filtered.exists():
        filtered.write_text("1" if case["bridges_filtered"] else "0")
    elif case["bridges_filtered"]:
        sys.exit("this kernel has no br_netfilter, and `modprobe br_netfilter` did not load it")


def docker(plan: dict[str, Any]) -> None:
    """What Docker's daemon does when it starts. It keeps DOCKER-USER, and puts it first."""
    networks = plan["networks"]
    accepted = [
        f"-A FORWARD -d {container} ! -i {bridge} -o {bridge} -p tcp --dport {port} -j ACCEPT"
        for _, port, bridge, container in plan["published"]
    ]
    for command in ("iptables", "ip6tables"):
        subprocess.run([command, "-w", "30", "-N", "DOCKER-USER"], check=False, capture_output=True)
        body = [":FORWARD DROP"]
        for bridge, network in networks.items():
            body += [
                f"-A FORWARD -i {bridge} -o {one} -j DROP" for one in networks if one != bridge
            ]
            if network["internal"]:
                body += [f"-A FORWARD -i {bridge} ! -o {bridge} -j DROP"]
                body += [f"-A FORWARD ! -i {bridge} -o {bridge} -j DROP"]
            body += [f"-A FORWARD -i {bridge} -j ACCEPT"]
            back = "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
            body += [f"-A FORWARD -o {bridge} {back}"]
        body += ["-I FORWARD -j DOCKER-USER"]
        restore(command, ("filter", body))
    nat = [":DOCKER -", "-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER"]
    nat += [
        f"-A DOCKER {address and f'-d {address}'} ! -i {bridge} -p tcp --dport {port}"
        f" -j DNAT --to-destination {container}:{port}"
        for address, port, bridge, container in plan["published"]
    ]
    nat += [
        f"-A POSTROUTING -s {network['subnet']} ! -o {bridge} -j MASQUERADE"
        for bridge, network in networks.items()
        if not network["internal"]
    ]
    restore("iptables", ("filter", accepted), ("nat", nat))


def old(_: dict[str, Any]) -> None:
    """The rule that earlier bundles left."""
    run("iptables", "-w", "30", "-I", "DOCKER-USER", "-d", "169.254.169.254/32", "-j", "DROP")


def wall(plan: dict[str, Any]) -> None:
    """As Docker's unit and the services step set it."""
    run("bash", "-c", plan["wall"])


def wall_alone(plan: dict[str, Any]) -> None:
    """Without the networks that lead nowhere."""
    run("bash", "-c", plan["wall alone"])


def wall_of_before(plan: dict[str, Any]) -> None:
    """As it was set while the name of the stack's host had another address."""
    run("bash", "-c", plan["wall of before"])


def failing_wall(plan: dict[str, Any]) -> None:
    """A wall that iptables refuses halfway."""
    resolvers = Path("/etc/resolv.conf").read_text()
    Path("/etc/resolv.conf").write_text("nameserver 10.42.0.999\n")
    ran = subprocess.run(["bash", "-c", plan["wall"]], check=False, capture_output=True)
    Path("/etc/resolv.conf").write_text(resolvers)
    if ran.returncode == 0:
        sys.exit("iptables accepted an invalid address")


STEPS: Final = {
    "docker": docker,
    "old": old,
    "wall": wall,
    "wall alone": wall_alone,
    "wall of before": wall_of_before,
    "failing wall": failing_wall,
}


class Answering(asyncio.DatagramProtocol):
    def __init__(self, namespace: str) -> None:
        self.namespace = namespace

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.transport.sendto(f"{self.namespace} {addr[0]}".encode(), addr)


async def serve(namespace: str, only: dict[str, str]) -> None:
    """Answers each connection with the namespace and the client's address. `only`: the single
    address on which a port is open, for programs that do not listen on all."""

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"{namespace} {writer.get_extra_info('peername')[0]}".encode())
        writer.write_eof()

    for anyone in ("0.0.0.0", "::"):  # noqa: S104
        for port in PORTS:
            if anyone == "::" and str(port) in only:
                continue
            at = only.get(str(port), anyone)
            await asyncio.start_server(greet, sock=listening(namespace, "tcp", at, port))
    # One for each address: a socket for all of them would answer from the first.
    for address in (*VPC, *VPC6) if namespace == "vpc" else ():
        await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Answering(namespace), sock=listening(namespace, "udp", address, 53)
        )


def listening(namespace: str, kind: str, address: str, port: int) -> socket.socket:
    with within(namespace):
        own = made(kind, address)
    if ":" in address:
        own.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    own.bind((address, port))
    return own


def made(kind: str, address: str) -> socket.socket:
    own = socket.socket(
        socket.AF_INET6 if ":" in address else socket.AF_INET,
        socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM,
    )
    own.setblocking(False)
    return own


async def attempt(start: str, source: str, kind: str, to: str, port: int) -> str:
    """The answer; or an error, if one came."""
    loop = asyncio.get_running_loop()
    with within(start):
        own = made(kind, to)
    try:
        own.bind((source or ("::" if ":" in to else "0.0.0.0"), next(SOURCE_PORTS)))  # noqa: S104
        await loop.sock_connect(own, (to, port))
        if kind == "udp":
            return await datagram(own)
        came = b""
        while part := await loop.sock_recv(own, 1000):
            came += part
        return came.decode()
    except OSError as error:
        return f"error {errno.errorcode[error.errno or 0]}"
    finally:
        own.close()


async def datagram(own: socket.socket) -> str:
    """Sends until an answer comes."""
    loop = asyncio.get_running_loop()
    while True:
        await loop.sock_sendall(own, b"a question")
        try:
            came = await asyncio.wait_for(loop.sock_recv(own, 1000), RESEND_SECONDS)
            return came.decode()
        except TimeoutError:
            continue


async def attempts(wanted: list[dict[str, Any]]) -> list[str]:
    """The answer of each, empty where none came.

    Silence is proved by the others: those that expect none begin first, and all packets and answers
    pass through one kernel and one event loop. So a stalled machine delays both alike.
    """
    assert any(one["answered"] for one in wanted), (
        "without an expected answer, silence proves nothing"
    )
    tasks = {}
    for number in sorted(range(len(wanted)), key=lambda number: bool(wanted[number]["answered"])):
        tasks[number] = asyncio.create_task(attempt(*wanted[number]["attempt"]))
    answered = [task for number, task in tasks.items() if wanted[number]["answered"]]
    await asyncio.wait(answered, timeout=LONGEST_SECONDS)
    await asyncio.wait(tasks.values(), timeout=QUIET_SECONDS)
    answers = [tasks[number].result() if tasks[number].done() else "" for number in sorted(tasks)]
    for task in tasks.values():
        task.cancel()
    await asyncio.wait(tasks.values())
    return answers


async def answer_cases(plan: dict[str, Any]) -> None:
    for namespace in ("host", "vpc", *plan["containers"]):
        await serve(namespace, plan["only"].get(namespace, {}))
    for line in sys.stdin:
        signal.alarm(600)  # ends this process where something hangs
        case = json.loads(line)
        reset(case)
        for what in case["order"]:
            STEPS[what](plan)
        answers = await attempts(case["attempts"])
        rules = run("iptables", "-S") + run("ip6tables", "-S")
        print(json.dumps({"answers": answers, "rules": rules.splitlines()}), flush=True)
        signal.alarm(0)


def main() -> None:
    plan = json.loads(sys.stdin.readline())
    # The lock of iptables, the names of namespaces and resolv.conf are this system's alone.
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    Path("/run/resolv.conf").touch()
    run("mount", "--bind", "/run/resolv.conf", "/etc/resolv.conf")
    tools = Path("/run/tools")
    tools.mkdir()
    for name in ("iptables", "ip6tables", "iptables-restore", "ip6tables-restore"):
        (tools / name).symlink_to(f"/usr/sbin/xtables-{plan['tables']}-multi")
    os.environ["PATH"] = f"{tools}:/usr/sbin:/sbin:{os.environ['PATH']}"
    build(plan)
    asyncio.run(answer_cases(plan))


if __name__ == "__main__":
    main()
