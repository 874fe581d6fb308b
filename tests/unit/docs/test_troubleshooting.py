"""Each message that the troubleshooting page quotes is one that the program can print.

A reader finds a row by the words of a message. A quote that is no longer printed is found by none.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from geusemaker.host.screen import STEPS

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "troubleshooting.md"

VALUE = "…"
"""What a quote has where a message has a value."""

_ROW = re.compile(r"^\|(.+)\|$", re.MULTILINE)
_CODE = re.compile(r"`([^`]+)`")
_STEP_FAILED = "## A step failed"
# In the first column, but typed or set by the user, or shown by a browser.
NOT_A_MESSAGE = {"[setup]", ".venv", "make", "pulumi destroy", "https://localhost:8443"}


def quotes(page: str) -> Iterator[str]:
    """The quoted beginnings of messages: code in the first column, of steps in the second."""
    for section in re.split(r"^(?=## )", page, flags=re.MULTILINE):
        column = 1 if section.startswith(_STEP_FAILED) else 0
        for row in _ROW.findall(section):
            for quote in _CODE.findall(row.split(" | ")[column]):
                if quote not in NOT_A_MESSAGE:
                    yield quote


def texts_of(source: str) -> Iterator[str]:
    """Each text of a Python module but docstrings, with `VALUE` for what is put in."""
    tree = ast.parse(source)
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if id(node) in docstrings:
            continue
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else VALUE for part in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@cache
def printed() -> tuple[str, ...]:
    """What the program, the host's programs and the scripts may print."""
    found: list[str] = []
    for folder in ("geusemaker", "scripts"):
        for file in sorted((ROOT / folder).rglob("*")):
            if file.suffix == ".py":
                found += texts_of(file.read_text(encoding="utf-8"))
            elif file.suffix in (".sh", ".j2"):
                lines = file.read_text(encoding="utf-8").splitlines()
                found += [line for line in lines if not line.lstrip().startswith("#")]
    return tuple(found)


def is_printed(quote: str, texts: tuple[str, ...]) -> bool:
    pattern = re.compile(".{0,80}?".join(map(re.escape, quote.split(VALUE))))
    return any(pattern.search(text) for text in texts)


QUOTES = sorted(set(quotes(PAGE.read_text(encoding="utf-8"))))


def test_the_page_quotes_messages_of_every_kind() -> None:
    assert len(QUOTES) > 60


@pytest.mark.parametrize("quote", QUOTES)
def test_every_quoted_message_is_one_that_the_program_prints(quote: str) -> None:
    assert is_printed(quote, printed()), f"docs/troubleshooting.md quotes {quote!r}: not printed"


def test_every_step_of_the_host_has_a_row() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = page[page.index(_STEP_FAILED) :].partition("\n## ")[0]
    assert set(re.findall(r"^\| ([a-z]+) \|", rows, re.MULTILINE)) == set(STEPS)


def test_a_quote_of_what_is_not_printed_is_noticed() -> None:
    page = "## One\n\n| Message | Why |\n| --- | --- |\n| `is … enough` or `gone` | `not this` |\n"
    texts = tuple(texts_of('"""gone"""\nprint(f"it is {x} " "enough")'))
    assert [(quote, is_printed(quote, texts)) for quote in quotes(page)] == [
        ("is … enough", True),
        ("gone", False),
    ]
