"""Property values between the Pulumi engine's wire form and plain Python.

The engine sends `google.protobuf.Struct`. Secrets arrive wrapped in an object with a signature,
values that are not known yet as a fixed marker string. Here a secret is unwrapped and its
top-level property remembered, and every marker becomes the one `UNKNOWN`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from google.protobuf import struct_pb2

# Fixed by the engine: sdk/go/common/resource/{properties,plugin/rpc}.go of pulumi/pulumi.
_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"
_OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_MARKER: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
MARKERS: Final = frozenset(
    {
        _MARKER,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # boolean
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)


class Unknown:
    """A value that the engine knows only after something else was made."""

    def __repr__(self) -> str:
        return "<unknown>"


UNKNOWN: Final = Unknown()


def has_unknown(value: Any) -> bool:
    """Whether `value` is unknown, or holds something that is."""
    if isinstance(value, Unknown):
        return True
    if isinstance(value, Mapping):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknown(item) for item in value)
    return False


@dataclass(frozen=True)
class Properties:
    """Plain values, and the names of those top-level ones that held a secret."""

    values: dict[str, Any]
    secrets: frozenset[str] = field(default_factory=frozenset)


def decode(struct: struct_pb2.Struct) -> Properties:
    """Plain Python values of a wire struct; whole numbers become `int`."""
    return unwrapped({key: _decode(value) for key, value in struct.fields.items()})


def plain(value: struct_pb2.Value) -> Any:
    """The plain Python value of one wire value."""
    return _unwrap(_decode(value))[0]


def _decode(value: struct_pb2.Value) -> Any:
    match value.WhichOneof("kind"):
        case "bool_value":
            return value.bool_value
        case "number_value":
            return with_whole_numbers(value.number_value)
        case "string_value":
            return value.string_value
        case "list_value":
            return [_decode(item) for item in value.list_value.values]
        case "struct_value":
            return {key: _decode(item) for key, item in value.struct_value.fields.items()}
    return None


def with_whole_numbers(value: Any) -> Any:
    """`value` with every float that is a whole number as `int`: the wire has one kind of number."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: with_whole_numbers(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [with_whole_numbers(item) for item in value]
    return value


def unwrapped(values: Mapping[str, Any]) -> Properties:
    """Values without the wrappings of Pulumi: those from the wire, and those of its mocks."""
    plain: dict[str, Any] = {}
    secrets: set[str] = set()
    for key, value in values.items():
        if key.startswith("__"):  # `__defaults` and `__meta` are the bridge's own notes
            continue
        plain[key], secret = _unwrap(value)
        if secret:
            secrets.add(key)
    return Properties(plain, frozenset(secrets))


def _unwrap(value: Any) -> tuple[Any, bool]:
    """The value itself, and whether it holds a secret."""
    if isinstance(value, str):
        return (UNKNOWN if value in MARKERS else value), False
    if isinstance(value, list | tuple):
        items = [_unwrap(item) for item in value]
        return [item for item, _ in items], any(secret for _, secret in items)
    if not isinstance(value, Mapping):
        return value, False
    signature = value.get(_SIGNATURE)
    if signature == _SECRET:
        return _unwrap(value.get("value"))[0], True
    if signature == _OUTPUT:
        return _unwrap(value.get("value", _MARKER))[0], bool(value.get("secret"))
    pairs = {key: _unwrap(item) for key, item in value.items() if not key.startswith("__")}
    return {k: v for k, (v, _) in pairs.items()}, any(secret for _, secret in pairs.values())


def wrapped(values: Mapping[str, Any], secrets: Iterable[str]) -> dict[str, Any]:
    """What Pulumi takes back: the values that there are, those named in `secrets` as secrets."""
    found = {key: value for key, value in values.items() if value is not None}
    for key in found.keys() & set(secrets):
        found[key] = {_SIGNATURE: _SECRET, "value": found[key]}
    return found


def encode(values: Mapping[str, Any], secrets: Iterable[str] = ()) -> struct_pb2.Struct:
    """The wire struct of plain values; those named in `secrets` are wrapped as secret."""
    return _encode(wrapped(values, secrets)).struct_value


def _encode(value: Any) -> struct_pb2.Value:
    wire = struct_pb2.Value()
    if value is None:
        wire.null_value = struct_pb2.NULL_VALUE
    elif isinstance(value, Unknown):
        wire.string_value = _MARKER
    elif isinstance(value, bool):
        wire.bool_value = value
    elif isinstance(value, int | float):
        wire.number_value = value
    elif isinstance(value, str):
        wire.string_value = value
    elif isinstance(value, list | tuple):
        wire.list_value.values.extend(_encode(item) for item in value)
        wire.list_value.SetInParent()
    elif isinstance(value, Mapping):
        wire.struct_value.SetInParent()
        for key, item in value.items():
            if item is not None:
                wire.struct_value.fields[key].CopyFrom(_encode(item))
    else:
        raise TypeError(f"no wire form for {type(value).__name__}")
    return wire
