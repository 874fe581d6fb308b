"""The simulated account in this process, for unit tests without an engine or sockets."""

import contextlib
from collections.abc import Mapping

from pulumi_moto import mocks
from pulumi_moto.mocks import SimulatedMocks
from pulumi_moto.seed import Seed

from .seed import SEED

__all__ = ["SimulatedMocks", "simulated_account"]


def simulated_account(
    region: str = "us-east-1",
    default_tags: Mapping[str, str] | None = None,
    seed: Seed = SEED,
) -> contextlib.AbstractContextManager[SimulatedMocks]:
    """`pulumi_moto.mocks.simulated_account` with GeuseMaker's seed."""
    return mocks.simulated_account(region, default_tags, seed)
