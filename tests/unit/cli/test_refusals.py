"""What a user reads when AWS refuses to create something for `geusemaker deploy`."""

import re
import shlex
from collections.abc import Mapping
from functools import cache

import jmespath  # type: ignore[import-untyped]
import pytest
from botocore import xform_name
from botocore.session import Session

from .world import World

CREATING = (
    "    error: 1 error occurred:\n        * creating EC2 {what}: operation error {call}, https "
    "response error StatusCode: 400, RequestID: 5d0c9d3c-1f0e-4f7c-9a55-000000000000, api error "
    "{said}"
)
CALLER = "arn:aws:iam::111122223333:user/dev"
VERIFICATION = (
    "PendingVerification: Your request for accessing resources in this region is being validated, "
    "and you will not be able to launch additional resources in this region until the validation "
    "is complete. We will notify you by email once your request has been validated."
)
MISSING = (
    "UnauthorizedOperation: You are not authorized to perform this operation. User: {caller} is "
    "not authorized to perform: ec2:CreateVpc on resource: arn:aws:ec2:us-east-1:111122223333:vpc/*"
    " {why}. Encoded authorization failure message: 4Ai9qvVQYCx3-kKo_"
)
# Names of the AWS CLI that differ from boto3's.
_SERVICES = {"s3api": "s3"}
_EVERYWHERE = {"query", "output", "region"}


_model = cache(Session().get_service_model)


def check_aws(command: str) -> None:
    """Fails for a command that the AWS CLI, whose commands are those of the API, does not have."""
    _, service, name, *words = shlex.split(command)
    model = _model(_SERVICES.get(service, service))
    operations = {xform_name(one, "-"): one for one in model.operation_names}
    shape = model.operation_model(operations[name]).input_shape
    members: Mapping[str, object] = shape.members if shape else {}
    flags = {word[2:].partition("=")[0] for word in words if word.startswith("--")}
    assert flags - _EVERYWHERE <= {xform_name(one, "-") for one in members}, command
    if "--query" in words:
        jmespath.compile(words[words.index("--query") + 1])


REFUSALS = [
    (
        "VPC",
        "EC2: CreateVpc",
        "VpcLimitExceeded: The maximum number of VPCs has been reached.",
        "Or use an existing network, in a new stack: its keys are vpcId and subnetIds.",
        "vpc L-F678F1CE 10 us-east-1",
    ),
    (
        "Internet Gateway",
        "EC2: CreateInternetGateway",
        "InternetGatewayLimitExceeded: The maximum number of internet gateways has been reached.",
        "'VPCs per Region'",
        "vpc L-F678F1CE 10 us-east-1",
    ),
    (
        "Security Group",
        "EC2: CreateSecurityGroup",
        "SecurityGroupLimitExceeded: The maximum number of security groups has been reached.",
        "which is 2,500 by default",
        "vpc L-E79EC296 5000 us-east-1",
    ),
    (
        "EIP",
        "EC2: AllocateAddress",
        "AddressLimitExceeded: The maximum number of addresses has been reached.",
        "without domain, allowedCidrs and webhookCidrs needs no Elastic IP",
        "ec2 L-0263D0A3 10 us-east-1",
    ),
    (
        "Volume",
        "EC2: CreateVolume",
        "VolumeLimitExceeded: You have exceeded your maximum gp3 storage limit of 50 TiB in "
        "this region.",
        "did not create a disk",
        "ebs L-7A658B76 100 us-east-1",
    ),
    (
        "File System",
        "EFS: CreateFileSystem",
        "FileSystemLimitExceeded: You have reached the maximum number of file systems.",
        "did not create the file system",
        "elasticfilesystem L-848C634D 2000 us-east-1",
    ),
    (
        "Bucket",
        "S3: CreateBucket",
        "TooManyBuckets: You have attempted to create more buckets than allowed",
        "the bucket of the settings (TooManyBuckets)",
        "s3 L-DC2B2D3D 20000 us-east-1",
    ),
    (
        "Role",
        "IAM: CreateRole",
        "LimitExceeded: Cannot exceed quota for RolesPerAccount: 1000",
        "'Roles per account' (L-FE177D64), which",
        "iam L-FE177D64 2000 us-east-1",
    ),
    (
        "Instance Profile",
        "IAM: CreateInstanceProfile",
        "LimitExceeded: Cannot exceed quota for InstanceProfilesPerAccount: 1000",
        "did not create the instance profile",
        "iam L-6E65F664 2000 us-east-1",
    ),
    (
        "Vault",
        "Backup: CreateBackupVault",
        "LimitExceededException: Maximum number of backup vaults reached",
        "geusemaker:backupRetentionDays 0`",
        "backup L-7705D2CB 600 us-east-1",
    ),
    (
        "Plan",
        "Backup: CreateBackupPlan",
        "LimitExceededException: Maximum number of backup plans reached",
        "did not create the backup plan",
        "backup L-BD69F607 600 us-east-1",
    ),
    ("Instance", "EC2: RunInstances", VERIFICATION, "do not request an increase", None),
    (
        "Instance",
        "EC2: RunInstances",
        "Blocked: This account is currently blocked and not recognized as a valid account.",
        "https://console.aws.amazon.com/support/home",
        None,
    ),
    (
        "Instance",
        "EC2: RunInstances",
        "InsufficientFreeAddressesInSubnet: The specified subnet does not have enough free "
        "addresses to satisfy the request.",
        "another subnet of the same zone in geusemaker:subnetIds",
        None,
    ),
    (
        "Volume",
        "EC2: CreateVolume",
        "ExpiredToken: The security token included in the request is expired",
        "`aws sso login`",
        None,
    ),
    (
        "VPC",
        "EC2: CreateVpc",
        "OptInRequired: You are not subscribed to this service. Please go to "
        "http://aws.amazon.com to subscribe.",
        "https://portal.aws.amazon.com/billing/signup",
        None,
    ),
    (
        "VPC",
        "EC2: CreateVpc",
        MISSING.format(
            caller=CALLER,
            why="because no identity-based policy allows the ec2:CreateVpc action",
        ),
        f"The caller {CALLER} lacks the permission ec2:CreateVpc (UnauthorizedOperation). No "
        "identity-based policy allows it: add it there",
        None,
    ),
    (
        "VPC",
        "EC2: CreateVpc",
        MISSING.format(caller=CALLER, why="with an explicit deny in a service control policy"),
        "denies it (service control policy), so one more permission does not help",
        None,
    ),
    (
        "VPC",
        "EC2: CreateVpc",
        "UnauthorizedOperation: You are not authorized to perform this operation. Encoded "
        "authorization failure message: -4Ai9qvVQYCx3-kKo_",
        "--encoded-message=-4Ai9qvVQYCx3-kKo_`",
        None,
    ),
]


@pytest.mark.parametrize(
    ("what", "call", "said", "printed", "requested"),
    REFUSALS,
    ids=[f"{row[1]} {row[2].partition(':')[0]}" for row in REFUSALS],
)
def test_a_refusal_is_explained_with_commands_that_exist(
    world: World, what: str, call: str, said: str, printed: str, requested: str | None
) -> None:
    world.config("")
    refusal = CREATING.format(what=what, call=call, said=said)
    world.answers(up_lines=["Updating", *refusal.splitlines()], up_code=1)
    error = world.run("deploy", "--yes", code=1).err
    assert printed in error
    assert f"({said.partition(':')[0]})" in error or "UnauthorizedOperation" in error
    assert "Then run the same command again: it keeps what was created." in error
    commands = re.findall(r"`(aws [^`]+)`", error)
    for command in commands:
        if command != "aws sso login":  # the CLI's own, and no call of the API
            check_aws(command)
    found = [shlex.split(one) for one in commands if "request-service-quota" in one]
    assert [" ".join(one[4::2]) for one in found] == ([requested] if requested else [])


def test_refusals_of_several_calls_name_each_permission_once(world: World) -> None:
    world.config("")
    lines = [
        CREATING.format(
            what="x",
            call="x",
            said=f"AccessDenied: User: {CALLER} is not authorized to perform: {one}",
        )
        for one in ("iam:CreateRole", "s3:CreateBucket", "iam:CreateRole")
    ]
    world.answers(up_lines="\n".join(lines).splitlines(), up_code=1)
    assert (
        "lacks the permissions iam:CreateRole, s3:CreateBucket (AccessDenied)"
        in world.run("deploy", "--yes", code=1).err
    )
