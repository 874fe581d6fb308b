"""The recorded state of a stack, and the steps that would change it. Needs no account."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from . import wire

Operation = Literal["create", "update", "replace", "delete", "same"]

STASH: Final = "pulumi:index:Stash"
# Fixed by the engine, as in `wire`.
_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"


class Encrypted:
    """A secret of a state that was exported without `--show-secrets`: its value is not known."""

    def __repr__(self) -> str:
        return "<encrypted>"


ENCRYPTED: Final = Encrypted()


@dataclass(frozen=True)
class Change:
    """One differing property: path in Pulumi's form, what happens to it, whether it replaces."""

    path: str
    kind: str  # add, update or delete
    replaces: bool


def top(path: str) -> str:
    """The top-level property of a path: `ingress` of `ingress[0].fromPort`."""
    return path.split(".")[0].split("[")[0]


@dataclass(frozen=True)
class Recorded:
    """One resource of a state.

    Attributes:
        urn: Its URN, which ends with its name.
        type: Its token.
        id: Its id in AWS; empty for components.
        protect: Whether Pulumi refuses to delete it.
        trigger: The `replacement_trigger` of the last deployment.
    """

    urn: str
    type: str
    id: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    protect: bool = False
    trigger: Any = None

    @property
    def name(self) -> str:
        return self.urn.rpartition("::")[2]


@dataclass(frozen=True)
class State:
    """The resources of a stack, by URN. Those of providers and of the stack itself are left out."""

    resources: Mapping[str, Recorded] = field(default_factory=dict)

    @classmethod
    def of_export(cls, document: Mapping[str, Any]) -> "State":
        """The state in the JSON of `pulumi stack export`.

        Raises `ValueError` for a document that is none.
        """
        try:
            listed = document["deployment"].get("resources") or []
            found = [recorded_of(one) for one in listed if not one.get("delete")]
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"this is not an export of a stack: {error!r}") from None
        return cls({one.urn: one for one in found if not one.type.startswith("pulumi:pr")})

    def to_export(self) -> dict[str, Any]:
        """A document that `of_export` reads. It has no encrypted values."""
        listed = [
            {
                "urn": one.urn,
                "type": one.type,
                "id": one.id,
                "inputs": one.inputs,
                "outputs": one.outputs,
                "protect": one.protect,
                "replacementTrigger": one.trigger,
            }
            for one in self.resources.values()
        ]
        return {"deployment": {"resources": listed}}

    def named(self, name: str, type_: str) -> Recorded | None:
        """The resource of that type whose URN ends with that name."""
        return next(
            (one for one in self.resources.values() if (one.name, one.type) == (name, type_)), None
        )


@dataclass(frozen=True)
class Step:
    """What would happen to one resource.

    Attributes:
        changes: The differing properties, each with whether it replaces.
        before, inputs: The inputs of the state and of the program; values may be unknown.
        outputs: Those that would be recorded; values may be unknown.
        secrets: Top-level properties with secrets in them.
        parent: URN of the parent; empty for the stack.
    """

    operation: Operation
    urn: str
    type: str
    parent: str
    changes: tuple[Change, ...] = ()
    before: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()
    protect: bool = False

    @property
    def name(self) -> str:
        return self.urn.rpartition("::")[2]


def recorded_of(entry: Mapping[str, Any]) -> Recorded:
    """A resource in the JSON of a state, or of the engine's events: values may be unknown."""

    def clear(name: str) -> dict[str, Any]:
        values: dict[str, Any] = wire.with_whole_numbers(_in_clear(entry.get(name) or {}))
        return {key: value for key, value in values.items() if not key.startswith("__")}

    return Recorded(
        urn=entry["urn"],
        type=entry["type"],
        id=entry.get("id") or "",
        inputs=clear("inputs"),
        outputs=clear("outputs"),
        protect=bool(entry.get("protect")),
        trigger=_in_clear(entry.get("replacementTrigger")),
    )


def _in_clear(value: Any) -> Any:
    """A value of a state without Pulumi's wrappings; secrets that cannot be read as `ENCRYPTED`."""
    if isinstance(value, list):
        items = [_in_clear(item) for item in value]
        return ENCRYPTED if ENCRYPTED in items else items
    if not isinstance(value, Mapping):
        return wire.UNKNOWN if value in wire.MARKERS else value
    if _SIGNATURE in value:
        return json.loads(value["plaintext"]) if "plaintext" in value else ENCRYPTED
    return {key: _in_clear(item) for key, item in value.items()}
