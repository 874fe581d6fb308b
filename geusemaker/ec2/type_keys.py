"""The config keys that name instance types, as messages name and change them. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from geusemaker.ec2.instance_types import InstanceType
from geusemaker.messages import NAMESPACE


@dataclass(frozen=True)
class TypeKey:
    """The key of one type, or of a list of them.

    Attributes:
        name: The key.
        listed: The types of a list; empty for the key of one type.
    """

    name: str
    listed: tuple[str, ...] = ()

    def states(self, instance_type: str) -> str:
        """The start of a sentence: the key and the type that is at fault."""
        return f"{NAMESPACE}:{self.name} {'has' if self.listed else 'is'} {instance_type}"

    def replaced(self, instance_type: str, other: str) -> str:
        """The command that puts another type in the place of this one."""
        found = [other if one == instance_type else one for one in self.listed] or [other]
        return self.set(dict.fromkeys(found))

    def set(self, types: Iterable[str]) -> str:
        """The command that sets these types."""
        return f"`pulumi config set {NAMESPACE}:{self.name} {','.join(types)}`"


HOST: Final = TypeKey("instanceType")


def of_workers(types: Iterable[InstanceType | str]) -> TypeKey:
    """The key of these types of workers."""
    names = [one if isinstance(one, str) else one.name for one in types]
    return TypeKey("workerInstanceTypes", tuple(names))
