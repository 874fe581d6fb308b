"""Waiting for a host: how it ends and what it prints, with a fake clock."""

from collections.abc import Iterable

import pytest

from geusemaker.errors import AwsError, CredentialsError, EndpointError, ThrottledError
from geusemaker.host.stack_status import StackStatus
from geusemaker.host.status import HostStatus, Verdict
from geusemaker.host.waiting import PAUSE, WaitOptions, wait

from .statuses import NEW, OLD, host_status, text

WORKING = host_status(text("not-ready", step="services", reason="under way"))


class Time:
    """A clock that `sleep` advances, and the printed lines."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self.printed: list[str] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def options(self, seconds: float) -> WaitOptions:
        return WaitOptions(seconds, lambda: self.now, self.sleep, self.printed.append)


def waited(
    seen: Iterable[HostStatus | AwsError], seconds: float = 60
) -> tuple[Time, tuple[HostStatus, bool] | AwsError]:
    time, looks = Time(), iter(seen)

    def one() -> StackStatus:
        found = next(looks)
        if isinstance(found, AwsError):
            raise found
        return StackStatus(found)

    try:
        last, is_final = wait(one, time.options(seconds))
        return time, (last.host, is_final)
    except AwsError as error:
        return time, error


def refusal(kind: type[AwsError]) -> AwsError:
    return kind("text", code="Code", region="us-east-1", operation="DescribeInstances")


def test_it_ends_when_the_host_is_ready_and_prints_each_change_once() -> None:
    pending = host_status("state=unknown", state="pending")
    time, ended = waited([pending, pending, WORKING, WORKING, host_status()])
    assert ended == (host_status(), True)
    assert time.slept == [PAUSE] * 4
    assert time.printed == [
        "  0:00  not yet reported: EC2 is starting the instance",
        "  0:20  no: step services (the start of the services) is under way",
        "  0:40  yes",
    ]


@pytest.mark.parametrize(
    "seen",
    [
        host_status(text(running=OLD, reason=f"bundle {NEW}: x")),
        host_status(state="stopped"),
        host_status(simulated=True),
    ],
)
def test_it_ends_at_once_when_the_host_cannot_become_ready(seen: HostStatus) -> None:
    time, ended = waited([seen])
    assert ended == (seen, True)
    assert time.slept == []


@pytest.mark.parametrize(
    "seen",
    [
        WORKING,
        host_status(text(running=OLD)),
        host_status(text("not-ready", step="data", reason="vol-1 is late")),
        host_status(text(instance="i-other")),
    ],
)
def test_it_waits_the_whole_time_while_the_host_may_still_become_ready(seen: HostStatus) -> None:
    time, ended = waited([seen] * 99, seconds=25)
    assert ended == (seen, False)
    assert time.slept == [10, 10, 5]


def test_a_short_network_outage_does_not_end_it() -> None:
    outage = [refusal(EndpointError), refusal(ThrottledError)]
    time, ended = waited([WORKING, *outage, host_status()])
    assert isinstance(ended, tuple)
    assert ended[0].verdict is Verdict.READY
    assert time.printed[1:] == ["  0:10  AWS does not answer (Code); trying again", "  0:30  yes"]


def test_an_outage_that_lasts_to_the_end_is_the_error() -> None:
    _, ended = waited([WORKING] + [refusal(EndpointError)] * 99)
    assert isinstance(ended, EndpointError)
    _, never = waited([refusal(EndpointError)] * 99)
    assert isinstance(never, EndpointError)


def test_an_error_that_waiting_does_not_fix_ends_it() -> None:
    time, ended = waited([WORKING, refusal(CredentialsError)])
    assert isinstance(ended, CredentialsError)
    assert time.slept == [PAUSE]
