"""Why a group of workers could not start one, and the fix. No AWS calls.

An Auto Scaling group keeps AWS's refusal as the text of an activity, in most cases without the code
of EC2. It tries again by itself. Sources of the texts: the Auto Scaling User Guide on failed
launches, and activities that users of groups have published.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from geusemaker.ec2.quotas import Market, another_size, quota_of, request_command, vcpus_of
from geusemaker.messages import as_text

_LIMIT: Final = re.compile(r"current vCPU limit of ([0-9]+)")
_FULL_TYPE: Final = re.compile(r"sufficient ([a-z0-9.-]+) capacity")
_ZONE: Final = re.compile(r"Availability Zone you requested \(([a-z0-9-]+)\)")
_UNSUPPORTED: Final = re.compile(
    r"instance type \(([a-z0-9.-]+)\) is not supported in your requested Availability Zone"
    r"(?: \(([a-z0-9-]+)\))?"
)


@dataclass(frozen=True, slots=True)
class _Launch:
    message: str
    types: Sequence[str]
    market: Market
    region: str


def explain(message: str, *, group: str, types: Sequence[str], market: Market, region: str) -> str:
    """Explain the message of a failed activity, with the commands that fix it.

    Args:
        message: AWS's message; line breaks do not matter.
        group: Name of the group.
        types: Instance types of the workers, the preferred one first.
        market: How they are bought.
        region: Region of the group.

    Returns:
        One paragraph. A message that is unknown here is quoted.
    """
    launch = _Launch(" ".join(message.split()), types, market, region)
    for pattern, words in _KNOWN:
        if types and pattern.search(launch.message):
            return f"AWS did not start a worker: {words(launch)} The group tries again by itself."
    return (
        f"AWS did not start a worker: {launch.message.rstrip('.')}. `aws autoscaling "
        f"describe-scaling-activities --auto-scaling-group-name {group} --region {region}` shows "
        "each try."
    )


def _over_quota(launch: _Launch) -> str:
    kind = launch.types[0]
    quota = quota_of(kind, launch.market)
    limit = _LIMIT.search(launch.message)
    if quota is None:
        return (
            f"a vCPU quota of the account in {launch.region} is full. `aws service-quotas "
            f"list-service-quotas --service-code ec2 --region {launch.region}` lists the quotas."
        )
    wanted = (int(limit[1]) if limit else 0) + 2 * (vcpus_of(kind) or 4)
    return (
        f"the quota {quota.name!r} ({quota.code}) in {launch.region} is full"
        f"{f' at {limit[1]} vCPUs' if limit else ''}. Request a value above the current one: "
        f"`{request_command(quota, wanted, launch.region)}`; AWS answers in minutes to days. "
        "Until then, fewer or smaller workers fit, by geusemaker:workers and "
        "geusemaker:workerInstanceTypes."
    )


def _no_capacity(launch: _Launch) -> str:
    named, zone = _FULL_TYPE.search(launch.message), _ZONE.search(launch.message)
    full = named[1] if named else launch.types[0]
    market = "Spot" if launch.market == "spot" else "free"
    text = (
        f"AWS has no {market} capacity for {full} in {zone[1] if zone else launch.region} now. "
        f"This is no quota. More types help: {_set_types(launch)}"
    )
    if launch.market == "spot":
        text += (
            ", and on-demand workers have more capacity: "
            "`pulumi config set geusemaker:workerMarket on-demand && pulumi up`"
        )
    return f"{text}."


def _set_types(launch: _Launch) -> str:
    more = dict.fromkeys([*launch.types, *map(another_size, launch.types)])
    return f"`pulumi config set geusemaker:workerInstanceTypes {as_text(list(more))} && pulumi up`"


def _unsupported(launch: _Launch) -> str:
    found = _UNSUPPORTED.search(launch.message)
    kind, zone = (found[1], found[2]) if found else (launch.types[0], None)
    return (
        f"the zone {zone or 'of a subnet'} does not offer {kind}. `aws ec2 "
        "describe-instance-type-offerings --location-type availability-zone --filters "
        f"Name=instance-type,Values={kind} --region {launch.region}` shows the zones that do; "
        f"another type: {_set_types(launch)}."
    )


def _no_address(launch: _Launch) -> str:
    return (
        "a subnet of the stack has no free address. `aws ec2 describe-subnets --query "
        "'Subnets[].[SubnetId,AvailabilityZone,AvailableIpAddressCount]' --output text --region "
        f"{launch.region}` shows how many each has; delete what uses them."
    )


def _no_key(_: _Launch) -> str:
    return (
        "its disk could not be opened, in most cases because Auto Scaling may not use the KMS key "
        "(`pulumi config get geusemaker:kmsKeyArn`), or the key is disabled. `aws iam "
        "create-service-linked-role --aws-service-name autoscaling.amazonaws.com` creates Auto "
        "Scaling's role if the account has none, and `pulumi up --refresh` gives it the key."
    )


def _no_role(launch: _Launch) -> str:
    service = "spot" if launch.market == "spot" and "Spot" in launch.message else "autoscaling"
    return (
        f"the account lacks the service-linked role of {service}.amazonaws.com: `aws iam "
        f"create-service-linked-role --aws-service-name {service}.amazonaws.com` creates it."
    )


_KNOWN: Final[tuple[tuple[re.Pattern[str], Callable[[_Launch], str]], ...]] = (
    (
        re.compile(
            r"\bVcpuLimitExceeded\b|\bMaxSpotInstanceCountExceeded\b|current vCPU limit"
            r"|(?i:max spot instance count exceeded)"
        ),
        _over_quota,
    ),
    (_UNSUPPORTED, _unsupported),
    (
        re.compile(
            r"\bInsufficientInstanceCapacity\b|\bUnfulfillableCapacity\b|\bsufficient \S+ capacity"
            r"|no Spot capacity available"
        ),
        _no_capacity,
    ),
    (re.compile(r"free addresses in subnet|FreeAddressesInSubnet"), _no_address),
    (re.compile(r"\bClient\.InternalError\b|\bInvalidKMSKey\b|\bKMSKey"), _no_key),
    (re.compile(r"(?i)service-?linked-?role"), _no_role),
)
