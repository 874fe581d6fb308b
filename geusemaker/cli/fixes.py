"""Rewrites the commands in a message to match the user's flags. Pure.

The program's errors name `pulumi config set` for the selected stack. After
`geusemaker deploy --ami-type tensorflow`, or with --stack, another command fixes the error.
"""

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import typer

from geusemaker.cli.effective import FLAGS
from geusemaker.ec2.regions import OF_FLAG, REGION_KEY
from geusemaker.errors import GeuseMakerError

# These act on a stack. `pulumi stack init` names its own, and `pulumi login` needs none.
_OF_STACK = re.compile(
    r"pulumi (?:config|up|preview|refresh|destroy|cancel|state|stack (?:output|export|rm))\b"
)
_OURS = re.compile(
    r"geusemaker (?:deploy|up|plan|preview|destroy|doctor|ami [a-z]+|status|logs|connect|stop|start"
    r"|credentials)\b"
)
# These have no --local.
_NEVER_LOCAL = re.compile(r"geusemaker plan\b")
_SET = re.compile(r"pulumi config set (?P<key>\S+) (?P<value>\S+)")
_FLAG_OF = {f"geusemaker:{key}": flag for key, flag in FLAGS.items()} | {REGION_KEY: OF_FLAG}

Flags: TypeAlias = Mapping[str, str | bool | None]


@dataclass(frozen=True)
class _Typed:
    """The command that the user typed: its name, its flags, and those that set a config key."""

    name: str
    flags: Flags
    keys: Mapping[str, str]

    def with_flags(self, changed: Mapping[str, str]) -> str:
        return command_of({**self.flags, **changed}, self.name)


def reword(
    paragraph: str,
    *,
    stack: str | None = None,
    local: bool = False,
    region: str | None = None,
    deploy: Flags | None = None,
    plan: Flags | None = None,
    preview: Flags | None = None,
) -> str:
    """Rewrites backticked commands to match the user's flags.

    `stack` and `region` are the values of --stack and --region. `deploy`, `plan` or `preview` holds
    the flags of that command by name; all are None for other commands.
    """
    # `deploy` writes each value into the stack's file. The others write none, and their flags win
    # over the file: where one was typed, only that flag can change the value.
    typed = _Typed("deploy", deploy, _FLAG_OF) if deploy is not None else None
    for name, flags in (("plan", plan), ("preview", preview)):
        if flags is not None:
            keys = {key: flag for key, flag in _FLAG_OF.items() if flags.get(flag)}
            typed = _Typed(name, flags, keys)

    def rewritten(found: re.Match[str]) -> str:
        steps = found[1].split(" && ")
        # A value may contain a backtick or "&&". Such a command is left as it is.
        if not all(map(_is_complete, steps)):
            return found[0]
        return f"`{_rewritten(steps, stack, local, region, typed)}`"

    if typed is not None:
        # Only here is the whole command known that a flag belongs to.
        paragraph = re.sub(
            rf"`{OF_FLAG} ([a-z0-9-]+)`",
            lambda found: f"`{typed.with_flags({OF_FLAG: found[1]})}`",
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
    typed: "_Typed | None",
) -> str:
    flags: dict[str, str] = {}
    left: list[str] = []
    for step in steps:
        match = _SET.fullmatch(step)
        if typed is not None and match and match["key"] in typed.keys:
            flags[typed.keys[match["key"]]] = match["value"]
        elif not flags or step != "pulumi up":  # which the deployment does
            left.append(_with_flags(step, stack, local, region))
    if typed is not None and flags:
        left.append(typed.with_flags(flags))
    return " && ".join(left)


@contextmanager
def fitted(fit: Callable[[str], str]) -> Iterator[None]:
    """Rewrites the commands in an error, by `reword` with the user's flags."""
    try:
        yield
    except GeuseMakerError as error:
        error.args = (fit(str(error)),)
        raise


def flags_of(context: typer.Context) -> Flags:
    """The flags of the command that the user typed, by their long names."""
    typed: dict[str, str | bool | None] = {}
    for option in context.command.params:
        name = str(option.name)
        flag = next(one for one in option.opts if one.startswith("--"))
        value, source = context.params.get(name), context.get_parameter_source(name)
        given = value is not None and source is not None and source.name == "COMMANDLINE"
        # One that was not given keeps its place, for a command with one more flag.
        typed[flag] = (value if isinstance(value, bool) else str(value)) if given else None
    return typed


def command_of(flags: Flags, name: str = "deploy") -> str:
    """`geusemaker deploy`, or another command, with those flags, quoted for a shell."""
    words = ["geusemaker", name]
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
        if not local or _NEVER_LOCAL.match(step) or "--local" in step.split():
            return step
        return f"{step} --local"
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
