"""The calls of EC2, how their answers are read, and the warnings and errors for the user."""

import logging
from datetime import date
from typing import Any
from unittest.mock import MagicMock

import pytest
from botocore.stub import ANY, Stubber

from geusemaker.dlami import load_catalogue
from geusemaker.dlami.image import FoundImage
from geusemaker.errors import ConfigError, ImageError, NoImageError, PinError
from geusemaker.services.ec2 import EC2Service

from .imitations import (
    AL2,
    ARM,
    BASE,
    BASE_22,
    FLOW,
    SOMEBODY,
    TODAY,
    TORCH_24,
    U22,
    U24,
    X86,
    Ec2,
    Raw,
    boto_client,
    mock_of,
    name_of,
    raw,
    torch,
)

OLDER = name_of((U22, X86, BASE), "20260619")


# ------------------------------------------------------------------------------------ the search


def test_a_search_is_exact_and_one_call() -> None:
    client = mock_of({"Images": [raw(BASE_22)]})
    service = EC2Service(client=client)
    assert service.get_latest_dlami(today=TODAY) == "ami-0391c53a255869d46"
    client.describe_images.assert_called_once_with(
        Owners=["amazon"],
        IncludeDeprecated=False,
        Filters=[
            {
                "Name": "name",
                "Values": ["Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) ????????"],
            },
            {"Name": "architecture", "Values": ["x86_64"]},
            {"Name": "state", "Values": ["available"]},
        ],
    )
    assert service.warnings == []


def test_one_search_finds_known_and_newer_framework_versions() -> None:
    client = mock_of({"Images": [torch("2.12")]}, {"Images": [torch("2.10")]})
    service = EC2Service(client=client)
    service.find_dlami(*TORCH_24, today=TODAY)
    service.find_dlami(*TORCH_24, "2.10", today=TODAY)
    form = "Deep Learning OSS Nvidia Driver AMI GPU PyTorch {} (Ubuntu 24.04) ????????"
    assert [call.kwargs["Filters"][0]["Values"] for call in client.describe_images.mock_calls] == [
        [form.format(version) for version in ("2.12", "2.11", "2.10", "2.9", "*")],
        [form.format(version) for version in ("2.10", "*")],
    ]


def test_the_search_of_an_ended_line_includes_deprecated_images(
    caplog: pytest.LogCaptureFixture,
) -> None:
    name = name_of((AL2, X86, BASE), "70.3")
    client = mock_of({"Images": [raw(name)]})
    service = EC2Service(client=client)
    with caplog.at_level(logging.WARNING):
        assert service.find_dlami(AL2, X86, BASE, today=TODAY).name == name
    assert client.describe_images.call_args.kwargs["IncludeDeprecated"] is True
    (warning,) = service.warnings
    assert "has not patched it since 2026-06-30" in warning
    assert [(r.name, r.message) for r in caplog.records] == [("geusemaker.services.ec2", warning)]


def test_the_defaults_are_the_stacks_defaults_on_the_current_day() -> None:
    client = mock_of({"Images": [raw(BASE_22)]}, {"Images": [raw(BASE_22)]})
    service = EC2Service(client=client)
    assert EC2Service().region == "us-east-1"
    assert service.get_latest_ami() == service.get_latest_dlami() == "ami-0391c53a255869d46"
    assert client.describe_images.call_count == 2


def test_a_request_that_select_refuses_makes_no_call() -> None:
    client = MagicMock()
    service = EC2Service(client=client)
    with pytest.raises(RuntimeError, match="nearest"):
        service.get_latest_dlami(U24, X86, FLOW)
    with pytest.raises(ConfigError, match="none of amazon-linux-2"):
        service.get_latest_dlami("ubuntu-22")
    client.describe_images.assert_not_called()


# -------------------------------------------------------------------------------------- the answer


def test_every_field_of_the_image_is_read() -> None:
    service = EC2Service(client=mock_of({"Images": [torch("2.12")]}))
    assert service.find_dlami(*TORCH_24, today=TODAY) == FoundImage(
        id="ami-2.12",
        name=name_of(TORCH_24, "20260725", "2.12"),
        architecture="x86_64",
        root_device_name="/dev/sda1",
        root_volume_gib=75,
        creation_date="2026-07-25T09:00:00.000Z",
        framework_version="2.12",
    )


@pytest.mark.parametrize(
    ("pages", "calls"),
    [
        # The right one is on the second page; the same with an empty first page.
        (
            [
                {"Images": [raw(OLDER, created="2026-06-19T09:00:00Z", ImageId="ami-older")]},
                {"Images": [raw(BASE_22)]},
            ],
            2,
        ),
        ([{"Images": []}, {"Images": [raw(BASE_22)]}], 2),
        ([{}, {"Images": [raw(BASE_22)]}, {"Images": []}], 3),
    ],
)
def test_all_pages_of_an_answer_are_read(pages: list[dict[str, Any]], calls: int) -> None:
    answers = [
        {**page, "NextToken": f"page-{number}"} if number < len(pages) else page
        for number, page in enumerate(pages, start=1)
    ]
    client = mock_of(*answers)
    assert EC2Service(client=client).get_latest_dlami(today=TODAY) == "ami-0391c53a255869d46"
    tokens = [call.kwargs.get("NextToken") for call in client.describe_images.call_args_list]
    assert tokens == [None, *(f"page-{number}" for number in range(1, calls))]
    searches = [
        {key: value for key, value in call.kwargs.items() if key != "NextToken"}
        for call in client.describe_images.call_args_list
    ]
    assert all(search == searches[0] for search in searches)


def test_boto3_accepts_the_calls_for_later_pages() -> None:
    client = boto_client("eu-central-1")
    with Stubber(client) as stub:
        stub.add_response("describe_images", {"Images": [], "NextToken": "more"}, None)
        stub.add_response(
            "describe_images",
            {"Images": [raw(BASE_22)]},
            {
                "Owners": ["amazon"],
                "IncludeDeprecated": False,
                "Filters": ANY,
                "NextToken": "more",
            },
        )
        service = EC2Service(client=client)
        assert service.region == "eu-central-1"
        assert service.get_latest_dlami(today=TODAY) == "ami-0391c53a255869d46"
        stub.assert_no_pending_responses()


def test_a_page_that_names_itself_as_the_next_one_ends_the_search() -> None:
    client = MagicMock()
    client.describe_images.return_value = {"Images": [raw(BASE_22)], "NextToken": "again"}
    assert EC2Service(client=client).get_latest_dlami(today=TODAY) == "ami-0391c53a255869d46"
    assert client.describe_images.call_count == 2


def test_a_mock_that_answers_anything_gives_no_image() -> None:
    with pytest.raises(NoImageError, match="us-east-1"):
        EC2Service(client=MagicMock()).get_latest_dlami(today=TODAY)


def test_the_root_volume_is_at_the_device_that_aws_answers_not_at_the_usual_one() -> None:
    disks = [
        {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 90}},
        {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 8}},
    ]
    image = raw(BASE_22, RootDeviceName="/dev/xvda", BlockDeviceMappings=disks)
    found = EC2Service(client=mock_of({"Images": [image]})).find_dlami(U22, X86, BASE, today=TODAY)
    assert (found.root_device_name, found.root_volume_gib) == ("/dev/xvda", 90)


def test_an_answer_without_the_filtered_fields_is_enough() -> None:
    least = {"ImageId": "ami-1", "Name": BASE_22, "CreationDate": "2026-09-02T08:15:00.000Z"}
    service = EC2Service(client=mock_of(*[{"Images": [least]}] * 2))
    assert service.get_latest_dlami(today=TODAY) == "ami-1"
    found = service.find_dlami(U22, X86, BASE, today=TODAY)
    assert (found.root_device_name, found.root_volume_gib) == ("/dev/sda1", 75)
    pinned = EC2Service(client=mock_of({"Images": [least]}))
    assert _pinned(pinned, ami_id="ami-1").id == "ami-1"
    assert pinned.warnings == []


def test_an_image_that_no_host_can_start_from_is_an_error_as_in_the_program() -> None:
    on_store = raw(BASE_22, RootDeviceType="instance-store")
    service = EC2Service(client=mock_of({"Images": [on_store]}))
    with pytest.raises(ImageError, match="root on an instance store"):
        service.get_latest_dlami(today=TODAY)


NEWER = "2026-10-09T09:00:00.000Z"
TOMORROW = name_of((U22, X86, BASE), "20261009")


@pytest.mark.parametrize(
    "decoy",
    [
        raw(TOMORROW, created=NEWER, ImageId="ami-bad", OwnerId=SOMEBODY, ImageOwnerAlias=None),
        raw(TOMORROW, created=NEWER, ImageId="ami-bad", ImageOwnerAlias="aws-marketplace"),
        raw(TOMORROW, created=NEWER, ImageId="ami-bad", State="pending"),
        raw(TOMORROW, ARM, created=NEWER, ImageId="ami-bad"),
        raw(f"{TOMORROW}\n", created=NEWER, ImageId="ami-bad"),
        raw(f"{TOMORROW}-copy", created=NEWER, ImageId="ami-bad"),
        raw(name_of((U22, X86, BASE), "20261399"), created=NEWER, ImageId="ami-bad"),
        raw(TOMORROW, created=NEWER, ImageId=None),
        raw("", created=NEWER, ImageId="ami-bad", Name=None),
        # Deprecated early, and shown by an imitation of AWS all the same.
        raw(TOMORROW, created=NEWER, ImageId="ami-bad", DeprecationTime="2026-10-09T12:00:00Z"),
    ],
)
@pytest.mark.parametrize("order", [1, -1])
def test_an_unfit_image_that_an_imitation_of_aws_shows_is_not_chosen(
    decoy: Raw, order: int
) -> None:
    client = mock_of({"Images": [decoy, raw(BASE_22)][::order]})
    assert EC2Service(client=client).find_dlami(U22, X86, BASE, today=TODAY).name == BASE_22


def test_without_owner_aliases_the_owner_filter_decides() -> None:
    other = raw(TOMORROW, created=NEWER, ImageId="ami-bad", ImageOwnerAlias="aws-marketplace")
    client = mock_of({"Images": [raw(BASE_22, ImageOwnerAlias=None), other]})
    assert EC2Service(client=client).find_dlami(U22, X86, BASE, today=TODAY).name == BASE_22


def test_creation_dates_compare_as_times_and_the_first_of_equals_wins() -> None:
    same = [
        raw(BASE_22, created="2026-09-02T08:15:00.000Z", ImageId="ami-first"),
        raw(BASE_22, created="2026-09-02T08:15:00Z", ImageId="ami-second"),
        raw(BASE_22, created="2026-09-02T09:14:59+01:00", ImageId="ami-third"),
        raw(BASE_22, ImageId="ami-no-time", CreationDate="soon"),
        raw(BASE_22, ImageId="ami-no-zone", CreationDate="2026-09-01"),
    ]
    assert EC2Service(client=mock_of({"Images": same})).get_latest_dlami(today=TODAY) == "ami-first"
    backward = EC2Service(client=mock_of({"Images": same[::-1]}))
    assert backward.get_latest_dlami(today=TODAY) == "ami-second"


def test_an_image_that_aws_shows_is_taken_on_any_day() -> None:
    later = EC2Service(client=mock_of({"Images": [raw(name_of((U24, X86, BASE), "20260925"))]}))
    found = later.find_dlami(U24, X86, BASE, today=date(2029, 4, 1))
    assert found.name == name_of((U24, X86, BASE), "20260925")


# ------------------------------------------------------------------------------------ the warnings


def test_a_region_without_the_newest_version_gets_the_next_with_a_warning() -> None:
    ec2 = Ec2([torch("2.10", "20261009"), torch("2.11")])
    service = EC2Service("eu-west-2", ec2)
    assert service.find_dlami(*TORCH_24, today=TODAY).framework_version == "2.11"
    advisory, lacks = service.warnings
    assert "PyTorch 2.12 for ubuntu-24.04 on x86_64 carries known CVEs" in advisory
    assert "The Region eu-west-2 lacks PyTorch 2.12 for ubuntu-24.04 on x86_64" in lacks
    assert "using 2.11, which carries known CVEs that AWS will not patch" in lacks
    assert "`pulumi config set geusemaker:frameworkVersion 2.11`" in lacks


def test_a_version_newer_than_the_table_gives_a_warning_and_is_not_taken() -> None:
    ec2 = Ec2([torch("2.14", "20261001"), torch("2.13.1", "20261002"), torch("2.12")])
    service = EC2Service(client=ec2)
    assert service.find_dlami(*TORCH_24, today=TODAY).framework_version == "2.12"
    (newer,) = [warning for warning in service.warnings if "AWS has" in warning]
    assert "AWS has PyTorch 2.14 for ubuntu-24.04 on x86_64, newer than PyTorch 2.12" in newer
    assert f"(as of {load_catalogue().as_of})" in newer
    assert "`pulumi config set geusemaker:amiName 'Deep Learning" in newer
    assert len(ec2.asked) == 1


@pytest.mark.parametrize(
    "unfit",
    [
        torch("2.14", OwnerId=SOMEBODY, ImageOwnerAlias=None),
        torch("2.14", State="pending"),
        torch("2.14", Architecture=ARM),
        torch("2.14", "20260228", Name="Deep Learning AMI PyTorch 2.14"),
        torch("2.3.0"),
    ],
)
def test_other_owners_and_older_versions_give_no_warning(unfit: Raw) -> None:
    service = EC2Service(client=mock_of({"Images": [torch("2.12"), unfit]}))
    service.find_dlami(*TORCH_24, today=TODAY)
    assert not [warning for warning in service.warnings if "AWS has" in warning]


def test_warnings_belong_to_the_last_search() -> None:
    service = EC2Service(client=Ec2([torch("2.12"), raw(BASE_22)]))
    service.find_dlami(*TORCH_24, today=TODAY)
    assert service.warnings
    service.find_dlami(U22, X86, BASE, today=TODAY)
    assert service.warnings == []


def test_a_region_without_images_is_an_error_with_the_region_and_no_guess() -> None:
    service = EC2Service("me-x", Ec2([]))
    with pytest.raises(NoImageError) as caught:
        service.get_latest_dlami(*TORCH_24, today=TODAY)
    text = str(caught.value)
    assert isinstance(caught.value, RuntimeError)
    assert "the Region me-x" in text
    assert "GPU PyTorch 2.9 (Ubuntu 24.04) ????????" in text
    assert "It shows none that could take its place either" in text
    assert "`pulumi config " not in text
    assert "\n" not in text


# ---------------------------------------------------------------------------------------- the pins


def _pinned(service: EC2Service, **pins: Any) -> FoundImage:
    keys = {"os_type": U22, "architecture": X86, "ami_type": BASE, **pins}
    return service.find_pinned(**keys)


def test_a_pin_by_id_searches_every_owner() -> None:
    client = mock_of({"Images": [raw(BASE_22)]})
    service = EC2Service(client=client)
    assert _pinned(service, ami_id="ami-0391c53a255869d46").name == BASE_22
    client.describe_images.assert_called_once_with(
        IncludeDeprecated=True,
        Filters=[{"Name": "image-id", "Values": ["ami-0391c53a255869d46"]}],
    )
    assert service.warnings == []


def test_a_pin_by_name_prefers_the_image_of_aws_to_the_accounts_copy() -> None:
    # A copy in the account has the same name and is newer: the pin means AWS's image.
    older = raw(BASE_22, created="2026-09-01T08:15:00.000Z", ImageId="ami-older")
    mine = raw(BASE_22, ImageOwnerAlias=None, OwnerId="123456789012")
    other = raw(f"{BASE_22} x", created=NEWER, ImageId="ami-other")
    own = mock_of({"Images": [mine, other]})
    assert _pinned(EC2Service(client=own), ami_name=BASE_22).id == "ami-0391c53a255869d46"
    client = mock_of({"Images": [older, mine, other]})
    assert _pinned(EC2Service(client=client), ami_name=BASE_22).id == "ami-older"
    client.describe_images.assert_called_once_with(
        IncludeDeprecated=True,
        Owners=["amazon", "self"],
        Filters=[{"Name": "name", "Values": [BASE_22]}],
    )


def test_wildcards_in_a_pinned_name_are_escaped() -> None:
    client = mock_of({"Images": []})
    with pytest.raises(PinError):
        _pinned(EC2Service(client=client), ami_name="My *?\\ image")
    assert client.describe_images.call_args.kwargs["Filters"][0]["Values"] == [
        "My \\*\\?\\\\ image"
    ]


@pytest.mark.parametrize(("key", "pin"), [("amiId", "ami-1"), ("amiName", BASE_22)])
def test_a_pin_that_aws_does_not_show_is_an_error_with_a_fix(key: str, pin: str) -> None:
    given = {"ami_id" if key == "amiId" else "ami_name": pin}
    with pytest.raises(PinError) as caught:
        _pinned(EC2Service("eu-west-3", Ec2([])), **given)
    text = str(caught.value)
    assert "the Region eu-west-3" in text
    assert f"`pulumi config rm geusemaker:{key}`" in text
    assert "\n" not in text


def test_a_pin_that_does_not_fit_is_refused() -> None:
    def refused(image: Raw, **pins: Any) -> str:
        pins = {"ami_id": image["ImageId"], **pins}
        with pytest.raises(PinError) as caught:
            _pinned(EC2Service(client=Ec2([image])), **pins)
        return str(caught.value)

    assert "'disabled'" in refused(raw(BASE_22, State="disabled"))
    assert "set geusemaker:architecture arm64" in refused(raw(BASE_22, ARM))
    assert "set geusemaker:amiType pytorch" in refused(torch("2.12"), os_type=U24)


def test_a_pin_with_an_unknown_name_is_taken_with_a_warning() -> None:
    service = EC2Service(client=Ec2([raw("golden-image-7")]))
    assert _pinned(service, ami_id="ami-0391c53a255869d46").name == "golden-image-7"
    (warning,) = service.warnings
    assert "does not look like one of AWS's Deep Learning AMIs" in warning


def test_a_pin_without_a_name_is_taken_with_a_warning() -> None:
    service = EC2Service(client=mock_of({"Images": [raw("", Name=None)]}))
    assert _pinned(service, ami_id="ami-0391c53a255869d46").name == ""
    assert len(service.warnings) == 1


def test_two_pins_are_a_config_error_and_none_is_a_value_error() -> None:
    service = EC2Service(client=MagicMock())
    with pytest.raises(ConfigError, match="pulumi config rm geusemaker:amiName"):
        _pinned(service, ami_id="ami-1", ami_name=BASE_22)
    with pytest.raises(ValueError, match="ami_id or ami_name"):
        _pinned(service)


def test_the_error_names_a_newer_version_if_the_region_has_no_other() -> None:
    service = EC2Service(client=Ec2([torch("2.14", "20261001")]))
    with pytest.raises(NoImageError) as caught:
        service.get_latest_dlami(*TORCH_24, today=TODAY)
    said = str(caught.value)
    assert "AWS has PyTorch 2.14 for ubuntu-24.04 on x86_64, newer than PyTorch 2.12" in said
    assert f"`pulumi config set geusemaker:amiName '{torch('2.14', '20261001')['Name']}'`" in said
    assert "taken only where geusemaker:frameworkVersion names one" in said


def test_images_with_equal_creation_dates_are_ordered_by_name() -> None:
    when = "2026-10-01T00:00:00.000Z"
    days = ["20260317", "20260902", "20241115"]
    shown = [
        raw(name_of((U22, X86, BASE), day), created=when, ImageId=f"ami-{day}") for day in days
    ]
    assert EC2Service(client=Ec2(shown)).get_latest_dlami(today=TODAY) == "ami-20260902"
    builds = ["65.5", "65.8", "65.10"]
    shown = [
        raw(name_of((AL2, X86, BASE), build), created=when, ImageId=f"ami-{build}")
        for build in builds
    ]
    service = EC2Service(client=Ec2(shown))
    assert service.get_latest_dlami(AL2, X86, BASE, today=TODAY) == "ami-65.10"
