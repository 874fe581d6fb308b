"""What the host is told of its services, and what its role may do about it."""

import base64
import hashlib
import json
import re
from typing import Any

import pytest
from pulumi.runtime.rpc import _special_sig_key

from geusemaker.bundle import Access
from geusemaker.components.settings import UNKNOWN_STATUS, pointer_text, settings_policy
from geusemaker.simulator.mocks import SimulatedMocks

from .rendering import DOMAIN, KEY, LOGINS, PLAIN, WHOLE, deploy, deployed

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
    assert sha256[:12] in stored.name, "or a change of it would count as a replacement"


def test_the_stored_bundle_takes_no_tags_from_the_stack() -> None:
    """S3 takes ten, and config 45."""
    stack = deployed(WHOLE)
    assert "tags" not in stack.one(OBJECT).inputs
    assert WHOLE["tags"].items() <= stack.one("aws:s3/bucket:Bucket").inputs["tags"].items()


def test_nor_does_it_take_default_tags_of_the_provider(
    account: SimulatedMocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`aws:defaultTags` are on every object as well, and S3 takes ten."""
    monkeypatch.setattr(account.account, "default_tags", {f"t-{n}": "x" for n in range(20)})
    deploy()
    (stored,) = account.of(OBJECT)
    s3 = account.account.client("s3")
    where = {"Bucket": stored.outputs["bucket"], "Key": stored.outputs["key"]}
    assert s3.get_object_tagging(**where)["TagSet"] == []


@pytest.mark.parametrize(
    ("args", "site"), [(WHOLE, "{ip}"), (DOMAIN, "ai.example.com")], ids=["address", "domain"]
)
def test_the_public_url_is_the_domain_else_the_lasting_address(
    args: dict[str, Any], site: str
) -> None:
    stack = deployed(args)
    ip = stack.one("aws:ec2/eip:Eip").outputs["publicIp"]
    assert stack.pointer["url"] == f"https://{site.format(ip=ip)}"
    sites = stack.pointer["sites"].split(", ")
    assert sites[:2] == ["https://localhost", "https://127.0.0.1"]
    # The domain's own site is in the bundle, with a public certificate.
    assert sites[2:] == ([] if "domain" in args else [f"https://{ip}"])


def test_the_report_begins_unknown_and_is_the_hosts_to_write() -> None:
    assert deployed(PLAIN).one(PARAMETER, "-status").inputs["value"] == UNKNOWN_STATUS


def test_the_role_reads_and_writes_its_own_and_nothing_of_others() -> None:
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


def test_logins_of_registries_have_a_parameter_of_their_own_that_the_host_may_read() -> None:
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
    # Encrypted in Pulumi's state, as the stack's own secrets are, and nothing else has a login.
    for name in ("geusemaker-compute-registries", "geusemaker-identity-credentials"):
        value = stack.requests[f"{PARAMETER} {name}"].object.fields["value"]
        assert _special_sig_key in value.struct_value.fields, f"{name} is in clear in the state"
    others = repr([one.inputs for one in stack.made if one is not made])
    for login in LOGINS.values():
        encoded = base64.b64encode(login.encode()).decode()
        assert login not in others
        assert encoded not in others


def test_without_logins_there_is_no_trace_of_them() -> None:
    # The bundle's program knows of them anyway.
    made = [one for one in deployed(PLAIN).made if "contentBase64" not in one.inputs]
    assert "registries" not in repr([(one.name, one.inputs) for one in made])


def test_a_key_of_the_account_may_be_used_for_the_own_parts_only() -> None:
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


def test_a_key_of_the_account_encrypts_the_stored_bundle_else_s3_by_its_own() -> None:
    stored = deployed(WHOLE).one(OBJECT).outputs
    assert stored["serverSideEncryption"] == "aws:kms"
    assert stored["kmsKeyId"] == KEY
    assert stored["bucketKeyEnabled"] is True
    assert deployed(PLAIN).one(OBJECT).outputs["serverSideEncryption"] == "AES256"


def test_the_bucket_is_private_and_refuses_what_comes_in_clear() -> None:
    stack = deployed(PLAIN)
    block = stack.one("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")
    kinds = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    assert all(block.inputs[kind] is True for kind in kinds)
    policy = stack.one("aws:s3/bucketPolicy:BucketPolicy")
    (statement,) = json.loads(policy.inputs["policy"])["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_address_is_not_in_the_bundle_so_that_it_is_known_beforehand() -> None:
    text = pointer_text(
        sha256="0" * 64, bucket="b", access=Access(is_public=True), address="203.0.113.7"
    )
    assert text.endswith("sites=https://localhost, https://127.0.0.1, https://203.0.113.7")
