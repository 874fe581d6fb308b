"""The vCPU quotas of the simulated account, which moto knows nothing of.

They are those of an account that has been in use for a while: room for hosts without a GPU and for
some with one. P and every other accelerator stand at 0, as in a new account, so that the refusal
and the way out of it can be seen here first.
"""

import json
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

from geusemaker.quotas import G_AND_VT, QUOTAS, SERVICE, STANDARD, Quota, quota_of

from . import images

OVER: Final = "VcpuLimitExceeded"
"""EC2's code of the refusal."""

ROOM: Final = {STANDARD.code: 256, G_AND_VT.code: 64}
"""vCPUs by quota code; any other quota has 0."""


class SimulatedQuotas(ServiceQuotasBackend):  # type: ignore[misc]
    """moto's quotas of one Region, with EC2's beside those of VPCs."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.vcpus = {quota.code: ROOM.get(quota.code, 0) for quota in QUOTAS}

    @property
    def _url_module(self) -> Any:
        # moto looks for it beside the module of the class.
        return urls

    def list_aws_default_service_quotas(self, service_code: str) -> list[dict[str, Any]]:
        if service_code != SERVICE:
            moto_has: list[dict[str, Any]] = super().list_aws_default_service_quotas(service_code)
            return moto_has
        return [self._told(quota, quota.of_new_account) for quota in QUOTAS]

    def list_service_quotas(self, service_code: str) -> list[dict[str, Any]]:
        """The quotas as they apply to the account."""
        if service_code != SERVICE:
            return self.list_aws_default_service_quotas(service_code)
        return [self._told(quota, self.vcpus[quota.code]) for quota in QUOTAS]

    def get_service_quota(self, service_code: str, quota_code: str) -> dict[str, Any]:
        for quota in self.list_service_quotas(service_code):
            if quota["QuotaCode"] == quota_code:
                return quota
        raise NoSuchResource

    def _told(self, quota: Quota, vcpus: int) -> dict[str, Any]:
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


def seed() -> None:
    """Give the account its quotas, in every Region."""
    regions = servicequotas_backends[images.account_id()]
    regions.backend = SimulatedQuotas
    regions.clear()
    # moto finds operations by the methods of this class, and has none for this one.
    ServiceQuotasResponse.list_service_quotas = _list_service_quotas
    EC2Backend.start_instances = _start_instances


def of(region: str) -> dict[str, int]:
    """vCPUs by quota code, to be read and changed."""
    backend: SimulatedQuotas = servicequotas_backends[images.account_id()][region]
    return backend.vcpus


def _is_seeded(region: str) -> bool:
    """Whether this is the simulated account: a test may have a moto of its own."""
    return isinstance(servicequotas_backends[images.account_id()][region], SimulatedQuotas)


def over(region: str, instance_type: str) -> str | None:
    """What EC2 says when one more running host of a type would exceed its quota."""
    quota = quota_of(instance_type)
    if quota is None:
        return None
    limit = of(region)[quota.code]
    if running(region, quota) + _vcpus(instance_type) <= limit:
        return None
    return (
        f"You have requested more vCPU capacity than your current vCPU limit of {limit} allows for "
        "the instance bucket that the specified instance type belongs to. Please visit "
        "http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit."
    )


def running(region: str, quota: Quota) -> int:
    """vCPUs of the running instances that a quota counts: stopped ones do not count."""
    hosts = images.backend_of(region).all_instances()
    types = [host.instance_type for host in hosts if host.state == "running"]
    return sum(_vcpus(name) for name in types if quota_of(name) is quota)


def _vcpus(instance_type: str) -> int:
    return int(INSTANCE_TYPES[instance_type]["VCpuInfo"]["DefaultVCpus"])


def _start_instances(backend: EC2Backend, instance_ids: list[str]) -> Any:
    """StartInstances, whoever calls it, within the quota."""
    for id_ in instance_ids if _is_seeded(backend.region_name) else ():
        host = backend.get_instance(id_)
        if host.state != "running" and (why := over(backend.region_name, host.instance_type)):
            raise EC2ClientError(OVER, why)
    return InstanceBackend.start_instances(backend, instance_ids)
