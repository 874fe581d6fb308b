"""How one resource type behaves: the shared half of the real provider, and what each type adds.

Facts on the shared half are those of the Terraform bridge that the real provider is built on: Check
writes defaults and a generated name into the inputs, Diff compares inputs with the old *state*,
a property that AWS fills in itself makes no diff when the program leaves it out.
"""

import hashlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from . import schema
from .account import Account
from .schema import Problem
from .wire import UNKNOWN, Unknown, has_unknown

_EMPTY: Final[tuple[Any, ...]] = (None, "", False, 0, [], {})


@dataclass(frozen=True)
class AutoName:
    """A property that gets `<logical name>-<7 hex digits>` when the program leaves it out."""

    property: str = "name"
    longest: int = 255


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
class Update:
    """A change in place: from a recorded state to new inputs, and the top-level names concerned."""

    state: Mapping[str, Any]
    inputs: Mapping[str, Any]
    paths: frozenset[str]


class Resource(ABC):
    """One resource type of the simulated provider. Subclasses talk to the account."""

    token: ClassVar[str]
    replace_on: ClassVar[frozenset[str]] = frozenset()
    """Paths whose change forces a new resource: top-level names, or `object.field`."""
    defaults: ClassVar[Mapping[str, Any]] = {}
    """What the provider's schema writes into the inputs."""
    computed: ClassVar[frozenset[str]] = frozenset()
    """What AWS sets: unknown while previewing a creation."""
    optional_computed: ClassVar[frozenset[str]] = frozenset()
    """What AWS sets when the program does not: leaving it out is no diff."""
    updated_when_left_out: ClassVar[frozenset[str]] = frozenset()
    """What AWS sets when the program does not, but whose removal is an update all the same."""
    only_given: ClassVar[frozenset[str]] = frozenset()
    """Fields of objects, as `object.field`, that AWS does not fill in: left out, they go."""
    autoname: ClassVar[AutoName | None] = None
    always_delete_first: ClassVar[bool] = False
    json_text: ClassVar[frozenset[str]] = frozenset()
    """Properties compared as JSON documents, not as text."""
    unordered: ClassVar[frozenset[str]] = frozenset()
    """Lists that are sets in AWS."""
    secret: ClassVar[frozenset[str]] = frozenset()
    taggable: ClassVar[bool] = True
    records_failed_update: ClassVar[bool] = True
    """Whether an update that AWS refuses is recorded as if made, as by the provider's older SDK."""

    # What a type does to the account. ------------------------------------------------------

    @abstractmethod
    def create(self, account: Account, inputs: Mapping[str, Any]) -> str:
        """Make the thing; its id."""

    @abstractmethod
    def read(self, account: Account, id_: str, state: Mapping[str, Any]) -> dict[str, Any] | None:
        """The thing's properties as AWS tells them, or None when it is gone."""

    def update(self, account: Account, id_: str, change: Update) -> None:
        """Make the thing what `change.inputs` say."""
        raise AssertionError(f"{self.token} has no property that changes in place")

    @abstractmethod
    def delete(self, account: Account, id_: str, state: Mapping[str, Any]) -> None:
        """Remove the thing; succeed when it is gone already."""

    # What a type adds to Check and Diff. ---------------------------------------------------

    def extra_problems(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        """What the real provider refuses at plan time beyond its schema."""
        return iter(())

    def replaces(
        self, account: Account, path: str, state: Mapping[str, Any], inputs: Mapping[str, Any]
    ) -> bool:
        """Whether a change of `path` forces a new resource; for conditions beyond `replace_on`."""
        return top(path) in self.replace_on or path.split("[")[0] in self.replace_on

    def unknown_after_update(self, changed: frozenset[str]) -> frozenset[str]:
        """Outputs that an update in place may move, so that a preview must not promise them."""
        return frozenset()

    # The shared half. ----------------------------------------------------------------------

    def check(
        self,
        account: Account,
        name: str,
        old: Mapping[str, Any] | None,
        new: Mapping[str, Any],
        seed: bytes,
    ) -> tuple[dict[str, Any], list[Problem]]:
        """Inputs with defaults, all tags and name filled in, and what is wrong with them."""
        declared = schema.resource_shape(self.token)
        inputs = with_defaults(self.defaults, new)
        found = list(schema.problems(declared, new))
        if self.autoname:
            if inputs.get(self.autoname.property) is None:
                inputs[self.autoname.property] = self._name(self.autoname, name, old, seed)
            if inputs.get("namePrefix") is not None:
                found.append(Problem("namePrefix", "not simulated: leave the name to Pulumi"))
        if found:
            return inputs, found
        if self._has_all_tags(declared):
            inputs["tagsAll"] = self.all_tags(account, new)
        return inputs, list(self.extra_problems(inputs))

    def _has_all_tags(self, declared: schema.Shape) -> bool:
        return self.taggable and "tagsAll" in declared.outputs

    def _name(
        self, autoname: AutoName, name: str, old: Mapping[str, Any] | None, seed: bytes
    ) -> str:
        before = (old or {}).get(autoname.property)
        if isinstance(before, str):
            return before
        digest = hashlib.sha256(seed + self.token.encode() + name.encode()).hexdigest()[:7]
        return f"{name[: autoname.longest - 8]}-{digest}"

    def delete_first(self, name: str, inputs: Mapping[str, Any]) -> bool:
        """Whether a replacement of the resource `name` must delete before it creates.

        It must where the program named the thing itself: nothing can stand beside the old one.
        """
        if self.autoname is None or self.always_delete_first:
            return self.always_delete_first
        given = inputs.get(self.autoname.property)
        generated = re.escape(name[: self.autoname.longest - 8]) + "-[0-9a-f]{7}"
        return isinstance(given, str) and re.fullmatch(generated, given) is None

    def changes(
        self,
        account: Account,
        state: Mapping[str, Any],
        old_inputs: Mapping[str, Any],
        inputs: Mapping[str, Any],
    ) -> list[Change]:
        """All differences between the thing and the new inputs."""
        found: list[Change] = []
        for key in sorted({*inputs, *old_inputs}):
            if key in inputs and inputs[key] is not None:
                before = state.get(key)
                for path, kind in self._compare(key, before, inputs[key]):
                    found.append(Change(path, kind, self.replaces(account, path, state, inputs)))
            elif old_inputs.get(key) not in _EMPTY and (
                key not in self.optional_computed or key in self.updated_when_left_out
            ):
                found.append(Change(key, "delete", self.replaces(account, key, state, inputs)))
        return found

    def _compare(self, path: str, old: Any, new: Any) -> Iterator[tuple[str, str]]:
        if isinstance(new, Unknown):
            yield path, "update" if old is not None else "add"
        elif path in self.json_text and isinstance(old, str) and isinstance(new, str):
            if json.loads(old) != json.loads(new):
                yield path, "update"
        elif isinstance(new, Mapping) and isinstance(old, Mapping):
            for key in new:
                yield from self._compare(f"{path}.{key}", old.get(key), new[key])
            only_given = path.rpartition(".")[2] in ("tags", "tagsAll")
            for key in sorted(old.keys() - new.keys()):
                if only_given or (f"{path}.{key}" in self.only_given and old[key] not in _EMPTY):
                    yield f"{path}.{key}", "delete"
        elif isinstance(new, list) and isinstance(old, list):
            if path in self.unordered and not has_unknown(new):
                if _canonical(old) != _canonical(new):
                    yield path, "update"
            else:
                yield from self._compare_lists(path, old, new)
        elif old is None:
            if new not in _EMPTY:
                yield path, "add"
        elif old != new:
            yield path, "update"

    def _compare_lists(
        self, path: str, old: list[Any], new: list[Any]
    ) -> Iterator[tuple[str, str]]:
        for index in range(max(len(old), len(new))):
            item = f"{path}[{index}]"
            if index >= len(new):
                yield item, "delete"
            elif index >= len(old):
                yield item, "add"
            else:
                yield from self._compare(item, old[index], new[index])

    def preview_create(self, account: Account, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Outputs of a creation that did not happen: what AWS will set is unknown."""
        outputs = dict(inputs)
        for key in self.computed | self.optional_computed:
            if outputs.get(key) is None:
                outputs[key] = UNKNOWN
        self._common(account, outputs, inputs)
        return outputs

    def preview_update(
        self,
        account: Account,
        state: Mapping[str, Any],
        inputs: Mapping[str, Any],
        changed: frozenset[str],
    ) -> dict[str, Any]:
        """Outputs of an update that did not happen."""
        outputs = {**state, **inputs}
        for key in self.unknown_after_update(changed):
            outputs[key] = UNKNOWN
        self._common(account, outputs, inputs)
        return outputs

    def outputs(
        self, account: Account, id_: str, inputs: Mapping[str, Any], state: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """State as it is recorded: inputs, and over them what AWS tells; None when gone."""
        told = self.read(account, id_, {**state, **inputs})
        if told is None:
            return None
        outputs = {**inputs, **told}
        self._common(account, outputs, outputs)
        if unknown := set(outputs) - schema.resource_shape(self.token).outputs:
            raise LookupError(f"{self.token} has no such outputs: {sorted(unknown)}")
        return outputs

    def made(self, account: Account, inputs: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Make the thing; its id and its state."""
        id_ = self.create(account, inputs)
        outputs = self.outputs(account, id_, inputs, {})
        if outputs is None:
            raise LookupError(f"{self.token} {id_} is gone right after it was made")
        return id_, outputs

    def kept(self, key: str, given: Any, told: Any) -> Any:
        """An input after a refresh: as the program wrote it where AWS tells the same."""
        if not any(self._compare(key, told, given)):
            return given
        return _like(given, told)

    def _common(self, account: Account, outputs: dict[str, Any], inputs: Mapping[str, Any]) -> None:
        declared = schema.resource_shape(self.token)
        if "region" in declared.outputs:
            outputs["region"] = inputs.get("region") or account.region
        if self._has_all_tags(declared):
            outputs["tagsAll"] = self.all_tags(account, inputs)

    def all_tags(self, account: Account, inputs: Mapping[str, Any]) -> Any:
        """What the thing is tagged with: unknown while one of its own tags is."""
        return all_tags(account, inputs)


def with_defaults(defaults: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` with defaults filled in; those of a nested object only when it is given."""
    filled = dict(values)
    for key, default in defaults.items():
        if isinstance(default, Mapping):
            if isinstance(filled.get(key), Mapping):
                filled[key] = with_defaults(default, filled[key])
        elif filled.get(key) is None:
            filled[key] = default
    return filled


def all_tags(account: Account, inputs: Mapping[str, Any]) -> Any:
    """The provider's default tags and over them the resource's own."""
    own = inputs.get("tags") or {}
    if has_unknown(own):
        return UNKNOWN
    return {**account.default_tags, **own}


def aws_tags(account: Account, inputs: Mapping[str, Any]) -> list[dict[str, str]]:
    """All tags in the form of AWS's APIs."""
    return [{"Key": key, "Value": value} for key, value in all_tags(account, inputs).items()]


def plain_tags(tags: list[dict[str, str]] | None) -> dict[str, str]:
    """Tags of an AWS answer as a map."""
    return {tag["Key"]: tag["Value"] for tag in tags or []}


def _like(given: Any, told: Any) -> Any:
    """What AWS tells, cut to the parts that the program had set; untold parts stay."""
    if told is None or isinstance(given, Unknown):
        return given
    if isinstance(given, Mapping) and isinstance(told, Mapping):
        return {key: _like(value, told.get(key)) for key, value in given.items()}
    return told


def _canonical(items: list[Any]) -> list[str]:
    return sorted(json.dumps(item, sort_keys=True, default=str) for item in items)
