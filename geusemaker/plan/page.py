"""A plan as one HTML page, which needs nothing else: no script, no font, no request. Pure."""

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Final

import jinja2
from markupsafe import Markup, escape

from geusemaker.host.durations import in_words
from geusemaker.plan import picture, text
from geusemaker.plan.model import Cost, Plan

_BACKTICKED: Final = re.compile(r"`([^`]+)`")
_SIGNS: Final = {"+": "add", "-": "delete", "@": "place"}


def page(plan: Plan) -> str:
    """The whole page."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("geusemaker.plan"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=True,
        finalize=_shown,
    )
    environment.filters |= {"prose": _prose, "in_words": in_words, "runs": _runs}
    return environment.get_template("page.html.j2").render(
        plan=plan,
        compared=plan.comparison,
        text=text,
        verdict=text.verdict(plan.comparison) if plan.comparison else [],
        # The SVG writer has escaped all text in it.
        picture=Markup(picture.pictures(plan)),  # noqa: S704
        words=picture.words(plan),
        shares=_shares(plan.cost),
    )


def _shown(value: object) -> object:
    """What the template prints; `Markup` is of a class of its own."""
    return text.visible(value, keep="\t\n") if type(value) is str else value


def _prose(sentence: str) -> Markup:
    """A sentence with what is between backticks as code."""
    found, at, sentence = Markup(), 0, text.visible(sentence)
    for match in _BACKTICKED.finditer(sentence):
        found += escape(sentence[at : match.start()])
        found += Markup("<code>{}</code>").format(match[1])
        at = match.end()
    return found + escape(sentence[at:])


def _shares(cost: Cost | None) -> list[float]:
    """Each part as a percentage of the largest one."""
    highest = max((part.high or 0 for part in cost.parts), default=0) if cost else 0
    return [
        round(100 * (part.high or 0) / highest, 1) if highest else 0
        for part in (cost.parts if cost else ())
    ]


def _runs(diff: str) -> Iterator[tuple[str, str]]:
    """The lines of a diff, joined where they have the same sign."""
    lines = diff.split("\n")
    # Of the two lines with the names of the files, the summary has what matters.
    named = 2 if lines[0].startswith("--- ") else 0
    for sign, run in groupby(lines[named:], key=lambda line: _SIGNS.get(line[:1], "same")):
        yield sign, "\n".join(run)
