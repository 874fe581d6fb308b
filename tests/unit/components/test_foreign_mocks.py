"""Tier1 under the mocks of users' own tests, which answer less than AWS."""

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
"""The least answers that a stack needs."""
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


class TableMocks(pulumi.runtime.Mocks):
    """Answers look-ups from a table, others with nothing. Resources output their inputs."""

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


class Whole(TableMocks):
    """Outputs what AWS documents."""

    def outputs(self, args: pulumi.runtime.MockResourceArgs) -> dict[str, Any]:
        found = {"publicIp": "203.0.113.7", "ownerId": "123456789012", "name": args.name}
        if args.typ in ARNS:
            found["arn"] = ARNS[args.typ]
        if args.typ == "pulumi:index:Stash":
            found["output"] = args.inputs["input"]
        return {**found, **args.inputs}


class Echo(TableMocks):
    """Answers look-ups with their arguments and the table."""

    def call(self, args: pulumi.runtime.MockCallArgs) -> Any:
        return {**args.args, **self.answers.get(args.token, {})}


class Named(TableMocks):
    """Derives ARNs and addresses from names, unlike AWS."""

    def outputs(self, args: pulumi.runtime.MockResourceArgs) -> dict[str, Any]:
        return {**args.inputs, "arn": f"{args.name}_arn", "publicIp": f"{args.name}_ip"}


class Silent(TableMocks):
    """Resources output only their id."""

    def outputs(self, args: pulumi.runtime.MockResourceArgs) -> dict[str, Any]:
        return {}


FOREIGN: dict[str, Callable[[], TableMocks]] = {
    "complete": lambda: Whole(COMPLETE),
    "sparse": TableMocks,
    "echoing": Echo,
    "made up": Named,
    "silent": Silent,
}


@pytest.fixture(autouse=True)
def _no_region_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)


def _set(mocks: TableMocks, preview: bool = False) -> TableMocks:
    pulumi.runtime.set_mocks(mocks, project="embedding", stack="test", preview=preview)
    return mocks


@pytest.fixture(params=FOREIGN)
def mocks(request: pytest.FixtureRequest) -> TableMocks:
    return _set(FOREIGN[request.param]())


def _without(token: str) -> TableMocks:
    return TableMocks({**COMPLETE, token: {}})


def test_the_outputs_of_the_stack_resolve(mocks: TableMocks) -> None:
    found: dict[str, Any] = {}
    outputs(found)
    _check_host(mocks, {})
    found.pop("publicIp")  # only AWS gives addresses
    assert re.fullmatch("[a-z]{12}", found.pop("stackId"))
    assert found == {
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


def _check_host(mocks: TableMocks, args: Mapping[str, Any]) -> None:
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


def test_the_host_boots_the_image_of_the_look_up(mocks: TableMocks) -> None:
    deploy(**ALL_KEYS)
    _check_host(mocks, ALL_KEYS)


@pytest.mark.parametrize("preview", [True, False], ids=["preview", "up"])
@pytest.mark.parametrize("foreign", FOREIGN)
def test_a_stack_with_workers_succeeds(foreign: str, preview: bool) -> None:
    mocks = _set(FOREIGN[foreign](), preview=preview)
    deploy(workers_max=3, worker_instance_types=["m6i.xlarge"], kms_key_arn=KEY)
    template = mocks.inputs("aws:ec2/launchTemplate:LaunchTemplate")
    assert template["updateDefaultVersion"] is True
    if not preview:
        assert template["imageId"] == AMI
        script = gzip.decompress(base64.b64decode(template["userData"])).decode()
        assert "REPORTS=geusemaker-compute-settings_id\n" in script


@pytest.mark.parametrize("foreign", ["echoing", "silent"])
def test_the_host_boots_the_pinned_image(foreign: str) -> None:
    mocks = _set(FOREIGN[foreign]())
    deploy(ami_id=AMI)
    _check_host(mocks, {})


@pytest.mark.parametrize("foreign", ["complete", "silent"])
def test_a_preview_succeeds(foreign: str) -> None:
    mocks = _set(FOREIGN[foreign](), preview=True)
    deploy()
    assert mocks.inputs(HOST)["instanceType"] == "m6i.xlarge"


def test_a_stash_output_overrides_its_input() -> None:
    class Kept(Whole):
        def outputs(self, args: pulumi.runtime.MockResourceArgs) -> dict[str, Any]:
            found = super().outputs(args)
            if args.name.endswith("-image"):
                found["output"] = {**found["output"], "id": "ami-00000000000000001"}
            return found

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
def test_the_policy_has_the_partition_of_the_arn(arn: str | None, partition: str) -> None:
    policy = json.loads(file_system_policy(cast(str, arn), "123456789012"))
    allow = policy["Statement"][0]
    assert allow["Principal"]["AWS"] == f"arn:{partition}:iam::123456789012:root"


def test_an_access_point_without_an_arn_is_not_in_the_policy() -> None:
    found = json.loads(files_policy("arn:x", cast(list[str], ["b", None, "a"])))
    condition = found["Statement"][0]["Condition"]["StringEquals"]
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


def test_an_adopted_network_needs_only_the_documented_look_ups() -> None:
    mocks = _set(TableMocks({**SPARSE, **ADOPTED_ANSWERS}))
    deploy(**ADOPTED)
    assert mocks.inputs("aws:ebs/volume:Volume")["availabilityZone"] == "us-east-1b"
    assert mocks.inputs(HOST)["subnetId"] == ADOPTED["subnet_ids"][0]


@pytest.mark.parametrize("missing", ADOPTED_ANSWERS)
def test_an_adopted_network_missing_in_the_mocks_is_an_error(missing: str) -> None:
    _set(TableMocks({**SPARSE, **ADOPTED_ANSWERS, missing: {}}))
    with pytest.raises(NetworkError):
        deploy(**ADOPTED)


def test_a_region_without_zones_is_an_error() -> None:
    nothing: list[dict[str, Any]] = [{}, {"names": []}]
    for answer in nothing:
        _set(TableMocks({**COMPLETE, ZONES: answer}))
        with pytest.raises(NetworkError, match="has no availability zone") as refused:
            deploy()
        assert "\n" not in str(refused.value)


def test_a_type_that_no_zone_offers_is_refused() -> None:
    _set(TableMocks({**COMPLETE, OFFERINGS: {"locations": []}}))
    with pytest.raises(NetworkError, match="opted in to offers") as refused:
        deploy()
    assert "describe-instance-type-offerings --location-type region --query" in str(refused.value)


def test_a_fix_for_a_type_that_the_region_lacks_is_a_type_that_it_has() -> None:
    offered = {"locations": [], "instanceTypes": ["m5.xlarge", "m5.2xlarge"]}
    _set(TableMocks({**COMPLETE, OFFERINGS: offered}))
    with pytest.raises(NetworkError, match=r"geusemaker:instanceType m5\.xlarge`"):
        deploy()


def test_a_type_with_unknown_offerings_may_be_in_any_usable_zone() -> None:
    mocks = _set(_without(OFFERINGS))
    deploy()
    zones = sorted(
        m.inputs["availabilityZone"] for m in mocks.made if m.typ == "aws:ec2/subnet:Subnet"
    )
    assert zones == ["us-east-1a", "us-east-1b"]


@pytest.mark.parametrize("pin", [{}, {"ami_id": AMI}], ids=["floats", "pinned"])
def test_a_type_of_another_architecture_is_refused(
    pin: dict[str, str],
) -> None:
    _set(TableMocks({**COMPLETE, GET_TYPE: {**TYPE, "supportedArchitectures": ["arm64"]}}))
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
def test_a_partly_described_gpu_counts(gpu: dict[str, Any], read: str) -> None:
    _set(TableMocks({**COMPLETE, GET_TYPE: {**TYPE, "gpuses": [gpu]}}))
    assert instance_type.look_up("g5.xlarge", pulumi.InvokeOptions()).gpus == (read,)


SOURCES = {
    "region": "eu-west-1",
    "name": "eu-west-2",
    "config": "eu-west-3",
    "AWS_REGION": "eu-north-1",
    "AWS_DEFAULT_REGION": "eu-south-1",
}


@pytest.mark.parametrize("first", SOURCES)
def test_the_region_is_from_the_first_source_that_has_one(
    first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = dict(list(SOURCES.items())[list(SOURCES).index(first) :])
    answer = {key: name for key, name in there.items() if key in ("region", "name")}
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        if name in there:
            monkeypatch.setenv(name, there[name])
    _set(TableMocks({**COMPLETE, REGION: answer}))
    before = dict(pulumi.runtime.config.CONFIG.get())
    pulumi.runtime.set_all_config({"aws:region": there["config"]} if "config" in there else {})
    try:
        assert region.look_up(pulumi.InvokeOptions()) == SOURCES[first]
    finally:
        pulumi.runtime.set_all_config(before)


def test_no_region_is_an_error() -> None:
    mocks = _set(_without(REGION))
    with pytest.raises(ConfigError, match="`pulumi config set aws:region us-east-1`") as refused:
        deploy()
    assert "\n" not in str(refused.value)
    assert [made.typ for made in mocks.made] == ["geusemaker:index:Tier1"]


def test_mocks_without_answers_get_an_error() -> None:
    _set(TableMocks({}))
    with pytest.raises(GeuseMakerError):
        deploy()
