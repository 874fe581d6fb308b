"""`geusemaker deploy`: shows the effective config and the preview, then deploys."""

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from geusemaker import terminal
from geusemaker.cli import capacity, fixes, stack_file
from geusemaker.cli.confirm import agree
from geusemaker.cli.effective import FLAGS, Effective, FlagOrigin, effective
from geusemaker.cli.opening import locked, open_target
from geusemaker.cli.options import LocalOption, RegionOption, StackOption, YesOption
from geusemaker.cli.target import Target, say
from geusemaker.config import DeploymentConfig
from geusemaker.config.report import choices
from geusemaker.config.sources import Given, Layer, read_layer
from geusemaker.doctor.refusals import host_gone
from geusemaker.ec2 import regions
from geusemaker.ec2.refusals import explain
from geusemaker.errors import GeuseMakerError, PulumiError
from geusemaker.local.places import Places
from geusemaker.messages import nearest
from geusemaker.pulumi_cli.outcome import Outcome
from geusemaker.pulumi_cli.run import PulumiCli

_VARIABLES = {
    "osType": "GEUSEMAKER_OS_TYPE",
    "architecture": "GEUSEMAKER_ARCHITECTURE",
    "amiType": "GEUSEMAKER_AMI_TYPE",
    "instanceType": "GEUSEMAKER_INSTANCE_TYPE",
}


def _known(key: str) -> Callable[[str | None], str | None]:
    """Rejects a value that the key does not have, as a wrong flag: exit code 2."""
    field = next(one for one in DeploymentConfig.model_fields.values() if one.alias == key)

    def check(value: str | None) -> str | None:
        if value is None or value in choices(field):
            return value
        near = nearest(value, choices(field))
        hint = f"; did you mean {FLAGS[key]} {near}?" if near else ""
        raise typer.BadParameter(f"{value!r} is not one of {', '.join(choices(field))}{hint}")

    return check


OsTypeOption = Annotated[
    str | None,
    typer.Option(
        metavar="OS",
        callback=_known("osType"),
        help="osType, such as ubuntu-24.04. Default: GEUSEMAKER_OS_TYPE, then the stack's.",
    ),
]
ArchitectureOption = Annotated[
    str | None,
    typer.Option(
        metavar="ARCH",
        callback=_known("architecture"),
        help="x86_64 or arm64. Default: GEUSEMAKER_ARCHITECTURE, then the stack's.",
    ),
]
AmiTypeOption = Annotated[
    str | None,
    typer.Option(
        metavar="TYPE",
        callback=_known("amiType"),
        help="amiType, such as base. Default: GEUSEMAKER_AMI_TYPE, then the stack's.",
    ),
]
InstanceTypeOption = Annotated[
    str | None,
    typer.Option(
        metavar="TYPE",
        help="instanceType, such as g5.xlarge: it decides the price. Default: "
        "GEUSEMAKER_INSTANCE_TYPE, then the stack's.",
    ),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="YAML or JSON with config keys, also those without a flag. The stack's config "
        "overrides it.",
    ),
]


def deploy(
    context: typer.Context,
    stack: StackOption = None,
    region: RegionOption = None,
    os_type: OsTypeOption = None,
    architecture: ArchitectureOption = None,
    ami_type: AmiTypeOption = None,
    instance_type: InstanceTypeOption = None,
    config: ConfigOption = None,
    local: LocalOption = False,
    yes: YesOption = False,
) -> None:
    """Show the effective config and its changes, then deploy.

    Writes the config into the stack's file, so that a plain `pulumi up` deploys the same.
    The later source wins: config file, stack, environment, flags.
    """
    flags = fixes.flags_of(context)
    from_flags = of_flags(os_type, architecture, ami_type, instance_type)
    fit = partial(fixes.reword, stack=stack, local=local, deploy=flags)
    with fixes.fitted(fit):
        from_file = read_layer(config)
        target = open_target(stack, region, local, need_engine=True)
        with locked(target, local):
            _deploy(target, from_file, from_flags, fit, flags, yes)


def _deploy(
    target: Target,
    from_file: Layer,
    from_flags: list[Given],
    fit: Callable[[str], str],
    flags: fixes.Flags,
    yes: bool,
) -> None:
    """The command; `fit` rewrites the commands in a message to match the user's flags."""
    name, cli, file = target.required_stack()
    wanted = effective_of(target, from_file, from_flags)
    terminal.paragraph(f"{wanted.region}, {target.shown_account(target.identity())}, stack {name}")
    _show(wanted, fit)
    with stack_file.trial(cli, file, wanted.writes) as trial:
        with terminal.working("Previewing"):
            outcome = cli.preview(trial.copy if trial.changed else None)
        _show_preview(outcome, fit)
        agree("Go ahead?", "Nothing was changed", "deploy", yes=yes)
        trial.adopt()
    if wanted.writes:
        written = Places(target.project).shown(file)
        terminal.paragraph(f"Written to {written}: {', '.join(wanted.writes)}")
    again = fixes.command_of(flags)
    try:
        _up(cli, outcome)
    except KeyboardInterrupt:
        say(
            "Interrupted. The stack's state has the resources created so far, and its file the "
            f"config: `{again}` continues."
        )
        raise
    except GeuseMakerError as error:
        why = explain(str(error), wanted.config.instance_type, wanted.region) or host_gone(
            str(error)
        )
        raise PulumiError(
            why
            or "The deployment has failed, for the reason above. The stack's state has the "
            f"resources created so far. Fix the cause, then `{again}` continues."
        ) from None
    _show_outputs(target, name if flags["--stack"] else None)


def effective_of(target: Target, from_file: Layer, from_flags: list[Given]) -> Effective:
    """The config of a stack with a config file, the environment and flags."""
    return effective(
        [from_file.given, target.given(), of_environment(), from_flags],
        target.required_region(),
        target.region_source,
        target.region_source == regions.OF_STACK,
        from_file.region,
    )


def _up(cli: PulumiCli, previewed: Outcome) -> None:
    """Deploys. On a terminal Pulumi draws its tree, else it writes a log line by line."""
    if terminal.is_interactive():
        if previewed.has_new_host:
            terminal.paragraph(capacity.BEFORE)
        cli.up_on_terminal()
        return
    with capacity.watched(in_sight) as watched:
        cli.up_with_output(watched)


def in_sight(line: str, *, err: bool = False) -> None:
    """Prints a line of Pulumi's. The operation continues when the reader is gone."""
    stream = sys.stderr if err else sys.stdout
    try:
        typer.echo(line, err=err)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def of_environment() -> list[Given]:
    """The values that environment variables set."""
    found = []
    for key, variable in _VARIABLES.items():
        if value := os.environ.get(variable):
            found.append(Given(key, value, FlagOrigin(FLAGS[key], variable)))
    return found


def of_flags(
    os_type: str | None,
    architecture: str | None,
    ami_type: str | None,
    instance_type: str | None,
) -> list[Given]:
    """The values that flags set."""
    given = {
        "osType": os_type,
        "architecture": architecture,
        "amiType": ami_type,
        "instanceType": instance_type,
    }
    return [
        Given(key, value, FlagOrigin(FLAGS[key]))
        for key, value in given.items()
        if value is not None
    ]


def _show(wanted: Effective, fit: Callable[[str], str]) -> None:
    terminal.table([(row.key, row.value, row.source) for row in wanted.rows])
    for note in wanted.notes:
        terminal.paragraph(f"note: {fit(note)}")


def _show_preview(outcome: Outcome, fit: Callable[[str], str]) -> None:
    terminal.paragraph(outcome.would(), "Preview: ")
    if outcome.updated:
        listed = ", ".join(str(one) for one in outcome.updated)
        is_host = any(one.is_host for one in outcome.updated)
        stops = "; for a new instance type the host is stopped and started" if is_host else ""
        terminal.paragraph(f"{listed}{stops}", "  updates: ")
    if outcome.replaced:
        terminal.paragraph(outcome.replaces(), "  replaces: ")
    for warning in outcome.warnings:
        terminal.paragraph(f"{terminal.mark('warning', 'warning:')} {fit(warning)}")
    for note in outcome.notes:
        terminal.paragraph(fit(note))


def _show_outputs(target: Target, stack: str | None) -> None:
    """Prints the main outputs and the next commands; `stack` is the value of --stack."""
    outputs = target.outputs()
    for key in ("amiName", "amiId", "instanceType", "instanceId", "url"):
        if value := outputs.get(key):
            terminal.paragraph(str(value), f"  {key:<15} ")
    if target.simulated:
        terminal.paragraph("SIMULATED: no host booted, nothing answers at this url")
        return
    commands = fixes.alternatives(["geusemaker status --wait", "geusemaker connect"], stack=stack)
    terminal.paragraph(commands, "Next: ", whole=True)
