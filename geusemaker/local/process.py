"""Starts, checks and ends processes by their id."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from geusemaker.errors import LocalError

_STEP = 0.05

# The shell forks the program and exits, so init reaps the program. Its session has no terminal, so
# Ctrl-C in `make up` does not reach it.
_DETACH = 'out=$1; shift; "$@" </dev/null >"$out" 2>&1 & echo $!'


def start_detached(command: Sequence[str], env: Mapping[str, str], cwd: Path, out: Path) -> int:
    """Starts a program that outlives this one, and returns its process id."""
    ran = subprocess.run(
        ["/bin/sh", "-c", _DETACH, "sh", str(out), *command],
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
        check=True,
    )
    return int(ran.stdout)


def is_running(pid: int) -> bool:
    """Whether the process runs; a zombie has ended."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            return stat.read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
        except (OSError, IndexError):
            return False
    state = _ps(pid, "stat")
    return bool(state) and not state.startswith("Z")


def command_line(pid: int) -> str:
    """The command line of the process; empty if it does not exist."""
    file = Path(f"/proc/{pid}/cmdline")
    if Path("/proc/self/cmdline").exists():
        try:
            return file.read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            return ""
    return _ps(pid, "command")


def _ps(pid: int, column: str) -> str:
    """For macOS, which has no /proc; -ww turns off cutting at the terminal's width."""
    ran = subprocess.run(
        ["ps", "-ww", "-o", f"{column}=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.stdout.strip()


def end(pid: int, patience: float) -> None:
    """Ends the process: SIGTERM, then SIGKILL after `patience` seconds."""
    for request in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, request)
        until = time.monotonic() + patience
        while time.monotonic() < until:
            if not is_running(pid):
                return
            time.sleep(_STEP)


def find(program: str, env: Mapping[str, str]) -> str:
    """The path of a program on the PATH of `env`."""
    found = shutil.which(program, path=env.get("PATH", os.defpath))
    if found is None:
        raise LocalError(
            f"There is no program {program!r} on the PATH of the local environment: check the"
            " name, or give its full path."
        )
    return found
