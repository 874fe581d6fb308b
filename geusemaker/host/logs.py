"""The commands that read the host's logs, and what they print. Pure.

A host's shell runs them as root, so nothing of the user's goes into them unchecked: a service of
a fixed list and a whole number.
"""

import re
from dataclasses import dataclass
from typing import Final

from geusemaker.bundle import CONTAINERS

BOOT_LOG: Final = "/var/log/geusemaker-boot.log"
MOST_LINES: Final = 5000

ROOM: Final = 22_000
"""Bytes that are fetched. Systems Manager shows the first 24,000 characters of what a command
prints, and of a log the last are wanted, so the host cuts it from the other side."""

SHOWN_BY_AWS: Final = 24_000

_TITLE: Final = re.compile(r"^geusemaker-logs ([0-9]{1,12}) (.*)$", re.MULTILINE)
_STEERING: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Log:
    """One log, as far as it was fetched.

    Attributes:
        left_out: Bytes before `text` that did not fit.
    """

    title: str
    text: str
    left_out: int


def script(service: str | None, lines: int) -> list[str]:
    """The shell lines that print the last lines of a service, or of the boot. Any POSIX shell.

    Raises:
        ValueError: There is no such service, or no such number of lines.
    """
    if service is not None and service not in CONTAINERS:
        raise ValueError(f"{service!r} is none of {', '.join(CONTAINERS)}")
    if not 0 < lines <= MOST_LINES:
        raise ValueError(f"{lines} is not between 1 and {MOST_LINES}")
    if service is not None:
        logs = f"docker compose -p geusemaker logs --no-color --tail {lines} {service}"
        fetched = [(logs, f"service {service}")]
    else:
        journal = f"journalctl --no-pager -n {lines} -u 'geusemaker-*'"
        fetched = [
            (f"tail -n {lines} {BOOT_LOG}", BOOT_LOG),
            (journal, "journal of geusemaker-*"),
        ]
    told = ["dir=$(mktemp -d) && cd / || exit 1", "trap 'rm -rf \"$dir\"' EXIT", "code=0"]
    for command, title in fetched:
        told += [
            f'{command} >"$dir/log" 2>&1 || code=$?',
            f'echo "geusemaker-logs $(($(wc -c <"$dir/log"))) {title}"',
            # Each its share: a long journal must not push the boot log out.
            f'tail -c {ROOM // len(fetched)} "$dir/log"',
            "echo",
        ]
    return [*told, 'exit "$code"']


def logs(printed: str) -> list[Log]:
    """The logs in what the script printed, fit for a terminal."""
    heads = list(_TITLE.finditer(printed))
    found = []
    for number, head in enumerate(heads):
        ends = heads[number + 1].start() if number + 1 < len(heads) else len(printed)
        text = printed[head.end() + 1 : ends]
        left_out = max(0, int(head[1]) - ROOM // len(heads))
        if left_out:
            # It was cut anywhere, in a line or a letter: the rest of that line goes too.
            text = text.partition("\n")[2]
        found.append(Log(head[2], without_steering(text).strip("\n"), left_out))
    return found


def was_cut_by_aws(printed: str) -> bool:
    """Whether Systems Manager has left out the end."""
    return len(printed) >= SHOWN_BY_AWS or "--output truncated--" in printed[-200:].lower()


def without_steering(text: str) -> str:
    """The text without colours, bells and whatever else would steer a terminal."""
    return _STEERING.sub("", text)
