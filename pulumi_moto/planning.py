"""What Pulumi plans for a resource type: the half of the real provider that all types share.

The facts are those of the Terraform bridge that the real provider is built on: Check writes
defaults and a generated name into the inputs, Diff compares inputs with the old *state*, a property
that AWS fills in itself makes no diff when the program leaves it out.
"""

import hashlib
import json
import re
from abc import ABC
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from . import schema
from .account import Account
from .backends import has_region
from .schema import Problem
from .state import Change, top
from .tags import all_tags
from .wire import UNKNOWN, Unknown, has_unknown

Values = Mapping[str, Any]
"""Properties by their names in Pulumi, or an answer of AWS by its own names."""

_EMPTY: Final[tuple[Any, ...]] = (None, "", False, 0, [], {})


def names(text: str) -> frozenset[str]:
    """The words of a text, for long sets of property names."""
    return frozenset(text.split())


@dataclass(frozen=True)
class AutoName:
    """A property that gets `<logical name>-<7 hex digits>` when the program leaves it out."""

    property: str = "name"
    longest: int = 255


class Planned(ABC):
    """The table of one resource type, and what Check, Diff and a preview make of it."""

    token: ClassVar[str]
    replace_on: ClassVar[frozenset[str]] = frozenset()
    """Paths whose change forces a new resource: top-level names, or `object.field`."""
    defaults: ClassVar[Values] = {}
    """What the provider's schema writes into the inputs."""
    optional_computed: ClassVar[frozenset[str]] = frozenset()
    """What AWS sets when the program does not: leaving it out is no diff."""
    updated_when_left_out: ClassVar[frozenset[str]] = frozenset()
    """What AWS sets when the program does not, but whose removal is an update all the same."""
    only_given: ClassVar[frozenset[str]] = frozenset()
    """Fields of objects, as `object.field`, that AWS does not fill in: left out, they go."""
    not_simulated: ClassVar[Mapping[str, str]] = {}
    """Declared inputs that are refused, with the reason."""
    simulated: ClassVar[frozenset[str] | None] = None
    """The only inputs that are not refused, for types of which most are."""
    needed: ClassVar[tuple[str, ...]] = ()
    """Inputs that AWS can do without, or finds by itself, and the simulated account cannot."""
    autoname: ClassVar[AutoName | None] = None
    always_delete_first: ClassVar[bool] = False
    json_text: ClassVar[frozenset[str]] = frozenset()
    """Policies: checked and compared as JSON documents, not as text."""
    unordered: ClassVar[frozenset[str]] = frozenset()
    """Lists that are sets in AWS."""
    secret: ClassVar[frozenset[str]] = frozenset()

    @property
    def declared(self) -> schema.Shape:
        """What `pulumi_aws` declares of the type."""
        return schema.resource_shape(self.token)

    @property
    def computed(self) -> frozenset[str]:
        """What AWS alone sets: unknown while previewing a creation."""
        return self.declared.outputs - self.declared.types.keys() - {"id", "region", "tagsAll"}

    # What a type adds to Check and Diff. ---------------------------------------------------

    def extra_problems(self, inputs: Values) -> Iterator[Problem]:
        """What the real provider refuses at plan time beyond its schema."""
        return iter(())

    def _refused(self, inputs: Values) -> Iterator[Problem]:
        """What the provider declares, and the simulated account does not do."""
        for key, given in sorted(inputs.items()):
            if given and key in self.not_simulated:
                yield Problem(key, f"not simulated: {self.not_simulated[key]}")
            elif given is not None and self.simulated is not None and key not in self.simulated:
                yield Problem(key, "declared by AWS, but not simulated yet")
        for key in sorted(self.json_text & inputs.keys()):
            yield from _policy_problem(key, inputs[key])
        for key in self.needed:
            if inputs.get(key) is None:
                yield Problem(key, "simulated only where it is set")

    def replaces(self, account: Account, path: str, state: Values, inputs: Values) -> bool:
        """Whether a change of `path` forces a new resource; for conditions beyond `replace_on`."""
        return top(path) in self.replace_on or path.split("[")[0] in self.replace_on

    def unknown_after_update(self, changed: frozenset[str]) -> frozenset[str]:
        """Outputs that an update in place may move, so that a preview must not promise them."""
        return frozenset()

    # The shared half. ----------------------------------------------------------------------

    def check(
        self, account: Account, name: str, old: Values | None, new: Values, seed: bytes
    ) -> tuple[dict[str, Any], list[Problem]]:
        """Inputs with defaults, all tags and name filled in, and what is wrong with them."""
        inputs = with_defaults(self.defaults, new)
        found = [*schema.problems(self.declared, new), *region_problem(new)]
        if self.autoname:
            if inputs.get(self.autoname.property) is None:
                inputs[self.autoname.property] = self._name(self.autoname, name, old, seed)
            if inputs.get("namePrefix") is not None:
                found.append(Problem("namePrefix", "not simulated: leave the name to Pulumi"))
        if found:
            return inputs, found
        if "tagsAll" in self.declared.outputs:
            inputs["tagsAll"] = self.all_tags(account, new)
        return inputs, [*self._refused(inputs), *self.extra_problems(inputs)]

    def _name(self, autoname: AutoName, name: str, old: Values | None, seed: bytes) -> str:
        before = (old or {}).get(autoname.property)
        if isinstance(before, str):
            return before
        digest = hashlib.sha256(seed + self.token.encode() + name.encode()).hexdigest()[:7]
        return f"{name[: autoname.longest - 8]}-{digest}"

    def delete_first(self, name: str, inputs: Values) -> bool:
        """Whether a replacement of the resource `name` must delete before it creates.

        It must where the program named the thing itself: two of one name cannot exist.
        """
        if self.autoname is None or self.always_delete_first:
            return self.always_delete_first
        given = inputs.get(self.autoname.property)
        generated = re.escape(name[: self.autoname.longest - 8]) + "-[0-9a-f]{7}"
        return isinstance(given, str) and re.fullmatch(generated, given) is None

    def changes(
        self, account: Account, state: Values, old_inputs: Values, inputs: Values
    ) -> list[Change]:
        """All differences between the thing, in the Region of `account`, and the new inputs."""
        found: list[Change] = []
        for key in sorted({*inputs, *old_inputs}):
            if key in inputs and inputs[key] is not None:
                moves = key == "region"
                before = account.region if moves else state.get(key)
                for path, kind in self._compare(key, before, inputs[key]):
                    replaces = moves or self.replaces(account, path, state, inputs)
                    found.append(Change(path, kind, replaces))
            elif old_inputs.get(key) not in _EMPTY and (
                key not in self.optional_computed | {"region"} or key in self.updated_when_left_out
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
                field = re.sub(r"\[\d+\]", "", f"{path}.{key}")
                if only_given or (field in self.only_given and old[key] not in _EMPTY):
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

    def preview_create(self, account: Account, inputs: Values) -> dict[str, Any]:
        """Outputs of a creation that did not happen: what AWS will set is unknown."""
        outputs = dict(inputs)
        for key in self.computed | self.optional_computed:
            if outputs.get(key) is None:
                outputs[key] = UNKNOWN
        self._common(account, outputs, inputs)
        return outputs

    def preview_update(
        self, account: Account, state: Values, inputs: Values, changed: frozenset[str]
    ) -> dict[str, Any]:
        """Outputs of an update that did not happen."""
        outputs = {**state, **inputs}
        for key in self.unknown_after_update(changed):
            outputs[key] = UNKNOWN
        self._common(account, outputs, inputs)
        return outputs

    def kept(self, key: str, given: Any, shown: Any) -> Any:
        """An input after a refresh: as the program wrote it where AWS shows the same."""
        if not any(self._compare(key, shown, given)):
            return given
        return _like(given, shown)

    def _common(self, account: Account, outputs: dict[str, Any], inputs: Values) -> None:
        if "region" in self.declared.outputs:
            outputs["region"] = inputs.get("region") or account.region
        if "tagsAll" in self.declared.outputs:
            outputs["tagsAll"] = self.all_tags(account, inputs)

    def all_tags(self, account: Account, inputs: Values) -> Any:
        """What the thing is tagged with: unknown while one of its own tags is."""
        return all_tags(account, inputs)


def region_problem(given: Values) -> Iterator[Problem]:
    """A problem for a resource or look-up in an unknown Region."""
    region = given.get("region")
    if isinstance(region, str) and not has_region(region):
        yield Problem("region", f"the simulated account has no Region {region!r}")


def with_defaults(defaults: Values, values: Values) -> dict[str, Any]:
    """`values` with defaults filled in; those of a nested object only when it is given."""
    filled = dict(values)
    for key, default in defaults.items():
        if isinstance(default, Mapping):
            if isinstance(filled.get(key), Mapping):
                filled[key] = with_defaults(default, filled[key])
        elif filled.get(key) is None:
            filled[key] = default
    return filled


def _policy_problem(key: str, text: Any) -> Iterator[Problem]:
    """What the real provider refuses about a policy document before it calls AWS."""
    if not isinstance(text, str):
        return
    try:
        parsed = json.loads(text)
    except ValueError as broken:
        yield Problem(key, f"contains an invalid JSON policy: {broken}")
        return
    if not isinstance(parsed, dict) or not parsed.get("Statement"):
        yield Problem(key, "contains an invalid JSON policy: no Statement")


def _like(given: Any, shown: Any) -> Any:
    """What AWS shows, cut to the parts that the program had set; parts that are not shown stay."""
    if shown is None or isinstance(given, Unknown):
        return given
    if isinstance(given, Mapping) and isinstance(shown, Mapping):
        return {key: _like(value, shown.get(key)) for key, value in given.items()}
    return shown


def _canonical(items: list[Any]) -> list[str]:
    return sorted(json.dumps(item, sort_keys=True, default=str) for item in items)
