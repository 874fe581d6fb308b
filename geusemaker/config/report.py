"""Collects the errors in a set of config values and reports them in one paragraph."""

import shlex
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from geusemaker.config.effects import in_words
from geusemaker.config.sources import Given
from geusemaker.messages import (
    FileOrigin,
    Fix,
    InvalidSetting,
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

# Planned keys. Each gets its own error, so that a user does not rely on a key without effect.
NOT_IN_THIS_VERSION = {
    "efsId": "an existing file system cannot be used",
    "dataVolumeId": "an existing data volume cannot be used",
    "spot": "the host is always on demand",
}

_MAX_SHOWN_PROBLEMS = 4
_MAX_MISTAKES = 40


def choices(field: FieldInfo) -> tuple[str, ...]:
    """The allowed values of a `Literal` field; empty for any other field."""
    return get_args(field.annotation) if get_origin(field.annotation) is Literal else ()


def metadata(field: FieldInfo, what: str) -> Any:
    """Metadata of a field: `values`, `example`, `default`, `effects` or `secret`; see `fields`."""
    extra = field.json_schema_extra
    assert isinstance(extra, dict)  # noqa: S101 - for the type checker
    value = extra[what]
    return ", ".join(choices(field)) if value == "{choices}" else value


def described(field: FieldInfo) -> str:
    """What a key is, and what a change of it does."""
    return f"{field.description} {in_words(metadata(field, 'effects'))}"


def holds_secrets(field: FieldInfo | None) -> bool:
    """Whether every value of a field is a secret, however it was set."""
    return field is not None and bool(metadata(field, "secret"))


def _safe_value(field: FieldInfo) -> Any:
    """The value to propose if none is similar: the default, so that the command is safe to run."""
    has_plain_default = isinstance(field.default, str | int)
    return field.default if has_plain_default else metadata(field, "example")


class Report:
    """The problems found so far, each as a sentence with its fix."""

    def __init__(self, fields: Mapping[str, FieldInfo], given: Mapping[str, Given]) -> None:
        self.problems: list[str] = []
        self._names = {str(field.alias): name for name, field in fields.items()}
        self._fields = {str(field.alias): field for field in fields.values()}
        self._given = given

    def field_of(self, one: Given) -> str | None:
        """The field name of a key. For an unknown key: None, and a problem is added."""
        if one.key in self._names:
            return self._names[one.key]
        label = one.origin.name(one.key)
        if one.key in NOT_IN_THIS_VERSION:
            self.problems.append(
                f"{label} is not supported by this version: {NOT_IN_THIS_VERSION[one.key]}. "
                f"To fix it, {one.origin.remove(one.key)}"
            )
            return None
        near = nearest(one.key, [*self._names, *NOT_IN_THIS_VERSION])
        if one.key.lower().rpartition(":")[2] == "region":
            region = shlex.quote(as_text(one.value))
            self.problems.append(
                f"{label} is not a config key. To set the Region, run `pulumi config set "
                f"aws:region {region}` or use `--region {region}`, and {one.origin.remove(one.key)}"
            )
        elif near is None:
            known = ", ".join(self._names)
            self.problems.append(
                f"{label} is not a config key. The keys are {known}. To fix it, "
                f"{one.origin.remove(one.key)}"
            )
        elif near in NOT_IN_THIS_VERSION:
            self.problems.append(
                f"{label} is not a config key, and the similar {near} is not supported by this "
                f"version: {NOT_IN_THIS_VERSION[near]}. To fix it, {one.origin.remove(one.key)}"
            )
        else:
            # Settings of services may hold a secret in plain text, which their own key refuses.
            secret = one.secret or holds_secrets(self._fields[near]) or near == "serviceSettings"
            value = "VALUE" if secret else pasteable(one.value)
            self.problems.append(
                f"{label} is not a config key (did you mean {near}?). To fix it, "
                f"{one.origin.rename(near, value, secret=secret)}"
            )
        return None

    def in_plain_text(self, one: Given) -> None:
        """Adds the problem that a secret is in plain text."""
        field = self._fields[one.key]
        fix = StackOrigin().set(one.key, metadata(field, "example"), secret=True)
        if isinstance(one.origin, FileOrigin):
            fix = f"{one.origin.remove(one.key)} and {fix}"
        self.problems.append(
            f"{one.origin.name(one.key)} is in plain text, so everyone who can read the config has "
            f"the passwords. Allowed: {metadata(field, 'values')}. To fix it, {fix}"
        )

    def invalid(self, key: str, invalid: InvalidValue) -> None:
        """Adds the problem that the value of one key is invalid."""
        one, field = self._given[key], self._fields[key]
        if isinstance(invalid, InvalidSetting):
            self._part(one, invalid)
            return
        values = metadata(field, "values")
        without = () if field.default is not None else (Remove(key),)
        example: tuple[Fix, ...] = (Set(key, _safe_value(field)), *without)
        accepted = tuple(fix for fix in map(self._accepted, invalid.fixes) if fix)
        fixes = accepted or example
        if one.secret:
            # The message ends up in logs, and most reasons and fixes repeat parts of the value.
            reason = invalid.why if invalid.public_reason else "is not valid"
            why = f"{one.origin.name(key)} has a secret value (not shown), which {reason}"
            fixes = example
        else:
            why = f"{one.origin.name(key)} is {shown(one.value)}, which {invalid.why}"
        hint = "" if accepted or one.secret else "for example "
        self.problems.append(
            f"{why}. Allowed: {values}. To fix it, {hint}{self._fix_text(fixes, key)}"
        )

    def _part(self, one: Given, invalid: InvalidSetting) -> None:
        """Adds the problem that a part of a map of maps is invalid."""
        label = one.origin.name(one.key)
        if invalid.at:
            spelled = getattr(one.origin, "spelled", None) or one.key
            label = label.replace(spelled, f"{spelled}.{invalid.at}", 1)
        hidden = one.secret or invalid.value is None
        value = "" if hidden else f" is {shown(invalid.value)}, which"
        guess = f" (did you mean {invalid.guess}?)" if invalid.guess and not one.secret else ""
        allowed = f" Allowed: {invalid.allowed}." if invalid.allowed else ""
        fixes = invalid.public_fixes if one.secret else invalid.fixes
        self.problems.append(
            f"{label}{value} {invalid.why}{guess}.{allowed} To fix it, "
            f"{self._fix_text(fixes, one.key)}"
        )

    def validation(self, error: ValidationError) -> None:
        """Adds the problems that pydantic found."""
        # Cross-field validation needs valid fields: with an invalid one, its error may mislead.
        fields_are_valid = not self.problems
        for detail in error.errors(include_url=False):
            cause = detail.get("ctx", {}).get("error")
            if detail["type"] == "default_factory_not_called":
                continue
            if not detail["loc"]:
                if fields_are_valid and isinstance(cause, InvalidValue):
                    self._cross_field(cause)
                continue
            key = str(detail["loc"][0])
            self.invalid(
                key, cause if isinstance(cause, InvalidValue) else self._from_pydantic(key, detail)
            )

    def paragraph(self) -> str:
        """All problems in one paragraph; beyond the first few, only their number."""
        shown_here = self.problems[:_MAX_SHOWN_PROBLEMS]
        if rest := len(self.problems) - len(shown_here):
            shown_here.append(f"Problems not shown: {rest}")
        return one_paragraph(" ".join(f"{problem}." for problem in shown_here))

    def _from_pydantic(self, key: str, detail: Any) -> InvalidValue:
        """The error of pydantic about a type, a range or a choice."""
        value, context = self._given[key].value, detail.get("ctx", {})
        if detail["type"] == "literal_error":
            known = choices(self._fields[key])
            near = None
            if isinstance(value, str):
                near = nearest(value, known)
            if near in known:
                return InvalidValue(
                    f"is not an allowed value (did you mean {near}?)", Set(key, near)
                )
            return InvalidValue("is not an allowed value")
        for bound, word in (("ge", "less than"), ("le", "more than")):
            if bound in context:
                return InvalidValue(f"is {word} {context[bound]}", Set(key, context[bound]))
        return InvalidValue("has the wrong type")

    def _cross_field(self, invalid: InvalidValue) -> None:
        given = [self._given[key] for key in invalid.keys if key in self._given]
        why = invalid.why
        if any(one.secret for one in given) and not invalid.public_reason:
            keys = " and ".join(invalid.keys)
            why = f"{keys}: invalid combination of values (one is secret and not shown)"
        place = given[0].origin.place() if given else ""
        self.problems.append(
            f"{place}{why}. To fix it, {self._fix_text(invalid.fixes, invalid.keys[0])}"
        )

    def _accepted(self, fix: Fix) -> Fix | None:
        """The fix with a value that its rule accepts: a list may have more than one mistake."""
        if not isinstance(fix, Set) or fix.key not in self._fields:
            return fix
        field = self._fields[fix.key]
        kind: Any = field.annotation
        for rule in field.metadata:
            kind = Annotated[kind, rule]
        for _ in range(_MAX_MISTAKES):
            try:
                TypeAdapter(kind).validate_python(fix.value)
            except ValidationError as error:
                cause = error.errors(include_url=False)[0].get("ctx", {}).get("error")
                better = cause.fixes[0] if isinstance(cause, InvalidValue) and cause.fixes else None
                if not isinstance(better, Set):
                    return better
                fix = better
            else:
                return fix
        return None

    def _fix_text(self, fixes: tuple[Fix, ...], key: str) -> str:
        ways = []
        for fix in fixes:
            if isinstance(fix, Remove):
                keys = [fix.key, *([fix.also] if fix.also else [])]
                ways.append(" and ".join(self._origin(one, key).remove(one) for one in keys))
                continue
            origin = self._origin(fix.key, key)
            if "." in fix.key:
                ways.append(_set_part(origin, fix))
                continue
            one = self._given.get(fix.key)
            secret = one is not None and one.secret
            example = metadata(self._fields[fix.key], "example")
            value = example if secret or pasteable(fix.value) == "VALUE" else fix.value
            ways.append(origin.set(fix.key, value, secret=secret))
        return " or ".join(ways)

    def _origin(self, changed: str, key: str) -> Origin:
        """Where the changed key is set; at its default, where the key at fault is set."""
        if one := self._given.get(changed.partition(".")[0]):
            return one.origin
        neighbour = self._given.get(key) or next(iter(self._given.values()), None)
        return neighbour.origin.sibling() if neighbour else StackOrigin()


def _set_part(origin: Origin, fix: Set) -> str:
    """The instruction to set a part of a key's value. A secret part is in the stack only."""
    if fix.value is not None:
        return origin.set(fix.key, fix.value)
    away = f"{origin.remove(fix.key)} and " if isinstance(origin, FileOrigin) else ""
    return away + StackOrigin().set(fix.key, None, secret=True)
