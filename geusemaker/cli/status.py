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
from geusemaker.errors import GeuseMakerError, HostError
from geusemaker.host import screen
from geusemaker.host.durations import seconds_of
from geusemaker.host.status import HostStatus, Verdict
from geusemaker.host.waiting import WaitOptions, wait

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
        bool, typer.Option("--wait", help="Wait until it is ready; fail if it is not.")
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
    """Show whether the host, its services and its models are ready, and what failed."""
    if timeout is not None and not wait_for_it:
        raise typer.BadParameter("--timeout is the time limit of --wait: add --wait")
    with opened_host(stack, region, local, reads_config=True) as host:
        target, who = host.target, host.target.identity()
        look, ended = host.look(), True
        known, fix = _vulnerabilities(host)
        if wait_for_it:
            look, ended = _waited(host, look, seconds_of(timeout or USUAL), as_json)
        if as_json:
            head = target.facts(who, host.stack)
            document = screen.as_json(look, host.outputs)
            typer.echo(json.dumps(head | document | {"imagesWithHoles": known}))
        else:
            terminal.paragraph(f"{target.region}, {target.shown_account(who)}, stack {host.stack}")
            _show(host, look)
            for number, one in enumerate(known or []):
                host.tell(one, f"  {'' if number else 'CVEs':<9} ")
            if fix:
                host.tell(f"-> {fix}, then `pulumi up`", f"  {'':<9} ")
            commands = screen.next_commands(look)
            following = fixes.alternatives(commands, stack=stack, local=local, region=region)
            terminal.paragraph(following, f"  {'Next':<9} ", whole=True)
        if wait_for_it and look.verdict is not Verdict.READY:
            raise HostError(_never(host, look, None if ended else timeout or USUAL))


def _show(host: Host, look: HostStatus) -> None:
    last = ""
    for topic, text in screen.rows(look, host.outputs):
        last = topic or last
        sign = ""
        if topic == "ready" and look.verdict in _MARKS:
            sign = terminal.mark(_MARKS[look.verdict])
        elif last == "services":
            sign = terminal.mark(_HEALTH.get(text.split()[-1], "warning"))
        host.tell(text, f"  {topic:<9} {sign}")


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


def _waited(host: Host, first: HostStatus, seconds: int, as_json: bool) -> tuple[HostStatus, bool]:
    """Looks until the host is ready or the time is over; `first` is the first look."""
    looks = iter([first])

    def look() -> HostStatus:
        return next(looks, None) or host.look(first.instance)

    # With --json only the document is on stdout.
    tell = say if as_json else host.tell
    with terminal.working("Waiting for the host"):
        return wait(look, WaitOptions(seconds, _clock, _sleep, tell))


def _never(host: Host, look: HostStatus, after: str | None) -> str:
    """Why the host is not ready; `after` is the time limit where it was reached."""
    why = screen.situation(look).removeprefix("no: ").removeprefix("yes, but ")
    if look.simulated:
        return f"Stack {host.stack} will never report that it is ready: {why}."
    if after is None:
        return f"Stack {host.stack} does not become ready: {why} -- {screen.fix(look)}."
    return (
        f"Stack {host.stack} is not ready after {after}. Last known state: {why} -- "
        f"{screen.fix(look)}; `geusemaker status --wait` continues to wait."
    )
