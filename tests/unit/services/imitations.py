"""An EC2 and a provider that answer from a list, with a second implementation of AWS's rules."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any, Final
from unittest.mock import MagicMock

import boto3

Combination = tuple[str, str, str]
Raw = dict[str, Any]

AMAZON: Final = "898082745236"
SOMEBODY: Final = "666666666666"

X86, ARM = "x86_64", "arm64"
BASE, TORCH, FLOW, MULTI = "base", "pytorch", "tensorflow", "multi-framework"
AL2, AL2023 = "amazon-linux-2", "amazon-linux-2023"
U22, U24, U26 = "ubuntu-22.04", "ubuntu-24.04", "ubuntu-26.04"

_X86_BASE = "Deep Learning Base OSS Nvidia Driver GPU AMI ({os}) {end}"
_X86_TORCH = "Deep Learning OSS Nvidia Driver AMI GPU PyTorch {version} ({os}) {end}"
_X86_FLOW = "Deep Learning OSS Nvidia Driver AMI GPU TensorFlow {version} ({os}) {end}"
_ARM_BASE = "Deep Learning ARM64 Base OSS Nvidia Driver GPU AMI ({os}) {end}"
_ARM_TORCH = "Deep Learning ARM64 AMI OSS Nvidia Driver GPU PyTorch {version} ({os}) {end}"
_AL2_BASE = "Deep Learning Base OSS Nvidia Driver AMI ({os}) Version {end}"
_AL2_MULTI = "Deep Learning OSS Nvidia Driver AMI ({os}) Version {end}"

LABELS: Final = {
    AL2: "Amazon Linux 2",
    AL2023: "Amazon Linux 2023",
    U22: "Ubuntu 22.04",
    U24: "Ubuntu 24.04",
    U26: "Ubuntu 26.04",
}
FORMS: Final[dict[Combination, str]] = {
    (AL2, X86, BASE): _AL2_BASE,
    (AL2, X86, TORCH): _X86_TORCH,
    (AL2, X86, FLOW): _X86_FLOW,
    (AL2, X86, MULTI): _AL2_MULTI,
    (AL2, ARM, BASE): _ARM_BASE,
    (AL2023, X86, BASE): _X86_BASE,
    (AL2023, X86, TORCH): _X86_TORCH,
    (AL2023, X86, FLOW): _X86_FLOW,
    (AL2023, ARM, BASE): _ARM_BASE,
    (AL2023, ARM, TORCH): _ARM_TORCH,
    (U22, X86, BASE): _X86_BASE,
    (U22, X86, TORCH): _X86_TORCH,
    (U22, X86, FLOW): _X86_FLOW,
    (U22, ARM, BASE): _ARM_BASE,
    (U22, ARM, TORCH): _ARM_TORCH,
    (U24, X86, BASE): _X86_BASE,
    (U24, X86, TORCH): _X86_TORCH,
    (U24, ARM, BASE): _ARM_BASE,
    (U24, ARM, TORCH): _ARM_TORCH,
    (U26, X86, BASE): _X86_BASE,
    (U26, X86, TORCH): _X86_TORCH,
    (U26, ARM, BASE): _ARM_BASE,
}
"""Name forms of all lines that AWS ever released, by hand and not from the catalogue."""


def name_of(combination: Combination, end: str, version: str = "") -> str:
    """The name of an image of a line: `end` is its day in eight digits, or its build."""
    return FORMS[combination].format(os=LABELS[combination[0]], version=version, end=end)


def raw(
    name: str, architecture: str = X86, created: str = "2026-09-02T08:15:00.000Z", **changes: Any
) -> Raw:
    """An image as DescribeImages returns it; owned by AWS unless changed."""
    ends = datetime.fromisoformat(created) + timedelta(days=730)
    image = {
        "ImageId": "ami-0391c53a255869d46",
        "Name": name,
        "Architecture": architecture,
        "State": "available",
        "OwnerId": AMAZON,
        "ImageOwnerAlias": "amazon",
        "RootDeviceName": "/dev/sda1",
        "CreationDate": created,
        "DeprecationTime": ends.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "BlockDeviceMappings": [
            {"DeviceName": "/dev/sdb", "VirtualName": "ephemeral0"},
            {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 75, "VolumeType": "gp3"}},
        ],
        **changes,
    }
    return {key: value for key, value in image.items() if value is not None}


TODAY: Final = date(2026, 10, 10)
BASE_22: Final = name_of((U22, X86, BASE), "20260902")
TORCH_24: Final = (U24, X86, TORCH)


def torch(version: str, day: str = "20260725", **changes: Any) -> Raw:
    """A PyTorch image for Ubuntu 24.04 on x86_64."""
    created = f"{day[:4]}-{day[4:6]}-{day[6:]}T09:00:00.000Z"
    changes = {"ImageId": f"ami-{version}", **changes}
    return raw(name_of(TORCH_24, day, version), created=created, **changes)


def boto_client(region: str = "us-east-1") -> Any:
    """A real EC2 client; the caller stubs it, so that it makes no call."""
    return boto3.client(
        "ec2", region_name=region, aws_access_key_id="none", aws_secret_access_key="none"
    )


def mock_of(*pages: dict[str, Any]) -> MagicMock:
    """A client that returns these answers in turn for any call."""
    client = MagicMock()
    client.describe_images.side_effect = pages
    return client


@dataclass
class Ec2:
    """DescribeImages over a list: owners, filters, deprecation at `now`, and pages.

    `honours`: IncludeDeprecated has an effect, as in AWS and unlike in moto.
    """

    images: Sequence[Raw]
    now: datetime = datetime(2026, 10, 10, tzinfo=UTC)
    page: int = 1000
    honours: bool = True
    asked: list[dict[str, Any]] = field(default_factory=list)

    def describe_images(
        self,
        *,
        Filters: Sequence[dict[str, Any]],
        Owners: Sequence[str] = (),
        IncludeDeprecated: bool = False,
        NextToken: str = "0",
    ) -> dict[str, Any]:
        self.asked.append({"Owners": Owners, "Filters": Filters})
        hides = self.honours and not IncludeDeprecated
        found = [
            image
            for image in self.images
            if (not Owners or owned(image, Owners))
            and all(passes(image, f["Name"], f["Values"]) for f in Filters)
            and not (hides and is_deprecated(image, self.now))
        ]
        start = int(NextToken)
        answer: dict[str, Any] = {"Images": found[start : start + self.page]}
        if start + self.page < len(found):
            answer["NextToken"] = str(start + self.page)
        return answer


def get_ami_of(ec2: Ec2) -> Callable[..., Any]:
    """Pulumi's `get_ami` over the same list, with the provider's own rules."""

    def get_ami(
        *,
        filters: Sequence[Any],
        owners: Sequence[str] = (),
        most_recent: bool = False,
        include_deprecated: bool = False,
        name_regex: str | None = None,
        opts: object = None,
    ) -> Any:
        assert opts is None
        found = ec2.describe_images(
            Filters=[{"Name": f.name, "Values": f.values} for f in filters],
            Owners=owners,
            IncludeDeprecated=include_deprecated,
        )["Images"]
        if name_regex is not None:
            # Go's `$` is the end of the text; Python's lets a line break follow.
            exact = re.compile(re.sub(r"\$$", r"\\Z", name_regex))
            found = [image for image in found if exact.search(image.get("Name", ""))]
        if not found:
            raise Exception("Your query returned no results. Please change your search criteria")
        if len(found) > 1 and not most_recent:
            raise Exception("Your query returned more than one result.")
        newest = sorted(found, key=lambda i: datetime.fromisoformat(i["CreationDate"]))[-1]
        ties = [i for i in found if i["CreationDate"] == newest["CreationDate"]]
        # AWS creates no two at once; for equal dates the end of the name decides.
        first = max(ties, key=lambda i: _end(i["Name"]))
        return SimpleNamespace(
            id=first["ImageId"],
            name=first.get("Name"),
            architecture=first["Architecture"],
            state=first["State"],
            root_device_name=first["RootDeviceName"],
            root_device_type=first.get("RootDeviceType"),
            creation_date=first["CreationDate"],
            block_device_mappings=[
                SimpleNamespace(
                    device_name=m["DeviceName"],
                    ebs={"volumeSize": str(m["Ebs"]["VolumeSize"])} if "Ebs" in m else {},
                )
                for m in first["BlockDeviceMappings"]
            ],
        )

    return get_ami


def _end(name: str) -> list[int]:
    """The day or the build at the end of a name; empty without one."""
    last = name.rpartition(" ")[2].split(".")
    return [int(part) for part in last] if all(part.isdecimal() for part in last) else []


def owned(image: Raw, owners: Sequence[str]) -> bool:
    """Whether one of the owners, by alias or number, owns the image."""
    return image["OwnerId"] in owners or image.get("ImageOwnerAlias") in owners


def passes(image: Raw, name: str, values: Sequence[str]) -> bool:
    """Whether the image passes an EC2 filter, whose values are globs."""
    field_of = {"name": "Name", "architecture": "Architecture", "state": "State"}
    value = image.get({**field_of, "image-id": "ImageId"}[name], "")
    return any(_glob(glob).fullmatch(value) for glob in values)


def is_deprecated(image: Raw, now: datetime) -> bool:
    """Whether AWS hides the image at that time."""
    ends = image.get("DeprecationTime")
    return ends is not None and datetime.fromisoformat(ends) < now


def _glob(text: str) -> re.Pattern[str]:
    """EC2's wildcards: `*` any text, `?` one character, either after a backslash itself."""
    wild = {"*": ".*", "?": "."}
    parts = re.findall(r"\\.|.", text, flags=re.DOTALL)
    return re.compile(
        "".join(wild[p] if p in wild else re.escape(p.removeprefix("\\") or p) for p in parts),
        flags=re.DOTALL,
    )
