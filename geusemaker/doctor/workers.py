"""Checks for the workers of a stack: their vCPU quota, and Auto Scaling's access to the KMS key."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from botocore.exceptions import ClientError

from geusemaker.config import DeploymentConfig
from geusemaker.doctor.account import AWS_ERRORS
from geusemaker.doctor.check import NO_CREDENTIALS, NO_REGION, Check, Place
from geusemaker.doctor.refusals import is_no_permission, said
from geusemaker.doctor.vcpus import UnknownQuotaError, measured
from geusemaker.ec2.instance_types import InstanceType
from geusemaker.ec2.quotas import SERVICE, Quota, quota_of, request_command
from geusemaker.services.aws_errors import code_of

QUOTA: Final = "worker quota"
ROLE: Final = "Auto Scaling"
_SERVICE_ROLE: Final = "AWSServiceRoleForAutoScaling"


@dataclass(frozen=True, slots=True)
class WorkerRoom:
    """vCPUs of the quota of the workers.

    Attributes:
        limit: The quota.
        others: vCPUs of running hosts of others; None if unknown.
        host: vCPUs of the stack's host, if it counts for the same quota, else 0.
        each: vCPUs of a worker.
        least, most: Numbers of workers.
    """

    limit: int
    others: int | None
    host: int
    each: int
    least: int
    most: int

    @property
    def fit(self) -> int:
        """How many workers fit next to all other hosts."""
        return max(0, (self.limit - (self.others or 0) - self.host) // self.each)

    @property
    def wanted(self) -> int:
        """The quota for all hosts of the stack twice, as while they are replaced."""
        return (self.others or 0) + 2 * (self.host + self.most * self.each)


def worker_checks(
    place: Place,
    config: DeploymentConfig,
    host: InstanceType | None,
    *,
    is_logged_in: bool,
    has_region: bool,
) -> Iterator[Check]:
    """The checks of a stack with workers; none without.

    `host` is the type of the host as AWS describes it, None if unknown.
    """
    if not config.has_workers:
        return
    names = (QUOTA, ROLE) if config.kms_key_arn else (QUOTA,)
    if not is_logged_in or not has_region:
        for name in names:
            yield Check(name, "unknown", NO_CREDENTIALS if has_region else NO_REGION)
        return
    yield _quota(place, config, host)
    if config.kms_key_arn:
        yield _service_role(place)


def _quota(place: Place, config: DeploymentConfig, host: InstanceType | None) -> Check:
    kind, market = config.worker_types[0], config.worker_market
    quota = quota_of(kind, market)
    if quota is None:
        return Check(
            QUOTA,
            "unknown",
            f"the quota for {kind} ({market}) is unknown",
            f"`aws service-quotas list-service-quotas --service-code {SERVICE}` lists them.",
        )
    is_of_host = market == "on-demand" and quota_of(config.instance_type) is quota
    try:
        types = {kind, config.instance_type}
        limit, running, vcpus = measured(place, quota, market, types, host)
    except UnknownQuotaError as why:
        return Check(QUOTA, "unknown", str(why))
    own = sum(vcpus[name] for name in (*running.host, *running.workers))
    room = WorkerRoom(
        limit=limit,
        others=sum(vcpus[name] for name in running.every) - own if running.is_known else None,
        host=vcpus[config.instance_type] if is_of_host else 0,
        each=vcpus[kind],
        least=config.workers,
        most=config.most_workers,
    )
    return judge_workers(quota, room, kind, place.region or "")


def judge_workers(quota: Quota, room: WorkerRoom, kind: str, region: str) -> Check:
    """The check for known numbers. Pure."""
    used = "vCPUs in use are unknown" if room.others is None else f"{room.others} in use by others"
    detail = (
        f"{quota.name} ({quota.code}): {room.limit} vCPUs, {used}; "
        f"{f'the host has {room.host}, ' if room.host else ''}{kind} has {room.each}: "
        f"{min(room.fit, room.most)} of {room.most} worker{'s' * (room.most > 1)} "
        f"fit{'s' * (room.most == 1)}"
    )
    ask = f"`{request_command(quota, room.wanted, region)}`, or Service Quotas in the console"
    # With workers 0, one that never starts is a queue that waits for ever.
    if room.fit < max(1, room.least):
        return Check(
            QUOTA,
            "failed",
            detail,
            f"Ask AWS for more: {ask}. Or name smaller types or others in "
            "geusemaker:workerInstanceTypes.",
        )
    if room.fit < room.most:
        return Check(QUOTA, "warning", detail, f"Ask AWS for more: {ask}.")
    return Check(QUOTA, "ok", detail)


def _service_role(place: Place) -> Check:
    """With a key of the user's, Auto Scaling's role needs a grant. AWS makes it with a group."""
    create = "`aws iam create-service-linked-role --aws-service-name autoscaling.amazonaws.com`"
    try:
        place.client("iam").get_role(RoleName=_SERVICE_ROLE)
    except ClientError as error:
        if code_of(error) == "NoSuchEntity":
            return Check(
                ROLE,
                "warning",
                f"the account has no role {_SERVICE_ROLE}, which needs a grant on the key of "
                "geusemaker:kmsKeyArn: AWS creates it with the first group, and the first workers "
                "may end at their start until the grant follows",
                f"{create} creates it now.",
            )
        if not is_no_permission(error):
            return Check(ROLE, "unknown", said(error))
        return Check(ROLE, "unknown", "the caller lacks iam:GetRole", f"{create} creates the role.")
    except AWS_ERRORS as error:
        return Check(ROLE, "unknown", said(error))
    return Check(ROLE, "ok", f"{_SERVICE_ROLE}, for the key of geusemaker:kmsKeyArn")
