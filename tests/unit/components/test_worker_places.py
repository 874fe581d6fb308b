"""Where workers start, and on which disk."""

import pulumi
import pytest

from geusemaker.components.adopted import AdoptedSubnet, no_subnet_for_workers
from geusemaker.components.worker_disk import disk_gib
from geusemaker.config import DeploymentConfig
from geusemaker.dlami.image import FoundImage
from geusemaker.ec2.instance_types import InstanceType
from geusemaker.errors import NetworkError
from geusemaker.simulator.mocks import SimulatedMocks

from .adoptable import Adoptable
from .rendering import deploy

GROUP = "aws:autoscaling/group:Group"
INSTANCE = "aws:ec2/instance:Instance"
IMAGE = FoundImage("ami-1", "base", "x86_64", "/dev/sda1", 45, "2026-10-03T08:15:00.000Z", None)
GPU = ("1 x NVIDIA L4",)


def of_type(store_gb: int, gpus: tuple[str, ...] = GPU) -> InstanceType:
    return InstanceType("g6.xlarge", 4, 16.0, ("x86_64",), gpus, store_gb=store_gb)


@pytest.mark.parametrize(
    ("models", "types", "gib"),
    [
        (["llama3.1:8b"], [of_type(250)], 75),
        (["llama3.1:8b"], [of_type(250), of_type(0)], 85),
        (["llama3.3:70b"], [of_type(0)], 124),
        (["llama3.3:70b"], [of_type(40)], 124),
        (["mine"], [of_type(0)], 85),
        ([], [of_type(0)], 85),
        (["llama3.1:8b"], [of_type(0, gpus=())], 75),
    ],
    ids=["store", "one without", "large", "too small", "unknown", "later", "on the host"],
)
def test_models_have_room_on_the_instance_store_or_on_the_root_disk(
    models: list[str], types: list[InstanceType], gib: int
) -> None:
    config = DeploymentConfig(workers=1, ollama_models=models)
    assert disk_gib(config, types, IMAGE) == gib


def _subnets(account: SimulatedMocks, *public: bool) -> Adoptable:
    there = Adoptable(account)
    for subnet, maps in zip(there.subnets, public, strict=True):
        there.ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": maps})
    return there


def test_workers_start_in_the_adopted_subnets_that_lead_out(account: SimulatedMocks) -> None:
    there = _subnets(account, False, True)
    deploy(vpc_id=there.vpc, subnet_ids=there.subnets, workers=2)
    (group,) = account.of(GROUP)
    assert group.inputs["vpcZoneIdentifiers"] == there.subnets[1:], (
        "only the host has an Elastic IP in the first"
    )
    assert len(account.of("aws:efs/mountTarget:MountTarget")) == 2


def test_workers_behind_a_nat_gateway_have_no_public_address(account: SimulatedMocks) -> None:
    there = _subnets(account, False, True)
    nat = there.ec2.create_nat_gateway(SubnetId=there.subnets[1], ConnectivityType="private")
    there.ec2.replace_route(
        RouteTableId=there.main_table,
        DestinationCidrBlock="0.0.0.0/0",
        NatGatewayId=nat["NatGateway"]["NatGatewayId"],
    )
    deploy(vpc_id=there.vpc, subnet_ids=there.subnets, workers=2)
    (group,) = account.of(GROUP)
    assert group.inputs["vpcZoneIdentifiers"] == there.subnets
    of_workers = {"Name": "tag:Name", "Values": ["geusemaker-test-worker"]}
    found = there.ec2.describe_instances(Filters=[of_workers])["Reservations"]
    workers = [one for reservation in found for one in reservation["Instances"]]
    assert len(workers) == 2
    assert [one for one in workers if one.get("PublicIpAddress")] == []
    (own,) = {one["GroupId"] for worker in workers for one in worker["SecurityGroups"]}
    assert own in [one.id for one in account.of("aws:ec2/securityGroup:SecurityGroup")]


def test_adopted_subnets_that_lead_no_worker_out_are_refused(account: SimulatedMocks) -> None:
    there = _subnets(account, False, False)
    with pytest.raises(NetworkError) as caught:
        deploy(vpc_id=there.vpc, subnet_ids=there.subnets, workers=2)
    text = str(caught.value)
    assert isinstance(caught.value, pulumi.RunError)
    fix = f"`aws ec2 modify-subnet-attribute --subnet-id {there.subnets[1]} "
    assert f"{fix}--map-public-ip-on-launch`" in text
    assert not account.of(INSTANCE), "before anything is made"


def test_the_command_for_another_subnet_keeps_those_of_the_config() -> None:
    found = [
        AdoptedSubnet("subnet-1", "vpc-1", "us-east-1a", "igw-1"),
        AdoptedSubnet("subnet-2", "vpc-1", "us-east-1b", None),
    ]
    text = str(no_subnet_for_workers(found))
    assert "`pulumi config set geusemaker:subnetIds subnet-1,subnet-2,SUBNET`" in text
