"""Starts programs that keep running, waits for their work, and ends them by their process id."""

import fcntl
import random
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

PATIENCE = 600.0
"""Seconds until a wait fails. Only a hang takes that long: no test measures time."""


class Program:
    """One program with its output in a file. `stop` ends it and waits for its end."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str],
        cwd: Path,
        user: int | None = None,
        group: int | None = None,
    ) -> None:
        self.log = log
        with log.open("ab") as said:
            self._process = subprocess.Popen(
                command,
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                user=user,
                group=group,
                extra_groups=None if user is None else [],
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def code(self) -> int | None:
        """The exit code; None while it runs."""
        return self._process.poll()

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait(self) -> int:
        """Waits until it ends on its own."""
        try:
            return self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.stop(signal.SIGKILL)
            raise AssertionError(f"it did not end: {self.said()[-3000:]}") from None

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.code is None:
            self._process.send_signal(how)
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def until(self, what: str, check: Callable[[], bool]) -> None:
        """Waits until `check` is true; an early end of the program is a failure."""

        def checked() -> bool:
            if check():
                return True
            assert self.code is None, f"it ended before {what}: {self.said()[-3000:]}"
            return False

        try:
            wait_until(what, checked)
        except TimeoutError as late:
            raise AssertionError(f"{late} {self.said()[-3000:]}") from None


def wait_until(what: str, check: Callable[[], bool]) -> None:
    """Waits until `check` is true."""
    end = time.monotonic() + PATIENCE
    while not check():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {PATIENCE:.0f} seconds: {what}.")
        time.sleep(0.2)


_HELD: list[IO[bytes]] = []
"""Locks on the ports of this process, until it ends."""


def free_port() -> int:
    """A free loopback port that no other test gets.

    It is below the ports that the system gives to clients, so that no connection of another test
    takes it before the server listens. The lock is for servers: Caddy lets others listen at its
    port, as it does itself.
    """
    while True:
        port = random.randrange(20000, 32768)  # noqa: S311
        with socket.socket() as taken:
            try:
                taken.bind(("127.0.0.1", port))
            except OSError:
                continue
        held = (Path(tempfile.gettempdir()) / f"geusemaker-test-port-{port}").open("wb")
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            held.close()
            continue
        _HELD.append(held)
        return port
