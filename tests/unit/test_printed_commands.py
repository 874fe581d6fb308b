"""Commands that messages print can be run as they stand: no gap in them, and none unknown."""

import ast
import re
from pathlib import Path

import pytest
import typer.main

from geusemaker.cli.main import app

PACKAGE = Path(__file__).resolve().parents[2] / "geusemaker"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "simulator" not in path.parts)
_COMMAND = re.compile(r"`((?:pulumi|geusemaker|aws|make|git|export|unset)\b[^`]*)`")
VALUE = "VALUE"
"""Stands for what an f-string fills in."""


def texts(source: str) -> list[str]:
    """The string literals of a module, joined as the program joins them, without docstrings."""
    tree = ast.parse(source)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    found, inner = [], set[int]()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = []
            for part in node.values:
                inner.add(id(part))
                parts.append(str(part.value) if isinstance(part, ast.Constant) else VALUE)
            found.append("".join(parts))
        elif isinstance(node, ast.Constant) and id(node) not in docstrings | inner:
            found.append(str(node.value))
    return found


def commands(source: str) -> list[str]:
    return [command for text in texts(source) for command in _COMMAND.findall(text)]


def alone(source: str) -> list[str]:
    """Commands that are a literal of their own, as those of a line `Next` are."""
    whole = re.compile(r"geusemaker(?: [a-z-]+)+")
    return [text for text in texts(source) if whole.fullmatch(text)]


def is_known(command: str) -> bool:
    """Whether the words of a `geusemaker` command lead to one, and its options are its own."""
    words = command.split()[1:]
    found: object = typer.main.get_command(app)
    while words and (known := getattr(found, "commands", None)) is not None:
        if words[0] not in known:
            return False
        found = known[words.pop(0)]
    options = {name for one in getattr(found, "params", []) for name in one.opts}
    if words[:1] == ["--"]:
        return True
    return all(word in options for word in words if word.startswith("--"))


def test_the_reader_finds_joined_and_filled_in_texts() -> None:
    source = (
        'def f(x):\n    "`make no`"\n    return "`pulumi " "up`" + f"`aws {x} a`" + "`git b`"\n'
    )
    assert sorted(commands(source)) == ["aws VALUE a", "git b", "pulumi up"]
    assert alone('["geusemaker logs", "geusemaker is a word", "`geusemaker up`"]') == [
        "geusemaker logs",
        "geusemaker is a word",
    ]
    assert is_known("geusemaker ami list --json")
    assert not is_known("geusemaker ami list --jsno")
    assert not is_known("geusemaker ami lsit")


@pytest.mark.parametrize("module", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_printed_command_has_a_gap_or_is_none(module: Path) -> None:
    found = commands(module.read_text(encoding="utf-8"))
    assert [command for command in found if "..." in command or "…" in command] == []
    ours = [command for command in found if command.startswith("geusemaker ")]
    ours += alone(module.read_text(encoding="utf-8"))
    assert [command for command in ours if not is_known(command)] == []


def test_there_is_something_to_look_at() -> None:
    every = [one for module in MODULES for one in commands(module.read_text(encoding="utf-8"))]
    assert len(every) > 60
