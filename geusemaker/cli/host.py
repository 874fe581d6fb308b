"""What the commands for a running host have in common: the stack's outputs, and one look at it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import typer

from geusemaker.cli.target import Target
from geusemaker.errors import HostError
from geusemaker.host import report
from geusemaker.host.service import HostService
from geusemaker.host.status import GONE, HostStatus, Instance

NOT_THERE = ("terminated", "shutting-down", GONE)


@dataclass
class Host:
    """The host of one deployed stack."""

    target: Target
    stack: str
    outputs: Mapping[str, Any]
    service: HostService
    id: str
    fit: Callable[[str], str]
    """Makes the commands in a text those for what was typed."""

    def tell(self, text: str) -> None:
        """A line of the answer."""
        typer.echo(self.fit(text))

    def output(self, name: str) -> str:
        """An output that this version makes. `HostError` where the stack is of an older one."""
        value = self.outputs.get(name)
        if not isinstance(value, str) or not value:
            raise HostError(
                f"Stack {self.stack} has no output {name}: it was deployed by an older version of "
                "GeuseMaker, or its last deployment has failed. `pulumi up` brings it up to date; "
                "its preview shows what that changes."
            )
        return value

    def look(self, known: Instance | None = None) -> HostStatus:
        """One look. `known` is told again for what does not change: credits and disks."""
        text = self.service.parameter(self.output("statusParameter"))
        instance = self.service.instance(self.id, in_full=known is None)
        if known is not None:
            instance = Instance(
                id=instance.id,
                type=instance.type,
                state=instance.state,
                launched=instance.launched,
                disks_gib=known.disks_gib,
                credits=known.credits,
            )
        return HostStatus(
            instance=instance,
            record=report.parse(text),
            published=self._published_bundle(),
            time=_now(),
            simulated=self.target.simulated,
        )

    def _published_bundle(self) -> str:
        """The settings that the stack names; empty where it has no such output."""
        name = self.outputs.get("settingsParameter")
        if not isinstance(name, str) or not name:
            return ""
        return report.values(self.service.parameter(name)).get("sha256", "")

    def is_up(self) -> Instance:
        """The instance, which runs; `HostError` says what it is doing instead."""
        instance = self.service.instance(self.id)
        if instance.state in NOT_THERE:
            raise gone(self, instance)
        if instance.state != "running":
            starts = "it comes up: try again in a minute" if instance.state == "pending" else ""
            raise HostError(
                f"The host of stack {self.stack}, {self.id}, is {instance.state}, so nothing can "
                f"be asked of it; {starts or '`geusemaker start` starts it once it is stopped'}."
            )
        return instance

    def refuse_simulated(self, what: str) -> None:
        """`HostError` in the simulated account, for what takes a host that booted."""
        if self.target.simulated:
            raise HostError(
                f"This is the simulated account, in which no host boots: there is {what}. On AWS "
                "the same command works; `geusemaker status` shows what there is here."
            )


def _now() -> datetime:
    return datetime.now(UTC)


def gone(host: Host, instance: Instance) -> HostError:
    """The error for a host that is no more."""
    what = "is not known to EC2 any more" if instance.state == GONE else f"is {instance.state}"
    return HostError(
        f"The host of stack {host.stack}, {host.id}, {what}: somebody ended it beside Pulumi, or "
        "the credentials are of another account (`aws sts get-caller-identity` shows it). `pulumi "
        "up --refresh` makes a new host over the same data; `pulumi destroy --refresh` removes the "
        "stack, which without the refresh fails at the data volume's attachment."
    )


def host_of(target: Target, fit: Callable[[str], str]) -> Host:
    """The deployed stack's host.

    Raises:
        ConfigError: No stack is selected, or there is no Region.
        HostError: The stack is not deployed.
    """
    stack, _, _ = target.required_stack()
    region = target.required_region()
    outputs = target.outputs()
    instance_id = outputs.get("instanceId")
    if not isinstance(instance_id, str) or not instance_id:
        raise HostError(
            f"Stack {stack} has no host: it was never deployed, or is destroyed. `geusemaker "
            "deploy` makes one."
        )
    return Host(target, stack, outputs, HostService(region, target.client), instance_id, fit)
