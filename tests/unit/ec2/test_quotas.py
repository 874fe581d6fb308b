"""The quota of an instance type, and the message when AWS does not start a host."""

import shlex

import pytest
from moto.ec2.models.instance_types import INSTANCE_TYPES

from geusemaker.ec2 import quotas
from geusemaker.ec2.instance_types import architecture_of
from geusemaker.ec2.quotas import alternative, explain, quota_of, request_command, vcpus_of

PREFIX = (
    "error: 1 error occurred:\n\t* creating EC2 Instance: operation error EC2: {operation}, https "
    "response error StatusCode: 400, RequestID: 5d0c9d3c-1f0e-4f7c-9a55-000000000000, api error "
    "{code}: {message}\n\n"
)
OVER_QUOTA = (
    "You have requested more vCPU capacity than your current vCPU limit of {limit} allows for the "
    "instance bucket that the specified instance type belongs to. Please visit "
    "http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit."
)
NO_CAPACITY = (
    "We currently do not have sufficient g5.xlarge capacity in the Availability Zone you requested "
    "(us-east-1a). Our system will be working on provisioning additional capacity. You can "
    "currently get g5.xlarge capacity by not specifying an Availability Zone in your request or "
    "choosing us-east-1b, us-east-1c, us-east-1d, us-east-1f."
)


def over_quota(limit: int = 0, operation: str = "RunInstances") -> str:
    return PREFIX.format(
        operation=operation, code="VcpuLimitExceeded", message=OVER_QUOTA.format(limit=limit)
    )


def no_capacity(operation: str = "RunInstances") -> str:
    return PREFIX.format(
        operation=operation, code="InsufficientInstanceCapacity", message=NO_CAPACITY
    )


def explained(text: str, instance_type: str = "g5.xlarge", region: str = "us-east-1") -> str:
    paragraph = explain(text, instance_type, region)
    assert paragraph is not None
    assert "\n" not in paragraph
    return paragraph


def commands(paragraph: str) -> list[str]:
    return paragraph.split("`")[1::2]


@pytest.mark.parametrize(
    ("instance_type", "code"),
    [
        ("m6i.xlarge", "L-1216C47A"),
        ("a1.large", "L-1216C47A"),
        ("t4g.micro", "L-1216C47A"),
        ("im4gn.large", "L-1216C47A"),
        ("is4gen.large", "L-1216C47A"),
        ("h1.2xlarge", "L-1216C47A"),
        ("d3.xlarge", "L-1216C47A"),
        ("z1d.large", "L-1216C47A"),
        ("g5.xlarge", "L-DB2E81BA"),
        ("gr6.4xlarge", "L-DB2E81BA"),
        ("g5g.xlarge", "L-DB2E81BA"),
        ("vt1.3xlarge", "L-DB2E81BA"),
        ("p5.48xlarge", "L-417A185B"),
        ("p6e-gb200.36xlarge", "L-417A185B"),
        ("inf2.xlarge", "L-1945791B"),
        ("trn1.2xlarge", "L-2C3B7624"),
        ("x2gd.metal", "L-7295265B"),
        ("f2.6xlarge", "L-74FC7D96"),
        ("dl1.24xlarge", "L-6E869C2A"),
        ("u-6tb1.56xlarge", "L-43DA4232"),
        ("u7i-12tb.224xlarge", "L-43DA4232"),
        ("hpc7g.4xlarge", "L-F7808C92"),
    ],
)
def test_each_series_has_its_quota(instance_type: str, code: str) -> None:
    quota = quota_of(instance_type)
    assert quota is not None
    assert quota.code == code


@pytest.mark.parametrize("instance_type", ["mac2.metal", "q9.large", ""])
def test_an_unknown_series_has_no_quota(instance_type: str) -> None:
    assert quota_of(instance_type) is None


def test_every_recorded_type_has_a_quota_and_no_false_vcpus() -> None:
    for name, facts in INSTANCE_TYPES.items():
        assert (quota_of(name) is None) == name.startswith("mac"), name
        assert vcpus_of(name) in (None, facts["VCpuInfo"]["DefaultVCpus"]), name


def test_the_size_in_the_name_gives_the_vcpus() -> None:
    sizes = {"g5.xlarge": 4, "p5.48xlarge": 192, "m6i.large": 2, "t3.nano": None, "i3.metal": None}
    assert {name: vcpus_of(name) for name in sizes} == sizes


def test_codes_and_names_are_unique() -> None:
    assert len({quota.code for quota in quotas.QUOTAS}) == len(quotas.QUOTAS) == 10
    assert len({quota.name for quota in quotas.QUOTAS}) == 10


def test_a_quota_of_zero_names_quota_code_region_and_both_hosts() -> None:
    said = explained(over_quota(), region="eu-central-1")
    assert "type g5.xlarge in eu-central-1 (VcpuLimitExceeded)" in said
    assert "quota there is 0 vCPUs" in said
    assert "the 4 vCPUs of g5.xlarge" in said
    assert "New accounts have a quota of 0 for types with a GPU" in said
    assert "'Running On-Demand G and VT instances' (L-DB2E81BA)" in said
    assert "Service Quotas, Amazon EC2" in said
    assert "a replaced host runs for some minutes" in said
    assert commands(said) == [
        "aws service-quotas request-service-quota-increase --service-code ec2 --quota-code "
        "L-DB2E81BA --desired-value 8 --region eu-central-1",
        "pulumi config set geusemaker:instanceType m6i.xlarge",
    ]
    assert said.endswith("A running host and the data are unchanged.")


def test_the_requested_value_allows_two_hosts_above_a_full_quota() -> None:
    said = explained(over_quota(5), "m6i.xlarge")
    assert "quota there is 5 vCPUs" in said
    assert "--quota-code L-1216C47A --desired-value 13 " in said
    assert "New accounts have a quota of 0" not in said
    assert "a smaller type: `pulumi config set geusemaker:instanceType m6i.large`" in said


def test_the_alternative_keeps_the_architecture() -> None:
    assert "geusemaker:instanceType m6g.xlarge`" in explained(over_quota(), "g5g.xlarge")
    assert "geusemaker:instanceType m6g.large`" in explained(over_quota(8), "m7g.2xlarge")
    for name in INSTANCE_TYPES:
        other = alternative(name)
        if other is not None:
            assert other != name
            assert other in INSTANCE_TYPES
            assert architecture_of(other) == architecture_of(name)


def test_the_smallest_types_have_no_smaller_one() -> None:
    assert "instanceType" not in explained(over_quota(1), "t3.medium")


def test_given_vcpus_take_precedence_over_the_name() -> None:
    said = explain(over_quota(), "hpc7g.4xlarge", "us-east-1", vcpus=16)
    assert said is not None
    assert "the 16 vCPUs of hpc7g.4xlarge" in said
    assert "--desired-value 32 " in said


def test_a_type_of_an_unknown_series_gets_the_command_that_lists_quotas() -> None:
    said = explained(over_quota(), "q9.xlarge")
    assert "`aws service-quotas list-service-quotas --service-code ec2 --region us-east-1`" in said
    assert "request-service-quota-increase" not in said


def test_a_limit_that_aws_does_not_report_is_not_shown() -> None:
    said = explained("VcpuLimitExceeded: something new that AWS says", "g5.xlarge")
    assert "quota there is limited" in said
    assert "--desired-value 8 " in said


def test_no_capacity_names_the_type_and_the_zone_and_the_unchanged_data() -> None:
    said = explained(no_capacity())
    assert "no free capacity for type g5.xlarge in us-east-1a now" in said
    assert "(InsufficientInstanceCapacity)" in said
    assert "A running host and the data are unchanged." in said
    assert "Run the same command again" in said
    assert "architecture x86_64" in said
    assert "only a new stack can use another Region" in said
    assert "Values=us-east-1a --region us-east-1" in said
    assert "pulumi config set geusemaker:instanceType g4dn.xlarge" in commands(said)


def test_no_capacity_in_an_unknown_zone_names_the_region() -> None:
    said = explained(f"InsufficientInstanceCapacity: {'Insufficient capacity.'}", "m6g.xlarge")
    assert "type m6g.xlarge in one zone of us-east-1" in said
    assert "pulumi config set geusemaker:instanceType m6g.2xlarge" in commands(said)


def test_the_proposed_other_type_exists() -> None:
    for name in INSTANCE_TYPES:
        text = f"InsufficientInstanceCapacity: do not have sufficient {name} capacity"
        (other,) = [
            one.split()[-1] for one in commands(explained(text, name)) if "instanceType" in one
        ]
        assert other != name
        assert other in INSTANCE_TYPES
        assert architecture_of(other) == architecture_of(name), name


@pytest.mark.parametrize("text", [no_capacity("StartInstances"), over_quota(4, "StartInstances")])
def test_a_host_stopped_for_its_new_type_is_reported_as_stopped(text: str) -> None:
    said = explained(text)
    assert "is still stopped; its data is unchanged" in said
    assert "another `pulumi up` does not start it; run `geusemaker start`" in said
    assert "--refresh" not in said, "the new type is recorded already"
    assert "Run the same command again" not in said
    assert "A running host" not in said


def test_a_line_break_within_the_limit_is_ignored() -> None:
    assert "quota there is 7 vCPUs" in explained(
        over_quota(7).replace("vCPU limit", "vCPU\n    limit")
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "creating EC2 Instance: api error InvalidAMIID.NotFound: The image id does not exist",
        "api error MaxSpotInstanceCountExceeded: Max spot instance count exceeded",
    ],
)
def test_other_errors_are_not_explained(text: str) -> None:
    assert explain(text, "g5.xlarge", "us-east-1") is None


def test_a_shell_parses_the_request_command() -> None:
    words = shlex.split(request_command(quotas.P, 384, "us-west-2"))
    assert words[:3] == ["aws", "service-quotas", "request-service-quota-increase"]
    assert dict(zip(words[3::2], words[4::2], strict=True)) == {
        "--service-code": "ec2",
        "--quota-code": "L-417A185B",
        "--desired-value": "384",
        "--region": "us-west-2",
    }


@pytest.mark.parametrize("code", ["VcpuLimitExceeded", "InsufficientInstanceCapacity"])
def test_a_host_stopped_by_the_user_is_reported_as_stopped(code: str) -> None:
    text = f"The AWS call ec2 StartInstances in the Region us-east-1 failed with {code}: no"
    explained = explain(text, "m6i.xlarge", "us-east-1", by_hand=True)
    assert explained is not None
    assert "The host is still stopped; its data is unchanged." in explained
    assert "to change its type" not in explained
    assert "&& pulumi up`" in explained, "another type alone starts nothing"
