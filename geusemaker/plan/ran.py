"""What a run of a program gives. Imports no simulated account."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pulumi_moto.state import State, Step


@dataclass(frozen=True)
class Ran:
    """One run of a program, in the simulated account or by the engine.

    Attributes:
        steps: What would happen, with deletions last.
        state: The stack; empty for a run against a state.
        messages: What the program logged.
        instance: The instance type, as EC2 describes it.
        worker: The same of the workers' preferred type; None without workers.
        unchecked: What was not checked, because an account is needed.
    """

    steps: tuple[Step, ...]
    state: State
    messages: tuple[tuple[Literal["info", "warning"], str], ...]
    instance: Mapping[str, Any]
    unchecked: tuple[str, ...]
    worker: Mapping[str, Any] | None = None
