"""The warning for `geusemaker:budgetUsd`."""

from decimal import Decimal
from typing import TYPE_CHECKING

from geusemaker.cost.estimate import Estimate, usd

if TYPE_CHECKING:
    from geusemaker.config import DeploymentConfig


def over_budget(config: "DeploymentConfig", found: Estimate) -> str | None:
    """The warning that the known parts exceed the budget; None without a budget or within it.

    It never fails a preview: a list price without discounts must not stop a deployment.
    """
    if config.budget_usd is None or found.total <= config.budget_usd:
        return None
    dearest = max(found.parts, key=lambda part: part.amount or Decimal(0))
    return (
        f"geusemaker:budgetUsd is {config.budget_usd}, but the stack costs {found.headline()} by "
        f"AWS's list prices, {usd(dearest.amount or Decimal(0))} of that for the "
        f"{dearest.name}. Reduce that part, or set another budget: `pulumi config set "
        f"geusemaker:budgetUsd {int(found.total) + 1}`."
    )
