"""A pretended machine: the real boot script under a throw-away root, with stand-ins on PATH.

Needs no privilege and runs on Linux and macOS. PATH holds the stand-ins and a short list of plain
text tools, nothing else: a command that the script newly uses fails here until it is named, and
none of the machine's own systemctl, mount or apt-get can be reached.
"""

import configparser
import re
import shutil
import subprocess
import uuid
from dataclasses import replace
from pathlib import Path

from geusemaker.userdata import Bounds, HostFacts, render

STAND_INS = Path(__file__).parent / "stand_ins"

# POSIX tools that only read, write and print.
TOOLS = (
    *("awk", "bash", "cat", "chmod", "date", "grep", "head", "mkdir", "mv", "rm", "sleep"),
    *("tee", "touch", "tr", "wc"),
)
QUIET = ("resize2fs", "udevadm", "xfs_growfs")

FACTS = HostFacts(
    stack="dev",
    region="us-west-2",
    file_system_id="fs-0123456789abcdef0",
    access_points={"n8n": "fsap-0123456789abcdef0", "backups": "fsap-0123456789abcdef1"},
    data_volume_id="vol-0123456789abcdef0",
)

# Few tries and no pause: a test that waits for something counts tries, never seconds.
BOUNDS = Bounds(
    data_tries=4,
    data_pause=0,
    mount_tries=4,
    mount_pause=0,
    efs_tries=4,
    efs_pause=0,
    package_tries=4,
    package_pause=0,
    docker_tries=4,
    docker_pause=0,
)

_ABSOLUTE = re.compile(
    r"(?<![\w$}/.])/(?=(?:etc|var|srv|usr/local|proc|sys)/|dev/(?:disk/|sd|xvd|\$))"
)

UUID = "11111111-2222-3333-4444-555555555555"


def relocate(script: str, root: Path) -> str:
    """The same script with its absolute paths below `root`; `/bin/bash` and `/dev/null` stay."""
    return _ABSOLUTE.sub(f"{root}/", script)


class Host:
    """One machine, from its first boot on."""

    def __init__(
        self, directory: Path, os_id: str = "ubuntu", version: str = "24.04", **facts: object
    ) -> None:
        self.root = directory / "root"
        self.world = directory / "world"
        self.bin = directory / "bin"
        for path in (self.root / "etc", self.world / "late", self.world / "units", self.bin):
            path.mkdir(parents=True)
        self.by_id = self.path(
            "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0"
        )
        self.write("/etc/os-release", f'NAME="Some Linux"\nID={os_id}\nVERSION_ID="{version}"\n')
        self.write("/etc/fstab", "# a comment\nUUID=root-disk / ext4 defaults 0 1\n")
        self._new_boot()
        self._fill_path(os_id, version)
        script = relocate(render(replace(FACTS, **facts), BOUNDS), self.root)  # type: ignore[arg-type]
        self.part = directory / "part-001"  # cloud-init's name for it
        self.part.write_text(script, encoding="utf-8")

    def _fill_path(self, os_id: str, version: str) -> None:
        for tool in TOOLS:
            found = shutil.which(tool)
            assert found is not None, f"{tool} is needed to run these tests"
            (self.bin / tool).symlink_to(found)
        managers = {"apt-get", "curl", "gpg"} if os_id == "ubuntu" else {"yum"}
        if (os_id, version) == ("amzn", "2023"):
            managers.add("dnf")
        for stand_in in STAND_INS.iterdir():
            if stand_in.name in {"apt-get", "curl", "gpg", "dnf", "yum"} - managers:
                continue
            if stand_in.name not in {"lib.sh", "quiet"}:
                shutil.copy(stand_in, self.bin)
        for name in QUIET:
            shutil.copy(STAND_INS / "quiet", self.bin / name)

    # What the machine is like

    def path(self, absolute: str) -> Path:
        return self.root / absolute.removeprefix("/")

    def write(self, absolute: str, text: str) -> None:
        self.path(absolute).parent.mkdir(parents=True, exist_ok=True)
        self.path(absolute).write_text(text, encoding="utf-8")

    def read(self, absolute: str) -> str:
        return self.path(absolute).read_text(encoding="utf-8")

    def attach_volume(self, device: Path | None = None, first: bytes = b"\0" * (1 << 20)) -> Path:
        device = device or self.by_id
        device.parent.mkdir(parents=True, exist_ok=True)
        device.write_bytes(first)
        return device

    def attach_formatted(self, fs_type: str = "ext4", fs_uuid: str = UUID) -> None:
        self.attach_volume(first=b"data")
        Path(f"{self.by_id}.TYPE").write_text(fs_type, encoding="utf-8")
        Path(f"{self.by_id}.UUID").write_text(fs_uuid, encoding="utf-8")

    def late(self, what: str, tries: int) -> None:
        (self.world / "late" / what).write_text(f"{tries}\n", encoding="utf-8")

    def set(self, what: str, text: str = "") -> None:
        (self.world / what).write_text(text, encoding="utf-8")

    def restart(self) -> None:
        """A reboot: files stay; mounts and processes do not."""
        self._new_boot()
        for gone in ("mounted", "docker-runs", "calls"):
            (self.world / gone).unlink(missing_ok=True)

    def _new_boot(self) -> None:
        self.write("/proc/sys/kernel/random/boot_id", f"{uuid.uuid4()}\n")

    # Running it

    def cloud_init(self) -> subprocess.CompletedProcess[str]:
        return self._run(["/bin/bash", str(self.part)])

    def start(self, step: str) -> subprocess.CompletedProcess[str]:
        """Runs what the step's unit names, as systemd would."""
        return self._run(self.unit(step)["Service"]["ExecStart"].split())

    def boot(self) -> dict[str, int]:
        """The whole way; the exit status of each part. Units run in the order they ask for."""
        statuses = {"host": self.cloud_init().returncode}
        return statuses | self.start_all()

    def start_all(self) -> dict[str, int]:
        return {step: self.start(step).returncode for step in ("docker", "data", "efs", "ready")}

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": str(self.bin),
            "WORLD": str(self.world),
            "ROOT": str(self.root),
            "BIN": str(self.bin),
            "STAND_INS": str(STAND_INS),
        }
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=60
        )

    # What came of it

    def unit(self, step: str) -> configparser.ConfigParser:
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read_string(self.read(f"/etc/systemd/system/geusemaker-{step}.service"))
        return parser

    def state(self, step: str) -> str:
        found = [p for p in self.path("/var/lib/geusemaker/state").iterdir() if p.stem == step]
        assert len(found) <= 1, f"both results of {step} are there"
        return found[0].suffix.removeprefix(".") if found else "none"

    def reason(self, step: str) -> str:
        return self.read(f"/var/lib/geusemaker/state/{step}.failed").splitlines()[-1]

    def _lines(self, name: str) -> list[str]:
        path = self.world / name
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def calls(self, start: str = "") -> list[str]:
        return [call for call in self._lines("calls") if call.startswith(start)]

    def mounted(self) -> list[str]:
        return [line.removeprefix(str(self.root)) for line in self._lines("mounted")]

    def mistakes(self) -> list[str]:
        return self._lines("mistakes")
