"""Every resource type from its creation to its end, as the provider leads it."""

from collections.abc import Iterator
from typing import Any

import pytest

from moto_provider.cases import CASES
from moto_provider.world import BY_NAME, Thing, World
from pulumi_moto import schema
from pulumi_moto.account import AwsError
from pulumi_moto.resource import Resource
from pulumi_moto.table import TYPES
from pulumi_moto.wire import UNKNOWN

FORGOTTEN = {"DefaultSecurityGroup", "BucketServerSideEncryptionConfiguration"}
"""What AWS makes with something else, and what goes with that only."""


def test_every_type_of_the_table_is_tried() -> None:
    assert CASES.keys() == BY_NAME.keys()
    assert len(BY_NAME) == len(TYPES)


def _make(world: World, kind: str) -> Thing:
    return world.make(kind, **CASES[kind].inputs(world))


@pytest.mark.parametrize("kind", CASES)
def test_what_is_made_is_told_and_told_again(world: World, kind: str) -> None:
    made = _make(world, kind)
    assert made.id
    declared = schema.resource_shape(made.kind.token).outputs
    assert made.state.keys() <= declared
    for key, value in made.inputs.items():
        assert key in made.state
        assert made.kind.kept(key, value, made.state[key]) == value
    assert world.read(made) == made.state
    assert world.changes(made, made.inputs) == []


def _in_place() -> Iterator[tuple[str, str]]:
    class Named:
        """A world that gives any name for any thing: only the names of properties are wanted."""

        id = "anything"

        def __getattr__(self, name: str) -> Any:
            return self

        def __call__(self, *given: Any, **named: Any) -> Any:
            return self

    for kind, case in CASES.items():
        for key in case.in_place(Named()):  # type: ignore[arg-type]
            yield kind, key


@pytest.mark.parametrize(("kind", "key"), list(_in_place()))
def test_a_property_changes_in_place(world: World, kind: str, key: str) -> None:
    made = _make(world, kind)
    value = CASES[kind].in_place(world)[key]
    updated = world.update(made, **{key: value})
    assert not list(made.kind._compare(key, updated.state[key], value))
    assert world.changes(updated, updated.inputs) == []
    assert world.read(updated) == updated.state
    others = made.inputs.keys() - {key, "tagsAll"}
    assert {k: updated.inputs[k] for k in others} == {k: made.inputs[k] for k in others}
    world.delete(updated)
    assert (world.read(updated) is None) != (kind in FORGOTTEN)


@pytest.mark.parametrize("kind", CASES)
def test_what_is_deleted_is_gone_and_may_be_deleted_again(world: World, kind: str) -> None:
    made = _make(world, kind)
    world.delete(made)
    assert (world.read(made) is None) != (kind in FORGOTTEN)
    if kind == "VolumeAttachment":  # the one whose deletion fails where it is gone
        with pytest.raises(AwsError, match="NotFound"):
            world.delete(made)
    else:
        world.delete(made)
    assert (world.read(made) is None) != (kind in FORGOTTEN)


@pytest.mark.parametrize("kind", CASES)
def test_a_preview_promises_no_more_than_is_known(world: World, kind: str) -> None:
    resource: Resource = BY_NAME[kind]
    given = CASES[kind].inputs(world)
    taggable = "tags" in resource.declared.types
    inputs, problems = world.check(kind, **{**given, "tags": {"a": UNKNOWN}} if taggable else given)
    assert problems == []
    outputs = resource.preview_create(world.account, inputs)
    assert outputs.keys() <= schema.resource_shape(resource.token).outputs
    for key in resource.computed:
        assert outputs[key] is UNKNOWN
    for key in resource.optional_computed - inputs.keys():
        assert outputs[key] is UNKNOWN
    if taggable:
        assert outputs["tagsAll"] is UNKNOWN
    for key, value in inputs.items():
        assert outputs[key] == value or key == "tagsAll"
