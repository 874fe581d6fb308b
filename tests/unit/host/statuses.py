"""Host statuses for tests."""

from datetime import UTC, datetime
from typing import Any

from geusemaker.host.report import parse
from geusemaker.host.status import HostStatus, Instance

ID = "i-0123456789abcdef0"
STARTED = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
OLD, NEW = "a" * 64, "b" * 64
OUTPUTS = {"url": "https://localhost:8443", "connectCommand": "aws ssm start-session"}


def text(state: str = "ready", *, more: str = "", **fields: str) -> str:
    """The report of a ready host, written after `STARTED`, with some lines changed."""
    lines = {
        "state": state,
        "instance": ID,
        "boot": "boot-1",
        "time": "2026-11-24T01:02:03Z",
        "running": NEW,
        "wanted": NEW,
        **fields,
    }
    return "\n".join([*(f"{key}={value}" for key, value in lines.items()), more])


def host_status(
    record: str | None = None,
    *,
    state: str = "running",
    published: str = "",
    simulated: bool = False,
    deployed_type: str = "",
    time: datetime | None = None,
    **instance: Any,
) -> HostStatus:
    """The status of a running, ready host, unless the arguments say otherwise."""
    facts: dict[str, Any] = {"type": "m6i.xlarge", "state": state, "launched": STARTED, **instance}
    return HostStatus(
        instance=Instance(id=ID, **facts),
        record=parse(text() if record is None else record),
        published=published,
        time=time,
        simulated=simulated,
        deployed_type=deployed_type,
    )
