"""The stack files in `examples/`, planned as a user does who copies one."""

import re
import shlex
import shutil

import pytest

from .project import ROOT, Project

EXAMPLES = sorted(path.stem for path in (ROOT / "examples").glob("*.yaml"))


def steps_of(text: str) -> list[str]:
    """The commands in the comment at the top, without the remarks behind them."""
    lines = [line.removeprefix("#   ") for line in text.splitlines() if line.startswith("#   ")]
    return [step.strip() for line in lines for step in line.partition("  #")[0].split("&&")]


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_a_stack_that_works(project: Project, name: str) -> None:
    file = ROOT / "examples" / f"{name}.yaml"
    steps = steps_of(file.read_text(encoding="utf-8"))
    assert steps[:2] == [
        f"cp examples/{name}.yaml Pulumi.prod.yaml",
        "geusemaker plan --stack prod",
    ]
    assert "pulumi stack init prod" in steps
    assert steps[-1] == "geusemaker deploy --stack prod"
    shutil.copy(file, project.folder / shlex.split(steps[0])[2])
    plan = project.plan(*shlex.split(steps[1])[2:])
    # Warnings name what will not work, or costs more than the example's budget.
    assert [one.text for one in plan.messages if one.level == "warning"] == []
    assert {one.fit for one in plan.models} <= {"gpu" if plan.host.gpus else "memory"}
    assert bool(plan.unchecked) == (name in ("adopted-network", "domain"))
    assert plan.image.is_patched


def test_each_kind_of_stack_has_an_example_that_the_page_names() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert EXAMPLES == ["adopted-network", "cpu", "domain", "gpu"]
    assert sorted(set(re.findall(r"\.\./examples/([a-z-]+)\.yaml", page))) == EXAMPLES
