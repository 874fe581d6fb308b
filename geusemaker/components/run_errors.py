"""The errors of a Pulumi program: Pulumi prints a `RunError` bare, and any other with a traceback.

Apart from `errors`, since importing Pulumi takes longer than most commands do.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pulumi

from geusemaker.errors import GeuseMakerError


@contextmanager
def as_run_errors() -> Iterator[None]:
    """Makes each `GeuseMakerError` that is raised within it a `pulumi.RunError` as well.

    The error keeps its class: `except ConfigError` catches it as before. As a decorator it belongs
    on what Pulumi, or another program, calls: components, and functions given to `apply`.
    """
    try:
        yield
    except GeuseMakerError as error:
        if not isinstance(error, pulumi.RunError):
            kind = type(error)
            error.__class__ = type(kind.__name__, (kind, pulumi.RunError), {})
        raise
