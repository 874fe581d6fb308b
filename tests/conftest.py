"""What every test may rely on, however the run was started."""

import asyncio
import gc
import logging
import os
import signal
from typing import Any

import coverage
import pytest

# Half a million objects of imports live as long as the run: collections are slow and free none.
gc.disable()

# Neither somebody's settings of AWS and Pulumi, nor those of `make shell`, lead a test elsewhere.
# Before any import, since moto reads some at once: a profile that does not exist ends it.
for name in [name for name in os.environ if name.startswith(("AWS_", "PULUMI_"))]:
    del os.environ[name]
# What AWS patches changes by the day, and answers of the real program with it.
os.environ["GEUSEMAKER_TODAY"] = "2026-11-23"
# moto makes 1,300 images of its own in each account: 0.2 s, and 4 MB which it does not free.
os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull


def _share_what_botocore_reads() -> None:
    """Each session of botocore reads AWS's models anew, 0.4 s for EC2: one reading serves all."""
    import botocore.session  # here, since it reads the variables above

    session: Any = botocore.session
    create = session.create_loader
    read: dict[str | None, Any] = {}

    def create_loader(search_path: str | None = None) -> Any:
        loader = create(search_path)
        loader._cache = read.setdefault(search_path, loader._cache)
        return loader

    session.create_loader = create_loader


_share_what_botocore_reads()

# Pulumi's `set_mocks` and Outputs need a current event loop, and Python 3.14 makes none by itself.
asyncio.set_event_loop(asyncio.new_event_loop())

# A run that was started in the background ignores Ctrl-C, and so would every program that the tests
# start: those that send it would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish(session: pytest.Session) -> None:
    """What is imported by now is never looked through again, the rest more rarely than usual:
    a third of the time of many tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
    gc.enable()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Save what a worker has measured while it is sure to live: xdist kills one whose end takes
    more than ten seconds, as it may after thousands of tests."""
    # Programs that a test lets fail leave futures behind, whose errors nobody reads: thousands of
    # lines once they are collected.
    logging.getLogger("asyncio").disabled = True
    measured = coverage.Coverage.current()
    if measured is not None and hasattr(session.config, "workerinput"):
        measured.save()
