"""Reads a TOML file of tables into a pydantic model; errors name the file, the line and the field.

`tomllib` returns no line numbers. Maintainers edit these files by hand, so errors need them.
"""

import re
import tomllib
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationError

from geusemaker.errors import GeuseMakerError

Text = Annotated[str, Field(min_length=1)]
Day = Annotated[date, Strict()]
"""A date without quotes and without a time: a time would make days depend on a time zone."""

OLD_AFTER_DAYS: Final = 90
"""Age from which commands report that a table of images is old."""

_M = TypeVar("_M", bound=BaseModel)
_T = TypeVar("_T")
_FIX = "The table ships with GeuseMaker: correct it, or restore the file with `git checkout`."


class Row(BaseModel):
    """One table. Refuses unknown fields: a misspelt optional field must not pass as absent."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def read_toml(
    path: Path, model: type[_M], build: Callable[[_M], _T], error: type[GeuseMakerError]
) -> _T:
    """What `build` makes of the file's content. Raises `error` for the first fault.

    `build` raises `ValueError` for a fault between tables, which has no line: its message names the
    value.
    """
    try:
        text = path.read_text(encoding="utf-8")
        content = tomllib.loads(text)
    except (OSError, ValueError) as fault:
        # The message of `tomllib` ends with "(at line 7, column 3)".
        raise error(f"{path} cannot be read: {fault}. {_FIX}") from fault
    try:
        return build(model.model_validate(content))
    except ValidationError as invalid:
        first = invalid.errors()[0]
        where = f"{path.name}, line {_line(text, first['loc'])}, field `{_name(first['loc'])}`"
        why = first["msg"].removeprefix("Value error, ")
        raise error(f"{where}: {why}. {_FIX}") from invalid
    except ValueError as fault:
        raise error(f"{path.name}: {fault}. {_FIX}") from fault


def _line(text: str, place: Sequence[str | int]) -> int:
    """The number of the field's line; of its table's header, if the field is not in the table."""
    lines = text.splitlines()
    start, field = 0, place[0]
    if len(place) > 1:
        header = re.compile(rf"\s*\[\[\s*{place[0]}\s*\]\]")
        headers = [n for n, line in enumerate(lines, 1) if header.match(line)]
        if int(place[1]) >= len(headers):
            return 1  # written as an inline array
        start, field = headers[int(place[1])], place[2] if len(place) > 2 else ""
    for number, line in enumerate(lines[start:], start + 1):
        if line.lstrip().startswith("["):
            break
        if re.match(rf"\s*{field}\s*=", line):
            return number
    return start or 1


def _name(place: Sequence[str | int]) -> str:
    """`versions[0].seen` of the place ("line", 3, "versions", 0, "seen")."""
    inside = place[2:] or place[:1]
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in inside)[1:]
