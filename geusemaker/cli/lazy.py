"""Commands whose modules are imported when they are called, and not for the help of the program.

They import pydantic, the catalogue and the Region's facts, which takes longer than the help does.
"""

from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, cast

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass
class Lazy:
    """Stands for a command in its group: it knows its line of the help, and imports the rest.

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
        """The command itself, which is imported the first time."""
        if self._command is None:
            self._command = self._load()
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
        """Whatever the parser or the completion asks for beyond the line of the help."""
        return getattr(self.command(), name)


class LazyGroup(TyperGroup):
    """A group of `Lazy` commands, which a subclass names."""

    lazy: tuple[Lazy, ...] = ()

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands.update({one.name: cast("Any", one) for one in self.lazy})
