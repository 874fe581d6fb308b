"""A plan with its cost and what it changes, from a run and the state that it was made against."""

from collections.abc import Sequence

from geusemaker.config import DeploymentConfig
from geusemaker.plan import cost
from geusemaker.plan.build import plan_of
from geusemaker.plan.compare import comparison_of
from geusemaker.plan.model import Against, ConfigValue, Plan
from geusemaker.plan.ran import Ran
from geusemaker.today import today
from pulumi_moto.state import State


def whole_plan(
    ran: Ran,
    state: State | None,
    against: Against | None,
    config: DeploymentConfig,
    values: Sequence[ConfigValue],
    *,
    stack: str,
    region: str,
    hours: int,
    unchecked: Sequence[str] = (),
) -> Plan:
    """The plan of a run; with a state also the comparison with it.

    Args:
        ran: The run.
        state: What it was made against; None for a new stack.
        against: What the state is of; None with no state.
        config: What it ran with.
        values: The same, with sources.
        stack: The stack's name.
        region: Its Region.
        hours: A month that the host runs.
        unchecked: Sentences on what was not checked.
    """
    day = today()
    made = plan_of(
        ran,
        config,
        values,
        stack=stack,
        region=region,
        today=day,
        cost=cost.of_steps(ran.steps, region, hours, day),
        kept=state is not None and bool(state.resources),
        unchecked=unchecked,
    )
    if state is None or against is None:
        return made
    compared = comparison_of(
        ran,
        state,
        config,
        against,
        boot_seconds=made.boot.seconds,
        before=cost.of_state(state, region, hours, day),
        after=made.cost,
    )
    return made.model_copy(update={"comparison": compared})
