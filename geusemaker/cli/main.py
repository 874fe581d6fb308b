"""The `geusemaker` command: its one catch point, and what it holds."""

import logging
import signal
import sys
from types import FrameType
from typing import Annotated

import typer

from geusemaker.cli.lazy import Lazy, LazyGroup
from geusemaker.errors import GeuseMakerError


class Commands(LazyGroup):
    """The commands, in the order of the help."""

    lazy = (
        Lazy(
            "deploy",
            "geusemaker.cli.deploy:deploy",
            "Show the effective config and what it would change, then deploy.",
        ),
        Lazy("up", "geusemaker.cli.deploy:deploy", "The same as deploy."),
        Lazy(
            "doctor",
            "geusemaker.cli.doctor:doctor",
            "Check credentials, Region, image, instance type, vCPU quota and Pulumi. Changes "
            "nothing.",
        ),
        Lazy(
            "status",
            "geusemaker.cli.status:status",
            "Whether the host and its services are ready, what failed, and how models get on.",
        ),
        Lazy(
            "logs",
            "geusemaker.cli.logs:logs",
            "The last log lines of a service, or of the host's boot.",
        ),
        Lazy(
            "connect",
            "geusemaker.cli.connect:connect",
            "Bring the host's port 443 to this machine, through Session Manager; Ctrl-C ends it.",
        ),
        Lazy(
            "stop",
            "geusemaker.cli.power:stop",
            "Stop the host: its hours cost nothing then, its disks do. Everything stays as it is.",
        ),
        Lazy(
            "start",
            "geusemaker.cli.power:start",
            "Start the stopped host again. Its services are ready some minutes later.",
        ),
        Lazy(
            "credentials",
            "geusemaker.cli.credentials:credentials",
            "Who logs in where: n8n's owner, and the keys of Ollama, Qdrant and Crawl4AI.",
        ),
        Lazy("ami", "geusemaker.cli.ami:app", "Deep Learning AMIs: list, show, pin, update."),
        Lazy("local", "geusemaker.cli.local:app", "A simulated AWS account on this machine."),
    )


app = typer.Typer(
    name="geusemaker",
    cls=Commands,
    help="A self-hosted AI stack on one AWS host.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # here, since it is slow to load

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
    for request in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(request, _end)
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
