"""The shell script that reads the host's logs, and its output. Pure.

The host runs the script as root, so it takes only checked values from the user: a service from a
fixed list and a number of lines.
"""

import re
from dataclasses import dataclass
from typing import Final

from geusemaker.bundle import CONTAINERS

BOOT_LOG: Final = "/var/log/geusemaker-boot.log"
MAX_LINES: Final = 5000

FETCHED_BYTES: Final = 22_000
"""Bytes that the script prints. Systems Manager keeps the first 24,000 characters of a command's
output. The last lines of a log matter, so the script cuts the beginning."""

AWS_OUTPUT_LIMIT: Final = 24_000
"""Characters of a command's output that Systems Manager keeps."""

_TITLE: Final = re.compile(r"^geusemaker-logs ([0-9]{1,12}) (.*)$", re.MULTILINE)
_CONTROL: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Log:
    """The fetched end of one log.

    Attributes:
        left_out: Bytes before `text` that were cut.
    """

    title: str
    text: str
    left_out: int


def script(service: str | None, lines: int) -> list[str]:
    """POSIX shell lines that print the last log lines of a service, or of the boot.

    Raises:
        ValueError: The service is unknown, or the number of lines is out of range.
    """
    if service is not None and service not in CONTAINERS:
        raise ValueError(f"{service!r} is not one of {', '.join(CONTAINERS)}")
    if not 0 < lines <= MAX_LINES:
        raise ValueError(f"{lines} is not between 1 and {MAX_LINES}")
    if service is not None:
        logs = f"docker compose -p geusemaker logs --no-color --tail {lines} {service}"
        fetched = [(logs, f"service {service}")]
    else:
        journal = f"journalctl --no-pager -n {lines} -u 'geusemaker-*'"
        fetched = [
            (f"tail -n {lines} {BOOT_LOG}", BOOT_LOG),
            (journal, "journal of geusemaker-*"),
        ]
    script_lines = ["dir=$(mktemp -d) && cd / || exit 1", "trap 'rm -rf \"$dir\"' EXIT", "code=0"]
    for command, title in fetched:
        script_lines += [
            f'{command} >"$dir/log" 2>&1 || code=$?',
            f'echo "geusemaker-logs $(($(wc -c <"$dir/log"))) {title}"',
            # An equal share each: a long journal must not displace the boot log.
            f'tail -c {FETCHED_BYTES // len(fetched)} "$dir/log"',
            "echo",
        ]
    return [*script_lines, 'exit "$code"']


def logs(printed: str) -> list[Log]:
    """The logs in the script's output, without terminal control characters."""
    heads = list(_TITLE.finditer(printed))
    found = []
    for number, head in enumerate(heads):
        ends = heads[number + 1].start() if number + 1 < len(heads) else len(printed)
        text = printed[head.end() + 1 : ends]
        left_out = max(0, int(head[1]) - FETCHED_BYTES // len(heads))
        if left_out:
            # The cut may be inside a line or a character, so the first line goes.
            text = text.partition("\n")[2]
        found.append(Log(head[2], without_control_characters(text).strip("\n"), left_out))
    return found


def was_cut_by_aws(printed: str) -> bool:
    """Whether Systems Manager cut the end of the output."""
    return len(printed) >= AWS_OUTPUT_LIMIT or "--output truncated--" in printed[-200:].lower()


def without_control_characters(text: str) -> str:
    """The text without colours, bells and other terminal control sequences."""
    return _CONTROL.sub("", text)
