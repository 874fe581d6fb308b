"""Notes and warnings of the program, in Pulumi's log."""

import os
from typing import Final

PREVIEWED: Final = "GEUSEMAKER_PREVIEWED"
"""Environment variable of an update whose preview has shown the remarks: they are not repeated."""


def note(text: str) -> None:
    """Logs a paragraph on something that may surprise the user."""
    _log("info", text)


def warn(text: str) -> None:
    """Logs a paragraph on something that may be wrong."""
    _log("warn", text)


def _log(level: str, text: str) -> None:
    import pulumi  # here, because its import is slow and commands need only the variable's name

    if PREVIEWED not in os.environ:
        getattr(pulumi.log, level)(text)
