"""`geusemaker doctor`: whether a deployment can work, before it is tried."""

import json
from dataclasses import asdict, replace
from functools import partial

import typer

from geusemaker.cli.fixes import reword
from geusemaker.cli.options import JsonOption, LocalOption, RegionOption, StackOption
from geusemaker.cli.target import open_target
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
    findings = examine(target, today())
    fit = partial(reword, stack=stack, local=local, region=region)
    findings = replace(
        findings,
        checks=tuple(
            # An error that AWS or the config caused is told whole, with its commands.
            replace(check, detail=fit(check.detail), fix=fit(check.fix))
            for check in findings.checks
        ),
    )
    typer.echo(as_document(target, findings) if as_json else "\n".join(as_lines(target, findings)))
    if findings.has_failed:
        raise typer.Exit(1)


def as_lines(place: Place, findings: Findings) -> list[str]:
    """Region and account, then a line for each check, and how to fix it under it.

    Lines are left as long as they are: a terminal wraps them, and a command can be copied whole.
    """
    account = f"account {findings.account or 'not known'}"
    simulated = "SIMULATED " if place.simulated else ""
    lines = [f"Region {place.region or 'not set'}, {simulated}{account}", ""]
    for check in findings.checks:
        lines.append(_line(check.state, check.name, check.detail))
        if check.fix:
            lines.append(_line("", "", f"-> {check.fix}"))
    return lines


def _line(state: str, name: str, text: str) -> str:
    return f"{state:<9}{name:<15}{text}"


def as_document(place: Place, findings: Findings) -> str:
    """The same as JSON."""
    return json.dumps(
        {
            "region": place.region,
            "account": findings.account,
            "simulated": place.simulated,
            "checks": [asdict(check) for check in findings.checks],
        },
        indent=2,
    )
