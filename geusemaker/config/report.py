"""Collects what is wrong with a set of config values and tells it in one paragraph."""

import shlex
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from geusemaker.config.sources import Given
from geusemaker.messages import (
    FileOrigin,
    Fix,
    InvalidValue,
    Origin,
    Remove,
    Set,
    StackOrigin,
    as_text,
    nearest,
    one_paragraph,
    pasteable,
    shown,
)

# Keys of the design that this version cannot honour yet: to ignore one would be worse than to say
# so, above all where it looks like safety or money.
NOT_IN_THIS_VERSION = {
    "efsId": "an existing file system cannot be adopted yet",
    "dataVolumeId": "an existing data volume cannot be adopted yet",
    "spot": "the host is always on demand",
}

# What others call the same thing.
_ALIASES = {
    "amd64": "x86_64",
    "x64": "x86_64",
    "x86": "x86_64",
    "intel": "x86_64",
    "aarch64": "arm64",
    "graviton": "arm64",
    "arm": "arm64",
    "al2023": "amazon-linux-2023",
    "al2": "amazon-linux-2",
    "torch": "pytorch",
    "jammy": "ubuntu-22.04",
    "noble": "ubuntu-24.04",
}
_MAX_TOLD = 4


def choices(field: FieldInfo) -> tuple[str, ...]:
    """The values of a field that has a closed list of them."""
    return get_args(field.annotation) if get_origin(field.annotation) is Literal else ()


def metadata(field: FieldInfo, what: str) -> Any:
    """What the field says of itself for messages and docs: `values`, `example` or `default`."""
    extra = field.json_schema_extra
    assert isinstance(extra, dict)  # noqa: S101 - for the type checker
    value = extra[what]
    return ", ".join(choices(field)) if value == "{choices}" else value


def holds_secrets(field: FieldInfo | None) -> bool:
    """Whether the values of a field are secrets by what they are, however they were set."""
    return field is not None and bool(metadata(field, "secret"))


def _harmless(field: FieldInfo) -> Any:
    """A value to propose where nothing is near: the default, so that a pasted command is safe."""
    plain = isinstance(field.default, str | int)
    return field.default if plain else metadata(field, "example")


class Report:
    """The problems found so far."""

    def __init__(self, fields: Mapping[str, FieldInfo], given: Mapping[str, Given]) -> None:
        self.problems: list[str] = []
        self._names = {str(field.alias): name for name, field in fields.items()}
        self._fields = {str(field.alias): field for field in fields.values()}
        self._given = given

    def field_of(self, one: Given) -> str | None:
        """The name of the field that the key stands for; notes a problem when there is none."""
        if one.key in self._names:
            return self._names[one.key]
        label = one.origin.name(one.key)
        if one.key in NOT_IN_THIS_VERSION:
            self.problems.append(
                f"{label} is not in this version: {NOT_IN_THIS_VERSION[one.key]}; "
                f"{one.origin.remove(one.key)}"
            )
            return None
        near = nearest(one.key, [*self._names, *NOT_IN_THIS_VERSION])
        if one.key.lower().rpartition(":")[2] == "region":
            region = shlex.quote(as_text(one.value))
            self.problems.append(
                f"{label} is not a key of this program: the Region is the stack's, `pulumi config "
                f"set aws:region {region}`, or that of `--region {region}`; "
                f"{one.origin.remove(one.key)}"
            )
        elif near is None:
            known = ", ".join(self._names)
            self.problems.append(
                f"{label} is not a key of this program, whose keys are {known}; "
                f"{one.origin.remove(one.key)}"
            )
        elif near in NOT_IN_THIS_VERSION:
            self.problems.append(
                f"{label} is not a key of this program, and {near}, which is near to it, is not "
                f"in this version: {NOT_IN_THIS_VERSION[near]}; {one.origin.remove(one.key)}"
            )
        else:
            secret = one.secret or holds_secrets(self._fields[near])
            value = "VALUE" if secret else pasteable(one.value)
            self.problems.append(
                f"{label} is not a key of this program, did you mean {near}? To fix it, "
                f"{one.origin.rename(near, value, secret=secret)}"
            )
        return None

    def in_clear(self, one: Given) -> None:
        """Notes that a value is readable where it was written, and must not be."""
        field = self._fields[one.key]
        fix = StackOrigin().set(one.key, metadata(field, "example"), secret=True)
        if isinstance(one.origin, FileOrigin):
            fix = f"{one.origin.remove(one.key)} and {fix}"
        self.problems.append(
            f"{one.origin.name(one.key)} is in clear where it was written, and who reads that has "
            f"the passwords; allowed: {metadata(field, 'values')}. To fix it, {fix}"
        )

    def invalid(self, key: str, invalid: InvalidValue) -> None:
        """Notes that the value of one key breaks a rule."""
        one, field = self._given[key], self._fields[key]
        values = metadata(field, "values")
        without = () if field.default is not None else (Remove(key),)
        example: tuple[Fix, ...] = (Set(key, _harmless(field)), *without)
        fixes = invalid.fixes or example
        if one.secret:
            # Neither the value nor what a rule made of it: both would end up in a log.
            why = f"{one.origin.name(key)} holds a secret value, not shown, that is not valid"
            if invalid.open_why:
                why = f"{one.origin.name(key)} holds a secret value, not shown, which {invalid.why}"
            fixes = example
        else:
            why = f"{one.origin.name(key)} is {shown(one.value)}, which {invalid.why}"
        hint = "" if invalid.fixes or one.secret else "for example "
        self.problems.append(
            f"{why}; allowed: {values}. To fix it, {hint}{self._fixing(fixes, key)}"
        )

    def validation(self, error: ValidationError) -> None:
        """Notes what pydantic found, in our words."""
        # A rule about several keys has nothing to say while one of them is still in doubt.
        several = not self.problems
        for detail in error.errors(include_url=False):
            cause = detail.get("ctx", {}).get("error")
            if detail["type"] == "default_factory_not_called":
                continue
            if not detail["loc"]:
                if several and isinstance(cause, InvalidValue):
                    self._several(cause)
                continue
            key = str(detail["loc"][0])
            self.invalid(
                key, cause if isinstance(cause, InvalidValue) else self._typed(key, detail)
            )

    def paragraph(self) -> str:
        told_here = self.problems[:_MAX_TOLD]
        if rest := len(self.problems) - len(told_here):
            told_here.append(f"And {rest} more")
        return one_paragraph(" ".join(f"{problem}." for problem in told_here))

    def _typed(self, key: str, detail: Any) -> InvalidValue:
        """What pydantic says of a type, a range or a choice."""
        value, context = self._given[key].value, detail.get("ctx", {})
        if detail["type"] == "literal_error":
            known = choices(self._fields[key])
            near = None
            if isinstance(value, str):
                near = _ALIASES.get(value.strip().lower()) or nearest(value, known)
            if near in known:
                return InvalidValue(f"is none of its values (did you mean {near}?)", Set(key, near))
            return InvalidValue("is none of its values")
        for bound, word in (("ge", "less than"), ("le", "more than")):
            if bound in context:
                return InvalidValue(f"is {word} {context[bound]}", Set(key, context[bound]))
        return InvalidValue("is of another kind than the key takes")

    def _several(self, invalid: InvalidValue) -> None:
        given = [self._given[key] for key in invalid.keys if key in self._given]
        why = invalid.why
        if any(one.secret for one in given):
            why = f"{' and '.join(invalid.keys)} do not fit together (a value is secret, not shown)"
        place = given[0].origin.place() if given else ""
        self.problems.append(
            f"{place}{why}; to fix it, {self._fixing(invalid.fixes, invalid.keys[0])}"
        )

    def _fixing(self, fixes: tuple[Fix, ...], key: str) -> str:
        ways = []
        for fix in fixes:
            # A default that stands in the way was not written anywhere yet.
            neighbour = self._given.get(key) or next(iter(self._given.values()), None)
            beside: Origin = neighbour.origin.beside() if neighbour else StackOrigin()
            one = self._given.get(fix.key)
            origin = one.origin if one else beside
            if isinstance(fix, Remove):
                ways.append(origin.remove(fix.key))
                continue
            secret = one is not None and one.secret
            example = metadata(self._fields[fix.key], "example")
            value = example if secret or pasteable(fix.value) == "VALUE" else fix.value
            ways.append(origin.set(fix.key, value, secret=secret))
        return " or ".join(ways)
