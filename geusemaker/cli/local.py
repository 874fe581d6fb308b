"""`geusemaker local ...`: the simulated account on this machine."""

import contextlib
import json
import os
import platform
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from geusemaker import terminal
from geusemaker.cli.confirm import INTERRUPTED
from geusemaker.config import DeploymentConfig
from geusemaker.config.sources import Given, camel
from geusemaker.dlami import recognise
from geusemaker.dlami.wording import NEWER_IMAGE
from geusemaker.doctor.refusals import host_gone
from geusemaker.ec2.refusals import explain
from geusemaker.errors import LocalError
from geusemaker.local import lifecycle, process, session, shell
from geusemaker.local.account import Account
from geusemaker.local.environment import Environment
from geusemaker.local.places import STACK, Places, find_project, pulumi_project
from geusemaker.local.screen import HEADER, Screen, seconds, summary
from geusemaker.local.summary import stack_lines
from geusemaker.pulumi_cli.find import CACHED, ON_PATH, find_engine
from geusemaker.pulumi_cli.outcome import Outcome
from geusemaker.today import today

app = typer.Typer(help="Run a simulated AWS account on this machine.", no_args_is_help=True)


def _places() -> Places:
    return Places(find_project(Path.cwd()))


def _say(text: str) -> None:
    terminal.paragraph(text, err=True)


@app.command()
def up() -> None:
    """Deploy stack `dev` into the simulated account, and show the result."""
    try:
        _show_up()
    except KeyboardInterrupt:
        _say("Interrupted. `make up` again continues.")
        raise typer.Exit(INTERRUPTED) from None


def _show_up() -> None:
    places, base, screen = _places(), dict(os.environ), Screen()
    screen.line(HEADER)
    with screen.step(1, "Python packages") as step:
        step.detail, step.took = _packages(places)
    with screen.step(2, "Pulumi CLI") as step:
        engine = find_engine(screen.note, environ=base)
        step.detail = f"{engine.version} {engine.source}"
        step.took = "ready" if engine.source in (ON_PATH, CACHED) else None
    with lifecycle.locked(places, screen.note):
        with screen.step(3, "Simulated account") as step:
            account, started = lifecycle.ensure_account(places, base, screen.note)
            step.detail = f"{account.account}, {account.region}, {account.images} recorded images"
            step.took = None if started else "running"
            opened = session.join(places, base, engine, account, screen.note)
        # Without a preview: it would run the whole program once more, and `up` shows the same.
        with screen.step(4, f"Up, stack {STACK}") as step, _while_it_runs(account):
            outcome = _up(opened)
            step.detail = outcome.did()
        for warning in outcome.warnings:
            screen.note(f"warning: {warning}")
        for note in outcome.notes:
            screen.note(_for_shell(note))
        topics, other_os = _summary(opened, outcome)
    screen.line()
    for line in summary(topics, other_os):
        screen.line(line, hang=9)


@contextlib.contextmanager
def _while_it_runs(account: Account) -> Iterator[None]:
    """Replaces the error of a command with its cause, where the account has ended."""
    try:
        yield
    except LocalError as error:
        if account.is_answering():
            raise LocalError(_for_shell(str(error))) from None
        raise LocalError(
            f"The simulated account (process {account.pid}) ended while Pulumi was running: "
            "perhaps it was killed. Its resources are lost. `make up` starts a new account."
        ) from error


def _for_shell(text: str) -> str:
    """The paragraph; if it has commands, with the shell in which they act on this account."""
    named = re.search("`(pulumi|geusemaker) ", text) and "make shell" not in text
    return f"{text} Run this in `make shell`." if named else text


def _up(opened: session.Session) -> Outcome:
    """The result of `up`. AWS's refusal to start the host is explained."""
    try:
        return opened.cli.up()
    except LocalError as error:
        kind = _config(opened).instance_type
        why = explain(str(error), kind, opened.account.region) or host_gone(str(error))
        raise LocalError(why or str(error)) from None


def _destroy(opened: session.Session) -> str:
    """The result of `destroy`. A host that no longer exists is reported with the fix."""
    try:
        return opened.cli.destroy().did()
    except LocalError as error:
        why = host_gone(str(error))
        raise LocalError(why or str(error)) from None


def _config(opened: session.Session) -> DeploymentConfig:
    given = [
        Given(key.removeprefix("geusemaker:"), value)
        for key, value in opened.cli.config().items()
        if key.startswith("geusemaker:")
    ]
    return DeploymentConfig.from_given(given)


def _summary(opened: session.Session, outcome: Outcome) -> tuple[dict[str, list[str]], str]:
    """The stack in lines by topic, and another OS to try."""
    config = _config(opened)
    lines = stack_lines(
        opened.cli.outputs(),
        config,
        opened.account.host_type(config.instance_type),
        stack=STACK,
        newer=any(note.startswith(NEWER_IMAGE) for note in outcome.notes),
        today=today(),
    )
    return lines, "ubuntu-22.04" if config.os_type == "ubuntu-24.04" else "ubuntu-24.04"


def _packages(places: Places) -> tuple[str, str]:
    home = places.shown(Path(sys.prefix))
    major, minor, _ = platform.python_version_tuple()
    # Written by scripts/setup_venv.py when it has just installed packages; shown once.
    note = places.root / "setup-seconds"
    spent = note.read_text(encoding="utf-8").strip() if note.exists() else ""
    note.unlink(missing_ok=True)
    took = seconds(float(spent)) if spent.isdigit() and int(spent) > 0 else "ready"
    return f"{home}, Python {major}.{minor}", took


@app.command()
def down() -> None:
    """Destroy the stack, check that the account is empty, and stop it."""
    places, base, screen = _places(), dict(os.environ), Screen()
    with lifecycle.locked(places, screen.note):
        account = lifecycle.running_account(places)
        if account is None:
            gone = places.backend.exists()
            lifecycle.stop_account(places)
            lifecycle.remove_traces(places, screen.line)
            screen.line(
                "The simulated account had already ended, and everything in it with it: its"
                " Pulumi state is removed."
                if gone
                else "Nothing to remove: there is no simulated account in this clone."
            )
            return
        engine = find_engine(screen.note, environ=base)
        opened = session.join(places, base, engine, account, screen.note)
        with _while_it_runs(account):
            screen.line(f"Destroyed: {_destroy(opened)}")
        if left := account.resources():
            listed = ", ".join(f"{kind} {made}" for kind, made in left)
            raise LocalError(
                f"The simulated account is not empty, {len(left)} left: {listed}. It keeps"
                " running: remove them in `make shell` and run `make down` again, or"
                " run `geusemaker local stop` to delete the account with its resources."
            )
        screen.line("Account checked: it is empty, as a new account is")
        lifecycle.stop_account(places)
        lifecycle.remove_traces(places, screen.line)
        screen.line("Simulated account stopped")


@app.command()
def start() -> None:
    """Start the simulated account, with an empty stack `dev`."""
    opened = session.open_session(_places(), dict(os.environ), _say)
    typer.echo(f"Simulated account {opened.account.account} at {opened.account.endpoint}")


@app.command()
def stop() -> None:
    """Stop the simulated account and delete its resources."""
    places = _places()
    with lifecycle.locked(places, _say):
        stopped = lifecycle.stop_account(places)
    typer.echo("Simulated account stopped" if stopped else "There is no simulated account running")


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show whether the simulated account runs, where, and its resources."""
    places = _places()
    account = lifecycle.running_account(places)
    alive = account.resources() if account else []
    if as_json:
        secret = ("token", "access_key_id", "secret_access_key")
        shown = {} if account is None else vars(account)
        facts = {camel(name): value for name, value in shown.items() if name not in secret}
        facts = facts and facts | {"resources": len(alive)}
        typer.echo(json.dumps({"running": account is not None, "account": facts or None}))
    elif account is None:
        typer.echo("SIMULATED: no account is running in this clone; `make up` starts one")
    else:
        typer.echo(
            f"SIMULATED account {account.account}, {account.region}, at {account.endpoint}\n"
            f"process {account.pid}, since {account.started}, {account.images} images,"
            f" {len(alive)} resources"
        )


@app.command()
def env() -> None:
    """Print the local environment for a shell: eval "$(geusemaker local env)"."""
    opened = session.open_session(_places(), dict(os.environ), _say)
    typer.echo(_here(opened).environment.as_shell(), nl=False)


@app.command(name="shell")
def open_shell() -> None:
    """Open a shell in which plain `pulumi` works against the simulated account."""
    places = _places()
    opened = session.open_session(places, dict(os.environ), _say)
    folder = places.root / "shell"
    folder.mkdir(exist_ok=True)
    own = {"GEUSEMAKER_ZDOTDIR": os.environ.get("ZDOTDIR", os.environ.get("HOME", ""))}
    here = _here(opened)
    start = shell.plan(
        os.environ.get("SHELL"), folder, here.environment, session.bin_dir() / "geusemaker"
    )
    for file, text in start.files.items():
        file.unlink(missing_ok=True)
        file.touch(0o600)  # sh's file has the account's key
        file.write_text(text, encoding="utf-8")
    where = f"in {here.elsewhere}, where this shell starts" if here.elsewhere else "here"
    _say(
        f"Simulated AWS: `pulumi preview`, `pulumi up`, `pulumi destroy` work {where}; "
        "`exit` leaves"
    )
    env = here.environment.applied_to(os.environ) | own | dict(start.env)
    raise typer.Exit(_run_through(start.command, env, here.elsewhere))


@app.command(
    # All words after the first belong to the command, -h too.
    context_settings={"allow_interspersed_args": False},
)
def run(
    command: Annotated[list[str], typer.Argument(metavar="COMMAND", help="The command, after --.")],
) -> None:
    """Run one command in the local environment, and return its exit code."""
    here = _here(session.open_session(_places(), dict(os.environ), _say))
    env = here.environment.applied_to(os.environ)
    # Other programs may work on files of the current folder.
    cwd = here.elsewhere if Path(command[0]).name == "pulumi" else None
    raise typer.Exit(_run_through(command, env, cwd))


@dataclass(frozen=True)
class _Here:
    """The environment of the current folder.

    Attributes:
        elsewhere: The folder in which Pulumi works instead, because here is no project; else None.
    """

    environment: Environment
    elsewhere: Path | None = None


def _here(opened: session.Session) -> _Here:
    """For the clone or, in a folder of another Pulumi project, for that one."""
    project, clone = pulumi_project(Path.cwd()), opened.places.project
    if project is None:
        return _Here(opened.environment, clone)
    if project == clone:
        return _Here(opened.environment)
    return _Here(opened.environment.for_other_project())


def _run_through(command: list[str], env: dict[str, str], cwd: Path | None = None) -> int:
    program = process.find(command[0], env)
    # Both processes get Ctrl-C, and the child's exit code counts. A handler, because a child
    # inherits SIG_IGN.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        code = subprocess.run([program, *command[1:]], cwd=cwd, env=env, check=False).returncode
    finally:
        signal.signal(signal.SIGINT, before)
    return 128 - code if code < 0 else code


@app.command()
def release(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The new image's full name, in AWS's form.")
    ],
    architecture: Annotated[str, typer.Option(metavar="ARCH", help="x86_64 or arm64.")],
    root_gib: Annotated[
        int | None,
        typer.Option("--root-gib", metavar="GIB", min=1, help="Size of its root volume."),
    ] = None,
) -> None:
    """Make the simulated AWS publish a newer image."""
    if architecture not in ("x86_64", "arm64"):
        raise typer.BadParameter("use x86_64 or arm64", param_hint="--architecture")
    account = lifecycle.running_account(_places())
    if account is None:
        raise LocalError("There is no simulated account for the image: `make up` starts one.")
    if not name.isprintable() or len(name) > 128:
        raise typer.BadParameter("a name is one line of up to 128 characters", param_hint="NAME")
    known = recognise(name)
    if known is None or known.architecture not in (None, architecture):
        _say(
            f"note: {name!r} is not in AWS's form for a current {architecture} image, so no stack"
            " selects it; an example: 'Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu"
            " 22.04) 20261120'"
        )
    image = account.release(name, architecture, root_gib)
    typer.echo(f"Released {image['id']} {name}")


@app.command(hidden=True)
def engine() -> None:
    """Find, install or build the Pulumi CLI, and print its path."""
    found = find_engine(_say)
    typer.echo(f"Pulumi CLI {found.version} {found.source}: {found.path_dir}")
