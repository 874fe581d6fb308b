"""Durations as users type them: "90s", "20m", "1h". Pure."""

import re
from typing import Final

LONGEST_HOURS: Final = 24
_UNITS: Final = {"s": 1, "m": 60, "h": 3600}
_FORM: Final = re.compile(r"([0-9]{1,6})([smh])")


def seconds_of(text: str) -> int:
    """The seconds of "90s", "20m" or "1h". Raises `ValueError` for any other text."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a duration such as 90s, 20m or 1h")
    seconds = int(match[1]) * _UNITS[match[2]]
    if not 0 < seconds <= LONGEST_HOURS * 3600:
        raise ValueError(f"{text!r} is not between 1s and {LONGEST_HOURS}h")
    return seconds


def shown(seconds: float) -> str:
    """Minutes and seconds, such as "2:05"."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"


def in_words(seconds: float) -> str:
    """Hours and minutes, such as "25 min" or "3 h 5 min"; less than a minute counts as one."""
    hours, minutes = divmod(max(1, round(seconds / 60)), 60)
    parts = ((hours, "h"), (minutes, "min"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count)
