"""Durations as users type them."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geusemaker.host.durations import seconds_of, shown


@pytest.mark.parametrize(
    ("text", "seconds"), [("1s", 1), ("90s", 90), ("20m", 1200), ("1h", 3600), ("24h", 86400)]
)
def test_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "20", "m", "20 m", "1.5h", "-1s", "1d", "1h30m", "1M", "20m\n", "\u0661s"]
)
def test_any_other_text_is_refused_and_quoted(text: str) -> None:
    with pytest.raises(ValueError, match="such as 90s, 20m or 1h") as refused:
        seconds_of(text)
    assert repr(text) in str(refused.value)


@pytest.mark.parametrize("text", ["0s", "0h", "25h", "1441m", "999999h"])
def test_zero_and_more_than_a_day_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="between 1s and 24h"):
        seconds_of(text)


@given(st.text())
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert 0 < seconds_of(text) <= 86400


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (59.9, "0:59"), (605, "10:05")])
def test_minutes_and_seconds(seconds: float, text: str) -> None:
    assert shown(seconds) == text
