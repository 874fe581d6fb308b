"""The workers of a deployed stack: their state, and the choice of one for a command."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace

from geusemaker.cli.host import Host
from geusemaker.errors import (
    AwsError,
    CredentialsError,
    EndpointError,
    HostError,
    ThrottledError,
)
from geusemaker.host import report, worker_service
from geusemaker.host.report import Record
from geusemaker.host.stack_status import StackStatus
from geusemaker.host.status import HostStatus
from geusemaker.host.workers import Group, Worker, Workers, worker_status

_OUTPUT = "workersGroup"
_MOST_NAMED = 10


def has_workers(host: Host) -> bool:
    """Whether the stack has a group of workers. It may be empty now."""
    return isinstance(host.outputs.get(_OUTPUT), str)


def group(host: Host) -> Group:
    """The group of the stack, which `has_workers`. Raises `AwsError` or `HostError`."""
    return worker_service.group(host.service, host.output(_OUTPUT))


def group_or_none(host: Host) -> Group | None:
    """The group; None without workers, or if it was deleted outside Pulumi. Raises `AwsError`."""
    with contextlib.suppress(HostError):
        return group(host) if has_workers(host) else None
    return None


def with_workers(host: Host, status: HostStatus) -> StackStatus:
    """The status of the host together with that of its workers, if it has any.

    What AWS does not show to this caller is unknown, and the rest is there.
    """
    if not has_workers(host):
        return StackStatus(status)
    unknown: list[str] = []
    with _left_out(unknown):
        found = group(host)
    if unknown:
        return StackStatus(status, workers_unknown=unknown[0])
    failure, statuses = "", dict[str, HostStatus]()
    if found.in_service < found.wanted:
        with _left_out(unknown):
            failure = worker_service.why_no_launch(host.service, found.name)
    with _left_out(unknown):
        statuses = _statuses(host, found, status)
    of_host = status.record if status.is_current and not status.is_silent else Record()
    return StackStatus(
        status,
        Workers(
            group=found,
            each=tuple(Worker(one, statuses.get(one.id)) for one in found.members),
            failure=failure,
            waiting=of_host.waiting,
            executing=of_host.executing,
            since=of_host.waiting_since,
            time=status.time,
            unknown=" ".join(unknown),
        ),
    )


@contextlib.contextmanager
def _left_out(unknown: list[str]) -> Iterator[None]:
    """Adds to `unknown` why AWS does not show something; the rest of the status is shown."""
    try:
        yield
    except (CredentialsError, EndpointError, ThrottledError):
        raise  # not of the workers, and the last two may pass
    except (AwsError, HostError) as error:
        unknown.append(str(error))


def _statuses(host: Host, found: Group, of_head: HostStatus) -> dict[str, HostStatus]:
    """The state of each worker by its report, in the bucket that the settings name."""
    if not found.members:
        return {}
    is_simulated = host.target.simulated
    pointer = host.service.parameter(f"/geusemaker/{host.output('stackId')}/worker-settings")
    settings = report.values(pointer)
    ids = () if is_simulated else tuple(one.id for one in found.members)
    records = worker_service.reports(host.service, settings.get("bucket", ""), ids)
    return {
        one.id: worker_status(
            one,
            records.get(one.id, Record()),
            settings.get("sha256", ""),
            of_head.time,
            simulated=is_simulated,
        )
        for one in found.members
    }


def chosen(host: Host, instance: str | None) -> Host:
    """The host that a command works on: that of the stack, or one of its workers.

    Raises:
        HostError: The instance is not of this stack.
        AwsError: The group could not be read.
    """
    if instance in (None, host.id):
        return host
    ids = [one.id for one in group(host).members] if has_workers(host) else []
    if instance in ids:
        return replace(host, id=instance, is_worker=True)
    named = ", ".join(ids[:_MOST_NAMED])
    more = f" and {len(ids) - _MOST_NAMED} more" if len(ids) > _MOST_NAMED else ""
    has = f"its workers are {named}{more}" if ids else "it has no worker now"
    raise HostError(
        f"--host is {instance!r}, which is no host of stack {host.stack}: its first host is "
        f"{host.id}, and {has}. An ended worker has no log and no shell. `geusemaker status` lists "
        "the workers; without --host, the command works on the first host."
    )
