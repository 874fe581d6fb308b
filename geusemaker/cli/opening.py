"""Finds the project, the Pulumi CLI, the stack and the Region of a command."""

import contextlib
import os
import shlex
import shutil
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from threading import Thread

from geusemaker import terminal
from geusemaker.cli import fixes
from geusemaker.cli.stack_file import file_of, own_keys, plain_value
from geusemaker.cli.target import Say, Target, say
from geusemaker.ec2 import regions
from geusemaker.ec2.regions import REGION_KEY
from geusemaker.errors import ConfigError, EngineError, GeuseMakerError, LocalError
from geusemaker.local import lifecycle, session
from geusemaker.local.places import STACK, Places, named_project
from geusemaker.messages import nearest
from geusemaker.pulumi_cli.find import find_engine, find_ready_engine
from geusemaker.pulumi_cli.run import PulumiCli

# With these Pulumi calls AWS with another identity than boto3 does.
_OTHER_LOGINS = ("aws:assumeRoles", "aws:assumeRole", "aws:accessKey", "aws:endpoints")


def open_target(
    stack: str | None = None,
    region: str | None = None,
    local: bool = False,
    *,
    need_engine: bool = False,
    any_region: bool = False,
    reads_stack: bool = False,
    every_stack: bool = False,
    say: Say = say,
) -> Target:
    """Finds project, engine, stack and Region.

    With `need_engine` a missing Pulumi CLI is installed or built, which takes minutes; otherwise
    the target has no stack. With `any_region` an unknown Region is no error: the caller reports it.
    With `reads_stack` the Pulumi CLI starts to read the stack's config and outputs. With
    `every_stack` no stack is chosen.

    Raises:
        ConfigError: The named stack does not exist, or the named Region.
        LocalError: There is no project here, or no simulated account could be started.
    """
    if region is not None and not any_region:
        regions.check(region, regions.OF_FLAG)  # before anything is started or built
    project = named_project(Path.cwd(), say)
    base = dict(os.environ)
    if local:
        if stack not in (None, STACK):
            raise LocalError(
                f"--stack is {stack!r}, but the simulated account has only the stack {STACK!r}: "
                f"omit --stack with --local."
            )
        with terminal.working("Preparing the simulated account"):
            env: Mapping[str, str] = session.open_session(Places(project), base, say).env
        stack = STACK
    else:
        env = base
    # With --local the session has just made sure that the stack exists.
    is_known = local or every_stack
    cli, why = _cli(
        project, env, stack, need_engine, say, is_known=is_known, reads_stack=reads_stack
    )
    name = cli.stack if cli else None
    file = file_of(project, env, name) if name else None
    own = _region_in(file, cli) if file else None
    found, source = _region(region, own, env)
    simulated = env.get("GEUSEMAKER_SIMULATED") == "1"
    if file and not simulated:
        for key in sorted({key for key in own_keys(file) if key in _OTHER_LOGINS}):
            say(
                f"note: the stack's {key} applies to Pulumi only; this command calls AWS without it"
            )
    return Target(
        project=project,
        env=env,
        simulated=simulated,
        cli=cli,
        stack=name,
        stack_file=file,
        region=found,
        region_source=source,
        stack_region=own,
        # The simulated account has no profiles, whatever the stack's file names.
        profile=plain_value(file, "aws:profile") if file and not simulated else None,
        no_stack=why,
    )


@contextlib.contextmanager
def opened(
    stack: str | None,
    region: str | None,
    local: bool,
    *,
    own_region: bool = False,
    reads_stack: bool = False,
    every_stack: bool = False,
) -> Iterator[Target]:
    """The target of a command. Rewrites the commands in its errors to match the user's flags.

    With `own_region` only the stack's own Region is accepted. `reads_stack` and `every_stack`: see
    `open_target`.
    """
    # Meanwhile the Pulumi CLI runs; each takes 0.2 s.
    Thread(target=import_module, args=("boto3",)).start()
    with fixes.fitted(partial(fixes.reword, stack=stack, local=local, region=region)):
        target = open_target(stack, region, local, reads_stack=reads_stack, every_stack=every_stack)
        if own_region:
            target.check_own_region()
        with locked(target, local):
            yield target


def locked(target: Target, local: bool) -> contextlib.AbstractContextManager[None]:
    """With `local`, keeps other commands from the simulated account meanwhile."""
    return lifecycle.locked(Places(target.project), say) if local else contextlib.nullcontext()


def _cli(
    project: Path,
    env: Mapping[str, str],
    stack: str | None,
    need_engine: bool,
    say: Say,
    *,
    is_known: bool,
    reads_stack: bool,
) -> tuple[PulumiCli | None, str]:
    """The CLI bound to the stack, or why there is none. A known stack is not looked up."""
    try:
        program = _program(env, need_engine, say)
    except EngineError as error:
        if need_engine:
            raise
        return None, str(error)
    # This Python first: the program and Pulumi's language host run in it.
    path = os.pathsep.join(
        [str(session.bin_dir()), str(program.parent), env.get("PATH", os.defpath)]
    )
    cli = PulumiCli(program, {**env, "PATH": path}, project, stack)
    if reads_stack:
        cli.read_ahead()  # of the selected stack, where none is named
    if is_known:
        return cli, ""
    try:
        stacks = stacks_of(cli)
    except ConfigError as error:
        if stack is not None:
            raise
        return None, str(error)
    listed = ", ".join(stacks) or "none"
    if stack is None:
        stack = next((name for name, selected in stacks.items() if selected), None)
        if stack is None and (named := env.get("PULUMI_STACK")):
            return None, (
                f"PULUMI_STACK is {named!r}, and this project has no such stack (it has: "
                f"{listed}). `unset PULUMI_STACK` takes the selected one; --stack names another."
            )
        if stack is None:
            return None, (
                f"No stack is selected in {project.name} (it has: {listed}). Name one with "
                "--stack, or `pulumi stack select --create prod`."
            )
    elif not _is_there(stack, stacks):
        near = nearest(stack, stacks)
        use = f"Use `--stack {shlex.quote(near)}`, or create {stack!r}" if near else "Create it"
        raise ConfigError(
            f"--stack is {stack!r}, and this project has no such stack (it has: {listed}). "
            f"{use}: `pulumi stack init {shlex.quote(stack)}`."
        )
    cli.stack = stack
    return cli, ""


def stacks_of(cli: PulumiCli) -> dict[str, bool]:
    """The project's stacks, each with whether it is selected. `ConfigError` where Pulumi fails."""
    try:
        return cli.stacks()
    except GeuseMakerError as error:
        raise ConfigError(
            f"The stacks of this project cannot be listed. Pulumi said: {error} -- if the login is "
            "missing, `pulumi login` or `pulumi login --local` fixes it."
        ) from None


def _is_there(stack: str, stacks: Iterable[str]) -> bool:
    """Whether the project has it. Pulumi lists the user's own stacks without organisation."""
    names = set(stacks)
    bare = {name.rpartition("/")[2] for name in names}
    # `acme/geusemaker/dev` may be the listed `dev`; if not, Pulumi reports it.
    return stack in names | bare or ("/" in stack and stack.rpartition("/")[2] in bare)


def _program(env: Mapping[str, str], need_engine: bool, say: Say) -> Path:
    if need_engine:
        with terminal.working("Preparing the Pulumi CLI"):
            return find_engine(say, environ=env).path_dir / "pulumi"
    # The version does not matter for a command that only reads.
    if on_path := shutil.which("pulumi", path=env.get("PATH")):
        return Path(on_path)
    engine, tried = find_ready_engine(environ={**env, "GEUSEMAKER_ENGINE_SOURCES": "cache"})
    if engine is None:
        why = f" ({'; '.join(tried)})" if tried else ""
        raise EngineError(
            f"There is no usable Pulumi CLI on this machine{why}, and this command installs none. "
            "`geusemaker deploy` installs or builds it once, in about 5 minutes; by hand: "
            "https://www.pulumi.com/docs/install/."
        )
    return engine.path_dir / "pulumi"


def _region_in(file: Path, cli: PulumiCli | None) -> str | None:
    """The Region of the stack's own config."""
    region = plain_value(file, REGION_KEY)
    if region is None and cli is not None and own_keys(file).get(REGION_KEY):
        region = cli.config().get(REGION_KEY)  # encrypted
    return region or None


def _region(flag: str | None, own: str | None, env: Mapping[str, str]) -> tuple[str | None, str]:
    """The Region of the command, and what names it."""
    if flag:
        return flag, regions.OF_FLAG
    if own:
        return own, regions.OF_STACK
    for name in regions.VARIABLES:
        if region := env.get(name):
            return region, name
    return None, ""
