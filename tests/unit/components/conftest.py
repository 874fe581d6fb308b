"""A simulated account for each test."""

import functools
from collections.abc import Iterator

import pulumi.runtime
import pytest

from geusemaker.components import credentials
from geusemaker.simulator.mocks import SimulatedMocks, simulated_account


@pytest.fixture(scope="session", autouse=True)
def _secrets_are_made_and_hashed_once() -> Iterator[None]:
    """bcrypt takes a quarter of the time that a stack takes."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("make_secrets", "owner_hash"):
            patch.setattr(credentials, name, functools.cache(getattr(credentials, name)))
        yield


@pytest.fixture
def account() -> Iterator[SimulatedMocks]:
    with simulated_account() as mocks:
        pulumi.runtime.set_mocks(mocks, project="geusemaker", stack="test", preview=False)
        yield mocks
