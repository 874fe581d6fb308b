"""The conditions of `--fail-on`. Pure."""

from collections.abc import Sequence
from typing import Final

from geusemaker.plan.model import Comparison

FORMS: Final = ("replaces-host", "replaces-data")


def parse(text: str) -> list[str]:
    """The conditions of a list with commas. Raises `ValueError` for one that does not exist."""
    found = [part.strip() for part in text.split(",")]
    for part in found:
        if part not in FORMS:
            raise ValueError(f"{part!r} is not one of {', '.join(FORMS)}")
    return found


def failed(conditions: Sequence[str], comparison: Comparison) -> tuple[str, ...]:
    """Those that are true, as they were typed."""
    true = {"replaces-host": comparison.replaces_host, "replaces-data": comparison.replaces_data}
    return tuple(one for one in conditions if true[one])
