"""The result of a check, and the interface to the stack and AWS that checks use."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

from geusemaker.config import DeploymentConfig

State = Literal["ok", "warning", "failed", "unknown"]
"""`unknown`: the check could not run, which is not a failure."""

NO_CREDENTIALS: Final = "not checked: no credentials"
NO_REGION: Final = "not checked: no Region"
NO_CONFIG: Final = "not checked: the stack's config cannot be used"
NO_TYPE: Final = "not checked: the instance type cannot be used"


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check.

    Attributes:
        detail: The finding, on one line.
        fix: What to do about it, with commands; empty if nothing is to do.
    """

    name: str
    state: State
    detail: str
    fix: str = ""


class Place(Protocol):
    """What is checked: a stack or none, its Region, and access to AWS."""

    @property
    def env(self) -> Mapping[str, str]:
        """The environment of Pulumi and boto3."""

    @property
    def region(self) -> str | None:
        """None if no Region is set."""

    @property
    def region_source(self) -> str:
        """Where the Region is set, such as "AWS_REGION"."""

    @property
    def stack(self) -> str | None:
        """None if no stack is selected."""

    @property
    def no_stack(self) -> str:
        """Why there is no stack."""

    @property
    def simulated(self) -> bool:
        """Whether the account is simulated on this machine."""

    def client(self, service: str) -> Any:
        """A boto3 client in the Region."""

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs; empty without a deployed stack. Raises `GeuseMakerError`."""

    def config(self) -> DeploymentConfig:
        """The stack's config; all defaults without a stack. Raises `GeuseMakerError`."""
