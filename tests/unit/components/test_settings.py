"""What the host is told of its services, and what its role may do about it."""

import base64
import hashlib
import json
import re
from typing import Any

import pytest
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.rpc import _special_sig_key

from geusemaker.components.settings import UNKNOWN_STATUS, pointer_text, settings_policy
from geusemaker.simulator.mocks import SimulatedMocks

from .rendering import deploy

ARN = "arn:aws:ssm:us-east-1:000000000000:parameter/"
KEY = "arn:aws:kms:us-east-1:000000000000:key/11111111-2222-3333-4444-555555555555"


def _pointer(account: SimulatedMocks) -> dict[str, str]:
    (made,) = (
        one
        for one in account.of("aws:ssm/parameter:Parameter")
        if one.name == "geusemaker-compute-settings"
    )
    return dict(line.split("=", 1) for line in made.inputs["value"].split("\n"))


def test_the_pointer_names_the_stored_bundle_by_its_content(account: SimulatedMocks) -> None:
    deploy()
    (stored,) = account.of("aws:s3/bucketObjectv2:BucketObjectv2")
    sha256 = hashlib.sha256(base64.b64decode(stored.inputs["contentBase64"])).hexdigest()
    (bucket,) = account.of("aws:s3/bucket:Bucket")
    pointer = _pointer(account)
    assert pointer == {
        "sha256": sha256,
        "bucket": bucket.outputs["bucket"],
        "key": f"bundles/{sha256}.tar",
        "url": "https://localhost:8443",
        "sites": "https://localhost, https://127.0.0.1",
    }
    assert stored.inputs["key"] == pointer["key"]
    assert sha256[:12] in stored.name, "or a change of it would count as a replacement"


def test_as_many_tags_as_config_takes_are_not_too_many_for_the_stored_bundle(
    account: SimulatedMocks,
) -> None:
    tags = {f"team-{number}": "ml" for number in range(45)}
    deploy(tags=tags)
    (bucket,) = account.of("aws:s3/bucket:Bucket")
    assert tags.items() <= bucket.inputs["tags"].items()


def test_nor_are_default_tags_of_the_provider(
    account: SimulatedMocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`aws:defaultTags` are on every object as well, and S3 takes ten."""
    monkeypatch.setattr(account.account, "default_tags", {f"t-{n}": "x" for n in range(20)})
    deploy()
    (stored,) = account.of("aws:s3/bucketObjectv2:BucketObjectv2")
    s3 = account.account.client("s3")
    where = {"Bucket": stored.outputs["bucket"], "Key": stored.outputs["key"]}
    assert s3.get_object_tagging(**where)["TagSet"] == []


@pytest.mark.parametrize(
    ("args", "site"),
    [
        ({"allowed_cidrs": ["203.0.113.0/24"]}, "{ip}"),
        ({"domain": "ai.example.com"}, "ai.example.com"),
        ({"domain": "ai.example.com", "allowed_cidrs": ["0.0.0.0/0"]}, "ai.example.com"),
    ],
)
def test_the_public_url_is_the_domain_else_the_lasting_address(
    account: SimulatedMocks, args: dict[str, Any], site: str
) -> None:
    deploy(**args)
    (address,) = account.of("aws:ec2/eip:Eip")
    pointer = _pointer(account)
    ip = address.outputs["publicIp"]
    assert pointer["url"] == f"https://{site.format(ip=ip)}"
    sites = pointer["sites"].split(", ")
    assert sites[:2] == ["https://localhost", "https://127.0.0.1"]
    # The domain's own site is in the bundle, with a public certificate.
    assert sites[2:] == ([] if "domain" in args else [f"https://{ip}"])


def test_the_report_begins_unknown_and_is_the_hosts_to_write(account: SimulatedMocks) -> None:
    deploy()
    (status,) = (
        one
        for one in account.of("aws:ssm/parameter:Parameter")
        if one.name == "geusemaker-compute-status"
    )
    assert status.inputs["value"] == UNKNOWN_STATUS


def test_the_role_reads_and_writes_its_own_and_nothing_of_others(account: SimulatedMocks) -> None:
    deploy()
    (policy,) = (
        json.loads(one.inputs["policy"])
        for one in account.of("aws:iam/rolePolicy:RolePolicy")
        if one.name == "geusemaker-compute-settings"
    )
    by_sid = {statement["Sid"]: statement for statement in policy["Statement"]}
    arns = {one.name: one.outputs["arn"] for one in account.of("aws:ssm/parameter:Parameter")}
    own = {arns["geusemaker-identity-credentials"], arns["geusemaker-compute-settings"]}
    assert set(by_sid["ReadOwnParameters"]["Resource"]) == own
    assert by_sid["WriteOwnReport"]["Resource"] == arns["geusemaker-compute-status"]
    denied = by_sid["NoParametersOfOthers"]
    assert denied["Effect"] == "Deny"
    assert set(denied["NotResource"]) == {*own, "arn:aws:ssm:*:*:parameter/aws/*"}
    assert by_sid["ReadOwnSettings"]["Resource"].endswith("/bundles/*")
    assert not [sid for sid in by_sid if "Decrypt" in sid]


def _parameter(account: SimulatedMocks, role: str) -> Any:
    (found,) = (
        one
        for one in account.of("aws:ssm/parameter:Parameter")
        if one.name == f"geusemaker-compute-{role}"
    )
    return found


def test_logins_of_registries_have_a_parameter_of_their_own_that_the_host_may_read(
    account: SimulatedMocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret: set[str] = set()
    register = MockMonitor.RegisterResource

    def noting(self: MockMonitor, request: Any) -> Any:
        for key, value in request.object.fields.items():
            if _special_sig_key in value.struct_value.fields:
                secret.add(f"{request.name} {key}")
        return register(self, request)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(MockMonitor, "RegisterResource", noting)
    logins = {"ghcr.io": "me:a:b", "docker.io": "hub:pw"}
    deploy(registry_logins=logins, kms_key_arn=KEY, tags={"team": "ml"})
    made = _parameter(account, "registries")
    assert made.inputs["type"] == "SecureString"
    assert made.inputs["keyId"] == KEY
    assert made.inputs["tags"]["team"] == "ml"
    assert re.fullmatch("/geusemaker/[a-z]{12}/registries", made.inputs["name"])
    auths = json.loads(made.inputs["value"])["auths"]
    assert {where: base64.b64decode(one["auth"]) for where, one in auths.items()} == {
        "https://index.docker.io/v1/": b"hub:pw",
        "ghcr.io": b"me:a:b",
    }
    assert _pointer(account)["registries"] == made.inputs["name"]
    (policy,) = (
        json.loads(one.inputs["policy"])
        for one in account.of("aws:iam/rolePolicy:RolePolicy")
        if one.name == "geusemaker-compute-settings"
    )
    by_sid = {statement["Sid"]: statement for statement in policy["Statement"]}
    assert made.outputs["arn"] in by_sid["ReadOwnParameters"]["Resource"]
    assert made.outputs["arn"] in by_sid["NoParametersOfOthers"]["NotResource"]
    # Encrypted in Pulumi's state, as the stack's own secrets are, and nothing else has a login.
    stored = {"geusemaker-compute-registries value", "geusemaker-identity-credentials value"}
    assert stored <= secret
    others = repr([one.inputs for one in account.made if one is not made])
    for login in logins.values():
        encoded = base64.b64encode(login.encode()).decode()
        assert login not in others
        assert encoded not in others


def test_without_logins_there_is_no_trace_of_them(account: SimulatedMocks) -> None:
    deploy()
    assert "registries" not in repr([(one.name, one.inputs) for one in _but_bundle(account)])


def _but_bundle(account: SimulatedMocks) -> list[Any]:
    """The bundle's program knows of them anyway."""
    return [one for one in account.made if "contentBase64" not in one.inputs]


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


def test_a_key_of_the_account_encrypts_the_stored_bundle(account: SimulatedMocks) -> None:
    deploy(kms_key_arn=KEY)
    (stored,) = account.of("aws:s3/bucketObjectv2:BucketObjectv2")
    assert stored.outputs["serverSideEncryption"] == "aws:kms"
    assert stored.outputs["kmsKeyId"] == KEY
    assert stored.outputs["bucketKeyEnabled"] is True


def test_without_a_key_s3_encrypts_by_its_own(account: SimulatedMocks) -> None:
    deploy()
    (stored,) = account.of("aws:s3/bucketObjectv2:BucketObjectv2")
    assert stored.outputs["serverSideEncryption"] == "AES256"


def test_the_bucket_is_private_and_refuses_what_comes_in_clear(account: SimulatedMocks) -> None:
    deploy()
    (block,) = account.of("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")
    kinds = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    assert all(block.inputs[kind] is True for kind in kinds)
    (policy,) = account.of("aws:s3/bucketPolicy:BucketPolicy")
    (statement,) = json.loads(policy.inputs["policy"])["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_address_is_not_in_the_bundle_so_that_it_is_known_beforehand() -> None:
    told = pointer_text(sha256="0" * 64, bucket="b", url="https://203.0.113.7", domain=None)
    assert told.endswith("sites=https://localhost, https://127.0.0.1, https://203.0.113.7")
