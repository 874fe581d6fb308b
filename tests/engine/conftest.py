"""One simulated account a module: starting one takes seconds."""

from collections.abc import Iterator

import pytest

from .door import Door, make_project


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    opened = Door(make_project(tmp_path_factory.mktemp("clone") / "project"))
    yield opened
    opened.close()
