"""`geusemaker preview`: the engine's own preview, and the summary of a plan."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import typer

from geusemaker import terminal
from geusemaker.cli import deploy, fixes, stack_file
from geusemaker.cli import plan as planning
from geusemaker.cli.effective import Effective
from geusemaker.cli.opening import locked, open_target
from geusemaker.cli.options import JsonOption, LocalOption, RegionOption, StackOption
from geusemaker.cli.target import Target
from geusemaker.config.sources import read_layer
from geusemaker.plan import engine, text
from geusemaker.plan.model import Against, Plan
from geusemaker.plan.whole import whole_plan


def preview(
    context: typer.Context,
    stack: StackOption = None,
    region: RegionOption = None,
    os_type: deploy.OsTypeOption = None,
    architecture: deploy.ArchitectureOption = None,
    ami_type: deploy.AmiTypeOption = None,
    instance_type: deploy.InstanceTypeOption = None,
    config: deploy.ConfigOption = None,
    local: LocalOption = False,
    fail_on: planning.FailOnOption = None,
    hours: planning.HoursOption = 730,
    as_json: JsonOption = False,
    as_markdown: planning.MarkdownOption = False,
    html: planning.HtmlOption = None,
) -> None:
    """Show Pulumi's preview, then what is replaced and why, what stops, and the cost.

    Changes nothing: options are tried in a copy of the stack's file.
    Exit codes: 0 previewed, 1 failed, 2 wrong flags, 3 a condition of --fail-on is true.
    """
    from_flags = deploy.of_flags(os_type, architecture, ami_type, instance_type)
    wanted = planning.conditions_of(fail_on, compares=True)
    planning.check_forms(as_json, as_markdown, html)
    fit = partial(fixes.reword, stack=stack, local=local, preview=fixes.flags_of(context))
    quiet = as_json or as_markdown
    with fixes.fitted(fit):
        from_file = read_layer(config)
        target = open_target(stack, region, local, need_engine=True)
        with locked(target, local):
            effective = deploy.effective_of(target, from_file, from_flags)
            made = _previewed(target, effective, fit, hours, quiet)
    planning.finish(
        made, wanted, text.show_summary, as_json=as_json, as_markdown=as_markdown, html=html
    )


def _previewed(
    target: Target,
    effective: Effective,
    fit: Callable[[str], str],
    hours: int,
    quiet: bool,
) -> Plan:
    """Runs the preview; with `quiet`, stdout is left to the plan."""
    name, cli, file = target.required_stack()
    region, who = effective.region, target.identity()
    terminal.paragraph(f"{region}, {target.shown_account(who)}, stack {name}", err=quiet)
    for note in effective.notes:
        terminal.paragraph(f"note: {fit(note)}", err=quiet)
    on_terminal = terminal.is_interactive() and not quiet
    with stack_file.trial(cli, file, effective.writes) as trial:
        events = cli.preview_with_events(
            None if on_terminal else partial(deploy.in_sight, err=quiet),
            trial.copy if trial.changed else None,
        )
    ran, state = engine.ran_of(events, partial(_described, target))
    return whole_plan(
        ran,
        state,
        Against(kind="stack", name="the deployed stack"),
        effective.config,
        planning.values_of(effective),
        stack=name,
        region=region,
        hours=hours,
    )


def _described(target: Target, instance_type: str) -> Mapping[str, Any]:
    """EC2's description of an instance type. Raises `AwsError`."""
    with target.translated("ec2", "DescribeInstanceTypes"):
        answer = target.client("ec2").describe_instance_types(InstanceTypes=[instance_type])
    found: Mapping[str, Any] = answer["InstanceTypes"][0]
    return found
