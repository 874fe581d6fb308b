"""`geusemaker stop` and `geusemaker start`: stop and start the host, and keep its data."""

import contextlib
import time
from typing import Final

from geusemaker import terminal
from geusemaker.cli import workers
from geusemaker.cli.confirm import agree
from geusemaker.cli.host import NOT_THERE, Host, gone, opened_host
from geusemaker.cli.options import LocalOption, RegionOption, StackOption, YesOption
from geusemaker.ec2.refusals import explain
from geusemaker.errors import AwsError, HostError, NotAllowedError
from geusemaker.host.costs import while_stopped
from geusemaker.host.durations import shown
from geusemaker.host.status import Instance

PAUSE: Final = 5.0
LONGEST: Final = 600.0
"""Seconds to wait for EC2. Databases take a minute to close; a broken host takes longer."""


def _sleep(seconds: float) -> None:
    time.sleep(seconds)


def _clock() -> float:
    return time.monotonic()


def stop(
    stack: StackOption = None,
    region: RegionOption = None,
    local: LocalOption = False,
    yes: YesOption = False,
) -> None:
    """Stop the host. Its disks still cost, its hours do not. All data is kept."""
    with opened_host(stack, region, local) as host:
        instance = host.service.instance(host.id, in_full=True)
        _head(host, instance)
        costs = while_stopped(instance.disks_gib, _has_address(host, instance))
        if instance.state in NOT_THERE:
            raise gone(host, instance)
        if instance.state == "stopped":
            host.tell("It is already stopped; nothing was done.")
            host.tell(f"{costs}.")
            return
        if instance.state == "pending":
            raise HostError(
                f"The host {host.id} is starting, and EC2 does not stop it before it runs. Try "
                "again in a minute; `geusemaker status` shows when it runs."
            )
        if instance.state == "running":
            _refuse_with_workers(host)
            host.tell("While it is stopped, its services do not answer and no workflow runs.")
            host.tell(f"{costs}.")
            agree("Stop it?", "Nothing was stopped", "stop it", yes=yes)
            host.service.stop(host.id)
        _until(host, "stopped")
        host.tell("Stopped. `geusemaker start` starts it with the same data and keys.")


def start(
    stack: StackOption = None,
    region: RegionOption = None,
    local: LocalOption = False,
    yes: YesOption = False,
) -> None:
    """Start the stopped host. Its services are ready some minutes later."""
    with opened_host(stack, region, local) as host:
        instance = host.service.instance(host.id)
        _head(host, instance)
        if instance.state in NOT_THERE:
            raise gone(host, instance)
        if instance.state == "running":
            host.tell("It already runs; nothing was done. `geusemaker status` shows its services.")
            return
        if instance.state == "stopping":
            raise HostError(
                f"The host {host.id} is stopping, and EC2 does not start it before it has stopped. "
                "Try again in a minute; `geusemaker status` shows when it has stopped."
            )
        if instance.state == "stopped":
            agree(
                "Start it? From then on its hours cost.",
                "Nothing was started",
                "start it",
                yes=yes,
            )
            _start(host, instance)
        _until(host, "running")
        _tell_of_workers(host)
        if host.target.simulated:
            host.tell("It is running; in the simulated account no host boots.")
            return
        host.tell("It is booting. `geusemaker status --wait` waits for its services.")


def _start(host: Host, instance: Instance) -> None:
    try:
        host.service.start(host.id)
    except AwsError as error:
        region = host.service.region
        why = explain(str(error), instance.type, region, by_hand=True)
        raise HostError(why) if why else error from None


def _refuse_with_workers(host: Host) -> None:
    """`HostError` while workers run: without the host they wait, and cost."""
    try:
        group = workers.group_or_none(host)
    except NotAllowedError as error:
        host.tell(f"note: workers would wait for it, and cost. Whether any run is unknown: {error}")
        return
    if group is None:
        return
    if group.wanted:
        raise HostError(
            f"Stack {host.stack} has {_workers(group.wanted)}, which would wait for the host "
            f"{host.id} and cost. End them first: `aws autoscaling update-auto-scaling-group "
            f"--auto-scaling-group-name {group.name} --min-size 0 --desired-capacity 0 --region "
            f"{host.service.region}`; each waits for its executions. Then run the same command "
            "again. Once the host is started, `pulumi up --refresh` restores the size of the group."
        )
    if group.members:
        raise HostError(
            f"Stack {host.stack} has {_workers(len(group.members))} whose last executions need the "
            f"host {host.id}. Try again in a minute; `geusemaker status` shows what they do."
        )


def _workers(number: int) -> str:
    return "1 worker" if number == 1 else f"{number} workers"


def _tell_of_workers(host: Host) -> None:
    with contextlib.suppress(NotAllowedError):
        group = workers.group_or_none(host)
        if group is not None and not group.wanted:
            host.tell(
                "It has no workers now. If they were ended to stop it, `pulumi up --refresh` "
                "starts them again."
            )


def _head(host: Host, instance: Instance) -> None:
    simulated = ", SIMULATED account" if host.target.simulated else ""
    kind = f", {instance.type}" if instance.type else ""
    host.tell(
        f"{host.service.region}{simulated}, stack {host.stack}: host {host.id}{kind}, "
        f"{instance.state}"
    )


def _has_address(host: Host, instance: Instance) -> bool:
    """Whether an Elastic IP is kept. Derived from the url where EC2 does not answer it."""
    if instance.has_address is not None:
        return instance.has_address
    url = host.outputs.get("url")
    return isinstance(url, str) and not url.startswith("https://localhost")


def _until(host: Host, wanted: str) -> None:
    """Waits for that state and prints each change. `HostError` when it is not reached."""
    with terminal.working("Waiting for EC2"):
        _wait(host, wanted)


def _wait(host: Host, wanted: str) -> None:
    began, last = _clock(), ""
    while True:
        instance = host.service.instance(host.id)
        spent = _clock() - began
        if instance.state != last:
            host.tell(instance.state, f"{shown(spent):>6}  ")
            last = instance.state
        if instance.state == wanted:
            return
        # The request has failed: a host without access to its disks' key stops again, for example.
        if instance.state in NOT_THERE:
            raise gone(host, instance)
        if wanted == "running" and instance.state == "stopped" and spent > PAUSE:
            raise HostError(
                f"EC2 has stopped the host {host.id} again during its start. The reason: `aws ec2 "
                f"describe-instances --region {host.service.region} --instance-ids {host.id} "
                "--query 'Reservations[].Instances[].StateReason'`; often the KMS key of its disks "
                "cannot be used."
            )
        if spent >= LONGEST:
            raise HostError(
                f"The host {host.id} is still {instance.state} after {shown(spent)}, not {wanted}. "
                "EC2 continues by itself: `geusemaker status` shows its state."
            )
        _sleep(PAUSE)
