"""Tier1 refuses a type that the image does not run on before it creates anything.

What is refused and why: tests/unit/dlami/test_compatibility.py.
"""

import gc
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pulumi.runtime
import pytest

from geusemaker.components.kept_image import root_gib
from geusemaker.dlami import load_catalogue
from geusemaker.dlami.image import FoundImage
from geusemaker.errors import ConfigError
from geusemaker.simulator.mocks import SimulatedMocks

from .rendering import deploy

BASE = "Deep Learning Base OSS Nvidia Driver GPU AMI"
OLD = f"{BASE} (Ubuntu 24.04) 20250523"
YOUNG = f"{BASE} (Ubuntu 24.04) 20260925"
NEURON = "Deep Learning AMI Neuron (Ubuntu 24.04) 20260502"
HOST = "aws:ec2/instance:Instance"


@dataclass
class Told:
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@pytest.fixture(autouse=True)
def _futures_end_here() -> Iterator[None]:
    """Futures that an error inside an Output leaves behind are reported when they are collected."""
    yield
    gc.collect()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    found = Told()

    def note(text: str) -> None:
        # The note on vulnerable container images does not depend on the host.
        if not text.startswith("geusemaker:services "):
            found.notes.append(text)

    monkeypatch.setattr("pulumi.log.info", note)
    monkeypatch.setattr("pulumi.log.warn", found.warnings.append)
    return found


def _image(account: SimulatedMocks, name: str) -> dict[str, Any]:
    ec2 = account.account.client("ec2")
    (image,) = ec2.describe_images(Filters=[{"Name": "name", "Values": [name]}])["Images"]
    return dict(image)


def _made(account: SimulatedMocks) -> list[str]:
    """The created resources, without the component itself, which makes the calls."""
    return [made.token for made in account.made if not made.token.startswith("geusemaker:")]


def _asked(account: SimulatedMocks) -> set[str]:
    return {token for token, _ in account.asked}


@pytest.mark.parametrize(
    ("args", "why"),
    [
        ({"instance_type": "g4ad.xlarge"}, "AMD"),
        ({"instance_type": "g7.2xlarge", "ami_type": "pytorch"}, "R595"),
    ],
)
def test_a_refused_type_costs_no_look_up_and_no_resource(
    account: SimulatedMocks, told: Told, args: dict[str, Any], why: str
) -> None:
    with pytest.raises(ConfigError, match=why):
        deploy(**args)
    assert _made(account) == []
    assert _asked(account) == {"aws:index/getRegion:getRegion"}
    assert told == Told()


def test_a_type_that_is_not_listed_has_one_warning(account: SimulatedMocks, told: Told) -> None:
    deploy(instance_type="g6f.xlarge", availability_zone_count=1)
    (warning,) = told.warnings
    assert "g6f.xlarge" in warning
    assert "not known to fail" in warning


def test_an_unknown_family_is_checked_by_its_description(
    account: SimulatedMocks, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = load_catalogue()
    less = replace(
        known,
        unsupported=(),
        lines=tuple(
            replace(line, instance_families=tuple(f for f in line.instance_families if f != "g6e"))
            for line in known.lines
        ),
    )
    monkeypatch.setattr("geusemaker.dlami.compatibility.load_catalogue", lambda: less)
    deploy(instance_type="g6e.xlarge", availability_zone_count=1)
    (warning,) = told.warnings
    assert "1 x NVIDIA L40S was not seen" in warning


@pytest.mark.parametrize("key", ["ami_id", "ami_name"])
def test_a_pinned_image_without_the_driver_is_refused_before_anything_is_made(
    account: SimulatedMocks, told: Told, key: str
) -> None:
    old = {"ami_id": _image(account, OLD)["ImageId"], "ami_name": OLD}
    shown = {"ami_id": "amiId", "ami_name": "amiName"}[key]
    with pytest.raises(ConfigError, match=f"pulumi config rm geusemaker:{shown}`"):
        deploy(os_type="ubuntu-24.04", instance_type="g7.2xlarge", **{key: old[key]})
    assert _made(account) == []


def test_a_pinned_image_with_the_driver_is_taken(account: SimulatedMocks, told: Told) -> None:
    deploy(
        os_type="ubuntu-24.04",
        instance_type="g7.2xlarge",
        ami_name=YOUNG,
        availability_zone_count=1,
    )
    assert told == Told()
    (host,) = account.of(HOST)
    assert host.inputs["ami"] == _image(account, YOUNG)["ImageId"]


def test_a_pinned_image_of_another_line_may_run_what_the_known_ones_do_not(
    account: SimulatedMocks, told: Told
) -> None:
    deploy(
        os_type="ubuntu-24.04",
        instance_type="vt1.3xlarge",
        ami_name=NEURON,
        availability_zone_count=1,
    )
    assert account.of(HOST)
    assert len([warning for warning in told.warnings if "Xilinx" in warning]) == 1
    assert "geusemaker:amiName names is none of these, so it is used." in told.warnings[-1]


def _keep(account: SimulatedMocks, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The stack has kept that image, also if a search finds another one now."""
    image = _image(account, name)
    make = account.new_resource

    def kept(args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        made = make(args)
        if args.name.endswith("-image"):
            made[1]["output"] = {
                **made[1]["output"],
                "id": image["ImageId"],
                "name": image["Name"],
                "creation_date": image["CreationDate"],
            }
        return made

    monkeypatch.setattr(account, "new_resource", kept)


def test_a_kept_image_without_the_driver_stops_the_host_and_names_the_newest(
    account: SimulatedMocks, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    _keep(account, monkeypatch, OLD)
    with pytest.raises(ConfigError, match="this stack keeps") as caught:
        deploy(os_type="ubuntu-24.04", instance_type="g7.2xlarge", availability_zone_count=1)
    newest = _image(account, YOUNG)["ImageId"]
    assert f"`pulumi config set geusemaker:amiId {newest}`" in str(caught.value)
    assert account.of(HOST) == []


def test_a_kept_image_is_enough_for_the_types_that_it_runs(
    account: SimulatedMocks, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a type is listed for the image, so there is no remark."""
    _keep(account, monkeypatch, OLD)
    deploy(os_type="ubuntu-24.04", instance_type="g5.xlarge", availability_zone_count=1)
    assert told.warnings == []
    (host,) = account.of(HOST)
    assert host.inputs["ami"] == _image(account, OLD)["ImageId"]


def test_the_newest_image_of_a_region_may_be_too_old_too(
    account: SimulatedMocks, told: Told
) -> None:
    ec2 = account.account.client("ec2")
    line = {"Name": "name", "Values": [f"{BASE} (Ubuntu 24.04) ????????"]}
    for image in ec2.describe_images(Filters=[line])["Images"]:
        if image["CreationDate"] > "2026-07-17" and image["Architecture"] == "x86_64":
            ec2.deregister_image(ImageId=image["ImageId"])
    for policy in ("keep", "latest"):
        with pytest.raises(ConfigError, match="no image of this line that is young enough"):
            deploy(
                os_type="ubuntu-24.04",
                instance_type="g7.2xlarge",
                ami_policy=policy,
                availability_zone_count=1,
            )
        assert account.of(HOST) == []


def test_the_root_volume_has_at_least_the_images_size_and_75_gib_by_default() -> None:
    image = FoundImage("ami-1", YOUNG, "x86_64", "/dev/sda1", 90, "2026-09-25", None)
    assert root_gib(None, image) == 90
    assert root_gib(None, replace(image, root_volume_gib=30)) == 75
    assert root_gib(200, image) == 200
    with pytest.raises(ConfigError, match="rootVolumeGib 90`"):
        root_gib(75, image)
