"""Confirmation prompts."""

import sys

import typer

from geusemaker.errors import PulumiError

INTERRUPTED = 130


def agree(question: str, nothing: str, doing: str, *, yes: bool) -> None:
    """Returns when the user agrees, or passed --yes.

    `nothing` is the result of a no ("Nothing was changed"), `doing` what --yes does.

    Raises:
        PulumiError: There is no terminal for the prompt.
        typer.Exit: The answer is no, or Ctrl-C.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise PulumiError(
            f"{nothing}: there is no terminal for the confirmation prompt. Add --yes to {doing} "
            "without a prompt."
        )
    try:
        agreed = typer.confirm(question, default=False)
    except typer.Abort:
        typer.echo(f"\n{nothing}.")
        raise typer.Exit(INTERRUPTED) from None
    if not agreed:
        typer.echo(f"{nothing}.")
        raise typer.Exit(1)
