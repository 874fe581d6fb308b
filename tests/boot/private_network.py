"""A VPC with the host in it, in network namespaces of this kernel, for the wall between them.

A program of its own, which `Network` in test_boot_wall.py starts as root: it reads what to build
from its standard input, as JSON, and prints what came of each attempt to connect. Containers are
namespaces on real bridges, the rules are put up by the host's own script, and Docker's are like
those that Docker makes. All of it goes with the process.
"""

import asyncio
import ctypes
import errno
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

HOST: Final = "10.42.0.10"
ELASTIC: Final = "203.0.113.10"
"""The host's own address in the VPC, and the one that the internet gateway translates to it."""

CADDY: Final = "198.18.42.2"

VPC: Final = (
    *("10.42.0.1", "10.42.0.2", "10.42.0.20", "10.42.0.30", "10.42.0.50", "10.7.0.5"),
    *("172.31.0.9", "192.168.5.5", "100.64.3.3", "198.18.0.1", "198.19.0.1"),
    *("169.254.169.254", "169.254.169.253", "203.0.113.80", "203.0.113.99"),
)
"""Who else is there: router, resolver, neighbour, database, client, peers, metadata, internet."""

VPC6: Final = ("fd00:42::20", "fd00:ec2::254", "fd00:ec2::253", "2001:db8:80::1")
HOST6: Final = "2001:db8:42::10"

PORTS: Final = (22, 53, 80, 443, 2049, 5432, 5678, 11434)
QUIET_SECONDS: Final = 2.0
"""Nothing has answered for so long: in one kernel an answer takes a fraction of a millisecond."""
LONGEST_SECONDS: Final = 60.0


def run(*command: str, text: str | None = None) -> str:
    ran = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        sys.exit(f"{' '.join(command)}: {ran.stderr}{ran.stdout}")
    return ran.stdout


@contextmanager
def within(namespace: str) -> Iterator[None]:
    """What is opened here belongs to that namespace for good; "host" is the process's own."""
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
    """Bridges, containers and the VPC, with a way from each to each but for the rules."""
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
            # As a network with enable_ipv6 would have it.
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
    filtered = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
    if plan["bridges_filtered"] and not filtered.exists():
        subprocess.run(["modprobe", "br_netfilter"], check=False)  # as Docker does
    if filtered.exists():
        filtered.write_text("1" if plan["bridges_filtered"] else "0")
    elif plan["bridges_filtered"]:
        sys.exit("this kernel has no br_netfilter, and `modprobe br_netfilter` brought none")
    # The internet gateway.
    with within("vpc"):
        tables("nat", f"-A PREROUTING -d {ELASTIC} -j DNAT --to-destination {HOST}")
        tables("nat", f"-A POSTROUTING -s {HOST} -d {HOST} -j SNAT --to-source {ELASTIC}")
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


def tables(table: str, rule: str, command: str = "iptables") -> None:
    run(command, "-w", "30", "-t", table, *rule.split())


def docker(plan: dict[str, Any]) -> None:
    """What Docker's daemon does when it starts: DOCKER-USER is made or kept, and asked first."""
    networks = plan["networks"]
    for command in ("iptables", "ip6tables"):
        subprocess.run([command, "-w", "30", "-N", "DOCKER-USER"], check=False, capture_output=True)
        for bridge, network in networks.items():
            for other in networks:
                if other != bridge:
                    tables("filter", f"-A FORWARD -i {bridge} -o {other} -j DROP", command)
            if network["internal"]:
                tables("filter", f"-A FORWARD -i {bridge} ! -o {bridge} -j DROP", command)
                tables("filter", f"-A FORWARD ! -i {bridge} -o {bridge} -j DROP", command)
            tables("filter", f"-A FORWARD -i {bridge} -j ACCEPT", command)
            back = f"-A FORWARD -o {bridge} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
            tables("filter", back, command)
        tables("filter", "-I FORWARD -j DOCKER-USER", command)
        tables("filter", "-P FORWARD DROP", command)
    for bridge, network in networks.items():
        if not network["internal"]:
            masquerade = f"-A POSTROUTING -s {network['subnet']} ! -o {bridge} -j MASQUERADE"
            tables("nat", masquerade)
    tables("nat", "-N DOCKER")
    tables("nat", "-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER")
    to_caddy = f"-j DNAT --to-destination {CADDY}:443"
    tables("nat", f"-A DOCKER ! -i gm-edge -p tcp --dport 443 {to_caddy}")
    tables("filter", f"-A FORWARD -d {CADDY} ! -i gm-edge -o gm-edge -p tcp --dport 443 -j ACCEPT")


def old(_: dict[str, Any]) -> None:
    """What earlier bundles left behind."""
    tables("filter", "-I DOCKER-USER -d 169.254.169.254/32 -j DROP")


def wall(plan: dict[str, Any]) -> None:
    """As Docker's unit and the services step do it."""
    run("bash", "-c", plan["wall"])


def failing_wall(plan: dict[str, Any]) -> None:
    """One that iptables refuses in its middle."""
    resolvers = Path("/etc/resolv.conf").read_text()
    Path("/etc/resolv.conf").write_text("nameserver 10.42.0.999\n")
    ran = subprocess.run(["bash", "-c", plan["wall"]], check=False, capture_output=True)
    Path("/etc/resolv.conf").write_text(resolvers)
    if ran.returncode == 0:
        sys.exit("iptables took an address that is none")


STEPS: Final = {"docker": docker, "old": old, "wall": wall, "failing wall": failing_wall}


class Answering(asyncio.DatagramProtocol):
    def __init__(self, namespace: str) -> None:
        self.namespace = namespace

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.transport.sendto(f"{self.namespace} {addr[0]}".encode(), addr)


class Asking(asyncio.DatagramProtocol):
    def __init__(self, answer: "asyncio.Future[str]") -> None:
        self.answer = answer

    def connection_made(self, transport: Any) -> None:
        transport.sendto(b"a question")

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if not self.answer.done():
            self.answer.set_result(data.decode())


async def serve(namespace: str, only: dict[str, str]) -> None:
    """Says to whoever connects where it is, and who that seems to be. `only`: the single address
    on which a port is open, for programs that do not take all."""

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"{namespace} {writer.get_extra_info('peername')[0]}".encode())
        writer.write_eof()

    for anyone in ("0.0.0.0", "::"):  # noqa: S104
        for port in PORTS:
            if anyone == "::" and str(port) in only:
                continue
            at = only.get(str(port), anyone)
            await asyncio.start_server(greet, sock=listening(namespace, "tcp", at, port))
    # By the address: the answer of a socket for all of them would come from the first.
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
    """Who answered; or an error, if one came."""
    loop = asyncio.get_running_loop()
    with within(start):
        own = made(kind, to)
    if source:
        own.bind((source, 0))
    try:
        await loop.sock_connect(own, (to, port))
        if kind == "tcp":
            reader, writer = await asyncio.open_connection(sock=own)
            said = (await reader.read()).decode()
            writer.close()
            return said
        answer: asyncio.Future[str] = loop.create_future()
        await loop.create_datagram_endpoint(lambda: Asking(answer), sock=own)
        return await answer
    except OSError as error:
        return f"error {errno.errorcode[error.errno or 0]}"


async def attempts(plan: dict[str, Any]) -> list[str]:
    """The answer of each, empty where nothing came."""
    for namespace in ("host", "vpc", *plan["containers"]):
        await serve(namespace, plan["only"].get(namespace, {}))
    tasks = [asyncio.create_task(attempt(*one)) for one in plan["attempts"]]
    waiting = set(tasks)
    end = asyncio.get_running_loop().time() + LONGEST_SECONDS
    while waiting and asyncio.get_running_loop().time() < end:
        done, waiting = await asyncio.wait(
            waiting, timeout=QUIET_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        if not done:
            break
    return [task.result() if task.done() else "" for task in tasks]


def main() -> None:
    plan = json.load(sys.stdin)
    # The lock of iptables and the names of namespaces are this system's alone; so is resolv.conf.
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    Path("/run/resolv.conf").write_text(plan["resolv_conf"])
    run("mount", "--bind", "/run/resolv.conf", "/etc/resolv.conf")
    tools = Path("/run/tools")
    tools.mkdir()
    for name in ("iptables", "ip6tables", "iptables-restore", "ip6tables-restore"):
        (tools / name).symlink_to(f"/usr/sbin/xtables-{plan['tables']}-multi")
    os.environ["PATH"] = f"{tools}:/usr/sbin:/sbin:{os.environ['PATH']}"
    build(plan)
    for what in plan["order"]:
        STEPS[what](plan)
    answers = asyncio.run(attempts(plan))
    rules = run("iptables", "-S") + run("ip6tables", "-S")
    json.dump({"answers": answers, "rules": rules.splitlines()}, sys.stdout)


if __name__ == "__main__":
    main()
