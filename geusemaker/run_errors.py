"""Makes errors printable by Pulumi: it prints a `RunError` alone, others with a traceback.

Not in `errors`, because most commands run without the slow import of Pulumi.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pulumi

from geusemaker.errors import GeuseMakerError


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
