"""The conditions of `--fail-on`. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from geusemaker.plan.model import Plan

HOST: Final = "replaces-host"
DATA: Final = "replaces-data"
_COST: Final = re.compile(r"cost>(\d{1,9}(?:\.\d{1,2})?)")
FORMS: Final = f"{HOST}, {DATA}, cost>200"


@dataclass(frozen=True)
class Condition:
    """One condition as it was typed; `usd` is the limit of a cost."""

    text: str
    usd: float | None = None

    @property
    def needs_comparison(self) -> bool:
        """Whether it is about a change."""
        return self.usd is None

    def is_true(self, plan: Plan) -> bool:
        """Whether the plan meets it. Costs count with the upper end of their range."""
        if self.usd is not None:
            return plan.cost is not None and plan.cost.high > self.usd
        if plan.comparison is None:
            return False
        replaces_host, replaces_data = (
            plan.comparison.replaces_host,
            plan.comparison.replaces_data,
        )
        return replaces_host if self.text == HOST else replaces_data


def parse(text: str) -> list[Condition]:
    """The conditions of a list with commas. Raises `ValueError` for one that does not exist."""
    return [_parsed(part.strip()) for part in text.split(",")]


def _parsed(text: str) -> Condition:
    if text in (HOST, DATA):
        return Condition(text)
    if match := _COST.fullmatch(text):
        return Condition(text, float(match[1]))
    raise ValueError(f"{text!r} is not one of {FORMS}")


def failed(conditions: Sequence[Condition], plan: Plan) -> tuple[str, ...]:
    """Those that are true, as they were typed."""
    return tuple(one.text for one in conditions if one.is_true(plan))
