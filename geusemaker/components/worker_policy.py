"""What a worker may do in the account. Pure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

HOOK: Final = "geusemaker-leave"
"""Lifecycle hook that keeps a worker until its executions have ended."""

BUNDLES: Final = "worker-bundles/"
REPORTS: Final = "reports/"
"""Prefixes in the bucket of the settings."""


def group_name(stack_id: str) -> str:
    """The Auto Scaling group of a stack.

    Fixed: the policy of its members and what they call name it before it exists.
    """
    return f"geusemaker-{stack_id}-workers"


@dataclass(frozen=True, kw_only=True)
class Reach:
    """What the workers of a stack use, by ARN.

    Attributes:
        parameters: The pointer to their settings, their secrets, and logins of registries.
        bucket: Of the settings and the reports.
        home: Access point of n8n's home. They only read there.
        files: Access point of the files of workflows.
        group: Name of their Auto Scaling group.
        key: KMS key of the stack; None for AWS's keys.
    """

    partition: str
    parameters: Sequence[str]
    bucket: str
    file_system: str
    home: str
    files: str
    group: str
    key: str | None = None


def worker_policy(reach: Reach) -> str:
    """The policy of the workers' role, besides AWS's own for Session Manager.

    Ignores what has no ARN, which exists only under mocks.
    """
    return json.dumps({"Version": "2012-10-17", "Statement": worker_statements(reach)})


def worker_statements(reach: Reach) -> list[dict[str, Any]]:
    """The statements. Each action of each is needed, which a test shows one by one."""
    own = sorted(arn for arn in reach.parameters if arn)
    of_aws = f"arn:{reach.partition}:ssm:*:*:parameter/aws/*"
    groups = f"arn:{reach.partition}:autoscaling:*:*:autoScalingGroup:*:autoScalingGroupName/"
    statements: list[dict[str, Any]] = [
        {
            "Sid": "ReadOwnParameters",
            "Effect": "Allow",
            "Action": ["ssm:GetParameter"],
            "Resource": own,
        },
        {
            # AWS's policy for Session Manager allows these for every parameter of the account.
            "Sid": "NoParametersOfOthers",
            "Effect": "Deny",
            "Action": ["ssm:GetParameter", "ssm:GetParameters"],
            "NotResource": [*own, of_aws],
        },
        {
            "Sid": "ReadOwnSettings",
            "Effect": "Allow",
            "Action": ["s3:GetObject"],
            "Resource": f"{reach.bucket}/{BUNDLES}*",
        },
        {
            # For the session of an instance, AWS has here the role's id and the instance's.
            "Sid": "WriteOwnReport",
            "Effect": "Allow",
            "Action": ["s3:PutObject"],
            "Resource": f"{reach.bucket}/{REPORTS}${{aws:userid}}",
        },
        {
            "Sid": "MountOwnShares",
            "Effect": "Allow",
            "Action": ["elasticfilesystem:ClientMount"],
            "Resource": reach.file_system,
            "Condition": _by(reach.home, reach.files),
        },
        {
            "Sid": "WriteFiles",
            "Effect": "Allow",
            "Action": ["elasticfilesystem:ClientWrite"],
            "Resource": reach.file_system,
            "Condition": _by(reach.files),
        },
        {
            # The mount helper calls this if it has botocore and DNS fails.
            "Sid": "FindOwnMountTargets",
            "Effect": "Allow",
            "Action": ["elasticfilesystem:DescribeMountTargets"],
            "Resource": reach.file_system,
        },
        {
            "Sid": "CompleteOwnHook",
            "Effect": "Allow",
            "Action": ["autoscaling:CompleteLifecycleAction"],
            "Resource": f"{groups}{reach.group}",
        },
    ]
    if reach.key:
        statements.append(
            {
                "Sid": "DecryptOwnSecretsAndSettings",
                "Effect": "Allow",
                "Action": ["kms:Decrypt"],
                "Resource": reach.key,
                "Condition": {"StringLike": {"kms:ViaService": ["s3.*", "ssm.*"]}},
            }
        )
        statements.append(
            {
                "Sid": "EncryptOwnReport",
                "Effect": "Allow",
                "Action": ["kms:GenerateDataKey"],
                "Resource": reach.key,
                "Condition": {"StringLike": {"kms:ViaService": ["s3.*"]}},
            }
        )
    return statements


def _by(*points: str) -> dict[str, Any]:
    return {
        "StringEquals": {"elasticfilesystem:AccessPointArn": sorted(one for one in points if one)}
    }
