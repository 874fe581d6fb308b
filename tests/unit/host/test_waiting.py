"""Waiting for a host: how it ends, what is told on the way, and that nothing waits for real."""

from collections.abc import Iterable

import pytest

from geusemaker.errors import AwsError, CredentialsError, EndpointError, ThrottledError
from geusemaker.host.status import Look, Verdict
from geusemaker.host.waiting import PAUSE, Patience, wait

from .looks import NEW, OLD, look, text

WORKING = look(text("not-ready", step="services", reason="under way"))


class Time:
    """A clock that sleeping moves, and what was told."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self.told: list[str] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def patience(self, seconds: float) -> Patience:
        return Patience(seconds, lambda: self.now, self.sleep, self.told.append)


def waited(
    seen: Iterable[Look | AwsError], seconds: float = 60
) -> tuple[Time, tuple[Look, bool] | AwsError]:
    time, looks = Time(), iter(seen)

    def one() -> Look:
        found = next(looks)
        if isinstance(found, AwsError):
            raise found
        return found

    try:
        return time, wait(one, time.patience(seconds))
    except AwsError as error:
        return time, error


def refusal(kind: type[AwsError]) -> AwsError:
    return kind("text", code="Code", region="us-east-1", operation="DescribeInstances")


def test_it_ends_when_the_host_is_ready_and_tells_each_change_once() -> None:
    pending = look("state=unknown", state="pending")
    time, ended = waited([pending, pending, WORKING, WORKING, look()])
    assert ended == (look(), True)
    assert time.slept == [PAUSE] * 4
    assert time.told == [
        "  0:00  not yet reported: EC2 is starting the instance",
        "  0:20  no: step services (the start of the services) is under way",
        "  0:40  yes",
    ]


@pytest.mark.parametrize(
    "seen",
    [
        look(text(running=OLD, reason=f"bundle {NEW}: x")),
        look(state="stopped"),
        look(simulated=True),
    ],
)
def test_it_ends_at_once_where_waiting_is_in_vain(seen: Look) -> None:
    time, ended = waited([seen])
    assert ended == (seen, True)
    assert time.slept == []


@pytest.mark.parametrize(
    "seen",
    [
        WORKING,
        look(text(running=OLD)),
        look(text("not-ready", step="data", reason="vol-1 is late")),
        look(text(instance="i-other")),
    ],
)
def test_what_may_still_become_ready_is_waited_for_to_the_last_second(seen: Look) -> None:
    time, ended = waited([seen] * 99, seconds=25)
    assert ended == (seen, False)
    assert time.slept == [10, 10, 5]


def test_a_network_that_is_away_for_a_while_does_not_end_it() -> None:
    away = [refusal(EndpointError), refusal(ThrottledError)]
    time, ended = waited([WORKING, *away, look()])
    assert isinstance(ended, tuple)
    assert ended[0].verdict is Verdict.READY
    assert time.told[1:] == ["  0:10  AWS does not answer (Code), asking again", "  0:30  yes"]


def test_one_that_is_away_to_the_end_is_the_error() -> None:
    _, ended = waited([WORKING] + [refusal(EndpointError)] * 99)
    assert isinstance(ended, EndpointError)
    _, never = waited([refusal(EndpointError)] * 99)
    assert isinstance(never, EndpointError)


def test_what_waiting_does_not_fix_ends_it() -> None:
    time, ended = waited([WORKING, refusal(CredentialsError)])
    assert isinstance(ended, CredentialsError)
    assert time.slept == [PAUSE]
