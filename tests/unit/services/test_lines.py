"""All lines from one search, and what the simulated AWS returns to any client."""

from datetime import UTC, date, datetime
from typing import Any

import boto3
import moto
import pytest
from moto.server import ThreadedMotoServer

from geusemaker.errors import ImageError
from geusemaker.services.ec2 import EC2Service, LineImages
from geusemaker.simulator import images
from geusemaker.simulator.mocks import simulated_account
from pulumi_moto.backends import account_id, backend_of
from pulumi_moto.images import Image, publish

from .imitations import (
    AL2,
    ARM,
    BASE,
    MULTI,
    SOMEBODY,
    TODAY,
    TORCH,
    TORCH_24,
    U22,
    U24,
    X86,
    Ec2,
    name_of,
    raw,
    torch,
)


def _lines(ec2: Ec2, today: date = TODAY) -> dict[tuple[str, str, str], LineImages]:
    found = EC2Service(client=ec2).list_lines(today)
    return {(f.line.os_type, f.line.architecture, f.line.ami_type): f for f in found}


def test_all_lines_are_one_search_within_ec2s_limit_of_filter_values() -> None:
    ec2 = Ec2([])
    found = _lines(ec2)
    assert len(found) == 40
    assert all(not f.images and f.answer is None for f in found.values())
    (asked,) = ec2.asked
    names, state = asked["Filters"]
    assert len(names["Values"]) + len(state["Values"]) <= 200
    assert len(set(names["Values"])) == len(names["Values"])
    assert (
        "Deep Learning OSS Nvidia Driver AMI GPU PyTorch * (Ubuntu 26.04) ????????"
        in names["Values"]
    )
    assert asked["Owners"] == ["amazon"]


def test_a_line_lists_its_best_image_first_and_the_unfit_last() -> None:
    shown = [
        torch("2.8", "20261009", ImageId="ended"),
        torch("2.14", "20260901", ImageId="newer-older"),
        torch("2.14", "20261001", ImageId="newer"),
        torch("2.15", "20261001", ImageId="newest"),
        torch("2.9", "20261008", ImageId="old-version"),
        torch("2.12", "20240101", ImageId="deprecated"),
        torch("2.12", "20260725", ImageId="older"),
        torch("2.12", "20260827", ImageId="answer"),
        torch("2.12", "20260828", ImageId="nobody's", RootDeviceType="instance-store"),
        torch("2.12", "20260901", ImageId="pending", State="pending"),
        torch("2.12", "20260902", ImageId="arm", Architecture=ARM),
        torch("2.12", "20260903", ImageId="foreign", OwnerId=SOMEBODY, ImageOwnerAlias=None),
        raw(name_of((U24, ARM, TORCH), "20260724", "2.12"), ARM, ImageId="other-line"),
    ]
    found = _lines(Ec2(shown))
    line = found[TORCH_24]
    assert [image.id for image in line.images] == [
        *("answer", "older", "old-version"),
        *("newest", "newer", "newer-older", "deprecated", "ended"),
    ]
    assert line.answer is not None
    assert line.answer.id == "answer"
    assert line.deprecated == {"deprecated"}
    assert list(line.newer_versions) == ["2.15", "2.14"]
    assert line.newer_versions["2.14"] == torch("2.14", "20261001")["Name"]
    assert [image.id for image in found[U24, ARM, TORCH].images] == ["other-line"]


def test_the_list_and_the_search_return_the_same_image() -> None:
    with simulated_account() as mocks:
        service = EC2Service(client=mocks.account.client("ec2"))
        answered = 0
        for found in service.list_lines(TODAY):
            line = found.line
            if found.answer is None:
                with pytest.raises(ImageError):
                    service.find_dlami(*line.key, today=TODAY)
                continue
            answered += 1
            assert found.images[0] == found.answer
            assert found.answer == service.find_dlami(*line.key, today=TODAY)
        assert answered == 19


def test_only_an_ended_line_returns_a_deprecated_image() -> None:
    old = "2023-01-01T09:00:00.000Z"
    patched = raw(name_of((U22, X86, BASE), "20230101"), created=old)
    ended = raw(name_of((AL2, X86, MULTI), "77"), created=old, ImageId="ami-ended")
    found = _lines(Ec2([patched, ended]))
    assert found[U22, X86, BASE].answer is None
    assert [image.name for image in found[U22, X86, BASE].images] == [patched["Name"]]
    assert found[U22, X86, BASE].deprecated == {patched["ImageId"]}
    answer = found[AL2, X86, MULTI].answer
    assert answer is not None
    assert answer.id == "ami-ended"
    assert found[AL2, X86, MULTI].deprecated == {"ami-ended"}


def test_the_simulated_aws_hides_deprecated_images_over_http_too() -> None:
    with simulated_account():
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        try:
            host, port = server.get_host_and_port()
            client = boto3.client(
                "ec2",
                region_name="us-east-1",
                endpoint_url=f"http://{host}:{port}",
                aws_access_key_id="none",
                aws_secret_access_key="none",
            )
            globs: Any = [{"Name": "name", "Values": ["* (Amazon Linux 2) 2024*"]}]

            def names(**more: Any) -> set[str]:
                shown = client.describe_images(Filters=globs, **more)["Images"]
                return {image["Name"] for image in shown}

            assert (
                names(IncludeDeprecated=True) > names() == names(IncludeDeprecated=False) == set()
            )
            (one,) = client.describe_images(
                Filters=globs, IncludeDeprecated=True, Owners=["amazon"]
            )["Images"][:1]
            by_id = client.describe_images(ImageIds=[one["ImageId"]])["Images"]
            assert [image["Name"] for image in by_id] == [one["Name"]]
            service = EC2Service(client=client)
            assert service.find_dlami(AL2, X86, TORCH, today=TODAY).framework_version == "2.3"
        finally:
            server.stop()


def deprecated(name: str) -> Image:
    day = datetime(2020, 1, 1, tzinfo=UTC)
    return Image(f"ami-{name}", name, "x86_64", day, "/dev/sda1", 8, images.DLAMI_OWNER)


def test_an_owner_sees_deprecated_images_of_its_own() -> None:
    with simulated_account() as mocks:
        backend = backend_of("us-east-1")
        image = deprecated("own")
        publish("us-east-1", [image])
        client = mocks.account.client("ec2")
        own = [{"Name": "name", "Values": ["own"]}]
        assert client.describe_images(Filters=own)["Images"] == []
        backend.amis["ami-own"].owner_id = account_id()
        assert len(client.describe_images(Filters=own)["Images"]) == 1


def test_plain_moto_stays_as_it_is() -> None:
    with simulated_account():
        pass
    with moto.mock_aws():
        old = deprecated("old")
        publish("us-east-1", images.recorded("us-east-1"))
        publish("us-east-1", [old])
        client = boto3.client("ec2", "us-east-1")
        filters: Any = [{"Name": "name", "Values": ["old"]}]
        assert len(client.describe_images(Filters=filters)["Images"]) == 1
