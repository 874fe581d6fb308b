"""The settings that the host reads, and the permissions of its role on them."""

import base64
import hashlib
import json
import re
from typing import Any

import pulumi
import pytest
from pulumi.runtime.rpc import _special_sig_key

from geusemaker.bundle import Access
from geusemaker.components.settings import (
    UNKNOWN_STATUS,
    make_settings,
    pointer_text,
    settings_policy,
)
from geusemaker.components.tagging import Tags
from geusemaker.simulator.mocks import SimulatedMocks, simulated_account

from .rendering import DOMAIN, KEY, LOGINS, PLAIN, WHOLE, deploy, deployed, in_pulumi

ARN = "arn:aws:ssm:us-east-1:000000000000:parameter/"
OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"
PARAMETER = "aws:ssm/parameter:Parameter"


def test_the_pointer_names_the_stored_bundle_by_its_content() -> None:
    stack = deployed(PLAIN)
    stored = stack.one(OBJECT)
    sha256 = hashlib.sha256(base64.b64decode(stored.inputs["contentBase64"])).hexdigest()
    pointer = stack.pointer
    assert pointer == {
        "sha256": sha256,
        "bucket": stack.one("aws:s3/bucket:Bucket").outputs["bucket"],
        "key": f"bundles/{sha256}.tar",
        "url": "https://localhost:8443",
        "sites": "https://localhost, https://127.0.0.1",
    }
    assert stored.inputs["key"] == pointer["key"]
    assert sha256[:12] in stored.name, "another bundle must be another resource"


def test_the_stored_bundle_takes_no_tags_from_the_stack() -> None:
    """S3 allows ten tags on an object, and the config 45."""
    stack = deployed(WHOLE)
    assert "tags" not in stack.one(OBJECT).inputs
    assert WHOLE["tags"].items() <= stack.one("aws:s3/bucket:Bucket").inputs["tags"].items()


def test_the_stored_bundle_takes_no_default_tags_of_the_provider(
    account: SimulatedMocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`aws:defaultTags` would be on every object, and S3 allows ten."""
    monkeypatch.setattr(account.account, "default_tags", {f"t-{n}": "x" for n in range(20)})
    deploy()
    (stored,) = account.of(OBJECT)
    s3 = account.account.client("s3")
    where = {"Bucket": stored.outputs["bucket"], "Key": stored.outputs["key"]}
    assert s3.get_object_tagging(**where)["TagSet"] == []


@pytest.mark.parametrize(
    ("args", "site"), [(WHOLE, "{ip}"), (DOMAIN, "ai.example.com")], ids=["address", "domain"]
)
def test_the_public_url_is_the_domain_else_the_elastic_ip(args: dict[str, Any], site: str) -> None:
    stack = deployed(args)
    ip = stack.one("aws:ec2/eip:Eip").outputs["publicIp"]
    assert stack.pointer["url"] == f"https://{site.format(ip=ip)}"
    sites = stack.pointer["sites"].split(", ")
    assert sites[:2] == ["https://localhost", "https://127.0.0.1"]
    # The bundle has the domain's site.
    assert sites[2:] == ([] if "domain" in args else [f"https://{ip}"])


def test_the_status_is_unknown_until_the_host_writes_it() -> None:
    assert deployed(PLAIN).one(PARAMETER, "-status").inputs["value"] == UNKNOWN_STATUS


def test_the_role_accesses_only_the_parameters_of_its_stack() -> None:
    stack = deployed(PLAIN)
    by_sid = stack.policy("-settings")
    arns = {one.name: one.outputs["arn"] for one in stack.of(PARAMETER)}
    own = {arns["geusemaker-identity-credentials"], arns["geusemaker-compute-settings"]}
    assert set(by_sid["ReadOwnParameters"]["Resource"]) == own
    assert by_sid["WriteOwnReport"]["Resource"] == arns["geusemaker-compute-status"]
    denied = by_sid["NoParametersOfOthers"]
    assert denied["Effect"] == "Deny"
    assert set(denied["NotResource"]) == {*own, "arn:aws:ssm:*:*:parameter/aws/*"}
    assert by_sid["ReadOwnSettings"]["Resource"].endswith("/bundles/*")
    assert not [sid for sid in by_sid if "Decrypt" in sid]


def test_registry_logins_are_in_their_own_encrypted_parameter() -> None:
    stack = deployed(WHOLE)
    made = stack.one(PARAMETER, "-registries")
    assert made.inputs["type"] == "SecureString"
    assert made.inputs["keyId"] == KEY
    assert made.inputs["tags"]["owner"] == "ml"
    assert re.fullmatch("/geusemaker/[a-z]{12}/registries", made.inputs["name"])
    auths = json.loads(made.inputs["value"])["auths"]
    assert {where: base64.b64decode(one["auth"]) for where, one in auths.items()} == {
        "https://index.docker.io/v1/": b"hub:pw",
        "ghcr.io": b"me:a:b",
    }
    assert stack.pointer["registries"] == made.inputs["name"]
    by_sid = stack.policy("-settings")
    assert made.outputs["arn"] in by_sid["ReadOwnParameters"]["Resource"]
    assert made.outputs["arn"] in by_sid["NoParametersOfOthers"]["NotResource"]
    # Encrypted in Pulumi's state like the stack's secrets. No other resource has a login.
    for name in ("geusemaker-compute-registries", "geusemaker-identity-credentials"):
        value = stack.requests[f"{PARAMETER} {name}"].object.fields["value"]
        assert _special_sig_key in value.struct_value.fields, f"{name} is in clear in the state"
    others = repr([one.inputs for one in stack.made if one is not made])
    for login in LOGINS.values():
        encoded = base64.b64encode(login.encode()).decode()
        assert login not in others
        assert encoded not in others


def test_without_registry_logins_there_is_no_parameter() -> None:
    # The bundle's program always handles them.
    made = [one for one in deployed(PLAIN).made if "contentBase64" not in one.inputs]
    assert "registries" not in repr([(one.name, one.inputs) for one in made])


def _with_secrets(**values: pulumi.Input[str]) -> dict[str, Any]:
    """The parameters of settings with these secrets, by their resource's name."""

    class Parent(pulumi.ComponentResource):
        pass

    @in_pulumi
    def create() -> pulumi.Output[str]:
        tags = Tags("test", pulumi.Output.from_input("abcdefghijkl"), {})
        settings = make_settings(
            "s",
            files={"manifest": ""},
            registry_logins={},
            secrets=values,
            access=Access(),
            address=None,
            role_name="role",
            credentials_arn=f"{ARN}credentials",
            kms_key_arn=None,
            has_key=False,
            tags=tags,
            parent=Parent("test:Parent", "parent"),
        )
        name: pulumi.Output[str] = settings.pointer.id
        return name

    with simulated_account() as account:
        pulumi.runtime.set_mocks(account, project="geusemaker", stack="test", preview=False)
        account.account.client("iam").create_role(RoleName="role", AssumeRolePolicyDocument="{}")
        create()
        (policy,) = account.of("aws:iam/rolePolicy:RolePolicy")
    made = {one.name: one for one in account.of(PARAMETER)}
    return made | {"policy": json.loads(policy.inputs["policy"])}


def test_secrets_of_config_are_in_their_own_encrypted_parameter_that_the_pointer_names() -> None:
    values: dict[str, pulumi.Input[str]] = {
        "n8n.PASS": "p$'\"=",
        "a-key": pulumi.Output.secret("k=1"),
    }
    made = _with_secrets(**values)
    secrets = made["s-secrets"]
    assert secrets.inputs["type"] == "SecureString"
    assert "name" not in secrets.inputs, "Pulumi's names do not repeat"
    assert secrets.inputs["value"] == "a-key=k=1\nn8n.PASS=p$'\"="
    # The version: another value changes the pointer, which the host applies.
    pointer = made["s-settings"].inputs["value"]
    assert pointer.splitlines()[-1] == f"secrets={secrets.outputs['name']}:1"
    by_sid = {one["Sid"]: one for one in made["policy"]["Statement"]}
    assert secrets.outputs["arn"] in by_sid["ReadOwnParameters"]["Resource"]
    assert secrets.outputs["arn"] in by_sid["NoParametersOfOthers"]["NotResource"]
    others = repr([one.inputs for name, one in made.items() if name[:2] == "s-" and one != secrets])
    assert "p$" not in others


def test_a_secret_setting_is_in_that_parameter_and_in_no_other_resource() -> None:
    stack = deployed(WHOLE)
    made = stack.one(PARAMETER, "-secrets")
    keys, login = made.inputs["value"].splitlines()
    assert keys.startswith("api-keys=ci_")
    assert login == "n8n.N8N_SMTP_PASS=hush$x"
    assert made.inputs["keyId"] == KEY
    assert stack.pointer["secrets"] == f"{made.outputs['name']}:1"
    value = stack.requests[f"{PARAMETER} geusemaker-compute-secrets"].object.fields["value"]
    assert _special_sig_key in value.struct_value.fields, "it is in clear in the state"
    assert "hush" not in repr([one.inputs for one in stack.made if one is not made])
    assert "hush" not in stack.bundle
    assert "secret n8n n8n.N8N_SMTP_PASS 1000" in stack.bundle


def test_without_secrets_of_config_there_is_no_parameter() -> None:
    made = _with_secrets()
    assert set(made) == {"s-settings", "s-status", "policy"}
    assert "secrets=" not in made["s-settings"].inputs["value"]


def test_the_role_may_decrypt_only_through_s3_and_ssm() -> None:
    policy = json.loads(
        settings_policy(
            credentials=f"{ARN}c",
            pointer=f"{ARN}p",
            status=f"{ARN}s",
            bucket="arn:aws:s3:::b",
            kms_key_arn=KEY,
        )
    )
    (statement,) = (one for one in policy["Statement"] if "Decrypt" in one["Sid"])
    assert statement["Resource"] == KEY
    assert statement["Condition"] == {"StringLike": {"kms:ViaService": ["s3.*", "ssm.*"]}}


def test_the_stored_bundle_is_encrypted_with_the_key_of_the_account_or_of_s3() -> None:
    stored = deployed(WHOLE).one(OBJECT).outputs
    assert stored["serverSideEncryption"] == "aws:kms"
    assert stored["kmsKeyId"] == KEY
    assert stored["bucketKeyEnabled"] is True
    assert deployed(PLAIN).one(OBJECT).outputs["serverSideEncryption"] == "AES256"


def test_the_bucket_is_private_and_requires_tls() -> None:
    stack = deployed(PLAIN)
    block = stack.one("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")
    kinds = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    assert all(block.inputs[kind] is True for kind in kinds)
    policy = stack.one("aws:s3/bucketPolicy:BucketPolicy")
    (statement,) = json.loads(policy.inputs["policy"])["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_settings_parameter_has_the_address_and_the_bundle_has_not() -> None:
    text = pointer_text(
        sha256="0" * 64, bucket="b", access=Access(is_public=True), address="203.0.113.7"
    )
    assert text.endswith("sites=https://localhost, https://127.0.0.1, https://203.0.113.7")


def test_each_name_has_a_key_of_its_own_in_the_secrets_of_config() -> None:
    stack = deployed(WHOLE)
    value = stack.one(PARAMETER, "-secrets").inputs["value"]
    (line,) = [one for one in value.split("\n") if one.startswith("api-keys=")]
    keys = line.partition("=")[2].split(" ")
    assert [key.partition("_")[0] for key in keys] == ["ci", "laptop"]
    assert all(len(key.partition("_")[2]) == 40 for key in keys)
    stashes = {name: one for name, one in stack.requests.items() if "-api-key-" in name}
    assert len(stashes) == 2
    for request in stashes.values():
        assert not request.protect, "a removed name is deleted"
        assert list(request.ignoreChanges) == ["input"]
