"""Makes errors printable by Pulumi: it prints a `RunError` without a traceback.

Not in `errors`, because most commands run without the slow import of Pulumi.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pulumi

from geusemaker.errors import GeuseMakerError

ERROR_WAS_SHOWN: Final = 32
"""The exit code that keeps Pulumi's Python host from adding an error of its own."""


@contextmanager
def as_run_errors() -> Iterator[None]:
    """Makes each `GeuseMakerError` raised inside it a `pulumi.RunError` as well.

    `except ConfigError` still catches the error. Decorates what Pulumi or another program calls:
    components, and functions passed to `apply`.
    """
    try:
        yield
    except GeuseMakerError as error:
        if not isinstance(error, pulumi.RunError):
            kind = type(error)
            error.__class__ = type(kind.__name__, (kind, pulumi.RunError), {})
        raise


@contextmanager
def shown_alone() -> Iterator[None]:
    """Shows a `GeuseMakerError` and ends the program.

    Below a `RunError`, Pulumi prints "an unhandled error occurred". It still does below errors that
    need a look at the stack: they are raised after the program has ended, in an `apply`.
    """
    try:
        yield
    except GeuseMakerError as error:
        pulumi.log.error(str(error))
        sys.exit(ERROR_WAS_SHOWN)
