"""`geusemaker ami ...`: lists images, shows the running one, pins and updates."""

import json
from datetime import date
from functools import partial
from typing import Annotated, Any, Literal

import typer

from geusemaker import terminal
from geusemaker.cli import ami_fleet, ami_move, ami_show, ami_table, fixes
from geusemaker.cli.fleet import lines_by_region, read_members
from geusemaker.cli.opening import opened
from geusemaker.cli.options import JsonOption, LocalOption, RegionOption, StackOption, YesOption
from geusemaker.cli.target import Identity, Target
from geusemaker.config import DeploymentConfig
from geusemaker.dlami import load_catalogue
from geusemaker.dlami.wording import newer_version
from geusemaker.errors import CredentialsError, GeuseMakerError
from geusemaker.services.ec2 import LineImages
from geusemaker.today import today as current_day

app = typer.Typer(help="List, show, pin and update Deep Learning AMIs.", no_args_is_help=True)


@app.command(name="list")
def list_images(
    ended: Annotated[
        bool, typer.Option("--ended", help="Also lines that AWS no longer patches.")
    ] = False,
    every: Annotated[
        bool, typer.Option("--all", help="Also lines that AWS never made, with the reason.")
    ] = False,
    stack: StackOption = None,
    region: RegionOption = None,
    local: LocalOption = False,
    as_json: JsonOption = False,
) -> None:
    """List the image lines: the newest image of each, and until when AWS patches it.

    Without credentials, the table of this version, without ids.
    """
    catalogue, today = load_catalogue(), current_day()
    fit = partial(fixes.reword, stack=stack, local=local, region=region)
    with opened(stack, region, local, reads_stack=True) as target:
        with terminal.working("Calling AWS"):
            who, answers, why_not = _asked(target, today)
            config, running, wrong = _of_stack(target, named=stack is not None)
        every_entry = ami_table.entries(catalogue, answers, today)
        entries = ami_table.shown(every_entry, ended=ended, never=every)
        if as_json:
            head = _facts(target, who, why_not, config, running)
            listed = [ami_table.as_json(entry, today) for entry in entries]
            typer.echo(json.dumps({**head, "lines": listed}))
            return
        age = (today - catalogue.as_of).days
        where = target.region or "no Region set"
        whose = target.shown_account(who) if who else "AWS was not called"
        terminal.paragraph(
            f"{where}, {whose}; table of {catalogue.as_of} ({age} days old); "
            f"{target.calls} API call{'s' * (target.calls != 1)}"
        )
        mine = (config.os_type, config.architecture, config.ami_type) if config else None
        row = (config.os_type, config.ami_type) if config else None
        entries = ami_table.shown(every_entry, ended=ended, never=every, mine=row)
        for text in ami_table.table(entries, catalogue, mine):
            terminal.paragraph(text)
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
            terminal.paragraph(
                f"This stack is not marked, because its config cannot be read: {fit(wrong)}"
            )
        # Only commands that work: both call AWS, for a stack whose config can be read.
        following = []
        if config is not None and target.stack is not None and answers is not None:
            following.append("geusemaker ami show")
            # The table of another Region does not show whether the image fits.
            if not target.is_elsewhere and ami_show.view(config, running, answers).can_be_pinned:
                following.append("geusemaker ami pin")
        own = None if target.is_elsewhere else region
        commands = fixes.alternatives([*following], stack=stack, local=local, region=own)
        if commands:
            terminal.paragraph(commands, "Next: ", whole=True)


def _asked(
    target: Target, today: date
) -> tuple[Identity | None, tuple[LineImages, ...] | None, str]:
    """The caller and AWS's answer; without credentials or Region neither, and the reason."""
    if target.region is None:
        return None, None, "No Region is set, so AWS was not called: add --region us-east-1."
    target.required_region()
    try:
        return target.identity(), target.ec2().list_lines(today), ""
    except CredentialsError as error:
        return None, None, str(error)


def _of_stack(
    target: Target, *, named: bool
) -> tuple[DeploymentConfig | None, dict[str, Any], str]:
    """The stack's config and outputs, and the error where they cannot be read.

    A missing stack is an error only when it was `named`.
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
    """Prints the notes under the table."""
    hidden = [one.status for one in every_entry if one not in entries]
    kinds = {
        "ended": "that AWS no longer patches (--ended)",
        "never": "that AWS never made (--all)",
    }
    counts = [f"{n} {what}" for kind, what in kinds.items() if (n := hidden.count(kind))]
    if counts:
        terminal.paragraph(f"Lines that are not shown: {', '.join(counts)}.")
    if stack:
        terminal.paragraph(stack)
    if all_wanted:
        reasons: dict[str, list[str]] = {}
        for entry in entries:
            if entry.line.reason:
                reasons.setdefault(entry.line.reason, []).append(" / ".join(entry.key))
        for reason, lines in reasons.items():
            terminal.paragraph(f"never made: {', '.join(lines)}: {reason}")
    for entry in every_entry:
        for version, name in list(entry.newer_versions.items())[:1]:
            news = newer_version(entry.line, version, load_catalogue().as_of, name)
            terminal.paragraph(f"note: {news}")
    if why_not:
        terminal.paragraph(f"From the table alone, without ids: {why_not}")


@app.command()
def show(
    stack: StackOption = None,
    region: RegionOption = None,
    local: LocalOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show the image that this stack runs: its line, newer builds, until when it is patched."""
    today = current_day()
    with opened(stack, region, local, own_region=True, reads_stack=True) as target:
        name, _, _ = target.required_stack()
        config, outputs = target.config(), target.outputs()
        who = target.identity()
        view = ami_show.view(config, outputs, target.ec2().list_lines(today))
        if as_json:
            head = target.facts(who, name)
            typer.echo(json.dumps(head | ami_show.as_json(view)))
            return
        terminal.paragraph(f"{target.region}, {target.shown_account(who)}, stack {name}")
        for topic, text in ami_show.lines(view, today):
            is_next = topic == "Next"
            shown = (
                fixes.alternatives(text.split(" | "), stack=stack, local=local, region=region)
                if is_next
                else fixes.reword(text, stack=stack, local=local, region=region)
            )
            terminal.paragraph(shown, f"  {topic:<9} ", whole=is_next)


@app.command()
def fleet(local: LocalOption = False, as_json: JsonOption = False) -> None:
    """Show the image of every stack of this project: how far behind, until when it is patched.

    Exit code 0 also where a stack or a Region cannot be read: its row shows why.
    """
    catalogue, today = load_catalogue(), current_day()
    with opened(None, None, local, every_stack=True) as target:
        with terminal.working("Reading the stacks"):
            members = read_members(target)
        with terminal.working("Calling AWS"):
            answers, why_not, calls = lines_by_region(target, members, today)
        rows = ami_fleet.worst_first(
            [ami_fleet.row(one, answers.get(one.region or "")) for one in members], today
        )
        if as_json:
            head = {"asOf": str(catalogue.as_of), "simulated": target.simulated, "apiCalls": calls}
            listed = [ami_fleet.as_json(one, today) for one in rows]
            typer.echo(json.dumps({**head, "notAsked": why_not, "stacks": listed}))
            return
        whose = "; SIMULATED account" if target.simulated else ""
        count = f"{len(rows)} stack{'s' * (len(rows) != 1)}"
        age = (today - catalogue.as_of).days
        terminal.paragraph(
            f"{count}{whose}; table of {catalogue.as_of} ({age} days old); "
            f"{calls} API call{'s' * (calls != 1)}"
        )
        for head_, text in ami_fleet.lines(rows, today) if rows else []:
            terminal.paragraph(text, head_)
        for why in dict.fromkeys(why_not.values()):
            where = ", ".join(region for region, reason in why_not.items() if reason == why)
            terminal.paragraph(f"{where}: how far behind is unknown. {why}")
        if command := ami_fleet.next_command(rows, today):
            terminal.paragraph(fixes.alternatives([command], local=local), "Next: ", whole=True)


@app.command()
def pin(
    image: Annotated[
        str | None,
        typer.Argument(
            metavar="IMAGE",
            help="An image's id or exact name. Default: the image that this stack runs.",
        ),
    ] = None,
    by: Annotated[
        Literal["name", "id"],
        typer.Option(help="A name is valid in every Region and has its date; an id is one image."),
    ] = "name",
    stack: StackOption = None,
    region: RegionOption = None,
    local: LocalOption = False,
    yes: YesOption = False,
) -> None:
    """Pin this stack to one image in the stack's file, so that an update is a reviewed diff."""
    with opened(stack, region, local, own_region=True) as target:
        target.required_stack()  # first: the stack may set the Region
        move = ami_move.Move(target, target.ec2(), current_day(), yes, local)
        for text in move.pin(image, by):
            terminal.paragraph(fixes.reword(text, stack=stack, local=local, region=region))


@app.command()
def update(
    stack: StackOption = None,
    region: RegionOption = None,
    local: LocalOption = False,
    yes: YesOption = False,
) -> None:
    """Pin this stack to the newest image of its line: shows the preview, then prompts.

    Writes the pin into the stack's file; `pulumi up` then replaces the host and keeps the data.
    """
    with opened(stack, region, local, own_region=True) as target:
        target.required_stack()  # first: the stack may set the Region
        move = ami_move.Move(target, target.ec2(), current_day(), yes, local)
        for text in move.update():
            terminal.paragraph(fixes.reword(text, stack=stack, local=local, region=region))
