"""The right real image for every combination that AWS releases today."""

import pytest

from geusemaker.dlami import select
from geusemaker.dlami.lookup import find_image
from geusemaker.simulator.mocks import SimulatedMocks

from .rendering import TODAY

BASE = "Base OSS Nvidia Driver GPU AMI"
CURRENT = {
    ("ubuntu-22.04", "x86_64", "base"): f"Deep Learning {BASE} (Ubuntu 22.04) 20260902",
    ("ubuntu-22.04", "arm64", "base"): f"Deep Learning ARM64 {BASE} (Ubuntu 22.04) 20260911",
    ("ubuntu-24.04", "x86_64", "base"): f"Deep Learning {BASE} (Ubuntu 24.04) 20260925",
    ("ubuntu-24.04", "arm64", "base"): f"Deep Learning ARM64 {BASE} (Ubuntu 24.04) 20261006",
    ("amazon-linux-2023", "x86_64", "base"): f"Deep Learning {BASE} (Amazon Linux 2023) 20260901",
    (
        "amazon-linux-2023",
        "arm64",
        "base",
    ): f"Deep Learning ARM64 {BASE} (Amazon Linux 2023) 20260901",
    (
        "ubuntu-24.04",
        "x86_64",
        "pytorch",
    ): "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.12 (Ubuntu 24.04) 20260725",
    (
        "ubuntu-24.04",
        "arm64",
        "pytorch",
    ): "Deep Learning ARM64 AMI OSS Nvidia Driver GPU PyTorch 2.12 (Ubuntu 24.04) 20260724",
    (
        "amazon-linux-2023",
        "x86_64",
        "pytorch",
    ): "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.13 (Amazon Linux 2023) 20261003",
    (
        "amazon-linux-2023",
        "arm64",
        "pytorch",
    ): "Deep Learning ARM64 AMI OSS Nvidia Driver GPU PyTorch 2.11 (Amazon Linux 2023) 20261009",
}


@pytest.mark.parametrize(("wanted", "name"), CURRENT.items(), ids=["-".join(w) for w in CURRENT])
def test_the_newest_right_image_is_found(
    account: SimulatedMocks, wanted: tuple[str, str, str], name: str
) -> None:
    found = find_image(select(*wanted, today=TODAY))
    assert found.name == name
    assert found.architecture == wanted[1]
