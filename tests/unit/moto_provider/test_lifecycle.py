"""Every resource type from its creation to its end, as the provider leads it."""

from collections.abc import Iterator
from typing import Any

import pytest

from moto_provider.cases import CASES
from moto_provider.world import BY_NAME, Thing, World
from pulumi_moto.account import AwsError
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
def test_what_is_made_keeps_the_promise_of_its_preview_and_reads_the_same(
    world: World, kind: str
) -> None:
    resource = BY_NAME[kind]
    inputs, problems = world.check(kind, **CASES[kind].inputs(world))
    assert problems == []
    promised = resource.preview_create(world.account, inputs)
    id_, state = resource.made(world.account, inputs)
    made = Thing(resource, "thing", id_, inputs, state)
    assert id_
    assert state.keys() - {"tags"} <= promised.keys() <= resource.declared.outputs
    for key, value in promised.items():
        assert value is UNKNOWN or resource.kept(key, value, state[key]) == value, key
    assert inputs.keys() <= state.keys()
    assert world.read(made) == state
    assert world.changes(made, inputs) == []


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
def test_all_tags_are_unknown_while_one_is(world: World, kind: str) -> None:
    resource, given = BY_NAME[kind], CASES[kind].inputs(world)
    if "tagsAll" in resource.declared.outputs:
        inputs, problems = world.check(kind, **{**given, "tags": {"a": UNKNOWN}})
        assert problems == []
        outputs = resource.preview_create(world.account, inputs)
        assert (outputs["tags"], outputs["tagsAll"]) == ({"a": UNKNOWN}, UNKNOWN)
