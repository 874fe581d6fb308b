"""The clone for these tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.clones import Clone, make_clone


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clone]:
    yield from make_clone(tmp_path, monkeypatch)
