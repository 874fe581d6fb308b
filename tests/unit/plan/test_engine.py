"""The steps of the engine's preview, from its events."""

import subprocess
import sys
from typing import Any

from geusemaker.plan.engine import ran_of
from geusemaker.plan.ran import Ran
from pulumi_moto.state import Change, State
from pulumi_moto.wire import UNKNOWN

HOST, VOLUME, STASH = "aws:ec2/instance:Instance", "aws:ebs/volume:Volume", "pulumi:index:Stash"
NOT_KNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}
SECRET |= {"ciphertext": "[secret]"}


def urn(type_: str, name: str) -> str:
    return f"urn:pulumi:dev::geusemaker::{type_}::{name}"


def event(
    op: str,
    type_: str,
    name: str,
    old: dict[str, Any] | None = None,
    new: dict[str, Any] | None = None,
    diff: dict[str, str] | None = None,
    **more: Any,
) -> dict[str, Any]:
    def state(inputs: dict[str, Any] | None) -> dict[str, Any] | None:
        if inputs is None:
            return None
        both = {"inputs": inputs, "outputs": {**inputs, "arn": NOT_KNOWN}}
        return {"urn": urn(type_, name), "type": type_, "id": "x", "parent": "p", **both, **more}

    detailed = {path: {"diffKind": kind} for path, kind in (diff or {}).items()}
    step = {"op": op, "urn": urn(type_, name), "type": type_, "old": state(old), "new": state(new)}
    return {"resOutputsEvent": {"metadata": {**step, "detailedDiff": detailed or None}}}


def of(*events: dict[str, Any]) -> tuple[Ran, State]:
    host = event(
        "same", HOST, "host", {"instanceType": "m6i.xlarge"}, {"instanceType": "m6i.xlarge"}
    )
    return ran_of([*events, host], lambda name: {"InstanceType": name})


def test_a_replacement_is_one_step_with_what_it_creates_and_its_reason() -> None:
    old, new = {"ami": "a", "instanceType": "m6i.large"}, {"ami": "b", "instanceType": "m7i.large"}
    diff = {"ami": "update-replace", "tags.x": "add"}
    ran, state = ran_of(
        [
            event("create-replacement", HOST, "host", old, new, diff),
            event("replace", HOST, "host", old, new, diff),
            event("delete-replaced", HOST, "host", old),
        ],
        lambda name: {"InstanceType": name},
    )
    (step,) = ran.steps
    assert (step.operation, step.before, step.inputs) == ("replace", old, new)
    assert step.changes == (Change("ami", "update", True), Change("tags.x", "add", False))
    assert step.outputs["arn"] is UNKNOWN
    assert state.resources[step.urn].inputs == old
    assert ran.instance == {"InstanceType": "m7i.large"}


def test_one_that_is_deleted_first_is_the_same() -> None:
    """As the volume's attachment: its old one must end before the new one can be made."""
    ran, _ = of(
        event("delete-replaced", VOLUME, "v", {"size": 1}),
        event("replace", VOLUME, "v", {"size": 1}, {"size": 2}),
        event(
            "create-replacement", VOLUME, "v", {"size": 1}, {"size": 2}, {"size": "update-replace"}
        ),
    )
    step = next(one for one in ran.steps if one.name == "v")
    assert (step.operation, step.inputs) == ("replace", {"size": 2})
    assert step.changes == (Change("size", "update", True),)


def test_deletions_are_last_and_creations_have_no_state() -> None:
    ran, state = of(
        event("delete", VOLUME, "gone", {"size": 1}, protect=True),
        event("create", VOLUME, "new", None, {"size": 2}),
    )
    assert [(one.operation, one.name) for one in ran.steps] == [
        ("create", "new"),
        ("same", "host"),
        ("delete", "gone"),
    ]
    assert ran.steps[-1].protect
    assert {one.name for one in state.resources.values()} == {"gone", "host"}


def test_secrets_are_known_as_such_and_never_shown() -> None:
    ran, _ = of(
        event("update", STASH, "s", {"input": SECRET}, {"input": SECRET}, {"input": "update"})
    )
    step = next(one for one in ran.steps if one.name == "s")
    assert step.secrets == {"input"}
    assert "[secret]" not in repr(step)


def test_messages_are_those_of_the_program_and_the_stack_itself_is_no_step() -> None:
    ran, _ = of(
        event("update", "pulumi:pulumi:Stack", "dev", {}, {}),
        event("same", "pulumi:providers:aws", "default", {}, {}),
        {"diagnosticEvent": {"severity": "debug", "message": "registering"}},
        {"diagnosticEvent": {"severity": "info#err", "message": "on stderr\n"}},
        {"diagnosticEvent": {"severity": "warning", "message": "old\n"}},
        {"diagnosticEvent": {"severity": "info", "message": "a moment", "ephemeral": True}},
        {"summaryEvent": {}},
    )
    assert ran.messages == (("info", "on stderr"), ("warning", "old"))
    assert [one.name for one in ran.steps] == ["host"]


def test_a_preview_needs_no_simulated_account() -> None:
    """Its packages are an extra, which a user of AWS alone does not install."""
    missing = "sys.modules.update(moto=None, flask=None)"
    script = f"import sys; {missing}; import geusemaker.cli.preview"
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
