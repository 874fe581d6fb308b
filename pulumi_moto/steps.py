"""What `pulumi preview` would show, without the engine: a program against a recorded state.

The monitor stands in for the engine. For each resource it does what the engine does: options are
applied, the provider's Check and Diff decide, outputs of what would be made are unknown. Expected
results come from the engine: a test compares both for many changes.

With `make` it deploys a new stack into the simulated account. Its state is what another run is
compared with.

    state = State.of_export(json.loads(text))  # of `pulumi stack export`
    with simulated_account() as mocks:
        monitor = StepMonitor(mocks, state)
        pulumi.runtime.set_mocks(mocks, project, stack, preview=True, monitor=monitor)
        ...  # run the program, wait for its outputs
        steps = monitor.steps()
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pulumi
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.proto import resource_pb2

from . import wire
from .account import Account
from .hooks import Hooks
from .mocks import SimulatedMocks
from .resource import Resource
from .state import ENCRYPTED, STASH, Change, Operation, Recorded, State, Step, top
from .table import resource_type

_STACK: Final = "pulumi:pulumi:Stack"


class StepMonitor(MockMonitor):
    """Collects the steps of one run of a program. Use each monitor once.

    With `make` what is created is made in the account, so that all its outputs are known.
    """

    def __init__(self, mocks: SimulatedMocks, state: State, *, make: bool = False) -> None:
        super().__init__(mocks)
        self._simulated = mocks
        self._state = state
        self._make = make
        self._steps: dict[str, Step] = {}
        self._made: dict[str, Recorded] = {}
        self._hooks = Hooks(is_preview=not make)

    def steps(self) -> list[Step]:
        """All steps of the run, with the deletions of what the program has no longer."""
        gone = [one for urn, one in self._state.resources.items() if urn not in self._steps]
        return [
            *self._steps.values(),
            *(
                Step("delete", one.urn, one.type, "", before=one.inputs, protect=one.protect)
                for one in gone
                if one.type != _STACK
            ),
        ]

    def state(self) -> State:
        """The stack after a run with `make`."""
        return State(self._made)

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """The URN as the engine writes it: Pulumi's mocks shorten those of grandchildren."""
        above = parent.split("::")[2] if parent else _STACK
        types = type_ if above == _STACK else f"{above}${type_}"
        return f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{types}::{name}"

    def RegisterResourceHook(self, request: Any) -> Any:
        """Keep a hook for the steps that name it."""
        self._hooks.register(request)
        return super().RegisterResourceHook(request)  # type: ignore[no-untyped-call]

    def RegisterResource(self, request: Any) -> Any:
        """Plan one resource, and answer with its outputs as far as they are known."""
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == _STACK:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        given = wire.decode(request.object)
        values: dict[str, Any] = _without_nulls(given.values)
        old = self._state.resources.get(urn)
        with self._simulated.turn():
            if not request.custom or request.type.startswith("pulumi:providers:"):
                planned = _Plan("same" if old else "create", values, values)
            elif request.type == STASH:
                planned = _of_stash(request, old, values)
            else:
                planned = self._of_resource(request, old, values)
        secrets = set(given.secrets)
        if request.type == STASH and "input" in secrets:
            secrets.add("output")
        elif request.type.startswith("aws:"):
            secrets |= resource_type(request.type).secret
        self._run_hooks(request, urn, planned, secrets)
        outputs = wire.encode(planned.outputs, secrets)
        recorded = wire.decode(outputs).values
        protect = request.protect or False
        id_ = planned.id or (f"{request.name}-id" if self._make and request.custom else "")
        self._steps[urn] = Step(
            planned.operation,
            urn,
            request.type,
            request.parent,
            tuple(planned.changes),
            old.inputs if old else {},
            planned.inputs,
            recorded,
            frozenset(secrets),
            protect,
        )
        if self._make:
            trigger = None
            if request.HasField("replacement_trigger"):
                trigger = wire.plain(request.replacement_trigger)
            self._made[urn] = Recorded(
                urn, request.type, id_, planned.inputs, recorded, protect, trigger
            )
        return resource_pb2.RegisterResourceResponse(urn=urn, id=id_, object=outputs)

    def _run_hooks(self, request: Any, urn: str, planned: "_Plan", secrets: Iterable[str]) -> None:
        names = {
            "create": request.hooks.before_create,
            "replace": request.hooks.before_create,
            "update": request.hooks.before_update,
        }.get(planned.operation, ())
        step = {"urn": urn, "name": request.name, "type": request.type, "id": planned.id}
        step["new_inputs"] = planned.inputs
        if planned.operation == "update":
            old = self._state.resources[urn]
            step |= {"old_inputs": _clear(old.inputs), "old_outputs": _clear(old.outputs)}
        self._hooks.run(names, step, secrets)

    def _of_resource(self, request: Any, old: Recorded | None, given: Mapping[str, Any]) -> "_Plan":
        kind, account = resource_type(request.type), self._simulated.account
        ignored = list(request.ignoreChanges)
        if old is None:
            inputs = _checked(kind, account, request.name, None, given)
            if self._make:
                id_, outputs = kind.made(account, inputs)
                return _Plan("create", inputs, outputs, id=id_)
            return _Plan("create", inputs, kind.preview_create(account, inputs))
        wanted = _with_ignored(given, old.inputs, ignored)
        inputs = _checked(kind, account, request.name, old.inputs, wanted)
        known = _clear(old.outputs)
        changes = [
            Change(change.path, "update", change.replaces)
            if change.kind == "add" and _is_encrypted(old, change.path)
            else change
            for change in kind.changes(account, known, old.inputs, inputs)
            if not any(_within(change.path, path) for path in ignored)
            and not (_is_encrypted(old, change.path) and self._is_settled(request))
        ]
        forced = [
            Change(one.path, one.kind, True)
            if any(_within(one.path, path) for path in request.replaceOnChanges)
            else one
            for one in changes
        ]
        if any(one.replaces for one in forced) or _is_triggered(request, old):
            again = _checked(kind, account, request.name, None, given)
            return _Plan("replace", again, kind.preview_create(account, again), changes=forced)
        outputs = _filled(old.outputs, inputs)
        if not forced:
            return _Plan("same", inputs, outputs, id=old.id)
        changed = frozenset(top(one.path) for one in forced)
        updated = kind.preview_update(account, outputs, inputs, changed)
        return _Plan("update", inputs, updated, id=old.id, changes=forced)

    def _is_settled(self, request: Any) -> bool:
        """Whether no step changes what the resource depends on.

        What is encrypted in the state cannot be compared: it is taken to differ where its origin
        does.
        """
        origins = (self._steps.get(urn) for urn in request.dependencies)
        return all(step.operation == "same" for step in origins if step)


@dataclass(frozen=True)
class _Plan:
    operation: Operation
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    id: str = ""  # Pulumi takes an empty one as unknown
    changes: Iterable[Change] = ()


def _clear(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that are not encrypted."""
    return {key: value for key, value in values.items() if value is not ENCRYPTED}


def _without_nulls(value: Any) -> Any:
    """A value as the engine passes it on: without fields that are not set."""
    if isinstance(value, Mapping):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _of_stash(request: Any, old: Recorded | None, given: Mapping[str, Any]) -> _Plan:
    """Pulumi's own type: its output is the input of its creation."""
    new = given.get("input")
    if old is None:
        return _Plan("create", given, {"input": new, "output": new})
    if _is_triggered(request, old):
        return _Plan("replace", given, {"input": new, "output": new})
    if "input" in request.ignoreChanges or old.inputs.get("input") is ENCRYPTED:
        new = _known(old.inputs.get("input"), new)
    is_same = old.inputs.get("input") in (new, ENCRYPTED)
    changed = [] if is_same else [Change("input", "update", False)]
    if changed and "input" in request.replaceOnChanges:
        outputs = {"input": new, "output": new}
        return _Plan("replace", given, outputs, changes=[Change("input", "update", True)])
    outputs = {"input": new, "output": _known(old.outputs.get("output"), given.get("input"))}
    operation: Operation = "update" if changed else "same"
    return _Plan(operation, {"input": new}, outputs, id=old.id, changes=changed)


def _known(kept: Any, stand_in: Any) -> Any:
    """A kept value; where it is encrypted, the program's new one stands in."""
    return stand_in if kept is ENCRYPTED else kept


def _filled(kept: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Recorded outputs; where they are encrypted, the inputs stand in."""
    return {key: _known(value, inputs.get(key)) for key, value in kept.items()}


def _checked(
    kind: Resource,
    account: Account,
    name: str,
    old: Mapping[str, Any] | None,
    given: Mapping[str, Any],
) -> dict[str, Any]:
    """The inputs after the provider's Check. Raises `LookupError` for what it refuses."""
    inputs, problems = kind.check(account, name, old, given, b"")
    if problems:
        wrong = "; ".join(f"{problem.path}: {problem.reason}" for problem in problems)
        raise LookupError(f"{kind.token} {name!r}: {wrong}")
    return inputs


def _with_ignored(
    given: Mapping[str, Any], old: Mapping[str, Any], ignored: Iterable[str]
) -> dict[str, Any]:
    """The inputs with those of `ignoreChanges` as they were. Only top-level names and one below."""
    wanted = dict(given)
    for path in ignored:
        name, _, below = path.partition(".")
        if not below:
            wanted.pop(name, None)
            if name in old:
                wanted[name] = _known(old[name], given.get(name))
        elif isinstance(old.get(name), Mapping) and isinstance(wanted.get(name), Mapping):
            wanted[name] = _with_ignored(wanted[name], old[name], [below])
    return wanted


def _within(path: str, ignored: str) -> bool:
    return path == ignored or path.startswith((f"{ignored}.", f"{ignored}["))


def _is_encrypted(old: Recorded, path: str) -> bool:
    return ENCRYPTED in (old.outputs.get(top(path)), old.inputs.get(top(path)))


def _is_triggered(request: Any, old: Recorded) -> bool:
    """Whether the `replacement_trigger` differs. Neither appearing nor ending replaces."""
    if not request.HasField("replacement_trigger") or old.trigger is None:
        return False
    now = wire.plain(request.replacement_trigger)
    return bool(now != wire.with_whole_numbers(old.trigger))
