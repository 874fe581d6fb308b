"""Looks at a host, for tests."""

from datetime import UTC, datetime
from typing import Any

from geusemaker.host.report import parse
from geusemaker.host.status import Instance, Look

ID = "i-0123456789abcdef0"
STARTED = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
OLD, NEW = "a" * 64, "b" * 64
OUTPUTS = {"url": "https://localhost:8443", "connectCommand": "aws ssm start-session"}


def text(state: str = "ready", *, more: str = "", **fields: str) -> str:
    """A record of the host as it is after `STARTED`, with some of its lines changed."""
    told = {
        "state": state,
        "instance": ID,
        "boot": "boot-1",
        "time": "2026-11-24T01:02:03Z",
        "running": NEW,
        "wanted": NEW,
        **fields,
    }
    return "\n".join([*(f"{key}={value}" for key, value in told.items()), more])


def look(
    record: str | None = None,
    *,
    state: str = "running",
    pointed: str = "",
    simulated: bool = False,
    time: datetime | None = None,
    **instance: Any,
) -> Look:
    """A look at a running host that is ready, unless told otherwise."""
    facts: dict[str, Any] = {"type": "m6i.xlarge", "state": state, "launched": STARTED, **instance}
    return Look(
        instance=Instance(id=ID, **facts),
        record=parse(text() if record is None else record),
        pointed=pointed,
        time=time,
        simulated=simulated,
    )
