"""`geusemaker plan --html` as text; `tests/real/test_plan_page.py` opens it in a browser."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from geusemaker.plan.model import Access, Plan, Subnet
from geusemaker.plan.page import page
from geusemaker.plan.picture import words

from .hostile import BLOCKS, HOSTILE, poisoned
from .project import Project


class Structure(HTMLParser):
    """The tags and attributes of a page, and its text."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags = set[str]()
        self.attributes = set[str]()
        self.links = set[str]()
        self.shown = ""
        self.feed(content)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        self.links.update(value or "" for name, value in attrs if name in ("href", "src"))

    def handle_data(self, data: str) -> None:
        self.shown += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")


@pytest.mark.parametrize(
    "text", [HOSTILE, BLOCKS, '"', "'", "{{ 1 }}", "</style>", "</title>", "]]>"]
)
def test_no_text_of_a_plan_becomes_markup(plan: Plan, text: str) -> None:
    clean = Structure(page(plan))
    made = page(Plan.model_validate(poisoned(plan.model_dump(mode="json"), text)))
    found = Structure(made)
    assert found.tags == clean.tags
    assert found.attributes == clean.attributes
    assert found.links == clean.links
    assert "script" not in found.tags
    assert all(link.startswith("#") for link in found.links)
    assert not re.search("[\u202e\u2066\u2028\x1b]", made)
    if text == HOSTILE:
        assert "a\\|b | c | @octocat @org/team" in found.shown


def test_the_words_have_what_the_picture_leaves_out(plan: Plan) -> None:
    networks = [f"203.0.113.{n}/32" for n in range(9)]
    network = plan.network.model_copy(
        update={
            "access": tuple(Access(network=one, port=443, what="HTTPS") for one in networks),
            "subnets": tuple(
                Subnet(
                    name=f"subnet-{n}" * 9, zone=None, cidr=None, has_host=not n, has_mount=n < 2
                )
                for n in range(6)
            ),
            "domain": "a" * 200,
        }
    )
    large = plan.model_copy(update={"network": network})
    made = page(large)
    assert made.count("and 5 more") == 2, "in both layouts"
    picture, _, words_of_it = made.partition("</figure>")[0].partition("<figcaption>")
    for one in (*networks, *(one.name for one in network.subnets), "a" * 200):
        assert one in words_of_it
        assert f"{one}</text>" in picture or one not in networks[:4]
    assert picture.count("<title id=") == picture.count("<desc id=") == 2
    assert " ".join(words(large)) in picture


def test_the_picture_marks_what_changes(plan: Plan) -> None:
    made = page(plan)
    for mark, said in (("replace", "replaced"), ("update", "changed in place")):
        assert made.count(f'class="mark {mark} end">{said}</text>') == 2
    assert 'class="mark' not in page(plan.model_copy(update={"comparison": None}))


def test_an_unknown_cost_and_no_findings_are_said(plan: Plan) -> None:
    nothing = {"cost": None, "messages": (), "unchecked": (), "comparison": None, "failed": ()}
    made = page(plan.model_copy(update=nothing))
    assert '<dd id="cost-total">unknown</dd>' in made
    assert "<p>None.</p>" in made


def test_the_file_is_written_whole_next_to_the_other_form(project: Project) -> None:
    file = project.folder / "plan.html"
    file.write_text("before", encoding="utf-8")
    link = project.folder / "link.html"
    link.symlink_to(file)
    printed = project.run("--json", "--html", "link.html")
    assert Plan.model_validate_json(printed).stack == "dev"
    assert file.read_text(encoding="utf-8") == page(Plan.model_validate_json(printed))
    assert link.is_symlink()
    # One that fails leaves the file as it was, and nothing next to it.
    file.write_text("before", encoding="utf-8")
    before = sorted(project.folder.iterdir())
    project.patch.setattr(Path, "replace", _refuse)
    said = project.run("--html", "plan.html", code=1)
    assert "--html is plan.html, which cannot be written: no space. Name a file" in said
    project.patch.undo()
    assert sorted(project.folder.iterdir()) == before
    assert file.read_text(encoding="utf-8") == "before"


def _refuse(*_: object) -> None:
    raise OSError(28, "no space")


def test_a_file_that_cannot_be_is_refused_before_anything_is_planned(project: Project) -> None:
    (project.folder / "Pulumi.dev.yaml").write_text("{", encoding="utf-8")
    project.run("--html", "missing/plan.html", code=2)
    project.run("--html", str(project.folder), code=2)
    project.run("--html", "/dev/null", code=2)
