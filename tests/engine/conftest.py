"""One simulated account a module: starting one takes seconds."""

from collections.abc import Generator, Iterator

import coverage
import pytest

from .door import Door, make_project


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    opened = Door(make_project(tmp_path_factory.mktemp("clone") / "project"))
    yield opened
    opened.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Coverage is what the unit tests reach: the engine's runs reach most lines, prove few of
    them, and would take half as long again."""
    measured = coverage.Coverage.current()
    if measured is None:
        return (yield)
    measured.stop()
    try:
        return (yield)
    finally:
        measured.start()
