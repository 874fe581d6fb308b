"""`geusemaker doctor`: checks before a deployment."""

import json
from dataclasses import asdict, replace
from functools import partial

import typer

from geusemaker import terminal
from geusemaker.cli.fixes import reword
from geusemaker.cli.opening import open_target
from geusemaker.cli.options import JsonOption, LocalOption, RegionOption, StackOption
from geusemaker.doctor import Findings, Place, examine
from geusemaker.today import today


def doctor(
    stack: StackOption = None,
    region: RegionOption = None,
    local: LocalOption = False,
    as_json: JsonOption = False,
) -> None:
    """Check credentials, Region, image, instance type, vCPU quota and Pulumi. Changes nothing."""
    target = open_target(stack, region, local, any_region=True)
    with terminal.working("Checking"):
        findings = examine(target, today())
    fit = partial(reword, stack=stack, local=local, region=region)
    findings = replace(
        findings,
        checks=tuple(
            # The error of AWS or of the config is shown in full, with its commands.
            replace(check, detail=fit(check.detail), fix=fit(check.fix))
            for check in findings.checks
        ),
    )
    if as_json:
        typer.echo(as_document(target, findings))
    else:
        _show(target, findings)
    if findings.has_failed:
        raise typer.Exit(1)


def _show(place: Place, findings: Findings) -> None:
    """Prints Region and account, then each check, with its fix under it."""
    account = f"account {findings.account or 'not known'}"
    simulated = "SIMULATED " if place.simulated else ""
    terminal.paragraph(f"Region {place.region or 'not set'}, {simulated}{account}")
    terminal.paragraph()
    for check in findings.checks:
        head = terminal.mark(check.state, f"{check.state:<9}") + f"{check.name:<15}"
        terminal.paragraph(check.detail, head)
        if check.fix:
            terminal.paragraph(f"-> {check.fix}", " " * terminal.length(head))


def as_document(place: Place, findings: Findings) -> str:
    """The findings as JSON."""
    return json.dumps(
        {
            "region": place.region,
            "account": findings.account,
            "simulated": place.simulated,
            "checks": [asdict(check) for check in findings.checks],
        },
        indent=2,
    )
