"""A simulated host: the real boot script as root of a temporary system, in namespaces.

The script is not changed. Its `/` is a temporary folder with its own namespaces for mounts,
processes, network, host name and IPC. bash, coreutils, tar and others are this machine's,
read-only, except those that differ on that system: awk, the coreutils of Ubuntu 26.04, and the bash
of Amazon Linux 2 where it is installed. Stand-ins replace only what needs AWS, a package repository
or a kernel privilege. A command that the script newly uses fails here until it is added below.
"""

import base64
import configparser
import copy
import os
import shutil
import subprocess
import sys
import time
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Final

from geusemaker.userdata import Bounds, HostFacts, render

from .bundles import Bundle

HERE: Final = Path(__file__).parent
STAND_INS: Final = HERE / "stand_ins"

sys.path.insert(0, str(HERE.parents[1] / "scripts"))

from real_tools import TOOLS as REAL_TOOLS  # noqa: E402
from real_tools import Crate, ensure  # noqa: E402

# Programs that only read, write and print: this machine's own.
COREUTILS: Final = (
    *("cat", "chmod", "chown", "cp", "cut", "date", "env", "head", "install", "ln", "mkdir"),
    *("mktemp", "mv", "paste", "readlink", "rm", "sha256sum", "sleep", "sort", "tail", "tee"),
    *("timeout", "touch", "tr"),
)
OTHERS: Final = ("bash", "cmp", "find", "flock", "grep", "gzip", "sed", "setpriv", "tar")
GNU_ON_26_04: Final = ("cp", "mv", "rm")
"""Of Ubuntu 26.04's coreutils these are GNU's; all others are uutils' 0.8.0."""

MANAGERS: Final = {
    "ubuntu": ("apt-get", "snap"),
    "amzn 2023": ("dnf", "yum"),
    "amzn 2": ("yum",),
    "debian": (),
}
QUIET: Final = ("resize2fs", "udevadm", "xfs_growfs")

FACTS: Final = HostFacts(
    region="us-west-2",
    file_system_id="fs-0123456789abcdef0",
    access_points={"n8n": "fsap-0123456789abcdef0", "backups": "fsap-0123456789abcdef1"},
    data_volume_id="vol-0123456789abcdef0",
    settings_parameter="/geusemaker/dev/settings-1a2b",
    secrets_parameter="/geusemaker/dev/secrets-1a2b",
    status_parameter="/geusemaker/dev/status-1a2b",
)

# Few tries and no pause: tests count tries, never seconds.
BOUNDS: Final = Bounds(
    **{
        name: (0 if name.endswith("_pause") else 4 if name.endswith("_tries") else value)
        for name, value in vars(Bounds()).items()
    }
)

STEPS: Final = (
    *("docker", "gpu", "bundle", "secrets", "data", "efs"),
    *("services", "ready"),
)
"""In an order that systemd may choose: the volume is attached after the images are pulled."""

MARKERS: Final = {
    "postgres_password": "MARKERofPostgres0123456789012345678901234",
    "n8n_encryption_key": "MARKERofTheKey$x'\"=0123456789012345678901",
}
"""Secrets, one with characters that are special in a shell."""

SYSTEMS: Final = (
    ("ubuntu", "22.04"),
    ("ubuntu", "24.04"),
    ("ubuntu", "26.04"),
    ("amzn", "2023"),
    ("amzn", "2"),
)
GOOD: Final = {"host": 0, **dict.fromkeys(STEPS, 0)}

EFS_KEY: Final = base64.b64decode(
    "mDMEawx5XxYJKwYBBAHaRw8BAQdAtaJ5CClnRBR6vufOe5kvzTNcBC57kC/KKShWg0Kwwp+0EGdl"
    "dXNlbWFrZXIgdGVzdHOIkAQTFggAOBYhBLjlqhzpTxCX/S2TpaGsnsRRbYEUBQJrDHlfAhsDBQsJ"
    "CAcCBhUKCQgLAgQWAgMBAh4BAheAAAoJEKGsnsRRbYEUZm4A/iFMNoWlkyKYlBIBl9QewlISFDMl"
    "rOd23ONMWsC6W2cpAQD8+MhZwOhW2i74yh31aaudmHhe9/XlcE4jurtVJAzRDg=="
)
"""An OpenPGP signing key, made for these tests. Its secret part was not kept."""

MANY: Final = 1000
PATIENCE: Final = 600.0
"""Seconds until a test gives up. Only a hang takes that long: tests measure no time."""
UUID: Final = "11111111-2222-3333-4444-555555555555"
INSTANCE: Final = "i-0123456789abcdef0"
LIB: Final = "/var/lib/geusemaker"


def as_root() -> list[str]:
    """The prefix of a command that makes namespaces. Without root or sudo the tests fail."""
    if os.geteuid() == 0:
        return []
    asked = subprocess.run(["sudo", "-n", "true"], check=False, capture_output=True)
    assert asked.returncode == 0, (
        "The boot tests make namespaces, which needs root: run them as root, or where sudo needs "
        "no password."
    )
    return ["sudo", "-n"]


class Host:
    """One host, from its first boot on."""

    def __init__(
        self, directory: Path, os_id: str = "ubuntu", version: str = "26.04", **facts: object
    ) -> None:
        self.programs: list[str] = []
        self.owners: dict[str, tuple[str, int, int]] = {}
        self._place(directory)
        for folder in ("etc", "usr/bin", "usr/sbin", "root", "run", "tmp", "dev", "proc", "sys"):
            (self.root / folder).mkdir(parents=True)
        for link in ("bin", "sbin", "lib", "lib64"):
            (self.root / link).symlink_to(f"usr/{link}")
        for folder in ("late", "units", "ssm", "s3", "images", "containers", "models", "gates"):
            (self.world / folder).mkdir(parents=True)
        self.world.chmod(0o777)  # a container's user calls stand-ins too
        self.write("/etc/os-release", f'NAME="Some Linux"\nID={os_id}\nVERSION_ID="{version}"\n')
        self.write("/etc/fstab", "# a comment\nUUID=root-disk / ext4 defaults 0 1\n")
        self._new_boot()
        self._fill_path(os_id, version)
        self.set("calls")
        self.set("instance-id", INSTANCE)
        (self.world / "efs-key").write_bytes(EFS_KEY)
        if os_id == "ubuntu":
            self.set("compose-version", "5.6.0")  # Amazon Linux has no package of the plugin
        self.name(Bundle())
        self.parameters(**MARKERS)
        self.script = render(replace(FACTS, **facts), BOUNDS)  # type: ignore[arg-type]
        self.part.write_text(self.script, encoding="utf-8")
        self.part.chmod(0o700)

    def _place(self, directory: Path) -> None:
        self.root = directory / "root"
        self.world = self.root / "world"
        self.part = self.root / "part-001"  # cloud-init's name for it
        self.by_id = self.path(
            "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0"
        )

    def _fill_path(self, os_id: str, version: str) -> None:
        for tool in (*COREUTILS, *OTHERS):
            self._link(tool, tool)
        self._link("python3", "/usr/bin/python3")  # the system's, not the tests' own
        self._link("awk", "gawk" if os_id == "amzn" else "mawk")
        if os_id == "ubuntu":
            self._link("gpg", "gpg")
        if (os_id, version) == ("ubuntu", "26.04"):
            crate = REAL_TOOLS["coreutils"]
            rust = sorted(set(COREUTILS) - set(GNU_ON_26_04))
            assert isinstance(crate, Crate)
            assert set(rust) <= set(crate.features), "real_tools.TOOLS lacks one of COREUTILS"
            self._replace_all(ensure("coreutils"), *rust)
        # bash 4.2 is in no package registry, so it is used only where it is installed.
        if (os_id, version) == ("amzn", "2") and (old := shutil.which("bash-4.2")):
            self._replace_all(Path(old), "bash")
        managers = MANAGERS.get(f"{os_id} {version}", MANAGERS.get(os_id, ()))
        others = {name for names in MANAGERS.values() for name in names} - set(managers)
        for stand_in in STAND_INS.iterdir():
            if stand_in.name not in others | {"lib.sh", "quiet", "compose.sh"}:
                (self.root / "usr/bin" / stand_in.name).symlink_to(f"/stand_ins/{stand_in.name}")
        for name in QUIET:
            (self.root / "usr/bin" / name).symlink_to("/stand_ins/quiet")

    def _link(self, name: str, program: str) -> None:
        """Adds a program of this machine under that name."""
        found = shutil.which(program)
        assert found is not None, (
            f"{program} is needed to run these tests: scripts/test_packages.sh installs it"
        )
        real = Path(found).resolve()
        shown = {"/usr/bin": "/real/bin", "/usr/sbin": "/real/sbin"}
        # Ubuntu 26.04 has them below /usr/lib, which has the same path in the system.
        folder = shown.get(str(real.parent), str(real.parent))
        assert folder.startswith(("/real/", "/usr/lib/")), real
        (self.root / "usr/bin" / name).symlink_to(f"{folder}/{real.name}")

    def _replace_all(self, program: Path, *names: str) -> None:
        """Adds a program of another folder under these names."""
        for name in names:
            link = self.root / "usr/bin" / name
            link.unlink()
            link.symlink_to(f"/real/programs{len(self.programs)}/{program.name}")
        self.programs.append(str(program.parent))

    def copy(self, folder: Path) -> "Host":
        """A host in the same state, which shares nothing with this one."""
        host = copy.copy(self)
        host._place(folder)
        host.owners = dict(self.owners)
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([*as_root(), "cp", "-a", str(self.root), str(host.root)], check=True)
        # A record that is a quarter of an hour old is written again, and a slow run takes longer.
        if (status := host.path(f"{LIB}/status")).exists():
            status.touch()
        host.set("calls")
        return host

    # The simulated machine

    def path(self, absolute: str) -> Path:
        return self.root / absolute.removeprefix("/")

    def write(self, absolute: str, text: str) -> None:
        self.path(absolute).parent.mkdir(parents=True, exist_ok=True)
        self.path(absolute).write_text(text, encoding="utf-8")

    def give(self, absolute: str, uid: int) -> None:
        """Changes the owner of a file that a test has written."""
        path = str(self.path(absolute))
        # A test that is not root keeps other files until the host runs.
        if not as_root() or "/sha256-" in absolute:
            subprocess.run([*as_root(), "chown", "-h", f"{uid}:{uid}", path], check=True)
        self.owners[absolute] = ("f", self.path(absolute).lstat().st_mode & 0o7777, uid)

    def read(self, absolute: str) -> str:
        return self.path(absolute).read_text(encoding="utf-8")

    def without(self, command: str) -> None:
        """Removes a command from the image."""
        (self.root / "usr/bin" / command).unlink()

    def hang(self, word: str) -> None:
        """The first command with that word and a time limit never ends, and its limit is 1 s.

        Other commands keep their limits, which a slow machine must not exceed.
        """
        first = f"[[ $1 == -k && $* == *'{word}'* ]] && mkdir /world/hung 2>/dev/null"
        sleep = "exec /usr/own/timeout -k 1 1 sleep 1000"
        self.replace("timeout", f'if {first}; then {sleep}; fi\nexec /usr/own/timeout "$@"\n')

    @property
    def hung(self) -> bool:
        """Whether that command was reached."""
        return (self.world / "hung").exists()

    def replace(self, command: str, script: str) -> None:
        """Replaces a command with a script. The command itself moves to /usr/own."""
        link, own = self.root / "usr/bin" / command, self.root / "usr/own"
        own.mkdir(exist_ok=True)
        link.rename(own / command)
        self.write(f"/usr/bin/{command}", f"#!/bin/bash\n{script}")
        link.chmod(0o755)

    def attach_volume(self, device: Path | None = None, size: int = 32 << 20) -> Path:
        """A blank volume, as a sparse file."""
        device = device or self.by_id
        device.parent.mkdir(parents=True, exist_ok=True)
        device.touch()
        os.truncate(device, size)
        return device

    def attach_formatted(self, fs_type: str = "ext4", fs_uuid: str = UUID) -> None:
        self.attach_volume().write_bytes(b"data")
        Path(f"{self.by_id}.TYPE").write_text(fs_type, encoding="utf-8")
        Path(f"{self.by_id}.UUID").write_text(fs_uuid, encoding="utf-8")

    def attach_gpu(self) -> None:
        self.write("/sys/bus/pci/devices/0000:00:1e.0/vendor", "0x10de\n")
        self.write("/sys/bus/pci/devices/0000:00:1e.0/class", "0x030200\n")
        self.set("gpu")

    def late(self, what: str, tries: int) -> None:
        (self.world / "late" / what).write_text(f"{tries}\n", encoding="utf-8")

    def set(self, what: str, text: str = "") -> None:
        (self.world / what).write_text(text, encoding="utf-8")
        (self.world / what).chmod(0o666)

    def gate(self, what: str) -> Path:
        """A pipe at which a stand-in waits until the test has opened and closed it.

        Replaces an earlier gate in one step, so that no stand-in passes between the two.
        """
        pipe = self.world / "gates" / what
        new = pipe.with_suffix(".new")
        os.mkfifo(new)
        return new.replace(pipe)

    def name(self, bundle: Bundle, url: str | None = None, *, store: bool = True) -> None:
        """Names this bundle in the stack's settings, and stores it."""
        self.parameter(FACTS.settings_parameter, bundle.pointer(url))
        if store:
            folder = self.world / "s3" / bundle.bucket / "bundles"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{bundle.sha256}.tar").write_bytes(bundle.packed)

    def parameter(self, name: str, value: str) -> None:
        self.set(f"ssm/{name.replace('/', '_')}", value)

    def parameters(self, **secrets: str) -> None:
        lines = "\n".join(f"{name.replace('_', '-')}={value}" for name, value in secrets.items())
        self.parameter(FACTS.secrets_parameter, lines)

    def restart(self) -> None:
        """Reboots: files stay, mounts and processes do not."""
        self._new_boot()
        for line in reversed(self._lines("shown")):
            source, mount = map(self.path, line.split(" "))
            source.unlink()
            mount.rename(source)
            mount.mkdir()
        for gone in ("mounted", "shown", "docker-runs"):
            (self.world / gone).unlink(missing_ok=True)
        self.set("calls")
        for chain in self.world.glob("rules-*"):
            chain.unlink()

    def _new_boot(self) -> None:
        self.write("/proc/sys/kernel/random/boot_id", f"{uuid.uuid4()}\n")
        loaded = self.world / "loaded"
        shutil.rmtree(loaded, ignore_errors=True)
        loaded.mkdir()
        shutil.copy(self.path("/etc/fstab"), loaded)
        drop_ins = self.path("/etc/systemd/system/docker.service.d")
        if drop_ins.exists():
            shutil.copytree(drop_ins, loaded / drop_ins.name)

    # Runs

    def cloud_init(self) -> subprocess.CompletedProcess[str]:
        # cloud-init's PATH and no HOME.
        return self._run([f"/{self.part.relative_to(self.root)}"])

    def start(self, step: str) -> subprocess.CompletedProcess[str]:
        """Runs the command of the step's unit, as systemd would."""
        return self._run(self.unit(step)["Service"]["ExecStart"].split())

    def begin(self, step: str) -> subprocess.Popen[bytes]:
        """Starts a step's command without waiting for its end."""
        return self.begin_command(self.unit(step)["Service"]["ExecStart"].split())

    def begin_command(self, command: list[str]) -> subprocess.Popen[bytes]:
        self._restore_owners()
        return subprocess.Popen(
            self._command(command),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
        )

    def update(self, bundle: Bundle, url: str | None = None) -> dict[str, str]:
        """The record after the next sync with this bundle in the stack's settings."""
        self.name(bundle, url)
        return self.sync()

    def sync(self) -> dict[str, str]:
        """The record after the next sync."""
        assert self.start("sync").returncode == 0
        return self.record()

    def boot(self) -> dict[str, int]:
        """A whole boot: the exit status of each step. Units run in an order that they allow."""
        statuses = {"host": self.cloud_init().returncode}
        return statuses | self.start_all()

    def start_all(self) -> dict[str, int]:
        return self.start_each(*STEPS)

    def start_each(self, *steps: str) -> dict[str, int]:
        """Runs steps in turn within one system, which is faster than a system for each."""
        commands = [self.unit(step)["Service"]["ExecStart"] for step in steps]
        script = "".join(f"{command}; echo $? >>/world/statuses\n" for command in commands)
        (self.world / "statuses").unlink(missing_ok=True)
        self._run(["/bin/bash", "-c", script])
        return dict(zip(steps, map(int, self._lines("statuses")), strict=True))

    def _command(self, command: list[str]) -> list[str]:
        return [
            *as_root(),
            *("unshare", "--mount", "--pid", "--net", "--uts", "--ipc", "--fork", "--kill-child"),
            *("/bin/sh", str(HERE / "enter.sh"), str(self.root), str(STAND_INS)),
            ":".join(self.programs),
            *("PATH=/usr/sbin:/usr/bin", *command),
        ]

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        self._restore_owners()
        result = subprocess.run(
            self._command(command),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        self._note_owners()
        assert "enter.sh" not in result.stderr, f"no temporary system here: {result.stderr}"
        return result

    def _note_owners(self) -> None:
        """Records owners and modes, before a test that is not root takes over the files."""
        command = ["find", str(self.root), "-xdev", "-printf", "%y %m %U /%P\\0"]
        found = subprocess.run([*as_root(), *command], check=True, capture_output=True, text=True)
        self.owners = {}
        for line in filter(None, found.stdout.split("\0")):
            kind, mode, uid, path = line.split(" ", 3)
            self.owners[path] = (kind, int(mode, 8), int(uid))
        if as_root():
            # Except files named by their hash: all may read them, and the program records ctimes.
            self._own(os.getuid(), ["!", "(", "-name", "sha256-*", "-type", "f", ")"])

    def _restore_owners(self) -> None:
        """Restores owners before the host runs again. Files that a test wrote become root's."""
        if as_root():
            owned: dict[int, list[str]] = {}
            for path, (kind, _, uid) in self.owners.items():
                named_by_hash = kind == "f" and path.rpartition("/")[2].startswith("sha256-")
                if uid and not named_by_hash and os.path.lexists(self.path(path)):
                    owned.setdefault(uid, []).append(str(self.path(path)))
            # The stand-ins' folder stays the test's own.
            world = ["-path", str(self.world), "-prune", "-o"]
            self._own(0, [*world, "-uid", str(os.getuid())])
            for uid, paths in owned.items():
                subprocess.run(
                    [*as_root(), "xargs", "-0", "chown", "-h", f"{uid}:{uid}"],
                    check=True,
                    input="\0".join(paths),
                    text=True,
                )

    def _own(self, uid: int, which: list[str]) -> None:
        command = ["find", str(self.root), "-xdev", *which, "-exec", "chown", "-h", f"{uid}:{uid}"]
        subprocess.run([*as_root(), *command, "{}", "+"], check=True)

    def as_user(self, uid: int, script: str) -> None:
        """Runs a shell script as that user, as a program in a container can."""
        self._restore_owners()
        command = [*("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups")]
        result = subprocess.run(
            self._command([*command, "/bin/bash", "-euc", f"PATH+=:/real/bin; {script}"]),
            capture_output=True,
            text=True,
            check=False,
        )
        self._note_owners()
        assert result.returncode == 0, result.stderr

    # Results

    def inside(self, path: Path) -> str:
        """The path within the host."""
        return f"/{path.relative_to(self.root)}"

    def unit(self, step: str, kind: str = "service") -> configparser.ConfigParser:
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read_string(self.read(f"/etc/systemd/system/geusemaker-{step}.{kind}"))
        return parser

    def state(self, step: str) -> str:
        found = [p for p in self.path(f"{LIB}/state").iterdir() if p.stem == step]
        assert len(found) <= 1, f"{step} has both results"
        return found[0].suffix.removeprefix(".") if found else "none"

    def reason(self, step: str, result: str = "failed") -> str:
        return self.read(f"{LIB}/state/{step}.{result}").splitlines()[-1]

    def record(self) -> dict[str, str]:
        """The status record as the stack reads it."""
        path = self.world / "ssm" / FACTS.status_parameter.replace("/", "_")
        if not path.exists():
            return {"state": "unknown"}
        text = path.read_text(encoding="utf-8")
        assert len(text.encode()) < 4000
        return dict(line.split("=", 1) for line in text.splitlines())

    def _lines(self, name: str) -> list[str]:
        path = self.world / name
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def calls(self, start: str = "") -> list[str]:
        return [call for call in self._lines("calls") if call.startswith(start)]

    def wait_for_calls(self, start: str, number: int) -> None:
        """Waits for a number of calls of a step under way, which a gate must then hold up."""
        until = time.monotonic() + PATIENCE
        while len(self.calls(start)) < number:
            assert time.monotonic() < until, f"no {number} calls of {start}: {self.calls()}"
            time.sleep(0.05)

    def mounted(self) -> list[str]:
        return self._lines("mounted")

    def mistakes(self) -> list[str]:
        return self._lines("mistakes")

    def containers(self) -> dict[str, str]:
        """Service -> "image number state health"; the number counts all containers created."""
        return {
            path.name: path.read_text(encoding="utf-8").strip()
            for path in sorted((self.world / "containers").iterdir())
        }

    def running(self) -> dict[str, str]:
        """Service -> tag of its image."""
        return {name: line.split("@")[0].split(":")[-1] for name, line in self.containers().items()}
