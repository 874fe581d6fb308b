"""`geusemaker plan --markdown`: what GitHub makes of it, also where a config tries to break it."""

from html.parser import HTMLParser
from typing import Final

import pytest
from markdown_it import MarkdownIt

from geusemaker.plan.markdown import LIMIT, markdown
from geusemaker.plan.model import FileDiff, Plan

from .hostile import BLOCKS, HOSTILE, poisoned
from .project import Project

TAGS: Final = {
    *("h3", "table", "tr", "td", "code", "b", "details", "summary", "pre", "p", "strong"),
}


class Page(HTMLParser):
    """What a browser shows: the tags, the text outside of code, and that inside."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str | None]] = set()
        self.plain, self.code = "", ""
        self.open: list[str] = []
        made = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
        self.feed(made.render(text))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(attrs)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, "a tag ends that is not the last one"

    def handle_data(self, data: str) -> None:
        if "code" in self.open:
            self.code += data
        else:
            self.plain += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")


def test_the_summary_fits_a_screen_and_the_rest_is_folded(plan: Plan) -> None:
    made = markdown(plan)
    summary, _, rest = made.partition("\n<details>")
    assert summary.count("\n") < 20
    assert "**The host is replaced. No data is replaced or deleted.**" in summary
    for row in (
        "1 replaced, 1 deleted, 53 unchanged, against <code>origin/main</code>",
        "Pulumi refuses to delete what is protected: <code>geusemaker-compute-host</code>",
        "<code>host</code> for at most 1 min: it boots",
        "160.00 → about 150.00 USD (-10.00)",
        "Run <code>x</code>.",
        "true: <code>replaces-host</code>",
    ):
        assert row in summary, summary
    for row in (
        "<code>ami</code>: <code>ami-1</code> → <code>ami-2</code> <b>replaces</b>",
        "<summary>Change of <code>compose.yaml</code></summary>\n\n```diff\n--- a\n+++ b\n",
        "<td>not checked</td><td>The key.</td>",
        "<td>not compared</td><td>The boot script.</td>",
        "<td><code>geusemaker:protectData</code></td><td><code>false</code></td><td>stack</td>",
    ):
        assert row in rest, rest
    assert rest.count("<details>") + 1 == made.count("</details>") == 6


@pytest.mark.parametrize("text", [HOSTILE, BLOCKS, "|", "\\", "`", "\n\n", "<", "@a", "& "])
def test_no_text_of_a_plan_becomes_markup_or_a_mention(plan: Plan, text: str) -> None:
    page = Page(markdown(Plan.model_validate(poisoned(plan.model_dump(mode="json"), text))))
    assert page.tags <= TAGS, page.tags - TAGS
    assert page.attributes <= {("class", "language-diff")}
    assert page.open == []
    # Outside of code GitHub looks for mentions, issues and addresses.
    for linked in ("@", "#1", "#2", "GH-1", "://", "www.", ":tada:", "\u202e", "\x1b"):
        assert linked not in page.plain, page.plain
    if text == HOSTILE:
        # It is shown as it is, but for the characters that nobody can see.
        assert "a\\|b | c | @octocat @org/team" in page.code
        assert "&lt;b&gt; <!-- \\u202e\\u2066 \\x1b[31m" in page.code


@pytest.mark.parametrize("line", ["+" + "x" * 99, "+" + "\U0001f600" * 99, "+" + "`" * 99])
def test_what_exceeds_the_limit_of_a_comment_is_cut_and_counted(plan: Plan, line: str) -> None:
    assert plan.comparison
    files = [FileDiff(path=f"file{n}", diff="\n".join([line] * 700)) for n in range(3)]
    compared = plan.comparison.model_copy(update={"files": tuple(files)})
    made = markdown(plan.model_copy(update={"comparison": compared}))
    assert 0.9 * LIMIT < len(made.encode("utf-16-le")) / 2 <= LIMIT
    kept = made.count(line)
    assert f"**Cut:** {2100 - kept:,} more lines do not fit into 65,000 characters." in made
    page = Page(made)
    assert page.open == []
    assert page.code.count(line) == kept > 0
    assert made.endswith("`geusemaker plan` prints all of them.\n")


def test_the_command_prints_markdown_or_json_not_both(project: Project) -> None:
    printed = project.run("--markdown")
    assert printed.startswith("<h3>Plan of <code>dev</code> in <code>us-east-1</code></h3>\n")
    assert "<td>reached by Session Manager only: no port is open</td>" in printed
    assert printed.endswith("</details>\n")
    project.run("--markdown", "--json", code=2)
