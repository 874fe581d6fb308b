"""A domain in a hosted zone of the account."""

import pytest

from geusemaker.errors import ConfigError
from geusemaker.simulator.mocks import SimulatedMocks

from .rendering import deploy


def _zone(account: SimulatedMocks) -> str:
    """The id of a zone for example.com."""
    route53 = account.account.client("route53")
    zone = route53.create_hosted_zone(Name="example.com", CallerReference="a test")
    return str(zone["HostedZone"]["Id"].rpartition("/")[2])


@pytest.mark.parametrize("domain", ["ai.example.com", "example.com"])
def test_a_hosted_zone_gets_the_record_of_the_domain(account: SimulatedMocks, domain: str) -> None:
    deploy(domain=domain, hosted_zone_id=_zone(account), allowed_cidrs=["203.0.113.0/24"])
    (record,) = account.of("aws:route53/record:Record")
    (address,) = account.of("aws:ec2/eip:Eip")
    assert record.inputs["name"] == domain
    assert record.inputs["type"] == "A"
    assert record.inputs["records"] == [address.outputs["publicIp"]]
    ingress = account.of("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
    assert {
        (rule.inputs["fromPort"], rule.inputs["cidrIpv4"])
        for rule in ingress
        if "cidrIpv4" in rule.inputs
    } == {(80, "0.0.0.0/0"), (443, "203.0.113.0/24")}
    (pointer,) = (
        one
        for one in account.of("aws:ssm/parameter:Parameter")
        if one.name == "geusemaker-compute-settings"
    )
    assert f"\nurl=https://{domain}\n" in pointer.inputs["value"]


@pytest.mark.parametrize(
    ("domain", "zone_id", "words"),
    [
        ("ai.example.org", None, ["is not in it", "geusemaker:domain ai.example.com`"]),
        ("badexample.com", None, ["is not in it"]),
        ("ai.example.com", "Z0000000000000", ["does not exist", "NoSuchHostedZone"]),
    ],
)
def test_a_hosted_zone_without_the_domain_is_refused_before_any_resource(
    account: SimulatedMocks, domain: str, zone_id: str | None, words: list[str]
) -> None:
    there = _zone(account)
    with pytest.raises(ConfigError) as refused:
        deploy(domain=domain, hosted_zone_id=zone_id or there)
    for word in (*words, "`pulumi config rm geusemaker:hostedZoneId`"):
        assert word in str(refused.value)
    assert not account.of("aws:ec2/vpc:Vpc")
