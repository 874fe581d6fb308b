"""Hides the user's settings. Imports nothing that reads them: moto does when it is imported."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_aws_settings() -> Iterator[None]:
    """Hides the user's AWS and Pulumi settings from all that is imported and run meanwhile."""
    before = dict(os.environ)
    for name in before:
        if name.startswith(("AWS_", "PULUMI_")):
            del os.environ[name]
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
