"""Why AWS refused to create something for the stack, and the fix. No AWS calls.

Beside the refusals to start the host (`quotas`): a full quota, an account that AWS verifies or has
blocked, a missing permission. Sources of quotas: the pages on quotas of Amazon VPC, EC2, EBS, EFS,
S3, IAM and AWS Backup.
"""

import re
from dataclasses import dataclass
from typing import Final

from geusemaker.ec2 import quotas
from geusemaker.ec2.quotas import Quota, request_command


@dataclass(frozen=True, slots=True)
class _Full:
    """A quota that a create of the stack can exhaust.

    Attributes:
        refusal: Matches AWS's text; its first group is the code.
        what: What was not created.
        service: The service's code in Service Quotas.
        listing: The command that lists what counts.
        otherwise: How the stack works without it, as a sentence.
        is_global: Whether the quota is the account's, which us-east-1 keeps for all Regions.
    """

    refusal: re.Pattern[str]
    what: str
    quota: Quota
    service: str
    listing: str
    otherwise: str = ""
    is_global: bool = False


# AWS raises the quota of gateways with that of VPCs.
_VPCS: Final = Quota("VPCs per Region", "L-F678F1CE", 5)
# The network of a stack is kept from its first deployment, also from one that failed.
_OTHER_NETWORK: Final = (
    "Or use an existing network, in a new stack: its keys are vpcId and subnetIds."
)
_NO_COPIES: Final = (
    "A stack without copies needs none: `pulumi config set geusemaker:backupRetentionDays 0`."
)
_TEXT: Final = "--output text"

_FULL: Final = (
    _Full(
        re.compile(r"\b(VpcLimitExceeded)\b"),
        "the VPC",
        _VPCS,
        "vpc",
        f"aws ec2 describe-vpcs --query 'Vpcs[].[VpcId,IsDefault,CidrBlock]' {_TEXT}",
        _OTHER_NETWORK,
    ),
    _Full(
        re.compile(r"\b(InternetGatewayLimitExceeded)\b"),
        "the internet gateway",
        _VPCS,
        "vpc",
        "aws ec2 describe-internet-gateways --query "
        f"'InternetGateways[].[InternetGatewayId,Attachments[0].VpcId]' {_TEXT}",
        _OTHER_NETWORK,
    ),
    _Full(
        re.compile(r"\b(SecurityGroupLimitExceeded)\b"),
        "a security group",
        Quota("VPC security groups per Region", "L-E79EC296", 2500),
        "vpc",
        f"aws ec2 describe-security-groups --query 'SecurityGroups[].[GroupId,GroupName]' {_TEXT}",
    ),
    _Full(
        re.compile(r"\b(AddressLimitExceeded)\b"),
        "the Elastic IP",
        Quota("EC2-VPC Elastic IPs", "L-0263D0A3", 5),
        "ec2",
        "aws ec2 describe-addresses --query "
        f"'Addresses[].[PublicIp,AllocationId,AssociationId]' {_TEXT}",
        "In a network of its own, a stack without domain, allowedCidrs and webhookCidrs needs no "
        "Elastic IP.",
    ),
    _Full(
        re.compile(r"\b(VolumeLimitExceeded)\b"),
        "a disk",
        Quota("Storage for General Purpose SSD (gp3) volumes, in TiB", "L-7A658B76", 50),
        "ebs",
        "aws ec2 describe-volumes --filters Name=volume-type,Values=gp3 --query "
        f"'Volumes[].[VolumeId,Size,State]' {_TEXT}",
    ),
    _Full(
        re.compile(r"\b(FileSystemLimitExceeded)\b"),
        "the file system",
        Quota("File systems per account", "L-848C634D", 1000),
        "elasticfilesystem",
        f"aws efs describe-file-systems --query 'FileSystems[].[FileSystemId,Name]' {_TEXT}",
    ),
    _Full(
        re.compile(r"\b(TooManyBuckets)\b"),
        "the bucket of the settings",
        Quota("Buckets", "L-DC2B2D3D", 10_000),
        "s3",
        f"aws s3api list-buckets --query 'Buckets[].Name' {_TEXT}",
        is_global=True,
    ),
    _Full(
        re.compile(r"\b(LimitExceeded): Cannot exceed quota for RolesPerAccount"),
        "a role",
        Quota("Roles per account", "L-FE177D64", 1000),
        "iam",
        f"aws iam list-roles --query 'Roles[].RoleName' {_TEXT}",
        is_global=True,
    ),
    _Full(
        re.compile(r"\b(LimitExceeded): Cannot exceed quota for InstanceProfilesPerAccount"),
        "the instance profile",
        Quota("Instance profiles per account", "L-6E65F664", 1000),
        "iam",
        f"aws iam list-instance-profiles --query 'InstanceProfiles[].InstanceProfileName' {_TEXT}",
        is_global=True,
    ),
    _Full(
        re.compile(r"\bCreateBackupVault\b.{0,300}?\b(LimitExceededException)\b"),
        "the backup vault",
        Quota("Backup vaults per Region per account", "L-7705D2CB", 300),
        "backup",
        f"aws backup list-backup-vaults --query 'BackupVaultList[].BackupVaultName' {_TEXT}",
        _NO_COPIES,
    ),
    _Full(
        re.compile(r"\bCreateBackupPlan\b.{0,300}?\b(LimitExceededException)\b"),
        "the backup plan",
        Quota("Backup plans per Region per account", "L-BD69F607", 300),
        "backup",
        f"aws backup list-backup-plans --query 'BackupPlansList[].BackupPlanName' {_TEXT}",
        _NO_COPIES,
    ),
)

_VERIFIED: Final = re.compile(r"\bPendingVerification\b")
_BLOCKED: Final = re.compile(r"\bapi error Blocked\b|\(Blocked\)|\bfailed with Blocked\b")
_NO_ADDRESS: Final = re.compile(
    r"\b(?:InsufficientFreeAddressesInSubnet|NoFreeAddressesInSubnet)\b"
)
_EXPIRED: Final = re.compile(r"\bapi error (?P<code>ExpiredToken(?:Exception)?|RequestExpired)\b")
_OPT_IN: Final = re.compile(r"\bOptInRequired\b")
_DENIED: Final = re.compile(
    r"\b(?P<code>UnauthorizedOperation|AccessDenied(?:Exception)?)\b"
    r"(?P<said>(?:(?!\bapi error\b).)*)"
)
_MISSING: Final = re.compile(
    r"User: (?P<caller>\S+) is not authorized to perform: (?P<permission>[a-z0-9-]+:[A-Za-z]+)"
)
_EXPLICIT: Final = re.compile(r"with an explicit deny(?: in an? (?P<policy>[a-z][a-z -]*[a-z]))?")
_ALLOWING: Final = re.compile(r"because no (?P<policy>[a-z][a-z -]*?[a-z]) allows")
_ENCODED: Final = re.compile(r"(?i)encoded authorization failure message: (?P<message>[\w-]+)")

_AGAIN: Final = "Then run the same command again: it keeps what was created."
_STOPPED: Final = "Then start it again. The host is still stopped; its data is unchanged."


def explain(
    text: str,
    instance_type: str,
    region: str,
    *,
    by_hand: bool = False,
) -> str | None:
    """Explain a refusal of AWS, with the commands that fix it.

    Args:
        text: Output of AWS, Pulumi or boto3; line breaks do not matter.
        instance_type: Type of the stack's host.
        region: Region of the stack.
        by_hand: Whether `geusemaker start` was refused, for a host that the user had stopped.
            Its error already explains permissions and credentials.

    Returns:
        One paragraph, or None for a refusal that is unknown here.
    """
    if host := quotas.explain(text, instance_type, region, by_hand=by_hand):
        return host
    output = " ".join(text.split())
    for full in _FULL:
        if match := full.refusal.search(output):
            return _over_quota(full, match[1], region)
    if _VERIFIED.search(output):
        return _verified(region, _STOPPED if by_hand else _AGAIN)
    if _BLOCKED.search(output):
        return _blocked(_STOPPED if by_hand else _AGAIN)
    if by_hand:
        return None
    if full_subnet := _NO_ADDRESS.search(output):
        return _no_address(full_subnet[0], region)
    if expired := _EXPIRED.search(output):
        return _expired(expired["code"])
    if _OPT_IN.search(output):
        return _not_registered(region)
    return _denied(output)


def _over_quota(full: _Full, code: str, region: str) -> str:
    quota, where = full.quota, "us-east-1" if full.is_global else region
    listing = full.listing if full.is_global else f"{full.listing} --region {region}"
    limit = f"{quota.of_new_account:,}"
    paragraph = (
        f"AWS did not create {full.what} ({code}): the account has reached its quota "
        f"{quota.name!r} ({quota.code}){'' if full.is_global else f' in {region}'}, which is "
        f"{limit} by default. Delete what nothing uses (`{listing}` lists what counts), or request "
        "a value above the current one: "
        f"`{request_command(quota, 2 * quota.of_new_account, where, full.service)}`; AWS answers "
        f"in minutes to days. {_AGAIN}"
    )
    return f"{paragraph} {full.otherwise}".rstrip()


def _verified(region: str, then: str) -> str:
    return (
        f"AWS starts no host and creates no disk for this account in {region} yet "
        "(PendingVerification): it verifies a new account, and one that is new in a Region. That "
        "is no quota, so do not request an increase. It takes minutes, at most 4 hours, and AWS "
        "sends an e-mail at its end; if it takes longer, write to aws-verification@amazon.com. "
        f"{then}"
    )


def _blocked(then: str) -> str:
    return (
        "AWS has blocked this account (Blocked), and starts nothing for it. Only AWS can lift "
        "that, usually after a check of the owner or the payment: open a case on the account at "
        "https://console.aws.amazon.com/support/home (`aws sts get-caller-identity` shows which "
        f"account it is). {then}"
    )


def _no_address(code: str, region: str) -> str:
    return (
        f"A subnet of the stack has no free address ({code}). The host and each mount target of "
        "the file system need one: `aws ec2 describe-subnets --query "
        f"'Subnets[].[SubnetId,AvailabilityZone,AvailableIpAddressCount]' {_TEXT} --region {region}"
        "` shows how many are free. Free some, or name another subnet of the same zone in "
        f"geusemaker:subnetIds. {_AGAIN}"
    )


def _expired(code: str) -> str:
    return (
        f"The AWS credentials expired during the run ({code}). Log in again with `aws sso login`, "
        f"or export new keys. {_AGAIN}"
    )


def _not_registered(region: str) -> str:
    return (
        "AWS does not serve this account (OptInRequired): its registration is not complete, or the "
        f"Region {region} is not enabled in it. Complete the registration at "
        "https://portal.aws.amazon.com/billing/signup: payment method, phone number, support plan. "
        f"`aws account get-region-opt-status --region-name {region}` shows the status of the "
        f"Region, and `aws account enable-region --region-name {region}` enables it within minutes "
        f"to hours. {_AGAIN}"
    )


def _denied(output: str) -> str | None:
    refused = _DENIED.search(output)
    if refused is None:
        return None
    missing = list(_MISSING.finditer(output))
    if not missing:
        return _encoded(refused)
    names = list(dict.fromkeys(one["permission"] for one in missing))
    text = (
        f"The caller {missing[0]['caller']} lacks the permission{'s'[: len(names) - 1]} "
        f"{', '.join(names)} ({refused['code']}). "
    )
    if explicit := _EXPLICIT.search(output):
        return text + (
            f"A policy denies it ({explicit['policy'] or 'AWS does not name it'}), so one more "
            f"permission does not help: ask the administrator of the account. {_AGAIN}"
        )
    kind = _ALLOWING.search(output)
    return text + (
        f"No {kind['policy'] if kind else 'policy'} allows it: add it there, or ask the "
        "administrator of the account. `aws sts get-caller-identity` shows who runs this, and "
        f"docs/your-own-account.md lists the permissions for a whole stack. {_AGAIN}"
    )


def _encoded(refused: re.Match[str]) -> str | None:
    """For older texts of AWS, which name neither caller nor permission."""
    encoded = _ENCODED.search(refused["said"])
    if encoded is None:
        return None
    return (
        f"AWS refuses a call for a missing permission ({refused['code']}), and names it only in an "
        "encoded message. With the permission sts:DecodeAuthorizationMessage this shows action and "
        "resource: `aws sts decode-authorization-message --query DecodedMessage --output text "
        f"--encoded-message={encoded['message']}`. Add the action to the caller's policies, or ask "
        f"the administrator of the account. {_AGAIN}"
    )
