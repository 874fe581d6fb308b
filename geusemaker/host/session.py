"""The commands that open a session to the host, and their hints. Pure."""

import re
import shlex
from collections.abc import Callable, Sequence
from typing import Final

PROGRAMS: Final = ("aws", "session-manager-plugin")
"""Programs that a session needs on this machine."""

_LOCAL_PORT: Final = re.compile(r"\blocalPortNumber=([0-9]{1,5})\b")
_INSTALL: Final = {
    "aws": "AWS CLI version 2: https://docs.aws.amazon.com/cli/latest/userguide/"
    "getting-started-install.html (macOS: brew install awscli)",
    "session-manager-plugin": "Session Manager plugin: https://docs.aws.amazon.com/"
    "systems-manager/latest/userguide/session-manager-working-with-install-plugin.html "
    "(macOS: brew install --cask session-manager-plugin)",
}


def command_of(text: str) -> list[str]:
    """The words of the output `connectCommand`.

    Raises:
        ValueError: The command is not `aws ssm start-session ...`, so it must not run.
    """
    words = shlex.split(text)
    if words[:3] != ["aws", "ssm", "start-session"]:
        raise ValueError(f"{text!r} does not begin with aws ssm start-session")
    return words


def shell_command(region: str, instance_id: str) -> list[str]:
    """The command that opens a shell on the host."""
    return ["aws", "ssm", "start-session", "--region", region, "--target", instance_id]


def with_profile(command: Sequence[str], profile: str | None) -> list[str]:
    """The command with the stack's `aws:profile`, if it has one."""
    return [*command, *(["--profile", profile] if profile else [])]


def local_url(command: Sequence[str]) -> str | None:
    """The URL of the forwarded port on this machine."""
    found = _LOCAL_PORT.search(" ".join(command))
    return f"https://localhost:{found[1]}" if found else None


def missing(which: Callable[[str], str | None]) -> list[str]:
    """The programs that `which` does not find."""
    return [name for name in PROGRAMS if which(name) is None]


def how_to_install(names: Sequence[str]) -> str:
    """Where to get each program."""
    return "; ".join(_INSTALL[name] for name in names)


def greeting(url: str | None, public: str | None) -> list[str]:
    """Hints to show while the session is open."""
    if url is None:
        return ["Ctrl-C ends it."]
    hints = [
        f"Open {url} once the command waits for connections; Ctrl-C ends it.",
        "The certificate is from Caddy's own CA on the host, so the browser warns once.",
    ]
    if public is not None and public != url:
        hints.append(f"n8n's links and webhooks use its public address, {public}.")
    return hints
