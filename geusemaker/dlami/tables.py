"""Reads a TOML file of tables; every error names file, line and field.

`tomllib` returns no line numbers. The catalogue is edited by hand, so its errors need them: this
module finds the lines with a scan of the text and returns `Record`s whose readers check types.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from geusemaker.errors import CatalogueError

_HEADER = re.compile(r"\s*\[\[?\s*([A-Za-z0-9_-]+)\s*\]")
_FIELD = re.compile(r"\s*([A-Za-z0-9_-]+)\s*=")


@dataclass
class Record:
    """One table, or one inline table, of the file.

    Reading a field marks it as known; `refuse_the_rest` then refuses the unread fields. All readers
    raise `CatalogueError`.
    """

    file: str
    line: int
    values: Mapping[str, Any]
    lines: Mapping[str, int] = field(default_factory=dict)
    prefix: str = ""
    _read: set[str] = field(default_factory=set)

    def error(self, name: str, why: str) -> CatalogueError:
        """An error that points at the field, or at the table's header if it has no such field."""
        where = self.lines.get(name, self.line)
        return CatalogueError(
            f"{self.file}, line {where}, field `{self.prefix}{name}`: {why}. The table ships with "
            "GeuseMaker: correct the line, or restore the file from the package."
        )

    def has(self, name: str) -> bool:
        """Whether the file has the field."""
        return name in self.values

    def text(self, name: str) -> str:
        """A text that is not empty."""
        value = self._get(name)
        if not isinstance(value, str) or not value.strip():
            raise self.error(name, f"{value!r} must be a text that is not empty")
        return value

    def one_of(self, name: str, allowed: Iterable[str]) -> str:
        """A text out of `allowed`."""
        value, known = self.text(name), list(allowed)
        if value not in known:
            raise self.error(name, f"{value!r} is unknown; known are {', '.join(known)}")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of at least one text, none twice."""
        value = self._get(name)
        if (
            not isinstance(value, list)
            or not value
            or not all(isinstance(item, str) and item.strip() for item in value)
        ):
            raise self.error(name, f"{value!r} must be a list of at least one text")
        if len(set(value)) != len(value):
            raise self.error(name, f"{value!r} has an entry twice")
        return tuple(value)

    def positive(self, name: str) -> int:
        """A whole number above zero."""
        value = self._get(name)
        # bool is an int in Python; `true` GiB is not a size.
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise self.error(name, f"{value!r} must be a whole number above 0")
        return value

    def day(self, name: str) -> date:
        """A date without a time."""
        return self._as_day(name, self._get(name))

    def span(self, name: str) -> tuple[date, date]:
        """Two dates, the first not after the second."""
        value = self._get(name)
        if not isinstance(value, list) or len(value) != 2:
            raise self.error(name, f"{value!r} must be a list of two dates")
        first, last = (self._as_day(name, item) for item in value)
        if first > last:
            raise self.error(name, f"{first} is after {last}")
        return first, last

    def records(self, name: str) -> "tuple[Record, ...]":
        """A list of at least one inline table."""
        value = self._get(name)
        if (
            not isinstance(value, list)
            or not value
            or not all(isinstance(item, dict) for item in value)
        ):
            raise self.error(name, "must be a list of at least one inline table")
        line = self.lines.get(name, self.line)
        return tuple(
            Record(self.file, line, item, prefix=f"{self.prefix}{name}[{index}].")
            for index, item in enumerate(value)
        )

    def refuse_the_rest(self) -> None:
        """Refuse unread fields: a misspelt name must not pass as an absent field."""
        for name in self.values:
            if name not in self._read:
                raise self.error(name, "is not a field of this table")

    def _get(self, name: str) -> Any:
        self._read.add(name)
        if name not in self.values:
            raise self.error(name, "is missing")
        return self.values[name]

    def _as_day(self, name: str, value: Any) -> date:
        # datetime is a date in Python; a point in time would make days depend on a time zone.
        if isinstance(value, datetime) or not isinstance(value, date):
            raise self.error(name, f"{value!r} must be a date such as 2026-10-10, without quotes")
        return value


@dataclass(frozen=True)
class Document:
    """The top of the file and its arrays of tables, in the file's order."""

    top: Record
    arrays: Mapping[str, tuple[Record, ...]]


def read_document(path: Path, arrays: Iterable[str]) -> Document:
    """Read a TOML file made of top-level fields and of the arrays of tables named in `arrays`.

    Raises:
        CatalogueError: The file cannot be read, is not TOML, or lacks one of the arrays.
    """
    name = path.name
    try:
        text = path.read_text(encoding="utf-8")
        content = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        # tomllib's own message ends with "(at line 7, column 3)".
        raise CatalogueError(f"{path}: the table of images cannot be read: {error}") from error

    headers, fields = _find_lines(text)
    found: dict[str, tuple[Record, ...]] = {}
    for array in arrays:
        tables = content.pop(array, None)
        lines = headers.get(array, [])
        if not isinstance(tables, list) or len(tables) != len(lines):
            raise CatalogueError(
                f"{name}, line {lines[0] if lines else 1}, field `{array}`: must be written as one "
                f"or more [[{array}]] tables, each with its header on a line of its own."
            )
        found[array] = tuple(
            Record(name, line, table, fields[line])
            for table, line in zip(tables, lines, strict=True)
        )
    return Document(Record(name, 1, content, fields[0]), found)


def _find_lines(text: str) -> tuple[dict[str, list[int]], dict[int, dict[str, int]]]:
    """Line numbers of all headers by name, and of the fields by the line of their header."""
    headers: dict[str, list[int]] = {}
    fields: dict[int, dict[str, int]] = {0: {}}
    current = 0
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            current = number
            headers.setdefault(header[1], []).append(number)
            fields[number] = {}
        elif found := _FIELD.match(line):
            fields[current].setdefault(found[1], number)
    return headers, fields
