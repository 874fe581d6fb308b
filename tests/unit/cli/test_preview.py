"""`geusemaker preview`: Pulumi's lines, the summary, its forms and its exit codes."""

import json
from typing import Any

import pytest

from .world import World

HOST = "aws:ec2/instance:Instance"
URN = f"urn:pulumi:dev::geusemaker::{HOST}::geusemaker-compute-host"
LINES = ["Previewing update (dev):", " ++ aws:ec2:Instance geusemaker-compute-host"]


def events(*steps: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"resOutputsEvent": {"metadata": one}} for one in steps]


def host(image: str) -> dict[str, Any]:
    return {"urn": URN, "type": HOST, "inputs": {"instanceType": "m6i.xlarge", "ami": image}}


REPLACED = {
    "op": "create-replacement",
    "urn": URN,
    "type": HOST,
    "old": host("ami-1"),
    "new": host("ami-2"),
    "detailedDiff": {"ami": {"diffKind": "update-replace"}},
}


@pytest.fixture
def previewed(world: World) -> World:
    """A stack whose host would be replaced."""
    world.config("# mine")
    world.answers(preview_lines=LINES, events=events(REPLACED))
    return world


def test_pulumis_lines_come_first_and_the_summary_last(previewed: World) -> None:
    before = previewed.file.read_bytes()
    said = previewed.run("preview", "--os-type", "ubuntu-24.04").out
    assert said.startswith("us-east-1, account 123456789012, stack dev\n" + "\n".join(LINES))
    _, summary = said.split(LINES[-1])
    assert "Against the deployed stack: 1 replaced" in summary
    assert "The host is replaced." in summary
    assert "geusemaker-compute-host (Instance): ami (replaces)" in summary
    assert "unavailable: host for at most " in summary
    assert "geusemaker:osType: ubuntu-24.04" in previewed.previewed()
    assert previewed.file.read_bytes() == before, "nothing is written"
    assert not previewed.deployed()
    (call,) = (one for one in previewed.clone.calls() if one["args"][0] == "preview")
    assert "GEUSEMAKER_PREVIEWED" not in call["env"], "the program makes its remarks"


@pytest.mark.parametrize("form", ["--json", "--markdown"])
def test_in_another_form_stdout_has_the_plan_alone(previewed: World, form: str) -> None:
    said = previewed.run("preview", form)
    assert LINES[-1] in said.err
    if form == "--json":
        plan = json.loads(said.out)
        assert plan["comparison"]["against"] == {"kind": "stack", "name": "the deployed stack"}
        assert plan["comparison"]["replacesHost"] is True
    else:
        assert "host" in said.out.lower()
        assert LINES[-1] not in said.out
    previewed.run("preview", "--json", "--markdown", code=2)


def test_a_condition_that_is_true_has_an_exit_code_of_its_own(previewed: World) -> None:
    said = previewed.run("preview", "--fail-on", "replaces-data,replaces-host", code=3).out
    assert said.endswith("--fail-on replaces-host: true\n")
    previewed.run("preview", "--fail-on", "replaces-data")


def test_a_preview_that_fails_is_one_paragraph_with_the_users_flags(previewed: World) -> None:
    why = "The value is wrong: `pulumi config set geusemaker:amiType pytorch`.\n"
    log = [{"diagnosticEvent": {"severity": "error", "message": f"error: {why}"}}]
    previewed.answers(preview_lines=["error: it is wrong"], preview_code=255, events=log)
    said = previewed.run("preview", "--ami-type", "tensorflow", code=1)
    assert "error: it is wrong\n" in said.out, "Pulumi's own lines are shown"
    assert said.err == "The value is wrong: `geusemaker preview --ami-type pytorch`.\n"
