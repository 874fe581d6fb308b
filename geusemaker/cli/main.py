"""The `geusemaker` command: its subcommands, and the one place that prints errors."""

import gc
import logging
import signal
import sys
from difflib import get_close_matches
from types import FrameType
from typing import Annotated, Any, Final

import typer

from geusemaker import terminal
from geusemaker.cli.lazy import HELP_OPTIONS, Lazy, LazyGroup
from geusemaker.errors import GeuseMakerError

_REMOVALS: Final = (
    "delete",
    "down",
    "remove",
    "rm",
    "teardown",
    "terminate",
    "undeploy",
    "uninstall",
)
"""What users type to remove a stack."""
_SIMILAR: Final = 0.75  # of 1


class Commands(LazyGroup):
    """The commands, in the order of the help."""

    lazy = (
        Lazy(
            "deploy",
            "geusemaker.cli.deploy:deploy",
            "Show the effective config and its changes, then deploy.",
        ),
        Lazy("up", "geusemaker.cli.deploy:deploy", "The same as deploy."),
        Lazy(
            "preview",
            "geusemaker.cli.preview:preview",
            "Show Pulumi's preview, then what is replaced and why, what stops, and the cost.",
        ),
        Lazy(
            "plan",
            "geusemaker.cli.plan:plan",
            "Show what a stack would be, without an account, a network or the Pulumi CLI.",
        ),
        Lazy(
            "destroy",
            "geusemaker.cli.destroy:destroy",
            "Remove the host and all that costs, and keep the data; --delete-data removes it too.",
        ),
        Lazy(
            "doctor",
            "geusemaker.cli.doctor:doctor",
            "Check credentials, Region, image, instance type, vCPU quota and Pulumi. Changes "
            "nothing.",
        ),
        Lazy(
            "status",
            "geusemaker.cli.status:status",
            "Show whether the host, its services, models and workers are ready, and what failed.",
        ),
        Lazy(
            "logs",
            "geusemaker.cli.logs:logs",
            "Show the last log lines of a service, or of the host's boot.",
        ),
        Lazy(
            "connect",
            "geusemaker.cli.connect:connect",
            "Forward the host's port 443 to this machine with Session Manager; Ctrl-C ends it.",
        ),
        Lazy(
            "stop",
            "geusemaker.cli.power:stop",
            "Stop the host. Its disks still cost, its hours do not. All data is kept.",
        ),
        Lazy(
            "start",
            "geusemaker.cli.power:start",
            "Start the stopped host. Its services are ready some minutes later.",
        ),
        Lazy(
            "credentials",
            "geusemaker.cli.credentials:credentials",
            "Show the logins: n8n's owner, and the keys of Ollama, Qdrant and Crawl4AI.",
        ),
        Lazy("ami", "geusemaker.cli.ami:app", "List, show, pin and update Deep Learning AMIs."),
        Lazy("local", "geusemaker.cli.local:app", "Run a simulated AWS account on this machine."),
    )

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command. The error for another word names the nearest one only.

        `deploy` would be suggested for a word for removal, and `destroy` for a misspelt `deploy`.
        """
        if args and self.get_command(ctx, args[0]) is None:
            known = [*self.commands, *_REMOVALS]
            for near in get_close_matches(args[0], known, n=1, cutoff=_SIMILAR):
                name = "destroy" if near in _REMOVALS else near
                ctx.fail(f"No such command '{args[0]}'. Did you mean '{name}'?")
        return super().resolve_command(ctx, args)


app = typer.Typer(
    name="geusemaker",
    cls=Commands,
    help="A self-hosted AI stack on one AWS host.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": HELP_OPTIONS},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # slow to import

        typer.echo(version("geusemaker"))
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """A self-hosted AI stack on one AWS host."""


def main(arguments: list[str] | None = None) -> None:
    """Runs the command. Exit codes: 0 done, 1 failed, 2 wrong flags, 130 interrupted."""
    # Rare: imports make 200,000 objects that live on, and most commands end within two seconds.
    gc.set_threshold(100_000)
    # SIGTERM, or a closed terminal, must end the children of a build too. Python ends them only on
    # an exception.
    for request in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(request, _end)
    # Commands print the warnings of look-ups; without a handler Python would print them again.
    logging.getLogger("geusemaker").addHandler(logging.NullHandler())
    try:
        app(arguments)
    except GeuseMakerError as error:
        _fail(str(error))
    except OSError as error:  # a full disk, a read-only folder
        at = f": {error.filename}" if error.filename else ""
        _fail(f"An operation on this machine failed{at}: {error.strerror or error}.")


def _end(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


def _fail(paragraph: str) -> None:
    sys.stdout.flush()
    sign = terminal.mark("failed", stream=sys.stderr)
    terminal.paragraph(f"{sign}{paragraph}", err=True)
    sys.exit(1)
