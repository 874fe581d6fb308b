"""Errors of components are `RunError`s, which Pulumi prints without a traceback."""

from typing import Any

import pulumi
import pytest

from geusemaker.errors import ConfigError, PinError, ThrottledError
from geusemaker.run_errors import ERROR_WAS_SHOWN, as_run_errors, shown_alone
from geusemaker.simulator.mocks import SimulatedMocks

from .rendering import deploy


@pytest.mark.parametrize(
    ("args", "kind"),
    [
        pytest.param({"ami_id": "ami-00000000000000001"}, PinError, id="in the component"),
        pytest.param({"root_volume_gib": 20}, ConfigError, id="once an output is known"),
    ],
)
def test_an_error_of_a_component_is_a_run_error_and_keeps_its_class(
    account: SimulatedMocks, args: dict[str, Any], kind: type[Exception]
) -> None:
    with pytest.raises(kind) as refused:
        deploy(**args)
    assert isinstance(refused.value, pulumi.RunError)


def test_an_aws_error_keeps_its_attributes() -> None:
    with pytest.raises(ThrottledError, match="Too many") as refused, as_run_errors():
        raise ThrottledError("Too many.", code="Throttling", region="us-east-1", operation="Run")
    assert isinstance(refused.value, pulumi.RunError)
    assert isinstance(refused.value, RuntimeError)
    assert refused.value.code == "Throttling"


def test_the_program_shows_its_error_and_ends_with_the_code_that_adds_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(pulumi.log, "error", shown.append)
    with pytest.raises(SystemExit) as ended, shown_alone():
        raise ConfigError("A paragraph.")
    assert (shown, ended.value.code) == (["A paragraph."], ERROR_WAS_SHOWN)
    with pytest.raises(KeyError), shown_alone():
        raise KeyError
