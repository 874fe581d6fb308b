"""Text on a terminal: wrapped at its width, with colours, signs and progress.

Text that goes to a file or a pipe is left as it is, one paragraph on one line.
"""

import os
import re
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, Literal, TextIO

State = Literal["ok", "warning", "failed", "unknown"]

WIDEST: Final = 100
"""Columns. Longer lines are hard to read."""

_LOOKS: Final[Mapping[State, tuple[str, str]]] = {
    "ok": ("✓", "32"),
    "warning": ("!", "33"),
    "failed": ("✗", "31"),
    "unknown": ("?", "36"),
}
_STYLE: Final = re.compile(r"\x1b\[[0-9;]*m")
# A command between backticks is one word, with the punctuation around it.
_WORD: Final = re.compile(r"(?:`[^`]+`|\S)+")
_COMMAND: Final = re.compile(r"`([^`]+)`[.,;:]?")
_CLEAR: Final = "\r\x1b[K"


def columns(stream: TextIO) -> int | None:
    """The width to wrap at; None where the stream is not a terminal."""
    return min(shutil.get_terminal_size().columns, WIDEST) if stream.isatty() else None


def wrapped(text: str, width: int, head: str = "", *, whole: bool = False) -> list[str]:
    """The lines of a paragraph that begins with `head` and is indented by its width.

    No word and no backticked command is broken. One that is too long gets a line of its own,
    without indentation and backticks. With `whole` the text is one command, or several with bars
    between them.
    """
    if length(head + text) <= width:
        return [f"{head}{text}"]
    words = re.split(r" (?=\| )", text) if whole else _WORD.findall(text)
    indent = " " * length(head)
    lines, line, is_empty = [], head, True
    for word in words:
        longer = f"{line}{word}" if is_empty else f"{line} {word}"
        if length(longer) <= width:
            line, is_empty = longer, False
            continue
        if line.strip():
            lines.append(line.rstrip())
        if length(indent + word) <= width:
            line, is_empty = f"{indent}{word}", False
        else:
            alone = _COMMAND.fullmatch(word)
            lines.append(alone[1] if alone else word)
            line, is_empty = indent, True
    return [*lines, line] if line.strip() else lines


def length(text: str) -> int:
    """Columns of the text, without its colours."""
    return len(_STYLE.sub("", text))


def is_interactive() -> bool:
    """Whether a person reads stdout and can answer on stdin."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def mark(state: State, text: str = "", *, stream: TextIO | None = None) -> str:
    """The text with the sign and colour of a state; unchanged where `stream` has no colours.

    The stream is stdout unless another is given.
    """
    stream = stream or sys.stdout
    if not stream.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    sign, colour = _LOOKS[state]
    try:
        sign.encode(stream.encoding or "ascii")
    except UnicodeError:
        sign = {"ok": "+", "failed": "x"}.get(state, sign)
    return f"\x1b[{colour}m{sign} {text}\x1b[0m"


def paragraph(text: str = "", head: str = "", *, whole: bool = False, err: bool = False) -> None:
    """Prints a paragraph, as `wrapped` lays it out on a terminal."""
    stream = sys.stderr if err else sys.stdout
    width = columns(stream)
    with _Progress.hidden():
        for line in text.split("\n"):
            lines = [f"{head}{line}"] if width is None else wrapped(line, width, head, whole=whole)
            print("\n".join(lines), file=stream, flush=True)


def table(rows: Sequence[tuple[str, str, str]]) -> None:
    """Prints rows of name, value and source, each on a line of its own where it fits."""
    names = max(len(name) for name, _, _ in rows)
    values = min(max(len(value) for _, value, _ in rows), 60)
    width = columns(sys.stdout)
    if width is not None:
        sources = max(len(source) for _, _, source in rows)
        values = max(1, min(values, width - names - sources - 6))
    for name, value, source in rows:
        head = f"  {name:<{names}}  "
        line = f"{head}{value:<{values}}  {source}"
        if width is None or len(line) <= width:
            print(line)
        else:
            paragraph(f"{value} ({source})", head)


class _Progress:
    """The line that shows what a command waits for, and since when."""

    current: "_Progress | None" = None
    lock = threading.RLock()

    def __init__(self, text: str) -> None:
        self._text = text
        self._began = time.monotonic()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> None:
        _Progress.current = self
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        with self.hidden():
            _Progress.current = None

    def _tick(self) -> None:
        while not self._ended.wait(1.0):
            self.show()

    def show(self) -> None:
        """Writes the line, over what it was a second before."""
        with self.lock:
            spent = int(time.monotonic() - self._began)
            sys.stderr.write(f"{_CLEAR}{self._text} ... {spent} s")
            sys.stderr.flush()

    @classmethod
    @contextmanager
    def hidden(cls) -> Iterator[None]:
        """Clears the line while other text is printed; the next second shows it again."""
        with cls.lock:
            if cls.current is not None:
                sys.stderr.write(_CLEAR)
                sys.stderr.flush()
            yield


@contextmanager
def working(text: str) -> Iterator[None]:
    """Shows on a terminal what is waited for, and for how many seconds."""
    if not sys.stderr.isatty() or _Progress.current is not None:
        yield
        return
    with _Progress(text):
        yield
