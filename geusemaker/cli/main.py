"""The `geusemaker` command: its one catch point, and what it holds."""

import logging
import signal
import sys
from importlib.metadata import version
from types import FrameType
from typing import Annotated

import typer

from geusemaker.cli import ami, local
from geusemaker.cli.connect import connect
from geusemaker.cli.credentials import credentials
from geusemaker.cli.deploy import deploy
from geusemaker.cli.doctor import doctor
from geusemaker.cli.logs import logs
from geusemaker.cli.power import start, stop
from geusemaker.cli.status import status
from geusemaker.errors import GeuseMakerError

app = typer.Typer(
    name="geusemaker",
    help="A self-hosted AI stack on one AWS host.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("deploy")(deploy)
app.command("up", help="The same as deploy.")(deploy)
app.command("doctor")(doctor)
app.command("status")(status)
app.command("logs")(logs)
app.command("connect")(connect)
app.command("stop")(stop)
app.command("start")(start)
app.command("credentials")(credentials)
app.add_typer(ami.app, name="ami")
app.add_typer(local.app, name="local")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version("geusemaker"))
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """A self-hosted AI stack on one AWS host."""


def main(arguments: list[str] | None = None) -> None:
    """Runs the command. Exit codes: 0 done, 1 failed, 2 wrong flags, 130 interrupted."""
    # A build that is asked to end, or whose terminal is closed, must end its children as well,
    # which Python does for an exception only.
    for wish in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(wish, _end)
    # Commands print what the look-ups warn of; without a handler Python would print it as well.
    logging.getLogger("geusemaker").addHandler(logging.NullHandler())
    try:
        app(arguments)
    except GeuseMakerError as error:
        _fail(str(error))
    except OSError as error:  # a full disk, a folder that may not be written
        at = f": {error.filename}" if error.filename else ""
        _fail(f"This machine refused what is needed{at}: {error.strerror or error}.")


def _end(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


def _fail(paragraph: str) -> None:
    sys.stdout.flush()
    print(paragraph, file=sys.stderr)
    sys.exit(1)
