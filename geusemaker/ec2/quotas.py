"""EC2's vCPU quotas: the quota of an instance type, and the fix if a quota or AWS is exhausted.

No AWS calls. Per account and Region, EC2 counts the vCPUs of all *running* on-demand instances in a
group of families; stopped ones do not count. Sources of names, codes and defaults: the EC2 User
Guide on on-demand instances, and the answers of ListServiceQuotas.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

from geusemaker.ec2.instance_types import USUAL_INSTANCE_TYPE, architecture_of, usual_type

Market = Literal["on-demand", "spot"]
"""How an instance is bought."""

SERVICE: Final = "ec2"
"""The service code of EC2 in Service Quotas."""


@dataclass(frozen=True, slots=True)
class Quota:
    """One quota.

    Attributes:
        name: As AWS's console shows it.
        code: Such as "L-DB2E81BA"; the same in every account and Region.
        of_new_account: Default as AWS documents it, of instances in vCPUs. AWS often raises it
            over time.
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
    # im4gn and is4gen count as I, gr6 as G. Mac types need a dedicated host and have no quota here.
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

_SPOT: Final[dict[str, Quota]] = {
    **dict.fromkeys(
        ("a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z"),
        Quota("All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests", "L-34B43A08", 5),
    ),
    **dict.fromkeys(("g", "gr", "vt"), Quota("All G and VT Spot Instance Requests", "L-3819A6DF")),
    # P5 and later have another, which is not known here.
    **dict.fromkeys(
        ("p2", "p3", "p3dn", "p4d", "p4de"),
        Quota("All P4, P3 and P2 Spot Instance Requests", "L-7212CCBC"),
    ),
}
"""By series, or by family. Spot instances do not count for the quotas of on-demand ones."""

QUOTAS: Final = tuple(dict.fromkeys(_SERIES.values()))
"""All quotas of on-demand instances, without duplicates."""

SPOT_QUOTAS: Final = tuple(dict.fromkeys(_SPOT.values()))
"""The quotas of Spot instances that are known here."""

# Types whose size does not give the vCPUs: no hyperthreading, or older than the rule.
_IRREGULAR: Final = ("hpc", "c1.", "c4.", "d2.", "m2.")
_SIZE: Final = re.compile(r"([0-9]*)xlarge")
_NEXT_SIZE: Final = {"large": "xlarge", "xlarge": "2xlarge", "2xlarge": "4xlarge"}
# The two GPU families that most Regions offer, and the sizes that both have.
_GPU_FAMILIES: Final = ("g5", "g4dn")
_GPU_SIZES: Final = ("xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge")

_OVER_QUOTA: Final = re.compile(r"\bVcpuLimitExceeded\b")
_NO_CAPACITY: Final = re.compile(r"\bInsufficientInstanceCapacity\b")
_LIMIT: Final = re.compile(r"current vCPU limit of ([0-9]+)")
_FULL_TYPE: Final = re.compile(r"sufficient ([a-z0-9.-]+) capacity")
_FULL_ZONE: Final = re.compile(r"Availability Zone you requested \(([a-z0-9-]+)\)")
_RESTART: Final = re.compile(r"\bStartInstances\b")


def quota_of(instance_type: str, market: Market = "on-demand") -> Quota | None:
    """The quota of a type; None for Mac types and for unknown series."""
    found = re.match("[a-z]*", instance_type)
    series = found.group() if found else ""
    if market == "spot":
        return _SPOT.get(series) or _SPOT.get(instance_type.partition(".")[0])
    return _SERIES.get(series)


def vcpus_of(instance_type: str) -> int | None:
    """vCPUs by the size in the name; None if the size does not give them, as in `t3.nano`."""
    size = instance_type.partition(".")[2]
    if instance_type.startswith(_IRREGULAR):
        return None
    if size == "large":
        return 2
    match = _SIZE.fullmatch(size)
    return 4 * int(match[1] or 1) if match else None


def request_command(quota: Quota, value: int, region: str, service: str = SERVICE) -> str:
    """The command that requests an increase of the quota to `value` in a Region."""
    return (
        f"aws service-quotas request-service-quota-increase --service-code {service} "
        f"--quota-code {quota.code} --desired-value {value} --region {region}"
    )


def alternative(instance_type: str) -> str | None:
    """A type to use while the quota is exhausted: the default type, or a smaller one.

    It has the same architecture, so that the image stays. None if no smaller type is known.
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
    """Explain why AWS did not start the host, with the commands that fix it.

    Args:
        text: Output of AWS, Pulumi or boto3; line breaks do not matter.
        instance_type: Type of the stack's host.
        region: Region of the stack.
        vcpus: vCPUs of the type, if known; by default derived from its name.
        by_hand: Whether `geusemaker start` was refused, for a host that the user had stopped.

    Returns:
        One paragraph, or None if the text reports neither a full quota nor missing capacity.
    """
    output = " ".join(text.split())
    if _OVER_QUOTA.search(output):
        known = vcpus or vcpus_of(instance_type)
        return _over_quota(output, instance_type, region, known, by_hand)
    if _NO_CAPACITY.search(output):
        return _no_capacity(output, instance_type, region, by_hand)
    return None


def _over_quota(
    output: str, instance_type: str, region: str, vcpus: int | None, by_hand: bool
) -> str:
    quota = quota_of(instance_type)
    known_limit = _LIMIT.search(output)
    limit = int(known_limit[1]) if known_limit else 0
    text = (
        f"AWS did not start a host of type {instance_type} in {region} (VcpuLimitExceeded): the "
        f"account's quota there is {f'{limit} vCPUs' if known_limit else 'limited'}, and the "
        f"running instances plus the {f'{vcpus} vCPUs' if vcpus else 'vCPUs'} of {instance_type} "
        "exceed it. "
    )
    if quota is None:
        text += (
            "Find the quota in the console under Service Quotas, Amazon EC2, or with `aws "
            f"service-quotas list-service-quotas --service-code {SERVICE} --region {region}`, and "
            "request an increase there."
        )
    else:
        if quota is not STANDARD:
            text += "New accounts have a quota of 0 for types with a GPU or another accelerator. "
        # Other instances may use the whole current limit, so add two hosts to it.
        wanted = limit + 2 * (vcpus or vcpus_of(USUAL_INSTANCE_TYPE["x86_64"]) or 0)
        text += (
            f"Request an increase of the quota {quota.name!r} ({quota.code}) in the console under "
            f"Service Quotas, Amazon EC2, or with `{request_command(quota, wanted, region)}`; AWS "
            "answers in minutes to days. This value allows two hosts, because a replaced host runs "
            "for some minutes next to the new one."
        )
    if other := alternative(instance_type):
        kind = "a smaller type" if quota is STANDARD else "the default type, in another quota"
        text += f" Until then, use {kind}: `{_set_type(other, output)}`."
    return f"{text} {_host_state(output, by_hand)}"


def _no_capacity(output: str, instance_type: str, region: str, by_hand: bool) -> str:
    named, zone = _FULL_TYPE.search(output), _FULL_ZONE.search(output)
    full = named[1] if named else instance_type
    where = zone[1] if zone else f"one zone of {region}"
    again = (
        "Run `geusemaker start`"
        if _RESTART.search(output) and not by_hand
        else "Run the same command again"
    )
    offers = (
        "aws ec2 describe-instance-type-offerings --location-type availability-zone "
        f"--filters Name=location,Values={zone[1] if zone else f'{region}a'} --region {region}"
    )
    return (
        f"AWS has no free capacity for type {full} in {where} now (InsufficientInstanceCapacity). "
        "This is a shortage at AWS, not a quota and not a fault of the stack. "
        f"{_host_state(output, by_hand)} {again} later, or use another "
        f"size or family of architecture {architecture_of(full)}: "
        f"`{_set_type(another_size(full), output)}` (`{offers}` lists the types that the zone "
        "offers). The host stays in the zone of its data volume; only a new stack can use "
        "another Region, before its first deployment."
    )


def _set_type(instance_type: str, output: str) -> str:
    """The command that sets another type, and starts a host that is stopped for it."""
    setting = f"pulumi config set geusemaker:instanceType {instance_type}"
    return f"{setting} && pulumi up" if _RESTART.search(output) else setting


def _host_state(output: str, by_hand: bool) -> str:
    """The state of the previous host. Only a change of its type stops it."""
    if by_hand:
        return "The host is still stopped; its data is unchanged."
    if _RESTART.search(output):
        return (
            "The host was stopped to change its type and is still stopped; its data is unchanged. "
            "EC2 and Pulumi already record the new type, so another `pulumi up` does not start it; "
            "run `geusemaker start` when AWS allows it. With any other type, also the previous "
            "one, `pulumi up` starts it."
        )
    return "A running host and the data are unchanged."


def another_size(instance_type: str) -> str:
    """An existing type of the same architecture: of another GPU family, or of the usual family."""
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
