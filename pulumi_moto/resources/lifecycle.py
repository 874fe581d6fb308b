"""S3: when objects of a bucket expire."""

from collections.abc import Iterator
from typing import Any, ClassVar, Final

from pulumi_moto.account import Account
from pulumi_moto.planning import Values, names
from pulumi_moto.resource import Resource, Update
from pulumi_moto.schema import Problem
from pulumi_moto.wire import UNKNOWN

from .support import choice_problem, items, members

_ABORT: Final = "abortIncompleteMultipartUpload"
_DAYS: Final = "daysAfterInitiation"
_SIMULATED: Final = names(f"id status filter expiration {_ABORT}")


class BucketLifecycle(Resource):
    """Rules by prefix and age in days. Nothing here expires."""

    token = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
    service = "s3"
    label = "S3 Bucket Lifecycle Configuration"
    creating = "creating S3 Bucket Lifecycle Configuration ({bucket})"
    replace_on = names("bucket expectedBucketOwner")
    optional_computed = names("expectedBucketOwner transitionDefaultMinimumObjectSize")
    only_given = names(f"rules.expiration rules.filter rules.{_ABORT}")
    not_simulated: ClassVar[dict[str, str]] = {
        "expectedBucketOwner": "the account has one owner",
        "transitionDefaultMinimumObjectSize": "there are no transitions",
        "timeouts": "S3 takes it at once",
    }

    def extra_problems(self, inputs: Values) -> Iterator[Problem]:
        if not inputs.get("rules"):
            yield Problem("rules", "at least one is required")
        for number, rule in enumerate(items(inputs.get("rules"))):
            if rule is not UNKNOWN:
                yield from self._problems(f"rules[{number}]", members(rule))

    def _problems(self, path: str, rule: Values) -> Iterator[Problem]:
        yield from choice_problem("status", rule.get("status"), ("Enabled", "Disabled"))
        for key in sorted(rule.keys() - _SIMULATED):
            if rule[key]:
                yield Problem(f"{path}.{key}", "declared by AWS, but not simulated yet")
        given = {"filter": rule.get("filter"), "expiration": rule.get("expiration")}
        for key, part in (("filter", "prefix"), ("expiration", "days")):
            if given[key] is not UNKNOWN and set(members(given[key])) != {part}:
                yield Problem(f"{path}.{key}", f"simulated only with {part} alone")

    def create(self, account: Account, inputs: Values) -> str:
        rules = [
            {
                "ID": rule["id"],
                "Status": rule["status"],
                "Filter": {"Prefix": rule["filter"]["prefix"]},
                "Expiration": {"Days": rule["expiration"]["days"]},
                **(
                    {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": abort[_DAYS]}}
                    if (abort := rule.get(_ABORT))
                    else {}
                ),
            }
            for rule in inputs["rules"]
        ]
        if any(rule["Expiration"]["Days"] < 1 for rule in rules):  # moto takes it
            why = "'Days' for Expiration action must be a positive integer"
            raise account.s3.refuse("PutBucketLifecycleConfiguration", "InvalidArgument", why)
        account.s3.put_bucket_lifecycle_configuration(
            Bucket=inputs["bucket"], LifecycleConfiguration={"Rules": rules}
        )
        return str(inputs["bucket"])

    def describe(self, account: Account, id_: str, state: Values) -> Any:
        return account.s3.get_bucket_lifecycle_configuration(Bucket=id_)

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        return {
            "bucket": id_,
            "transitionDefaultMinimumObjectSize": "all_storage_classes_128K",
            "rules": [
                {
                    "id": rule["ID"],
                    "status": rule["Status"],
                    "filter": {"prefix": rule["Filter"]["Prefix"]},
                    "expiration": {"days": rule["Expiration"]["Days"]},
                    **(
                        {_ABORT: {_DAYS: abort["DaysAfterInitiation"]}}
                        if (abort := rule.get("AbortIncompleteMultipartUpload"))
                        else {}
                    ),
                }
                for rule in shown["Rules"]
            ],
        }

    def update(self, account: Account, id_: str, change: Update) -> None:
        self.create(account, {**change.inputs, "bucket": id_})

    def delete(self, account: Account, id_: str, state: Values) -> None:
        account.s3.delete_bucket_lifecycle(Bucket=id_)
