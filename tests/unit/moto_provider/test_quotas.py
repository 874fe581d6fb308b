"""The simulated account's vCPU quotas: they are listed and enforced."""

from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError

from moto_provider.world import G_AND_VT, SEED, STANDARD, Thing, World
from pulumi_moto import quotas
from pulumi_moto.account import AwsError
from pulumi_moto.mocks import simulated_account


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(AwsError) as refused:
        act()
    assert refused.value.code == "VcpuLimitExceeded"
    return str(refused.value)


def test_the_quotas_of_ec2_are_listed(empty_world: World) -> None:
    client = empty_world.account.client("service-quotas")
    shown = client.get_service_quota(ServiceCode="ec2", QuotaCode="L-DB2E81BA")["Quota"]
    assert shown["QuotaName"] == "Running On-Demand G and VT instances"
    assert (shown["Value"], shown["Adjustable"]) == (64.0, True)
    assert shown["QuotaArn"].endswith(":ec2/L-DB2E81BA")
    listed = client.list_service_quotas(ServiceCode="ec2")["Quotas"]
    assert {one["QuotaCode"]: one["Value"] for one in listed} == {
        quota.code: float(SEED.vcpus.get(quota.code, quota.default))
        for quota in (*quotas.QUOTAS, *quotas.SPOT_QUOTAS)
    }


def test_the_defaults_are_those_of_a_new_account(empty_world: World) -> None:
    client = empty_world.account.client("service-quotas")
    listed = client.list_aws_default_service_quotas(ServiceCode="ec2")["Quotas"]
    standard = ("L-1216C47A", "L-34B43A08")
    assert {one["Value"] for one in listed if one["QuotaCode"] not in standard} == {0.0}
    assert {one["Value"] for one in listed if one["QuotaCode"] in standard} == {5.0}


def test_motos_own_quotas_remain(empty_world: World) -> None:
    client = empty_world.account.client("service-quotas")
    assert client.get_service_quota(ServiceCode="vpc", QuotaCode="L-7E9ECCDB")["Quota"]["Value"]
    assert client.list_service_quotas(ServiceCode="vpc")["Quotas"]
    for service, code in (("ec2", "L-00000000"), ("vpc", "L-00000000"), ("nothing", "L-1216C47A")):
        with pytest.raises(client.exceptions.NoSuchResourceException):
            client.get_service_quota(ServiceCode=service, QuotaCode=code)


def test_a_type_with_a_quota_of_zero_is_refused_with_the_error_of_ec2(empty_world: World) -> None:
    said = refusal(lambda: empty_world.instance(instanceType="p5.48xlarge"))
    assert (
        "creating EC2 Instance: operation error EC2: RunInstances, https response error "
        "StatusCode: 400, RequestID: simulated, api error VcpuLimitExceeded: You have requested "
        "more vCPU capacity than your current vCPU limit of 0 allows for the instance bucket that "
        "the specified instance type belongs to. Please visit "
        "http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit."
    ) in said


def running(world: World) -> set[str]:
    found = world.account.client("ec2").describe_instances()["Reservations"]
    return {one["InstanceId"] for held in found for one in held["Instances"]}


def test_only_the_running_hosts_of_the_bucket_count(empty_world: World) -> None:
    world = empty_world
    quotas.of("us-east-1")[G_AND_VT] = 8
    world.instance(instanceType="m6i.xlarge")
    first, _ = (world.instance(instanceType="g5.xlarge") for _ in range(2))
    before = running(world)
    assert "limit of 8 " in refusal(lambda: world.instance(instanceType="g4dn.xlarge"))
    assert running(world) == before, "nothing is made"
    stopped(world, first)
    third = world.instance(instanceType="g4dn.xlarge")
    refusal(lambda: world.instance(instanceType="g5.xlarge"))
    world.delete(third)
    world.instance(instanceType="g5.xlarge")


def stopped(world: World, host: Thing) -> None:
    world.account.client("ec2").stop_instances(InstanceIds=[host.id])


def test_a_type_change_stays_within_the_quota(empty_world: World) -> None:
    world = empty_world
    quotas.of("us-east-1")[STANDARD] = 8
    host = world.instance(instanceType="m6i.xlarge")
    # Stopped for the change, it does not count itself.
    assert world.update(host, instanceType="m6i.2xlarge").state["instanceState"] == "running"
    said = refusal(lambda: world.update(host, instanceType="m6i.4xlarge"))
    assert "operation error EC2: StartInstances" in said
    state = world.read(host)
    assert state is not None
    assert state["instanceState"] == "stopped"


def test_start_instances_is_refused_for_every_caller(empty_world: World) -> None:
    world = empty_world
    host = world.instance(instanceType="m6i.xlarge")
    ec2 = world.account.client("ec2")
    stopped(world, host)
    quotas.of("us-east-1")[STANDARD] = 2
    with pytest.raises(ClientError, match=r"VcpuLimitExceeded.*StartInstances"):
        ec2.start_instances(InstanceIds=[host.id])
    quotas.of("us-east-1")[STANDARD] = 4
    ec2.start_instances(InstanceIds=[host.id])
    shown = world.read(host)
    assert shown is not None
    assert shown["instanceState"] == "running"


def test_each_region_has_its_own_quotas(empty_world: World) -> None:
    quotas.of("us-east-1")[STANDARD] = 1
    assert quotas.of("eu-west-1")[STANDARD] == 256


def test_a_new_account_starts_with_its_own_quotas() -> None:
    for _ in range(2):
        with simulated_account(seed=SEED) as mocks:
            here = quotas.of(mocks.account.region)
            assert here[STANDARD] == 256
            here[STANDARD] = 0
