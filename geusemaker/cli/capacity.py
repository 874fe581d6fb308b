"""Reports early that AWS may lack capacity: Pulumi's provider reports it late."""

import contextlib
import re
import threading
from collections.abc import Callable, Iterator
from typing import Final

PATIENCE: Final = 120.0
"""Seconds. EC2 usually runs a new host within one minute."""

_REASON: Final = (
    "Most likely AWS has no capacity for its type in its zone: Pulumi's AWS provider retries "
    "silently for at least seven minutes before it reports InsufficientInstanceCapacity. Let it "
    "run; the fix is printed at the end."
)
WAITING: Final = f"There is no new host after 2 minutes. {_REASON}"
BEFORE: Final = f"AWS usually starts a new host within a minute. Is there none after two? {_REASON}"
"""Printed before Pulumi draws its tree, which text from here would break."""

CREATING: Final = re.compile(r"aws:ec2:Instance \S+ creating\b")
ENDED: Final = re.compile(r"aws:ec2:Instance \S+ (created\b|\*\*)")


@contextlib.contextmanager
def watched(
    say: Callable[[str], None], patience: float = PATIENCE
) -> Iterator[Callable[[str], None]]:
    """Passes lines of `pulumi up` to `say`, and `WAITING` when a new host takes that long."""
    timer: threading.Timer | None = None

    def line(text: str) -> None:
        nonlocal timer
        say(text)
        if timer is None and CREATING.search(text):
            timer = threading.Timer(patience, say, [WAITING])
            timer.daemon = True
            timer.start()
        elif timer is not None and ENDED.search(text):
            timer.cancel()

    try:
        yield line
    finally:
        if timer is not None:
            timer.cancel()
