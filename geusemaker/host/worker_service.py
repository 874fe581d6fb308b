"""Calls Auto Scaling and S3 for a stack's workers."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from geusemaker.errors import HostError
from geusemaker.host.report import Record, parse
from geusemaker.host.service import HostService
from geusemaker.host.workers import Group, failed_launch, group_of, instance_of

REPORTS: Final = "reports/"
LARGEST: Final = 16 * 1024
"""Bytes of a report that are read. A worker writes less than 4 KiB."""

_AT_ONCE: Final = 8
_ACTIVITIES: Final = 20


def group(service: HostService, name: str) -> Group:
    """The group of that name.

    Raises:
        HostError: It does not exist.
        AwsError: It could not be read.
    """
    with service.translated("autoscaling", "DescribeAutoScalingGroups"):
        answer = service.client("autoscaling").describe_auto_scaling_groups(
            AutoScalingGroupNames=[name]
        )
    if not answer["AutoScalingGroups"]:
        raise HostError(
            f"The Auto Scaling group {name} is not in {service.region}, though the stack's output "
            "workersGroup names it: it was deleted outside Pulumi. `pulumi up --refresh` creates "
            "it again."
        )
    return group_of(answer["AutoScalingGroups"][0])


def why_no_launch(service: HostService, name: str) -> str:
    """AWS's reason if the group's last launch has failed, else empty. Raises `AwsError`."""
    with service.translated("autoscaling", "DescribeScalingActivities"):
        answer = service.client("autoscaling").describe_scaling_activities(
            AutoScalingGroupName=name, MaxRecords=_ACTIVITIES
        )
    return failed_launch(answer["Activities"])


def reports(service: HostService, bucket: str, ids: Sequence[str]) -> dict[str, Record]:
    """The reports of these instances, by instance. Raises `AwsError`."""
    if not ids:
        return {}
    s3 = service.client("s3")
    written = {instance_of(one["Key"]): one["Key"] for one in _listed(service, bucket)}
    keys = {id_: written[id_] for id_ in ids if id_ in written}

    def read(key: str) -> Record:
        with service.translated("s3", "GetObject"):
            body = s3.get_object(Bucket=bucket, Key=key)["Body"].read(LARGEST)
        return parse(body.decode(errors="replace"))

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(zip(keys, pool.map(read, keys.values()), strict=True))


def _listed(service: HostService, bucket: str) -> Iterator[Mapping[str, Any]]:
    more: dict[str, str] = {}
    while True:
        with service.translated("s3", "ListObjectsV2"):
            page = service.client("s3").list_objects_v2(Bucket=bucket, Prefix=REPORTS, **more)
        yield from page.get("Contents", ())
        if not page.get("IsTruncated"):
            return
        more = {"ContinuationToken": page["NextContinuationToken"]}
