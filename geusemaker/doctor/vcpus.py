"""Checks that the vCPU quota is enough for the host, and for two while it is replaced."""

import contextlib
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from geusemaker.doctor.account import AWS_ERRORS
from geusemaker.doctor.check import NO_CREDENTIALS, NO_REGION, Check, Place
from geusemaker.doctor.refusals import is_no_permission, said
from geusemaker.ec2.instance_types import InstanceType
from geusemaker.ec2.quotas import (
    SERVICE,
    Market,
    Quota,
    alternative,
    quota_of,
    request_command,
    vcpus_of,
)
from geusemaker.errors import GeuseMakerError
from geusemaker.services.aws_errors import code_of

NAME: Final = "vCPU quota"
_OF_GROUP: Final = "aws:autoscaling:groupName"
"""Tag that AWS gives to the instances of an Auto Scaling group."""


class UnknownQuotaError(Exception):
    """AWS did not return a number; the text says why."""


@dataclass(frozen=True, slots=True)
class Running:
    """The instance types of the running hosts that count for a quota.

    Attributes:
        every: Of all hosts of the account.
        host: Of the stack's own host. A replacement has two for some minutes.
        workers: Of the stack's own workers.
        is_known: False without the permission to list hosts.
    """

    every: tuple[str, ...] = ()
    host: tuple[str, ...] = ()
    workers: tuple[str, ...] = ()
    is_known: bool = True


@dataclass(frozen=True, slots=True)
class Room:
    """vCPUs of the quota and of hosts.

    Attributes:
        limit: The quota.
        running: vCPUs of all running hosts that count; None if unknown.
        own: vCPUs of the stack's own running host.
        each: vCPUs of one host of the configured type.
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
        """The quota for all other running hosts and two of this stack."""
        return (self.running or 0) - self.own + 2 * self.each


def vcpu_quota(
    place: Place,
    instance_type: str,
    host: InstanceType | None,
    *,
    is_logged_in: bool,
    has_region: bool,
) -> Check:
    """Check the quota of the type's family against the vCPUs that the stack needs.

    `host` is the type as AWS describes it, None if unknown.
    """
    if not is_logged_in or not has_region:
        return Check(NAME, "unknown", NO_CREDENTIALS if has_region else NO_REGION)
    quota = quota_of(instance_type)
    if quota is None:
        return Check(
            NAME,
            "unknown",
            f"the quota for {instance_type} is unknown",
            f"`aws service-quotas list-service-quotas --service-code {SERVICE}` lists them.",
        )
    try:
        limit, running, vcpus = measured(place, quota, "on-demand", {instance_type}, host)
    except UnknownQuotaError as why:
        return Check(NAME, "unknown", str(why))
    room = Room(
        limit=limit,
        running=sum(vcpus[name] for name in running.every) if running.is_known else None,
        own=sum(vcpus[name] for name in running.host),
        each=vcpus[instance_type],
    )
    return judge(quota, room, instance_type, place.region or "")


def judge(quota: Quota, room: Room, instance_type: str, region: str) -> Check:
    """The check for known numbers. Pure."""
    used = "vCPUs in use are unknown" if room.running is None else f"{room.running} in use"
    detail = (
        f"{quota.name} ({quota.code}): {room.limit} vCPUs, {used}; {instance_type} has {room.each}"
    )
    ask = f"`{request_command(quota, room.wanted, region)}`, or Service Quotas in the console"
    # A change of type stops the stack's own host first, which frees its vCPUs.
    if room.free + room.own < room.each:
        new = "" if quota.of_new_account else "; new accounts have 0"
        fix = f"Ask AWS for more: {ask}"
        if other := alternative(instance_type):
            fix += f". Or use another type: `pulumi config set geusemaker:instanceType {other}`"
        return Check(NAME, "failed", f"{detail}, too many for it{new}", f"{fix}.")
    # The old host runs while the new one starts, so a replacement needs vCPUs for both.
    if room.free < room.each * (1 if room.own else 2):
        return Check(
            NAME,
            "warning",
            f"{detail}: enough for the host, but not for two while it is replaced",
            f"Ask AWS for more before the first replacement: {ask}.",
        )
    return Check(NAME, "ok", detail)


def measured(
    place: Place, quota: Quota, market: Market, types: set[str], host: InstanceType | None
) -> tuple[int, Running, dict[str, int]]:
    """The limit, what runs and counts for it, and the vCPUs of these types and of what runs.

    `host` is a type that AWS has described, None if unknown. Raises `UnknownQuotaError`.
    """
    try:
        limit = _limit(place, quota)
        running = _running(place, quota, market)
        return limit, running, _vcpus(place, types | set(running.every), host)
    except AWS_ERRORS as error:
        raise UnknownQuotaError(said(error)) from error


def _limit(place: Place, quota: Quota) -> int:
    client = place.client("service-quotas")
    which = {"ServiceCode": SERVICE, "QuotaCode": quota.code}
    try:
        try:
            answer = client.get_service_quota(**which)
        except ClientError as error:
            # AWS answers so where nobody ever changed the quota: then its default holds.
            if code_of(error) != "NoSuchResourceException":
                raise
            answer = client.get_aws_default_service_quota(**which)
    except ClientError as error:
        if is_no_permission(error):
            raise UnknownQuotaError(
                f"{quota.name} ({quota.code}): the caller lacks servicequotas:GetServiceQuota or "
                "servicequotas:GetAWSDefaultServiceQuota"
            ) from error
        raise
    return int(answer["Quota"]["Value"])


def _running(place: Place, quota: Quota, market: Market) -> Running:
    every: list[str] = []
    host: list[str] = []
    workers: list[str] = []
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
            is_spot = instance.get("InstanceLifecycle") == "spot"
            if is_spot is not (market == "spot") or quota_of(name, market) is not quota:
                continue
            every.append(name)
            tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
            if mark and tags.get(mark[0]) == mark[1]:
                (workers if _OF_GROUP in tags else host).append(name)
    except ClientError as error:
        if not is_no_permission(error):
            raise
        return Running(is_known=False)
    return Running(tuple(every), tuple(host), tuple(workers))


def _mark(place: Place) -> tuple[str, str] | None:
    """The tag of the stack's own hosts: its id, else its name, which other projects may share."""
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
    """vCPUs of each type; AWS is called for the types other than `host`."""
    known = {} if host is None else {host.name: host.vcpus}
    missing = names - known.keys()
    if not missing:
        return known
    try:
        answer = place.client("ec2").describe_instance_types(InstanceTypes=sorted(missing))
    except ClientError as error:
        if not is_no_permission(error):
            raise
        by_name = {name: vcpus_of(name) for name in missing}
        if None in by_name.values():
            raise UnknownQuotaError("the caller lacks ec2:DescribeInstanceTypes") from error
        return known | {name: vcpus for name, vcpus in by_name.items() if vcpus is not None}
    return known | {
        one["InstanceType"]: int(one["VCpuInfo"]["DefaultVCpus"]) for one in answer["InstanceTypes"]
    }
