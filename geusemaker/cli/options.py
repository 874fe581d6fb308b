"""Options that several commands have, so that they mean the same in each."""

from typing import Annotated

import typer

StackOption = Annotated[
    str | None, typer.Option("--stack", "-s", help="The stack; else the selected one.")
]
RegionOption = Annotated[
    str | None, typer.Option(help="The Region; else the stack's aws:region, else AWS_REGION.")
]
LocalOption = Annotated[
    bool, typer.Option("--local", help="In the simulated account on this machine.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]
