"""The unique id of a stack, and the tags of its resources."""

import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pulumi

ID_LENGTH: Final = 12
"""Letters of a stack's id, about 56 bits."""


def new_id() -> str:
    """Generates a unique id. Letters only, so that YAML does not parse it as a number."""
    return "".join(secrets.choice(string.ascii_lowercase) for _ in range(ID_LENGTH))


@dataclass(frozen=True)
class Tags:
    """Tags of all resources of a stack.

    The provider adds `aws:defaultTags`. Tags from here override the same keys there.
    """

    stack: str
    """Name of the stack. Not unique, and a rename changes it."""
    id: pulumi.Input[str]
    """Unique id of the stack. Never changes."""
    extra: Mapping[str, str]

    def named(self, role: str) -> dict[str, pulumi.Input[str]]:
        """Tags of the resource with this role. AWS's console shows `Name`."""
        return {
            **self.extra,
            "Name": f"geusemaker-{self.stack}-{role}",
            "geusemaker:stack": self.stack,
            "geusemaker:id": self.id,
        }

    def parameter_name(self, role: str) -> pulumi.Output[str]:
        """Name of the SSM parameter with this role.

        Fixed, so that a lost parameter is created again under the same name: the boot script has
        the name, and another one would replace the host. Older stacks have other names: pass
        `ignore_changes=["name"]` (docs/adr/0024).
        """
        return pulumi.Output.format("/geusemaker/{0}/{1}", self.id, role)
