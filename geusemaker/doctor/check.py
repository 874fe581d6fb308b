"""What a check answers, and what it may ask of the place that it looks at."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

from geusemaker.config import DeploymentConfig

State = Literal["ok", "warning", "failed", "unknown"]
"""`unknown`: it could not be looked at, which is no reason to fail."""

NO_CREDENTIALS: Final = "not looked at: no credentials"
NO_REGION: Final = "not looked at: no Region"
NO_CONFIG: Final = "not looked at: the stack's config cannot be used"
NO_TYPE: Final = "not looked at: the instance type cannot be used"


@dataclass(frozen=True, slots=True)
class Check:
    """The answer to one question.

    Attributes:
        detail: What was seen, on one line.
        fix: What to do about it, with the commands; empty where there is nothing to do.
    """

    name: str
    state: State
    detail: str
    fix: str = ""


class Place(Protocol):
    """Where is looked: a stack, or none, its Region, and the way to AWS."""

    @property
    def env(self) -> Mapping[str, str]:
        """The environment that Pulumi and boto3 work in."""

    @property
    def region(self) -> str | None:
        """None where nothing names one."""

    @property
    def region_source(self) -> str:
        """What names the Region, such as "AWS_REGION"."""

    @property
    def stack(self) -> str | None:
        """None where none is selected."""

    @property
    def no_stack(self) -> str:
        """Why there is no stack."""

    @property
    def simulated(self) -> bool:
        """Whether the account is the one on this machine."""

    def client(self, service: str) -> Any:
        """A boto3 client in the Region."""

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs; empty when it was never deployed, or without a stack. Raises
        `GeuseMakerError`."""

    def config(self) -> DeploymentConfig:
        """The stack's config; all defaults without a stack. Raises `GeuseMakerError`."""
