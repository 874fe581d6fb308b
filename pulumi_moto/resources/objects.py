"""S3: objects."""

import base64
from collections.abc import Iterator
from typing import Any, ClassVar, Final

from pulumi_moto.account import Account
from pulumi_moto.planning import Values, names
from pulumi_moto.resource import Resource, Update
from pulumi_moto.schema import Problem
from pulumi_moto.tags import all_tags, listed

from .buckets import empty
from .support import base64_problem, given

_CONTENT: Final = ("content", "contentBase64")
_HEADERS: Final = {
    "cacheControl": "CacheControl",
    "contentDisposition": "ContentDisposition",
    "contentEncoding": "ContentEncoding",
    "contentLanguage": "ContentLanguage",
    "contentType": "ContentType",
}
_OUTSIDE: Final = frozenset({"tags", "tagsAll", "forceDestroy", "overrideProvider"})
"""Properties that change without storing the object again."""

MOST_TAGS: Final = 10
"""What S3 takes for one object; other resources take 50."""


class BucketObject(Resource):
    token = "aws:s3/bucketObjectv2:BucketObjectv2"
    service = "s3"
    label = "S3 Object"
    creating = "uploading S3 Object ({key}) to Bucket ({bucket})"
    replace_on = names("bucket key")
    defaults: ClassVar[Values] = {"forceDestroy": False}
    # Without a kmsKeyId, it is the key of the bucket's default.
    optional_computed = names(
        "bucketKeyEnabled contentType etag kmsKeyId serverSideEncryption storageClass"
    )
    simulated = _OUTSIDE | {
        *_CONTENT,
        *_HEADERS,
        "bucket",
        "key",
        "metadata",
        "region",
        "sourceHash",
    }

    def check(
        self, account: Account, name: str, old: Values | None, new: Values, seed: bytes
    ) -> tuple[dict[str, Any], list[Problem]]:
        named = {**new, "key": name} if new.get("key") is None else new
        return super().check(account, name, old, named, seed)

    def extra_problems(self, inputs: Values) -> Iterator[Problem]:
        if all(inputs.get(key) is not None for key in _CONTENT):
            yield Problem("contentBase64", "conflicts with content")
        yield from base64_problem("contentBase64", inputs.get("contentBase64"))
        override = (inputs.get("overrideProvider") or {}).get("defaultTags") or {}
        if override.get("tags"):
            yield Problem("overrideProvider.defaultTags.tags", "only an empty map is supported")

    def all_tags(self, account: Account, inputs: Values) -> Any:
        """Without the provider's default tags where the object overrides them."""
        if "defaultTags" in (inputs.get("overrideProvider") or {}):
            return dict(inputs.get("tags") or {})
        return all_tags(account, inputs)

    def unknown_after_update(self, changed: frozenset[str]) -> frozenset[str]:
        stored = changed - _OUTSIDE
        return frozenset({"checksumCrc32", "etag", "versionId"}) if stored else frozenset()

    def create(self, account: Account, inputs: Values) -> str:
        if len(self.all_tags(account, inputs)) > MOST_TAGS:  # moto takes any number
            why = "Object tags cannot be greater than 10"
            raise account.s3.refuse("PutObject", "BadRequest", why)
        encoded, text = inputs.get("contentBase64"), inputs.get("content") or ""
        account.s3.put_object(
            Bucket=inputs["bucket"],
            Key=inputs["key"],
            Body=text.encode() if encoded is None else base64.b64decode(encoded),
            Metadata=inputs.get("metadata") or {},
            **{_HEADERS[key]: inputs[key] for key in _HEADERS if inputs.get(key)},
        )
        self._put_tags(account, inputs)
        return f"{inputs['bucket']}/{inputs['key']}"

    def _put_tags(self, account: Account, inputs: Values) -> None:
        where = {"Bucket": inputs["bucket"], "Key": inputs["key"]}
        if tags := listed(self.all_tags(account, inputs)):
            account.s3.put_object_tagging(Tagging={"TagSet": tags}, **where)
        else:  # moto falls over a set of no tags
            account.s3.delete_object_tagging(**where)

    def describe(self, account: Account, id_: str, state: Values) -> Any:
        bucket, _, key = id_.partition("/")
        return account.s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")

    def tags_of(self, account: Account, id_: str, shown: Values) -> list[dict[str, str]]:
        bucket, _, key = id_.partition("/")
        return list(account.s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"])

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        bucket, _, key = id_.partition("/")
        return {
            "arn": f"arn:aws:s3:::{id_}",
            "bucket": bucket,
            "key": key,
            # The content itself is not read back, here as in the real provider.
            "etag": shown["ETag"].strip('"'),
            "versionId": shown.get("VersionId", ""),
            "checksumCrc32": shown.get("ChecksumCRC32", ""),
            "metadata": shown["Metadata"],
            "bucketKeyEnabled": bool(shown.get("BucketKeyEnabled")),
            # Of the bucket's default; moto does not say AES256.
            "serverSideEncryption": shown.get("ServerSideEncryption") or "AES256",
            "storageClass": shown.get("StorageClass", "STANDARD"),
            **given(**{key: shown.get(name) for key, name in _HEADERS.items()}),
            **given(kmsKeyId=shown.get("SSEKMSKeyId")),
        }

    def update(self, account: Account, id_: str, change: Update) -> None:
        bucket, _, key = id_.partition("/")
        inputs = {**change.inputs, "bucket": bucket, "key": key}
        if change.paths - _OUTSIDE:
            self.create(account, inputs)
        elif (change.state.get("tagsAll") or {}) != self.all_tags(account, inputs):
            self._put_tags(account, inputs)

    def delete(self, account: Account, id_: str, state: Values) -> None:
        bucket, _, key = id_.partition("/")
        empty(account, bucket, key)
