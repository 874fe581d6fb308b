"""Groups of workers and their reports for tests."""

from datetime import UTC, datetime
from typing import Any

from geusemaker.host.report import parse
from geusemaker.host.workers import Group, Member, Worker, Workers, worker_status

from .statuses import NEW, text

NOW = datetime(2026, 11, 24, 1, 30, tzinfo=UTC)
GROUP = "geusemaker-0123456789ab-workers"


def instance(number: int) -> str:
    return f"i-{number:017x}"


def worker(
    number: int = 1, state: str = "ready", *, lifecycle: str = "InService", **fields: str
) -> Worker:
    """A worker with such a report, which is its own unless the fields say otherwise."""
    member = Member(id=instance(number), type="m6i.xlarge", zone="us-east-1a", lifecycle=lifecycle)
    record = parse(text(state, **{"instance": member.id, **fields}))
    return Worker(member, worker_status(member, record, NEW, NOW, simulated=False))


def workers(*each: Worker, **changed: Any) -> Workers:
    """Workers of a group that wants as many as there are."""
    group: dict[str, Any] = {
        "name": GROUP,
        "least": len(each),
        "most": len(each),
        "wanted": len(each),
        "market": "on-demand",
        "types": ("m6i.xlarge",),
        "members": tuple(one.member for one in each),
    }
    group |= {key: changed.pop(key) for key in list(changed) if key in group}
    return Workers(group=Group(**group), each=each, time=NOW, **changed)
