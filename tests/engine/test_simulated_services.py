"""Parameters, buckets, backups and records of the simulated account, led by the genuine engine."""

from pathlib import Path

import pytest

from .door import Door, make_project

PROGRAM = """
import json

import pulumi
import pulumi_aws as aws

config = pulumi.Config("geusemaker")
number = config.get("ownerTag") or "1"
status = aws.ssm.Parameter(
    "status",
    type="String",
    value=f"state=unknown {number}",
    opts=pulumi.ResourceOptions(ignore_changes=["value"]),
)
aws.ssm.Parameter("secrets", type="SecureString", value=pulumi.Output.secret(f"a={number}"))
plain = aws.ssm.Parameter("plain", type="String", value="not said to be secret")
pulumi.export("plain", plain.value)
bucket = aws.s3.Bucket("bundles")
aws.s3.BucketPublicAccessBlock(
    "bundles",
    bucket=bucket.id,
    block_public_acls=True,
    block_public_policy=True,
    ignore_public_acls=True,
    restrict_public_buckets=True,
)
aws.s3.BucketPolicy(
    "bundles",
    bucket=bucket.id,
    policy=bucket.arn.apply(
        lambda arn: json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "s3:*",
                        "Resource": [arn, f"{arn}/*"],
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    }
                ],
            }
        )
    ),
)
aws.s3.BucketObjectv2(
    "bundle", bucket=bucket.id, key=f"bundles/{number}.tar", content_base64="AP8="
)
role = aws.iam.Role(
    "backups",
    assume_role_policy=json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "backup.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
    ),
)
vault = aws.backup.Vault("vault")
plan = aws.backup.Plan(
    "plan",
    rules=[
        {
            "rule_name": "nightly",
            "target_vault_name": vault.name,
            "schedule": "cron(0 5 ? * * *)",
            "lifecycle": {"delete_after": 7 * int(number)},
        }
    ],
)
aws.backup.Selection(
    "selection",
    plan_id=plan.id,
    iam_role_arn=role.arn,
    resources=[aws.efs.FileSystem("files").arn],
)
zone = config.require("hostedZoneId")
aws.route53.Record(
    "name", zone_id=zone, name="n8n.example.com", type="A", ttl=60, records=[f"203.0.113.{number}"]
)
pulumi.export("status", status.name)
pulumi.export("bucket", bucket.id)
"""


@pytest.fixture
def door(tmp_path: Path) -> Door:
    project = make_project(tmp_path / "project")
    (project / "__main__.py").write_text(PROGRAM)
    return Door(project)


def test_they_come_change_and_go(door: Door) -> None:
    try:
        route53 = door.client("route53")
        zone = route53.create_hosted_zone(Name="example.com", CallerReference="1")["HostedZone"]
        door.set(hostedZoneId=zone["Id"].rpartition("/")[2])
        adopted = door.resources()

        door.up()
        names = door.outputs()
        assert names["plain"] == "[secret]"
        door.pulumi("preview", "--expect-no-changes")
        door.refresh()

        # As the host will: its word stands, whatever the program began with.
        ssm = door.client("ssm")
        ssm.put_parameter(Name=names["status"], Value="state=ready", Overwrite=True)
        door.pulumi("preview", "--expect-no-changes")
        door.refresh()
        door.pulumi("preview", "--expect-no-changes")

        door.set(ownerTag="2")
        assert door.steps() == {
            "secrets": "update",
            "plan": "update",
            "name": "update",
            "bundle": "replace",
        }
        door.up()
        assert ssm.get_parameter(Name=names["status"])["Parameter"]["Value"] == "state=ready"
        listed = door.client("s3").list_objects_v2(Bucket=names["bucket"])["Contents"]
        assert [one["Key"] for one in listed] == ["bundles/2.tar"]
        door.pulumi("preview", "--expect-no-changes")
        door.refresh()

        door.pulumi("destroy", "--yes")
        assert door.resources() == adopted
    finally:
        door.close()
