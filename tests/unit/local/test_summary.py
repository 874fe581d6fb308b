"""The lines that describe a deployed stack."""

from datetime import date

import pytest

from geusemaker.config import DeploymentConfig
from geusemaker.ec2.instance_types import InstanceType
from geusemaker.local.summary import image_lines, stack_lines

NAME = "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20260902"
OUTPUTS = {"amiId": "ami-1", "amiName": NAME, "subnetIds": ["subnet-1"]}
TODAY = date(2026, 11, 23)


def test_a_stack_is_described_in_four_topics() -> None:
    config = DeploymentConfig(
        allowed_cidrs=("203.0.113.0/24",), protect_data=False, instance_type="g5.xlarge"
    )
    host = InstanceType("g5.xlarge", 4, 16.0, ("x86_64",), ("1 x NVIDIA A10G",))
    assert stack_lines(OUTPUTS, config, host, stack="dev", newer=False, today=TODAY) == {
        "Image": [
            NAME,
            "ami-1; newest for ubuntu-22.04, x86_64, base (defaults)",
            "patched until 2027-04-30 (5 months); a newer image never replaces this host by itself",
        ],
        "Host": ["g5.xlarge, 4 vCPU, 16 GiB, 1 x NVIDIA A10G"],
        "Network": [
            "10.42.0.0/16, 1 zone; open ports: 443 for 203.0.113.0/24; access: Session Manager"
        ],
        "Data": ["EBS 100 GiB (databases, models), EFS (files); protectData false in dev"],
    }


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"workers": 2}, "2 x m6i.xlarge, on-demand, 5 executions each"),
        (
            {
                "workersMax": 4,
                "workerMarket": "spot",
                "workerInstanceTypes": ["g6.xlarge", "g5.xlarge"],
                "workerConcurrency": 2,
            },
            "0 to 4 x g6.xlarge or g5.xlarge, spot, 2 executions each",
        ),
    ],
)
def test_workers_are_described_after_the_host(keys: dict[str, object], line: str) -> None:
    config = DeploymentConfig.model_validate(keys)
    host = InstanceType("m6i.xlarge", 4, 16.0, ("x86_64",), ())
    lines = stack_lines(OUTPUTS, config, host, stack="dev", newer=False, today=TODAY)
    assert list(lines) == ["Image", "Host", "Workers", "Network", "Data"]
    assert lines["Workers"] == [line]


def test_the_ports_of_callers_are_told_apart() -> None:
    host = InstanceType("m6i.xlarge", 4, 16.0, ("x86_64",), ())
    keys = {"webhook_cidrs": ("0.0.0.0/0",), "domain": "ai.example.com"}
    for allowed, ports in (
        ((), "443 for webhooks from 0.0.0.0/0"),
        (("203.0.113.0/24",), "443 for 203.0.113.0/24, 443 for webhooks from 0.0.0.0/0"),
    ):
        config = DeploymentConfig.model_validate(keys | {"allowed_cidrs": allowed})
        lines = stack_lines(OUTPUTS, config, host, stack="dev", newer=False, today=TODAY)
        assert f"; open ports: {ports}; access" in lines["Network"][0]


@pytest.mark.parametrize(
    ("today", "text"),
    [
        (date(2027, 4, 30), "patched until 2027-04-30 (less than a month)"),
        (date(2027, 3, 30), "patched until 2027-04-30 (1 month)"),
        (date(2027, 5, 1), "not patched since 2027-04-30"),
    ],
)
def test_the_end_of_patches_depends_on_the_day(today: date, text: str) -> None:
    lines = image_lines(OUTPUTS, DeploymentConfig(), newer=False, today=today)
    assert lines[2].startswith(text)


def test_a_pin_and_a_floating_policy_are_shown() -> None:
    pinned = DeploymentConfig(ami_id="ami-0123456789abcdef0")
    assert "pinned by amiId" in image_lines(OUTPUTS, pinned, newer=False, today=TODAY)[1]
    floating = DeploymentConfig(ami_policy="latest")
    assert "replaces the host" in image_lines(OUTPUTS, floating, newer=False, today=TODAY)[2]


def test_a_version_newer_than_the_catalogue_is_shown_as_such() -> None:
    name = "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.99 (Ubuntu 24.04) 20261110"
    lines = image_lines({**OUTPUTS, "amiName": name}, DeploymentConfig(), newer=False, today=TODAY)
    assert lines[2].startswith("pytorch 2.99 is newer than the catalogue")


def test_the_end_of_patches_of_an_own_image_is_unknown() -> None:
    outputs = {**OUTPUTS, "amiName": "our-golden-image"}
    lines = image_lines(outputs, DeploymentConfig(), newer=False, today=TODAY)
    assert "the end of its patches is unknown" in lines[2]
