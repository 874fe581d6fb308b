"""The instance type: by name, by AWS's description, and with the image."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from doctor.place import Somewhere, stubbed
from geusemaker.dlami import select
from geusemaker.dlami.compatibility import verdict
from geusemaker.dlami.image import FoundImage
from geusemaker.doctor.check import Check
from geusemaker.doctor.host import instance_type, judge
from geusemaker.doctor.images import Wanted
from geusemaker.ec2.instance_types import InstanceType
from geusemaker.errors import ConfigError

TODAY = date(2026, 11, 1)
BASE = select("ubuntu-22.04", "x86_64", "base", today=TODAY)
BASE_24 = select("ubuntu-24.04", "x86_64", "base", today=TODAY)
TORCH_24 = select("ubuntu-24.04", "x86_64", "pytorch", "2.12", today=TODAY)
G5 = InstanceType("g5.xlarge", 4, 16.0, ("x86_64",), ("1 x NVIDIA A10G",))
M6I = InstanceType("m6i.xlarge", 4, 16.0, ("x86_64",), ())
G7 = InstanceType("g7.2xlarge", 8, 64.0, ("x86_64",), ("1 x NVIDIA RTX PRO",))
G4AD = InstanceType("g4ad.xlarge", 4, 16.0, ("x86_64",), ("1 x AMD Radeon Pro V520",))
NEW_NVIDIA = InstanceType("g9.xlarge", 4, 16.0, ("x86_64",), ("1 x NVIDIA X900",))
NEW_OTHER = InstanceType("g9.xlarge", 4, 16.0, ("x86_64",), ("1 x AMD Instinct",))
IMAGE = FoundImage(
    id="ami-1",
    name="Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 24.04) 20261001",
    architecture="x86_64",
    root_device_name="/dev/sda1",
    root_volume_gib=75,
    creation_date="2026-10-01T00:00:00.000Z",
    framework_version=None,
)
OLD = replace(
    IMAGE, name=IMAGE.name.replace("20261001", "20260601"), creation_date="2026-06-01T00:00:00.000Z"
)
MINE = replace(IMAGE, name="mine")


def described(host: InstanceType) -> dict[str, Any]:
    """The type as DescribeInstanceTypes returns it."""
    gpus = [gpu.split(" ", 3) for gpu in host.gpus]  # "1 x NVIDIA A10G"
    return {
        "InstanceType": host.name,
        "VCpuInfo": {"DefaultVCpus": host.vcpus},
        "MemoryInfo": {"SizeInMiB": int(host.memory_gib * 1024)},
        "ProcessorInfo": {"SupportedArchitectures": list(host.architectures)},
        "GpuInfo": {
            "Gpus": [
                {"Count": int(count), "Manufacturer": maker, "Name": name}
                for count, _, maker, name in gpus
            ]
        },
    }


def look(
    answer: InstanceType | str | None,
    wanted: Wanted,
    name: str = "",
    *,
    is_logged_in: bool = True,
    has_region: bool = True,
    **settings: str,
) -> tuple[Check, InstanceType | None]:
    """Check a type that AWS describes or refuses; None: a call of AWS fails the test."""
    reply = {"InstanceTypes": [described(answer)]} if isinstance(answer, InstanceType) else answer
    answers = [] if reply is None else [("describe_instance_types", reply)]
    name = name or (answer.name if isinstance(answer, InstanceType) else "")
    place = Somewhere(
        {"ec2": stubbed("ec2", *answers)},
        {"instance_type": name, **settings},
        region="us-east-1" if has_region else None,
    )
    return instance_type(
        place, place.config(), wanted, is_logged_in=is_logged_in, has_region=has_region
    )


# By name. -----------------------------------------------------------------------------------


@pytest.mark.parametrize("is_logged_in", [True, False])
@pytest.mark.parametrize(
    ("name", "wanted", "why"),
    [
        ("g7.2xlarge", Wanted(TORCH_24), "which AWS does not list for ubuntu-24.04 / x86_64 / "),
        ("inf2.xlarge", Wanted(BASE), "which no Deep Learning AMI that GeuseMaker knows can use"),
        ("p3.2xlarge", Wanted(BASE), "which no Deep Learning AMI that GeuseMaker knows can use"),
        ("g4ad.xlarge", Wanted(BASE), "which no Deep Learning AMI that GeuseMaker knows can use"),
    ],
)
def test_a_type_that_deploy_refuses_by_name_fails_without_an_aws_call(
    name: str, wanted: Wanted, why: str, is_logged_in: bool
) -> None:
    check, host = look(None, wanted, name, is_logged_in=is_logged_in)
    assert (check.name, check.state, check.fix, host) == ("instance type", "failed", "", None)
    assert f"geusemaker:instanceType is {name}, " in check.detail
    assert why in check.detail
    assert "`pulumi config set geusemaker:instanceType g" in check.detail


@pytest.mark.parametrize(
    ("is_logged_in", "has_region", "why"),
    [(False, True, "no credentials"), (False, False, "no Region"), (True, False, "no Region")],
)
def test_without_credentials_or_region_the_type_is_not_checked(
    is_logged_in: bool, has_region: bool, why: str
) -> None:
    found = look(None, Wanted(BASE), "g5.xlarge", is_logged_in=is_logged_in, has_region=has_region)
    assert found == (Check("instance type", "unknown", f"not checked: {why}"), None)


# By AWS's description. ------------------------------------------------------------------------


def test_a_type_that_runs_the_image_is_ok() -> None:
    check, host = look(G5, Wanted(BASE, IMAGE))
    assert check == Check("instance type", "ok", "g5.xlarge: 4 vCPUs, 16 GiB, 1 x NVIDIA A10G")
    assert host == G5


def test_a_type_without_a_gpu_is_ok_and_says_so() -> None:
    check, host = look(M6I, Wanted(BASE, IMAGE))
    said = "m6i.xlarge: 4 vCPUs, 16 GiB, no GPU: Ollama runs on the CPU"
    assert check == Check("instance type", "ok", said)
    assert host == M6I


@pytest.mark.parametrize(
    ("name", "offered", "fix"),
    [
        (
            "m6i.xlarge",
            ["m5.xlarge", "t3.xlarge"],
            "the closest that it has: `pulumi config set geusemaker:instanceType m5.xlarge`.",
        ),
        (
            "g9.xlarge",
            [],
            "`aws ec2 describe-instance-type-offerings --region us-east-1 --query "
            "'InstanceTypeOfferings[].InstanceType' --output text` lists what it has.",
        ),
    ],
)
def test_a_type_that_the_region_lacks_fails_with_one_that_it_has(
    name: str, offered: list[str], fix: str
) -> None:
    offers = {"InstanceTypeOfferings": [{"InstanceType": one} for one in offered]}
    answers = (
        ("describe_instance_types", "InvalidInstanceType"),
        (
            "describe_instance_type_offerings",
            offers,
        ),
    )
    place = Somewhere({"ec2": stubbed("ec2", *answers)}, {"instance_type": name})
    check, host = instance_type(
        place, place.config(), Wanted(BASE), is_logged_in=True, has_region=True
    )
    assert (check.state, check.detail) == ("failed", f"us-east-1 does not have the type {name}")
    assert check.fix == fix
    assert host is None


def test_a_failed_call_leaves_the_type_unknown() -> None:
    lacking = look("UnauthorizedOperation", Wanted(BASE), "g5.xlarge")
    detail = "the caller lacks ec2:DescribeInstanceTypes"
    assert lacking == (Check("instance type", "unknown", detail), None)
    check, _ = look("InternalError", Wanted(BASE), "g5.xlarge")
    assert (check.state, "AWS's own words" in check.detail) == ("unknown", True)
    place = Somewhere({"ec2": ValueError("Invalid endpoint: nonsense")})
    check, _ = instance_type(
        place, place.config(), Wanted(BASE), is_logged_in=True, has_region=True
    )
    assert (check.state, check.detail) == ("unknown", "error: Invalid endpoint: nonsense")


def test_a_type_of_another_architecture_than_its_name_implies_fails() -> None:
    check = judge(replace(NEW_NVIDIA, architectures=("arm64",)), "x86_64", Wanted(BASE, IMAGE))
    assert check.state == "failed"
    assert "which AWS says is arm64 only, and geusemaker:architecture is x86_64" in check.detail


def test_an_unknown_family_is_judged_by_its_gpus() -> None:
    check, _ = look(NEW_NVIDIA, Wanted(BASE, IMAGE))
    assert check.state == "warning"
    assert check.detail.startswith("g9.xlarge: 4 vCPUs, 16 GiB, 1 x NVIDIA X900. geusemaker:")
    assert "whose family is not in GeuseMaker's table" in check.detail
    check, host = look(NEW_OTHER, Wanted(BASE, IMAGE))
    assert (check.state, "the images hold NVIDIA's driver only" in check.detail) == ("failed", True)
    assert host == NEW_OTHER


def test_a_warning_on_the_name_is_shown_once() -> None:
    g7e = replace(G7, name="g7e.2xlarge")
    check, _ = look(g7e, Wanted(TORCH_24, replace(IMAGE, name="Deep Learning")))
    assert check.state == "warning"
    assert check.detail.count("which AWS does not list for") == 1


# With the image. ----------------------------------------------------------------------------


def test_without_an_image_for_the_config_the_type_is_unknown() -> None:
    check, host = look(G5, Wanted())
    assert check.state == "unknown"
    assert check.detail.endswith("not checked: there is no image for the stack's config")
    assert host == G5  # the quota is still checked


def test_an_image_older_than_the_types_driver_fails() -> None:
    check, _ = look(G7, Wanted(BASE_24, OLD))
    assert check.state == "failed"
    assert "AWS shows no image of this line that is young enough" in check.detail
    check, _ = look(G7, Wanted(BASE_24, IMAGE))
    assert check.state == "ok"
    pinned, _ = look(G7, Wanted(BASE_24, OLD, "amiId"))
    assert pinned.state == "failed"
    assert "`pulumi config rm geusemaker:amiId`" in pinned.detail


def test_without_an_image_a_type_with_a_new_driver_is_unknown() -> None:
    check, _ = look(G7, Wanted(BASE_24))
    assert check.state == "unknown"
    assert check.detail.endswith("the image has its driver: not checked: no image was found")
    check, _ = look(G5, Wanted(BASE_24))  # the age does not matter
    assert check.state == "ok"


def test_without_the_pinned_image_the_type_is_unknown() -> None:
    check, host = look(G4AD, Wanted(BASE, None, "amiId"))
    assert check.state == "unknown"
    assert check.detail.endswith("not checked: the pinned image was not found or does not fit")
    assert host == G4AD


PINNED = [
    (host, image)
    for host in (G5, M6I, G7, G4AD, NEW_NVIDIA, NEW_OTHER)
    for image in (IMAGE, OLD, MINE)
]


@pytest.mark.parametrize(
    ("host", "image"), PINNED, ids=[f"{h.name} {h.gpus} {i.name}" for h, i in PINNED]
)
def test_a_pinned_image_gets_the_verdict_of_the_program(
    host: InstanceType, image: FoundImage
) -> None:
    check, _ = look(host, Wanted(BASE_24, image, "amiId"))
    if check.state == "failed":
        with pytest.raises(ConfigError) as caught:
            verdict(BASE_24, host, image, pin="amiId")
        assert check.detail == str(caught.value)
        return
    remarks = verdict(BASE_24, host, image, pin="amiId")
    assert check.state == ("warning" if any(r.level == "warning" for r in remarks) else "ok")
    assert check.detail.endswith(" ".join(remark.text for remark in remarks))


def test_the_pinned_images_cover_all_three_verdicts() -> None:
    states = {look(h, Wanted(BASE_24, i, "amiId"))[0].state for h, i in PINNED}
    assert states == {"ok", "warning", "failed"}
