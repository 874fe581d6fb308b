"""What the workers of a stack cost, in words."""

from decimal import Decimal

from geusemaker.cost.estimate import Estimate
from geusemaker.cost.parts import cents, usd
from geusemaker.cost.workers import KEYS


def of_workers(found: Estimate) -> str:
    """The cost of the workers and of the queue: "about 300.12 USD a month".

    A range with Spot, and where their number follows the load: "about 2.54 to 1,196.84 USD a
    month". "at least" if a price is unknown.
    """
    low = high = Decimal(0)
    is_complete = True
    for part in found.parts:
        if part.key not in KEYS:
            continue
        least, most = part.low or part.amount, part.high or part.amount
        is_complete &= (part.low, part.amount) != (None, None)
        low, high = low + (least or 0), high + (most or 0)
    if not is_complete:
        return f"at least {usd(low)} USD a month"
    both = usd(low) if cents(low) == cents(high) else f"{usd(low)} to {usd(high)}"
    return f"about {both} USD a month"
