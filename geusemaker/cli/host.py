"""What the commands for a running host share: the stack's outputs, and one look at the host."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from geusemaker import terminal
from geusemaker.cli import fixes
from geusemaker.cli.opening import opened
from geusemaker.cli.target import Target
from geusemaker.cost.resources import INSTANCE, VOLUME
from geusemaker.errors import HostError, PulumiError
from geusemaker.host import report
from geusemaker.host.service import HostService
from geusemaker.host.status import GONE, HostStatus, Instance
from geusemaker.host.workers import replace_command

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
    """Rewrites the commands in a text to match the user's flags."""
    is_worker: bool = False

    @property
    def name(self) -> str:
        """The host in a sentence, with the commas around its id."""
        return f"the {'worker' if self.is_worker else 'host'} of stack {self.stack}, {self.id},"

    @property
    def restart(self) -> str:
        """The commands that start it again, or start another in its place."""
        if not self.is_worker:
            return "`geusemaker stop` and `geusemaker start` restart it"
        return f"`{replace_command(self.id, self.service.region)}` replaces it"

    def tell(self, text: str, head: str = "") -> None:
        """Prints a paragraph of the result."""
        terminal.paragraph(self.fit(text), head)

    def output(self, name: str) -> str:
        """An output of this version. `HostError` where an older version made the stack."""
        value = self.outputs.get(name)
        if not isinstance(value, str) or not value:
            raise HostError(
                f"Stack {self.stack} has no output {name}: it was deployed by an older version of "
                "GeuseMaker, or its last deployment failed. `pulumi up` updates it; its preview "
                "shows the changes."
            )
        return value

    def look(self, known: Instance | None = None) -> HostStatus:
        """One look. `known` gives what does not change: credits and disks."""
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
            deployed_type=str(self.outputs.get("instanceType") or ""),
        )

    def _published_bundle(self) -> str:
        """The digest of the stack's settings; empty where the stack has no such output."""
        name = self.outputs.get("settingsParameter")
        if not isinstance(name, str) or not name:
            return ""
        return report.values(self.service.parameter(name)).get("sha256", "")

    def is_up(self) -> Instance:
        """The running instance. `HostError` in any other state."""
        instance = self.service.instance(self.id)
        if instance.state in NOT_THERE:
            raise gone(self, instance)
        if instance.state != "running":
            fix = (
                "It is starting: try again in a minute."
                if instance.state == "pending"
                else "Its group starts another in its place."
                if self.is_worker
                else "`geusemaker start` starts it once it is stopped."
            )
            raise HostError(
                f"{self.name[0].upper()}{self.name[1:]} is {instance.state}, so it runs no "
                f"commands. {fix}"
            )
        return instance

    def refuse_simulated(self, what: str) -> None:
        """`HostError` in the simulated account, for commands that need a booted host."""
        if self.target.simulated:
            raise HostError(
                f"This is the simulated account, in which no host boots: there is {what}. On AWS "
                "the same command works; `geusemaker status` shows what exists here."
            )


def _now() -> datetime:
    return datetime.now(UTC)


def gone(host: Host, instance: Instance) -> HostError:
    """The error for a host that no longer exists."""
    what = "no longer exists in EC2" if instance.state == GONE else f"is {instance.state}"
    if host.is_worker:
        return HostError(
            f"The worker of stack {host.stack}, {host.id}, {what}. Its group starts another in its "
            "place if one is missing: `geusemaker status` lists the workers."
        )
    return HostError(
        f"The host of stack {host.stack}, {host.id}, {what}: it was terminated outside Pulumi, or "
        "the credentials are of another account (`aws sts get-caller-identity` shows it). `pulumi "
        "up --refresh` creates a new host with the same data; `pulumi destroy --refresh` removes "
        "the stack once geusemaker:protectData is false and deployed (without --refresh, detaching "
        "the data volume fails)."
    )


@contextlib.contextmanager
def opened_host(
    stack: str | None, region: str | None, local: bool, *, reads_config: bool = False
) -> Iterator[Host]:
    """The deployed stack's host, for a command with these flags; see `opened`.

    With `reads_config` the stack's config is read in the meantime.

    Raises:
        ConfigError: No stack is selected, or there is no Region.
        HostError: The stack is not deployed.
    """
    with opened(stack, region, local, own_region=True, reads_stack=reads_config) as target:
        name, _, _ = target.required_stack()
        service = HostService(target.required_region(), target.client)
        outputs = target.outputs()
        instance_id = outputs.get("instanceId")
        if not isinstance(instance_id, str) or not instance_id:
            raise HostError(
                f"Stack {name} has no host: it was never deployed, or is destroyed, or its "
                "deployment has failed. `geusemaker doctor` shows what would stop a deployment, "
                "such as a full vCPU quota; `geusemaker deploy` creates the host."
            )
        fit = partial(fixes.reword, stack=stack, local=local, region=region)
        try:
            yield Host(target, name, outputs, service, instance_id, fit)
        except HostError:
            # `geusemaker destroy` keeps the outputs, and they name what is deleted.
            with contextlib.suppress(PulumiError):
                state = target.cli.state() if target.cli else None
                if state and state.of(VOLUME) and not state.of(INSTANCE):
                    raise HostError(
                        f"Stack {name} has no host: it was removed, and the data was kept. "
                        "`geusemaker deploy` creates a host with this data; `geusemaker destroy "
                        "--delete-data` deletes the data too."
                    ) from None
            raise
