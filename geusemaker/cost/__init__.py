"""What a stack costs a month, by AWS's list prices. Pure: no AWS call, no Pulumi.

From a config, or from plain facts:

    found = estimate_of(config, region="us-east-1", today=today(), root_gib=75, hours=730)
    found = estimate(StackFacts("us-east-1", "g5.xlarge", root_gib=75, data_gib=100), today())

    found.headline()       "about 163.40 USD a month", or "at least ..." while a part is unknown
    found.total            sum of the known parts as a Decimal, not rounded: see `cents`, `usd`
    found.most             the same with all workers that there may be at a time
    found.unknown          the parts without an amount; `is_complete` if there is none
    for part in found.parts:
        part.key           "host", "data-disk": the same in every estimate, for comparisons
        part.name          "host g5.xlarge", for people
        part.quantity, part.unit, part.price     730, "hour", 1.006; each may be None
        part.amount        USD a month, or None: then `part.why` says why, and no total has it
        part.low, part.high                      a range in USD: of Spot, which no total has; or of
                                                 workers from the least to the most of them, of
                                                 which a total counts the least
        part.source, part.as_of, part.is_old     of the price; old is more than twelve months
        part.is_assumed, part.note               whether the quantity is an assumption, and which

    of_workers(found)                            what the workers cost, in words
    over_budget(config, found)                   the warning for `geusemaker:budgetUsd`, or None

The prices are in `prices.toml`; `load_prices` reads it, `scripts/update_prices.py` renews it.
Prices are without tax, discounts and free tiers.
"""

from geusemaker.cost.budget import over_budget
from geusemaker.cost.configured import estimate_of
from geusemaker.cost.estimate import (
    Assumptions,
    Estimate,
    StackFacts,
    estimate,
)
from geusemaker.cost.of_workers import of_workers
from geusemaker.cost.parts import Part, cents, usd
from geusemaker.cost.table import Price, Prices, load_prices
from geusemaker.cost.workers import Workers

__all__ = [
    "Assumptions",
    "Estimate",
    "Part",
    "Price",
    "Prices",
    "StackFacts",
    "Workers",
    "cents",
    "estimate",
    "estimate_of",
    "load_prices",
    "of_workers",
    "over_budget",
    "usd",
]
