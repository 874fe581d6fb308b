"""The host and the workers of a stack together, as `geusemaker status` waits for them. Pure."""

from dataclasses import dataclass

from geusemaker.host import screen, worker_screen
from geusemaker.host.status import HostStatus, Verdict
from geusemaker.host.workers import Workers

_FINAL = (Verdict.REFUSED, Verdict.OFF, Verdict.SIMULATED)


@dataclass(frozen=True, slots=True)
class StackStatus:
    """The state of a stack at one time.

    Attributes:
        workers: None in a stack without workers, and if they are unknown.
        workers_unknown: Why AWS did not show the workers; empty if it did.
    """

    host: HostStatus
    workers: Workers | None = None
    workers_unknown: str = ""

    @property
    def is_ready(self) -> bool:
        """Whether the host and as many workers as wanted are ready."""
        are_ready = self.workers.is_ready if self.workers else not self.workers_unknown
        return self.host.verdict is Verdict.READY and are_ready

    @property
    def is_final(self) -> bool:
        """Whether it is ready, or waiting cannot help."""
        if self.is_ready or self.host.verdict in _FINAL:
            return True
        if self.host.verdict is not Verdict.READY:
            return False
        workers = self.workers
        return workers is None or bool(workers.unknown or workers.in_state("refused"))

    @property
    def line(self) -> str:
        """The state, on one line."""
        host = screen.situation(self.host)
        if self.host.verdict is Verdict.READY and not self.is_ready:
            return f"{host}; {self._of_workers}"
        return host

    @property
    def why(self) -> str:
        """Why it is not ready, for the middle of a sentence."""
        if self.host.verdict is Verdict.READY:
            return self._of_workers
        return screen.situation(self.host).removeprefix("no: ").removeprefix("yes, but ")

    @property
    def fix(self) -> str:
        """What to do, with commands."""
        if self.host.verdict is Verdict.READY and self.workers:
            return worker_screen.fix(self.workers)
        return screen.fix(self.host)

    @property
    def _of_workers(self) -> str:
        if self.workers is None:
            return f"the workers are unknown: {self.workers_unknown}"
        return worker_screen.summary(self.workers)
