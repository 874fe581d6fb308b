"""What workers read: their settings and secrets. Of the secrets, what the host shares with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from geusemaker import remarks
from geusemaker.bundle import Access
from geusemaker.bundle.queue import (
    AUTHORITY,
    CERTIFICATE,
    HEAD_SECRETS,
    KEY,
    VALKEY_PASSWORD,
    WORKER_SECRETS,
    WORKERS_TOKEN,
)
from geusemaker.components.authority import ends_on, keep_authority
from geusemaker.components.credentials import make_secret
from geusemaker.components.kept import keep_secret
from geusemaker.components.settings import Settings, pointer_text, secrets_parameter, store_bundle
from geusemaker.components.tagging import Tags
from geusemaker.components.worker_notes import end_warning
from geusemaker.components.worker_policy import BUNDLES, REPORTS
from geusemaker.config import DeploymentConfig

Secrets = Mapping[str, pulumi.Output[str]]

REPORT_DAYS: Final = 7
"""After so long the report of a worker that has ended is deleted."""
_MADE: Final = (VALKEY_PASSWORD, WORKERS_TOKEN)
_OF_HEAD: Final = {file.name for file in HEAD_SECRETS}
_OF_WORKERS: Final = {file.name for file in WORKER_SECRETS}


@dataclass(frozen=True)
class WorkerSettings:
    """The resources that a worker reads."""

    pointer: aws.ssm.Parameter
    secrets: aws.ssm.Parameter
    needs: Sequence[pulumi.Resource]
    """Resources that must exist before a worker reads its settings."""


def keep_queue_secrets(
    name: str,
    config: DeploymentConfig,
    stack_id: pulumi.Input[str],
    parent: pulumi.Resource,
    today: date,
) -> Secrets:
    """The secrets of the queue by name: those of the first deployment with workers.

    Warns before the end of their certificate.
    """
    authority = keep_authority(f"{name}-authority", stack_id, parent, today)
    authority.apply(lambda values: _warn_of_end(config, values[CERTIFICATE], today))
    own = keep_secret(f"{name}-secrets-kept", {one: make_secret() for one in _MADE}, parent)
    return {
        **{one: _value(authority, one) for one in (AUTHORITY, CERTIFICATE, KEY)},
        **{one: _value(own, one) for one in _MADE},
    }


def _warn_of_end(config: DeploymentConfig, certificate: str, today: date) -> None:
    if warning := end_warning(config, ends_on(certificate), today):
        remarks.warn(warning)


def of_host(secrets: Secrets) -> Secrets:
    """Those of the queue that the host reads, besides its own."""
    return {name: value for name, value in secrets.items() if name in _OF_HEAD}


def of_workers(secrets: Secrets, of_stack: pulumi.Output[Mapping[str, str]]) -> Secrets:
    """Those of the queue and of the stack that workers read."""
    return {
        name: secrets[name] if name in secrets else _value(of_stack, name)
        for name in sorted(_OF_WORKERS)
    }


def _value(kept: pulumi.Output[Any], name: str) -> pulumi.Output[str]:
    value: pulumi.Output[str] = kept.apply(lambda values: values[name])
    return value


def make_worker_settings(
    name: str,
    *,
    files: Mapping[str, str],
    secrets: Secrets,
    access: Access,
    address: pulumi.Input[str | None],
    host: Settings,
    names: Mapping[str, pulumi.Input[str]],
    kms_key_arn: pulumi.Input[str | None],
    tags: Tags,
    parent: pulumi.Resource,
) -> WorkerSettings:
    """Creates the workers' bundle, the pointer to it, and the parameter with their secrets.

    Reports that workers write to the bucket expire.

    `names` are lines of the pointer: `head`, `zone` and `group`.
    """
    child = ResourceOptions(parent=parent)
    stored, sha256 = store_bundle(name, files, BUNDLES, host.bucket, host.guards, parent)
    kept = secrets_parameter(
        name,
        secrets,
        kms_key_arn,
        tags,
        child,
        of="Secrets that the workers of a GeuseMaker stack share with its host",
        role="worker-secrets",
    )
    pointer = aws.ssm.Parameter(
        f"{name}-settings",
        name=tags.parameter_name("worker-settings"),
        description="Which settings the workers of a GeuseMaker stack apply",
        type="String",
        value=pulumi.Output.all(
            bucket=host.bucket.id,
            address=address,
            registries=host.registries and host.registries.id,
            **names,
        ).apply(lambda found: pointer_text(sha256=sha256, prefix=BUNDLES, access=access, **found)),
        tags=tags.named("worker-settings"),
        opts=ResourceOptions(parent=parent, depends_on=[stored]),
    )
    aws.s3.BucketLifecycleConfiguration(
        f"{name}-reports",
        bucket=host.bucket.id,
        rules=[
            {
                "id": "reports",
                "status": "Enabled",
                "filter": {"prefix": REPORTS},
                "expiration": {"days": REPORT_DAYS},
                # Parts of an object that is never completed are billed, and listed nowhere.
                "abort_incomplete_multipart_upload": {"days_after_initiation": REPORT_DAYS},
            }
        ],
        opts=ResourceOptions(parent=parent, depends_on=host.guards),
    )
    return WorkerSettings(pointer, kept, [stored, kept, pointer])
