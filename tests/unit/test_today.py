"""The day of the program: the current one, unless another is tried."""

from datetime import UTC, date, datetime

import pytest

from geusemaker.errors import ConfigError
from geusemaker.today import today


def test_without_a_request_it_is_the_current_day_in_utc() -> None:
    before = datetime.now(UTC).date()
    assert before <= today({}) <= datetime.now(UTC).date()
    assert today({"GEUSEMAKER_TODAY": ""}) >= before


def test_another_day_can_be_tried() -> None:
    assert today({"GEUSEMAKER_TODAY": "2027-05-01"}) == date(2027, 5, 1)


@pytest.mark.parametrize("wrong", ["tomorrow", "2027-02-30", "27-05-01", "01.05.2027"])
def test_what_is_no_day_is_refused(wrong: str) -> None:
    with pytest.raises(ConfigError, match="unset GEUSEMAKER_TODAY") as error:
        today({"GEUSEMAKER_TODAY": wrong})
    assert repr(wrong) in str(error.value)


def test_the_tests_themselves_run_on_a_day_of_their_own() -> None:
    """Or one of them would fail on the day on which AWS stops to patch something."""
    assert today() == date(2026, 11, 23)
