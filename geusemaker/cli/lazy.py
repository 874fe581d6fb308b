"""Commands whose modules are imported when they are called, not for the program's help.

The modules import pydantic, the catalogue and the Region's facts, which takes longer than the help.
"""

from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Final, cast

import typer
from typer.core import TyperCommand, TyperGroup

HELP_OPTIONS: Final = ["-h", "--help"]


@dataclass
class Lazy:
    """A command in its group, with its line of the help; the rest is imported on demand.

    Attributes:
        name: What the user types.
        source: Module and name of a function or a `typer.Typer`: "geusemaker.cli.status:status".
        help: The first paragraph of the command's own help.
    """

    name: str
    source: str
    help: str
    short_help: str | None = None
    hidden: bool = False
    deprecated: bool = False
    rich_help_panel: str | None = None
    _command: TyperCommand | TyperGroup | None = field(default=None, repr=False)

    def command(self) -> TyperCommand | TyperGroup:
        """The command, imported on first use."""
        if self._command is None:
            self._command = self._load()
            _prepare_help(self._command)
        return self._command

    def _load(self) -> TyperCommand | TyperGroup:
        module, _, attribute = self.source.partition(":")
        found = getattr(import_module(module), attribute)
        if isinstance(found, typer.Typer):
            group = typer.main.get_group(found)
            group.name = self.name
            return group
        alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        alone.command(self.name, help=self.help if found.__name__ != self.name else None)(found)
        return cast("TyperCommand", typer.main.get_command(alone))

    def __getattr__(self, name: str) -> Any:
        """Other attributes, for the parser and for shell completion."""
        return getattr(self.command(), name)


def _prepare_help(command: Any) -> None:
    """Gives a command, and those of a group, the option -h, also outside the program's context."""
    command.context_settings.setdefault("help_option_names", HELP_OPTIONS)
    _hide_type_of_flags(command.get_params(typer.Context(command, help_option_names=HELP_OPTIONS)))
    for inner in getattr(command, "commands", {}).values():
        _prepare_help(inner)


def _hide_type_of_flags(parameters: list[Any]) -> list[Any]:
    """Typer shows "<bool>" after a flag, as if it took a value."""
    for one in parameters:
        if getattr(one, "is_flag", False):
            one.metavar = ""
    return parameters


class LazyGroup(TyperGroup):
    """A group of the `Lazy` commands that a subclass lists."""

    lazy: tuple[Lazy, ...] = ()

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands.update({one.name: cast("Any", one) for one in self.lazy})

    def get_params(self, ctx: Any) -> list[Any]:
        return _hide_type_of_flags(super().get_params(ctx))
