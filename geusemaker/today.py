"""The current day, which an environment variable can replace."""

import os
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Final

from geusemaker.errors import ConfigError

VARIABLE: Final = "GEUSEMAKER_TODAY"
"""Sets another day, such as 2027-05-01, to preview which images AWS still patches then."""


def today(environ: Mapping[str, str] | None = None) -> date:
    """The current day in UTC, or the day in `VARIABLE`.

    Raises:
        ConfigError: `VARIABLE` is not a date.
    """
    named = (os.environ if environ is None else environ).get(VARIABLE)
    if not named:
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(named)
    except ValueError:
        raise ConfigError(
            f"{VARIABLE} is {named!r}, which is not a date. Use the form 2027-05-01 to see which "
            f"images AWS patches then, or `unset {VARIABLE}` to use the current day."
        ) from None
