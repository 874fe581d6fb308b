"""Tags of everything that a stack makes, from one place."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Tags:
    """The tags that all resources of a stack carry.

    `aws:defaultTags` of the stack come on top by themselves: the provider adds them to everything,
    and a key that is set here wins over the same key there.
    """

    stack: str
    extra: Mapping[str, str]

    def named(self, role: str) -> dict[str, str]:
        """Tags of the resource that plays `role`, with the `Name` that AWS's console shows."""
        return {
            **self.extra,
            "Name": f"geusemaker-{self.stack}-{role}",
            "geusemaker:stack": self.stack,
        }
