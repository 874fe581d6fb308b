"""A host that EC2 does not start is reported while the engine waits."""

import threading

import pytest

from geusemaker.cli import capacity

# As the engine prints them without a terminal.
CREATING = " +  aws:ec2:Instance geusemaker-compute-host creating (0s) "
REPLACING = "++ aws:ec2:Instance geusemaker-compute-host creating replacement (0s) "
CREATED = " +  aws:ec2:Instance geusemaker-compute-host created (13s) "
FAILED = " +  aws:ec2:Instance geusemaker-compute-host **creating failed** error: none"


@pytest.mark.parametrize("line", [CREATING, REPLACING])
def test_a_late_host_is_reported_while_the_engine_waits(line: str) -> None:
    said: list[str] = []
    printed = threading.Event()

    def say(text: str) -> None:
        said.append(text)
        if text == capacity.WAITING:
            printed.set()

    with capacity.watched(say, patience=0.01) as in_sight:
        in_sight(line)
        assert printed.wait(60)
        in_sight(FAILED)
    assert said == [line, capacity.WAITING, FAILED]
    assert "InsufficientInstanceCapacity" in capacity.WAITING


@pytest.mark.parametrize("last", [CREATED, FAILED, ""])
def test_a_host_that_comes_or_an_end_stops_the_clock(
    last: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = []
    cancel = threading.Timer.cancel

    def noted(timer: threading.Timer) -> None:
        stopped.append(timer)
        cancel(timer)

    monkeypatch.setattr(threading.Timer, "cancel", noted)
    said: list[str] = []
    with capacity.watched(said.append, patience=3600) as in_sight:
        in_sight("aws:ec2:Vpc geusemaker-network-vpc creating (0s)")
        in_sight(CREATING)
        in_sight(last)
        assert bool(stopped) is bool(last)
    assert stopped
    assert said[1:] == [CREATING, last]
