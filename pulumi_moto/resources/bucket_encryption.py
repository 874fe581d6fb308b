"""S3: how a bucket encrypts."""

from collections.abc import Iterator
from typing import Any, Final

from pulumi_moto.account import Account
from pulumi_moto.planning import Values, names
from pulumi_moto.resource import Resource, Update
from pulumi_moto.schema import Problem
from pulumi_moto.wire import has_unknown

from .buckets import encrypt_by_s3, encryption_rule
from .support import given

ALGORITHMS: Final = ("AES256", "aws:kms", "aws:kms:dsse")


class BucketEncryption(Resource):
    """S3 encrypts with or without it: deleted, it leaves keys of S3's own."""

    token = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    label = "S3 Bucket Server-side Encryption Configuration"
    creating = "creating S3 Bucket Server-side Encryption Configuration ({bucket})"
    replace_on = names("bucket expectedBucketOwner")
    not_simulated = dict.fromkeys(["expectedBucketOwner"], "the account has one owner")

    def extra_problems(self, inputs: Values) -> Iterator[Problem]:
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

    def create(self, account: Account, inputs: Values) -> str:
        bucket, (rule,) = str(inputs["bucket"]), inputs["rules"]
        default = rule["applyServerSideEncryptionByDefault"]
        key = default.get("kmsMasterKeyId")
        if key and default["sseAlgorithm"] == "AES256":  # moto takes it
            raise account.s3.refuse(
                "PutBucketEncryption",
                "InvalidArgument",
                "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms "
                "or aws:kms:dsse",
            )
        sent = {
            "ApplyServerSideEncryptionByDefault": {
                "SSEAlgorithm": default["sseAlgorithm"],
                **given(KMSMasterKeyID=key),
            },
            "BucketKeyEnabled": bool(rule.get("bucketKeyEnabled")),
        }
        account.s3.put_bucket_encryption(
            Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [sent]}
        )
        return bucket

    def describe(self, account: Account, id_: str, state: Values) -> Any:
        account.s3.head_bucket(Bucket=id_)
        return {"bucket": id_, "rules": [encryption_rule(account, id_)]}

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        return shown

    def update(self, account: Account, id_: str, change: Update) -> None:
        self.create(account, {**change.inputs, "bucket": id_})

    def delete(self, account: Account, id_: str, state: Values) -> None:
        encrypt_by_s3(account, id_)
