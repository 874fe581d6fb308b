"""The stack of one run: a project, a backend and a passphrase of its own, in a temporary folder."""

import contextlib
import json
import os
import secrets
import shlex
import shutil
import signal
import string
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Final
from urllib.parse import quote

import boto3

from geusemaker.local.session import bin_dir
from geusemaker.pulumi_cli.find import find_engine

from .answers import Normaliser

ROOT: Final = Path(__file__).resolve().parents[2]
PROJECT_FILES: Final = ("Pulumi.yaml", "__main__.py")
CONFIG: Final[Mapping[str, Any]] = {"instanceType": "m6i.large", "dataVolumeGib": 20}
"""Keys that are not at their default. The type is the smallest in memory that runs all services and
has a price that does not depend on its use."""

# They name the stack of a `make shell`.
_OF_ANOTHER_STACK: Final = (
    "PULUMI_OPTION_CONFIG_FILE",
    "PULUMI_OPTION_PRESERVE_CONFIG",
    "PULUMI_CONFIG_PASSPHRASE_FILE",
)
_GRACE: Final = 600.0
"""Seconds between two signals to a command. The first lets Pulumi end the steps that it has begun,
the second cancels them."""
_QUOTED_LINES: Final = 30


class Failed(Exception):
    """A step has failed, for the reason in the message."""


def say(text: str) -> None:
    """Prints a line. A terminal that was closed must not stop the removal."""
    with contextlib.suppress(OSError):
        print(text, flush=True)


@dataclass
class Interrupts:
    """Ctrl-C, SIGTERM and a closed terminal: the first raises KeyboardInterrupt, no other does."""

    are_over: bool = False
    _are_held: bool = False
    _is_due: bool = False

    @contextlib.contextmanager
    def handled(self) -> Iterator[None]:
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, self._pressed) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keeps an interrupt until `check`: one that came between the start of a command and its
        first line here would leave the command running beside the removal."""
        self._are_held = True
        try:
            yield
        finally:
            self._are_held = False

    def check(self) -> None:
        """Raises the interrupt that was held."""
        if self._is_due:
            self._is_due = False
            raise KeyboardInterrupt

    def _pressed(self, _number: int, _frame: FrameType | None) -> None:
        is_first, self.are_over = not self.are_over, True
        note = (
            "This step ends, then the stack is removed."
            if is_first
            else ("The stack is being removed: Ctrl-C does not stop that.")
        )
        with contextlib.suppress(OSError):
            os.write(2, f"\n{note}\n".encode())
        if is_first and not self._are_held:
            raise KeyboardInterrupt
        self._is_due |= is_first


@dataclass
class Live:
    """The stack of one run.

    Attributes:
        folder: Kept when the removal fails.
        had: Ids of everything that the stack had so far, with their types; `now` those that it has.
        deadline: Of `time.monotonic`, when the steps must have ended; None for no limit.
        noted: What a step leaves for a later one.
    """

    folder: Path
    name: str
    region: str
    account: str
    simulated: bool
    env: Mapping[str, str]
    interrupts: Interrupts = field(default_factory=Interrupts)
    had: dict[str, str] = field(default_factory=dict)
    now: frozenset[str] = frozenset()
    deadline: float | None = None
    noted: dict[str, Any] = field(default_factory=dict)

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def session(self) -> Any:
        """A boto3 session in the Region."""
        return boto3.Session(region_name=self.region)

    def limit(self, hours: int) -> None:
        """Sets the end of the steps' time."""
        self.deadline = time.monotonic() + 3600 * hours

    def run(self, *command: str) -> None:
        """Runs a command to its end, also after Ctrl-C. Its output goes to the log.

        Raises:
            Failed: It has failed, or the time of the run is over.
            KeyboardInterrupt: After Ctrl-C, once the command has ended.
        """
        with self.log.open("ab") as log:
            log.write(f"$ {shlex.join(command)}\n".encode())
            log.flush()
            begin = log.tell()
            with self.interrupts.held():
                # A group of its own: Ctrl-C must not reach what removes the stack.
                child = subprocess.Popen(
                    command,
                    cwd=self.folder,
                    env=self.env,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            self._wait(child)
        if child.returncode != 0:
            raise self._failed(command, begin)

    def _wait(self, child: "subprocess.Popen[bytes]") -> None:
        why: BaseException | None = None
        patience = None if self.deadline is None else max(0.0, self.deadline - time.monotonic())
        while True:
            try:
                self.interrupts.check()
                child.wait(patience)
                break
            except subprocess.TimeoutExpired:
                why = why or Failed("The time of the run is over: see --hours.")
            except KeyboardInterrupt as pressed:
                why = pressed
            patience = _GRACE
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGINT)
        if why:
            raise why

    def pulumi(self, *arguments: str) -> None:
        self.run("pulumi", *arguments, "--non-interactive", "--color", "never")

    def read(self, *command: str) -> Any:
        """The JSON that a command prints, which may have secrets. The rest goes to the log."""
        begin = self.log.stat().st_size
        with self.log.open("ab") as log:
            ran = subprocess.run(
                command,
                cwd=self.folder,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                check=False,
                start_new_session=True,
            )
        if ran.returncode != 0:
            raise self._failed(command, begin)
        return json.loads(ran.stdout)

    def _failed(self, command: Sequence[str], begin: int) -> Failed:
        """The error of a command, with the end of what it wrote to the log."""
        said = self.log.read_bytes()[begin:].decode(errors="replace").strip().splitlines()
        return Failed("\n".join([f"`{shlex.join(command)}` has failed:", *said[-_QUOTED_LINES:]]))

    def outputs(self) -> dict[str, Any]:
        found: dict[str, Any] = self.read("pulumi", "stack", "output", "--json")
        return found

    def resources(self) -> dict[str, Any]:
        """What AWS answered on each resource, by the provider, from the state."""
        deployment = self.read("pulumi", "stack", "export")["deployment"]
        listed = [one for one in deployment.get("resources") or [] if one.get("id")]
        ours = sorted((one["type"], one["urn"], one) for one in listed if one["type"][:4] == "aws:")
        self.now = frozenset(one["id"] for _, _, one in ours)
        for type_, _, one in ours:
            self.had.setdefault(one["id"], type_)  # a bucket's policy has the bucket's id
        return {f"{type_} {urn.rpartition('::')[2]}": one["outputs"] for type_, urn, one in ours}

    def planned(self) -> dict[str, str]:
        """What a preview would do, by type and name; resources that stay the same are left out."""
        steps = self.read("pulumi", "preview", "--json", "--non-interactive")["steps"]
        return {
            " ".join(step["urn"].split("::")[2:]).rpartition("$")[2]: step["op"]
            for step in steps
            if step["op"] != "same"
        }

    def normaliser(self) -> Normaliser:
        known = {id_: f"<{type_}>" for id_, type_ in self.had.items()}
        known |= {self.account: "<account>", self.name: "<stack>"}
        known |= {self.noted[key]: f"<{key}>" for key in ("stackId", "word") if key in self.noted}
        return Normaliser(known, self.region)

    @property
    def removal(self) -> tuple[str, ...]:
        """The command that removes the stack and its data, and that continues an earlier one."""
        return ("geusemaker", "destroy", "--delete-data", "--confirm", self.name)

    def by_hand(self) -> str:
        """The commands that remove the stack, and list what Pulumi does not know of."""
        return (
            f"  cd {shlex.quote(str(self.folder))} && . ./environment && "
            f"{shlex.join(self.removal)}\n"
            f"  aws resourcegroupstaggingapi get-resources --region {self.region} "
            f"--tag-filters Key=geusemaker:stack,Values={self.name}"
        )


def create(region: str, account: str, simulated: bool, day: str) -> Live:
    """Creates the stack in Pulumi, and nothing in AWS."""
    name = f"live-{day}-{''.join(secrets.choice(string.ascii_lowercase) for _ in range(6))}"
    folder = Path(tempfile.mkdtemp(prefix=f"geusemaker-{name}-"))
    try:
        for file in PROJECT_FILES:
            shutil.copy(ROOT / file, folder / file)
        (folder / ".venv").symlink_to(sys.prefix)
        (folder / "backend").mkdir()
        set_here = {
            "PULUMI_BACKEND_URL": f"file://{quote(str(folder / 'backend'))}",
            "PULUMI_CONFIG_PASSPHRASE": secrets.token_urlsafe(24),
            "PULUMI_STACK": name,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PATH": os.pathsep.join(
                [str(bin_dir()), str(find_engine(say).path_dir), os.environ.get("PATH", "")]
            ),
        }
        lines = [f"unset {name}" for name in _OF_ANOTHER_STACK]
        lines += [f"export {name}={shlex.quote(value)}" for name, value in set_here.items()]
        (folder / "environment").write_text("\n".join(lines) + "\n", encoding="utf-8")
        others = {k: v for k, v in os.environ.items() if k not in _OF_ANOTHER_STACK}
        live = Live(folder, name, region, account, simulated, others | set_here)
        live.pulumi("stack", "init", name)
        pairs = {"aws:region": region} | {f"geusemaker:{k}": str(v) for k, v in CONFIG.items()}
        options = [part for k, v in pairs.items() for part in ("--plaintext", f"{k}={v}")]
        live.pulumi("config", "set-all", *options)
    except BaseException:
        shutil.rmtree(folder)
        raise
    return live
