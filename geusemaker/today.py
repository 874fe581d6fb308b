"""Which day it is. Asked in one place, so that any day can be tried."""

import os
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Final

from geusemaker.errors import ConfigError

VARIABLE: Final = "GEUSEMAKER_TODAY"
"""Names another day, as 2027-05-01: what AWS patches then, and what a preview will say."""


def today(environ: Mapping[str, str] | None = None) -> date:
    """The current day in UTC, or the one that `VARIABLE` names.

    Raises:
        ConfigError: It names no day.
    """
    named = (os.environ if environ is None else environ).get(VARIABLE)
    if not named:
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(named)
    except ValueError:
        raise ConfigError(
            f"{VARIABLE} is {named!r}, which is no day: write one as 2027-05-01, to see what is "
            f"patched then, or `unset {VARIABLE}` for the current day."
        ) from None
