"""S3: buckets, and what says who may reach into them."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

from moto.iam.access_control import PermissionResult
from moto.s3.models import s3_backends

from pulumi_moto.account import Account, AwsError, gone_is_fine
from pulumi_moto.resource import AutoName, Resource, Update, all_tags, aws_tags
from pulumi_moto.schema import Problem

from .support import own_tags, policy_problem

GONE: Final = ("NoSuchBucket", "404")  # HEAD requests have no body, so no code of AWS's either
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ALL_BLOCKED: Final = {
    "BlockPublicAcls": True,
    "BlockPublicPolicy": True,
    "IgnorePublicAcls": True,
    "RestrictPublicBuckets": True,
}


def told_or_none(
    account: Account, action: str, operation: str, code: str, **arguments: Any
) -> dict[str, Any] | None:
    """An answer of S3, or None where it says that there is no bucket or, with `code`, no such."""
    try:
        return account.call(action, "s3", operation, **arguments)
    except AwsError as error:
        if error.code in (*GONE, code):
            return None
        raise


def empty(account: Account, action: str, bucket: str, key: str | None = None) -> None:
    """Delete every version of a bucket's objects, or of one of them."""
    only = {} if key is None else {"Prefix": key}
    listed = account.call(action, "s3", "list_object_versions", Bucket=bucket, **only)
    for kind in ("Versions", "DeleteMarkers"):
        for version in listed.get(kind, []):
            if key in (None, version["Key"]):
                account.call(
                    action,
                    "s3",
                    "delete_object",
                    Bucket=bucket,
                    Key=version["Key"],
                    VersionId=version["VersionId"],
                )


def encrypt_by_s3(account: Account, action: str, bucket: str) -> None:
    """Give a bucket the encryption that AWS gives every new one, by keys of S3's own."""
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
        "BucketKeyEnabled": False,
    }
    account.call(
        action,
        "s3",
        "put_bucket_encryption",
        Bucket=bucket,
        ServerSideEncryptionConfiguration={"Rules": [rule]},
    )


def encryption_rule(account: Account, action: str, bucket: str) -> dict[str, Any]:
    """A bucket's default encryption."""
    (rule,) = account.call(action, "s3", "get_bucket_encryption", Bucket=bucket)[
        "ServerSideEncryptionConfiguration"
    ]["Rules"]
    default = rule["ApplyServerSideEncryptionByDefault"]
    key = default.get("KMSMasterKeyID")
    return {
        "applyServerSideEncryptionByDefault": {
            "sseAlgorithm": default["SSEAlgorithm"],
            **({"kmsMasterKeyId": key} if key else {}),
        },
        "bucketKeyEnabled": bool(rule.get("BucketKeyEnabled")),
    }


class Bucket(Resource):
    token = "aws:s3/bucket:Bucket"
    replace_on = frozenset({"bucket", "objectLockEnabled"})
    defaults: ClassVar[Mapping[str, Any]] = {"forceDestroy": False}
    computed = frozenset(
        {"arn", "bucketDomainName", "bucketRegion", "bucketRegionalDomainName", "hostedZoneId"}
    )
    optional_computed = frozenset(
        {
            "objectLockEnabled",
            "policy",
            "requestPayer",
            "serverSideEncryptionConfiguration",
            "versioning",
        }
    )
    autoname = AutoName("bucket", 63)

    _simulated: Final = frozenset({"bucket", "forceDestroy", "region", "tags", "tagsAll"})

    def _name(
        self, autoname: AutoName, name: str, old: Mapping[str, Any] | None, seed: bytes
    ) -> str:
        return super()._name(autoname, name, old, seed).lower()

    def delete_first(self, name: str, inputs: Mapping[str, Any]) -> bool:
        return super().delete_first(name.lower(), inputs)

    def extra_problems(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
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

    def create(self, account: Account, inputs: Mapping[str, Any]) -> str:
        name = str(inputs["bucket"])
        action = f"creating S3 Bucket ({name})"
        here = {"LocationConstraint": account.region}
        if told_or_none(account, action, "head_bucket", "404", Bucket=name) is not None:
            # In us-east-1 S3 takes the second creation as the first, but the provider does not.
            raise account.refuse(
                action,
                "S3",
                "CreateBucket",
                "BucketAlreadyOwnedByYou",
                "Your previous request to create the named bucket succeeded and you already own "
                "it.",
            )
        account.call(
            action,
            "s3",
            "create_bucket",
            Bucket=name,
            # What AWS gives every new bucket since 2023 and moto does not.
            ObjectOwnership="BucketOwnerEnforced",
            **({} if account.region == "us-east-1" else {"CreateBucketConfiguration": here}),
        )
        account.call(
            action,
            "s3",
            "put_public_access_block",
            Bucket=name,
            PublicAccessBlockConfiguration=_ALL_BLOCKED,
        )
        encrypt_by_s3(account, action, name)
        self._retag(account, action, name, inputs)
        return name

    def _retag(self, account: Account, action: str, id_: str, inputs: Mapping[str, Any]) -> None:
        tags = aws_tags(account, inputs)
        if tags:
            account.call(action, "s3", "put_bucket_tagging", Bucket=id_, Tagging={"TagSet": tags})
        else:
            account.call(action, "s3", "delete_bucket_tagging", Bucket=id_)

    def read(self, account: Account, id_: str, state: Mapping[str, Any]) -> dict[str, Any] | None:
        action = f"reading S3 Bucket ({id_})"
        if told_or_none(account, action, "head_bucket", "404", Bucket=id_) is None:
            return None
        tags = told_or_none(account, action, "get_bucket_tagging", "NoSuchTagSet", Bucket=id_)
        versioning = account.call(action, "s3", "get_bucket_versioning", Bucket=id_)
        policy = told_or_none(
            account, action, "get_bucket_policy", "NoSuchBucketPolicy", Bucket=id_
        )
        return {
            "arn": f"arn:aws:s3:::{id_}",
            "bucket": id_,
            "bucketDomainName": f"{id_}.s3.amazonaws.com",
            "bucketRegion": account.region,
            "bucketRegionalDomainName": f"{id_}.s3.{account.region}.amazonaws.com",
            "objectLockEnabled": False,
            "policy": policy["Policy"] if policy else "",
            "requestPayer": "BucketOwner",
            "serverSideEncryptionConfiguration": {"rule": encryption_rule(account, action, id_)},
            "versioning": {
                "enabled": versioning.get("Status") == "Enabled",
                "mfaDelete": False,
            },
            "tags": own_tags(account, tags["TagSet"] if tags else None, state),
        }

    def update(self, account: Account, id_: str, change: Update) -> None:
        if (change.state.get("tagsAll") or {}) != all_tags(account, change.inputs):
            self._retag(account, f"updating S3 Bucket ({id_})", id_, change.inputs)

    def delete(self, account: Account, id_: str, state: Mapping[str, Any]) -> None:
        action = f"deleting S3 Bucket ({id_})"
        with gone_is_fine(*GONE):
            if state.get("forceDestroy"):
                empty(account, action, id_)
            account.call(action, "s3", "delete_bucket", Bucket=id_)


class BucketPublicAccessBlock(Resource):
    token = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
    replace_on = frozenset({"bucket"})
    defaults: ClassVar[Mapping[str, Any]] = {
        key[0].lower() + key[1:]: False for key in _ALL_BLOCKED
    }
    taggable = False

    def _put(self, account: Account, action: str, inputs: Mapping[str, Any]) -> None:
        account.call(
            action,
            "s3",
            "put_public_access_block",
            Bucket=inputs["bucket"],
            PublicAccessBlockConfiguration={
                key: inputs[key[0].lower() + key[1:]] for key in _ALL_BLOCKED
            },
        )

    def create(self, account: Account, inputs: Mapping[str, Any]) -> str:
        id_ = str(inputs["bucket"])
        self._put(account, f"creating S3 Bucket Public Access Block ({id_})", inputs)
        return id_

    def read(self, account: Account, id_: str, state: Mapping[str, Any]) -> dict[str, Any] | None:
        answer = told_or_none(
            account,
            f"reading S3 Bucket Public Access Block ({id_})",
            "get_public_access_block",
            "NoSuchPublicAccessBlockConfiguration",
            Bucket=id_,
        )
        if answer is None:
            return None
        told = answer["PublicAccessBlockConfiguration"]
        return {
            "bucket": id_,
            **{key[0].lower() + key[1:]: told[key] for key in _ALL_BLOCKED},
        }

    def update(self, account: Account, id_: str, change: Update) -> None:
        action = f"updating S3 Bucket Public Access Block ({id_})"
        self._put(account, action, {**change.inputs, "bucket": id_})

    def delete(self, account: Account, id_: str, state: Mapping[str, Any]) -> None:
        if state.get("skipDestroy"):
            return
        with gone_is_fine(*GONE, "NoSuchPublicAccessBlockConfiguration"):
            account.call(
                f"deleting S3 Bucket Public Access Block ({id_})",
                "s3",
                "delete_public_access_block",
                Bucket=id_,
            )


class BucketPolicy(Resource):
    token = "aws:s3/bucketPolicy:BucketPolicy"
    replace_on = frozenset({"bucket"})
    json_text = frozenset({"policy"})
    taggable = False

    def extra_problems(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        yield from policy_problem("policy", inputs["policy"])

    def _put(self, account: Account, inputs: Mapping[str, Any]) -> None:
        bucket = str(inputs["bucket"])
        action = f"putting S3 Bucket Policy ({bucket})"
        _refuse_policy(account, action, bucket, inputs["policy"])
        account.call(action, "s3", "put_bucket_policy", Bucket=bucket, Policy=inputs["policy"])
        # Policies are stored here, never weighed: moto does weigh these, but without their
        # conditions, so that "deny what is not encrypted in transit" would deny everything.
        s3_backends[account.id]["aws"].buckets[bucket].get_permission = _undecided

    def create(self, account: Account, inputs: Mapping[str, Any]) -> str:
        self._put(account, inputs)
        return str(inputs["bucket"])

    def read(self, account: Account, id_: str, state: Mapping[str, Any]) -> dict[str, Any] | None:
        answer = told_or_none(
            account,
            f"reading S3 Bucket Policy ({id_})",
            "get_bucket_policy",
            "NoSuchBucketPolicy",
            Bucket=id_,
        )
        return answer and {"bucket": id_, "policy": answer["Policy"]}

    def update(self, account: Account, id_: str, change: Update) -> None:
        self._put(account, {**change.inputs, "bucket": id_})

    def delete(self, account: Account, id_: str, state: Mapping[str, Any]) -> None:
        with gone_is_fine(*GONE, "NoSuchBucketPolicy"):
            account.call(
                f"deleting S3 Bucket Policy ({id_})", "s3", "delete_bucket_policy", Bucket=id_
            )


def _undecided(action: str, resource: str) -> PermissionResult:
    return PermissionResult.NEUTRAL


def _refuse_policy(account: Account, action: str, bucket: str, text: str) -> None:
    """Raise what PutBucketPolicy answers to a policy that moto takes."""

    def refuse(code: str, message: str) -> AwsError:
        return account.refuse(action, "S3", "PutBucketPolicy", code, message)

    statements = json.loads(text)["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        if "Principal" not in statement and "NotPrincipal" not in statement:
            raise refuse("MalformedPolicy", "Missing required field Principal")
        resources = statement.get("Resource", statement.get("NotResource", []))
        arn = f"arn:aws:s3:::{bucket}"
        for resource in [resources] if isinstance(resources, str) else resources:
            if resource != arn and not resource.startswith(f"{arn}/"):
                raise refuse("MalformedPolicy", "Policy has invalid resource")
        if _is_public(statement) and _blocks_public_policies(account, action, bucket):
            raise refuse(
                "AccessDenied",
                f"User: arn:aws:iam::{account.id}:user/simulated is not authorized to perform: "
                f's3:PutBucketPolicy on resource: "{arn}" because public policies are prevented '
                "by the BlockPublicPolicy setting in S3 Block Public Access.",
            )


def _is_public(statement: Mapping[str, Any]) -> bool:
    """Whether a statement lets everybody in. AWS knows conditions that narrow it enough."""
    principal = statement.get("Principal")
    named = principal.get("AWS") if isinstance(principal, Mapping) else principal
    anybody = "*" in named if isinstance(named, list) else named == "*"
    return statement.get("Effect") == "Allow" and anybody and not statement.get("Condition")


def _blocks_public_policies(account: Account, action: str, bucket: str) -> bool:
    answer = told_or_none(
        account,
        action,
        "get_public_access_block",
        "NoSuchPublicAccessBlockConfiguration",
        Bucket=bucket,
    )
    return bool(answer and answer["PublicAccessBlockConfiguration"]["BlockPublicPolicy"])
