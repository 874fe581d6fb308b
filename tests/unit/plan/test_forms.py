"""The text, JSON, Markdown and HTML of one plan have the same facts, read back from each."""

import json
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from geusemaker.plan import text
from geusemaker.plan.markdown import markdown
from geusemaker.plan.model import Plan
from geusemaker.plan.page import page

VERBS = {
    "create": "created",
    "update": "changed in place",
    "replace": "replaced",
    "delete": "deleted",
}
KEY = re.compile(r"\w+:\w+")


@dataclass
class Facts:
    """What each form says."""

    host: str
    cost: str
    difference: str
    resources: int
    unchanged: int
    replaces_host: bool
    replaces_data: bool
    services: str
    parts: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    changes: dict[str, str] = field(default_factory=dict)
    properties: dict[str, list[str]] = field(default_factory=dict)
    config: dict[str, str] = field(default_factory=dict)


def counts(sentence: str) -> dict[str, int]:
    """The counts in "1 created, 2 changed in place"."""
    found = re.findall(rf"(\d+) ({'|'.join(VERBS.values())})", sentence)
    return {verb: int(count) for count, verb in found}


def of_json(printed: str) -> Facts:
    plan = json.loads(printed)
    compared, changes = plan["comparison"], plan["comparison"]["changes"]
    found = [VERBS[one["operation"]] for one in changes]
    return Facts(
        host=plan["host"]["instanceType"],
        cost=f"{plan['cost']['low']:.2f}",
        difference=f"{compared['costLow']:+.2f}",
        resources=len(plan["resources"]),
        unchanged=compared["unchanged"],
        replaces_host=compared["replacesHost"],
        replaces_data=compared["replacesData"],
        services=", ".join(compared["outages"][0]["services"]),
        parts={one["name"]: f"{one['low']:.2f}" for one in plan["cost"]["parts"]},
        counts={verb: found.count(verb) for verb in found},
        changes={one["name"]: VERBS[one["operation"]] for one in changes},
        properties={
            one["name"]: [of["path"] for of in one["properties"]]
            for one in changes
            if one["properties"]
        },
        config={one["key"]: one["value"] for one in plan["config"]},
    )


def of_text(printed: str, unchanged: int) -> Facts:
    """Of the text, which does not count what is unchanged."""

    def one(pattern: str) -> str:
        match = re.search(pattern, printed, re.MULTILINE)
        assert match, pattern
        return match[1]

    changes = re.findall(r"^  [+~±-] (\w+) +(\S+) \(\w+\)(?:: (.*))?$", printed, re.MULTILINE)
    config = re.search(r"^Config\n((?:  .*\n)+)", printed, re.MULTILINE)
    assert config
    keys = [line.split()[:2] for line in config[1].splitlines()]
    paths = {name: found.split(", ") for _, name, found in changes if found}
    return Facts(
        host=one(r"^Host\n  ([^:]+):"),
        cost=one(r"resources, about ([\d.]+) USD a month$"),
        difference=one(r"^  cost: (\S+) USD a month$"),
        resources=int(one(r"^Resources: (\d+)$")),
        unchanged=unchanged,
        replaces_host="The host is replaced." in printed,
        replaces_data="Data is replaced or deleted." in printed,
        services=one(r"^  unavailable: (.*) for at most"),
        parts={
            name: usd
            for usd, name in re.findall(
                r"^ +([\d.]+)  ([^:\n]+)(?::.*)?$", printed.partition("\nCost:")[2], re.MULTILINE
            )
        },
        counts=counts(one(r"^Against .*?: (.*)$")),
        changes={name: VERBS[operation] for operation, name, _ in changes},
        properties={
            name: [path.removesuffix(" (replaces)") for path in found]
            for name, found in paths.items()
        },
        config=dict(pair for pair in keys),
    )


class Cells(HTMLParser):
    """The text of each row, and that of each element with an id or of a list of changes."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.ids: dict[str, str] = {}
        self.open: list[tuple[str, str]] = []
        self.everything = ""
        self.feed(content)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("meta", "wbr"):
            return
        given = dict(attrs)
        self.open.append((tag, given.get("id") or ""))
        if tag == "tr" or (tag == "li" and "data-name" in given):
            self.rows.append([])
        elif tag in ("td", "th", "code", "b", "span", "small") and self.rows:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        self.everything += data
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data
        for _, id_ in self.open:
            if id_:
                self.ids[id_] = self.ids.get(id_, "") + data

    def cells(self, index: int) -> list[str]:
        return [one.strip() for one in self.rows[index] if one.strip()]


def of_markdown(printed: str) -> Facts:
    made = Cells(MarkdownIt("commonmark", {"html": True}).render(printed))
    rows = [made.cells(index) for index in range(len(made.rows))]
    facts = {row[0]: row for row in rows if len(row) > 1}
    summary = dict(re.findall(r"<tr><td>([^<]+)</td><td>(.*)</td></tr>", printed))
    cost = re.search(r"→ about ([\d.]+) USD \((\S+)\)", summary["Cost a month"])
    unchanged = re.search(r"(\d+) unchanged", summary["Changes"])
    total = re.search(r"Resources: (\d+)</summary>", printed)
    assert cost
    assert unchanged
    assert total
    changes, properties = dict[str, str](), dict[str, list[str]]()
    for row in re.findall(r"<tr><td>([^<]*)</td><td><code>([^<]+)</code>(.*)</td></tr>", printed):
        if row[0] in VERBS.values():
            changes[row[1]] = row[0]
        elif not row[0]:
            properties.setdefault(list(changes)[-1], []).append(row[1])
    return Facts(
        host=summary["Host"].partition(":")[0],
        cost=cost[1],
        difference=cost[2],
        resources=int(total[1]),
        unchanged=int(unchanged[1]),
        replaces_host="The host is replaced." in made.everything,
        replaces_data="Data is replaced or deleted." in made.everything,
        services=facts["Unavailable"][1].partition(" for")[0],
        parts={
            row[1]: row[0] for row in re.findall(r"<tr><td>([\d.]+)</td><td>([^<]+)</td>", printed)
        },
        counts=counts(summary["Changes"]),
        changes=changes,
        properties=properties,
        config={row[0]: row[1] for row in rows if len(row) > 2 and KEY.fullmatch(row[0])},
    )


def of_html(printed: str) -> Facts:
    made = Cells(printed)
    total = re.search(r"about ([\d.]+)", made.ids["cost-total"])
    difference = re.search(r"\((\S+)\)", made.ids["change-cost"])
    unchanged = re.search(r"(\d+) unchanged", made.ids["change-counts"])
    services = re.search(r"<dt>Unavailable</dt><dd>(.*) for at most", printed)
    assert total
    assert difference
    assert unchanged
    assert services
    changes, properties, parts, config = {}, {}, {}, {}
    for index in range(len(made.rows)):
        row = made.cells(index)
        if row[0] in VERBS.values():
            changes[row[1]] = row[0]
            properties[row[1]] = re.findall(r"<li><code>([^<]+)</code>", _part(printed, row[1]))
        elif re.fullmatch(r"[\d.]+", row[-1]) and not row[0].startswith("All parts"):
            parts[row[0]] = row[-1]
        elif KEY.fullmatch(row[0]):
            config[row[0]] = row[1]
    return Facts(
        host=made.ids["host-type"],
        cost=total[1],
        difference=difference[1],
        resources=int(made.ids["resource-count"]),
        unchanged=int(unchanged[1]),
        replaces_host="The host is replaced." in made.everything,
        replaces_data="Data is replaced or deleted." in made.everything,
        services=services[1],
        parts=parts,
        counts=counts(made.ids["change-counts"]),
        changes=changes,
        properties={name: found for name, found in properties.items() if found},
        config=config,
    )


def _part(printed: str, name: str) -> str:
    """The item of a change."""
    return printed.partition(f'<li data-name="{name}"')[2].partition('<li data-name="')[0]


def test_all_forms_agree(plan: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    expected = of_json(plan.json_text())
    # The facts themselves, so that not all forms can be wrong in the same way.
    assert expected.host == "m6i.xlarge"
    assert (expected.cost, expected.difference, expected.unchanged) == ("150.00", "-10.00", 53)
    assert sorted(expected.changes.values()) == sorted(VERBS.values())
    assert len(expected.parts) > 5
    text.show(plan)
    assert of_text(capsys.readouterr().out, expected.unchanged) == expected
    assert of_markdown(markdown(plan)) == expected
    assert of_html(page(plan)) == expected
