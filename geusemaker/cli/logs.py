"""`geusemaker logs`: the last of what the host or one of its services has logged.

By Systems Manager's Run Command, which needs neither a plugin nor an open port.
"""

import time
from typing import Annotated, Final

import typer

from geusemaker.bundle import CONTAINERS
from geusemaker.cli.host import Host, host_of
from geusemaker.cli.opening import fitting, opened
from geusemaker.cli.options import LocalOption, RegionOption, StackOption
from geusemaker.cli.target import say
from geusemaker.errors import HostError
from geusemaker.host import logs as remote_logs
from geusemaker.host.service import DELIVERY_SECONDS, CommandResult
from geusemaker.messages import nearest

_PAUSE: Final = 1.0
_TRIES: Final = 2 * DELIVERY_SECONDS
"""It is delivered or given up after so many seconds, and then runs at most as long."""


def _sleep(seconds: float) -> None:
    time.sleep(seconds)


def _known(service: str | None) -> str | None:
    """Refuses what is no service as a wrong argument: exit code 2."""
    if service is None or service in CONTAINERS:
        return service
    near = nearest(service, CONTAINERS)
    hint = f"; did you mean {near}?" if near else ""
    raise typer.BadParameter(f"{service!r} is none of {', '.join(CONTAINERS)}{hint}")


def logs(
    service: Annotated[
        str | None,
        typer.Argument(
            callback=_known,
            help=f"{', '.join(CONTAINERS)}; else the host's boot.",
        ),
    ] = None,
    lines: Annotated[
        int,
        typer.Option("--lines", "-n", min=1, max=remote_logs.MAX_LINES, help="How many at most."),
    ] = 200,
    stack: StackOption = None,
    region: RegionOption = None,
    local: LocalOption = False,
) -> None:
    """The last log lines of a service, or of the host's boot."""
    with opened(stack, region, local, own_region=True) as target:
        host = host_of(target, fitting(stack, region, local))
        host.refuse_simulated("no log to read")
        host.is_up()
        ran = _run(host, remote_logs.script(service, lines))
        found = remote_logs.logs(ran.out)
        for log in found:
            if len(found) > 1:
                typer.echo(f"== {log.title}")
            typer.echo(log.text)
            if log.left_out:
                say(
                    f"note: {log.left_out} bytes before that are left out: Systems Manager shows "
                    f"{remote_logs.AWS_OUTPUT_LIMIT} characters at most; fewer --lines fit whole"
                )
        if remote_logs.was_cut_by_aws(ran.out):
            say("note: Systems Manager has cut the end off; fewer --lines fit whole")
        if ran.status != "Success":
            raise HostError(_failed(host, service, ran, bool(found)))


def _run(host: Host, script: list[str]) -> CommandResult:
    """The script's end. `HostError` when it has none in time, or the host cannot be reached."""
    command = host.service.send(host.id, script)
    if command is None:
        raise HostError(
            f"Systems Manager does not reach the host of stack {host.stack}, {host.id}, though it "
            "runs: its agent has not registered yet, which takes a minute or two after a start, or "
            "the host has no way out to AWS. Try again in a minute; `aws ec2 get-console-output "
            f"--latest --output text --region {host.service.region} --instance-id {host.id}` shows "
            "what the boot printed, without the agent."
        )
    for _ in range(_TRIES):
        ran = host.service.command_result(host.id, command)
        if ran.has_ended:
            return ran
        _sleep(_PAUSE)
    raise HostError(
        f"The host of stack {host.stack}, {host.id}, has not answered within {_TRIES} seconds. It "
        "may be short of memory or busy with its first boot: `geusemaker status` shows what it "
        "reported last, and the same command may work in a minute."
    )


def _failed(host: Host, service: str | None, ran: CommandResult, was_shown: bool) -> str:
    """What went wrong on the host; its own words may stand above already."""
    if ran.status in ("Undeliverable", "DeliveryTimedOut") or (
        ran.status == "TimedOut" and ran.code == -1
    ):
        return (
            f"Systems Manager could not hand the command to the host of stack {host.stack}, "
            f"{host.id} ({ran.status}): it runs, but its agent does not answer. `geusemaker "
            "status` shows what it reported last; `geusemaker stop` and `geusemaker start` start "
            "it anew."
        )
    words = " ".join(remote_logs.without_control_characters(ran.err).split())[
        : remote_logs.FETCHED_BYTES // 50
    ]
    why = f" It said: {words}." if words else " What it said stands above." if was_shown else ""
    told = f"Reading the log on the host {host.id} ended with {ran.status}, code {ran.code}.{why}"
    if service is None:
        return f"{told} `geusemaker status` shows what the host reported last."
    return (
        f"{told} Where there is no container of {service} yet, `geusemaker logs` shows how far "
        "the boot is, and `geusemaker status` which services there are."
    )
