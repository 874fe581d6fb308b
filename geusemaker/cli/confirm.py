"""Asks a yes or no before something is written or deployed."""

import sys

import typer

from geusemaker.errors import PulumiError

INTERRUPTED = 130


def agree(question: str, nothing: str, doing: str, *, yes: bool) -> None:
    """Returns when the user agrees, or has said so beforehand by `--yes`.

    `nothing` says what a no means ("Nothing was changed"), `doing` what --yes would do.

    Raises:
        PulumiError: There is no terminal to ask on.
        typer.Exit: The answer is no, or Ctrl-C.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise PulumiError(
            f"{nothing}: there is no terminal to ask on whether to go ahead. Add --yes to {doing} "
            "without asking."
        )
    try:
        agreed = typer.confirm(question, default=False)
    except typer.Abort:
        typer.echo(f"\n{nothing}.")
        raise typer.Exit(INTERRUPTED) from None
    if not agreed:
        typer.echo(f"{nothing}.")
        raise typer.Exit(1)
