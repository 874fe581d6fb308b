"""`geusemaker status`: whether the host and its services are ready, and the fix if not."""

import json
import time
from typing import Annotated

import typer

from geusemaker import terminal
from geusemaker.bundle.facts import containers_of
from geusemaker.bundle.images import fix_command, known_vulnerabilities
from geusemaker.cli import fixes
from geusemaker.cli.host import Host, opened_host
from geusemaker.cli.options import JsonOption, LocalOption, RegionOption, StackOption
from geusemaker.cli.target import say
from geusemaker.cli.workers import with_workers
from geusemaker.ec2.group_refusals import explain
from geusemaker.errors import GeuseMakerError, HostError
from geusemaker.host import screen, worker_screen
from geusemaker.host.durations import seconds_of
from geusemaker.host.stack_status import StackStatus
from geusemaker.host.status import Verdict
from geusemaker.host.waiting import WaitOptions, wait
from geusemaker.host.workers import State, Workers

USUAL = "20m"

_MARKS: dict[Verdict, terminal.State] = {
    Verdict.READY: "ok",
    Verdict.NOT_READY: "failed",
    Verdict.REFUSED: "failed",
    Verdict.OFF: "failed",
    Verdict.APPLYING: "warning",
    Verdict.NOT_REPORTED: "warning",
    Verdict.SILENT: "warning",
}
_HEALTH: dict[str, terminal.State] = {"healthy": "ok", "unhealthy": "failed"}
_WORKER_MARKS: dict[State, terminal.State] = {
    "ready": "ok",
    "failed": "failed",
    "refused": "failed",
    "silent": "failed",
}


def _sleep(seconds: float) -> None:
    time.sleep(seconds)


def _clock() -> float:
    return time.monotonic()


def _seconds(text: str | None) -> str | None:
    """Rejects an invalid duration as a wrong flag: exit code 2."""
    try:
        return text if text is None or seconds_of(text) else None
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def status(
    wait_for_it: Annotated[
        bool,
        typer.Option("--wait", help="Wait until host and workers are ready; fail if they are not."),
    ] = False,
    timeout: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            callback=_seconds,
            help=f"Time limit of --wait, such as 90s, 20m or 1h. Default: {USUAL}.",
        ),
    ] = None,
    stack: StackOption = None,
    region: RegionOption = None,
    local: LocalOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show whether the host, its services, models and workers are ready, and what failed.

    Exit code 0 without --wait, in any state; with it, 1 unless the host and all wanted workers
    become ready.
    """
    if timeout is not None and not wait_for_it:
        raise typer.BadParameter("--timeout is the time limit of --wait: add --wait")
    with opened_host(stack, region, local, reads_config=True) as host:
        target, who = host.target, host.target.identity()
        look, ended = with_workers(host, host.look()), True
        known, fix = _vulnerabilities(host)
        if wait_for_it:
            look, ended = _waited(host, look, seconds_of(timeout or USUAL), as_json)
        if as_json:
            head = target.facts(who, host.stack)
            document = screen.as_json(look.host, host.outputs)
            document["workers"] = worker_screen.as_json(look.workers) if look.workers else None
            document["workersUnknown"] = look.workers_unknown or None
            typer.echo(json.dumps(head | document | {"imagesWithHoles": known}))
        else:
            terminal.paragraph(f"{target.region}, {target.shown_account(who)}, stack {host.stack}")
            _show(host, look)
            for number, one in enumerate(known or []):
                host.tell(one, f"  {'' if number else 'CVEs':<9} ")
            if fix:
                host.tell(f"-> {fix}, then `pulumi up`", f"  {'':<9} ")
            commands = screen.next_commands(look.host)
            following = fixes.alternatives(commands, stack=stack, local=local, region=region)
            terminal.paragraph(following, f"  {'Next':<9} ", whole=True)
        if wait_for_it and not look.is_ready:
            raise HostError(_never(host, look, None if ended else timeout or USUAL))


def _show(host: Host, look: StackStatus) -> None:
    last = ""
    for topic, text in screen.rows(look.host, host.outputs):
        if topic == "url":
            _show_workers(host, look)
        last = topic or last
        sign = ""
        if topic == "ready" and look.host.verdict in _MARKS:
            sign = terminal.mark(_MARKS[look.host.verdict])
        elif last == "services":
            sign = terminal.mark(_HEALTH.get(text.split()[-1], "warning"))
        host.tell(text, f"  {topic:<9} {sign}")
    if last != "url":
        _show_workers(host, look)


def _show_workers(host: Host, look: StackStatus) -> None:
    head, under, workers = f"  {'workers':<9} ", " " * 12, look.workers
    if look.workers_unknown:
        host.tell(f"{terminal.mark('unknown')}unknown: {look.workers_unknown}", head)
    if workers is None:
        return
    region = host.service.region
    host.tell(worker_screen.first_row(workers), head)
    for note in worker_screen.notes(workers, _explained(workers, region), region):
        host.tell(f"-> {note}", under)
    for state, indent, text in worker_screen.rows(workers):
        sign = "" if state is None else terminal.mark(_WORKER_MARKS.get(state, "warning"))
        host.tell(text, f"{under}{indent}{sign}")
    for fix in worker_screen.fixes(workers, region):
        host.tell(f"-> {fix}", under)


def _explained(workers: Workers, region: str) -> str:
    group = workers.group
    return explain(
        workers.failure, group=group.name, types=group.types, market=group.market, region=region
    )


def _vulnerabilities(host: Host) -> tuple[list[str] | None, str]:
    """The images with known vulnerabilities, by the stack's config, and the fix.

    None where the config is invalid; the rest of the status is shown anyway.
    """
    try:
        config = host.target.config()
        running = containers_of(config.services, has_queue=config.has_workers)
        known = known_vulnerabilities(running, config.image_versions)
        fix = fix_command(known, config.image_versions) if known else ""
        return [str(one) for one in known], fix
    except GeuseMakerError as error:
        say(f"note: images with published vulnerabilities are unknown: {host.fit(str(error))}")
        return None, ""


def _waited(
    host: Host, first: StackStatus, seconds: int, as_json: bool
) -> tuple[StackStatus, bool]:
    """Looks until all is ready or the time is over; `first` is the first look."""
    looks = iter([first])

    def look() -> StackStatus:
        return next(looks, None) or with_workers(host, host.look(first.host.instance))

    # With --json only the document is on stdout.
    tell = say if as_json else host.tell
    with terminal.working("Waiting for the host"):
        return wait(look, WaitOptions(seconds, _clock, _sleep, tell))


def _never(host: Host, look: StackStatus, after: str | None) -> str:
    """Why the stack is not ready; `after` is the time limit where it was reached."""
    if look.host.simulated:
        return f"Stack {host.stack} will never report that it is ready: {look.why}."
    if after is None:
        fix = f" -- {look.fix}" if look.fix else ""
        return f"Stack {host.stack} does not become ready: {look.why.rstrip('.')}{fix}."
    return (
        f"Stack {host.stack} is not ready after {after}. Last known state: {look.why} -- "
        f"{look.fix}; `geusemaker status --wait` continues to wait."
    )
