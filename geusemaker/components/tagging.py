"""What marks everything that a stack makes, from one place: its unique id, and its tags."""

import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pulumi

ID_LENGTH: Final = 12
"""Letters of a stack's id, about 56 bits."""


def new_id() -> str:
    """A unique id for a stack. Letters only: no reader of YAML or JSON takes it for a number."""
    return "".join(secrets.choice(string.ascii_lowercase) for _ in range(ID_LENGTH))


@dataclass(frozen=True)
class Tags:
    """The tags that all resources of a stack carry.

    `aws:defaultTags` of the stack come on top by themselves: the provider adds them to everything,
    and a key that is set here wins over the same key there.
    """

    stack: str
    """Its name, which two projects may share and a rename changes."""
    id: pulumi.Input[str]
    """The unique id of the stack, which nothing changes."""
    extra: Mapping[str, str]

    def named(self, role: str) -> dict[str, pulumi.Input[str]]:
        """Tags of the resource that plays `role`, with the `Name` that AWS's console shows."""
        return {
            **self.extra,
            "Name": f"geusemaker-{self.stack}-{role}",
            "geusemaker:stack": self.stack,
            "geusemaker:id": self.id,
        }

    def parameter_name(self, role: str) -> pulumi.Output[str]:
        """Name of the SSM parameter that plays `role`: one that is lost comes back under it.

        The name is in the boot script, so another one would replace the host. A parameter that has
        a name already keeps it: pass `ignore_changes=["name"]` (docs/adr/0024).
        """
        return pulumi.Output.format("/geusemaker/{0}/{1}", self.id, role)
