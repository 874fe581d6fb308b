"""The steps of the engine's own preview, from its log of events. Pure."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal

from geusemaker.cost.resources import GROUP, INSTANCE
from geusemaker.plan.ran import Ran
from geusemaker.plan.workers import types_of
from pulumi_moto.state import Change, Operation, Recorded, State, Step, recorded_of

_OPERATIONS: Final[Mapping[str, Operation]] = {
    "create": "create",
    "update": "update",
    "replace": "replace",
    "create-replacement": "replace",
    "delete-replaced": "replace",
    "delete": "delete",
    "same": "same",
}
_WITH_NEW: Final = ("create", "update", "create-replacement", "same")
"""The operations whose event has the resource as it would be."""
_OWN: Final = ("pulumi:pulumi:Stack", "pulumi:providers:")
_LEVELS: Final[Mapping[str, Literal["info", "warning"]]] = {
    "info": "info",
    "info#err": "info",
    "warning": "warning",
}


def ran_of(
    events: Iterable[Mapping[str, Any]], describe: Callable[[str], Mapping[str, Any]]
) -> tuple[Ran, State]:
    """A preview as a run, and the state that it was made against.

    Args:
        events: The engine's events.
        describe: EC2's description of an instance type.
    """
    steps: dict[str, Step] = {}
    before: dict[str, Recorded] = {}
    messages: list[tuple[Literal["info", "warning"], str]] = []
    for event in events:
        if said := event.get("diagnosticEvent"):
            level = _LEVELS.get(said.get("severity", ""))
            if level and not said.get("ephemeral"):
                messages.append((level, str(said.get("message", "")).strip()))
        step = (event.get("resOutputsEvent") or {}).get("metadata") or {}
        if step.get("op") in _OPERATIONS and not step["type"].startswith(_OWN):
            _take(step, steps, before)
    last = [one for one in steps.values() if one.operation == "delete"]
    first = [one for one in steps.values() if one.operation != "delete"]
    kind = next(str(one.inputs["instanceType"]) for one in first if one.type == INSTANCE)
    of_workers = next((types_of(one.inputs)[0] for one in first if one.type == GROUP), None)
    worker = None if of_workers is None else describe(of_workers)
    ran = Ran((*first, *last), State(), tuple(messages), describe(kind), (), worker)
    return ran, State(before)


def _take(event: Mapping[str, Any], steps: dict[str, Step], before: dict[str, Recorded]) -> None:
    """Adds one event. A replacement has several, of which one has what it creates."""
    urn, operation = event["urn"], _OPERATIONS[event["op"]]
    if event.get("old"):
        before.setdefault(urn, recorded_of(event["old"]))
    old = before.get(urn)
    if event["op"] not in _WITH_NEW and operation != "delete":
        return
    new = recorded_of(event["new"]) if event.get("new") else None
    steps[urn] = Step(
        operation,
        urn,
        event["type"],
        (event.get("new") or {}).get("parent", ""),
        tuple(_changes(event.get("detailedDiff") or {})),
        old.inputs if old else {},
        new.inputs if new else {},
        new.outputs if new else {},
        frozenset(_secrets(event.get("new") or event.get("old") or {})),
        bool(old and old.protect) or bool(new and new.protect),
    )


def _changes(diff: Mapping[str, Mapping[str, Any]]) -> Iterable[Change]:
    for path, one in diff.items():
        kind, _, replaces = str(one["diffKind"]).partition("-")
        yield Change(path, kind, bool(replaces))


def _secrets(state: Mapping[str, Any]) -> Iterable[str]:
    """The inputs with secrets in them, whose values the events do not have."""
    for key, value in (state.get("inputs") or {}).items():
        if "[secret]" in str(value):
            yield key
