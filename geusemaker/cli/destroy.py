"""`geusemaker destroy`: names the commands that remove a stack. It changes nothing."""

from typing import Final

from geusemaker.cli import fixes
from geusemaker.cli.options import LocalOption, RegionOption, StackOption, YesOption
from geusemaker.errors import PulumiError

_HOW: Final = (
    "Nothing was removed: there is no command for it yet. Pulumi removes a stack, and its "
    "data for good, by `pulumi config set geusemaker:protectData false && pulumi up && pulumi "
    "destroy && pulumi stack rm`. While geusemaker:protectData is true, `pulumi destroy` refuses; "
    "if `pulumi up` fails, `pulumi state unprotect --all` lifts the protection. To keep the data "
    "and stop paying for the host, run `geusemaker stop`. For the simulated account, run `make "
    "down`."
)
_HOW_LOCAL: Final = (
    "Nothing was removed: `geusemaker local down` removes the stack of the simulated account, and "
    "stops the account."
)


def destroy(
    stack: StackOption = None,
    region: RegionOption = None,
    local: LocalOption = False,
    yes: YesOption = False,  # noqa: ARG001 - scripts pass it
) -> None:
    """Show the commands that remove the stack. Changes nothing."""
    raise PulumiError(_HOW_LOCAL if local else fixes.reword(_HOW, stack=stack, region=region))
