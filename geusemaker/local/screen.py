"""What `local up` prints: the four steps, then the summary of the stack."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TextIO

from geusemaker import terminal

HEADER = "SIMULATED AWS on this machine: no account, no cost, your logins are not read"
STEPS = 4
DETAIL_AT = 26
"""The column of a step's detail."""
_NOTE = " " * 8


def step_line(number: int, label: str, detail: str, took: str) -> str:
    return f"  [{number}/{STEPS}] {label:<17} {detail:<42} {took}".rstrip()


def seconds(spent: float) -> str:
    if spent < 60:
        return f"{spent:.1f} s"
    return f"{int(spent) // 60} min {int(spent) % 60:02} s"


class Step:
    """A running step; its line is written when it ends."""

    def __init__(self) -> None:
        self.detail = ""
        self.took: str | None = None


class Screen:
    """Writes steps to one stream; a terminal also shows the running step."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._open = ""

    def line(self, text: str = "", *, hang: int = 0) -> None:
        """A line; on a terminal wrapped, and indented by `hang` from the second line on."""
        width = terminal.columns(self._out)
        lines = [text] if width is None else terminal.wrapped(text[hang:], width, text[:hang])
        self._clear()
        self._out.write("".join(f"{line}\n" for line in lines))
        self._reopen()

    def note(self, text: str) -> None:
        """Writes an indented message between the steps."""
        self.line(f"{_NOTE}{text}", hang=len(_NOTE))

    @contextmanager
    def step(self, number: int, label: str) -> Iterator[Step]:
        step = Step()
        began = time.monotonic()
        self._open = f"  [{number}/{STEPS}] {label} ..."
        self._reopen()
        try:
            yield step
        except KeyboardInterrupt:
            self._close()
            self._end(number, label, step.detail, "stopped", "warning")
            raise
        except BaseException:
            self._close()
            self._end(number, label, step.detail, "failed", "failed")
            raise
        took = step.took if step.took is not None else seconds(time.monotonic() - began)
        self._close()
        self._end(number, label, step.detail, took, "ok")

    def _end(self, number: int, label: str, detail: str, took: str, state: terminal.State) -> None:
        text = step_line(number, label, detail, terminal.mark(state, took, stream=self._out))
        self.line(text, hang=DETAIL_AT)

    def _close(self) -> None:
        self._clear()
        self._open = ""

    def _clear(self) -> None:
        if self._open and self._out.isatty():
            self._out.write("\r\x1b[K")

    def _reopen(self) -> None:
        if self._open and self._out.isatty():
            self._out.write(self._open)
        self._out.flush()


def summary(topics: Mapping[str, Sequence[str]], other_os: str) -> list[str]:
    """The lines below the steps: the stack by topic, then the next commands."""
    lines: list[str] = []
    for title, texts in topics.items():
        lines += _block(title, texts)
    lines += _block(
        "Limits",
        ["resources are simulated and no server runs, so you cannot open n8n"],
    )
    lines.append("")
    lines += _block(
        "Next",
        [
            "make shell   `pulumi preview`, `up` and `destroy` in this account",
            "make down    remove everything, check that the account is empty",
            "real AWS     docs/your-own-account.md",
        ],
    )
    lines += _block(
        "Change",
        [f"in make shell: `pulumi config set geusemaker:osType {other_os} && pulumi preview`"],
    )
    return lines + _block("Files", [".geusemaker/ (state, logs; ignored by git)"])


def _block(title: str, texts: Sequence[str]) -> list[str]:
    return [f"{title if n == 0 else '':<9}{text}".rstrip() for n, text in enumerate(texts)]
