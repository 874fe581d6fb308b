"""A simulated account for each test."""

import copy
import functools
from collections.abc import Iterator
from typing import Any

import pulumi.runtime
import pytest
from moto.iam.models import AWSManagedPolicy

from geusemaker.components import credentials
from geusemaker.simulator.mocks import SimulatedMocks, simulated_account


@pytest.fixture(scope="session", autouse=True)
def _secrets_are_made_and_hashed_once() -> Iterator[None]:
    """bcrypt takes a quarter of the time that a stack takes."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("make_secrets", "owner_hash"):
            patch.setattr(credentials, name, functools.cache(getattr(credentials, name)))
        yield


@pytest.fixture(scope="session", autouse=True)
def _managed_policies_are_made_once() -> Iterator[None]:
    """An account has 1,582 of AWS's: 0.1 s for each account, a fifth of the time of a stack."""
    make: Any = AWSManagedPolicy.from_data
    made: dict[str, AWSManagedPolicy] = {}

    def from_data(name: str, *others: Any) -> AWSManagedPolicy:
        made[name] = made.get(name) or make(name, *others)
        return copy.copy(made[name])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AWSManagedPolicy, "from_data", from_data)
        yield


@pytest.fixture
def account() -> Iterator[SimulatedMocks]:
    with simulated_account() as mocks:
        pulumi.runtime.set_mocks(mocks, project="geusemaker", stack="test", preview=False)
        yield mocks
