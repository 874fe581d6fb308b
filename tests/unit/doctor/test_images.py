"""The image check: one AWS call, and the result for each answer."""

from datetime import date
from typing import Any

import pytest

from doctor.place import Somewhere, stubbed
from geusemaker.dlami import select
from geusemaker.doctor import images
from geusemaker.doctor.check import Check
from geusemaker.doctor.images import Wanted
from geusemaker.services.ec2 import EC2Service
from geusemaker.simulator.mocks import simulated_account

TODAY = date(2026, 11, 1)
BASE = "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) {}"
TORCH = "Deep Learning OSS Nvidia Driver AMI GPU PyTorch {} (Ubuntu 24.04) {}"
PIN = "ami-0123456789abcdef0"


def look(place: Somewhere, today: date = TODAY) -> tuple[Check, Wanted]:
    return images.image(place, place.config(), is_logged_in=True, has_region=True, today=today)


def image(place: Somewhere, today: date = TODAY) -> Check:
    return look(place, today)[0]


def one(name: str, number: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "Name": name,
        "ImageId": f"ami-{number}",
        "Architecture": "x86_64",
        "CreationDate": f"2026-01-{number + 10}T00:00:00.000Z",
        "RootDeviceName": "/dev/sda1",
        "BlockDeviceMappings": [{"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 75}}],
        **more,
    }


def named(*names: str) -> dict[str, Any]:
    """Images, each newer than the one before."""
    return {"Images": [one(name, n) for n, name in enumerate(names)]}


def with_images(*answers: Any, **settings: Any) -> Somewhere:
    calls = [("describe_images", answer) for answer in answers]
    return Somewhere({"ec2": stubbed("ec2", *calls)}, settings)


def test_the_newest_image_of_the_line_is_shown_and_returned() -> None:
    old, new = BASE.format("20260101"), BASE.format("20260901")
    check, wanted = look(with_images(named(old, new, BASE.format("2026abcd"))))
    assert check == Check("image", "ok", new)
    assert wanted.query == select("ubuntu-22.04", "x86_64", "base", today=TODAY)
    assert (wanted.pin, wanted.found and wanted.found.id) == (None, "ami-1")


def test_creation_dates_compare_as_times() -> None:
    late = one(BASE.format("20260202"), CreationDate="2026-02-02T01:00:00.000Z")
    early = one(BASE.format("20260201"), 1, CreationDate="2026-02-02T02:00:00.000+09:00")
    assert image(with_images({"Images": [early, late]})).detail == late["Name"]


def test_all_pages_of_an_answer_are_read() -> None:
    place = with_images({"Images": [], "NextToken": "more"}, named(BASE.format("20260901")))
    assert image(place).state == "ok"


def test_the_image_is_the_one_that_other_commands_find() -> None:
    with simulated_account() as mocks:
        client = mocks.account.client("ec2")
        check = image(Somewhere({"ec2": client}, {"os_type": "amazon-linux-2023"}))
        service = EC2Service(client=client)
        found = service.find_dlami("amazon-linux-2023", "x86_64", "base", today=TODAY)
    assert (check.state, check.detail) == ("ok", found.name)


def test_a_region_without_images_fails() -> None:
    check, wanted = look(with_images(named()))
    assert (check.state, check.fix) == ("failed", "")
    assert "no image for ubuntu-22.04 / x86_64 / base in the Region us-east-1" in check.detail
    assert "none that could take its place" in check.detail
    assert (wanted.query is None, wanted.found) == (False, None)


def test_an_ended_line_is_a_warning_with_the_nearest_line() -> None:
    name = BASE.format("20260901")
    check, wanted = look(with_images(named(name)), date(2029, 1, 1))
    assert (check.state, check.detail) == ("warning", name)
    assert "nearest" in check.fix
    assert wanted.found is not None


def test_a_region_without_the_newest_version_is_a_warning() -> None:
    settings = {"os_type": "ubuntu-24.04", "ami_type": "pytorch"}
    today = date(2026, 8, 1)
    query = select("ubuntu-24.04", "x86_64", "pytorch", today=today)
    best, second = (str(one.framework_version) for one in query.candidates[:2])
    name = TORCH.format(second, "20260801")
    check = image(with_images(named(name), **settings), today)
    assert (check.state, check.detail) == ("warning", name)
    assert f"us-east-1 lacks PyTorch {best} for ubuntu-24.04 on x86_64, using {second}" in (
        check.fix
    )


def test_a_version_newer_than_the_table_is_a_warning() -> None:
    settings = {"os_type": "ubuntu-24.04", "ami_type": "pytorch", "framework_version": "2.12"}
    known, newer = TORCH.format("2.12", "20260901"), TORCH.format("2.99", "20261001")
    check = image(with_images(named(known, newer), **settings))
    assert (check.state, check.detail) == ("warning", known)
    assert check.fix.count(f"`pulumi config set geusemaker:amiName '{newer}'`") == 1


@pytest.mark.parametrize("is_logged_in", [True, False])
def test_an_image_that_aws_never_released_is_a_config_error(is_logged_in: bool) -> None:
    settings = {"os_type": "amazon-linux-2", "architecture": "arm64", "ami_type": "tensorflow"}
    place = Somewhere({}, settings)
    check, wanted = images.image(
        place, place.config(), is_logged_in=is_logged_in, has_region=True, today=TODAY
    )
    assert check.state == "failed"
    assert "nearest" in check.detail
    assert wanted == Wanted()


@pytest.mark.parametrize("key", ["ami_id", "ami_name"])
def test_a_pinned_image_is_ok(key: str) -> None:
    found = one(BASE.format("20260101"), ImageId=PIN)
    pins = {"ami_id": PIN, "ami_name": found["Name"]}
    check, wanted = look(with_images({"Images": [found]}, **{key: pins[key]}))
    assert check == Check("image", "ok", f"pinned: {found['Name']}")
    assert wanted.pin == {"ami_id": "amiId", "ami_name": "amiName"}[key]
    assert wanted.found is not None


def test_a_missing_pinned_image_fails() -> None:
    check, wanted = look(with_images(named(), ami_id=PIN))
    assert check.state == "failed"
    assert f"geusemaker:amiId '{PIN}' names an image that AWS does not show" in check.detail
    assert "`pulumi config rm geusemaker:amiId`" in check.detail
    assert (wanted.pin, wanted.found) == ("amiId", None)


def test_a_pinned_image_that_contradicts_the_config_fails() -> None:
    found = one(TORCH.format("2.12", "20260901"), ImageId=PIN)
    check = image(with_images({"Images": [found]}, ami_id=PIN))
    assert check.state == "failed"
    assert "contradicts other keys: geusemaker:osType is ubuntu-22.04" in check.detail


def test_a_pinned_image_that_no_host_can_start_from_fails() -> None:
    found = one(BASE.format("20260101"), ImageId=PIN, State="pending")
    check = image(with_images({"Images": [found]}, ami_id=PIN))
    assert (check.state, "state is 'pending'" in check.detail) == ("failed", True)


def test_a_pinned_image_of_the_users_own_is_a_warning() -> None:
    check, wanted = look(with_images({"Images": [one("mine", ImageId=PIN)]}, ami_id=PIN))
    assert (check.state, check.detail) == ("warning", "pinned: mine")
    assert "does not look like one of AWS's" in check.fix
    assert wanted.found is not None


@pytest.mark.parametrize("settings", [{}, {"ami_id": PIN}])
def test_a_failed_call_leaves_the_image_unknown(settings: dict[str, str]) -> None:
    lacking, wanted = look(with_images("UnauthorizedOperation", **settings))
    assert (lacking.state, lacking.detail) == ("unknown", "the caller lacks ec2:DescribeImages")
    assert (wanted.query is None, wanted.found) == (False, None)
    other = image(with_images("InvalidParameterValue", **settings))
    assert (other.state, "AWS's own words" in other.detail) == ("unknown", True)


def test_an_invalid_endpoint_gives_no_traceback() -> None:
    check = image(Somewhere({"ec2": ValueError("Invalid endpoint: nonsense")}))
    assert (check.state, check.detail) == ("unknown", "error: Invalid endpoint: nonsense")


@pytest.mark.parametrize(
    ("is_logged_in", "has_region", "detail"),
    [
        (False, True, "not checked: no credentials"),
        (False, False, "not checked: no Region"),
        (True, False, "not checked: no Region"),
    ],
)
def test_without_credentials_or_region_the_image_is_not_checked(
    is_logged_in: bool, has_region: bool, detail: str
) -> None:
    place = Somewhere()
    check, wanted = images.image(
        place, place.config(), is_logged_in=is_logged_in, has_region=has_region, today=TODAY
    )
    assert check == Check("image", "unknown", detail)
    assert wanted.query is not None  # what the name of a type tells can be looked at
