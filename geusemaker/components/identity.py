"""Identity: the host's role, with what it needs and no more, and the stack's secrets."""

import json
from collections.abc import Sequence
from typing import NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from geusemaker.components.credentials import make_credentials
from geusemaker.components.run_errors import as_run_errors
from geusemaker.components.tagging import Tags
from geusemaker.components.trust import trust_policy


class IdentityArgs(TypedDict):
    """What the host may touch."""

    file_system_arn: pulumi.Input[str]
    """The stack's own file system."""
    access_point_arns: pulumi.Input[Sequence[str]]
    """The only ways into it."""
    partition: str
    """Partition of the Region, for the ARN of AWS's own policy."""
    tags: Tags
    protect: bool
    """Whether Pulumi refuses to delete the secrets, without which the data is lost. Plain: an
    option, not a property."""
    permissions_boundary_arn: NotRequired[pulumi.Input[str] | None]
    """For accounts that demand one on every role."""
    extra_policy_arns: NotRequired[Sequence[str]]
    """Managed policies that the role gets too. Plain: it decides how many resources there are."""
    kms_key_arn: NotRequired[pulumi.Input[str | None]]
    """Key of the secrets; AWS's own for SSM when unset."""


def files_policy(file_system_arn: str, access_point_arns: Sequence[str]) -> str:
    """Mount and write the own file system, through its access points only.

    An access point without an ARN, which only a mock makes, is no way in.
    """
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "MountOwnShares",
                    "Effect": "Allow",
                    "Action": [
                        "elasticfilesystem:ClientMount",
                        "elasticfilesystem:ClientWrite",
                    ],
                    "Resource": file_system_arn,
                    "Condition": {
                        "StringEquals": {
                            "elasticfilesystem:AccessPointArn": sorted(
                                arn for arn in access_point_arns if arn
                            )
                        }
                    },
                },
                {
                    # Where the mount helper has botocore, it asks here what the name does not tell.
                    "Sid": "FindOwnMountTargets",
                    "Effect": "Allow",
                    "Action": "elasticfilesystem:DescribeMountTargets",
                    "Resource": file_system_arn,
                },
            ],
        }
    )


class Identity(pulumi.ComponentResource):
    """A role for Session Manager and the stack's own file system, and its instance profile."""

    instance_profile_name: pulumi.Output[str]
    """Profile that the instance carries."""
    role_arn: pulumi.Output[str]
    """The role."""
    role_name: pulumi.Output[str]
    """Its name, for further policies."""
    credentials_name: pulumi.Output[str]
    """SSM parameter that holds the stack's secrets."""
    credentials_arn: pulumi.Output[str]
    """The same, for policies."""

    @as_run_errors()
    def __init__(self, name: str, args: IdentityArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("geusemaker:index:Identity", name, {}, opts)
        child = ResourceOptions(parent=self)
        tags = args["tags"]
        role = aws.iam.Role(
            f"{name}-role",
            description="GeuseMaker host: Session Manager and its own file system",
            assume_role_policy=trust_policy("ec2.amazonaws.com"),
            permissions_boundary=args.get("permissions_boundary_arn"),
            tags=tags.named("host"),
            opts=child,
        )
        session_manager = aws.iam.RolePolicyAttachment(
            f"{name}-session-manager",
            role=role.name,
            policy_arn=f"arn:{args['partition']}:iam::aws:policy/AmazonSSMManagedInstanceCore",
            opts=child,
        )
        files = aws.iam.RolePolicy(
            f"{name}-files",
            role=role.name,
            policy=pulumi.Output.all(args["file_system_arn"], args["access_point_arns"]).apply(
                lambda told: files_policy(*told)
            ),
            opts=child,
        )
        profile = aws.iam.InstanceProfile(
            f"{name}-profile", role=role.name, tags=tags.named("host"), opts=child
        )
        credentials = make_credentials(
            f"{name}-credentials",
            protect=args["protect"],
            kms_key_arn=args.get("kms_key_arn"),
            tags=tags,
            parent=self,
        )
        extra = [
            aws.iam.RolePolicyAttachment(
                # Named by the policy, not by its place, so that taking one out leaves the rest.
                f"{name}-extra-{arn.partition('::')[2]}",
                role=role.name,
                policy_arn=arn,
                opts=child,
            )
            for arn in args.get("extra_policy_arns", ())
        ]
        self.grants: list[pulumi.Resource] = [session_manager, files, credentials, *extra]
        """What must stand before a host can do its first steps."""
        self.instance_profile_name = profile.name
        self.role_arn = role.arn
        self.role_name = role.name
        self.credentials_name = credentials.id  # which is its name
        self.credentials_arn = credentials.arn
        self.register_outputs(
            {
                "instanceProfileName": self.instance_profile_name,
                "roleArn": self.role_arn,
                "credentialsParameter": self.credentials_name,
            }
        )
