"""What is read of a group and of its reports, in moto."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from geusemaker.errors import HostError
from geusemaker.host import worker_service
from geusemaker.host.service import HostService

from .workers_of import instance

BUCKET = "settings-bucket"
ROLE = "AROA0123456789ABCDEF"


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[HostService]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        make: Any = boto3.client
        found = HostService("us-east-1", lambda name: make(name, region_name="us-east-1"))
        found.client("s3").create_bucket(Bucket=BUCKET)
        yield found


def put(service: HostService, number: int, body: bytes, role: str = ROLE) -> None:
    key = f"reports/{role}:{instance(number)}"
    service.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)


def test_each_report_is_read_for_the_instance_of_its_key(service: HostService) -> None:
    put(service, 1, b"state=ready\ninstance=i-x")
    put(service, 2, b"state=not-ready")
    put(service, 3, b"state=ready")
    service.client("s3").put_object(Bucket=BUCKET, Key="reports/other", Body=b"state=ready")
    found = worker_service.reports(service, BUCKET, [instance(1), instance(2), instance(9)])
    assert {id_: one.state for id_, one in found.items()} == {
        instance(1): "ready",
        instance(2): "not-ready",
    }


def test_every_page_of_the_list_is_read(
    service: HostService, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3 = service.client("s3")
    listed = s3.list_objects_v2
    monkeypatch.setattr(s3, "list_objects_v2", lambda **given: listed(MaxKeys=2, **given))
    for number in range(5):
        put(service, number, b"state=ready")
    found = worker_service.reports(service, BUCKET, [instance(number) for number in range(5)])
    assert len(found) == 5


def test_a_huge_or_binary_report_is_cut_and_still_text(service: HostService) -> None:
    put(service, 1, b"state=ready\nreason=\xff\x1b[2J" + b"x" * 10**6 + b"\nstate=not-ready")
    (record,) = worker_service.reports(service, BUCKET, [instance(1)]).values()
    assert record.state == "ready"
    assert record.reason.isprintable()
    assert len(record.reason) <= 600


def test_a_group_that_was_deleted_is_an_error_with_its_fix(service: HostService) -> None:
    with pytest.raises(HostError, match=r"gone is not in us-east-1, .*`pulumi up --refresh`"):
        worker_service.group(service, "gone")
