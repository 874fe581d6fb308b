"""Remarks of the program in Pulumi's log."""

import pytest

from geusemaker import remarks


def test_remarks_are_logged_and_not_again_after_a_preview_has_shown_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    monkeypatch.setattr("pulumi.log.info", said.append)
    monkeypatch.setattr("pulumi.log.warn", said.append)
    remarks.note("a note")
    remarks.warn("a warning")
    assert said == ["a note", "a warning"]
    monkeypatch.setenv(remarks.PREVIEWED, "1")
    remarks.note("a note")
    remarks.warn("a warning")
    assert said == ["a note", "a warning"]
