"""A stack's state, as `pulumi stack export` prints it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from geusemaker.errors import PulumiError

_PROVIDER: Final = "pulumi:providers:aws"


@dataclass(frozen=True)
class Recorded:
    """One resource of a state.

    Attributes:
        id: Its id in AWS; empty for components.
        parent: The name of its parent; empty for the stack.
        protect: Whether Pulumi refuses to delete it.
        outputs: Its properties. Secrets are encrypted.
    """

    urn: str
    type: str
    id: str
    parent: str = ""
    protect: bool = False
    outputs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.urn.rpartition("::")[2]

    @property
    def is_of_aws(self) -> bool:
        """Whether it is a resource in the account."""
        return bool(self.id) and self.type.startswith("aws:")

    @property
    def account(self) -> str:
        """The account in its ARN; empty if it has none, as that of a bucket."""
        arn = self.outputs.get("arn") if self.is_of_aws else None
        parts = arn.split(":") if isinstance(arn, str) else []
        return parts[4] if len(parts) > 5 and parts[4].isdigit() else ""


@dataclass(frozen=True)
class StackState:
    """What Pulumi knows of a stack.

    Attributes:
        region: The Region of its resources; None if the state has no provider.
        pending: Names of resources whose creation was interrupted: they may exist.
    """

    resources: tuple[Recorded, ...]
    region: str | None = None
    pending: tuple[str, ...] = ()

    def of(self, type_: str) -> list[Recorded]:
        """The resources of one type."""
        return [one for one in self.resources if one.type == type_]


def state_of(document: Mapping[str, Any]) -> StackState:
    """The state in an export. Raises `PulumiError` for another document."""
    try:
        deployment = document["deployment"] or {}
        listed = deployment.get("resources") or []
        waiting = deployment.get("pending_operations") or []
        regions = [one["inputs"].get("region") for one in listed if one["type"] == _PROVIDER]
        return StackState(
            tuple(
                Recorded(
                    urn=one["urn"],
                    type=one["type"],
                    id=one.get("id") or "",
                    parent=(one.get("parent") or "").rpartition("::")[2],
                    protect=bool(one.get("protect")),
                    outputs=one.get("outputs") or {},
                )
                for one in listed
            ),
            next((one for one in regions if one), None),
            tuple(
                one["resource"]["urn"].rpartition("::")[2]
                for one in waiting
                if one["type"] == "creating"
            ),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise PulumiError(
            f"`pulumi stack export` printed no state that this version can read ({error!r}). "
            "Remove the stack with Pulumi itself: `pulumi destroy`."
        ) from None
