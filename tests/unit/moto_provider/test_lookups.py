"""The provider's look-ups, first of all of images."""

from datetime import UTC, datetime
from typing import Any

import pytest

from moto_provider.world import OWNER, World
from pulumi_moto import invokes
from pulumi_moto.account import AwsError
from pulumi_moto.backends import backend_of
from pulumi_moto.images import Image, PublishedAmi, derived_id, publish
from pulumi_moto.lookup import InvokeError

AMI = "aws:ec2/getAmi:getAmi"
NONE = "Your query returned no results. Please change your search criteria and try again."
MANY = (
    "Your query returned more than one result. Please try a more specific search criteria, or set "
    "`most_recent` attribute to true."
)
UNSAFE = (
    'Most Recent Image Not Filtered: "most_recent" is set to "true" and results are not filtered '
    "by owner or image ID. With this configuration, a third party may introduce a new image which "
    "will be returned by this data source. Filter by owner or image ID to avoid this possibility."
)


def ask(world: World, token: str, **arguments: Any) -> dict[str, Any]:
    assert invokes.check(token, arguments) == []
    return invokes.invoke(world.account, token, arguments)


def refused(world: World, token: str, **arguments: Any) -> str:
    with pytest.raises(InvokeError) as caught:
        ask(world, token, **arguments)
    return str(caught.value)


def one(text: str) -> str:
    return f"1 error occurred:\n\t* {text}\n\n"


def name(*values: str) -> list[dict[str, Any]]:
    return [{"name": "name", "values": list(values)}]


def release(name: str) -> Image:
    """An image that was released on the day in its name."""
    return Image(
        id=derived_id(name, "x86_64", "us-east-1"),
        name=name,
        architecture="x86_64",
        created=datetime.strptime(name[-8:], "%Y%m%d").replace(hour=9, tzinfo=UTC),
        root_device="/dev/sda1",
        root_gib=40,
        owner=OWNER,
    )


@pytest.fixture
def trio(empty_world: World) -> World:
    """Three images a month apart, put in out of order, and nothing else."""
    backend_of("us-east-1").amis.clear()
    publish(
        "us-east-1",
        [release(f"Trio {day}") for day in ("20250201", "20250301", "20250101")],
    )
    return empty_world


def test_the_newest_is_taken_by_its_date(trio: World) -> None:
    found = ask(trio, AMI, owners=["amazon"], mostRecent=True, filters=name("Trio *"))
    assert found["name"] == "Trio 20250301"
    assert found["creationDate"] == "2025-03-01T09:00:00.000Z"
    assert found["id"] == found["imageId"]
    assert found["arn"] == f"arn:aws:ec2:us-east-1::image/{found['id']}"
    assert found["ownerId"] == OWNER
    (mapping,) = found["blockDeviceMappings"]
    assert found["rootSnapshotId"] == mapping["ebs"]["snapshotId"]
    assert mapping["ebs"] == {
        "deleteOnTermination": "true",
        "encrypted": "false",
        "iops": "3000",
        "snapshotId": mapping["ebs"]["snapshotId"],
        "throughput": "125",
        "volumeSize": "40",
        "volumeType": "gp3",
    }
    assert found["mostRecent"] is True


def test_names_are_narrowed_by_globs_and_expressions(trio: World) -> None:
    def names(**arguments: Any) -> str:
        return str(ask(trio, AMI, owners=["amazon"], **arguments)["name"])

    assert names(filters=name("Trio ????01??"), nameRegex="^T") == "Trio 20250101"
    assert names(nameRegex="0201$") == "Trio 20250201"
    assert names(filters=name("no such", "Trio 20250301")) == "Trio 20250301"
    wanted = [*name("Trio*"), {"name": "architecture", "values": ["x86_64"]}]
    assert names(filters=wanted, mostRecent=True) == "Trio 20250301"
    assert refused(trio, AMI, owners=["amazon"], filters=name("trio*")) == one(NONE)
    assert refused(trio, AMI, owners=["amazon"], nameRegex="^rio") == one(NONE)
    assert refused(trio, AMI, owners=["amazon"]) == one(MANY)
    assert refused(trio, AMI, owners=["self"]) == one(NONE)


def test_the_newest_image_of_any_owner_is_refused(trio: World) -> None:
    loose = {"filters": name("Trio*"), "mostRecent": True}
    assert refused(trio, AMI, **loose) == one(UNSAFE)
    alias = [*name("Trio*"), {"name": "owner-alias", "values": ["amazon"]}]
    assert refused(trio, AMI, filters=alias, mostRecent=True) == one(UNSAFE)
    assert refused(trio, AMI, filters=name("nothing"), mostRecent=True) == (
        f"2 errors occurred:\n\t* {UNSAFE}\n\t* {NONE}\n\n"
    )
    assert ask(trio, AMI, allowUnsafeFilter=True, **loose)["name"] == "Trio 20250301"
    by_owner = [*name("Trio*"), {"name": "owner-id", "values": [OWNER]}]
    found = ask(trio, AMI, filters=by_owner, mostRecent=True)
    assert found["name"] == "Trio 20250301"
    by_id = [{"name": "image-id", "values": [found["id"]]}]
    assert ask(trio, AMI, filters=by_id, mostRecent=True)["id"] == found["id"]


def test_a_look_alike_of_another_owner_is_not_shown(trio: World) -> None:
    backend = backend_of("us-east-1")
    image = release("Trio 20250401")
    fake = PublishedAmi(backend, image, "us-east-1a")
    fake.owner_id, fake.owner_alias = "666666666666", None
    backend.amis[image.id] = fake
    for owners in (["amazon"], [OWNER]):
        found = ask(trio, AMI, owners=owners, mostRecent=True, filters=name("Trio*"))
        assert found["name"] == "Trio 20250301"
    found = ask(trio, AMI, owners=["666666666666"])
    assert (found["name"], found["imageOwnerAlias"]) == ("Trio 20250401", "")


def test_deprecated_images_are_shown_on_demand(trio: World) -> None:
    old = release("Old 20220101")
    publish("us-east-1", [old])
    wanted = {"owners": ["amazon"], "filters": name("Old*")}
    assert refused(trio, AMI, **wanted) == one(NONE)
    assert ask(trio, AMI, includeDeprecated=True, **wanted)["deprecationTime"].startswith("2024-")
    ami = backend_of("us-east-1").amis[old.id]
    ami.owner_id = trio.account.id
    assert ask(trio, AMI, owners=["self"])["name"] == "Old 20220101", "one's own are not hidden"


def test_zones(world: World) -> None:
    token = "aws:index/getAvailabilityZones:getAvailabilityZones"
    zones = ask(world, token, state="available")
    assert zones["names"] == [f"us-east-1{letter}" for letter in "abcdef"]
    assert zones["groupNames"] == ["us-east-1"]
    fewer = ask(world, token, excludeNames=["us-east-1a"], excludeZoneIds=[zones["zoneIds"][1]])
    assert fewer["names"] == zones["names"][2:]

    def with_status(status: str) -> list[str]:
        wanted = [{"name": "opt-in-status", "values": [status]}]
        return list(ask(world, token, filters=wanted)["names"])

    assert with_status("opt-in-not-required") == zones["names"]
    assert with_status("opted-in") == []


def test_instance_types(world: World) -> None:
    shown = ask(world, "aws:ec2/getInstanceType:getInstanceType", instanceType="g5.xlarge")
    assert (shown["defaultVcpus"], shown["memorySize"]) == (4, 16384)
    assert shown["gpuses"][0]["name"] == "A10G"
    assert shown["supportedArchitectures"] == ["x86_64"]
    with pytest.raises(AwsError, match=r"reading EC2 Instance Type .x9.huge.: operation error EC2"):
        ask(world, "aws:ec2/getInstanceType:getInstanceType", instanceType="x9.huge")
    token = "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings"
    wanted = [{"name": "instance-type", "values": ["m6i.large"]}]
    assert ask(world, token, filters=wanted)["locations"] == ["us-east-1"]
    nothing = [{"name": "instance-type", "values": ["x9.huge"]}]
    assert ask(world, token, filters=nothing)["instanceTypes"] == []


def test_who_and_where(world: World) -> None:
    assert ask(world, "aws:index/getRegion:getRegion")["region"] == "us-east-1"
    assert ask(world, "aws:index/getPartition:getPartition")["partition"] == "aws"
    who = ask(world, "aws:index/getCallerIdentity:getCallerIdentity")
    assert who["accountId"] == world.account.id


def test_keys(world: World) -> None:
    token = "aws:kms/getKey:getKey"
    assert [problem.path for problem in invokes.check(token, {})] == ["keyId"]
    key = world.account.client("kms").create_key()["KeyMetadata"]["Arn"]
    found = ask(world, token, keyId=key)
    assert (found["keyState"], found["keySpec"]) == ("Enabled", "SYMMETRIC_DEFAULT")
    elsewhere = key.replace(world.account.region, "eu-west-1")
    of_others = key.replace(world.account.id, "111122223333")
    for id_, code in (
        (elsewhere, "NotFoundException: Invalid arn eu-west-1"),
        (f"{key[:-12]}000000000000", "NotFoundException: Key"),
        (of_others, "AccessDeniedException: User: arn:aws:iam::"),
    ):
        with pytest.raises(AwsError, match=code):
            ask(world, token, keyId=id_)


def test_networks(world: World) -> None:
    vpc_token, subnet_token = "aws:ec2/getVpc:getVpc", "aws:ec2/getSubnet:getSubnet"
    table_token = "aws:ec2/getRouteTable:getRouteTable"
    vpc = world.make("Vpc", cidrBlock="10.77.0.0/16", tags={"Name": "mine"})
    for wanted in ({"id": vpc.id}, {"cidrBlock": "10.77.0.0/16"}, {"tags": {"Name": "mine"}}):
        assert ask(world, vpc_token, **wanted)["id"] == vpc.id
    assert ask(world, vpc_token, default=True)["default"] is True
    assert refused(world, vpc_token, id="vpc-0") == one("no matching EC2 VPC found")
    assert refused(world, vpc_token).startswith("1 error occurred:\n\t* multiple EC2 VPCs matched")
    subnet = world.make(
        "Subnet", vpcId=vpc.id, cidrBlock="10.77.1.0/24", availabilityZone="us-east-1c"
    )
    for wanted in ({"id": subnet.id}, {"vpcId": vpc.id, "availabilityZone": "us-east-1c"}):
        assert ask(world, subnet_token, **wanted)["cidrBlock"] == "10.77.1.0/24"
    assert refused(world, subnet_token, vpcId=vpc.id, availabilityZone="us-east-1a") == one(
        "no matching EC2 Subnet found"
    )
    main = [{"name": "association.main", "values": ["true"]}]
    table = ask(world, table_token, vpcId=vpc.id, filters=main)
    assert table["id"] == vpc.state["mainRouteTableId"]
    assert table["routes"][0]["cidrBlock"] == "10.77.0.0/16"
    assert table["associations"][0]["main"] is True
    assert "no matching EC2 Route Table" in refused(world, table_token, subnetId=subnet.id)


def test_an_answer_with_an_undeclared_name_is_a_fault(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = "aws:index/getRegion:getRegion"
    monkeypatch.setitem(invokes.INVOKES, token, lambda *_: {"nmae": "x"})
    with pytest.raises(LookupError, match=r"no such outputs: .'nmae'"):
        ask(world, token)
