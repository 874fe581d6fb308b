"""Tier1 under the mocks that users write for tests of their own: they tell little of AWS."""

import base64
import gzip
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, cast

import pulumi
import pulumi.runtime
import pytest

from geusemaker.components import instance_type, region
from geusemaker.components.identity import files_policy
from geusemaker.components.storage import file_system_policy
from geusemaker.errors import ConfigError, GeuseMakerError, NetworkError

from .rendering import deploy, outputs

Answers = Mapping[str, Mapping[str, Any]]

HOST = "aws:ec2/instance:Instance"
KEY = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
AMI = "ami-0123456789abcdef0"
OFFERINGS = "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings"
ZONES = "aws:index/getAvailabilityZones:getAvailabilityZones"
REGION = "aws:index/getRegion:getRegion"
GET_AMI = "aws:ec2/getAmi:getAmi"
GET_TYPE = "aws:ec2/getInstanceType:getInstanceType"
SPARSE: Answers = {
    GET_AMI: {
        "id": AMI,
        "name": "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20260902",
        "architecture": "x86_64",
    },
    REGION: {"name": "us-east-1", "region": "us-east-1"},
    ZONES: {"names": ["us-east-1a", "us-east-1b"]},
}
"""No more than a stack cannot be thought of without."""
TYPE = {
    "instanceType": "m6i.xlarge",
    "defaultVcpus": 4,
    "memorySize": 16384,
    "supportedArchitectures": ["x86_64"],
    "gpuses": [],
}
COMPLETE: Answers = {
    **SPARSE,
    GET_AMI: {
        **SPARSE[GET_AMI],
        "rootDeviceName": "/dev/sda1",
        "blockDeviceMappings": [{"deviceName": "/dev/sda1", "ebs": {"volume_size": "75"}}],
        "creationDate": "2026-09-02T09:00:00.000Z",
        "state": "available",
    },
    GET_TYPE: TYPE,
    OFFERINGS: {"locations": ["us-east-1a", "us-east-1b", "us-east-1c"]},
    "aws:index/getPartition:getPartition": {"partition": "aws"},
}
ARNS = {
    "aws:efs/fileSystem:FileSystem": "arn:aws:elasticfilesystem:us-east-1:123456789012:fs/x",
    "aws:efs/accessPoint:AccessPoint": "arn:aws:elasticfilesystem:us-east-1:123456789012:ap/x",
}


class Told(pulumi.runtime.Mocks):
    """Answers look-ups from a table, all others with nothing, and gives the inputs back."""

    def __init__(self, answers: Answers = SPARSE) -> None:
        self.answers = answers
        self.made: list[pulumi.runtime.MockResourceArgs] = []

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> Any:
        self.made.append(args)
        return [args.name + "_id", self.outputs(args)]

    def outputs(self, args: pulumi.runtime.MockResourceArgs) -> dict[str, Any]:
        return args.inputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> Any:
        return dict(self.answers.get(args.token, {}))

    def inputs(self, token: str, name: str = "") -> dict[str, Any]:
        (made,) = [one for one in self.made if one.typ == token and one.name.endswith(name)]
        return made.inputs


class Whole(Told):
    """Tells what a careful author looks up in AWS's documentation."""

    def outputs(self, args: pulumi.runtime.MockResourceArgs) -> dict[str, Any]:
        told = {"publicIp": "203.0.113.7", "ownerId": "123456789012", "name": args.name}
        if args.typ in ARNS:
            told["arn"] = ARNS[args.typ]
        if args.typ == "pulumi:index:Stash":
            told["output"] = args.inputs["input"]
        return {**told, **args.inputs}


class Echo(Told):
    """Gives the arguments of a look-up back too, beside what it cannot do without."""

    def call(self, args: pulumi.runtime.MockCallArgs) -> Any:
        return {**args.args, **self.answers.get(args.token, {})}


class Named(Told):
    """Makes up every ARN and every address from the name, unlike AWS."""

    def outputs(self, args: pulumi.runtime.MockResourceArgs) -> dict[str, Any]:
        return {**args.inputs, "arn": f"{args.name}_arn", "publicIp": f"{args.name}_ip"}


class Silent(Told):
    """Tells of no resource anything but its id."""

    def outputs(self, args: pulumi.runtime.MockResourceArgs) -> dict[str, Any]:
        return {}


FOREIGN: dict[str, Callable[[], Told]] = {
    "complete": lambda: Whole(COMPLETE),
    "sparse": Told,
    "echoing": Echo,
    "made up": Named,
    "silent": Silent,
}


@pytest.fixture(autouse=True)
def _no_region_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)


def _set(mocks: Told, preview: bool = False) -> Told:
    pulumi.runtime.set_mocks(mocks, project="embedding", stack="test", preview=preview)
    return mocks


@pytest.fixture(params=FOREIGN)
def mocks(request: pytest.FixtureRequest) -> Told:
    return _set(FOREIGN[request.param]())


def _without(token: str) -> Told:
    return Told({**COMPLETE, token: {}})


def test_the_stack_is_made_and_its_outputs_resolve(mocks: Told) -> None:
    told: dict[str, Any] = {}
    outputs(told)
    _check_host(mocks, {})
    told.pop("publicIp")  # only AWS gives addresses
    assert re.fullmatch("[a-z]{12}", told.pop("stackId"))
    assert told == {
        "amiId": AMI,
        "amiName": "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20260902",
        "architecture": "x86_64",
        "osType": "ubuntu-22.04",
        "instanceId": "geusemaker-compute-host_id",
        "instanceType": "m6i.xlarge",
        "vpcId": "geusemaker-network-vpc_id",
        "subnetIds": ["geusemaker-network-subnet-0_id", "geusemaker-network-subnet-1_id"],
        "securityGroupId": "geusemaker-network-host-group_id",
        "fileSystemId": "geusemaker-storage-files_id",
        "dataVolumeId": "geusemaker-storage-data_id",
        "url": "https://localhost:8443",
        "connectCommand": "aws ssm start-session --region us-east-1 "
        "--target geusemaker-compute-host_id "
        "--document-name AWS-StartPortForwardingSession "
        "--parameters portNumber=443,localPortNumber=8443",
        "settingsParameter": "geusemaker-compute-settings_id",
        "statusParameter": "geusemaker-compute-status_id",
        "credentialsParameter": "geusemaker-identity-credentials_id",
    }


ALL_KEYS = {
    "ami_policy": "latest",
    "instance_type": "g5.xlarge",
    "allowed_cidrs": ["203.0.113.0/24"],
    "kms_key_arn": KEY,
    "tags": {"team": "ml"},
}


def _check_host(mocks: Told, args: Mapping[str, Any]) -> None:
    host = mocks.inputs(HOST)
    assert host["ami"] == AMI
    assert host["rootBlockDevice"]["volumeSize"] == 75
    script = gzip.decompress(base64.b64decode(host["userDataBase64"])).decode()
    assert "=geusemaker-storage-files_id\n" in script
    assert mocks.inputs("aws:ebs/volume:Volume")["availabilityZone"] == "us-east-1a"
    attached = mocks.inputs("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "-session-manager")
    assert attached["policyArn"] == "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
    system = mocks.inputs("aws:efs/fileSystem:FileSystem")
    assert system.get("kmsKeyId") == args.get("kms_key_arn")


def test_the_host_of_a_config_with_keys_boots_the_image_of_the_answer(mocks: Told) -> None:
    deploy(**ALL_KEYS)
    _check_host(mocks, ALL_KEYS)


@pytest.mark.parametrize("foreign", ["echoing", "silent"])
def test_the_host_boots_the_pinned_image(foreign: str) -> None:
    mocks = _set(FOREIGN[foreign]())
    deploy(ami_id=AMI)
    _check_host(mocks, {})


@pytest.mark.parametrize("foreign", ["complete", "silent"])
def test_a_preview_comes_through_too(foreign: str) -> None:
    mocks = _set(FOREIGN[foreign](), preview=True)
    deploy()
    assert mocks.inputs(HOST)["instanceType"] == "m6i.xlarge"


def test_what_a_stash_has_kept_wins_over_what_it_was_given() -> None:
    class Kept(Whole):
        def outputs(self, args: pulumi.runtime.MockResourceArgs) -> dict[str, Any]:
            told = super().outputs(args)
            if args.name.endswith("-image"):
                told["output"] = {**told["output"], "id": "ami-00000000000000001"}
            return told

    mocks = _set(Kept(COMPLETE))
    deploy()
    assert mocks.inputs(HOST)["ami"] == "ami-00000000000000001"


@pytest.mark.parametrize(
    ("arn", "partition"),
    [
        ("arn:aws-cn:elasticfilesystem:cn-north-1:1:file-system/fs-1", "aws-cn"),
        ("files_arn", "aws"),
        ("made:up", "aws"),
        (None, "aws"),
    ],
)
def test_the_policy_is_of_the_partition_that_the_arn_names(arn: str | None, partition: str) -> None:
    policy = json.loads(file_system_policy(cast(str, arn), "123456789012"))
    allow = policy["Statement"][0]
    assert allow["Principal"]["AWS"] == f"arn:{partition}:iam::123456789012:root"


def test_an_access_point_that_is_not_told_opens_nothing() -> None:
    told = json.loads(files_policy("arn:x", cast(list[str], ["b", None, "a"])))
    condition = told["Statement"][0]["Condition"]["StringEquals"]
    assert condition["elasticfilesystem:AccessPointArn"] == ["a", "b"]


ADOPTED = {"vpc_id": "vpc-0123456789abcdef0", "subnet_ids": ["subnet-0123456789abcdef0"]}
ADOPTED_ANSWERS: Answers = {
    "aws:ec2/getVpc:getVpc": {"enableDnsSupport": True, "enableDnsHostnames": True},
    "aws:ec2/getSubnet:getSubnet": {
        "vpcId": "vpc-0123456789abcdef0",
        "availabilityZone": "us-east-1b",
        "mapPublicIpOnLaunch": True,
    },
    "aws:ec2/getRouteTables:getRouteTables": {"ids": ["rtb-1"]},
    "aws:ec2/getRouteTable:getRouteTable": {
        "routes": [{"cidrBlock": "0.0.0.0/0", "gatewayId": "igw-1"}]
    },
}


def test_an_adopted_network_needs_no_more_than_what_is_asked_of_it() -> None:
    mocks = _set(Told({**SPARSE, **ADOPTED_ANSWERS}))
    deploy(**ADOPTED)
    assert mocks.inputs("aws:ebs/volume:Volume")["availabilityZone"] == "us-east-1b"
    assert mocks.inputs(HOST)["subnetId"] == ADOPTED["subnet_ids"][0]


@pytest.mark.parametrize("missing", ADOPTED_ANSWERS)
def test_an_adopted_network_that_the_mocks_do_not_tell_of_is_a_paragraph(missing: str) -> None:
    _set(Told({**SPARSE, **ADOPTED_ANSWERS, missing: {}}))
    with pytest.raises(NetworkError):
        deploy(**ADOPTED)


def test_a_region_without_zones_is_a_paragraph() -> None:
    nothing: list[dict[str, Any]] = [{}, {"names": []}]
    for answer in nothing:
        _set(Told({**COMPLETE, ZONES: answer}))
        with pytest.raises(NetworkError, match="has no availability zone") as refused:
            deploy()
        assert "\n" not in str(refused.value)


def test_a_type_that_is_offered_nowhere_is_still_refused() -> None:
    _set(Told({**COMPLETE, OFFERINGS: {"locations": []}}))
    with pytest.raises(NetworkError, match="opted in to offers"):
        deploy()


def test_a_type_whose_offers_are_not_told_may_be_in_any_usable_zone() -> None:
    mocks = _set(_without(OFFERINGS))
    deploy()
    zones = [m.inputs["availabilityZone"] for m in mocks.made if m.typ == "aws:ec2/subnet:Subnet"]
    assert zones == ["us-east-1a", "us-east-1b"]


@pytest.mark.parametrize("pin", [{}, {"ami_id": AMI}], ids=["floats", "pinned"])
def test_an_architecture_that_aws_tells_and_that_does_not_fit_is_still_refused(
    pin: dict[str, str],
) -> None:
    _set(Told({**COMPLETE, GET_TYPE: {**TYPE, "supportedArchitectures": ["arm64"]}}))
    with pytest.raises(ConfigError, match="which AWS says is arm64 only"):
        deploy(**pin)


@pytest.mark.parametrize(
    ("gpu", "read"),
    [
        ({}, "1 x "),
        ({"name": "A10G"}, "1 x A10G"),
        ({"manufacturer": "NVIDIA", "name": "A10G"}, "1 x NVIDIA A10G"),
        (
            {"count": 4, "manufacturer": "NVIDIA", "name": "A10G", "memorySize": 24576},
            "4 x NVIDIA A10G",
        ),
    ],
    ids=str,
)
def test_a_gpu_that_is_told_of_in_part_is_one(gpu: dict[str, Any], read: str) -> None:
    _set(Told({**COMPLETE, GET_TYPE: {**TYPE, "gpuses": [gpu]}}))
    assert instance_type.look_up("g5.xlarge", pulumi.InvokeOptions()).gpus == (read,)


SOURCES = {
    "region": "eu-west-1",
    "name": "eu-west-2",
    "config": "eu-west-3",
    "AWS_REGION": "eu-north-1",
    "AWS_DEFAULT_REGION": "eu-south-1",
}


@pytest.mark.parametrize("first", SOURCES)
def test_the_region_is_taken_from_the_first_that_tells_it(
    first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = dict(list(SOURCES.items())[list(SOURCES).index(first) :])
    answer = {key: name for key, name in there.items() if key in ("region", "name")}
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        if name in there:
            monkeypatch.setenv(name, there[name])
    _set(Told({**COMPLETE, REGION: answer}))
    before = dict(pulumi.runtime.config.CONFIG.get())
    pulumi.runtime.set_all_config({"aws:region": there["config"]} if "config" in there else {})
    try:
        assert region.look_up(pulumi.InvokeOptions()) == SOURCES[first]
    finally:
        pulumi.runtime.set_all_config(before)


def test_no_region_at_all_is_a_paragraph() -> None:
    mocks = _set(_without(REGION))
    with pytest.raises(ConfigError, match="`pulumi config set aws:region us-east-1`") as refused:
        deploy()
    assert "\n" not in str(refused.value)
    assert [made.typ for made in mocks.made] == ["geusemaker:index:Tier1"]


def test_mocks_that_answer_nothing_at_all_get_a_paragraph() -> None:
    _set(Told({}))
    with pytest.raises(GeuseMakerError):
        deploy()
