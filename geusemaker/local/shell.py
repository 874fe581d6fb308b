"""An interactive shell in the local environment, with a prompt that shows it.

The user's start-up files run first. Then the environment is set again, because those files may
export AWS_PROFILE or put another `pulumi` first.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from geusemaker.local.environment import Environment

PROMPT = "(simulated) "
_HIDDEN = ("pulumi", "python", "python3", "geusemaker", "aws")


@dataclass(frozen=True)
class ShellStart:
    """How to start a shell: the command, more variables, and start-up files."""

    command: list[str]
    env: Mapping[str, str]
    files: Mapping[Path, str]
    """Start-up files to write before the start."""


def plan(wanted: str | None, folder: Path, environment: Environment, command: Path) -> ShellStart:
    """How to start the user's shell, or sh if it is neither bash nor zsh."""
    shell = wanted or "/bin/sh"
    name = Path(shell).name
    again = f'eval "$({shlex.quote(str(command))} local env)"'
    hidden = "\n".join(f"unalias {one} 2>/dev/null; unset -f {one} 2>/dev/null" for one in _HIDDEN)
    if name == "bash":
        rc = folder / "bashrc"
        text = f'[ -f ~/.bashrc ] && . ~/.bashrc\n{hidden}\n{again}\nPS1="{PROMPT}${{PS1-\\$ }}"\n'
        # Prompt programs set PS1 before each prompt, so the prefix is added after them. It is on
        # its own line, because their command may end in a `;` or a comment. From bash 5.1 on,
        # PROMPT_COMMAND may be an array; older versions run only its first element.
        text += (
            f'_geusemaker_prompt() {{ case "$PS1" in "{PROMPT}"*) ;;'
            f' *) PS1="{PROMPT}$PS1" ;; esac; }}\n'
            'case "$(declare -p PROMPT_COMMAND 2>/dev/null)" in\n'
            "'declare -a'*) PROMPT_COMMAND+=(_geusemaker_prompt)\n"
            '  [ "${BASH_VERSINFO[0]}${BASH_VERSINFO[1]}" -ge 51 ] ||'
            " PROMPT_COMMAND+=$'\\n_geusemaker_prompt' ;;\n"
            "*) PROMPT_COMMAND+=$'\\n_geusemaker_prompt' ;;\n"
            "esac\n"
        )
        return ShellStart([shell, "--rcfile", str(rc), "-i"], {}, {rc: text})
    if name == "zsh":
        own = 'ZDOTDIR="${GEUSEMAKER_ZDOTDIR:-$HOME}"'
        text = f'{own}\n[ -f "$ZDOTDIR/.zshrc" ] && . "$ZDOTDIR/.zshrc"\n{hidden}\n{again}\n'
        text += f'PROMPT="{PROMPT}$PROMPT"\n'
        early = (
            '[ -f "${GEUSEMAKER_ZDOTDIR:-$HOME}/.zshenv" ]'
            ' && . "${GEUSEMAKER_ZDOTDIR:-$HOME}/.zshenv"\n'
            f"ZDOTDIR={shlex.quote(str(folder))}\n"
        )
        files = {folder / ".zshenv": early, folder / ".zshrc": text}
        return ShellStart([shell, "-i"], {"ZDOTDIR": str(folder)}, files)
    rc = folder / "shrc"
    text = f"{environment.as_shell()}PS1={shlex.quote(PROMPT + '$ ')}\n"
    return ShellStart(["/bin/sh", "-i"], {"ENV": str(rc)}, {rc: text})
