"""A simulated account for each test."""

from collections.abc import Iterator

import pulumi.runtime
import pytest

from geusemaker.simulator.mocks import SimulatedMocks, simulated_account


@pytest.fixture
def account() -> Iterator[SimulatedMocks]:
    with simulated_account() as mocks:
        pulumi.runtime.set_mocks(mocks, project="geusemaker", stack="test", preview=False)
        yield mocks
