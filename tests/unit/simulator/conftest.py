"""Accounts in this process."""

from collections.abc import Iterator

import pytest
from moto_provider.world import World

from geusemaker.simulator.mocks import simulated_account


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """An account that the tests of one module share: each makes what it needs itself."""
    with simulated_account() as mocks:
        yield World(mocks.account)


@pytest.fixture
def empty_world() -> Iterator[World]:
    """An account of one's own."""
    with simulated_account() as mocks:
        yield World(mocks.account)
