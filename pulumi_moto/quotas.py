"""The vCPU quotas of the simulated account, which moto does not have.

EC2 counts the vCPUs of all running instances of a bucket of families, per account and Region, and
those of on-demand and of Spot instances apart. Names, codes, families and defaults are AWS's: the
EC2 User Guide on on-demand instances, and what ListServiceQuotas answers.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from moto.core.responses import BaseResponse
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import EC2Backend
from moto.ec2.models.instance_types import INSTANCE_TYPES
from moto.ec2.models.instances import InstanceBackend
from moto.servicequotas import urls
from moto.servicequotas.exceptions import NoSuchResource
from moto.servicequotas.models import ServiceQuotasBackend, servicequotas_backends
from moto.servicequotas.responses import ServiceQuotasResponse

from .backends import account_id, backend_of

OVER: Final = "VcpuLimitExceeded"
"""EC2's code of the refusal."""

SERVICE: Final = "ec2"
"""The service code of these quotas."""


@dataclass(frozen=True)
class Quota:
    """One quota of running instances.

    Attributes:
        code: Such as "L-DB2E81BA"; the same in every account and Region.
        name: As AWS's console shows it.
        series: The letters that the names of its instance types begin with.
        default: vCPUs of a new account.
        spot: Whether it counts Spot instances, else on-demand ones.
    """

    code: str
    name: str
    series: tuple[str, ...]
    default: int = 0
    spot: bool = False


def _running(code: str, families: str, *series: str, default: int = 0) -> Quota:
    return Quota(code, f"Running On-Demand {families} instances", series, default)


# im4gn and is4gen belong to I, gr6 to G. Mac types are no part: they need a dedicated host.
QUOTAS: Final = (
    _running(
        "L-1216C47A",
        "Standard (A, C, D, H, I, M, R, T, Z)",
        *("a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z"),
        default=5,
    ),
    _running("L-DB2E81BA", "G and VT", "g", "gr", "vt"),
    _running("L-417A185B", "P", "p"),
    _running("L-1945791B", "Inf", "inf"),
    _running("L-2C3B7624", "Trn", "trn"),
    _running("L-7295265B", "X", "x"),
    _running("L-74FC7D96", "F", "f"),
    _running("L-6E869C2A", "DL", "dl"),
    _running("L-43DA4232", "High Memory", "u"),
    _running("L-F7808C92", "HPC", "hpc"),
)
SPOT_QUOTAS: Final = (
    Quota(
        "L-34B43A08",
        "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests",
        QUOTAS[0].series,
        default=5,
        spot=True,
    ),
    Quota("L-3819A6DF", "All G and VT Spot Instance Requests", ("g", "gr", "vt"), spot=True),
    Quota("L-7212CCBC", "All P4, P3 and P2 Spot Instance Requests", ("p",), spot=True),
)
"""P5 and later have quotas of their own, which are unlimited here, as those of other series."""

_ALL: Final = (*QUOTAS, *SPOT_QUOTAS)
_SERIES: Final = {(series, quota.spot): quota for quota in _ALL for series in quota.series}
_OLD_P: Final = ("p2.", "p3.", "p3dn.", "p4d.", "p4de.")


def quota_of(instance_type: str, *, spot: bool = False) -> Quota | None:
    """The quota that counts a type; None for Mac types and for series that came later."""
    series = re.match("[a-z]*", instance_type)
    if series is None or (spot and series[0] == "p" and not instance_type.startswith(_OLD_P)):
        return None
    return _SERIES.get((series[0], spot))


class SimulatedQuotas(ServiceQuotasBackend):  # type: ignore[misc]
    """moto's quotas of one Region, with those of EC2 added to those of VPCs."""

    given: Mapping[str, int] = {}  # of the account; see `seed`

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.vcpus = {quota.code: self.given.get(quota.code, quota.default) for quota in _ALL}

    @property
    def _url_module(self) -> Any:
        # moto looks for it next to the module of the class.
        return urls

    def list_aws_default_service_quotas(self, service_code: str) -> list[dict[str, Any]]:
        if service_code != SERVICE:
            moto_has: list[dict[str, Any]] = super().list_aws_default_service_quotas(service_code)
            return moto_has
        return [self._answer(quota, quota.default) for quota in _ALL]

    def list_service_quotas(self, service_code: str) -> list[dict[str, Any]]:
        """The quotas as they apply to the account."""
        if service_code != SERVICE:
            return self.list_aws_default_service_quotas(service_code)
        return [self._answer(quota, self.vcpus[quota.code]) for quota in _ALL]

    def get_service_quota(self, service_code: str, quota_code: str) -> dict[str, Any]:
        for quota in self.list_service_quotas(service_code):
            if quota["QuotaCode"] == quota_code:
                return quota
        raise NoSuchResource

    def _answer(self, quota: Quota, vcpus: int) -> dict[str, Any]:
        return {
            "ServiceCode": SERVICE,
            "ServiceName": "Amazon Elastic Compute Cloud (Amazon EC2)",
            "QuotaArn": (
                f"arn:aws:servicequotas:{self.region_name}:{self.account_id}:{SERVICE}/{quota.code}"
            ),
            "QuotaCode": quota.code,
            "QuotaName": quota.name,
            "Value": float(vcpus),
            "Unit": "None",
            "Adjustable": True,
            "GlobalQuota": False,
        }


def _list_service_quotas(response: BaseResponse) -> str:
    service_code = str(json.loads(response.body).get("ServiceCode"))
    return json.dumps({"Quotas": response.backend.list_service_quotas(service_code)})


def seed(vcpus: Mapping[str, int]) -> None:
    """Give the account these vCPUs by quota code, in every Region; AWS's default otherwise."""
    regions = servicequotas_backends[account_id()]
    regions.backend = type("SeededQuotas", (SimulatedQuotas,), {"given": dict(vcpus)})
    regions.clear()
    # moto finds operations by the methods of this class, and has none for this one.
    ServiceQuotasResponse.list_service_quotas = _list_service_quotas
    EC2Backend.start_instances = _start_instances


def of(region: str) -> dict[str, int]:
    """vCPUs by quota code, to be read and changed."""
    backend: SimulatedQuotas = servicequotas_backends[account_id()][region]
    return backend.vcpus


def _is_seeded(region: str) -> bool:
    """Whether this is the simulated account: a test may have a moto of its own."""
    return isinstance(servicequotas_backends[account_id()][region], SimulatedQuotas)


def over(region: str, instance_type: str, *, spot: bool = False) -> str | None:
    """EC2's error when one more running host of a type would exceed its quota; else None."""
    quota = quota_of(instance_type, spot=spot)
    if quota is None:
        return None
    limit = of(region)[quota.code]
    if running(region, quota) + _vcpus(instance_type) <= limit:
        return None
    if spot:
        return "Max spot instance count exceeded."
    return (
        f"You have requested more vCPU capacity than your current vCPU limit of {limit} allows for "
        "the instance bucket that the specified instance type belongs to. Please visit "
        "http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit."
    )


def running(region: str, quota: Quota) -> int:
    """vCPUs of the running instances that a quota counts: stopped ones do not count."""
    hosts = backend_of(region).all_instances()
    counted = [
        host
        for host in hosts
        if host.state == "running" and (host.lifecycle == "spot") is quota.spot
    ]
    types = [host.instance_type for host in counted]
    return sum(_vcpus(name) for name in types if quota_of(name, spot=quota.spot) is quota)


def _vcpus(instance_type: str) -> int:
    return int(INSTANCE_TYPES[instance_type]["VCpuInfo"]["DefaultVCpus"])


def _start_instances(backend: EC2Backend, instance_ids: list[str]) -> Any:
    """StartInstances within the quota."""
    for id_ in instance_ids if _is_seeded(backend.region_name) else ():
        host = backend.get_instance(id_)
        if host.state != "running" and (why := over(backend.region_name, host.instance_type)):
            raise EC2ClientError(OVER, why)
    return InstanceBackend.start_instances(backend, instance_ids)
