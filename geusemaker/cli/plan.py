"""`geusemaker plan`: what a stack would be, and what a change would do, without an account."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from geusemaker import terminal
from geusemaker.cli import deploy, fixes, stack_file
from geusemaker.cli.effective import Effective, effective
from geusemaker.cli.options import JsonOption, RegionOption
from geusemaker.cli.target import say
from geusemaker.config.sources import Given, read_layer
from geusemaker.ec2 import regions
from geusemaker.errors import ConfigError, LocalError
from geusemaker.local.places import named_project
from geusemaker.plan import against as other
from geusemaker.plan import conditions, stack_values, text
from geusemaker.plan.environment import without_aws_settings
from geusemaker.plan.model import Against, ConfigValue, Plan
from geusemaker.plan.stack_values import StackValues

FAILED_CONDITION = 3
"""Exit code where a condition of `--fail-on` is true."""

FailOnOption = Annotated[
    str | None,
    typer.Option(
        metavar="LIST",
        help=f"End with exit code 3 if one of these is true: {conditions.FORMS}.",
    ),
]
HoursOption = Annotated[
    int, typer.Option(metavar="N", min=0, max=744, help="Hours a month that the host runs.")
]
MarkdownOption = Annotated[
    bool, typer.Option("--markdown", help="Print Markdown for a comment on a pull request.")
]
HtmlOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Also write the plan as one HTML page, with a picture of the stack."
    ),
]


def plan(
    context: typer.Context,
    stack: Annotated[
        str | None,
        typer.Option(
            "--stack",
            "-s",
            metavar="NAME",
            help="The stack, by its file. Default: PULUMI_STACK, then the only one.",
        ),
    ] = None,
    region: RegionOption = None,
    os_type: deploy.OsTypeOption = None,
    architecture: deploy.ArchitectureOption = None,
    ami_type: deploy.AmiTypeOption = None,
    instance_type: deploy.InstanceTypeOption = None,
    config: deploy.ConfigOption = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="WHAT",
            help="Show the change from another config file, a git commit such as origin/main, or "
            "a state saved by `pulumi stack export --file state.json`.",
        ),
    ] = None,
    fail_on: FailOnOption = None,
    hours: HoursOption = 730,
    as_json: JsonOption = False,
    as_markdown: MarkdownOption = False,
    html: HtmlOption = None,
) -> None:
    """Show what a stack would be, without an account, a network or the Pulumi CLI.

    Exit codes: 0 planned, 1 failed, 2 wrong flags, 3 a condition of --fail-on is true.
    """
    from_flags = deploy.of_flags(os_type, architecture, ami_type, instance_type)
    if against == "":
        raise typer.BadParameter("--against is empty: name a config file, a commit or a state")
    wanted = conditions_of(fail_on, compares=against is not None)
    check_forms(as_json, as_markdown, html)
    fit = partial(fixes.reword, stack=stack, region=region, plan=fixes.flags_of(context))
    with fixes.fitted(fit), terminal.working("Planning"):
        made = _plan(stack, region, config, from_flags, against, hours)
    finish(made, wanted, text.show, as_json=as_json, as_markdown=as_markdown, html=html)


def check_forms(as_json: bool, as_markdown: bool, html: Path | None) -> None:
    """Rejects two forms at once, and a page that cannot be written, as wrong flags: exit code 2."""
    if as_json and as_markdown:
        raise typer.BadParameter("--json and --markdown both print to stdout: use one of them")
    if html:
        _check_page(html)


def finish(
    made: Plan,
    wanted: list[conditions.Condition],
    show: Callable[[Plan], None],
    *,
    as_json: bool,
    as_markdown: bool,
    html: Path | None,
) -> None:
    """Prints the plan, and writes its page. Exit code 3 where a condition is true."""
    made = made.model_copy(update={"failed": conditions.failed(wanted, made)})
    if as_json:
        typer.echo(made.json_text())
    elif as_markdown:
        from geusemaker.plan.markdown import markdown

        typer.echo(markdown(made), nl=False)
    else:
        show(made)
    if html:
        _write_page(html, made)
    if made.failed:
        raise typer.Exit(FAILED_CONDITION)


def conditions_of(fail_on: str | None, *, compares: bool) -> list[conditions.Condition]:
    """Rejects wrong conditions as wrong flags: exit code 2."""
    if fail_on is None:
        return []
    try:
        found = conditions.parse(fail_on)
    except ValueError as error:
        raise typer.BadParameter(f"--fail-on: {error}") from None
    for one in found:
        if one.needs_comparison and not compares:
            raise typer.BadParameter(f"--fail-on {one.text} is about a change: add --against")
    return found


def _check_page(file: Path) -> None:
    """Rejects a file that cannot be written, before anything is planned."""
    if file.exists() and not file.is_file():
        raise typer.BadParameter(
            f"--html is {file}, which is not a file. Name a file in it: --html {file}/plan.html"
            if file.is_dir()
            else f"--html is {file}, which is not a regular file, so it cannot be replaced"
        )
    if not file.parent.is_dir():
        raise typer.BadParameter(
            f"--html is {file}, but there is no folder {file.parent}: `mkdir -p {file.parent}`"
        )


def _write_page(file: Path, made: Plan) -> None:
    """Writes the page in one step: a reader sees the old one or the new one."""
    from geusemaker.plan.page import page  # imports Jinja2, which takes long

    # Of a link, the file that it names is replaced, not the link.
    whole = file.resolve()
    part = whole.with_name(f".{whole.name}.{os.getpid()}.part")
    try:
        part.write_text(page(made), encoding="utf-8")
        part.replace(whole)
    except OSError as error:
        raise ConfigError(
            f"--html is {file}, which cannot be written: {error.strerror}. Name a file in another "
            "folder, such as `geusemaker plan --html /tmp/plan.html`."
        ) from None
    finally:
        part.unlink(missing_ok=True)
    terminal.paragraph(f"The page is in {file}.", err=True)


def _plan(
    stack: str | None,
    region: str | None,
    config: Path | None,
    flags: list[Given],
    against: str | None,
    hours: int,
) -> Plan:
    project = named_project(Path.cwd(), say)
    export = other.saved_state(against) if against else None
    if export and stack and export.stack and stack != export.stack:
        raise ConfigError(
            f"--against is {against}, a state of the stack {export.stack}, but --stack is "
            f"{stack!r}. Omit --stack, or name a state of {stack}: `pulumi stack export --file "
            f"{against} --stack {stack}`."
        )
    name = stack or (export and export.stack) or _only_stack(project)
    file = stack_file.file_of(project, _environment(name), name)
    if stack and not file.exists():
        raise ConfigError(
            f"--stack is {stack!r}, and there is no file {file.name} in {project}, which would "
            f"hold its config; {_stacks(project)} Create it: `pulumi stack init {stack}`, or omit "
            "--stack."
        )
    values = stack_values.read(project, file)
    here, source = _region(region, values)
    regions.check(here, source)
    from_file = read_layer(config)
    layers = [from_file.given, list(values.given), deploy.of_environment(), flags]
    wanted = effective(layers, here, source, bool(values.region), from_file.region)
    given = [one for layer in layers for one in layer]
    # After the last read of the environment, and before the imports that read it.
    with _packages(), ExitStack() as held:
        held.enter_context(without_aws_settings())
        kind = other.kind_of(against) if against and export is None else None
        waiting = None
        if kind and kind.kind == "git":
            # It runs meanwhile, in a process of its own.
            waiting = held.enter_context(other.of_commit(project, kind.name, name, here))
        from geusemaker.plan.run import run
        from geusemaker.plan.side import side
        from geusemaker.plan.whole import whole_plan
        from pulumi_moto.state import State

        own = side(project, name, here, values, given)
        state = None
        if against and export:
            kind = Against(kind="state", name=against)
            try:
                state = State.of_export(export.document)
            except ValueError as error:
                raise ConfigError(
                    f"--against is {against}: {error}. `pulumi stack export --file {against}` "
                    "writes a state."
                ) from None
        elif waiting:
            state = State.of_export(waiting())
        elif kind:
            before = other.of_config(project, Path(kind.name), name, here)
            state = run(before.program, None, before.stand_ins).state
        ran = run(own.program, state, own.stand_ins)
        return whole_plan(
            ran,
            state,
            kind,
            own.config,
            values_of(wanted),
            stack=name,
            region=here,
            hours=hours,
            unchecked=[*wanted.notes, *own.unchecked],
        )


def values_of(wanted: Effective) -> list[ConfigValue]:
    """The keys in effect with their sources, as a plan has them."""
    return [ConfigValue(key=row.key, value=row.value, source=row.source) for row in wanted.rows]


@contextmanager
def _packages() -> Iterator[None]:
    """Names the extra that is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "moto":
            raise
        raise LocalError(
            f"The package {error.name} is not installed. `geusemaker plan` runs the program in a "
            "simulated account, which is the extra `local`. Install it in your clone: "
            "`.venv/bin/python -m pip install -r requirements-local.txt`."
        ) from None


def _region(flag: str | None, values: StackValues) -> tuple[str, str]:
    if flag:
        return flag, regions.OF_FLAG
    if values.region:
        return values.region, regions.OF_STACK
    for name in regions.VARIABLES:
        if found := os.environ.get(name):
            return found, name
    raise ConfigError(
        "No Region is set: neither --region, nor the stack's aws:region, nor AWS_REGION names "
        "one, and images differ between Regions. Set it: `pulumi config set aws:region us-east-1` "
        "for the stack, or --region us-east-1 for this command."
    )


def _environment(stack: str) -> Mapping[str, str]:
    """Without the config file of the simulated account for a stack that is not in that account."""
    is_other = "GEUSEMAKER_SIMULATED" in os.environ and stack != os.environ.get("PULUMI_STACK")
    hidden = {"PULUMI_OPTION_CONFIG_FILE"} if is_other else set()
    return {name: value for name, value in os.environ.items() if name not in hidden}


def _only_stack(project: Path) -> str:
    if named := os.environ.get("PULUMI_STACK"):
        return named
    found = _names(project)
    if len(found) == 1:
        return found[0]
    raise ConfigError(
        f"This command needs --stack, because {_stacks(project)} For example: "
        f"`geusemaker plan --stack {found[0] if found else 'dev'}`."
    )


def _names(project: Path) -> list[str]:
    return sorted(
        file.name.removeprefix("Pulumi.").removesuffix(".yaml")
        for file in project.glob("Pulumi.*.yaml")
    )


def _stacks(project: Path) -> str:
    return f"the project has files of the stacks {', '.join(_names(project)) or 'none'}."
