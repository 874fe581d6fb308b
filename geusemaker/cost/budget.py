"""The warning for `geusemaker:budgetUsd`."""

from decimal import Decimal
from typing import TYPE_CHECKING

from geusemaker.cost.estimate import Estimate
from geusemaker.cost.parts import usd

if TYPE_CHECKING:
    from geusemaker.config import DeploymentConfig


def over_budget(config: "DeploymentConfig", found: Estimate) -> str | None:
    """The warning that the known parts exceed the budget; None without a budget or within it.

    It never fails a preview: a list price without discounts must not stop a deployment.
    """
    budget = config.budget_usd
    if budget is None or found.most <= budget:
        return None
    if found.total <= budget:
        fewer = _affordable(config, found, budget)
        fix = (
            f"Set fewer: `pulumi config set geusemaker:workersMax {fewer}`, or" if fewer else "Set"
        )
        return (
            f"geusemaker:budgetUsd is {budget}. The stack costs {found.headline()} by AWS's list "
            f"prices, but {usd(found.most)} with {config.most_workers} workers all month, which "
            f"workersMax allows. {fix} another budget: `pulumi config set geusemaker:budgetUsd "
            f"{int(found.most) + 1}`."
        )
    dearest = max(found.parts, key=lambda part: part.amount or Decimal(0))
    return (
        f"geusemaker:budgetUsd is {budget}, but the stack costs {found.headline()} by "
        f"AWS's list prices, {usd(dearest.amount or Decimal(0))} of that for the "
        f"{dearest.name}. Reduce that part, or set another budget: `pulumi config set "
        f"geusemaker:budgetUsd {int(found.total) + 1}`."
    )


def _affordable(config: "DeploymentConfig", found: Estimate, budget: int) -> int:
    """The most workers within the budget."""
    each = (found.most - found.total) / (config.most_workers - config.workers)
    return config.workers + int((budget - found.total) / each)
