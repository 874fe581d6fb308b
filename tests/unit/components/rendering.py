"""Renders a stack under the mocks of a simulated account."""

from collections.abc import Callable
from datetime import date
from typing import Any, TypeVar, cast

import pulumi
import pulumi.runtime

from geusemaker.components.tier1 import Tier1, Tier1Args

TODAY = date(2026, 11, 23)
"""The day of all tests here: which lines are patched must not depend on when they run."""

T = TypeVar("T", bound=Callable[..., Any])

in_pulumi = cast(Callable[[T], T], pulumi.runtime.test)
"""Runs until every Output has settled: without it a failing assertion inside one is lost."""


@in_pulumi
def deploy(**args: Any) -> pulumi.Output[str]:
    """Make one Tier1 of these args, with the mocks that are set."""
    return Tier1("geusemaker", cast(Tier1Args, args), today=TODAY).instance_id
