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


def agree_by_name(name: str, nothing: str, script: str) -> None:
    """Returns when the user has typed the stack's name. `script` is the command for a script.

    Raises:
        PulumiError: There is no terminal for the prompt.
        typer.Exit: Another name was typed, or Ctrl-C.
    """
    if not sys.stdin.isatty():
        raise PulumiError(
            f"{nothing}: there is no terminal on which to type the stack's name, and --yes does "
            f"not delete data. In a script: {script}."
        )
    try:
        typed = typer.prompt(f"Type the stack's name, {name}, to delete it with its data")
    except typer.Abort:
        typer.echo(f"\n{nothing}.")
        raise typer.Exit(INTERRUPTED) from None
    if typed.strip() != name:
        typer.echo(f"{nothing}.")
        raise typer.Exit(1)
