"""One host of a stack, with the containers of its rendered bundle.

Each container is a network namespace on the rendered bridges, and its program runs on a root of its
own with the rendered command, environment, files, user and mounts. `_IMAGES` has what is in the
images. Docker's rules are written down here; the host's own program sets the wall.
"""

import os
import shutil
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from itertools import islice
from pathlib import Path
from typing import Any, Final

import yaml
from real_stack.bundle import filled
from real_stack.programs import Program

from scale import lan
from scale.images import COMMANDS, HOMES, PATH, n8n_folder, tools

ENTER: Final = Path(__file__).parent / "enter.sh"
STAND_INS: Final = Path(__file__).parent / "stand_ins"
BUNDLE: Final = "/var/lib/geusemaker/bundles/tests"
DATA: Final = "/srv/geusemaker/data"
EFS: Final = "/srv/geusemaker/efs"


@dataclass
class Machine:
    """One host, its containers, and what it has rendered.

    Attributes:
        name: Also of its network namespace. Those of the containers are `name.container`.
        files: The rendered bundle.
        values: What the host writes for Compose.
        secrets: The lines of its parameter of secrets.
        mounts: Folders here by the paths of the host.
        names: Addresses by names that the private zone answers, also without the zone's own name.
        program: The host's program, without its last line, which runs one step of it.
        setup: Functions of that program and of the bundle's to call once the networks are there.
    """

    name: str
    address: str
    folder: Path
    files: Mapping[str, str]
    values: Mapping[str, str]
    secrets: Mapping[str, str]
    mounts: Mapping[str, Path]
    names: Mapping[str, str]
    program: str
    setup: str
    programs: dict[str, Program] = field(default_factory=dict)

    def write_metadata(self) -> None:
        """What the metadata service of an instance answers from its start."""
        metadata = {"instance-id": "i-0123456789abcdef0", "local-ipv4": self.address}
        for name, value in {**metadata, "target-lifecycle-state": "InService"}.items():
            (self.place("/run/metadata") / name).write_text(value)

    def write_pointer(self, **lines: str) -> None:
        """The lines of the parameter of settings that only AWS and the stack know."""
        path = self.place("/var/lib/geusemaker/pointer")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))

    def __post_init__(self) -> None:
        document = yaml.safe_load(self.files["compose.yaml"])
        self.services: dict[str, dict[str, Any]] = document["services"]
        self.bridges: dict[str, str] = {}
        self.networks: dict[str, dict[str, Any]] = {}
        for name, one in document["networks"].items():
            self.bridges[name] = one["driver_opts"]["com.docker.network.bridge.name"]
            addresses = one["ipam"]["config"][0]
            self.networks[name] = {**addresses, "internal": one.get("internal", False)}
        # Docker gives the others addresses in their order.
        free = {
            name: islice(ip_network(own["subnet"]), 2, None) for name, own in self.networks.items()
        }
        self.addresses: dict[str, dict[str, str]] = {
            service: {
                name: (own or {}).get("ipv4_address") or str(next(free[name]))
                for name, own in self.services[service]["networks"].items()
            }
            for service in sorted(self.services, key=lambda service: service != "caddy")
        }

    def boot(self) -> None:
        """Makes the host with its folders, networks and firewall. No container runs yet."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._make_folders()
        self._write_bundle()
        for folder in ("/run/containers", "/run/metadata", "/var/log"):
            self.place(folder).mkdir(parents=True, exist_ok=True)
        self.write_metadata()
        lan.make_host(self.name, self.address)
        self._make_containers()
        self.set_docker_rules()
        self.run_setup()

    def use(self, files: Mapping[str, str]) -> None:
        """Takes another bundle with the same containers, and publishes its ports."""
        self.files = files
        self.services = yaml.safe_load(files["compose.yaml"])["services"]
        self._write_bundle()
        self.set_docker_rules()
        self.run_setup()

    def take(self, container: str, files: Mapping[str, str]) -> None:
        """Takes the definition of one container from another bundle, for its next start."""
        self.services[container] = yaml.safe_load(files["compose.yaml"])["services"][container]

    def _write_bundle(self) -> None:
        for name, text in {**self.files, "program": self.program}.items():
            path = self.place(BUNDLE) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def _make_folders(self) -> None:
        for line in self.files["manifest"].splitlines():
            kind, *rest = line.split(" ")
            if kind == "directory":
                where, path, uid, mode = rest
                made = self.place(f"{DATA if where == 'data' else EFS}/{path}")
                made.mkdir(parents=True, exist_ok=True)
                os.chown(made, int(uid), int(uid))
                made.chmod(int(mode, 8))
            if kind == "secret":
                self._write_secret(*rest)

    def _write_secret(self, consumer: str, name: str, uid: str) -> None:
        """As the host does: a file without a trailing newline that only its container reads."""
        path = self.place(f"/var/lib/geusemaker/secrets/{consumer}/{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(self.secrets[name])
        os.chown(path, int(uid), int(uid))
        path.chmod(0o400)

    def place(self, path: str) -> Path:
        """Where a path of the host is here."""
        for start, folder in self.mounts.items():
            if path == start or path.startswith(f"{start}/"):
                return folder / path[len(start) :].lstrip("/")
        return self.folder / path.lstrip("/")

    def space(self, container: str) -> str:
        """The network namespace of a container."""
        return f"{self.name}.{container}"

    def _make_containers(self) -> None:
        host = []
        for name, own in self.networks.items():
            bridge = self.bridges[name]
            host += [f"link add {bridge} type bridge", f"link set {bridge} up"]
            host += [f"address add {own['gateway']}/28 dev {bridge}"]
        number = 0
        for container, addresses in self.addresses.items():
            space = self.space(container)
            lan.run("ip", "netns", "add", space)
            inside = ["link set lo up"]
            for name, address in addresses.items():
                bridge, own = self.bridges[name], self.networks[name]
                host += [f"link add v{number} type veth peer name {bridge} netns {space}"]
                host += [f"link set v{number} master {bridge} up"]
                inside += [f"address add {address}/28 dev {bridge}", f"link set {bridge} up"]
                if not own["internal"]:
                    inside += [f"route add default via {own['gateway']}"]
                number += 1
            lan.run("ip", "-n", self.name, "-batch", "-", text="\n".join(host))
            lan.run("ip", "-n", space, "-batch", "-", text="\n".join(inside))
            host = []

    def run(self, *command: str, text: str | None = None) -> str:
        """Runs a command of root in the network of the host."""
        return lan.run("ip", "netns", "exec", self.name, *command, text=text)

    def set_docker_rules(self) -> None:
        """What Docker's daemon sets when it starts. It keeps DOCKER-USER, and puts it first."""
        bridges = self.bridges.values()
        body = [":FORWARD DROP", ":DOCKER-USER -", "-F FORWARD"]
        nat = [":DOCKER -", "-F DOCKER", "-F PREROUTING", "-F OUTPUT", "-F POSTROUTING"]
        nat += ["-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER"]
        nat += ["-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER"]
        body += ["-A FORWARD -j DOCKER-USER"]
        for name, bridge in self.bridges.items():
            body += [f"-A FORWARD -i {bridge} -o {one} -j DROP" for one in bridges if one != bridge]
            if self.networks[name]["internal"]:
                body += [f"-A FORWARD -i {bridge} ! -o {bridge} -j DROP"]
                body += [f"-A FORWARD ! -i {bridge} -o {bridge} -j DROP"]
            else:
                source = self.networks[name]["subnet"]
                nat += [f"-A POSTROUTING -s {source} ! -o {bridge} -j MASQUERADE"]
            body += [f"-A FORWARD -i {bridge} -j ACCEPT"]
            back = "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
            body += [f"-A FORWARD -o {bridge} {back}"]
        for container, service in self.services.items():
            for port in service.get("ports", []):
                at, _, inside = filled(port, self.values).split(":")
                name = next(
                    one for one in service["networks"] if not self.networks[one]["internal"]
                )
                bridge, to = self.bridges[name], self.addresses[container][name]
                on = f"! -i {bridge} -p tcp --dport {inside}"
                body += [f"-A FORWARD -d {to} {on} -o {bridge} -j ACCEPT"]
                nat += [f"-A DOCKER -d {at} {on} -j DNAT --to-destination {to}:{inside}"]
        for table, lines in (("filter", body), ("nat", nat)):
            text = "\n".join((f"*{table}", *lines, "COMMIT", ""))
            self.run("iptables-restore", "--wait=30", "--noflush", text=text)

    def run_setup(self) -> None:
        """What the services step does before it starts containers, as far as it is tested here."""
        self.call(self.setup)

    def call(self, functions: str) -> str:
        """Runs functions of the host's program and of the bundle's. Returns what they print."""
        code = f"source program; STEP=services SHA=tests DIR=$PWD; source ./host.sh; {functions}"
        ran = self.on_host("call", "bash", "-c", f"cd {BUNDLE}; {code}")
        assert ran.wait() == 0, ran.said()
        return ran.said()

    def on_host(self, name: str, *command: str) -> Program:
        """Starts a program of root on the host, with stand-ins for AWS, Docker and systemd."""
        around = self.folder / "programs" / name
        (around / "root").mkdir(parents=True, exist_ok=True)
        mounts = [f"ro {self._hosts('n8n', around)} /etc/hosts", f"ro {STAND_INS} /usr/local/bin"]
        for path in ("/var/lib/geusemaker", "/etc/systemd/system", "/run", "/var/log"):
            self.place(path).mkdir(parents=True, exist_ok=True)
            mounts += [f"bind {self.place(path)} {path}"]
        (around / "mounts").write_text("\n".join((*mounts, "")))
        started = Program(
            [
                *("nsenter", f"--net={lan.NAMESPACES / self.name}", "unshare", "--mount"),
                *("/bin/sh", str(ENTER), str(around / "root"), "host", str(around / "mounts")),
                *command,
            ],
            log=around / f"{len(list(around.glob('*.log')))}.log",
            env={"PATH": PATH},
            cwd=around,
        )
        self.programs[f"host/{name}"] = started
        return started

    def start(self, container: str, *, changed: Mapping[str, str] | None = None) -> Program:
        """Starts the container's program, as Compose does. `changed`: other values of variables."""
        service = self.services[container]
        user = str(service.get("user", "0:0"))
        around = self.folder / "containers" / container
        root = around / "root"
        root.mkdir(parents=True, exist_ok=True)
        mounts = [f"ro {self._hosts(container, around)} /etc/hosts"]
        mounts += [f"ro {tools()} /usr/local/bin"]
        mounts += [f"ro {n8n_folder()} {n8n_folder()}"]
        for one in service.get("tmpfs", []):
            target, _, options = one.partition(":")
            mounts += [f"tmpfs {options} {target}"]
        for one in service.get("volumes", []):
            source = self.place(filled(one["source"], self.values))
            kind = "ro" if one.get("read_only") else "bind"
            mounts += [f"{kind} {source} {one['target']}"]
        for one in service.get("secrets", []):
            consumer, name = one["source"].split("_", 1)
            source = self.place(f"/var/lib/geusemaker/secrets/{consumer}/{name}")
            mounts += [f"ro {source} /run/secrets/{one['target']}"]
        (around / "mounts").write_text("\n".join((*mounts, "")))
        env = {"PATH": PATH, "HOME": HOMES.get(container, "/"), "HOSTNAME": self.name}
        env |= {k: filled(str(v), self.values) for k, v in service.get("environment", {}).items()}
        command = [*service.get("entrypoint", []), *service.get("command", [])]
        self.programs[container] = Program(
            [
                *("nsenter", f"--net={lan.NAMESPACES / self.space(container)}"),
                *("unshare", "--mount", "/bin/sh", str(ENTER)),
                *(str(root), user, str(around / "mounts")),
                *(filled(part, self.values) for part in command or COMMANDS[container]),
            ],
            log=around / f"{len(list(around.glob('*.log')))}.log",
            env=env | dict(changed or {}),
            cwd=around,
        )
        running = self.programs[container]
        self.place(f"/run/containers/{container}").write_text(f"{running.pid}\n")
        return running

    def _hosts(self, container: str, around: Path) -> Path:
        """What Docker's resolver answers: containers on the same networks, then the zone."""
        found = {"localhost": "127.0.0.1"}
        for other, addresses in self.addresses.items():
            for network in addresses.keys() & self.addresses[container].keys():
                found.setdefault(other, addresses[network])
        lines = [f"{address} {name}" for name, address in (*found.items(), *self.names.items())]
        (around / "hosts").write_text("\n".join((*lines, "")))
        return around / "hosts"

    def said(self, container: str = "n8n") -> str:
        """The log of a container since its last start."""
        return self.programs[container].said()

    def n8n(self) -> lan.Client:
        """n8n, as its health check connects to it."""
        return lan.Client(self.space("n8n"), "127.0.0.1")

    def is_ready(self) -> bool:
        try:
            return self.n8n().ask("GET", "/healthz/readiness", timeout=60).status == 200
        except OSError:
            return False

    def await_ready(self) -> None:
        self.programs["n8n"].until(f"n8n of {self.name} was ready", self.is_ready)

    def executed(self) -> list[str]:
        """The ids of the executions that this worker has started since its last start."""
        lines = self.said().splitlines()
        return [line.split()[3] for line in lines if line.startswith("Worker started execution ")]

    def stop(self, container: str, how: signal.Signals = signal.SIGTERM) -> None:
        self.programs[container].stop(how)

    def end(self) -> None:
        """Ends everything and removes the host."""
        for program in self.programs.values():
            program.stop(signal.SIGKILL)
        lan.remove_host(self.name)
        shutil.rmtree(self.folder, ignore_errors=True)
