"""S3: how a bucket encrypts."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

from pulumi_moto.account import Account, gone_is_fine
from pulumi_moto.resource import Resource, Update
from pulumi_moto.schema import Problem
from pulumi_moto.wire import has_unknown

from .buckets import GONE, encrypt_by_s3, encryption_rule, told_or_none
from .support import not_simulated

ALGORITHMS: Final = ("AES256", "aws:kms", "aws:kms:dsse")


class BucketEncryption(Resource):
    """S3 encrypts with or without it: deleted, it leaves keys of S3's own."""

    token = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    replace_on = frozenset({"bucket", "expectedBucketOwner"})
    defaults: ClassVar[Mapping[str, Any]] = {}
    taggable = False

    def extra_problems(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        yield from not_simulated(inputs, "the account has one owner", "expectedBucketOwner")
        rules = inputs["rules"]
        if has_unknown(rules):
            return
        if len(rules) != 1:
            yield Problem("rules", f"S3 takes exactly one, got {len(rules)}")
            return
        default = rules[0].get("applyServerSideEncryptionByDefault")
        if default is None:
            yield Problem("rules[0]", "simulated only with applyServerSideEncryptionByDefault")
        elif default["sseAlgorithm"] not in ALGORITHMS:
            found = default["sseAlgorithm"]
            yield Problem(
                "rules[0]", f"expected sseAlgorithm to be one of {list(ALGORITHMS)}, got {found}"
            )
        if rules[0].get("blockedEncryptionTypes"):
            yield Problem("rules[0]", "not simulated: blockedEncryptionTypes")

    def _put(self, account: Account, action: str, inputs: Mapping[str, Any]) -> None:
        (rule,) = inputs["rules"]
        default = rule["applyServerSideEncryptionByDefault"]
        key = default.get("kmsMasterKeyId")
        if key and default["sseAlgorithm"] == "AES256":  # moto takes it
            raise account.refuse(
                action,
                "S3",
                "PutBucketEncryption",
                "InvalidArgument",
                "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms "
                "or aws:kms:dsse",
            )
        account.call(
            action,
            "s3",
            "put_bucket_encryption",
            Bucket=inputs["bucket"],
            ServerSideEncryptionConfiguration={
                "Rules": [
                    {
                        "ApplyServerSideEncryptionByDefault": {
                            "SSEAlgorithm": default["sseAlgorithm"],
                            **({"KMSMasterKeyID": key} if key else {}),
                        },
                        "BucketKeyEnabled": bool(rule.get("bucketKeyEnabled")),
                    }
                ]
            },
        )

    def create(self, account: Account, inputs: Mapping[str, Any]) -> str:
        id_ = str(inputs["bucket"])
        self._put(
            account,
            f"creating S3 Bucket Server-side Encryption Configuration ({id_})",
            inputs,
        )
        return id_

    def read(self, account: Account, id_: str, state: Mapping[str, Any]) -> dict[str, Any] | None:
        action = f"reading S3 Bucket Server-side Encryption Configuration ({id_})"
        if told_or_none(account, action, "head_bucket", "404", Bucket=id_) is None:
            return None
        return {"bucket": id_, "rules": [encryption_rule(account, action, id_)]}

    def update(self, account: Account, id_: str, change: Update) -> None:
        action = f"updating S3 Bucket Server-side Encryption Configuration ({id_})"
        self._put(account, action, {**change.inputs, "bucket": id_})

    def delete(self, account: Account, id_: str, state: Mapping[str, Any]) -> None:
        action = f"deleting S3 Bucket Server-side Encryption Configuration ({id_})"
        with gone_is_fine(*GONE):
            encrypt_by_s3(account, action, id_)
