"""S3: objects."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

from pulumi_moto.account import Account, gone_is_fine
from pulumi_moto.resource import Resource, Update, all_tags
from pulumi_moto.schema import Problem

from .buckets import GONE, empty, told_or_none
from .support import own_tags

_CONTENT: Final = ("content", "contentBase64")
_HEADERS: Final = {
    "cacheControl": "CacheControl",
    "contentDisposition": "ContentDisposition",
    "contentEncoding": "ContentEncoding",
    "contentLanguage": "ContentLanguage",
    "contentType": "ContentType",
}
_OUTSIDE: Final = frozenset({"tags", "tagsAll", "forceDestroy", "overrideProvider"})
"""What changes without the object being stored anew."""

MOST_TAGS: Final = 10
"""What S3 takes for one object; other resources take 50."""


class BucketObject(Resource):
    token = "aws:s3/bucketObjectv2:BucketObjectv2"
    replace_on = frozenset({"bucket", "key"})
    defaults: ClassVar[Mapping[str, Any]] = {"forceDestroy": False}
    computed = frozenset({"arn", "checksumCrc32", "versionId"})
    optional_computed = frozenset(
        {
            "bucketKeyEnabled",
            "contentType",
            "etag",
            "kmsKeyId",  # left out, it is the key of the bucket's default
            "serverSideEncryption",
            "storageClass",
        }
    )

    _simulated: Final = frozenset(
        {*_CONTENT, *_HEADERS, *_OUTSIDE, "bucket", "key", "metadata", "region", "sourceHash"}
    )

    def check(
        self,
        account: Account,
        name: str,
        old: Mapping[str, Any] | None,
        new: Mapping[str, Any],
        seed: bytes,
    ) -> tuple[dict[str, Any], list[Problem]]:
        named = {**new, "key": name} if new.get("key") is None else new
        return super().check(account, name, old, named, seed)

    def extra_problems(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        for key in sorted(inputs.keys() - self._simulated):
            if inputs[key] is not None:
                yield Problem(key, "declared by AWS, but not simulated yet")
        if all(inputs.get(key) is not None for key in _CONTENT):
            yield Problem("contentBase64", "conflicts with content")
        data = inputs.get("contentBase64")
        if isinstance(data, str):
            try:
                base64.b64decode(data, validate=True)
            except binascii.Error as wrong:
                yield Problem("contentBase64", f"expected valid base64: {wrong}")

        override = (inputs.get("overrideProvider") or {}).get("defaultTags") or {}
        if override.get("tags"):
            yield Problem("overrideProvider.defaultTags.tags", "only an empty map is supported")

    def all_tags(self, account: Account, inputs: Mapping[str, Any]) -> Any:
        """Without the provider's default tags where the object overrides them."""
        if "defaultTags" in (inputs.get("overrideProvider") or {}):
            return dict(inputs.get("tags") or {})
        return all_tags(account, inputs)

    def unknown_after_update(self, changed: frozenset[str]) -> frozenset[str]:
        stored = changed - _OUTSIDE
        return frozenset({"checksumCrc32", "etag", "versionId"}) if stored else frozenset()

    def _put(self, account: Account, action: str, inputs: Mapping[str, Any]) -> None:
        encoded = inputs.get("contentBase64")
        if len(self.all_tags(account, inputs)) > MOST_TAGS:  # moto takes any number
            raise account.refuse(
                action, "S3", "PutObject", "BadRequest", "Object tags cannot be greater than 10"
            )
        body = (
            (inputs.get("content") or "").encode() if encoded is None else base64.b64decode(encoded)
        )
        account.call(
            action,
            "s3",
            "put_object",
            Bucket=inputs["bucket"],
            Key=inputs["key"],
            Body=body,
            Metadata=inputs.get("metadata") or {},
            **{_HEADERS[key]: inputs[key] for key in _HEADERS if inputs.get(key)},
        )
        self._tag(account, action, inputs)

    def _tag(self, account: Account, action: str, inputs: Mapping[str, Any]) -> None:
        where = {"Bucket": inputs["bucket"], "Key": inputs["key"]}
        if tags := [
            {"Key": key, "Value": value} for key, value in self.all_tags(account, inputs).items()
        ]:
            account.call(action, "s3", "put_object_tagging", Tagging={"TagSet": tags}, **where)
        else:  # moto falls over a set of no tags
            account.call(action, "s3", "delete_object_tagging", **where)

    def create(self, account: Account, inputs: Mapping[str, Any]) -> str:
        id_ = f"{inputs['bucket']}/{inputs['key']}"
        action = f"uploading S3 Object ({inputs['key']}) to Bucket ({inputs['bucket']})"
        self._put(account, action, inputs)
        return id_

    def read(self, account: Account, id_: str, state: Mapping[str, Any]) -> dict[str, Any] | None:
        bucket, _, key = id_.partition("/")
        action = f"reading S3 Object ({id_})"
        found = told_or_none(
            account, action, "head_object", "404", Bucket=bucket, Key=key, ChecksumMode="ENABLED"
        )
        if found is None:
            return None
        tags = account.call(action, "s3", "get_object_tagging", Bucket=bucket, Key=key)
        return {
            "arn": f"arn:aws:s3:::{id_}",
            "bucket": bucket,
            "key": key,
            # The content itself is not read back, here as in the real provider.
            "etag": found["ETag"].strip('"'),
            "versionId": found.get("VersionId", ""),
            "checksumCrc32": found.get("ChecksumCRC32", ""),
            "metadata": found["Metadata"],
            "bucketKeyEnabled": bool(found.get("BucketKeyEnabled")),
            # Of the bucket's default; moto does not say AES256.
            "serverSideEncryption": found.get("ServerSideEncryption") or "AES256",
            "storageClass": found.get("StorageClass", "STANDARD"),
            "tags": own_tags(account, tags["TagSet"], state),
            **{key: found[name] for key, name in _HEADERS.items() if found.get(name)},
            **({"kmsKeyId": found["SSEKMSKeyId"]} if found.get("SSEKMSKeyId") else {}),
        }

    def update(self, account: Account, id_: str, change: Update) -> None:
        bucket, _, key = id_.partition("/")
        action = f"updating S3 Object ({id_})"
        inputs = {**change.inputs, "bucket": bucket, "key": key}
        if change.paths - _OUTSIDE:
            self._put(account, action, inputs)
        elif (change.state.get("tagsAll") or {}) != self.all_tags(account, inputs):
            self._tag(account, action, inputs)

    def delete(self, account: Account, id_: str, state: Mapping[str, Any]) -> None:
        bucket, _, key = id_.partition("/")
        with gone_is_fine(*GONE, "NoSuchKey"):
            empty(account, f"deleting S3 Object ({id_})", bucket, key)
