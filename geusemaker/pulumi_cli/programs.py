"""Runs programs with a time limit that also ends their children."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_STILL_EVERY = 30.0


@dataclass(frozen=True)
class Ran:
    """The exit code and output of a program."""

    code: int
    stdout: str
    stderr: str

    def last_line(self) -> str:
        """The last line of output, which most likely is the error."""
        lines = [line.strip() for line in f"{self.stdout}\n{self.stderr}".splitlines()]
        lines = [line for line in lines if line]
        return lines[-1][:300] if lines else f"it ended with code {self.code} without output"


class Machine:
    """Finds and runs programs on this machine."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self._environ = os.environ if environ is None else environ

    def which(self, name: str) -> str | None:
        return shutil.which(name, path=self._environ.get("PATH", os.defpath))

    def run(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        seconds: float,
        cwd: Path | None = None,
        still: Callable[[float], None] | None = None,
    ) -> Ran:
        """Runs a program until it ends or its time is up.

        Calls `still` with the seconds so far, every half minute.
        """
        # Files, not pipes: a grandchild that survives would keep a pipe open.
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            try:
                process = subprocess.Popen(
                    command,
                    cwd=cwd,
                    env=dict(env),
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    start_new_session=True,
                )
            except OSError as why:
                return Ran(127, "", f"{command[0]} cannot be started: {why.strerror}")
            code = self._wait(process, seconds, still)
            out.seek(0)
            err.seek(0)
            stdout = out.read().decode(errors="replace")
            stderr = err.read().decode(errors="replace")
        if code is None:
            return Ran(124, stdout, f"it did not end within {seconds:.0f} s")
        return Ran(code, stdout, stderr)

    def _wait(
        self,
        process: subprocess.Popen[bytes],
        seconds: float,
        still: Callable[[float], None] | None,
    ) -> int | None:
        began = time.monotonic()
        try:
            while (left := began + seconds - time.monotonic()) > 0:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return process.wait(timeout=min(left, _STILL_EVERY))
                if still is not None:
                    still(time.monotonic() - began)
            return None
        finally:
            # After the time limit, Ctrl-C or SIGTERM: the child's own session got no signal.
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
