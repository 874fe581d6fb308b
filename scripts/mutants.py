"""The changes that mutmut's operators make in a module: mutants, for `mutation.py`."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider
from mutmut.mutation.mutators import mutation_operators

# A change in these breaks every import, or nothing at run time.
UNTOUCHED: Final = (cst.Annotation, cst.Decorator, cst.Import, cst.ImportFrom)


@dataclass(frozen=True)
class Mutant:
    """One change. `place` is the function or class around it; `nth` counts equal changes there."""

    path: str
    place: str
    before: str
    after: str
    nth: int
    first: int = field(compare=False)
    last: int = field(compare=False)

    @property
    def change(self) -> tuple[str, str, str, int]:
        return self.place, self.before, self.after, self.nth


class _Finder(cst.CSTVisitor):
    """Every change that mutmut's operators make in one module."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, path: str, module: cst.Module) -> None:
        super().__init__()
        self.path, self.module = path, module
        self.found: dict[Mutant, tuple[cst.CSTNode, cst.CSTNode]] = {}
        self._places: list[str] = []
        self._statement: CodeRange | None = None
        self._seen: Counter[tuple[str, str, str]] = Counter()

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, UNTOUCHED):
            return False
        if isinstance(node, cst.ClassDef | cst.FunctionDef):
            self._places.append(node.name.value)
        if isinstance(node, cst.SimpleStatementLine):
            self._statement = self.get_metadata(PositionProvider, node)
        for kind, operator in mutation_operators:
            if isinstance(node, kind):
                for replacement in operator(node):
                    self._add(node, replacement)
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if isinstance(original_node, cst.ClassDef | cst.FunctionDef):
            self._places.pop()
        if isinstance(original_node, cst.SimpleStatementLine):
            self._statement = None

    def _add(self, node: cst.CSTNode, replacement: cst.CSTNode) -> None:
        code = self.module.code_for_node
        place, before, after = ".".join(self._places), code(node).strip(), code(replacement).strip()
        lines = self._statement or self.get_metadata(PositionProvider, node)
        nth = self._seen[place, before, after]
        self._seen[place, before, after] += 1
        mutant = Mutant(self.path, place, before, after, nth, lines.start.line, lines.end.line)
        self.found[mutant] = (node, replacement)


def mutants_of(root: Path, files: Iterable[Path]) -> dict[Mutant, Callable[[], str]]:
    """All mutants of the files, in their order, each with a function that makes its source.

    Paths of mutants are relative to `root`.
    """
    found: dict[Mutant, Callable[[], str]] = {}
    for file in files:
        wrapper = MetadataWrapper(cst.parse_module(file.read_text(encoding="utf-8")))
        finder = _Finder(str(file.relative_to(root)), wrapper.module)
        wrapper.visit(finder)
        for mutant, (node, replacement) in finder.found.items():
            found[mutant] = partial(_changed, wrapper.module, node, replacement)
    return found


def _changed(module: cst.Module, node: cst.CSTNode, replacement: cst.CSTNode) -> str:
    return cst.ensure_type(module.deep_replace(node, replacement), cst.Module).code
