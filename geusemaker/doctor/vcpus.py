"""Whether the account's vCPU quota holds the host, and a second one while it is replaced."""

import contextlib
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from geusemaker.doctor.account import AWS_ERRORS
from geusemaker.doctor.check import NO_CREDENTIALS, NO_REGION, Check, Place
from geusemaker.doctor.refusals import is_no_permission, said
from geusemaker.ec2.instance_types import InstanceType
from geusemaker.ec2.quotas import SERVICE, Quota, alternative, quota_of, request_command, vcpus_of
from geusemaker.errors import GeuseMakerError
from geusemaker.services.aws_errors import code_of

NAME: Final = "vCPU quota"


class Unseen(Exception):
    """AWS did not tell; the text says why."""


@dataclass(frozen=True, slots=True)
class Room:
    """vCPUs: what the quota allows, what runs of it, what of that is the stack's, what a host has.

    `running` is None where it could not be seen.
    """

    limit: int
    running: int | None
    own: int
    each: int

    @property
    def free(self) -> int:
        return self.limit - (self.running or 0)

    @property
    def wanted(self) -> int:
        """A quota that holds what else runs and two hosts."""
        return (self.running or 0) - self.own + 2 * self.each


def vcpu_quota(
    place: Place,
    instance_type: str,
    host: InstanceType | None,
    *,
    is_logged_in: bool,
    has_region: bool,
) -> Check:
    """The quota of the type's family against the vCPUs that the stack needs.

    `host` is what AWS said of the type, None where it did not tell.
    """
    if not is_logged_in or not has_region:
        return Check(NAME, "unknown", NO_CREDENTIALS if has_region else NO_REGION)
    quota = quota_of(instance_type)
    if quota is None:
        return Check(
            NAME,
            "unknown",
            f"which quota counts {instance_type} is not known here",
            f"`aws service-quotas list-service-quotas --service-code {SERVICE}` lists them.",
        )
    try:
        limit = _limit(place, quota)
        running, own, others = _running(place, quota)
        vcpus = _vcpus(place, {instance_type, *others}, host)
    except Unseen as why:
        return Check(NAME, "unknown", str(why))
    except AWS_ERRORS as error:
        return Check(NAME, "unknown", said(error))
    room = Room(
        limit=limit,
        running=None if running is None else sum(vcpus[name] for name in running),
        own=sum(vcpus[name] for name in own),
        each=vcpus[instance_type],
    )
    return judge(quota, room, instance_type, place.region or "")


def judge(quota: Quota, room: Room, instance_type: str, region: str) -> Check:
    """Pure: what the numbers mean."""
    used = "what runs already was not seen" if room.running is None else f"{room.running} in use"
    told = (
        f"{quota.name} ({quota.code}): {room.limit} vCPUs, {used}; {instance_type} has {room.each}"
    )
    ask = f"`{request_command(quota, room.wanted, region)}`, or Service Quotas in the console"
    # A change of type stops the stack's own host first, so its vCPUs are free again.
    if room.free + room.own < room.each:
        new = "" if quota.of_new_account else "; new accounts have 0"
        fix = f"Ask AWS for more: {ask}"
        if other := alternative(instance_type):
            fix += f". Or take another type: `pulumi config set geusemaker:instanceType {other}`"
        return Check(NAME, "failed", f"{told}, too many for it{new}", f"{fix}.")
    # The old host runs on while the new one starts, so a replacement needs both.
    if room.free < room.each * (1 if room.own else 2):
        return Check(
            NAME,
            "warning",
            f"{told}: enough for the host, but not for two while it is replaced",
            f"Ask AWS for more before the first replacement: {ask}.",
        )
    return Check(NAME, "ok", told)


def _limit(place: Place, quota: Quota) -> int:
    client = place.client("service-quotas")
    which = {"ServiceCode": SERVICE, "QuotaCode": quota.code}
    try:
        try:
            told = client.get_service_quota(**which)
        except ClientError as error:
            # AWS answers so where nobody ever changed the quota: then its default holds.
            if code_of(error) != "NoSuchResourceException":
                raise
            told = client.get_aws_default_service_quota(**which)
    except ClientError as error:
        if is_no_permission(error):
            raise Unseen(
                f"{quota.name} ({quota.code}): the caller lacks servicequotas:GetServiceQuota or "
                "servicequotas:GetAWSDefaultServiceQuota"
            ) from error
        raise
    return int(told["Quota"]["Value"])


def _running(place: Place, quota: Quota) -> tuple[list[str] | None, list[str], set[str]]:
    """The types of all running hosts that count, of the stack's own, and each of them once."""
    running: list[str] = []
    own: list[str] = []
    mark = _mark(place)
    pages = (
        place.client("ec2")
        .get_paginator("describe_instances")
        .paginate(Filters=[{"Name": "instance-state-name", "Values": ["running"]}])
    )
    try:
        for instance in _instances(pages):
            name = instance["InstanceType"]
            # Spot hosts have quotas of their own.
            if quota_of(name) is not quota or instance.get("InstanceLifecycle") == "spot":
                continue
            running.append(name)
            tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
            if mark and tags.get(mark[0]) == mark[1]:
                own.append(name)
    except ClientError as error:
        if not is_no_permission(error):
            raise
        return None, [], set()
    return running, own, set(running)


def _mark(place: Place) -> tuple[str, str] | None:
    """The tag of the stack's own hosts. A stack that was made before it had an id has its name,
    which another project's may have too."""
    if place.stack is None:
        return None
    with contextlib.suppress(GeuseMakerError):
        if id_ := place.outputs().get("stackId"):
            return "geusemaker:id", str(id_)
    return "geusemaker:stack", place.stack


def _instances(pages: Any) -> Any:
    for page in pages:
        for held in page["Reservations"]:
            yield from held["Instances"]


def _vcpus(place: Place, names: set[str], host: InstanceType | None) -> dict[str, int]:
    """vCPUs of each type; AWS is asked about those that it has not told yet."""
    known = {} if host is None else {host.name: host.vcpus}
    asked = names - known.keys()
    if not asked:
        return known
    try:
        told = place.client("ec2").describe_instance_types(InstanceTypes=sorted(asked))
    except ClientError as error:
        if not is_no_permission(error):
            raise
        by_name = {name: vcpus_of(name) for name in asked}
        if None in by_name.values():
            raise Unseen("the caller lacks ec2:DescribeInstanceTypes") from error
        return known | {name: vcpus for name, vcpus in by_name.items() if vcpus is not None}
    return known | {
        one["InstanceType"]: int(one["VCpuInfo"]["DefaultVCpus"]) for one in told["InstanceTypes"]
    }
