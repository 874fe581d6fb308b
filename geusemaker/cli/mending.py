"""Turns the commands in an error into ones that mend it for the command that was typed. Pure.

The program's errors speak of `pulumi config set` for the selected stack. Who typed
`geusemaker deploy --ami-type tensorflow`, or named another stack, needs another command.
"""

import re
import shlex
from collections.abc import Mapping, Sequence

from geusemaker.cli.effective import FLAGS
from geusemaker.cli.target import REGION_KEY

_SET = re.compile(r"pulumi config set (?P<key>\S+) (?P<value>\S+)")
_FLAG_OF = {f"geusemaker:{key}": flag for key, flag in FLAGS.items()} | {REGION_KEY: "--region"}


def reword(
    paragraph: str,
    *,
    stack: str | None = None,
    local: bool = False,
    deploy: Mapping[str, str | bool | None] | None = None,
) -> str:
    """The paragraph with each command between backticks made to fit.

    `stack` is the one named by `--stack`; `deploy` are the flags that `geusemaker deploy` was
    given, by name, where it was that command.
    """

    def fitted(found: re.Match[str]) -> str:
        return f"`{_fitted(found[1].split(' && '), stack, local, deploy)}`"

    return re.sub(r"`(pulumi [^`]+)`", fitted, paragraph)


def _fitted(
    steps: Sequence[str],
    stack: str | None,
    local: bool,
    deploy: Mapping[str, str | bool | None] | None,
) -> str:
    flags: dict[str, str] = {}
    left: list[str] = []
    for step in steps:
        match = _SET.fullmatch(step)
        if deploy is not None and match and match["key"] in _FLAG_OF:
            flags[_FLAG_OF[match["key"]]] = match["value"]
        else:
            left.append(_placed(step, stack, local))
    if flags:
        left.append(command_of({**(deploy or {}), **flags}))
    return " && ".join(left)


def command_of(flags: Mapping[str, str | bool | None]) -> str:
    """`geusemaker deploy` with those flags, fit for a shell."""
    words = ["geusemaker", "deploy"]
    for flag, value in flags.items():
        if value is True:
            words.append(flag)
        elif value:
            words += [flag, str(value)]
    return shlex.join(words)


def _placed(step: str, stack: str | None, local: bool) -> str:
    if not step.startswith("pulumi "):
        return step
    if local:
        return f"geusemaker local run -- {step}"
    if stack and step.startswith("pulumi config "):
        return f"{step} --stack {shlex.quote(stack)}"
    return step
