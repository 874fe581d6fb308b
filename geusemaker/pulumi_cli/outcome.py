"""The result of a preview or an operation of Pulumi, and the resources that it changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Resources with the user's data: a replacement is empty.
_DATA_TYPES = ("aws:ebs:Volume", "aws:efs:FileSystem")


@dataclass(frozen=True)
class ChangedResource:
    """A changed resource: its name, and its type as Pulumi shows it."""

    name: str
    type: str

    @property
    def is_data(self) -> bool:
        """Whether a replacement loses data."""
        return self.type in _DATA_TYPES

    @property
    def is_host(self) -> bool:
        return self.type == "aws:ec2:Instance"

    def __str__(self) -> str:
        return f"{self.name} ({self.type})"


@dataclass(frozen=True)
class Outcome:
    """The result of an operation or a preview: counts by operation, warnings and notes.

    Only previews have resources: those to create, to replace, and to change in place.
    """

    changes: Mapping[str, int]
    warnings: tuple[str, ...]
    notes: tuple[str, ...] = ()
    replaced: tuple["ChangedResource", ...] = ()
    updated: tuple["ChangedResource", ...] = ()
    created: tuple["ChangedResource", ...] = ()

    def count(self, *operations: str) -> int:
        return max((self.changes.get(name, 0) for name in operations), default=0)

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes."""
        return not any(self._counts())

    @property
    def has_new_host(self) -> bool:
        return any(one.is_host for one in (*self.created, *self.replaced))

    def would(self) -> str:
        """The counts as text for a preview."""
        create, update, replace, delete = self._counts()
        if self.is_empty:
            return self._unchanged()
        updates = f"{update} to update, " if update else ""
        return f"{create} to create, {updates}{replace} to replace, {delete} to delete"

    def replaces(self) -> str:
        """The replaced resources as text, with a warning if data is lost."""
        listed = ", ".join(str(one) for one in self.replaced) or "nothing"
        lost = [one.name for one in self.replaced if one.is_data]
        if lost:
            return f"{listed} -- DATA IS LOST with {', '.join(lost)}"
        return f"{listed}; data volume and file system stay" if self.replaced else listed

    def did(self) -> str:
        """The counts as text for a finished operation."""
        words = zip(("created", "updated", "replaced", "deleted"), self._counts(), strict=True)
        done = ", ".join(f"{n} {word}" for word, n in words if n)
        return done or self._unchanged()

    def _unchanged(self) -> str:
        same = self.count("same")
        return f"no changes, {same} unchanged" if same else "no changes"

    def _counts(self) -> tuple[int, int, int, int]:
        return (
            self.count("create"),
            self.count("update"),
            self.count("replace", "create-replacement"),
            self.count("delete"),
        )


def changed_by(steps: list[dict[str, Any]], *operations: str) -> tuple[ChangedResource, ...]:
    """The resources of the steps with one of these operations, each once."""
    found = [_changed_resource(str(one["urn"])) for one in steps if one.get("op") in operations]
    return tuple(dict.fromkeys(found))


def _changed_resource(urn: str) -> ChangedResource:
    """Parses a URN; its third part ends with the resource's type."""
    parts = urn.split("::")
    package, module, kind = parts[-2].rpartition("$")[2].split(":")
    return ChangedResource(parts[-1], f"{package}:{module.partition('/')[0]}:{kind}")
