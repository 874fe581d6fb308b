"""Steps of a program against a state, for each of the engine's options. The expectations are what
the engine does; tests/engine/test_plan_agrees.py compares both for whole stacks."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

import pulumi
import pulumi_aws as aws
import pytest
from pulumi import ResourceOptions

from pulumi_moto.hooks import HookError
from pulumi_moto.images import Image, publish
from pulumi_moto.mocks import simulated_account
from pulumi_moto.state import State, Step
from pulumi_moto.steps import StepMonitor

Program = Callable[[], object]
PARAMETER = "aws:ssm/parameter:Parameter"


def run(program: Program, state: State | None = None) -> tuple[dict[str, Step], State]:
    """The steps by name, and the state of a run that makes everything."""
    with simulated_account() as mocks:
        monitor = StepMonitor(mocks, state or State(), make=state is None)
        pulumi.runtime.set_mocks(
            mocks, project="p", stack="s", preview=state is not None, monitor=monitor
        )
        cast("Any", pulumi.runtime.test)(program)()
        return {step.name: step for step in monitor.steps()}, monitor.state()


def after(before: Program, now: Program) -> dict[str, str]:
    """What a change of the program does, by name."""
    steps, _ = run(now, run(before)[1])
    return {name: step.operation for name, step in steps.items() if step.operation != "same"}


def vpc(block: str = "10.0.0.0/16", name: str = "net", **options: Any) -> aws.ec2.Vpc:
    return aws.ec2.Vpc(name, cidr_block=block, opts=ResourceOptions(**options))


def parameter(value: pulumi.Input[str], **options: Any) -> aws.ssm.Parameter:
    return aws.ssm.Parameter("p", type="String", value=value, opts=ResourceOptions(**options))


def stash(value: Any, **options: Any) -> pulumi.Stash:
    return pulumi.Stash("kept", input=value, opts=ResourceOptions(**options))


def test_a_new_program_makes_all_with_known_outputs() -> None:
    steps, state = run(lambda: vpc())
    assert steps["net"].operation == "create"
    (made,) = state.resources.values()
    assert made.id.startswith("vpc-")
    assert made.outputs["cidrBlock"] == "10.0.0.0/16"
    assert State.of_export(state.to_export()) == state


def test_the_same_program_changes_nothing() -> None:
    assert after(lambda: vpc(), lambda: vpc()) == {}


def test_changes_in_place_replacements_and_deletions() -> None:
    def tagged() -> None:
        aws.ec2.Vpc("net", cidr_block="10.0.0.0/16", tags={"a": "b"})

    assert after(lambda: vpc(), tagged) == {"net": "update"}
    assert after(lambda: vpc(), lambda: vpc("10.1.0.0/16")) == {"net": "replace"}
    assert after(lambda: vpc(), lambda: vpc(name="other")) == {"net": "delete", "other": "create"}


def test_what_depends_on_a_replacement_is_replaced_too() -> None:
    def both(block: str) -> None:
        aws.ec2.Subnet("sub", vpc_id=vpc(block).id, cidr_block="10.0.0.0/24")

    changed = after(lambda: both("10.0.0.0/16"), lambda: both("10.0.0.0/8"))
    assert changed == {"net": "replace", "sub": "replace"}


def test_a_new_version_of_a_template_changes_its_group_in_place() -> None:
    day = datetime(2026, 1, 1, tzinfo=UTC)
    image = Image("ami-1", "one", "x86_64", day, "/dev/sda1", 8, "111122223333")
    trust = {"Effect": "Allow", "Principal": {"Service": "x"}, "Action": "sts:AssumeRole"}

    def workers(type_: str) -> None:
        publish("us-east-1", [image])
        network = vpc()
        zone = "us-east-1a"
        subnet = aws.ec2.Subnet(
            "sub", vpc_id=network.id, cidr_block="10.0.0.0/24", availability_zone=zone
        )
        role = aws.iam.Role("r", assume_role_policy=json.dumps({"Statement": [trust]}))
        template = aws.ec2.LaunchTemplate(
            "template",
            image_id=image.id,
            instance_type=type_,
            vpc_security_group_ids=[aws.ec2.SecurityGroup("own", vpc_id=network.id).id],
            iam_instance_profile={"name": aws.iam.InstanceProfile("p", role=role.name).name},
        )
        aws.autoscaling.Group(
            "group",
            min_size=1,
            max_size=2,
            vpc_zone_identifiers=[subnet.id],
            launch_template={"id": template.id, "version": template.latest_version.apply(str)},
        )

    steps, _ = run(lambda: workers("c6i.large"), run(lambda: workers("m6i.large"))[1])
    changed = {name: step.operation for name, step in steps.items() if step.operation != "same"}
    assert changed == {"template": "update", "group": "update"}
    assert [change.path for change in steps["group"].changes] == ["launchTemplate.version"]


def test_ignored_changes() -> None:
    ignoring = {"ignore_changes": ["value"]}
    assert after(lambda: parameter("a"), lambda: parameter("b")) == {"p": "update"}
    assert after(lambda: parameter("a"), lambda: parameter("b", **ignoring)) == {}
    assert after(lambda: stash("a"), lambda: stash("b", ignore_changes=["input"])) == {}


def test_properties_that_replace_by_the_programs_will() -> None:
    replacing = {"replace_on_changes": ["value"]}
    assert after(lambda: parameter("a"), lambda: parameter("b", **replacing)) == {"p": "replace"}
    changed = after(lambda: stash("a"), lambda: stash("b", replace_on_changes=["input"]))
    assert changed == {"kept": "replace"}


def test_a_trigger_replaces_where_it_differs_and_neither_at_first_nor_at_its_end() -> None:
    def triggered(trigger: Any) -> Program:
        return lambda: stash("a", replacement_trigger=trigger)

    assert after(triggered("x"), triggered("y")) == {"kept": "replace"}
    assert after(triggered(["x", 1]), triggered(["x", 1])) == {}
    assert after(lambda: stash("a"), triggered("x")) == {}
    assert after(triggered("x"), lambda: stash("a")) == {}


def test_a_kept_value_is_that_of_the_first_run() -> None:
    def program(value: str) -> Program:
        def run_it() -> None:
            kept = stash(value, ignore_changes=["input"])
            vpc(cast("str", kept.output))

        return run_it

    assert after(program("10.0.0.0/16"), program("10.1.0.0/16")) == {}


def _encrypted(state: State, name: str) -> State:
    """The state as `pulumi stack export` writes it, with encrypted text in it."""
    document = state.to_export()
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}
    for one in document["deployment"]["resources"]:
        if one["urn"].endswith(f"::{name}"):
            for part in ("inputs", "outputs"):
                hidden = {
                    key: {**secret, "ciphertext": "v1:x"}
                    for key in ("value", "input", "output")
                    if key in one[part]
                }
                one[part] = {**one[part], **hidden}
    return State.of_export(document)


@pytest.mark.parametrize("value", ["a", "b"])
def test_an_encrypted_value_changes_where_its_origin_does(value: str) -> None:
    def program(block: str) -> None:
        net = vpc(block)
        parameter(net.id.apply(lambda _: value), depends_on=[net])

    state = _encrypted(run(lambda: program("10.0.0.0/16"))[1], "p")
    same, _ = run(lambda: program("10.0.0.0/16"), state)
    assert same["p"].operation == "same"
    steps, _ = run(lambda: program("10.1.0.0/16"), state)
    assert [(one.path, one.kind) for one in steps["p"].changes] == [("value", "update")]


def test_secrets_are_marked() -> None:
    steps, _ = run(lambda: parameter(pulumi.Output.secret("a")))
    assert "value" in steps["p"].secrets


def test_the_protection_of_the_program_counts_for_what_stays_and_of_the_state_for_what_goes() -> (
    None
):
    _, state = run(lambda: vpc(protect=True))
    kept, _ = run(lambda: vpc(), state)
    gone, _ = run(lambda: None, state)
    assert (kept["net"].protect, gone["net"].protect) == (False, True)


def test_a_document_that_is_no_export_is_refused() -> None:
    for document in ({}, {"deployment": None}, {"deployment": {"resources": [1]}}):
        with pytest.raises(ValueError, match="not an export"):
            State.of_export(document)
    assert State.of_export({"deployment": {}}) == State()


def hooked(value: str, seen: list[pulumi.ResourceHookArgs], **options: bool) -> aws.ssm.Parameter:
    def refuse(args: pulumi.ResourceHookArgs) -> None:
        seen.append(args)
        raise ValueError("not like this")

    hook = pulumi.ResourceHook("check", refuse, pulumi.ResourceHookOptions(**options))
    return parameter(value, hooks=pulumi.ResourceHookBinding(before_update=[hook]))


def test_a_hook_refuses_the_step_that_it_precedes() -> None:
    seen: list[pulumi.ResourceHookArgs] = []
    _, state = run(lambda: hooked("a", seen, on_dry_run=True))
    run(lambda: hooked("a", seen, on_dry_run=True), state)
    assert not seen
    with pytest.raises(HookError, match=r"^not like this$"):
        run(lambda: hooked("b", seen, on_dry_run=True), state)
    assert seen[0].old_outputs
    assert seen[0].old_outputs["arn"] == state.named("p", PARAMETER).outputs["arn"]  # type: ignore[union-attr]
    assert seen[0].new_inputs
    assert seen[0].new_inputs["type"] == "String"


def test_a_hook_that_a_preview_does_not_run_or_whose_errors_are_ignored() -> None:
    seen: list[pulumi.ResourceHookArgs] = []
    _, state = run(lambda: parameter("a"))
    run(lambda: hooked("b", seen), state)
    assert not seen
    run(lambda: hooked("b", seen, on_dry_run=True, ignore_errors=True), state)
    assert len(seen) == 1
