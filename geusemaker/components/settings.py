"""Settings of the services: a bundle in S3, a pointer to it, and the host's status report.

Another bundle changes the pointer in place. The host applies it without a replacement.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions
from pydantic import SecretStr

from geusemaker import bundle
from geusemaker.bundle.registry_logins import docker_config
from geusemaker.bundle.secret_names import secret_lines
from geusemaker.components.partition import partition_of
from geusemaker.components.tagging import Tags

UNKNOWN_STATUS: Final = "state=unknown"
"""The status report until a host writes one."""

_PREFIX = "bundles/"


@dataclass(frozen=True)
class Settings:
    """The resources that a host reads and writes."""

    pointer: aws.ssm.Parameter
    status: aws.ssm.Parameter
    registries: aws.ssm.Parameter | None
    """Logins of registries, if there are any."""
    bucket: aws.s3.Bucket
    guards: Sequence[pulumi.Resource]
    """Resources that must exist before the bucket has content."""
    needs: Sequence[pulumi.Resource]
    """Resources that must exist before the host reads its settings."""


def pointer_text(
    *,
    sha256: str,
    bucket: str,
    access: bundle.Access,
    address: str | None,
    prefix: str = _PREFIX,
    **more: str | None,
) -> str:
    """The settings parameter: lines of `key=value`, which a shell reads without a parser.

    The Elastic IP is here and not in the bundle, so that the bundle is known before it. So is
    `more`, without values that are None:

    - `registries`: the parameter with the logins of registries.
    - `secrets`: name and version of the parameter with the secrets of config. Another version is
      another pointer, which the host applies.
    - `namespace`: where the host publishes metrics.
    - `head`, `zone`, `group`: of a worker, the name of the host, the zone of that name, and the
      Auto Scaling group.
    """
    lines = {
        "sha256": sha256,
        "bucket": bucket,
        "key": f"{prefix}{sha256}.tar",
        "url": access.url(address),
        "sites": ", ".join(access.sites(address)),
        **{key: value for key, value in more.items() if value},
    }
    return "\n".join(f"{key}={value}" for key, value in lines.items())


def settings_policy(
    *,
    credentials: str | None,
    pointer: str | None,
    status: str | None,
    bucket: str | None,
    kms_key_arn: str | None,
    registries: str | None = None,
    secrets: str | None = None,
) -> str:
    """Policy to read the stack's credentials and settings and to write its status, by ARN.

    AWS's policy for Session Manager allows reading every parameter of the account. The denial
    limits the host to its own and to AWS's public parameters, which AWS's agents need.
    """
    statements: list[dict[str, Any]] = [
        {
            "Sid": "ReadOwnParameters",
            "Effect": "Allow",
            "Action": "ssm:GetParameter",
            "Resource": _known(credentials, pointer, registries, secrets),
        },
        {
            "Sid": "NoParametersOfOthers",
            "Effect": "Deny",
            "Action": [
                "ssm:GetParameter",
                "ssm:GetParameterHistory",
                "ssm:GetParameters",
                "ssm:GetParametersByPath",
            ],
            "NotResource": _known(
                credentials,
                pointer,
                registries,
                secrets,
                f"arn:{partition_of(pointer)}:ssm:*:*:parameter/aws/*",
            ),
        },
        {
            "Sid": "WriteOwnReport",
            "Effect": "Allow",
            "Action": "ssm:PutParameter",
            "Resource": status,
        },
        {
            "Sid": "ReadOwnSettings",
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": f"{bucket}/{_PREFIX}*",
        },
    ]
    if kms_key_arn:
        statements.append(
            {
                "Sid": "DecryptOwnCredentialsAndSettings",
                "Effect": "Allow",
                "Action": "kms:Decrypt",
                "Resource": kms_key_arn,
                "Condition": {"StringLike": {"kms:ViaService": ["s3.*", "ssm.*"]}},
            }
        )
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _known(*arns: str | None) -> list[str]:
    """The ARNs without None, which exists only under mocks."""
    return sorted(arn for arn in arns if arn)


def bucket_policy(bucket_arn: str) -> str:
    """Policy that denies requests without TLS."""
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "NothingInClear",
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "s3:*",
                    "Resource": [bucket_arn, f"{bucket_arn}/*"],
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                }
            ],
        }
    )


def make_settings(
    name: str,
    *,
    files: Mapping[str, str],
    registry_logins: Mapping[str, SecretStr],
    secrets: Mapping[str, pulumi.Input[str]],
    access: bundle.Access,
    address: pulumi.Input[str | None],
    role_name: pulumi.Input[str],
    credentials_arn: pulumi.Input[str],
    kms_key_arn: pulumi.Input[str | None],
    has_key: bool,
    tags: Tags,
    parent: pulumi.Resource,
    namespace: pulumi.Input[str] | None = None,
) -> Settings:
    """Creates bucket, bundle, pointer, status, and the role's policy for them.

    Also the parameters of `registry_logins` and of `secrets`, each if there are any. Which names
    `secrets` has is plain; the values are secrets of one line each. `namespace` is where the host
    publishes metrics.
    """
    child = ResourceOptions(parent=parent)
    bucket = aws.s3.Bucket(
        f"{name}-settings",
        force_destroy=True,  # a deployment can create its content again
        tags=tags.named("settings"),
        opts=child,
    )
    private = aws.s3.BucketPublicAccessBlock(
        f"{name}-settings",
        bucket=bucket.id,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=child,
    )
    tls = aws.s3.BucketPolicy(
        f"{name}-settings",
        bucket=bucket.id,
        policy=bucket.arn.apply(bucket_policy),
        # Both change the bucket's policy, and S3 refuses concurrent changes.
        opts=ResourceOptions(parent=parent, depends_on=[private]),
    )
    guards: list[pulumi.Resource] = [tls]
    if has_key:
        guards.append(
            aws.s3.BucketServerSideEncryptionConfiguration(
                f"{name}-settings",
                bucket=bucket.id,
                rules=[
                    {
                        "apply_server_side_encryption_by_default": {
                            "sse_algorithm": "aws:kms",
                            "kms_master_key_id": kms_key_arn,
                        },
                        # One call of KMS for many reads.
                        "bucket_key_enabled": True,
                    }
                ],
                opts=ResourceOptions(parent=parent, depends_on=[tls]),
            )
        )
    stored, sha256 = store_bundle(name, files, _PREFIX, bucket, guards, parent)
    registries = None
    if registry_logins:
        # Not in the credentials parameter, which never changes and has little space left.
        registries = aws.ssm.Parameter(
            f"{name}-registries",
            name=tags.parameter_name("registries"),
            description="Logins that a GeuseMaker host pulls container images with",
            type="SecureString",
            key_id=kms_key_arn,
            value=pulumi.Output.secret(docker_config(registry_logins)),
            tags=tags.named("registries"),
            opts=child,
        )
    of_config = secrets_parameter(name, secrets, kms_key_arn, tags, child) if secrets else None
    pointer = aws.ssm.Parameter(
        f"{name}-settings",
        name=tags.parameter_name("settings"),
        description="Which settings a GeuseMaker host applies",
        type="String",
        value=pulumi.Output.all(
            bucket=bucket.id,
            address=address,
            registries=registries and registries.id,
            secrets=of_config and pulumi.Output.format("{0}:{1}", of_config.id, of_config.version),
            namespace=namespace,
        ).apply(lambda names: pointer_text(sha256=sha256, access=access, **names)),
        tags=tags.named("settings"),
        # Older stacks have another name, and a change of it would replace the host.
        opts=ResourceOptions(parent=parent, depends_on=[stored], ignore_changes=["name"]),
    )
    status = aws.ssm.Parameter(
        f"{name}-status",
        name=tags.parameter_name("status"),
        description="What a GeuseMaker host reports of itself",
        type="String",
        value=UNKNOWN_STATUS,
        tags=tags.named("status"),
        # The host writes the value.
        opts=ResourceOptions(parent=parent, ignore_changes=["value", "name"]),
    )
    policy = aws.iam.RolePolicy(
        f"{name}-settings",
        role=role_name,
        policy=pulumi.Output.all(
            credentials=credentials_arn,
            pointer=pointer.arn,
            status=status.arn,
            bucket=bucket.arn,
            kms_key_arn=kms_key_arn,
            registries=registries and registries.arn,
            secrets=of_config and of_config.arn,
        ).apply(lambda arns: settings_policy(**arns)),
        opts=child,
    )
    return Settings(pointer, status, registries, bucket, guards, [policy, stored, pointer])


def store_bundle(
    name: str,
    files: Mapping[str, str],
    prefix: str,
    bucket: aws.s3.Bucket,
    guards: Sequence[pulumi.Resource],
    parent: pulumi.Resource,
) -> tuple[aws.s3.BucketObjectv2, str]:
    """Stores a bundle, and returns its SHA-256 too."""
    packed = bundle.pack(files)
    sha256 = bundle.digest(packed)
    stored = aws.s3.BucketObjectv2(
        # Resource and key are named by the content, so another bundle is another object and a host
        # never reads a mix of two. Pulumi deletes the old object after the pointer has changed.
        f"{name}-settings-{sha256[:12]}",
        bucket=bucket.id,
        key=f"{prefix}{sha256}.tar",
        content_base64=base64.b64encode(packed).decode("ascii"),
        content_type="application/x-tar",
        # S3 allows ten tags on an object, and a stack may have more. The bucket has the tags.
        override_provider={"default_tags": {"tags": {}}},
        opts=ResourceOptions(parent=parent, depends_on=guards),
    )
    return stored, sha256


def secrets_parameter(
    name: str,
    secrets: Mapping[str, pulumi.Input[str]],
    kms_key_arn: pulumi.Input[str | None],
    tags: Tags,
    opts: ResourceOptions,
    *,
    of: str = "Secrets of the services from a GeuseMaker stack's config",
    role: str = "secrets",
) -> aws.ssm.Parameter:
    """The parameter of secrets that change with config, in lines of `name=value`.

    The credentials parameter never changes and has little space left.
    """
    lines: pulumi.Output[str] = pulumi.Output.all(**secrets).apply(secret_lines)
    return aws.ssm.Parameter(
        f"{name}-secrets",
        # Pulumi names it, each time differently: one that is created again has version 1 again, and
        # under the same name the pointer would be one that the host has applied.
        description=of,
        type="SecureString",
        key_id=kms_key_arn,
        value=lines.apply(pulumi.Output.secret),
        tags=tags.named(role),
        opts=opts,
    )
