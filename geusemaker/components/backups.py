"""Nightly backups of the data by AWS Backup."""

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from geusemaker.components.tagging import Tags
from geusemaker.components.trust import trust_policy

SCHEDULE = "cron(0 5 ? * * *)"
"""05:00 UTC. The host dumps its database to the file system between 03:00 and 04:00, so a backup of
the file system has the dump of the same night."""


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
    """Creates one backup plan for all data, so volume and file system can be restored together.

    With `retention_days` 0 there is no plan. Vault and role stay: AWS Backup needs the role to
    delete expired backups and to restore one.
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
