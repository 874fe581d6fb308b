"""The simulated account as a process of its own, and as mocks."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import grpc
import pytest
from botocore.exceptions import ClientError
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from pulumi_moto import wire
from simulator.served import LONGEST, Process, running


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("simulator")
    with running(folder, AWS_PROFILE="nobody", HTTP_PROXY="http://127.0.0.1:9") as started:
        yield started


def test_the_state_file_is_complete(process: Process) -> None:
    assert process.state.keys() == {
        *("pid", "provider_port", "endpoint", "account", "region", "images", "started", "token"),
        *("access_key_id", "secret_access_key"),
    }
    assert process.state["pid"] == process.popen.pid
    assert (process.state["account"], process.state["region"]) == ("000000000000", "us-east-1")
    assert process.http("/geusemaker/health") == (200, {"pid": process.popen.pid})
    status, body = process.http("/geusemaker/other")
    assert (status, body) == (404, {"error": "no such page: GET /geusemaker/other"})


def test_instance_types_are_shown(process: Process) -> None:
    status, shown = process.http("/geusemaker/instance-types/m6i.large")
    assert (status, shown["InstanceType"]) == (200, "m6i.large")
    assert process.http("/geusemaker/instance-types/m6i.none")[0] == 400


def test_provider_and_aws_show_one_account(process: Process) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{process.state['provider_port']}") as channel:
        stub = provider_pb2_grpc.ResourceProviderStub(channel)
        config = {"region": "us-east-1", "defaultTags": {"tags": {"stack": "dev"}}}
        stub.Configure(provider_pb2.ConfigureRequest(args=wire.encode(config)))
        assert process.http("/geusemaker/resources") == (200, [])
        made: list[tuple[str, str]] = []

        def make(token: str, **given: Any) -> str:
            urn = f"urn:pulumi:dev::geusemaker::{token}::thing-{len(made)}"
            checked = stub.Check(provider_pb2.CheckRequest(urn=urn, news=wire.encode(given)))
            answer = stub.Create(provider_pb2.CreateRequest(urn=urn, properties=checked.inputs))
            made.append((urn, answer.id))
            return str(answer.id)

        vpc = make("aws:ec2/vpc:Vpc", cidrBlock="10.0.0.0/16")
        subnet = make(
            "aws:ec2/subnet:Subnet",
            vpcId=vpc,
            cidrBlock="10.0.1.0/24",
            availabilityZone="us-east-1a",
        )
        trust = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow"}]})
        role = make("aws:iam/role:Role", assumeRolePolicy=trust)
        profile = make("aws:iam/instanceProfile:InstanceProfile", role=role)
        group = make("aws:ec2/securityGroup:SecurityGroup", vpcId=vpc)
        # A release in the middle of a run leaves the run's tags and account alone.
        wanted = {"name": "Other 20250101", "architecture": "x86_64", "region": "eu-west-1"}
        assert process.http("/geusemaker/release", wanted)[0] == 200
        ami = process.http("/geusemaker/release", {**wanted, "region": None, "root_gib": 9})[1]
        instance = make(
            "aws:ec2/instance:Instance",
            ami=ami["id"],
            instanceType="m6i.large",
            subnetId=subnet,
            iamInstanceProfile=profile,
            vpcSecurityGroupIds=[group],
        )
        shown = process.client("ec2").describe_vpcs(VpcIds=[vpc])["Vpcs"][0]
        assert shown["Tags"] == [{"Key": "stack", "Value": "dev"}]
        (reserved,) = process.client("ec2").describe_instances()["Reservations"]
        assert {"Key": "stack", "Value": "dev"} in reserved["Instances"][0]["Tags"]
        alive = process.http("/geusemaker/resources")[1]
        ids = [item["id"] for item in alive]
        assert len(ids) == len(set(ids)), "IAM is listed once, not once per Region"
        assert {vpc, subnet, role, profile, group, instance} <= set(ids)
        assert {item["region"] for item in alive} == {"us-east-1"}
        for urn, id_ in reversed(made):
            read = stub.Read(provider_pb2.ReadRequest(urn=urn, id=id_))
            assert read.id == id_
            stub.Delete(provider_pb2.DeleteRequest(urn=urn, id=id_, properties=read.properties))
        assert process.http("/geusemaker/resources") == (200, [])


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"architecture": "x86_64"}, "the release has no name"),
        ({"name": "A name"}, "the release has no architecture"),
        ([], "a release is an object"),
        ({"name": "A name", "architecture": "mips"}, "architecture 'mips'"),
        ({"name": "A name", "architecture": "arm64", "root_gib": "9"}, "root size '9' is not a"),
        ({"name": "A name", "architecture": "arm64", "region": "mars-1"}, "'mars-1' is not an AWS"),
    ],
)
def test_a_release_that_cannot_be(process: Process, wanted: Any, said: str) -> None:
    status, body = process.http("/geusemaker/release", wanted)
    assert status == 400
    assert body["error"].startswith(said)


def test_a_release(process: Process) -> None:
    wanted = {"name": "A release 20250101", "architecture": "arm64", "root_gib": 9}
    status, body = process.http("/geusemaker/release", wanted)
    assert status == 200
    assert body == {
        **wanted,
        "id": body["id"],
        "created": "2025-01-01T09:00:00+00:00",
        "region": "us-east-1",
    }
    (shown,) = process.client("ec2").describe_images(ImageIds=[body["id"]])["Images"]
    assert shown["Name"] == wanted["name"]
    assert process.http("/geusemaker/release", wanted)[0] == 400


def test_a_state_file_is_needed(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "geusemaker.simulator"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
        timeout=LONGEST,
    )
    assert ended.returncode == 2
    assert b"--state-file" in ended.stderr


def test_every_region_has_its_images_from_the_first_request_on(process: Process) -> None:
    name = "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 24.04) 20260925"
    found = process.client("ec2", "eu-north-1").describe_images(
        Owners=["amazon"], Filters=[{"Name": "name", "Values": [name]}]
    )
    assert [image["Name"] for image in found["Images"]] == [name]
    assert process.http("/geusemaker/resources") == (200, [])


def test_the_clients_of_a_user_reach_every_service(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With nothing but the endpoint in the environment, as in the local shell."""
    for name, value in {
        "AWS_ENDPOINT_URL": process.state["endpoint"],
        "AWS_ACCESS_KEY_ID": process.state["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": process.state["secret_access_key"],
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    make: Any = boto3.session.Session().client
    ssm, s3, route53 = make("ssm"), make("s3"), make("route53")
    ssm.put_parameter(Name="/mine", Type="SecureString", Value="a=1\nb=2")
    found = ssm.get_parameter(Name="/mine", WithDecryption=True)["Parameter"]
    assert (found["Value"], found["Type"]) == ("a=1\nb=2", "SecureString")
    s3.create_bucket(Bucket="of-somebody")
    s3.put_object(Bucket="of-somebody", Key="bundles/1.tar", Body=b"\x00\xff")
    assert s3.get_object(Bucket="of-somebody", Key="bundles/1.tar")["Body"].read() == b"\x00\xff"
    s3.create_bucket(Bucket="geusemaker")  # whose path is that of the account's own pages
    s3.put_object(Bucket="geusemaker", Key="health", Body=b"mine")
    assert s3.get_object(Bucket="geusemaker", Key="health")["Body"].read() == b"mine"
    s3.delete_object(Bucket="geusemaker", Key="health")
    s3.delete_bucket(Bucket="geusemaker")
    zone = route53.create_hosted_zone(Name="example.com", CallerReference="one")["HostedZone"]
    record = {"Name": "n8n.example.com", "Type": "A", "TTL": 60}
    change = {"ResourceRecordSet": {**record, "ResourceRecords": [{"Value": "203.0.113.5"}]}}

    def send(verb: str) -> None:
        batch = {"Changes": [{"Action": verb, **change}]}
        route53.change_resource_record_sets(HostedZoneId=zone["Id"], ChangeBatch=batch)

    send("CREATE")
    alive = {(item["type"], item["id"]) for item in process.http("/geusemaker/resources")[1]}
    assert alive == {
        ("parameter", "/mine"),
        ("bucket", "of-somebody"),
        ("hosted zone", zone["Id"].rpartition("/")[2]),
        ("dns record", "n8n.example.com. A"),
    }
    ssm.delete_parameter(Name="/mine")
    s3.delete_object(Bucket="of-somebody", Key="bundles/1.tar")
    s3.delete_bucket(Bucket="of-somebody")
    send("DELETE")
    route53.delete_hosted_zone(Id=zone["Id"])
    assert process.http("/geusemaker/resources") == (200, [])


def test_no_region_has_an_agent(process: Process) -> None:
    ssm = process.client("ssm", "ap-south-1")
    with pytest.raises(ClientError, match="InvalidInstanceId"):
        ssm.send_command(DocumentName="AWS-RunShellScript", InstanceIds=["i-0123456789abcdef0"])


def test_an_unknown_region_is_refused_as_by_ec2(process: Process) -> None:
    with pytest.raises(ClientError) as refused:
        process.client("ec2", "us-esat-1").describe_images(Owners=["amazon"])
    assert refused.value.response["Error"]["Code"] == "AuthFailure"
    assert process.client("ec2", "eu-west-3").describe_images(Owners=["amazon"])["Images"]
