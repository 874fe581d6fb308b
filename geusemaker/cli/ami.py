"""`geusemaker ami ...`: which images there are, which one runs, and how to move or stay."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Annotated, Any, Literal

import typer

from geusemaker.cli import ami_move, ami_show, ami_table, fixes
from geusemaker.cli.opening import opened
from geusemaker.cli.options import JsonOption, LocalOption, RegionOption, StackOption, YesOption
from geusemaker.cli.target import Identity, Target
from geusemaker.config import DeploymentConfig
from geusemaker.dlami import load_catalogue
from geusemaker.dlami.wording import newer_version
from geusemaker.errors import CredentialsError, GeuseMakerError
from geusemaker.services.ec2 import LineImages
from geusemaker.today import today as current_day

app = typer.Typer(help="Deep Learning AMIs: list, show, pin, update.", no_args_is_help=True)


@app.command(name="list")
def list_images(
    ended: Annotated[
        bool, typer.Option("--ended", help="Also lines that AWS does not patch any more.")
    ] = False,
    every: Annotated[
        bool, typer.Option("--all", help="Also lines that AWS never made, and why.")
    ] = False,
    stack: StackOption = None,
    region: RegionOption = None,
    local: LocalOption = False,
    as_json: JsonOption = False,
) -> None:
    """Each line of images with the newest that AWS has of it, and until when it is patched.

    Without credentials: what the table of this version says, without ids.
    """
    catalogue, today = load_catalogue(), current_day()
    with opened(stack, region, local) as target:
        # Pulumi's CLI is asked meanwhile: it takes as long as AWS does.
        with ThreadPoolExecutor(max_workers=1) as aside:
            of_stack = aside.submit(_of_stack, target, named=stack is not None)
            who, answers, why_not = _asked(target, today)
            config, running, wrong = of_stack.result()
        every_entry = ami_table.entries(catalogue, answers, today)
        entries = ami_table.shown(every_entry, ended=ended, never=every)
        if as_json:
            head = _facts(target, who, why_not, config, running)
            listed = [ami_table.as_json(entry, today) for entry in entries]
            typer.echo(json.dumps({**head, "lines": listed}))
            return
        age = (today - catalogue.as_of).days
        where = target.region or "no Region set"
        whose = target.shown_account(who) if who else "AWS was not asked"
        typer.echo(
            f"{where}, {whose}; table of {catalogue.as_of} ({age} days old); "
            f"{target.calls} API call{'s' * (target.calls != 1)}"
        )
        mine = (config.os_type, config.architecture, config.ami_type) if config else None
        row = (config.os_type, config.ami_type) if config else None
        entries = ami_table.shown(every_entry, ended=ended, never=every, mine=row)
        for text in ami_table.table(entries, catalogue, mine):
            typer.echo(text)
        newest = ami_show.newest_of(config, answers or ()) if config else None
        never = ami_show.never_made(config, today) if config else None
        mark = ami_show.marker(
            config,
            newest,
            target.stack,
            running,
            never=never is not None,
            elsewhere=target.stack_region if target.is_elsewhere else None,
        )
        _notes(every_entry, entries, every, mark, why_not)
        if wrong:
            typer.echo(
                "Without this stack's mark, since its config cannot be read: "
                + fixes.reword(wrong, stack=stack, local=local, region=region)
            )
        # Only what would work: both ask AWS, of a stack whose config can be read.
        following = []
        if config is not None and target.stack is not None and answers is not None:
            following.append("geusemaker ami show")
            # Beside another Region's table nobody knows whether the image fits.
            if not target.is_elsewhere and ami_show.view(config, running, answers).can_be_pinned:
                following.append("geusemaker ami pin")
        own = None if target.is_elsewhere else region
        fit = fixes.alternatives([*following], stack=stack, local=local, region=own)
        typer.echo("Next: " + " | ".join([*([fit] if fit else []), "--region R", "--json"]))


def _asked(
    target: Target, today: date
) -> tuple[Identity | None, tuple[LineImages, ...] | None, str]:
    """Who asks, and AWS's answer; without credentials or Region neither, and why."""
    if target.region is None:
        return None, None, "No Region is set, so AWS was not asked: add --region us-east-1."
    target.required_region()
    try:
        return target.identity(), target.ec2().list_lines(today), ""
    except CredentialsError as error:
        return None, None, str(error)


def _of_stack(
    target: Target, *, named: bool
) -> tuple[DeploymentConfig | None, dict[str, Any], str]:
    """The stack's config and outputs, as far as there are any, and what is wrong with them.

    That there is no stack is wrong only where one was `named`.
    """
    if target.stack is None:
        return None, {}, target.no_stack if named else ""
    try:
        return target.config(), target.outputs(), ""
    except GeuseMakerError as error:
        return None, {}, str(error)


def _facts(
    target: Target,
    who: Identity | None,
    why_not: str,
    config: DeploymentConfig | None,
    running: dict[str, Any],
) -> dict[str, Any]:
    catalogue = load_catalogue()
    return {
        "region": target.region,
        "account": who.account if who else None,
        "simulated": target.simulated,
        "asOf": str(catalogue.as_of),
        "apiCalls": target.calls,
        "notAsked": why_not or None,
        "stack": None
        if config is None
        else {
            "name": target.stack,
            "osType": config.os_type,
            "architecture": config.architecture,
            "amiType": config.ami_type,
            "frameworkVersion": config.framework_version,
            "runningImageId": running.get("amiId"),
            "runningImageName": running.get("amiName"),
        },
    }


def _notes(
    every_entry: list[ami_table.Entry],
    entries: list[ami_table.Entry],
    all_wanted: bool,
    stack: str | None,
    why_not: str,
) -> None:
    """What stands under the table."""
    statuses = [one.status for one in every_entry]
    ended, never = statuses.count("ended"), statuses.count("never")
    typer.echo(
        f"ended, resolve with a warning: {ended} (--ended)    never made, refused: {never} (--all)"
    )
    if stack:
        typer.echo(stack)
    if all_wanted:
        for entry in entries:
            if entry.line.reason:
                line = entry.line
                typer.echo(
                    f"never: {line.os_type} / {line.architecture} / {line.ami_type}: {line.reason}"
                )
    for entry in every_entry:
        for version, name in list(entry.newer_versions.items())[:1]:
            told = newer_version(entry.line, version, load_catalogue().as_of, name)
            typer.echo(f"note: {told}")
    if why_not:
        typer.echo(f"Without ids, from the table alone: {why_not}")


@app.command()
def show(
    stack: StackOption = None,
    region: RegionOption = None,
    local: LocalOption = False,
    as_json: JsonOption = False,
) -> None:
    """The image that this stack runs: its line, how far behind it is, until when it is patched."""
    today = current_day()
    with opened(stack, region, local, own_region=True) as target:
        name, _, _ = target.required_stack()
        config, outputs = target.config(), target.outputs()
        who = target.identity()
        view = ami_show.view(config, outputs, target.ec2().list_lines(today))
        if as_json:
            head = {
                "region": target.region,
                "account": who.account,
                "simulated": target.simulated,
                "stack": name,
            }
            typer.echo(json.dumps(head | ami_show.as_json(view)))
            return
        typer.echo(f"{target.region}, {target.shown_account(who)}, stack {name}")
        for topic, text in ami_show.lines(view, today):
            told = (
                fixes.alternatives(text.split(" | "), stack=stack, local=local, region=region)
                if topic == "Next"
                else fixes.reword(text, stack=stack, local=local, region=region)
            )
            typer.echo(f"  {topic:<9} {told}")


@app.command()
def pin(
    image: Annotated[
        str | None,
        typer.Argument(help="An image's id or exact name; else the one that this stack runs."),
    ] = None,
    by: Annotated[
        Literal["name", "id"],
        typer.Option(help="A name holds in every Region and has its date; an id is one image."),
    ] = "name",
    stack: StackOption = None,
    region: RegionOption = None,
    local: LocalOption = False,
    yes: YesOption = False,
) -> None:
    """Hold this stack to one image, in the stack's file, so that moving on is a reviewed diff."""
    with opened(stack, region, local, own_region=True) as target:
        target.required_stack()  # before the Region, which the stack may name
        move = ami_move.Move(target, target.ec2(), current_day(), yes, local)
        for text in move.pin(image, by):
            typer.echo(fixes.reword(text, stack=stack, local=local, region=region))


@app.command()
def update(
    stack: StackOption = None,
    region: RegionOption = None,
    local: LocalOption = False,
    yes: YesOption = False,
) -> None:
    """Move this stack to the newest image of its line: shows what it replaces, then asks.

    Writes the pin into the stack's file; `pulumi up` then replaces the host and keeps the data.
    """
    with opened(stack, region, local, own_region=True) as target:
        target.required_stack()  # before the Region, which the stack may name
        move = ami_move.Move(target, target.ec2(), current_day(), yes, local)
        for text in move.update():
            typer.echo(fixes.reword(text, stack=stack, local=local, region=region))
