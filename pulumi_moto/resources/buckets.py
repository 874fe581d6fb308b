"""S3: buckets, and what says who may reach into them."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

from moto.iam.access_control import PermissionResult
from moto.s3.models import s3_backends

from pulumi_moto.account import Account, AwsError
from pulumi_moto.planning import AutoName, Values, names
from pulumi_moto.resource import ById, Resource, Update
from pulumi_moto.schema import Problem
from pulumi_moto.tags import all_tags, aws_tags

from .support import given, picked, uncapitalised

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ALL_BLOCKED: Final = {
    "BlockPublicAcls": True,
    "BlockPublicPolicy": True,
    "IgnorePublicAcls": True,
    "RestrictPublicBuckets": True,
}


def answer_or_none(account: Account, operation: str, bucket: str) -> dict[str, Any] | None:
    """S3's answer on a bucket; None where there is no bucket, or no such part of it."""
    try:
        return account.call("s3", operation, Bucket=bucket)
    except AwsError as error:
        if error.is_gone:
            return None
        raise


def empty(account: Account, bucket: str, key: str | None = None) -> None:
    """Delete every version of a bucket's objects, or of one of them."""
    listed = account.s3.list_object_versions(Bucket=bucket, **given(Prefix=key))
    for version in [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]:
        if key in (None, version["Key"]):
            account.s3.delete_object(
                Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"]
            )


def encrypt_by_s3(account: Account, bucket: str) -> None:
    """Give a bucket the encryption that AWS gives every new one, by keys of S3's own."""
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
        "BucketKeyEnabled": False,
    }
    account.s3.put_bucket_encryption(
        Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]}
    )


def encryption_rule(account: Account, bucket: str) -> dict[str, Any]:
    """A bucket's default encryption."""
    answer = account.s3.get_bucket_encryption(Bucket=bucket)
    (rule,) = answer["ServerSideEncryptionConfiguration"]["Rules"]
    default = rule["ApplyServerSideEncryptionByDefault"]
    return {
        "applyServerSideEncryptionByDefault": {
            "sseAlgorithm": default["SSEAlgorithm"],
            **given(kmsMasterKeyId=default.get("KMSMasterKeyID")),
        },
        "bucketKeyEnabled": bool(rule.get("BucketKeyEnabled")),
    }


class Bucket(Resource):
    token = "aws:s3/bucket:Bucket"
    service = "s3"
    label = "S3 Bucket"
    creating = "creating S3 Bucket ({bucket})"
    shown_by = ById("head_bucket", "Bucket")
    deleted_by = ById("delete_bucket", "Bucket")
    replace_on = names("bucket objectLockEnabled")
    defaults: ClassVar[Values] = {"forceDestroy": False}
    optional_computed = names(
        "objectLockEnabled policy requestPayer serverSideEncryptionConfiguration versioning"
    )
    autoname = AutoName("bucket", 63)

    _simulated: Final = frozenset({"bucket", "forceDestroy", "region", "tags", "tagsAll"})

    def _name(self, autoname: AutoName, name: str, old: Values | None, seed: bytes) -> str:
        return super()._name(autoname, name, old, seed).lower()

    def delete_first(self, name: str, inputs: Values) -> bool:
        return super().delete_first(name.lower(), inputs)

    def extra_problems(self, inputs: Values) -> Iterator[Problem]:
        for key in sorted(inputs.keys() - self._simulated):
            if inputs[key] is not None:
                yield Problem(key, "not simulated: use the resource of its own, where there is one")
        name = inputs["bucket"]
        if isinstance(name, str) and not _NAME.fullmatch(name):
            yield Problem(
                "bucket",
                f"invalid bucket name {name!r}: 3 to 63 lower case letters, digits, dots and "
                "hyphens, with a letter or digit at both ends",
            )

    def create(self, account: Account, inputs: Values) -> str:
        name, s3 = str(inputs["bucket"]), account.s3
        here = {"LocationConstraint": account.region} if account.region != "us-east-1" else {}
        if answer_or_none(account, "head_bucket", name) is not None:
            # In us-east-1 S3 takes the second creation as the first, but the provider does not.
            why = (
                "Your previous request to create the named bucket succeeded and you already own it."
            )
            raise s3.refuse("CreateBucket", "BucketAlreadyOwnedByYou", why)
        s3.create_bucket(
            Bucket=name,
            # What AWS gives every new bucket since 2023 and moto does not.
            ObjectOwnership="BucketOwnerEnforced",
            **given(CreateBucketConfiguration=here),
        )
        s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=_ALL_BLOCKED)
        encrypt_by_s3(account, name)
        self._put_tags(account, name, inputs)
        return name

    def _put_tags(self, account: Account, id_: str, inputs: Values) -> None:
        if tags := aws_tags(account, inputs):
            account.s3.put_bucket_tagging(Bucket=id_, Tagging={"TagSet": tags})
        else:
            account.s3.delete_bucket_tagging(Bucket=id_)

    def tags_of(self, account: Account, id_: str, shown: Values) -> list[dict[str, str]]:
        answer = answer_or_none(account, "get_bucket_tagging", id_)
        return list(answer["TagSet"]) if answer else []

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        versioning = account.s3.get_bucket_versioning(Bucket=id_)
        policy = answer_or_none(account, "get_bucket_policy", id_)
        return {
            "arn": f"arn:aws:s3:::{id_}",
            "bucket": id_,
            "bucketDomainName": f"{id_}.s3.amazonaws.com",
            "bucketRegion": account.region,
            "bucketRegionalDomainName": f"{id_}.s3.{account.region}.amazonaws.com",
            "objectLockEnabled": False,
            "policy": policy["Policy"] if policy else "",
            "requestPayer": "BucketOwner",
            "serverSideEncryptionConfiguration": {"rule": encryption_rule(account, id_)},
            "versioning": {
                "enabled": versioning.get("Status") == "Enabled",
                "mfaDelete": False,
            },
        }

    def update(self, account: Account, id_: str, change: Update) -> None:
        if (change.state.get("tagsAll") or {}) != all_tags(account, change.inputs):
            self._put_tags(account, id_, change.inputs)

    def delete(self, account: Account, id_: str, state: Values) -> None:
        if state.get("forceDestroy"):
            empty(account, id_)
        super().delete(account, id_, state)


class BucketPublicAccessBlock(Resource):
    token = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
    service = "s3"
    label = "S3 Bucket Public Access Block"
    creating = "creating S3 Bucket Public Access Block ({bucket})"
    shown_by = ById("get_public_access_block", "Bucket", "PublicAccessBlockConfiguration")
    deleted_by = ById("delete_public_access_block", "Bucket")
    replace_on = names("bucket")
    defaults: ClassVar[Values] = dict.fromkeys(picked(_ALL_BLOCKED, *_ALL_BLOCKED), False)

    def create(self, account: Account, inputs: Values) -> str:
        account.s3.put_public_access_block(
            Bucket=inputs["bucket"],
            PublicAccessBlockConfiguration={
                key: inputs[uncapitalised(key)] for key in _ALL_BLOCKED
            },
        )
        return str(inputs["bucket"])

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        return {"bucket": id_, **picked(shown, *_ALL_BLOCKED)}

    def update(self, account: Account, id_: str, change: Update) -> None:
        self.create(account, {**change.inputs, "bucket": id_})

    def delete(self, account: Account, id_: str, state: Values) -> None:
        if not state.get("skipDestroy"):
            super().delete(account, id_, state)


class BucketPolicy(Resource):
    token = "aws:s3/bucketPolicy:BucketPolicy"
    service = "s3"
    label = "S3 Bucket Policy"
    creating = "putting S3 Bucket Policy ({bucket})"
    shown_by = ById("get_bucket_policy", "Bucket")
    deleted_by = ById("delete_bucket_policy", "Bucket")
    replace_on = names("bucket")
    json_text = names("policy")

    def create(self, account: Account, inputs: Values) -> str:
        bucket = str(inputs["bucket"])
        _refuse_policy(account, bucket, inputs["policy"])
        account.s3.put_bucket_policy(Bucket=bucket, Policy=inputs["policy"])
        # Policies are stored here, never evaluated: moto does evaluate these, but without their
        # conditions, so that "deny what is not encrypted in transit" would deny everything.
        s3_backends[account.id]["aws"].buckets[bucket].get_permission = _undecided
        return bucket

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        return {"bucket": id_, "policy": shown["Policy"]}

    def update(self, account: Account, id_: str, change: Update) -> None:
        self.put(account, {**change.inputs, "bucket": id_})


def _undecided(action: str, resource: str) -> PermissionResult:
    return PermissionResult.NEUTRAL


def _refuse_policy(account: Account, bucket: str, text: str) -> None:
    """Raises the refusals of PutBucketPolicy; moto takes any policy."""

    def refuse(code: str, message: str) -> AwsError:
        return account.s3.refuse("PutBucketPolicy", code, message)

    statements = json.loads(text)["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        if "Principal" not in statement and "NotPrincipal" not in statement:
            raise refuse("MalformedPolicy", "Missing required field Principal")
        resources = statement.get("Resource", statement.get("NotResource", []))
        arn = f"arn:aws:s3:::{bucket}"
        for resource in [resources] if isinstance(resources, str) else resources:
            if resource != arn and not resource.startswith(f"{arn}/"):
                raise refuse("MalformedPolicy", "Policy has invalid resource")
        if _is_public(statement) and _blocks_public_policies(account, bucket):
            raise refuse(
                "AccessDenied",
                f"User: arn:aws:iam::{account.id}:user/simulated is not authorized to perform: "
                f's3:PutBucketPolicy on resource: "{arn}" because public policies are prevented '
                "by the BlockPublicPolicy setting in S3 Block Public Access.",
            )


def _is_public(statement: Values) -> bool:
    """Whether a statement gives everyone access. AWS knows conditions that narrow it enough."""
    principal = statement.get("Principal")
    named = principal.get("AWS") if isinstance(principal, Mapping) else principal
    anybody = "*" in named if isinstance(named, list) else named == "*"
    return statement.get("Effect") == "Allow" and anybody and not statement.get("Condition")


def _blocks_public_policies(account: Account, bucket: str) -> bool:
    answer = answer_or_none(account, "get_public_access_block", bucket)
    return bool(answer and answer["PublicAccessBlockConfiguration"]["BlockPublicPolicy"])
