"""`geusemaker stop` and `geusemaker start`: the host's hours end, and go on; the data stays."""

import time
from typing import Final

from geusemaker.cli.confirm import agree
from geusemaker.cli.host import NOT_THERE, Host, gone, host_of
from geusemaker.cli.opening import fitting, opened
from geusemaker.cli.options import LocalOption, RegionOption, StackOption, YesOption
from geusemaker.ec2.quotas import explain
from geusemaker.errors import AwsError, HostError
from geusemaker.host.costs import while_stopped
from geusemaker.host.durations import shown
from geusemaker.host.status import Instance

PAUSE: Final = 5.0
LONGEST: Final = 600.0
"""Seconds that EC2 is given; databases that close their files take a minute, a broken host more."""


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
    """Stop the host: its hours cost nothing then, its disks do. Everything stays as it is."""
    with opened(stack, region, local, own_region=True) as target:
        host = host_of(target, fitting(stack, region, local))
        instance = host.service.instance(host.id, in_full=True)
        _head(host, instance)
        costs = while_stopped(instance.disks_gib, _has_address(host, instance))
        if instance.state in NOT_THERE:
            raise gone(host, instance)
        if instance.state == "stopped":
            host.tell("It is stopped already; nothing was done.")
            host.tell(f"{costs}.")
            return
        if instance.state == "pending":
            raise HostError(
                f"The host {host.id} is just starting, and EC2 stops none before it runs. Try "
                "again in a minute; `geusemaker status` shows when it runs."
            )
        if instance.state == "running":
            host.tell("Until it is started again, nothing of it answers and no workflow runs.")
            host.tell(f"{costs}.")
            agree("Stop it?", "Nothing was stopped", "stop it", yes=yes)
            host.service.stop(host.id)
        _until(host, "stopped")
        host.tell("Stopped. `geusemaker start` starts it again, with the same data and keys.")


def start(
    stack: StackOption = None,
    region: RegionOption = None,
    local: LocalOption = False,
    yes: YesOption = False,
) -> None:
    """Start the stopped host again. Its services are ready some minutes later."""
    with opened(stack, region, local, own_region=True) as target:
        host = host_of(target, fitting(stack, region, local))
        instance = host.service.instance(host.id)
        _head(host, instance)
        if instance.state in NOT_THERE:
            raise gone(host, instance)
        if instance.state == "running":
            host.tell("It runs already; nothing was done. `geusemaker status` shows its services.")
            return
        if instance.state == "stopping":
            raise HostError(
                f"The host {host.id} is still stopping, and EC2 starts none before it has stopped. "
                "Try again in a minute; `geusemaker status` shows when it has."
            )
        if instance.state == "stopped":
            agree(
                "Start it? Its hours cost from then on.",
                "Nothing was started",
                "start it",
                yes=yes,
            )
            _start(host, instance)
        _until(host, "running")
        if target.simulated:
            host.tell("It runs, as far as anything does in the simulated account: no host boots.")
            return
        host.tell("It runs, and boots. `geusemaker status --wait` waits for its services.")


def _start(host: Host, instance: Instance) -> None:
    try:
        host.service.start(host.id)
    except AwsError as error:
        region = host.service.region
        why = explain(str(error), instance.type, region, by_hand=True)
        raise HostError(why) if why else error from None


def _head(host: Host, instance: Instance) -> None:
    simulated = ", SIMULATED account" if host.target.simulated else ""
    kind = f", {instance.type}" if instance.type else ""
    host.tell(
        f"{host.service.region}{simulated}, stack {host.stack}: host {host.id}{kind}, "
        f"{instance.state}"
    )


def _has_address(host: Host, instance: Instance) -> bool:
    """Whether an Elastic IP is kept. Where EC2 does not say: what somebody may reach has one."""
    if instance.has_address is not None:
        return instance.has_address
    url = host.outputs.get("url")
    return isinstance(url, str) and not url.startswith("https://localhost")


def _until(host: Host, wanted: str) -> None:
    """Waits for that state, and tells each on the way. `HostError` when it does not come."""
    began, told = _clock(), ""
    while True:
        instance = host.service.instance(host.id)
        spent = _clock() - began
        if instance.state != told:
            host.tell(f"{shown(spent):>6}  {instance.state}")
            told = instance.state
        if instance.state == wanted:
            return
        # What was asked for has failed: a host without its key for the disks, say, stops again.
        if instance.state in NOT_THERE:
            raise gone(host, instance)
        if wanted == "running" and instance.state == "stopped" and spent > PAUSE:
            raise HostError(
                f"EC2 has stopped the host {host.id} again while it started. The reason: `aws ec2 "
                f"describe-instances --region {host.service.region} --instance-ids {host.id} "
                "--query 'Reservations[].Instances[].StateReason'`; often the KMS key of its disks "
                "cannot be used."
            )
        if spent >= LONGEST:
            raise HostError(
                f"The host {host.id} is still {instance.state} after {shown(spent)}, and was to be "
                f"{wanted}. EC2 goes on by itself: `geusemaker status` shows how far it is."
            )
        _sleep(PAUSE)
