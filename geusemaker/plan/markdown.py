"""A plan as Markdown for a comment on a pull request, or for the summary of a job. Pure.

Text from a config or a program is in HTML blocks, which contain no Markdown, or in code fences. So
it cannot add markup, links or mentions.
"""

import html
import re
from collections.abc import Iterable, Sequence
from typing import Final

from geusemaker.host.durations import in_words
from geusemaker.plan import text
from geusemaker.plan.model import Change, Comparison, Cost, Plan, PropertyChange

LIMIT: Final = 65_000
"""Characters. GitHub accepts 65,536 in a comment; a workflow may add a line of its own."""

_LONGEST: Final = 300
"""Characters of a text in the summary, which must fit a screen."""
_MOST: Final = 5
"""Entries of a list in the summary."""
_BACKTICKED: Final = re.compile(r"`([^`]+)`")
# Outside of code GitHub makes links of people, issues and addresses, and pictures of :names:.
_LINKED: Final = re.compile(r"\S*(?:[@#]|://|www\.|GH-|:[a-z0-9_+-]+:)\S*", re.IGNORECASE)

Row = tuple[str, ...]


def markdown(plan: Plan) -> str:
    """The plan: a summary, and folded parts, the last of them cut at `LIMIT`."""
    compared = plan.comparison
    parts = [_summary(plan)]
    if compared and compared.changes:
        rows = [row for one in compared.changes for row in _change(one)]
        parts.append(_folded(f"Changes: {len(compared.changes)}", rows))
    if plan.cost:
        parts.append(_folded(f"Cost: {text.about(plan.cost)} USD a month", _cost(plan.cost)))
    if notes := list(_notes(plan)):
        parts.append(_folded(f"Notes: {len(notes)}", notes))
    config = [(_code(one.key), _code(one.value), _text(one.source)) for one in plan.config]
    parts.append(_folded(f"Config: {len(config)} keys", config))
    tree = [(_code(head.strip().rstrip(":")), _text(kinds)) for head, kinds in text.tree(plan)]
    parts.append(_folded(f"Resources: {len(plan.resources)}", tree))
    for file in compared.files if compared else ():
        parts.append(_diff(file.path, file.diff))
    return _joined(parts)


class _Part:
    """A part of the page. Its lines may be cut at the end; `before` and `after` stay."""

    def __init__(self, before: str, lines: Sequence[str] = (), after: str = "") -> None:
        self.before, self.lines, self.after = before, lines, after

    def within(self, room: int) -> tuple[str, int]:
        """As much as fits, and how many lines are left out. Empty if no line fits."""
        room -= _length(self.before) + _length(self.after)
        kept = []
        for line in self.lines:
            room -= _length(line) + 1
            if room < 0:
                break
            kept.append(f"{line}\n")
        if self.lines and not kept:
            return "", len(self.lines)
        return f"{self.before}{''.join(kept)}{self.after}", len(self.lines) - len(kept)


def _joined(parts: Iterable[_Part]) -> str:
    reserve = 200  # for the line that says what is left out
    room, found, cut = LIMIT - reserve, [], 0
    for part in parts:
        shown_part, left_out = part.within(room)
        room -= _length(shown_part)
        found.append(shown_part)
        cut += left_out
    if cut:
        found.append(
            f"\n**Cut:** {cut:,} more lines do not fit into {LIMIT:,} characters. "
            "`geusemaker plan` prints all of them.\n"
        )
    return "".join(found)


def _length(shown_text: str) -> int:
    """Characters as JavaScript counts them, which is never less than others do."""
    return len(shown_text.encode("utf-16-le")) // 2


def _summary(plan: Plan) -> _Part:
    rows = list(_facts(plan))
    head = f"<h3>Plan of {_code(_cut(plan.stack))} in {_code(plan.network.region)}</h3>\n\n"
    return _Part(f"{head}{_verdict(plan.comparison)}<table>\n{_rows(rows)}</table>\n")


def _verdict(compared: Comparison | None) -> str:
    sentences = [sentence for _, sentence in text.verdict(compared)] if compared else []
    return f"**{' '.join(sentences)}**\n\n" if sentences else ""


def _facts(plan: Plan) -> Iterable[Row]:
    if compared := plan.comparison:
        would = f"{text.would(compared.changes)}, {compared.unchanged} unchanged"
        yield "Changes", f"{would}, against {_code(_cut(compared.against.name))}"
        if compared.refused:
            yield (
                "Refused",
                f"Pulumi refuses to delete what is protected: {_names(compared.refused)}",
            )
        for outage in compared.outages:
            limit = f" for at most {in_words(outage.seconds)}" if outage.seconds else ""
            yield "Unavailable", f"{_names(outage.services)}{limit}: {_text(_cut(outage.why))}"
        for sentence in compared.workers:
            yield "Change of workers", _text(_cut(sentence))
    else:
        yield "Resources", f"{len(plan.resources)}"
    yield "Cost a month", text.monthly(plan)
    yield "Host", _text(_cut(text.host(plan)))
    if plan.workers:
        yield "Workers", _text(_cut(text.workers(plan.workers)))
    yield "Access", "; ".join(_text(_cut(one)) for one in text.access_lines(plan)[:_MOST])
    yield "Image", f"{_code(_cut(plan.image.name))}. {_text(_cut(text.patched(plan)))}"
    for message in [one for one in plan.messages if one.level == "warning"][:_MOST]:
        yield "Warning", _text(_cut(message.text))
    if plan.failed:
        yield "--fail-on", f"true: {_names(plan.failed)}"


def _names(names: Sequence[str]) -> str:
    found = [_code(_cut(one)) for one in names[:_MOST]]
    more = [f"{len(names) - _MOST} more"] if len(names) > _MOST else []
    return ", ".join(found + more)


def _change(change: Change) -> Iterable[Row]:
    kind = change.type.rpartition(":")[2]
    held = f" ({change.holds})" if change.holds else ""
    yield text.verb(change.operation), f"{_code(change.name)} {_code(kind)}{held}"
    for one in change.properties:
        replaces = " <b>replaces</b>" if one.replaces and change.operation == "replace" else ""
        yield "", f"{_code(one.path)}{_values(one)}{replaces}"


def _values(one: PropertyChange) -> str:
    if one.before is None and one.after is None:
        return ""
    before, after = (
        "" if value is None else f" {_code(value)}" for value in (one.before, one.after)
    )
    return f":{before} →{after}"


def _cost(cost: Cost) -> Iterable[Row]:
    for part in cost.parts:
        yield text.usd(part.low, part.high), _text(part.name), _text(part.what)
    yield text.usd(cost.low, cost.high), f"<b>all known parts, {cost.hours:g} hours a month</b>", ""
    for note in cost.notes:
        yield "", _text(note), ""


def _notes(plan: Plan) -> Iterable[Row]:
    for message in plan.messages:
        yield "warning" if message.level == "warning" else "note", _text(message.text)
    for sentence in plan.unchecked:
        yield "not checked", _text(sentence)
    for note in plan.comparison.notes if plan.comparison else ():
        yield "not compared", _text(note)


def _folded(title: str, rows: Iterable[Row]) -> _Part:
    before = f"\n<details><summary>{_text(title)}</summary>\n<table>\n"
    return _Part(before, [_row(row) for row in rows], "</table>\n</details>\n")


def _diff(path: str, diff: str) -> _Part:
    lines = [text.visible(line) for line in diff.split("\n")]
    # A fence ends at a line with as many backticks as it began with.
    longest = max(len(run) for run in re.findall("`*", diff))
    fence = "`" * max(3, longest + 1)
    before = f"\n<details><summary>Change of {_code(path)}</summary>\n\n{fence}diff\n"
    return _Part(before, lines, f"{fence}\n\n</details>\n")


def _rows(rows: Iterable[Row]) -> str:
    return "".join(f"{_row(row)}\n" for row in rows)


def _row(row: Row) -> str:
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>"


def _text(sentence: str) -> str:
    """A sentence as HTML: what is between backticks, and what GitHub would link, as code."""
    found, at = [], 0
    for match in _BACKTICKED.finditer(sentence):
        found += [_plain(sentence[at : match.start()]), _code(match[1])]
        at = match.end()
    return "".join([*found, _plain(sentence[at:])])


def _plain(sentence: str) -> str:
    found, at = [], 0
    for match in _LINKED.finditer(sentence):
        found += [html.escape(text.visible(sentence[at : match.start()])), _code(match[0])]
        at = match.end()
    return "".join([*found, html.escape(text.visible(sentence[at:]))])


def _code(value: str) -> str:
    """A value as it is. An HTML block ends at an empty line, so it gets no line breaks."""
    return f"<code>{html.escape(text.visible(value))}</code>" if value else ""


def _cut(value: str) -> str:
    return value if len(value) <= _LONGEST else f"{value[:_LONGEST]}…"
