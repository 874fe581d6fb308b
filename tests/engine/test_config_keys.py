"""Every key by plain `pulumi config set`: what the program then makes of it."""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from geusemaker import bundle
from geusemaker.config import DeploymentConfig

from .door import Door

OLDER = "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.11 (Ubuntu 24.04) 20260517"

# Text as it is typed; together they must make one stack that previews.
TYPED = {
    "osType": "ubuntu-24.04",
    "architecture": "x86_64",
    "amiType": "pytorch",
    "frameworkVersion": "2.11",
    "amiName": OLDER,
    "amiPolicy": "latest",
    "instanceType": "g5.xlarge",
    "rootVolumeGib": "120",
    "dataVolumeGib": "500",
    "vpcCidr": "10.99.0.0/16",
    "availabilityZoneCount": "3",
    "permissionsBoundaryArn": "arn:aws:iam::000000000000:policy/edge",
    "extraPolicyArns": "arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy",
    "kmsKeyArn": "",  # a key of the account
    "allowedCidrs": '["203.0.113.0/24", "192.0.2.0/24"]',
    "webhookCidrs": "198.51.100.0/24",
    "domain": "ai.example.com",
    "n8nReaches": "10.0.8.0/24,192.168.5.5/32",
    "services": "n8n, postgres, qdrant, ollama",
    "imageVersions": "qdrant=qdrant/qdrant:v1.19.1-unprivileged",
    "serviceSettings": '{"n8n": {"GENERIC_TIMEZONE": "Europe/Berlin"}}',
    "registryLogins": '{"docker.io": "me:hush$x", "ghcr.io": "me:hush"}',
    "apiKeys": "laptop,ci:2",
    "ollamaModels": "llama3.2:3b,qwen3:8b",
    "ownerEmail": "me@example.com",
    "n8nPublicApi": "true",
    "backupRetentionDays": "14",
    "protectData": "true",
    "budgetUsd": "200",
    "tags": '{"team": "ml", "cost-center": "42"}',
    "workers": "1",
    "workersMax": "4",
    "workerInstanceTypes": "g5.xlarge,g6.xlarge",
    "workerMarket": "spot",
    "workerConcurrency": "8",
    "workerDrainSeconds": "90",
}
# These stand for others of those above, and are set in a stack of their own below.
ELSEWHERE = {"amiId", "vpcId", "subnetIds", "hostedZoneId"}


@pytest.fixture(autouse=True)
def as_checked_out(door: Door) -> Iterator[None]:
    """Each test leaves the stack's file as it found it, also when it fails."""
    before = door.places.config.read_text()
    yield
    door.places.config.write_text(before)


BUNDLE = "geusemaker-compute-settings-"


def _made(door: Door) -> dict[str, dict[str, Any]]:
    """What a preview would make, by logical name; by type and name where types share a name."""
    digest = json.loads(door.pulumi("preview", "--json").out)
    named: dict[str, list[dict[str, Any]]] = {}
    for step in digest["steps"]:
        named.setdefault(step["urn"].rpartition("::")[2], []).append(step["newState"])
    return {
        name if len(sharing) == 1 else f"{one['type']} {name}": one
        for name, sharing in named.items()
        for one in sharing
    }


def test_every_key_can_be_set_by_the_plain_cli_and_reaches_the_resources(door: Door) -> None:
    keys = {field.alias for field in DeploymentConfig.model_fields.values()}
    assert keys == TYPED.keys() | ELSEWHERE, "a key is missing here"
    key_arn = door.client("kms").create_key()["KeyMetadata"]["Arn"]
    for key, value in {**TYPED, "kmsKeyArn": key_arn}.items():
        secret = ["--secret"] if key == "registryLogins" else []
        door.pulumi("config", "set", *secret, f"geusemaker:{key}", "--", value)
    made = _made(door)
    host = made["geusemaker-compute-host"]["inputs"]
    assert made["geusemaker-image"]["inputs"]["input"]["name"] == OLDER
    assert host["instanceType"] == "g5.xlarge"
    assert host["rootBlockDevice"]["volumeSize"] == 120
    assert host["rootBlockDevice"]["kmsKeyId"] == key_arn
    assert host["tags"]["team"] == "ml"
    assert host["tags"]["cost-center"] == "42"
    assert made["geusemaker-storage-data"]["inputs"]["size"] == 500
    assert made["geusemaker-storage-data"]["protect"] is True
    assert made["geusemaker-storage-files"]["protect"] is True
    assert made["geusemaker-network-vpc"]["inputs"]["cidrBlock"] == "10.99.0.0/16"
    assert "geusemaker-network-subnet-2" in made
    role = made["geusemaker-identity-role"]["inputs"]
    assert role["permissionsBoundary"] == TYPED["permissionsBoundaryArn"]
    assert made["geusemaker-network-https-203.0.113.0-24"]["inputs"]["fromPort"] == 443
    assert "aws:ec2/eip:Eip geusemaker-compute-address" in made
    assert made["geusemaker-network-http"]["inputs"]["fromPort"] == 80
    assert made["geusemaker-compute-registries"]["inputs"]["value"] == "[secret]"
    (plan,) = made["aws:backup/plan:Plan geusemaker-storage-backups"]["inputs"]["rules"]
    assert plan["lifecycle"]["deleteAfter"] == 14
    (files,) = (one["inputs"] for name, one in made.items() if name.startswith(BUNDLE))
    settings = bundle.unpack(base64.b64decode(files["contentBase64"]))
    assert "qdrant/qdrant:v1.19.1-unprivileged" in settings["compose.yaml"]
    assert "GENERIC_TIMEZONE: Europe/Berlin\n" in settings["compose.yaml"]
    assert "model qwen3:8b\n" in settings["manifest"]
    assert "service crawl4ai\n" not in settings["manifest"]
    assert "me@example.com" in settings["compose.yaml"]
    assert "ai.example.com" in settings["caddy/Caddyfile"]


def test_lists_and_maps_may_be_typed_as_plain_text(door: Door) -> None:
    door.set(allowedCidrs="203.0.113.0/24,198.51.100.7/32", tags="team=ml,stage=trial")
    made = _made(door)
    assert "geusemaker-network-https-198.51.100.7-32" in made
    assert made["geusemaker-network-vpc"]["inputs"]["tags"]["stage"] == "trial"


def test_a_pinned_id_is_the_image_that_boots(door: Door) -> None:
    door.set(amiId="ami-03969617445ddf209")
    made = _made(door)
    name = made["geusemaker-image"]["inputs"]["input"]["name"]
    assert name == "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20250117"


def test_an_adopted_network_is_used_tagged_by_nobody_and_left_as_it_was(door: Door) -> None:
    ec2 = door.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.50.0.0/16")["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    (table,) = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])[
        "RouteTables"
    ]
    ec2.create_route(
        RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway
    )
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.50.1.0/24", AvailabilityZone="us-east-1b")[
        "Subnet"
    ]["SubnetId"]
    before = door.resources()

    door.pulumi("config", "set", "--path", "aws:defaultTags.tags.owner", "platform")
    door.set(vpcId=vpc, subnetIds=subnet, protectData="false")
    door.up()
    assert door.outputs()["vpcId"] == vpc
    assert door.outputs()["subnetIds"] == [subnet]
    (volume,) = ec2.describe_volumes(VolumeIds=[door.outputs()["dataVolumeId"]])["Volumes"]
    assert volume["AvailabilityZone"] == "us-east-1b"
    tags = {tag["Key"]: tag["Value"] for tag in volume["Tags"]}
    assert tags["owner"] == "platform", "aws:defaultTags reach what the stack makes"
    assert tags["geusemaker:stack"] == "dev"
    assert not ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0].get("Tags")
    door.pulumi("preview", "--expect-no-changes")
    door.refresh()

    # The subnet gives no public address: the way out is one that stays with a stopped host.
    host, address = door.outputs()["instanceId"], door.outputs()["publicIp"]
    assert address
    assert door.run("geusemaker", "stop", "--yes").code == 0
    door.refresh()
    door.set(allowedCidrs="203.0.113.0/24")
    steps = door.steps()
    assert steps["geusemaker-network-https-203.0.113.0-24"] == "create"
    others = {name for name in steps if not name.startswith("geusemaker-compute-settings")}
    assert others == {"geusemaker-network-https-203.0.113.0-24"}, steps
    door.up()
    assert (door.outputs()["instanceId"], door.outputs()["publicIp"]) == (host, address)

    # A network that moves to the other key keeps its rule: EC2 allows no second one for it.
    door.unset("allowedCidrs")
    door.set(webhookCidrs="203.0.113.0/24,198.51.100.0/24")
    rules = {name: step for name, step in door.steps().items() if "-https-" in name}
    assert rules == {
        "geusemaker-network-https-203.0.113.0-24": "update",
        "geusemaker-network-https-198.51.100.0-24": "create",
    }
    door.up()
    assert (door.outputs()["instanceId"], door.outputs()["publicIp"]) == (host, address)
    described = ec2.describe_security_group_rules(
        Filters=[{"Name": "group-id", "Values": [door.outputs()["securityGroupId"]]}]
    )["SecurityGroupRules"]
    assert {rule["Description"] for rule in described if rule["FromPort"] == 443} == {
        "HTTPS, by webhookCidrs"
    }
    door.pulumi("destroy", "--yes")
    assert sorted(door.resources()) == sorted(before)


def test_a_key_of_no_use_is_refused_before_anything_is_made_but_never_keeps_a_stack(
    door: Door,
) -> None:
    kms = door.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    id_ = key.rpartition("/")[2]
    kms.disable_key(KeyId=id_)
    before = door.resources()
    for arn, why in (
        (key.replace("us-east-1", "eu-west-1"), "is a key of the Region eu-west-1"),
        (f"{key[:-12]}000000000000", "does not exist"),
        (key, "has the state Disabled"),
    ):
        door.set(kmsKeyArn=arn)
        refused = door.run("geusemaker", "deploy", "--yes")
        assert refused.code == 1
        said = refused.out.splitlines()[-1]
        assert said.startswith(f"geusemaker:kmsKeyArn is {arn}, which {why}"), refused
        assert "`pulumi config rm geusemaker:kmsKeyArn`" in said
    assert door.resources() == before
    assert f"`aws kms enable-key --region us-east-1 --key-id {id_}`" in said
    kms.enable_key(KeyId=id_)
    door.up()

    kms.schedule_key_deletion(KeyId=id_)
    door.set(protectData="false")
    warned = " ".join(door.up().out.split())
    assert "has the state PendingDeletion" in warned
    (commands,) = set(re.findall("`(aws kms cancel-key-deletion [^`]*)`", warned))
    assert [one.split()[2] for one in commands.split(" && ")] == [
        "cancel-key-deletion",
        "enable-key",
    ]
    door.pulumi("destroy", "--yes")
    assert door.resources() == before
