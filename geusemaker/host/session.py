"""The commands that open a session to the host, and what to say of them. Pure."""

import re
import shlex
from collections.abc import Callable, Sequence
from typing import Final

PROGRAMS: Final = ("aws", "session-manager-plugin")
"""What a session needs on this machine."""

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
        ValueError: They are not `aws ssm start-session ...`, and are not run.
    """
    words = shlex.split(text)
    if words[:3] != ["aws", "ssm", "start-session"]:
        raise ValueError(f"{text!r} does not begin with aws ssm start-session")
    return words


def shell_command(region: str, instance_id: str) -> list[str]:
    """What opens a shell on the host."""
    return ["aws", "ssm", "start-session", "--region", region, "--target", instance_id]


def with_profile(command: Sequence[str], profile: str | None) -> list[str]:
    """The command as the stack's `aws:profile`, where it has one."""
    return [*command, *(["--profile", profile] if profile else [])]


def local_url(command: Sequence[str]) -> str | None:
    """Where the forward ends on this machine."""
    found = _LOCAL_PORT.search(" ".join(command))
    return f"https://localhost:{found[1]}" if found else None


def missing(which: Callable[[str], str | None]) -> list[str]:
    """Those of the programs that `which` does not find."""
    return [name for name in PROGRAMS if which(name) is None]


def how_to_install(names: Sequence[str]) -> str:
    """Where each program comes from."""
    return "; ".join(_INSTALL[name] for name in names)


def greeting(url: str | None, public: str | None) -> list[str]:
    """What to know while the forward is open."""
    if url is None:
        return ["Ctrl-C ends it."]
    told = [
        f"Open {url} once it says that it waits for connections; Ctrl-C ends it.",
        "The certificate is of Caddy's own CA, made on the host, so a browser warns once.",
    ]
    if public is not None and public != url:
        told.append(f"n8n shows its links and webhooks with its public address, {public}.")
    return told
