"""Copies of the data, every night, by AWS Backup."""

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from geusemaker.components.tagging import Tags
from geusemaker.components.trust import trust_policy

SCHEDULE = "cron(0 5 ? * * *)"
"""Five in the morning, UTC: the host dumps its databases to the file system between three and four,
so that a copy of the file system holds the dump of the same night."""


def make_backups(
    name: str,
    *,
    retention_days: int,
    arns: Sequence[pulumi.Input[str]],
    protect: bool,
    partition: str,
    kms_key_arn: pulumi.Input[str | None],
    permissions_boundary_arn: str | None,
    tags: Tags,
    parent: pulumi.Resource,
) -> None:
    """One plan for all of the data, so that its parts can be brought back to the same night.

    Without retention there is no plan. The vault stays, with the copies that it holds, and so does
    the role: by it AWS Backup deletes each copy at its date, and restores one.
    """
    child = ResourceOptions(parent=parent)
    vault = aws.backup.Vault(
        f"{name}-backups",
        kms_key_arn=kms_key_arn,
        force_destroy=not protect,
        tags=tags.named("backups"),
        opts=ResourceOptions(parent=parent, protect=protect),
    )
    role = aws.iam.Role(
        f"{name}-backups",
        description="AWS Backup: copies and restores the data of a GeuseMaker stack",
        assume_role_policy=trust_policy("backup.amazonaws.com"),
        permissions_boundary=permissions_boundary_arn,
        tags=tags.named("backups"),
        opts=child,
    )
    grants = [
        aws.iam.RolePolicyAttachment(
            f"{name}-backups-{what.lower()}",
            role=role.name,
            policy_arn=f"arn:{partition}:iam::aws:policy/service-role/"
            f"AWSBackupServiceRolePolicyFor{what}",
            opts=child,
        )
        for what in ("Backup", "Restores")
    ]
    if not retention_days:
        return
    plan = aws.backup.Plan(
        f"{name}-backups",
        rules=[
            {
                "rule_name": "nightly",
                "target_vault_name": vault.name,
                "schedule": SCHEDULE,
                "lifecycle": {"delete_after": retention_days},
            }
        ],
        tags=tags.named("backups"),
        opts=child,
    )
    aws.backup.Selection(
        f"{name}-backups",
        plan_id=plan.id,
        iam_role_arn=role.arn,
        resources=list(arns),
        opts=ResourceOptions(parent=parent, depends_on=grants),
    )
