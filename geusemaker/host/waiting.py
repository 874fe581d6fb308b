"""Repeats the status check until a stack is ready or cannot become ready.

Pure: the caller passes the check, the clock and the sleep.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from geusemaker.errors import AwsError, EndpointError, ThrottledError
from geusemaker.host.durations import shown
from geusemaker.host.stack_status import StackStatus

PAUSE: Final = 10.0
"""Seconds between two checks."""


@dataclass(frozen=True, slots=True)
class WaitOptions:
    """How long to wait, and the functions for it.

    Attributes:
        seconds: The limit of the wait.
        clock: A monotonic clock in seconds, such as `time.monotonic`.
        tell: Gets each change, as one line.
    """

    seconds: float
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    tell: Callable[[str], None]


def wait(check: Callable[[], StackStatus], options: WaitOptions) -> tuple[StackStatus, bool]:
    """The last status, and whether it is final; it is not final when the time ran out.

    Raises:
        AwsError: AWS refuses the request, or was still unreachable when the time ran out.
    """
    began, shown_line = options.clock(), ""
    last: StackStatus | None = None
    trouble: AwsError | None = None
    while True:
        try:
            last, trouble = check(), None
            now = last.line
        # A short network outage must not end a long wait.
        except (EndpointError, ThrottledError) as error:
            trouble, now = error, f"AWS does not answer ({error.code}); trying again"
        spent = options.clock() - began
        if now != shown_line:
            options.tell(f"{shown(spent):>6}  {now}")
            shown_line = now
        if trouble is None and last is not None and last.is_final:
            return last, True
        left = options.seconds - spent
        if left <= 0:
            if last is None or trouble is not None:
                raise trouble or AssertionError("neither a status nor an error")
            return last, False
        options.sleep(min(PAUSE, left))
