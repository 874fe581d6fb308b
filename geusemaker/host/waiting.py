"""Looking again and again, until the host is ready or cannot become so. Clock and sleep are given.

Pure but for what the caller hands in.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from geusemaker.errors import AwsError, EndpointError, ThrottledError
from geusemaker.host.durations import shown
from geusemaker.host.screen import situation
from geusemaker.host.status import Look, Verdict

PAUSE: Final = 10.0
"""Seconds between two looks."""

_FINAL: Final = (Verdict.READY, Verdict.REFUSED, Verdict.OFF, Verdict.SIMULATED)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, and on what.

    Attributes:
        seconds: After these the wait is over.
        clock: Seconds that never go back, such as `time.monotonic`.
        tell: Is handed each change, on one line.
    """

    seconds: float
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    tell: Callable[[str], None]


def wait(look: Callable[[], Look], patience: Patience) -> tuple[Look, bool]:
    """The last look, and whether it was the end; else the time was over before.

    Raises:
        AwsError: AWS refuses, or could not be reached during the whole time.
    """
    began, last, told = patience.clock(), None, ""
    trouble: AwsError | None = None
    while True:
        try:
            last, trouble = look(), None
            now = situation(last)
        # A network that is away for a minute does not end a wait of twenty.
        except (EndpointError, ThrottledError) as error:
            trouble, now = error, f"AWS does not answer ({error.code}), asking again"
        spent = patience.clock() - began
        if now != told:
            patience.tell(f"{shown(spent):>6}  {now}")
            told = now
        if trouble is None and last is not None and last.verdict in _FINAL:
            return last, True
        left = patience.seconds - spent
        if left <= 0:
            if last is None or trouble is not None:
                raise trouble or AssertionError("no look and no trouble")
            return last, False
        patience.sleep(min(PAUSE, left))
