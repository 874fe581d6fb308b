"""The public name and its port, and the copies of the data."""

import json
from typing import Any

import pytest

from geusemaker.errors import ConfigError
from geusemaker.simulator.mocks import SimulatedMocks

from .rendering import deploy

INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"


def _open_ports(account: SimulatedMocks) -> set[tuple[int, str]]:
    return {
        (rule.inputs["fromPort"], rule.inputs["cidrIpv4"])
        for rule in account.of(INGRESS)
        if "cidrIpv4" in rule.inputs
    }


@pytest.mark.parametrize(
    ("args", "ports"),
    [
        ({}, set()),
        ({"domain": "ai.example.com"}, {(80, "0.0.0.0/0")}),
        ({"allowed_cidrs": ["203.0.113.0/24"]}, {(443, "203.0.113.0/24")}),
        (
            {"domain": "ai.example.com", "allowed_cidrs": ["203.0.113.0/24"]},
            {(80, "0.0.0.0/0"), (443, "203.0.113.0/24")},
        ),
    ],
)
def test_what_is_open(
    account: SimulatedMocks, args: dict[str, Any], ports: set[tuple[int, str]]
) -> None:
    deploy(**args)
    assert _open_ports(account) == ports
    assert len(account.of("aws:ec2/eip:Eip")) == (1 if args else 0)
    assert not account.of("aws:route53/record:Record")


def test_a_zone_gets_the_record_of_the_name(account: SimulatedMocks) -> None:
    route53 = account.account.client("route53")
    zone = route53.create_hosted_zone(Name="example.com", CallerReference="a test")
    zone_id = zone["HostedZone"]["Id"].rpartition("/")[2]
    deploy(domain="ai.example.com", hosted_zone_id=zone_id)
    (record,) = account.of("aws:route53/record:Record")
    (address,) = account.of("aws:ec2/eip:Eip")
    assert record.inputs["name"] == "ai.example.com"
    assert record.inputs["type"] == "A"
    assert record.inputs["records"] == [address.outputs["publicIp"]]


@pytest.mark.parametrize(
    ("domain", "zone_id", "words"),
    [
        ("ai.example.org", None, ["is not in it", "geusemaker:domain ai.example.com`"]),
        ("badexample.com", None, ["is not in it"]),
        ("ai.example.com", "Z0000000000000", ["does not show", "NoSuchHostedZone"]),
    ],
)
def test_a_zone_that_cannot_hold_the_name_is_refused_before_anything_is_made(
    account: SimulatedMocks, domain: str, zone_id: str | None, words: list[str]
) -> None:
    route53 = account.account.client("route53")
    zone = route53.create_hosted_zone(Name="example.com", CallerReference="a test")
    there = zone["HostedZone"]["Id"].rpartition("/")[2]
    with pytest.raises(ConfigError) as refused:
        deploy(domain=domain, hosted_zone_id=zone_id or there)
    for word in (*words, "`pulumi config rm geusemaker:hostedZoneId`"):
        assert word in str(refused.value)
    assert not account.of("aws:ec2/vpc:Vpc")


def test_the_name_of_the_zone_itself_will_do(account: SimulatedMocks) -> None:
    route53 = account.account.client("route53")
    zone = route53.create_hosted_zone(Name="example.com", CallerReference="a test")
    deploy(domain="example.com", hosted_zone_id=zone["HostedZone"]["Id"].rpartition("/")[2])
    assert len(account.of("aws:route53/record:Record")) == 1


def test_one_plan_copies_volume_and_file_system_together(account: SimulatedMocks) -> None:
    deploy(backup_retention_days=14)
    (plan,) = account.of("aws:backup/plan:Plan")
    (rule,) = plan.inputs["rules"]
    assert rule["lifecycle"]["deleteAfter"] == 14
    (selection,) = account.of("aws:backup/selection:Selection")
    (volume,) = account.of("aws:ebs/volume:Volume")
    (system,) = account.of("aws:efs/fileSystem:FileSystem")
    assert selection.inputs["resources"] == [volume.outputs["arn"], system.outputs["arn"]]
    (role,) = (
        one
        for one in account.of("aws:iam/role:Role")
        if one.outputs["arn"] == selection.inputs["iamRoleArn"]
    )
    trust = json.loads(role.inputs["assumeRolePolicy"])["Statement"][0]
    assert trust["Principal"] == {"Service": "backup.amazonaws.com"}
    attached = {
        one.inputs["policyArn"].rpartition("/")[2]
        for one in account.of("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
        if one.inputs["role"] == role.outputs["name"]
    }
    assert attached == {
        "AWSBackupServiceRolePolicyForBackup",
        "AWSBackupServiceRolePolicyForRestores",
    }


def test_without_retention_there_is_no_plan_and_what_ends_older_copies_stays(
    account: SimulatedMocks,
) -> None:
    deploy(backup_retention_days=0)
    assert not account.of("aws:backup/plan:Plan")
    assert not account.of("aws:backup/selection:Selection")
    assert len(account.of("aws:backup/vault:Vault")) == 1, "it may hold copies"
    (role,) = (
        one
        for one in account.of("aws:iam/role:Role")
        if "backup.amazonaws.com" in one.inputs["assumeRolePolicy"]
    )
    attached = [
        one
        for one in account.of("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
        if one.inputs["role"] == role.outputs["name"]
    ]
    assert len(attached) == 2, "without its role AWS Backup deletes no copy at its date"


@pytest.mark.parametrize("protect", [True, False])
def test_the_vault_goes_with_its_copies_only_where_the_data_may_go(
    account: SimulatedMocks, protect: bool
) -> None:
    deploy(protect_data=protect)
    (vault,) = account.of("aws:backup/vault:Vault")
    assert vault.inputs["forceDestroy"] is not protect


@pytest.mark.parametrize(
    ("instance_type", "mode"), [("t3.2xlarge", "unlimited"), ("m6i.xlarge", None)]
)
def test_burstable_types_have_a_credit_mode_that_is_said(
    account: SimulatedMocks, instance_type: str, mode: str | None
) -> None:
    deploy(instance_type=instance_type)
    (host,) = account.of("aws:ec2/instance:Instance")
    told = host.inputs.get("creditSpecification", {})
    assert told.get("cpuCredits") == mode
