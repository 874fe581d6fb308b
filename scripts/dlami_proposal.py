"""Makes a new text of the table of images from AWS's answer. Pure: no clock, no network, no files.

It only adds: it removes no line, version or spelling, and only widens spans of days, because an
answer without an image does not prove that the image never existed. Names do not show when patches
end or what AWS warns of. Such values are estimated or left open, and are in `Proposal.checks`.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import tomlkit
from dlami_images import Build, Group, Image, Key, gather

from geusemaker.dlami import Catalogue
from geusemaker.dlami.catalogue import Line, numeric
from geusemaker.dlami.image import SMALLEST_ROOT_GIB
from geusemaker.dlami.rows import FRAMEWORKS
from geusemaker.dlami.selection import FRAMEWORK_LABELS
from geusemaker.toml_table import OLD_AFTER_DAYS

PATCHED_FOR: Final = timedelta(days=365)
"""How long AWS patches a framework version, counted from its own release (support policy FAQ)."""
QUIET_AFTER: Final = timedelta(days=60)
"""Time without a build after which a note names a patched line; AWS builds about weekly."""

_SOURCE: Final = ("images", "EC2 DescribeImages, owner amazon: names, days and root sizes")


@dataclass(frozen=True, slots=True)
class Proposal:
    """The new text, and remarks on it; each remark is one paragraph.

    Attributes:
        text: The whole file; equal to the old one if nothing changed.
        as_of: The day that it describes.
        changes: Differences from the old text.
        checks: What a person must check before it is committed.
        notes: Oddities of the answer, and why `as_of` stays if it does.
        unknown: Groups of no known line, the newest first.
        left_out: Count of images by the reason why the table leaves them out.
        ignored: Count of images by the reason why they are not used.
        known: Count of images of lines, old and new.
    """

    text: str
    as_of: date
    changes: tuple[str, ...]
    checks: tuple[str, ...]
    notes: tuple[str, ...]
    unknown: tuple[Group, ...]
    left_out: dict[str, int]
    ignored: dict[str, int]
    known: int


def propose(text: str, catalogue: Catalogue, images: Iterable[Image], read_on: date) -> Proposal:
    """The table with these images added.

    `catalogue` is the loaded `text`, `read_on` the day (UTC) of AWS's answer.
    """
    found = gather(catalogue, images, read_on)
    draft = _Draft(tomlkit.parse(text))
    draft.add_releases(found.builds)
    for line in catalogue.lines:
        if builds := found.builds.get(line.key):
            if line.form is None:
                (guess,) = found.guesses[line.key]
                draft.replace_never(line, guess, builds)
            else:
                draft.renew_line(line, builds)
    # By the new table: with the old one, a second run could decide differently.
    patched = {key: last for key, (end, last) in draft.spans().items() if read_on <= end}
    as_of, notes = _as_of(catalogue.as_of, read_on, patched, found.builds.keys())
    draft.renew_day(catalogue.as_of, as_of)
    draft.renew_statuses(as_of)
    return Proposal(
        text=tomlkit.dumps(draft.document),
        as_of=as_of,
        changes=tuple(draft.changes),
        checks=tuple(draft.checks),
        notes=(*found.notes, *notes),
        unknown=found.unknown,
        left_out=dict(found.left_out),
        ignored=dict(found.ignored),
        known=sum(map(len, found.builds.values())),
    )


def age_warning(as_of: date, today: date) -> str | None:
    """One paragraph if the table is too old on that day, else None."""
    days = (today - as_of).days
    if days <= OLD_AFTER_DAYS:
        return None
    return (
        f"The table of images describes AWS as of {as_of}, {days} days ago: newer framework "
        "versions and operating systems may be missing, and dates of patches may have moved. "
        "`python scripts/update_dlami.py` shows what AWS has now."
    )


def _as_of(
    old: date, read_on: date, patched: Mapping[Key, date | None], shown: Collection[Key]
) -> tuple[date, list[str]]:
    """The day that the table describes from now on, and notes.

    `patched` holds the lines that AWS patches on `read_on`, with the day of the newest image known.
    """
    absent = [" / ".join(key) for key in patched if key not in shown]
    quiet = [
        f"{' / '.join(key)} ({last})"
        for key, last in patched.items()
        if last is not None and last < read_on - QUIET_AFTER
    ]
    notes = []
    if quiet:
        notes.append(
            f"AWS still patches these lines, but built nothing for {QUIET_AFTER.days} days, by the "
            f"newest image known: {', '.join(quiet)}. Renamed? See the names of no known line."
        )
    if absent:
        notes.append(
            f"Of {len(patched)} lines that AWS still patches, the answer shows no image of "
            f"{len(absent)}: {', '.join(absent)}."
        )
    if read_on < old:
        notes.append(f"as_of stays {old}: the answer is older, of {read_on}.")
        return old, notes
    # Part of an answer must not make the table look fresh.
    if len(absent) * 2 > len(patched) or not shown:
        notes.append(f"as_of stays {old}: the answer shows less than half of what AWS patches.")
        return old, notes
    return read_on, notes


class _Draft:
    """The table during the change; comments and order are kept."""

    def __init__(self, document: tomlkit.TOMLDocument) -> None:
        self.document: Any = document
        self.changes: list[str] = []
        self.checks: list[str] = []

    def add_releases(self, builds: dict[Key, list[Build]]) -> None:
        """Framework versions and spellings that no [[release]] has."""
        seen: dict[tuple[str, str], list[Build]] = {}
        for (_, _, ami_type), members in builds.items():
            for build in members:
                if build.number is not None:
                    seen.setdefault((ami_type, build.number), []).append(build)
        for framework, number in sorted(seen, key=lambda x: (x[0], numeric(x[1]))):
            members = seen[framework, number]
            spelled = sorted({b.spelled for b in members if b.spelled}, key=numeric)
            for table in self.document["release"]:
                if (table["framework"], table["version"]) == (framework, number):
                    self._add_spellings(table, number, spelled)
                    break
            else:
                self._add_release(framework, number, spelled, min(b.day for b in members))

    def _add_spellings(self, table: Any, number: str, spelled: list[str]) -> None:
        old = list(table.get("spelled", [number]))
        new = [*old, *(x for x in spelled if x not in old)]
        if new == old:
            return
        if "spelled" in table:
            for spelling in new[len(old) :]:
                table["spelled"].append(spelling)
        else:
            self._insert_field("release", table, "version", f"spelled = {_texts(new)}")
        self.changes.append(
            f"{FRAMEWORK_LABELS[table['framework']]} {number}: spelled {', '.join(new)} in names, "
            f"was {', '.join(old)}"
        )

    def _add_release(self, framework: str, number: str, spelled: list[str], first: date) -> None:
        until = first + PATCHED_FOR
        fields = [f'framework = "{framework}"', f'version = "{number}"']
        if spelled != [number]:
            fields.append(f"spelled = {_texts(spelled)}")
        fields += [
            f"# An estimate: {PATCHED_FOR.days} days after the first image seen.",
            f"patched_until = {until}",
            'source = "age-rule"',
        ]
        tables = self.document["release"]
        same = [i for i, table in enumerate(tables) if table["framework"] == framework]
        lower = [i for i in same if numeric(tables[i]["version"]) < numeric(number)]
        at = lower[-1] + 1 if lower else same[0] if same else len(tables)
        _insert_table(tables, at, fields)
        label = f"{FRAMEWORK_LABELS[framework]} {number}"
        self.changes.append(f"{label}: a new [[release]], patched until {until} (ESTIMATE)")
        self.checks.append(
            f"{label}: `patched_until = {until}` is an ESTIMATE, {PATCHED_FOR.days} days after the "
            f"first image seen ({first}). AWS counts from the framework's own release, which is "
            "earlier. Put AWS's date from the support policy page there, with source "
            '"policy", and remove the comment.'
        )

    def renew_line(self, line: Line, builds: list[Build]) -> None:
        """Days, framework versions and root size of a line that has images in the table."""
        where, table = str(line), self._table_of(line.key)
        if line.ami_type in FRAMEWORKS:
            for number in sorted({b.number for b in builds if b.number}, key=numeric):
                days = [b.day for b in builds if b.number == number]
                self._renew_version(where, table["versions"], number, days)
        else:
            days = [b.day for b in builds]
            if change := _widened(table.get("seen"), days):
                self.changes.append(f"{where}: {_seen_text(change, table.get('seen'))}")
                if "seen" in table:
                    table["seen"] = _value(_span(change))
                else:
                    self._insert_field("line", table, "form", f"seen = {_span(change)}")
        size = _root_gib(builds)
        # An answer without the newest builds must not reset the size.
        newest = max(b.day for b in builds)
        last = max((v.last_seen for v in line.versions if v.last_seen), default=newest)
        if size is not None and newest >= last and size != table["min_root_gib"]:
            table = self._table_of(line.key)
            self.changes.append(f"{where}: min_root_gib {size}, was {table['min_root_gib']}")
            table["min_root_gib"] = size

    def _renew_version(self, where: str, entries: Any, number: str, days: list[date]) -> None:
        for at, entry in enumerate(entries):
            if entry["version"] == number:
                if change := _widened(entry.get("seen"), days):
                    self.changes.append(
                        f"{where}, {number}: {_seen_text(change, entry.get('seen'))}"
                    )
                    if "seen" in entry:
                        entry["seen"] = _value(_span(change))
                    else:
                        fields = entry.as_string().strip().removesuffix("}").rstrip()
                        entries[at] = _value(f"{fields}, seen = {_span(change)} }}")
                return
        span = (min(days), max(days))
        self.changes.append(f"{where}: version {number} is new, {_seen_text(span, None)}")
        later = [i for i, e in enumerate(entries) if numeric(e["version"]) > numeric(number)]
        if later:
            entries.insert(later[0], _value(_entry(number, span)))
        else:
            entries.add_line(_value(_entry(number, span)), indent="  ")

    def replace_never(self, line: Line, guess: Line, builds: list[Build]) -> None:
        """Replaces a line that was recorded as never made: images of the guessed form exist."""
        where = str(line)
        key, page = _SOURCE
        sources = self.document["source"]
        if not any(source["key"] == key for source in sources):
            _insert_table(sources, len(sources), [f'key = "{key}"', f'page = "{page}"'])
        fields = [f'os = "{line.os_type}"', f'architecture = "{line.architecture}"']
        fields += [f'type = "{line.ami_type}"', 'status = "current"', f'form = "{guess.form}"']
        if line.ami_type in FRAMEWORKS:
            fields.append("versions = [")
            for number in sorted({b.number for b in builds if b.number}, key=numeric):
                days = [b.day for b in builds if b.number == number]
                fields.append(f"  {_entry(number, (min(days), max(days)))},")
            fields.append("]")
        else:
            days = [b.day for b in builds]
            fields.append(f"seen = {_span((min(days), max(days)))}")
        fields.append(f'driver = "{guess.driver}"')
        fields.append(f"min_root_gib = {_root_gib(builds) or SMALLEST_ROOT_GIB}")
        fields.append(f'source = "{key}"')
        table = self._table_of(line.key)
        self._rewrite("line", table, "\n".join(fields) + "\n" + _split(table.as_string())[1])
        self.changes.append(
            f"{where}: AWS has images now, {len(builds)} in the answer; the table said never "
            f"({line.reason})"
        )
        self.checks.append(
            f"{where}: a new line with the form of its siblings, `{guess.form}`. Look up its "
            "instance families, driver and root size in AWS's release notes."
        )

    def spans(self) -> dict[Key, tuple[date, date | None]]:
        """Last day of patches, and of the newest image known, of each line that has images."""
        plain = self.document.unwrap()
        systems = {system["name"]: system["patched_until"] for system in plain["os"]}
        releases = {(r["framework"], r["version"]): r["patched_until"] for r in plain["release"]}
        found: dict[Key, tuple[date, date | None]] = {}
        for line in plain["line"]:
            if line["status"] != "never":
                versions = line.get("versions", [])
                ends = [releases[line["type"], version["version"]] for version in versions]
                seen = [part["seen"][1] for part in (line, *versions) if "seen" in part]
                found[line["os"], line["architecture"], line["type"]] = (
                    min(systems[line["os"]], max(ends, default=date.max)),
                    max(seen, default=None),
                )
        return found

    def renew_day(self, old: date, new: date) -> None:
        """The day that the table describes."""
        if new == old:
            return
        self.document["as_of"] = _value(str(new))
        self.changes.insert(0, f"as_of: {new}, was {old}")
        self.checks.insert(
            0,
            "Names of images show neither the last days of patches nor AWS's warnings: "
            "compare every `patched_until` and `advisory` with AWS's support policy page.",
        )

    def renew_statuses(self, as_of: date) -> None:
        """Sets current and ended by the table's day: the loader refuses anything else."""
        for key, (end, _) in self.spans().items():
            table = self._table_of(key)
            status = "current" if as_of <= end else "ended"
            if status != table["status"]:
                self.changes.append(f"{' / '.join(key)}: status {status}, was {table['status']}")
                table["status"] = status

    def _table_of(self, key: Key) -> Any:
        for table in self.document["line"]:
            if (table["os"], table["architecture"], table["type"]) == key:
                return table
        raise KeyError(" / ".join(key))

    def _insert_field(self, array: str, table: Any, after: str, text: str) -> None:
        body = re.sub(
            rf"^{after}\s*=.*\n", lambda m: f"{m[0]}{text}\n", table.as_string(), flags=re.M
        )
        self._rewrite(array, table, body)

    def _rewrite(self, array: str, table: Any, body: str) -> None:
        tables = self.document[array]
        at = next(i for i, other in enumerate(tables) if other is table)
        tables[at] = _table(body, table)


def _widened(old: Sequence[date] | None, days: Sequence[date]) -> tuple[date, date] | None:
    """The span with the days added; None if it does not change."""
    new = min([*(old or ()), *days]), max([*(old or ()), *days])
    return None if old is not None and new == tuple(old) else new


def _seen_text(new: tuple[date, date], old: Sequence[date] | None) -> str:
    was = f", was {old[0]} to {old[1]}" if old else ""
    return f"seen {new[0]} to {new[1]}{was}"


def _root_gib(builds: Iterable[Build]) -> int | None:
    """GiB of the newest build, of several on one day of the highest version; None if unknown."""
    newest = max(builds, key=lambda b: (b.day, numeric(b.number or "0"), b.root_gib or 0))
    return newest.root_gib


def _span(days: tuple[date, date]) -> str:
    return f"[{days[0]}, {days[1]}]"


def _texts(values: Iterable[str]) -> str:
    return "[" + ", ".join(f'"{value}"' for value in values) + "]"


def _entry(number: str, days: tuple[date, date]) -> str:
    return f'{{ version = "{number}", seen = {_span(days)} }}'


def _value(text: str) -> Any:
    """A TOML value with exactly this text."""
    return tomlkit.parse(f"x = {text}\n")["x"]


def _table(body: str, old: Any = None) -> Any:
    """A table of an array with exactly this text, and the header comment of `old`."""
    tables: Any = tomlkit.parse(f"[[x]]\n{body}")["x"]
    if old is not None:
        tables[0].trivia.comment_ws = old.trivia.comment_ws
        tables[0].trivia.comment = old.trivia.comment
    return tables[0]


def _split(body: str) -> tuple[str, str]:
    """The fields of a table, and what follows them: an empty line, the next section's heading."""
    match = re.search(r"(?m)(^[ \t]*(#.*)?(\n|\Z))*\Z", body)
    at = match.start() if match else len(body)
    return body[:at], body[at:]


def _insert_table(tables: Any, at: int, fields: Iterable[str]) -> None:
    """Inserts a table; the heading of the next section stays after the last one."""
    tail = "\n"
    if at:
        head, tail = _split(tables[at - 1].as_string())
        tables[at - 1] = _table(f"{head}\n", tables[at - 1])
    tables.insert(at, _table("\n".join(fields) + "\n" + tail))
