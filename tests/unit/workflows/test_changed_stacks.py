"""Which stacks a change concerns."""

import sys

import pytest

from .reader import ROOT

sys.path.insert(0, str(ROOT / "scripts"))

import changed_stacks

FILES = ["Pulumi.yaml", "Pulumi.dev.yaml", "Pulumi.prod.yaml", "__main__.py", "geusemaker"]
ALL = ["dev", "prod"]


@pytest.mark.parametrize(
    ("changed", "concerned"),
    [
        (["Pulumi.dev.yaml"], ["dev"]),
        (["Pulumi.prod.yaml", "docs/plan.md"], ["prod"]),
        (["README.md", "docs/plan.md", "tests/unit/test_today.py", "bench/report.py"], []),
        (["examples/Pulumi.gpu.yaml", ".github/workflows/ci.yml", "requirements-dev.lock"], []),
        (["geusemaker/dlami/catalogue.toml"], ALL),
        (["geusemaker/cli/README.md"], ALL),
        (["__main__.py"], ALL),
        (["Pulumi.yaml"], ALL),
        (["requirements.lock"], ALL),
        (["requirements-local.lock"], ALL),
        (["pulumi_moto/steps.py"], ALL),
        (["a_new_module.py"], ALL),
        ([".github/workflows/preview.yml"], ALL),
        (["Pulumi.gone.yaml"], []),
        ([], []),
    ],
)
def test_a_change_concerns_these_stacks(changed: list[str], concerned: list[str]) -> None:
    assert changed_stacks.stacks_of(changed, FILES) == concerned


@pytest.mark.parametrize(
    ("only", "concerned"),
    [
        ("prod", ["prod"]),
        ("acme/geusemaker/prod", ["acme/geusemaker/prod"]),
        ("prod, dev", ["prod", "dev"]),
        ("staging", []),
        (" ", ALL),
    ],
)
def test_the_variable_limits_the_stacks(only: str, concerned: list[str]) -> None:
    assert changed_stacks.stacks_of(["__main__.py"], FILES, only) == concerned
    own = [f"Pulumi.{name}.yaml" for name in ALL]
    assert changed_stacks.stacks_of(own, FILES, only) == concerned


def test_a_file_that_is_not_named_as_a_stack_is_none() -> None:
    files = [*FILES, "Pulumi.$(id).yaml", "Pulumi.a b.yaml", "Pulumi.x\ny.yaml"]
    assert changed_stacks.stacks_of(["Pulumi.x\ny.yaml"], files) == ALL
