"""The day that the program uses: the current one, unless the variable sets another."""

from datetime import UTC, date, datetime

import pytest

from geusemaker.errors import ConfigError
from geusemaker.today import today


def test_by_default_it_is_the_current_day_in_utc() -> None:
    before = datetime.now(UTC).date()
    assert before <= today({}) <= datetime.now(UTC).date()
    assert today({"GEUSEMAKER_TODAY": ""}) >= before


def test_the_variable_sets_another_day() -> None:
    assert today({"GEUSEMAKER_TODAY": "2027-05-01"}) == date(2027, 5, 1)


@pytest.mark.parametrize("wrong", ["tomorrow", "2027-02-30", "27-05-01", "01.05.2027"])
def test_an_invalid_date_is_rejected(wrong: str) -> None:
    with pytest.raises(ConfigError, match="unset GEUSEMAKER_TODAY") as error:
        today({"GEUSEMAKER_TODAY": wrong})
    assert repr(wrong) in str(error.value)


def test_the_tests_run_on_a_fixed_day() -> None:
    """Otherwise a test would fail on the day on which AWS stops patching an image."""
    assert today() == date(2026, 11, 23)
