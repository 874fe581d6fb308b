"""One program in several Regions, by providers of its own and by resources that name one."""

from typing import Any

from .door import Door

PROGRAM = """
import pulumi
import pulumi_aws as aws

from geusemaker.components.tier1 import Tier1

tags = {"tags": {"of": "europe"}}
europe = aws.Provider("europe", region="eu-west-1", default_tags=tags)
for name, opts in (("home", None), ("away", pulumi.ResourceOptions(providers=[europe]))):
    made = Tier1(name, {"protect_data": False}, opts)
    pulumi.export(name, made.outputs)
aws.ec2.Vpc("tokyo", cidr_block="10.0.0.0/16", region="ap-northeast-1")
named = aws.get_availability_zones(region="ap-northeast-1")
pulumi.export("zones", named.names)
"""
REGIONS = {"home": "us-east-1", "away": "eu-west-1"}


def hosts(door: Door, region: str) -> list[dict[str, Any]]:
    return [
        instance
        for reservation in door.client("ec2", region).describe_instances()["Reservations"]
        for instance in reservation["Instances"]
        if instance["State"]["Name"] == "running"
    ]


def vpcs(door: Door, region: str) -> list[str]:
    shown = door.client("ec2", region).describe_vpcs()["Vpcs"]
    return [vpc["VpcId"] for vpc in shown if not vpc["IsDefault"]]


def test_each_stack_of_a_program_is_in_the_region_of_its_provider(door: Door) -> None:
    (door.places.project / "__main__.py").write_text(PROGRAM, encoding="utf-8")
    door.up()
    outputs = door.outputs()
    for name, region in REGIONS.items():
        (host,) = hosts(door, region)
        assert host["InstanceId"] == outputs[name]["instanceId"]
        assert vpcs(door, region) == [outputs[name]["vpcId"]]
        tags = {tag["Key"] for tag in host["Tags"]}
        assert ("of" in tags) is (name == "away"), "each provider has its own default tags"
    assert len(vpcs(door, "ap-northeast-1")) == 1
    assert {zone[:-1] for zone in outputs["zones"]} == {"ap-northeast-1"}

    door.pulumi("refresh", "--yes")
    door.pulumi("preview", "--expect-no-changes")
    door.pulumi("destroy", "--yes")
    assert door.resources() == []
