"""`geusemaker status`: whether the host and its services are ready, and what to do if not."""

import json
import time
from typing import Annotated

import typer

from geusemaker.bundle.facts import containers_of
from geusemaker.bundle.images import closing, known_holes
from geusemaker.cli import fixes
from geusemaker.cli.host import Host, host_of
from geusemaker.cli.opening import fitting, opened
from geusemaker.cli.options import JsonOption, LocalOption, RegionOption, StackOption
from geusemaker.cli.target import say
from geusemaker.errors import GeuseMakerError, HostError
from geusemaker.host import screen
from geusemaker.host.durations import seconds_of
from geusemaker.host.status import HostStatus, Verdict
from geusemaker.host.waiting import WaitOptions, wait

USUAL = "20m"


def _sleep(seconds: float) -> None:
    time.sleep(seconds)


def _clock() -> float:
    return time.monotonic()


def _seconds(text: str | None) -> str | None:
    """Refuses what is no time as a wrong flag: exit code 2."""
    try:
        return text if text is None or seconds_of(text) else None
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def status(
    wait_for_it: Annotated[
        bool, typer.Option("--wait", help="Wait until it is ready; fails if that does not happen.")
    ] = False,
    timeout: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            callback=_seconds,
            help=f"How long --wait waits, such as 90s, 20m or 1h; else {USUAL}.",
        ),
    ] = None,
    stack: StackOption = None,
    region: RegionOption = None,
    local: LocalOption = False,
    as_json: JsonOption = False,
) -> None:
    """Whether the host and its services are ready, what failed, and how models get on."""
    if timeout is not None and not wait_for_it:
        raise typer.BadParameter("--timeout is how long --wait waits: add --wait")
    with opened(stack, region, local, own_region=True) as target:
        host = host_of(target, fitting(stack, region, local))
        who = target.identity()
        look, ended = host.look(), True
        holes, way_out = _holes(host)
        if wait_for_it:
            look, ended = _waited(host, look, seconds_of(timeout or USUAL), as_json)
        if as_json:
            head = {
                "region": target.region,
                "account": who.account,
                "simulated": target.simulated,
                "stack": host.stack,
            }
            told = screen.as_json(look, host.outputs)
            typer.echo(json.dumps(head | told | {"imagesWithHoles": holes}))
        else:
            typer.echo(f"{target.region}, {target.shown_account(who)}, stack {host.stack}")
            for topic, text in screen.rows(look, host.outputs):
                host.tell(f"  {topic:<9} {text}")
            for number, hole in enumerate(holes or []):
                host.tell(f"  {'' if number else 'holes':<9} {hole}")
            if way_out:
                host.tell(f"  {'':<9} -> {way_out}, then `pulumi up`")
            commands = screen.next_commands(look)
            following = fixes.alternatives(commands, stack=stack, local=local, region=region)
            typer.echo(f"  {'Next':<9} {following}")
        if wait_for_it and look.verdict is not Verdict.READY:
            raise HostError(_never(host, look, None if ended else timeout or USUAL))


def _holes(host: Host) -> tuple[list[str] | None, str]:
    """The images below a known fix, by the stack's config, and the command that closes them.

    None where the config is wrong, which hides nothing else of the answer.
    """
    try:
        config = host.target.config()
        holes = known_holes(containers_of(config.services), config.image_versions)
        return [str(hole) for hole in holes], closing(holes, config.image_versions) if holes else ""
    except GeuseMakerError as error:
        say(f"note: which images have published holes is not known: {host.fit(str(error))}")
        return None, ""


def _waited(host: Host, first: HostStatus, seconds: int, as_json: bool) -> tuple[HostStatus, bool]:
    """Looks until the end; the first look is given, and counts."""
    looks = iter([first])

    def look() -> HostStatus:
        return next(looks, None) or host.look(first.instance)

    # With --json the answer alone is on stdout.
    tell = say if as_json else host.tell
    return wait(look, WaitOptions(seconds, _clock, _sleep, tell))


def _never(host: Host, look: HostStatus, after: str | None) -> str:
    """Why the wait was in vain; `after` is the time that it took, where that was over."""
    told = screen.situation(look).removeprefix("no: ").removeprefix("yes, but ")
    if look.simulated:
        return f"Stack {host.stack} will never report that it is ready: {told}."
    if after is None:
        return f"Stack {host.stack} does not become ready: {told} -- {screen.fix(look)}."
    return (
        f"Stack {host.stack} is not ready after {after}; the last that is known: {told} -- "
        f"{screen.fix(look)}; `geusemaker status --wait` goes on waiting."
    )
