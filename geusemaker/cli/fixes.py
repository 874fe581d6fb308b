"""Rewrites the commands in a message to match the user's flags. Pure.

The program's errors name `pulumi config set` for the selected stack. After
`geusemaker deploy --ami-type tensorflow`, or with --stack, another command fixes the error.
"""

import re
import shlex
from collections.abc import Mapping, Sequence

from geusemaker.cli.effective import FLAGS
from geusemaker.ec2.regions import OF_FLAG, REGION_KEY

# These act on a stack. `pulumi stack init` names its own, and `pulumi login` needs none.
_OF_STACK = re.compile(
    r"pulumi (?:config|up|preview|refresh|destroy|cancel|state|stack (?:output|export|rm))\b"
)
_OURS = re.compile(
    r"geusemaker (?:deploy|up|doctor|ami [a-z]+|status|logs|connect|stop|start|credentials)\b"
)
_SET = re.compile(r"pulumi config set (?P<key>\S+) (?P<value>\S+)")
_FLAG_OF = {f"geusemaker:{key}": flag for key, flag in FLAGS.items()} | {REGION_KEY: OF_FLAG}


def reword(
    paragraph: str,
    *,
    stack: str | None = None,
    local: bool = False,
    region: str | None = None,
    deploy: Mapping[str, str | bool | None] | None = None,
) -> str:
    """Rewrites backticked commands to match the user's flags.

    `stack` and `region` are the values of --stack and --region. `deploy` holds the flags of
    `geusemaker deploy` by name, and is None for other commands.
    """

    def rewritten(found: re.Match[str]) -> str:
        steps = found[1].split(" && ")
        # A value may contain a backtick or "&&". Such a command is left as it is.
        if not all(map(_is_complete, steps)):
            return found[0]
        return f"`{_rewritten(steps, stack, local, region, deploy)}`"

    if deploy is not None:
        # Only here is the whole command known that a flag belongs to.
        paragraph = re.sub(
            rf"`{OF_FLAG} ([a-z0-9-]+)`",
            lambda found: f"`{command_of({**deploy, OF_FLAG: found[1]})}`",
            paragraph,
        )
    return re.sub(r"`((?:pulumi|geusemaker) [^`]+)`", rewritten, paragraph)


def _is_complete(step: str) -> bool:
    """Whether a shell can parse it."""
    try:
        shlex.split(step)
    except ValueError:
        return False
    return True


def alternatives(
    commands: Sequence[str],
    *,
    stack: str | None = None,
    local: bool = False,
    region: str | None = None,
) -> str:
    """The commands of a line `Next`, rewritten and separated by bars."""
    return " | ".join(_with_flags(one, stack, local, region) for one in commands)


def _rewritten(
    steps: Sequence[str],
    stack: str | None,
    local: bool,
    region: str | None,
    deploy: Mapping[str, str | bool | None] | None,
) -> str:
    flags: dict[str, str] = {}
    left: list[str] = []
    for step in steps:
        match = _SET.fullmatch(step)
        if deploy is not None and match and match["key"] in _FLAG_OF:
            flags[_FLAG_OF[match["key"]]] = match["value"]
        elif not flags or step != "pulumi up":  # which the deployment does
            left.append(_with_flags(step, stack, local, region))
    if flags:
        left.append(command_of({**(deploy or {}), **flags}))
    return " && ".join(left)


def command_of(flags: Mapping[str, str | bool | None]) -> str:
    """`geusemaker deploy` with those flags, quoted for a shell."""
    words = ["geusemaker", "deploy"]
    for flag, value in flags.items():
        if value is True:
            words.append(flag)
        elif value:
            words += [flag, str(value)]
    return shlex.join(words)


def _with_flags(step: str, stack: str | None, local: bool, region: str | None) -> str:
    if step.startswith("pulumi ") and local:
        return f"geusemaker local run -- {step}"
    if _OF_STACK.match(step):
        return _with(step, "--stack", stack)
    if _OURS.match(step):
        step = _with(step, "--stack", None if local else stack)
        step = _with(step, "--region", region)
        return f"{step} --local" if local and "--local" not in step.split() else step
    return step


def _with(step: str, flag: str, value: str | None) -> str:
    """The command with the flag added, before a `--`; unchanged where it has the flag."""
    words = shlex.split(step)
    if value is None or flag in words:
        return step
    if "--" not in words:
        return f"{step} {flag} {shlex.quote(value)}"
    cut = words.index("--")
    return shlex.join([*words[:cut], flag, value, *words[cut:]])
