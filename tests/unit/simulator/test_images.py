"""The images of the simulated account: the recorded ones, and new releases."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from geusemaker.simulator import images
from geusemaker.simulator.mocks import simulated_account
from pulumi_moto.images import derived_id, publish
from pulumi_moto.mocks import SimulatedMocks


@pytest.fixture(autouse=True)
def account() -> Iterator[SimulatedMocks]:
    with simulated_account() as mocks:
        publish("us-east-1", [images.new_release("Trio 20250101", "x86_64", 40, "us-east-1")])
        yield mocks


def test_the_recorded_images_are_there(account: SimulatedMocks) -> None:
    pattern = {"Name": "name", "Values": ["Deep Learning OSS Nvidia Driver AMI GPU PyTorch *"]}
    found = account.account.ec2.describe_images(Owners=["amazon"], Filters=[pattern])["Images"]
    assert {one["Public"] for one in found} == {True}
    recorded = images.recorded("us-east-1")
    assert len({image.id for image in recorded}) == len(recorded)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (("A name", "mips", None), "architecture 'mips' is neither"),
        (("ab", "x86_64", None), "has 2 characters"),
        (("a" * 129, "x86_64", None), "has 129 characters"),
        (("Day 20251399", "x86_64", None), "are not a date"),
        (("A name", "x86_64", 0), "outside 1 to 65536"),
        (("A name", "x86_64", 65537), "outside 1 to 65536"),
        (("Trio 20250101", "x86_64", None), "already has an image named"),
    ],
)
def test_a_release_that_cannot_be(wanted: tuple[str, str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        images.new_release(*wanted, "us-east-1")


def test_a_release() -> None:
    image = images.new_release("Trio 20250101", "arm64", None, "us-east-1")
    assert image.created == datetime(2025, 1, 1, 9, tzinfo=UTC)
    assert (image.root_device, image.root_gib) == ("/dev/sda1", 75)
    undated = images.new_release("Undated (Amazon Linux 2023)", "x86_64", 9, "us-east-1")
    assert undated.created.tzinfo is UTC
    assert (undated.root_device, undated.root_gib) == ("/dev/xvda", 9)
    assert undated.id == derived_id(undated.name, "x86_64", "us-east-1")


def test_recorded_names_have_sizes_and_days() -> None:
    assert images.root_gib_of("OSS PyTorch (Amazon Linux 2023) 20250101") == 25
    assert images.root_gib_of("OSS PyTorch (Ubuntu 22.04) 20250101") == 30
    assert images.root_gib_of("Base Neuron (Ubuntu 22.04) 20250101") == 105
    older, newer = (images.created_of(f"DLAMI Version {v}", None) for v in ("9", "10.1"))
    assert older < newer
    here = {i.name: i.id for i in images.recorded("ap-northeast-1")}
    there = {i.name: i.id for i in images.recorded("us-east-1")}
    known = "Deep Learning AMI (Amazon Linux 2) Version 29.0"
    assert here[known] == "ami-09c0c16fc46a29ed9"
    assert there[known] == derived_id(known, "x86_64", "us-east-1")
