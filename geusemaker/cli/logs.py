"""`geusemaker logs`: the last log lines of the host or of a service, and with --follow new ones.

Read with Systems Manager's Run Command, which needs neither a plugin nor an open port.
"""

import time
from typing import Annotated, Final, NoReturn

import typer

from geusemaker import terminal
from geusemaker.bundle import CONTAINERS
from geusemaker.bundle.facts import WORKER_CONTAINERS
from geusemaker.cli.confirm import INTERRUPTED
from geusemaker.cli.host import Host, opened_host
from geusemaker.cli.options import HostOption, LocalOption, RegionOption, StackOption
from geusemaker.cli.target import say
from geusemaker.cli.workers import chosen
from geusemaker.errors import EndpointError, HostError, ThrottledError
from geusemaker.host import logs as remote_logs
from geusemaker.host.service import DELIVERY_SECONDS, CommandResult
from geusemaker.messages import nearest

_PAUSE: Final = 1.0
_FOLLOW_PAUSE: Final = 3.0
"""Seconds between two reads; each is two calls of AWS or more."""
_TRIES: Final = 2 * DELIVERY_SECONDS
"""A command is delivered or dropped after DELIVERY_SECONDS, then runs at most as long."""


def _sleep(seconds: float) -> None:
    time.sleep(seconds)


def _known(service: str | None) -> str | None:
    """Rejects an unknown service as a wrong argument: exit code 2."""
    if service is None or service in CONTAINERS:
        return service
    near = nearest(service, CONTAINERS)
    hint = f"; did you mean {near}?" if near else ""
    raise typer.BadParameter(f"{service!r} is not one of {', '.join(CONTAINERS)}{hint}")


def logs(
    service: Annotated[
        str | None,
        typer.Argument(
            metavar="SERVICE",
            callback=_known,
            help=f"{', '.join(CONTAINERS)}. Default: the host's boot.",
        ),
    ] = None,
    lines: Annotated[
        int,
        typer.Option(
            "--lines",
            "-n",
            metavar="N",
            min=1,
            max=remote_logs.MAX_LINES,
            help="Maximum number of lines.",
        ),
    ] = 200,
    follow: Annotated[
        bool,
        typer.Option(
            "--follow",
            "-f",
            help="Continue with new lines until Ctrl-C; without SERVICE, those of the boot log.",
        ),
    ] = False,
    instance: HostOption = None,
    stack: StackOption = None,
    region: RegionOption = None,
    local: LocalOption = False,
) -> None:
    """Show the last log lines of a service, or of the host's boot."""
    with opened_host(stack, region, local) as first:
        host = chosen(first, instance)
        if host.is_worker and service not in (None, *WORKER_CONTAINERS):
            raise HostError(
                f"The worker {host.id} has no {service}: workers run "
                f"{', '.join(WORKER_CONTAINERS)}, the last with a GPU. `geusemaker logs {service}` "
                "shows the log of the first host."
            )
        host.refuse_simulated("no log to read")
        host.is_up()
        if follow:
            _follow(host, service, lines)
        with terminal.working("Reading the log"):
            ran = _run(host, remote_logs.script(service, lines))
        found = remote_logs.logs(ran.out)
        for log in found:
            if len(found) > 1:
                typer.echo(f"== {log.title}")
            typer.echo(log.text)
            if log.left_out:
                say(
                    f"note: {log.left_out} bytes before these lines are missing: Systems Manager "
                    f"shows at most {remote_logs.AWS_OUTPUT_LIMIT} characters; use fewer --lines"
                )
        if remote_logs.was_cut_by_aws(ran.out):
            say("note: Systems Manager has cut the end off; use fewer --lines")
        if ran.status != "Success":
            raise HostError(_failed(host, service, ran, bool(found)))


def _follow(host: Host, service: str | None, lines: int) -> NoReturn:
    """Prints new lines until Ctrl-C. A network outage or throttling does not end it."""
    follower = remote_logs.Follower(service, lines)
    trouble = ""
    try:
        while True:
            try:
                ran = _run(host, follower.script())
            except (EndpointError, ThrottledError) as error:
                if error.code != trouble:
                    say(f"note: AWS does not answer ({error.code}); trying again")
                trouble = error.code
                _sleep(_FOLLOW_PAUSE)
                continue
            trouble = ""
            if ran.status != "Success":
                raise HostError(_failed(host, service, ran, was_shown=False))
            for line in follower.new_lines(ran.out):
                typer.echo(line)
            if not follower.is_behind:
                _sleep(_FOLLOW_PAUSE)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def _run(host: Host, script: list[str]) -> CommandResult:
    """The script's result. `HostError` when it does not end in time, or the host is unreachable."""
    command = host.service.send(host.id, script)
    if command is None:
        raise HostError(
            f"Systems Manager does not reach {host.name} though it runs: its agent registers one "
            "or two minutes after a start, and must reach AWS. Try again in a minute; `aws ec2 "
            f"get-console-output --latest --output text --region {host.service.region} "
            f"--instance-id {host.id}` shows the output of the boot without the agent."
        )
    for _ in range(_TRIES):
        ran = host.service.command_result(host.id, command)
        if ran.has_ended:
            return ran
        _sleep(_PAUSE)
    raise HostError(
        f"{host.name[0].upper()}{host.name[1:]} has not answered within {_TRIES} seconds. It "
        "may be short of memory or busy with its first boot: `geusemaker status` shows its last "
        "report, and the same command may work in a minute."
    )


def _failed(host: Host, service: str | None, ran: CommandResult, was_shown: bool) -> str:
    """The error of the host; its own output may have been shown already."""
    if ran.status in ("Undeliverable", "DeliveryTimedOut") or (
        ran.status == "TimedOut" and ran.code == -1
    ):
        return (
            f"Systems Manager could not deliver the command to {host.name.rstrip(',')} "
            f"({ran.status}): it runs, but its agent does not answer. `geusemaker status` shows "
            f"its last report; {host.restart}."
        )
    said = " ".join(remote_logs.without_control_characters(ran.err).split())
    words = said[: remote_logs.FETCHED_BYTES // 50]
    why = f" Its output: {words}." if words else " Its output is above." if was_shown else ""
    failure = (
        f"Reading the log on the host {host.id} ended with {ran.status}, code {ran.code}.{why}"
    )
    if service is None:
        return f"{failure} `geusemaker status` shows the host's last report."
    return (
        f"{failure} If {service} has no container yet, `geusemaker logs` shows the progress of the "
        "boot, and `geusemaker status` the services."
    )
