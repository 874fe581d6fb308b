"""The simulated account as Pulumi's mocks."""

import os
from typing import Any

import pulumi.runtime
import pytest

from pulumi_moto import wire
from pulumi_moto.mocks import simulated_account
from pulumi_moto.table import NotSimulated


def _new(token: str, **inputs: Any) -> pulumi.runtime.MockResourceArgs:
    return pulumi.runtime.MockResourceArgs(
        typ=token, name="thing", inputs=inputs, provider="", resource_id="", custom=True
    )


def test_mocks_answer_and_remember() -> None:
    with simulated_account(default_tags={"stack": "dev"}) as mocks:
        id_, outputs = mocks.new_resource(
            _new("aws:ec2/vpc:Vpc", cidrBlock="10.0.0.0/16", tags=None)
        )
        assert outputs["arn"].endswith(str(id_))
        assert outputs["tagsAll"] == {"stack": "dev"}
        assert mocks.new_resource(_new("my:index:Component", a=1.0)) == (None, {"a": 1})
        kept = mocks.new_resource(_new("pulumi:index:Stash", input="x"))
        assert kept == ("thing-id", {"input": "x", "output": "x"})
        (made,) = mocks.of("aws:ec2/vpc:Vpc")
        assert (made.name, made.inputs) == ("thing", {"cidrBlock": "10.0.0.0/16"})
        with pytest.raises(LookupError, match="cidrblock: the aws provider declares no such"):
            mocks.new_resource(_new("aws:ec2/vpc:Vpc", cidrblock="10.0.0.0/16"))
        with pytest.raises(NotSimulated, match="aws:sqs/queue:Queue"):
            mocks.new_resource(_new("aws:sqs/queue:Queue"))
        region = "aws:index/getRegion:getRegion"
        asked = pulumi.runtime.MockCallArgs(token=region, args={}, provider="")
        assert mocks.call(asked)["region"] == "us-east-1"
        assert mocks.asked == [(region, {})]
        wrong = pulumi.runtime.MockCallArgs(token=region, args={"regoin": "x"}, provider="")
        with pytest.raises(LookupError, match="regoin"):
            mocks.call(wrong)


def test_mocks_know_what_is_secret() -> None:
    def secret(value: Any) -> dict[str, Any]:
        return wire.wrapped({"it": value}, ["it"])["it"]  # type: ignore[no-any-return]

    with simulated_account() as mocks:
        kind = "aws:ssm/parameter:Parameter"
        given = {"type": "SecureString", "value": secret("one"), "description": "open"}
        id_, outputs = mocks.new_resource(_new(kind, **given))
        assert outputs["value"] == secret("one")
        assert outputs["description"] == "open"
        (made,) = mocks.of(kind)
        assert (made.inputs["value"], made.outputs["value"]) == ("one", "one")
        found = mocks.account.client("ssm").get_parameter(Name=id_, WithDecryption=True)
        assert found["Parameter"]["Value"] == "one"
        _, outputs = mocks.new_resource(_new(kind, type="String", value="open", name="other"))
        assert outputs["value"] == secret("open"), "the provider makes it secret"
        # One that only the program calls secret is so too, and what is kept of it.
        _, outputs = mocks.new_resource(_new("aws:s3/bucket:Bucket", tags=secret({"owner": "me"})))
        assert outputs["tags"] == secret({"owner": "me"})
        _, outputs = mocks.new_resource(_new("pulumi:index:Stash", input=secret("x")))
        assert outputs == {"input": secret("x"), "output": secret("x")}


def test_mocks_leave_the_environment_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    before = dict(os.environ)
    with simulated_account("eu-west-1") as mocks:
        assert "AWS_PROFILE" not in os.environ
        assert mocks.account.region == "eu-west-1"
        _, outputs = mocks.new_resource(_new("aws:ec2/eip:Eip", domain="vpc"))
        assert outputs["publicDns"].endswith(".eu-west-1.compute.amazonaws.com")
    assert dict(os.environ) == before


def test_a_configured_endpoint_does_not_lead_mocks_out_of_their_account(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_EC2", "http://127.0.0.1:9")
    with simulated_account() as mocks:
        id_, _ = mocks.new_resource(_new("aws:ec2/vpc:Vpc", cidrBlock="10.0.0.0/16", tags=None))
        assert str(id_).startswith("vpc-")


def test_mocks_whose_account_is_gone_make_nothing_in_the_next_one() -> None:
    """A thread of a program that has failed may come that late."""
    vpc = pulumi.runtime.MockResourceArgs(
        typ="aws:ec2/vpc:Vpc", name="late", inputs={"cidrBlock": "10.0.0.0/16"}, custom=True
    )
    zones = pulumi.runtime.MockCallArgs(
        "aws:index/getAvailabilityZones:getAvailabilityZones", {}, ""
    )
    with simulated_account() as before:
        before.new_resource(vpc)
        assert before.call(zones)
    with simulated_account() as mocks:
        for late in (lambda: before.new_resource(vpc), lambda: before.call(zones)):
            with pytest.raises(RuntimeError, match="account is gone"):
                late()
        ec2 = mocks.account.client("ec2")
        assert [one for one in ec2.describe_vpcs()["Vpcs"] if not one["IsDefault"]] == []


def test_each_account_counts_its_own_attachments_of_aws_policies() -> None:
    arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    trust = '{"Version": "2012-10-17", "Statement": []}'
    for _ in range(2):  # the policies themselves are made once for both
        with simulated_account() as mocks:
            iam = mocks.account.iam
            iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust)
            iam.attach_role_policy(RoleName="r", PolicyArn=arn)
            assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
