"""Property values on their way from and to the engine."""

from typing import Any

import pytest
from google.protobuf import struct_pb2
from hypothesis import given
from hypothesis import strategies as st

from pulumi_moto import wire
from pulumi_moto.wire import UNKNOWN

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"

KEYS = st.text(min_size=1).filter(lambda key: not key.startswith("__") and key != SIGNATURE)
SCALARS = (
    st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: not x.is_integer())
    | st.text().filter(lambda text: text not in wire.MARKERS)
    | st.just(UNKNOWN)
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=12
)


def _struct(**values: Any) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    struct.update(values)
    return struct


@given(st.dictionaries(KEYS, VALUES), st.sets(KEYS))
def test_what_is_sent_comes_back(values: dict[str, Any], secrets: set[str]) -> None:
    back = wire.decode(wire.encode(values, secrets))
    assert back.values == values
    assert back.secrets == secrets & values.keys()


@given(st.integers(-(2**53), 2**53))
def test_a_whole_number_is_an_int(number: int) -> None:
    shown = wire.decode(wire.encode({"n": [float(number)], "b": True})).values
    assert type(shown["n"][0]) is int
    assert shown["n"] == [number]
    assert shown["b"] is True
    nested = wire.with_whole_numbers({"a": [1.0, (2.0, 2.5)], "b": "1.0"})
    assert nested == {"a": [1, [2, 2.5]], "b": "1.0"}


def test_nothing_is_left_out_at_the_top_and_in_objects_but_kept_in_lists() -> None:
    struct = wire.encode({"a": None, "b": {"c": None, "d": 1}, "e": [None, 1]})
    assert wire.decode(struct).values == {"b": {"d": 1}, "e": [None, 1]}


@pytest.mark.parametrize("marker", sorted(wire.MARKERS))
def test_every_marker_is_unknown(marker: str) -> None:
    shown = wire.decode(_struct(a=marker, b=[{"c": marker}])).values
    assert shown["a"] is UNKNOWN
    assert wire.has_unknown(shown["b"])
    assert repr(UNKNOWN) == "<unknown>"
    assert not wire.has_unknown({"a": [1, {"b": "text"}]})


def test_a_secret_anywhere_makes_its_property_secret() -> None:
    secret = {SIGNATURE: SECRET, "value": {"x": [1, "y"]}}
    shown = wire.decode(_struct(a=secret, b=[{"c": secret}], d={"e": secret}, f={"g": 1}))
    assert shown.secrets == {"a", "b", "d"}
    assert shown.values["a"] == {"x": [1, "y"]}
    assert shown.values["b"] == [{"c": {"x": [1, "y"]}}]


@pytest.mark.parametrize(
    ("output", "value", "secret"),
    [
        ({"value": "v"}, "v", False),
        ({"value": "v", "secret": True, "dependencies": ["urn"]}, "v", True),
        ({"secret": False}, UNKNOWN, False),
        ({}, UNKNOWN, False),
    ],
)
def test_outputs_are_unwrapped(output: dict[str, Any], value: Any, secret: bool) -> None:
    shown = wire.decode(_struct(a={SIGNATURE: OUTPUT, **output}))
    assert shown.values == {"a": value}
    assert ("a" in shown.secrets) is secret


def test_the_bridges_own_notes_are_dropped() -> None:
    assert wire.decode(_struct(__defaults=[], a={"__defaults": [], "b": 1})).values == {
        "a": {"b": 1}
    }


def test_what_has_no_wire_form_is_refused() -> None:
    with pytest.raises(TypeError, match="no wire form for set"):
        wire.encode({"a": {1, 2}})


def test_secrets_of_mocks_are_unwrapped_and_wrapped_again() -> None:
    plain = {"a": "open", "b": "closed", "c": [1]}
    closed = wire.wrapped(plain, ["b", "c", "not there"])
    assert closed["a"] == "open"
    assert closed["b"] != "closed"
    assert wire.unwrapped(closed) == wire.Properties(plain, frozenset({"b", "c"}))
    nested = wire.unwrapped({"d": {"e": [closed["b"]]}, "f": (1, None)})
    assert nested.values == {"d": {"e": ["closed"]}, "f": [1, None]}
    assert nested.secrets == {"d"}
