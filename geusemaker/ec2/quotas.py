"""EC2's vCPU quotas: which one counts an instance type, and what to do when it, or AWS, is full.

Pure: no AWS call. EC2 counts the vCPUs of all *running* on-demand instances of a bucket of
families, per account and Region; stopped ones do not count. Names, codes and what a new account
has are AWS's: the EC2 User Guide on on-demand instances, and what ListServiceQuotas answers.
"""

import re
from dataclasses import dataclass
from typing import Final

from geusemaker.ec2.instance_types import USUAL_INSTANCE_TYPE, architecture_of, usual_type

SERVICE: Final = "ec2"
"""The service code of these quotas."""


@dataclass(frozen=True, slots=True)
class Quota:
    """One quota of running on-demand instances.

    Attributes:
        name: As AWS's console shows it.
        code: Such as "L-DB2E81BA"; the same in every account and Region.
        of_new_account: vCPUs that AWS documents as the default. Accounts often get more in time.
    """

    name: str
    code: str
    of_new_account: int = 0


STANDARD: Final = Quota(
    "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", "L-1216C47A", 5
)
G_AND_VT: Final = Quota("Running On-Demand G and VT instances", "L-DB2E81BA")
P: Final = Quota("Running On-Demand P instances", "L-417A185B")

_SERIES: Final[dict[str, Quota]] = {
    # im4gn and is4gen belong to I, gr6 to G. Mac types are no part: they need a dedicated host.
    **dict.fromkeys(("a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z"), STANDARD),
    **dict.fromkeys(("g", "gr", "vt"), G_AND_VT),
    "p": P,
    "inf": Quota("Running On-Demand Inf instances", "L-1945791B"),
    "trn": Quota("Running On-Demand Trn instances", "L-2C3B7624"),
    "x": Quota("Running On-Demand X instances", "L-7295265B"),
    "f": Quota("Running On-Demand F instances", "L-74FC7D96"),
    "dl": Quota("Running On-Demand DL instances", "L-6E869C2A"),
    "u": Quota("Running On-Demand High Memory instances", "L-43DA4232"),
    "hpc": Quota("Running On-Demand HPC instances", "L-F7808C92"),
}

QUOTAS: Final = tuple(dict.fromkeys(_SERIES.values()))
"""Each of them once."""

# Where the size does not tell the vCPUs: without hyperthreads, or older than the rule.
_IRREGULAR: Final = ("hpc", "c1.", "c4.", "d2.", "m2.")
_SIZE: Final = re.compile(r"([0-9]*)xlarge")
_NEXT_SIZE: Final = {"large": "xlarge", "xlarge": "2xlarge", "2xlarge": "4xlarge"}
# The two GPU families that most Regions have, and the sizes of both.
_GPU_FAMILIES: Final = ("g5", "g4dn")
_GPU_SIZES: Final = ("xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge")

_OVER_QUOTA: Final = re.compile(r"\bVcpuLimitExceeded\b")
_NO_CAPACITY: Final = re.compile(r"\bInsufficientInstanceCapacity\b")
_LIMIT: Final = re.compile(r"current vCPU limit of ([0-9]+)")
_FULL_TYPE: Final = re.compile(r"sufficient ([a-z0-9.-]+) capacity")
_FULL_ZONE: Final = re.compile(r"Availability Zone you requested \(([a-z0-9-]+)\)")
_RESTART: Final = re.compile(r"\bStartInstances\b")


def quota_of(instance_type: str) -> Quota | None:
    """The quota that counts a type; None for Mac types and for series that came later."""
    series = re.match("[a-z]*", instance_type)
    return _SERIES.get(series.group()) if series else None


def vcpus_of(instance_type: str) -> int | None:
    """vCPUs by the size in the name; None where it does not tell them, as in `t3.nano`."""
    size = instance_type.partition(".")[2]
    if instance_type.startswith(_IRREGULAR):
        return None
    if size == "large":
        return 2
    match = _SIZE.fullmatch(size)
    return 4 * int(match[1] or 1) if match else None


def request_command(quota: Quota, vcpus: int, region: str) -> str:
    """The command that asks AWS to raise the quota to `vcpus` in a Region."""
    return (
        f"aws service-quotas request-service-quota-increase --service-code {SERVICE} "
        f"--quota-code {quota.code} --desired-value {vcpus} --region {region}"
    )


def way_round(instance_type: str) -> str | None:
    """A type that a full quota may still allow: the usual one of another quota, or a smaller one.

    Of the same architecture, so that the image stays. None where there is no smaller one to name.
    """
    usual = usual_type(instance_type)
    if quota_of(instance_type) is not STANDARD:
        return usual
    smaller = f"{usual.partition('.')[0]}.large"
    return smaller if (vcpus_of(instance_type) or 0) > (vcpus_of(smaller) or 0) else None


def explain(
    text: str,
    instance_type: str,
    region: str,
    *,
    vcpus: int | None = None,
    by_hand: bool = False,
) -> str | None:
    """What AWS's refusal to start the host means, and the commands that fix it.

    Args:
        text: Whatever AWS, Pulumi or boto3 said; line breaks do not matter.
        instance_type: The stack's.
        region: The stack's.
        vcpus: Those of the type, where they are known; by its name otherwise.
        by_hand: Whether the user had stopped the host, and `geusemaker start` was refused.

    Returns:
        One paragraph, or None when the text is about something else.
    """
    said = " ".join(text.split())
    if _OVER_QUOTA.search(said):
        known = vcpus or vcpus_of(instance_type)
        return _over_quota(said, instance_type, region, known, by_hand)
    if _NO_CAPACITY.search(said):
        return _no_capacity(said, instance_type, region, by_hand)
    return None


def _over_quota(
    said: str, instance_type: str, region: str, vcpus: int | None, by_hand: bool
) -> str:
    quota = quota_of(instance_type)
    stands_at = _LIMIT.search(said)
    limit = int(stands_at[1]) if stands_at else 0
    told = (
        f"AWS did not start a host of type {instance_type} in {region} (VcpuLimitExceeded): the "
        f"account may run {f'{limit} vCPUs' if stands_at else 'only so many vCPUs'} of its family "
        f"there, and what runs already plus the {vcpus or 'vCPUs'} of {instance_type} is more. "
    )
    if quota is None:
        told += (
            "Find the quota in the console under Service Quotas, Amazon EC2, or by `aws "
            f"service-quotas list-service-quotas --service-code {SERVICE} --region {region}`, and "
            "ask for more there."
        )
    else:
        if quota is not STANDARD:
            told += "New accounts have 0 for types with a GPU or another accelerator. "
        # What else runs may fill the quota up to its limit, so this holds two hosts beside it.
        wanted = limit + 2 * (vcpus or vcpus_of(USUAL_INSTANCE_TYPE["x86_64"]) or 0)
        told += (
            f"Ask AWS for more of the quota {quota.name!r} ({quota.code}), in the console under "
            f"Service Quotas, Amazon EC2, or by `{request_command(quota, wanted, region)}`; the "
            "answer takes minutes to days. That is enough for two hosts, since the old one runs on "
            "for some minutes while a new one takes its place."
        )
    if other := way_round(instance_type):
        kind = "a smaller type" if quota is STANDARD else "the usual type, on another quota"
        told += f" Until then, {kind}: `{_taking(other, said)}`."
    return f"{told} {_what_stands(said, by_hand)}"


def _no_capacity(said: str, instance_type: str, region: str, by_hand: bool) -> str:
    named, zone = _FULL_TYPE.search(said), _FULL_ZONE.search(said)
    full = named[1] if named else instance_type
    where = zone[1] if zone else f"one zone of {region}"
    again = (
        "Try `geusemaker start`"
        if _RESTART.search(said) and not by_hand
        else "Run the same command again"
    )
    offers = (
        "aws ec2 describe-instance-type-offerings --location-type availability-zone "
        f"--filters Name=location,Values={zone[1] if zone else f'{region}a'} --region {region}"
    )
    return (
        f"AWS has no free host of type {full} in {where} right now (InsufficientInstanceCapacity): "
        "it is a shortage on AWS's side, and neither a quota nor a fault of the stack. "
        f"{_what_stands(said, by_hand)} {again} in a while; or take another "
        f"size or another family of architecture {architecture_of(full)}: "
        f"`{_taking(_another_size(full), said)}` (`{offers}` lists what the zone offers at "
        "all). The host stays in the zone of its data volume; only a new stack can go to "
        "another Region, before its first deployment."
    )


def _taking(instance_type: str, said: str) -> str:
    """The command that takes another type, and starts the host where it is stopped."""
    setting = f"pulumi config set geusemaker:instanceType {instance_type}"
    return f"{setting} && pulumi up" if _RESTART.search(said) else setting


def _what_stands(said: str, by_hand: bool) -> str:
    """What became of the host that ran before: only a change of type stops it first."""
    if by_hand:
        return "The host is still stopped; its data is untouched."
    if _RESTART.search(said):
        return (
            "The host was stopped to change its type and is still stopped; its data is untouched. "
            "EC2 and Pulumi have it as the new type now, so the same `pulumi up` again does not "
            "start it: `geusemaker start` does, once AWS lets it. Any other type, the one it had "
            "before too, starts with `pulumi up`."
        )
    return "A host that runs already, and the data, are untouched."


def _another_size(instance_type: str) -> str:
    """A type like it that exists: of another family with a GPU, or of the usual family."""
    family, _, size = instance_type.partition(".")
    architecture = architecture_of(instance_type)
    if quota_of(instance_type) in (G_AND_VT, P):
        if architecture == "arm64":  # g5g is the only one
            return f"g5g.{_NEXT_SIZE.get(size, 'xlarge')}"
        other = _GPU_FAMILIES[1] if family == _GPU_FAMILIES[0] else _GPU_FAMILIES[0]
        return f"{other}.{size if size in _GPU_SIZES else 'xlarge'}"
    usual = USUAL_INSTANCE_TYPE[architecture].partition(".")[0]
    if family == usual:
        return f"{usual}.{_NEXT_SIZE.get(size, 'xlarge')}"
    return f"{usual}.{size if size in _NEXT_SIZE else 'xlarge'}"
