"""Identity: the host's role with the least permissions, and the stack's secrets."""

import json
from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from geusemaker.components.credentials import make_credentials
from geusemaker.components.instance_role import make_instance_role
from geusemaker.components.tagging import Tags
from geusemaker.run_errors import as_run_errors


class IdentityArgs(TypedDict):
    """Arguments of `Identity`: what the host may access."""

    file_system_arn: pulumi.Input[str]
    """The stack's own file system."""
    access_point_arns: pulumi.Input[Sequence[str]]
    """Its access points. The host mounts through them only."""
    partition: str
    """Partition of the Region, for the ARN of AWS's own policy."""
    tags: Tags
    protect: bool
    """Whether Pulumi refuses to delete the secrets. Without them the data is lost."""
    permissions_boundary_arn: NotRequired[pulumi.Input[str] | None]
    """For accounts that require one on every role."""
    extra_policy_arns: NotRequired[Sequence[str]]
    """Further managed policies of the role. Plain: it decides which resources exist."""
    kms_key_arn: NotRequired[pulumi.Input[str | None]]
    """Key of the secrets. Without one, AWS's key for SSM."""


def files_policy(file_system_arn: str, access_point_arns: Sequence[str]) -> str:
    """Policy to mount and write the stack's file system through its access points only.

    Ignores access points without an ARN, which exist only under mocks.
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
                    # The mount helper calls this if it has botocore and DNS fails.
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
    """Profile of the instance."""
    role_arn: pulumi.Output[str]
    """The role."""
    role_name: pulumi.Output[str]
    """Name of the role, for further policies."""
    credentials_name: pulumi.Output[str]
    """SSM parameter that holds the stack's secrets."""
    credentials_arn: pulumi.Output[str]
    """The same, for policies."""
    secrets: pulumi.Output[Mapping[str, str]]
    """The secrets that the stack generated, by name."""

    @as_run_errors()
    def __init__(self, name: str, args: IdentityArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("geusemaker:index:Identity", name, {}, opts)
        child = ResourceOptions(parent=self)
        tags = args["tags"]
        made = make_instance_role(
            name,
            description="GeuseMaker host: Session Manager and its own file system",
            partition=args["partition"],
            permissions_boundary_arn=args.get("permissions_boundary_arn"),
            tags=tags.named("host"),
            opts=child,
        )
        role = made.role
        files = aws.iam.RolePolicy(
            f"{name}-files",
            role=role.name,
            policy=pulumi.Output.all(args["file_system_arn"], args["access_point_arns"]).apply(
                lambda arns: files_policy(*arns)
            ),
            opts=child,
        )
        credentials, self.secrets = make_credentials(
            f"{name}-credentials",
            protect=args["protect"],
            kms_key_arn=args.get("kms_key_arn"),
            tags=tags,
            parent=self,
        )
        extra = [
            aws.iam.RolePolicyAttachment(
                # Named by the policy, not by its index: removing one keeps the others.
                f"{name}-extra-{arn.partition('::')[2]}",
                role=role.name,
                policy_arn=arn,
                opts=child,
            )
            for arn in args.get("extra_policy_arns", ())
        ]
        self.grants: list[pulumi.Resource] = [made.session_manager, files, credentials, *extra]
        """Resources that must exist before the host boots."""
        self.instance_profile_name = made.profile.name
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
