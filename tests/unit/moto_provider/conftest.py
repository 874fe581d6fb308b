"""Accounts in this process, of plain `pulumi_moto`."""

from collections.abc import Iterator

import pytest

from moto_provider.world import SEED, World
from pulumi_moto.mocks import simulated_account


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """An account that the tests of one module share: each makes what it needs itself."""
    with simulated_account(seed=SEED) as mocks:
        yield World(mocks.account)


@pytest.fixture
def empty_world() -> Iterator[World]:
    """An account for one test."""
    with simulated_account(seed=SEED) as mocks:
        yield World(mocks.account)
