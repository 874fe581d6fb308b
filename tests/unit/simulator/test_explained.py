"""The project explains the refusals of the simulated account, whose errors are those of AWS."""

from collections.abc import Callable

import pytest
from moto.ec2.models.instance_types import INSTANCE_TYPES
from moto_provider.world import World

from geusemaker.doctor.refusals import host_gone
from geusemaker.ec2.quotas import QUOTAS, SPOT_QUOTAS, explain, quota_of
from pulumi_moto import quotas
from pulumi_moto.account import AwsError


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(AwsError) as refused:
        act()
    return str(refused.value)


def test_a_quota_that_is_too_small(world: World) -> None:
    said = refusal(lambda: world.instance(instanceType="p5.48xlarge"))
    why = explain(said, "p5.48xlarge", "us-east-1")
    assert why is not None
    assert "L-417A185B --desired-value 384 " in why


def test_a_change_of_the_type_that_leaves_the_host_stopped(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    standard = quotas.quota_of("m6i.xlarge")
    assert standard is not None
    limit = quotas.running("us-east-1", standard) + 8
    monkeypatch.setitem(quotas.of("us-east-1"), standard.code, limit)
    host = world.instance(instanceType="m6i.xlarge")
    said = refusal(lambda: world.update(host, instanceType="m6i.4xlarge"))
    assert "StartInstances" in said
    why = explain(said, "m6i.4xlarge", "us-east-1")
    assert why is not None
    assert "still stopped" in why


def test_a_volume_of_a_host_that_is_gone(world: World) -> None:
    made = [
        world.attach(world.volume(), world.instance(), stopInstanceBeforeDetaching=True)
        for _ in range(2)
    ]
    ec2, host = world.account.client("ec2"), made[0].inputs["instanceId"]
    ec2.terminate_instances(InstanceIds=[host])
    why = host_gone(refusal(lambda: world.delete(made[0])))
    assert why is not None
    assert f"host {host} (IncorrectInstanceState)" in why
    assert "`pulumi up --refresh`" in why
    assert "`pulumi destroy --refresh`" in why
    ec2.detach_volume(
        **{k[0].upper() + k[1:]: made[1].inputs[k] for k in ("volumeId", "instanceId")}
    )
    detached = refusal(lambda: world.delete(made[1]))
    assert "InvalidAttachment.NotFound" in str(host_gone(detached))
    assert host_gone("deleting EC2 Instance (i-1): api error IncorrectInstanceState: no") is None
    assert host_gone("deleting EBS Volume (v) Attachment (i-1): api error RequestLimit") is None


def test_the_doctor_and_the_simulated_aws_count_each_type_alike() -> None:
    """Two tables by two hands: neither is made from the other."""
    assert {(one.code, one.name, one.of_new_account) for one in (*QUOTAS, *SPOT_QUOTAS)} == {
        (one.code, one.name, one.default) for one in (*quotas.QUOTAS, *quotas.SPOT_QUOTAS)
    }
    assert len(INSTANCE_TYPES) > 500
    differing = [
        name
        for name in INSTANCE_TYPES
        for spot in (False, True)
        if getattr(quota_of(name, "spot" if spot else "on-demand"), "code", None)
        != getattr(quotas.quota_of(name, spot=spot), "code", None)
    ]
    assert differing == []
