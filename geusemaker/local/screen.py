"""What `local up` prints: the five steps, then the summary of the stack."""

import sys
import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

HEADER = (
    "SIMULATED AWS on this machine: no account, no cost; your AWS and Pulumi logins are not read"
)
STEPS = 5
_INDENT = " " * 9
_WIDTH = 96


def step_line(number: int, label: str, detail: str, took: str) -> str:
    return f"  [{number}/{STEPS}] {label:<19} {detail:<46} {took}".rstrip()


def seconds(spent: float) -> str:
    if spent < 60:
        return f"{spent:.1f} s"
    return f"{int(spent) // 60} min {int(spent) % 60:02} s"


class Step:
    """A step while it runs; its line is written when it ends."""

    def __init__(self) -> None:
        self.detail = ""
        self.took: str | None = None


class Screen:
    """Writes steps to one stream; on a terminal, shows the step that runs."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._open = ""

    def line(self, text: str = "") -> None:
        self._clear()
        self._out.write(f"{text}\n")
        self._reopen()

    def note(self, text: str) -> None:
        """A message between the steps, indented under them."""
        for part in textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False):
            self.line(f"        {part}")

    @contextmanager
    def step(self, number: int, label: str) -> Iterator[Step]:
        step = Step()
        began = time.monotonic()
        self._open = f"  [{number}/{STEPS}] {label} ..."
        self._reopen()
        try:
            yield step
        except BaseException:
            self._close()
            self.line(step_line(number, label, step.detail, "failed"))
            raise
        took = step.took if step.took is not None else seconds(time.monotonic() - began)
        self._close()
        self.line(step_line(number, label, step.detail, took))

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


def summary(outputs: Mapping[str, Any]) -> list[str]:
    """The block under the steps, from the stack's outputs."""
    told = outputs.get("summary")
    told = told if isinstance(told, Mapping) else {}
    lines: list[str] = []
    for title, plain in (
        ("Image", _image(outputs)),
        ("Host", _host(outputs)),
        ("Network", _network(outputs)),
        ("Data", _data(outputs)),
    ):
        lines += _block(title, _lines(told.get(title.lower())) or plain)
    lines += _block(
        "Limits",
        ["resources are simulated, the boot script did not run: no n8n behind this url"],
    )
    other = "ubuntu-22.04" if outputs.get("osType") == "ubuntu-24.04" else "ubuntu-24.04"
    lines.append("")
    lines += _block(
        "Next",
        [
            "make shell   plain `pulumi preview`, `up`, `destroy` against this account",
            "make down    remove everything, prove the account empty",
            'real AWS     README, "On your own account"',
        ],
    )
    lines += _block(
        "Change",
        [f"in make shell: pulumi config set geusemaker:osType {other} && pulumi preview"],
    )
    return lines + _block("Files", [".geusemaker/ (state, logs; ignored by git)"])


def _block(title: str, texts: Sequence[str]) -> list[str]:
    return [f"{title if n == 0 else '':<9}{text}".rstrip() for n, text in enumerate(texts)]


def _lines(told: object) -> list[str]:
    if isinstance(told, str):
        return [told]
    return [str(line) for line in told] if isinstance(told, Sequence) else []


def _image(outputs: Mapping[str, Any]) -> list[str]:
    name, ami, wish = outputs.get("amiName"), outputs.get("amiId"), outputs.get("osType")
    second = "; for ".join(str(part) for part in (ami, wish) if part)
    return [str(line) for line in (name, second) if line]


def _host(outputs: Mapping[str, Any]) -> list[str]:
    parts = [outputs.get(key) for key in ("instanceType", "instanceId", "publicIp")]
    return [", ".join(str(part) for part in parts if part)] if any(parts) else []


def _network(outputs: Mapping[str, Any]) -> list[str]:
    subnets = outputs.get("subnetIds")
    count = f"{len(subnets)} subnets" if isinstance(subnets, list) else None
    parts = [part for part in (outputs.get("vpcId"), count) if part]
    return [", ".join(str(part) for part in parts)] if parts else []


def _data(outputs: Mapping[str, Any]) -> list[str]:
    volume, files = outputs.get("dataVolumeId"), outputs.get("fileSystemId")
    parts = [f"{kind} {made}" for kind, made in (("EBS", volume), ("EFS", files)) if made]
    return [", ".join(parts)] if parts else []
