"""The calls of AWS, and how their answers and failures are read."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from geusemaker.dlami import ImageQuery, select
from geusemaker.dlami.image import FoundImage
from geusemaker.dlami.lookup import find_image, find_pinned
from geusemaker.dlami.wording import NEWER_IMAGE, newer_image
from geusemaker.errors import ConfigError, ImageError, NoImageError, PinError

TODAY = date(2026, 10, 10)
BASE_22 = "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20260902"
TORCH_24 = "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.12 (Ubuntu 24.04) 20260725"
# The real provider's whole text, with its layers and its escaped line breaks.
NO_RESULTS = (
    "invocation of aws:ec2/getAmi:getAmi returned an error: invoking aws:ec2/getAmi:getAmi: "
    "1 error occurred:\\n\\t* Your query returned no results. Please change your search criteria "
    "and try again.\\n\\n"
)


def _image(name: str | None = BASE_22, **changes: Any) -> dict[str, Any]:
    """An answer of the provider, camelCase as it is on the wire."""
    return {
        "id": "ami-0391c53a255869d46",
        "name": name,
        "architecture": "x86_64",
        "state": "available",
        "rootDeviceName": "/dev/sda1",
        "creationDate": "2026-09-02T08:15:00.000Z",
        "blockDeviceMappings": [
            {"deviceName": "/dev/sdb", "virtualName": "ephemeral0", "noDevice": "", "ebs": {}},
            {
                "deviceName": "/dev/sda1",
                "virtualName": "",
                "noDevice": "",
                "ebs": {"volumeSize": "75", "volumeType": "gp3", "encrypted": "false"},
            },
        ],
        **changes,
    }


class Account(pulumi.runtime.Mocks):
    """An AWS that gives prepared answers in turn, and records the calls."""

    def __init__(self) -> None:
        self.answers: list[dict[str, Any] | Exception] = []
        self.asked: list[dict[str, Any]] = []

    def new_resource(
        self, args: pulumi.runtime.MockResourceArgs
    ) -> tuple[str | None, dict[Any, Any]]:
        raise AssertionError(f"a lookup made a resource: {args.typ}")

    def call(
        self, args: pulumi.runtime.MockCallArgs
    ) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        assert args.token == "aws:ec2/getAmi:getAmi"
        self.asked.append(dict(args.args))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer, []


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    mocks = Account()
    pulumi.runtime.set_mocks(mocks, project="geusemaker", stack="test")
    answer = aws.ec2.get_ami

    def get_ami(**search: Any) -> Any:
        # Raised here and not in the mocks: an exception that crosses Pulumi's event loop makes
        # coverage lose its place on Python 3.11. One test below lets it cross.
        if mocks.answers and isinstance(mocks.answers[0], Exception):
            mocks.asked.append(search)
            raise mocks.answers.pop(0)  # type: ignore[misc]
        return answer(**search)

    monkeypatch.setattr(aws.ec2, "get_ami", get_ami)
    yield mocks
    assert mocks.answers == [], "not every prepared answer was used"


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr("pulumi.log.warn", found.append)
    return found


def _query(**changes: Any) -> ImageQuery:
    return replace(select("ubuntu-22.04", "x86_64", "base", today=TODAY), **changes)


def _pinned(
    *,
    os_type: str = "ubuntu-22.04",
    architecture: str = "x86_64",
    ami_type: str = "base",
    framework_version: str | None = None,
    ami_id: str | None = None,
    ami_name: str | None = None,
) -> FoundImage:
    return find_pinned(
        ami_id,
        ami_name,
        os_type=os_type,
        architecture=architecture,
        ami_type=ami_type,
        framework_version=framework_version,
    )


def test_the_search_is_exact_and_one_call(account: Account, said: list[str]) -> None:
    account.answers = [_image()]
    query = _query()
    found = find_image(query)
    assert account.asked == [
        {
            "owners": ["amazon"],
            "mostRecent": True,
            "includeDeprecated": False,
            "nameRegex": query.candidates[0].name_regex,
            "filters": [
                {
                    "name": "name",
                    "values": [
                        "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) ????????"
                    ],
                },
                {"name": "architecture", "values": ["x86_64"]},
                {"name": "state", "values": ["available"]},
            ],
        }
    ]
    assert found == FoundImage(
        id="ami-0391c53a255869d46",
        name=BASE_22,
        architecture="x86_64",
        root_device_name="/dev/sda1",
        root_volume_gib=75,
        creation_date="2026-09-02T08:15:00.000Z",
        framework_version=None,
    )
    assert said == []


def test_the_search_of_an_ended_line_includes_deprecated_images(account: Account) -> None:
    account.answers = [
        _image("Deep Learning Base OSS Nvidia Driver AMI (Amazon Linux 2) Version 70.3")
    ]
    find_image(select("amazon-linux-2", "x86_64", "base", today=TODAY))
    assert account.asked[0]["includeDeprecated"] is True


def test_a_region_without_the_newest_version_gets_the_next_with_a_warning(
    account: Account, said: list[str]
) -> None:
    second = TORCH_24.replace("2.12", "2.11")
    account.answers = [Exception(NO_RESULTS), _image(second)]
    found = find_image(select("ubuntu-24.04", "x86_64", "pytorch", today=TODAY))
    assert found.framework_version == "2.11"
    first, second_time = account.asked
    assert "PyTorch (2\\.12)" in first["name_regex"]
    assert "PyTorch (2\\.11)" in second_time["nameRegex"]
    (warning,) = said
    assert "The Region lacks PyTorch 2.12 for ubuntu-24.04 on x86_64, using 2.11" in warning
    assert "CVEs" in warning
    assert "`pulumi config set geusemaker:frameworkVersion 2.11`" in warning


def test_a_fallback_to_an_ended_version_says_when_it_ended(
    account: Account, said: list[str]
) -> None:
    account.answers = [
        Exception(NO_RESULTS),
        _image("Deep Learning OSS Nvidia Driver AMI GPU TensorFlow 2.17 (Ubuntu 22.04) 20241213"),
    ]
    find_image(select("ubuntu-22.04", "x86_64", "tensorflow", today=TODAY), region="eu-west-2")
    (warning,) = said
    assert "The Region eu-west-2 lacks" in warning
    assert "using 2.17, which AWS has not patched since 2025-11-07" in warning
    assert "CVEs" not in warning


def test_the_error_names_the_searched_names_and_the_nearest_image_of_the_region(
    account: Account,
) -> None:
    account.answers = [*[Exception(NO_RESULTS)] * 5, _image(BASE_22)]
    with pytest.raises(NoImageError) as caught:
        find_image(select("ubuntu-24.04", "arm64", "pytorch", today=TODAY))
    message = str(caught.value)
    for version in ("2.12", "2.11", "2.10", "2.9"):
        assert f"GPU PyTorch {version} (Ubuntu 24.04) ????????" in message
    assert "ubuntu-24.04 / arm64 / pytorch" in message
    assert "aws:region" not in message
    assert "The nearest that AWS shows there: base on ubuntu-26.04" in message
    command = (
        "pulumi config set geusemaker:osType ubuntu-26.04 && "
        "pulumi config set geusemaker:amiType base"
    )
    assert f"`{command}`" in message
    assert "\n" not in message


def test_another_version_of_the_line_is_the_nearest(account: Account) -> None:
    account.answers = [Exception(NO_RESULTS), _image(TORCH_24)]
    with pytest.raises(NoImageError) as caught:
        find_image(select("ubuntu-24.04", "x86_64", "pytorch", "2.9", today=TODAY))
    assert "`pulumi config set geusemaker:frameworkVersion 2.12`" in str(caught.value)


@pytest.mark.parametrize(
    ("instance_type", "command"),
    [
        ("g5.xlarge", "geusemaker:amiType pytorch`"),
        ("g7.2xlarge", "geusemaker:osType ubuntu-26.04`"),
    ],
)
def test_the_nearest_image_runs_on_the_instance_type(
    account: Account, instance_type: str, command: str
) -> None:
    account.answers = [Exception(NO_RESULTS), _image()]
    query = select("amazon-linux-2023", "x86_64", "base", today=TODAY)
    with pytest.raises(NoImageError) as caught:
        find_image(query, None, None, instance_type)
    assert f"`pulumi config set {command}" in str(caught.value)


def test_a_failure_of_the_search_for_another_image_does_not_hide_the_first(
    account: Account,
) -> None:
    account.answers = [Exception(NO_RESULTS), Exception("RequestLimitExceeded")]
    with pytest.raises(NoImageError) as caught:
        find_image(_query())
    assert "shows none that could take its place either" in str(caught.value)


def test_the_error_for_an_ended_line_does_not_mention_ended_versions(
    account: Account,
) -> None:
    account.answers = [Exception(NO_RESULTS)] * 2
    with pytest.raises(NoImageError) as caught:
        find_image(select("ubuntu-22.04", "x86_64", "tensorflow", today=TODAY))
    assert "taken only where" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "No valid credential sources found",
        "UnauthorizedOperation: You are not authorized to perform: ec2:DescribeImages",
        "RequestLimitExceeded: Request limit exceeded.",
        "dial tcp: lookup ec2.eu-nowhere-1.amazonaws.com: no such host",
    ],
)
def test_any_other_failure_keeps_the_words_of_aws_and_is_not_tried_further(
    account: Account, text: str
) -> None:
    account.answers = [Exception(f"1 error occurred:\\n\\t* {text}\n\n")]
    with pytest.raises(ImageError) as caught:
        find_image(select("ubuntu-24.04", "x86_64", "pytorch", today=TODAY), region="eu-west-3")
    message = str(caught.value)
    assert "in the Region eu-west-3" in message
    assert not isinstance(caught.value, NoImageError)
    assert text in message
    assert "aws sts get-caller-identity" in message
    assert "pulumi config get aws:region" in message
    assert "\n" not in message
    assert "\\n" not in message


def test_an_empty_answer_through_pulumi_is_recognised(said: list[str]) -> None:
    mocks = Account()
    mocks.answers = [Exception(NO_RESULTS), _image(TORCH_24.replace("2.12", "2.11"))]
    pulumi.runtime.set_mocks(mocks, project="geusemaker", stack="test")
    found = find_image(select("ubuntu-24.04", "x86_64", "pytorch", today=TODAY))
    assert found.framework_version == "2.11"
    assert len(said) == 1


@pytest.mark.parametrize("key", ["volumeSize", "volume_size"])
@pytest.mark.parametrize("size", ["105", 105, 105.0])
def test_the_root_size_is_a_number_whatever_its_key(
    account: Account, key: str, size: object
) -> None:
    account.answers = [
        _image(blockDeviceMappings=[{"deviceName": "/dev/sda1", "ebs": {key: size}}])
    ]
    assert find_image(_query()).root_volume_gib == 105


@pytest.mark.parametrize(
    "mappings",
    [
        [],
        None,
        [{"deviceName": "/dev/xvda", "ebs": {"volumeSize": "80"}}],
        [{"deviceName": "/dev/sda1", "ebs": {"volumeSize": "0"}}],
        [{"deviceName": "/dev/sda1", "ebs": {"volumeSize": "many"}}],
        [{"deviceName": "/dev/sda1", "ebs": {"volumeSize": "75.5"}}],
        [{"deviceName": "/dev/sda1", "ebs": {}}],
        [{"deviceName": "/dev/sda1", "ebs": None}],
    ],
)
def test_an_unknown_root_size_is_the_smallest_of_the_line(account: Account, mappings: Any) -> None:
    account.answers = [_image(TORCH_24, blockDeviceMappings=mappings)]
    query = select("ubuntu-24.04", "x86_64", "pytorch", today=TODAY)
    assert find_image(query).root_volume_gib == 30


def test_an_answer_with_id_and_name_alone_is_enough(account: Account) -> None:
    account.answers = [{"id": "ami-0391c53a255869d46", "name": BASE_22}]
    found = find_image(_query())
    assert found == FoundImage(
        "ami-0391c53a255869d46", BASE_22, "x86_64", "/dev/sda1", 75, "", None
    )
    assert FoundImage.from_record(found.to_record()) == found


def test_an_answer_for_a_pin_needs_only_id_and_name(account: Account) -> None:
    account.answers = [{"id": "ami-0123456789abcdef0", "name": "golden"}]
    found = find_pinned(
        "ami-0123456789abcdef0", os_type="ubuntu-22.04", architecture="x86_64", ami_type="base"
    )
    assert (found.root_device_name, found.root_volume_gib) == ("/dev/sda1", 75)


def test_an_image_on_an_instance_store_is_refused(account: Account) -> None:
    account.answers = [_image(rootDeviceType="instance-store", blockDeviceMappings=[])]
    with pytest.raises(ImageError, match="has its root on an instance store"):
        find_image(_query())


def test_a_record_goes_through_the_state_and_back() -> None:
    image = FoundImage(
        "ami-1", TORCH_24, "x86_64", "/dev/sda1", 75, "2026-09-02T08:15:00.000Z", "2.12"
    )
    record = json.loads(json.dumps(image.to_record()))
    assert record == image.to_record()
    # Pulumi's state has one kind of number.
    read = FoundImage.from_record({**record, "root_volume_gib": 75.0, "of_the_future": True})
    assert read == image
    assert isinstance(read.root_volume_gib, int)


@pytest.mark.parametrize("change", [{"root_volume_gib": "many"}, {"root_volume_gib": None}, None])
def test_a_broken_record_is_an_error_that_shows_it(change: dict[str, Any] | None) -> None:
    image = FoundImage("ami-1", BASE_22, "x86_64", "/dev/sda1", 75, "2026-09-02", None)
    record = {**image.to_record(), **change} if change else {"id": "ami-1"}
    with pytest.raises(ImageError, match="ami-1"):
        FoundImage.from_record(record)


def test_only_a_newer_image_is_reported_as_newer() -> None:
    def image(id_: str, version: str, day: str) -> FoundImage:
        name = TORCH_24.replace("2.12", version)
        return FoundImage(id_, name, "x86_64", "/dev/sda1", 30, day, version)

    kept = image("ami-1", "2.9", "2026-10-03")
    assert newer_image(kept, kept) is None
    # A higher version is newer, whichever was built last.
    for found in (image("ami-2", "2.9", "2026-10-04"), image("ami-2", "2.10", "2026-09-01")):
        newer = newer_image(kept, found)
        assert newer is not None
        assert newer.startswith(f"{NEWER_IMAGE}: {found.name} (ami-2)")
        assert "`pulumi config set geusemaker:amiId ami-2`" in newer
    for day in ("2026-09-01", "2026-10-03"):
        older = newer_image(kept, image("ami-0", "2.9", day))
        assert older is not None
        assert f"finds, {kept.name} (ami-0), is no newer than what runs" in older
        assert "amiId" not in older
    gone = newer_image(kept, None)
    assert gone is not None
    assert "no image of this line in the Region any more" in gone


def test_a_pin_by_id_searches_every_owner(account: Account, said: list[str]) -> None:
    account.answers = [_image()]
    assert _pinned(ami_id="ami-0391c53a255869d46").name == BASE_22
    assert account.asked == [
        {
            "includeDeprecated": True,
            "filters": [{"name": "image-id", "values": ["ami-0391c53a255869d46"]}],
        }
    ]
    assert said == []


def test_a_pin_by_name_searches_exactly_that_name(account: Account) -> None:
    account.answers = [_image()]
    assert _pinned(ami_name=BASE_22).id == "ami-0391c53a255869d46"
    assert account.asked == [
        {
            "owners": ["amazon"],
            "mostRecent": True,
            "includeDeprecated": True,
            "nameRegex": (
                r"^Deep Learning Base OSS Nvidia Driver GPU AMI \(Ubuntu 22\.04\) 20260902$"
            ),
            "filters": [{"name": "name", "values": [BASE_22]}],
        }
    ]


def test_without_an_image_of_aws_the_accounts_image_of_that_name_is_used(
    account: Account,
) -> None:
    account.answers = [Exception(NO_RESULTS), _image(id="ami-0aaaaaaaaaaaaaaaa")]
    assert _pinned(ami_name=BASE_22).id == "ami-0aaaaaaaaaaaaaaaa"
    assert [asked["owners"] for asked in account.asked] == [["amazon"], ["self"]]


def test_wildcards_in_a_pinned_name_are_escaped(account: Account) -> None:
    account.answers = [Exception(NO_RESULTS)] * 2
    with pytest.raises(PinError):
        _pinned(ami_name="My *?\\ image")
    (name_filter,) = account.asked[0]["filters"]
    assert name_filter.values == ["My \\*\\?\\\\ image"]


def test_two_pins_are_a_config_error(account: Account) -> None:
    with pytest.raises(ConfigError, match="pulumi config rm geusemaker:amiName"):
        _pinned(ami_id="ami-1", ami_name=BASE_22)


def test_no_pin_is_a_value_error(account: Account) -> None:
    with pytest.raises(ValueError, match="ami_id or ami_name"):
        _pinned()


@pytest.mark.parametrize(
    ("key", "pin"), [("amiId", {"ami_id": "ami-1"}), ("amiName", {"ami_name": BASE_22})]
)
def test_a_pin_that_aws_does_not_show_is_an_error_with_fixes(
    account: Account, key: str, pin: dict[str, str]
) -> None:
    account.answers = [Exception(NO_RESULTS)] * (2 if key == "amiName" else 1)
    with pytest.raises(PinError) as caught:
        _pinned(**pin)
    message = str(caught.value)
    assert f"`pulumi config rm geusemaker:{key}`" in message
    assert "aws:region" in message
    assert "\n" not in message


def test_a_pin_that_is_not_available_is_refused(account: Account) -> None:
    account.answers = [_image(state="disabled")]
    with pytest.raises(PinError, match="'disabled'"):
        _pinned(ami_id="ami-1")


def test_a_failed_search_for_a_pin_keeps_the_words_of_aws(account: Account) -> None:
    account.answers = [Exception("UnauthorizedOperation: no")]
    with pytest.raises(ImageError, match="UnauthorizedOperation: no") as caught:
        _pinned(ami_id="ami-1")
    assert not isinstance(caught.value, PinError)


ARM_24 = "Deep Learning ARM64 AMI OSS Nvidia Driver GPU PyTorch 2.12 (Ubuntu 24.04) 20260724"


@pytest.mark.parametrize(
    ("image", "keys", "fixes"),
    [
        (_image(architecture="arm64"), {}, ["set geusemaker:architecture arm64"]),
        (
            _image(),
            {"os_type": "ubuntu-24.04"},
            ["set geusemaker:osType ubuntu-22.04"],
        ),
        (
            _image(TORCH_24),
            {"os_type": "ubuntu-24.04"},
            ["set geusemaker:amiType pytorch"],
        ),
        (
            _image(TORCH_24),
            {"os_type": "ubuntu-24.04", "ami_type": "pytorch", "framework_version": "2.11"},
            ["set geusemaker:frameworkVersion 2.12"],
        ),
        (
            _image(),
            {"ami_type": "pytorch", "framework_version": "2.7"},
            ["set geusemaker:amiType base", "rm geusemaker:frameworkVersion"],
        ),
        (
            _image(ARM_24, architecture="arm64"),
            {"framework_version": None},
            [
                "set geusemaker:architecture arm64",
                "set geusemaker:osType ubuntu-24.04",
                "set geusemaker:amiType pytorch",
            ],
        ),
        # A name of a line outside the table still names its OS.
        (
            _image("Deep Learning AMI Neuron (Ubuntu 24.04) 20260502"),
            {},
            ["set geusemaker:osType ubuntu-24.04"],
        ),
    ],
)
def test_a_pin_that_contradicts_keys_is_an_error_with_both_fixes(
    account: Account, image: dict[str, Any], keys: dict[str, Any], fixes: list[str]
) -> None:
    account.answers = [image]
    with pytest.raises(PinError) as caught:
        _pinned(ami_id="ami-0391c53a255869d46", **keys)
    message = str(caught.value)
    assert "`pulumi config rm geusemaker:amiId`" in message
    assert "`" + " && ".join(f"pulumi config {fix}" for fix in fixes) + "`" in message
    for fix in fixes:
        actual = fix.split(" ")[2] if fix.startswith("set") else "none"
        assert f", the image's is {actual}" in message
    assert "\n" not in message


@pytest.mark.parametrize("version", [None, "2.6", "2.6.0"])
def test_a_pin_fits_whichever_way_the_version_is_written(
    account: Account, said: list[str], version: str | None
) -> None:
    account.answers = [
        _image("Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.6.0 (Ubuntu 22.04) 20250223")
    ]
    found = _pinned(ami_id="ami-1", ami_type="pytorch", framework_version=version)
    assert found.framework_version == "2.6"
    assert said == []


@pytest.mark.parametrize("name", ["golden-image-7", "", None])
def test_a_pin_that_does_not_look_like_a_dlami_is_warned_about_and_taken(
    account: Account, said: list[str], name: str | None
) -> None:
    account.answers = [_image(name=name)]
    found = _pinned(ami_id="ami-1")
    assert found.name == (name or "")
    assert found.framework_version is None
    (warning,) = said
    assert "does not look like one of AWS's Deep Learning AMIs" in warning
    assert "`pulumi config rm geusemaker:amiId`" in warning


def test_a_pinned_dlami_outside_the_table_is_called_what_it_is(
    account: Account, said: list[str]
) -> None:
    account.answers = [_image("Deep Learning Base AMI with Single CUDA (Ubuntu 22.04) 20260102")]
    _pinned(ami_id="ami-1")
    (warning,) = said
    assert "a Deep Learning AMI of a line that GeuseMaker does not know" in warning
