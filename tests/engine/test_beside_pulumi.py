"""What happens to the host beside Pulumi, and the way out: on the genuine engine."""

import re

from geusemaker.cli import capacity

from .door import Door

HOST = "geusemaker-compute-host"


def state(door: Door) -> str:
    """The host's state, as EC2 has it."""
    ids = [door.outputs()["instanceId"]]
    (held,) = door.client("ec2").describe_instances(InstanceIds=ids)["Reservations"]
    return str(held["Instances"][0]["State"]["Name"])


def another_host(door: Door) -> str:
    """Somebody else's host that takes up the whole quota of G and VT; its id."""
    made = door.client("ec2").run_instances(
        ImageId=door.outputs()["amiId"], InstanceType="g5.16xlarge", MinCount=1, MaxCount=1
    )
    return str(made["Instances"][0]["InstanceId"])


def test_a_refused_start_is_recorded_and_start_is_the_way_out(door: Door) -> None:
    door.up()
    before = door.outputs()["instanceId"]
    other = another_host(door)
    door.set(instanceType="g5.xlarge")
    refused = door.run("geusemaker", "deploy", "--yes")
    assert refused.code == 1
    told = refused.out.strip().splitlines()[-1]
    assert "VcpuLimitExceeded" in told
    assert "run `geusemaker start` when AWS allows it" in told
    assert state(door) == "stopped"

    # As on AWS: the type is recorded, and neither plan nor update starts the host.
    assert door.steps() == {HOST: "update"}, "the engine tries again"
    door.up()
    assert state(door) == "stopped"
    door.pulumi("preview", "--expect-no-changes")

    refused = door.run("geusemaker", "start", "--yes")
    assert refused.code == 1
    assert "VcpuLimitExceeded" in refused.out
    (other_type,) = re.findall(r"`(pulumi config set geusemaker:instanceType [^`]*)`", refused.out)
    door.client("ec2").terminate_instances(InstanceIds=[other])
    assert door.run("geusemaker", "start", "--yes").code == 0
    assert state(door) == "running"
    door.refresh()

    # The other way that both refusals print: from stopped to another type, without a refresh.
    door.client("ec2").stop_instances(InstanceIds=[before])
    for command in other_type.split(" && "):
        assert door.run(*command.split(), "--non-interactive", *_yes(command)).code == 0
    assert state(door) == "running"
    assert door.outputs()["instanceId"] == before


def _yes(command: str) -> list[str]:
    return ["--yes"] if command.startswith("pulumi up") else []


def test_a_host_that_was_terminated_takes_a_refresh_to_be_replaced_or_destroyed(
    door: Door,
) -> None:
    ec2 = door.client("ec2")
    volume = door.outputs()["dataVolumeId"]
    ec2.terminate_instances(InstanceIds=[door.outputs()["instanceId"]])
    door.set(osType="ubuntu-24.04")
    failed = door.run("geusemaker", "deploy", "--yes")
    assert failed.code == 1
    assert capacity.CREATING.search(failed.out), "what the hint on capacity waits for"
    assert capacity.ENDED.search(failed.out)
    told = failed.out.strip().splitlines()[-1]
    assert "IncorrectInstanceState" in told
    (up, destroy) = re.findall(r"`(pulumi [^`]+)`", told)
    assert door.run(*up.split(), "--yes", "--non-interactive").code == 0
    assert state(door) == "running"
    assert door.outputs()["dataVolumeId"] == volume
    door.pulumi("preview", "--expect-no-changes")

    ec2.terminate_instances(InstanceIds=[door.outputs()["instanceId"]])
    failed = door.pulumi("destroy", "--yes", code=None)
    assert failed.code != 0
    assert "IncorrectInstanceState" in failed.out
    down = door.run("geusemaker", "local", "down")
    assert down.code == 1
    assert f"`{destroy}`" in down.out
    assert door.run(*destroy.split(), "--yes", "--non-interactive").code == 0
    assert door.resources() == []
