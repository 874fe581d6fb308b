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
# A line of Compose: its container, its time, its text.
_STAMPED: Final = re.compile(
    r"(?P<who>\S+ +\| )?(?P<stamp>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,18}Z) ?(?P<text>.*)"
)
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


class Follower:
    """Reads a log again and again: each line once, in its order, however much is new.

    A service's log is read on from the time of its last line, the boot log from a byte. A read that
    failed is repeated by the same script.

    Attributes:
        is_behind: Whether the last read was long, so that more may be waiting.
    """

    def __init__(self, service: str | None, lines: int) -> None:
        script(service, lines)  # checks both
        self._service, self._lines = service, lines
        self._has_begun = False
        self._stamp, self._seen = "", 0
        self._offset: int | None = None
        self.is_behind = False

    def script(self) -> list[str]:
        """POSIX shell lines that print what is new, in whole lines; at first, the last lines."""
        part = '"$dir/part"'
        if self._service is not None:
            # After an empty log, everything is new.
            last = "all" if self._has_begun else str(self._lines)
            new = f"--since {self._stamp}" if self._stamp else f"--tail {last}"
            read = [
                f"docker compose -p geusemaker logs --no-color --timestamps {new} "
                f'{self._service} >"$dir/log" || code=$?',
                # No line is longer than a read.
                f'cut -b 1-{FETCHED_BYTES // 4} "$dir/log" '
                f"| {'head' if self._has_begun else 'tail'} -c {FETCHED_BYTES} >{part}",
            ]
        else:
            read = [f"size=$(wc -c <{BOOT_LOG}) || exit 1"]
            if self._offset is None:
                read += [
                    f'head -c "$size" {BOOT_LOG} | tail -n {self._lines} '
                    f"| tail -c {FETCHED_BYTES} >{part}",
                    f"start=$((size - $(wc -c <{part})))",
                ]
            else:
                read += [
                    # A shorter file is a new one.
                    f'start={self._offset}; [ "$size" -ge "$start" ] || start=0',
                    f'tail -c "+$((start + 1))" {BOOT_LOG} | head -c {FETCHED_BYTES} >{part}',
                ]
        return [
            "dir=$(mktemp -d) && cd / || exit 1",
            "trap 'rm -rf \"$dir\"' EXIT",
            "code=0; start=0",
            *read,
            # The rest of an unfinished line comes with the next read, unless it fills this one.
            f'[ -z "$(tail -c 1 {part})" ] '
            f'|| [ "$(wc -c <{part})-$(wc -l <{part})" = "{FETCHED_BYTES}-0" ] '
            f"|| sed -i '$d' {part}",
            f'echo "geusemaker-logs $((start + $(wc -c <{part}))) follow"',
            f"cat {part}",
            'exit "$code"',
        ]

    def new_lines(self, printed: str) -> list[str]:
        """The lines in the script's output that were not returned before."""
        head = _TITLE.search(printed)
        if head is None:
            return []
        self._has_begun = True
        text = without_control_characters(printed[head.end() + 1 :])
        lines = text.removesuffix("\n").split("\n") if text else []
        self.is_behind = len(text) > FETCHED_BYTES // 2
        if self._service is None:
            self._offset = int(head[1])
            return lines
        stamped = [found for line in lines if (found := _STAMPED.fullmatch(line))]
        again = self._seen
        new = []
        for one in stamped:
            if one["stamp"] == self._stamp and again:
                again -= 1
            else:
                new.append((one["who"] or "") + one["text"])
        if stamped:
            self._stamp = stamped[-1]["stamp"]
            self._seen = sum(one["stamp"] == self._stamp for one in stamped)
        return new


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
