"""Options that several commands share."""

from typing import Annotated

import typer

StackOption = Annotated[
    str | None,
    typer.Option("--stack", "-s", metavar="NAME", help="The stack. Default: the selected one."),
]
RegionOption = Annotated[
    str | None,
    typer.Option(
        metavar="REGION", help="The Region. Default: the stack's aws:region, then AWS_REGION."
    ),
]
LocalOption = Annotated[
    bool, typer.Option("--local", help="Use the simulated account on this machine.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not prompt for confirmation.")]
HostOption = Annotated[
    str | None,
    typer.Option(
        "--host",
        metavar="ID",
        help="A worker's instance, as `geusemaker status` lists it. Default: the first host.",
    ),
]
