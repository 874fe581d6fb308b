"""Each combination of OS, architecture and type among decoys, by the program and by boto3.

The expected results are written by hand from the names of real images. The account is simulated;
every decoy in it is newer than the right image.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import product
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from geusemaker.dlami import select
from geusemaker.dlami.image import FoundImage
from geusemaker.dlami.lookup import find_image, find_pinned
from geusemaker.errors import ConfigError, GeuseMakerError, NeverMadeError, NoImageError, PinError
from geusemaker.services.ec2 import EC2Service
from geusemaker.simulator import images
from geusemaker.simulator.mocks import SimulatedMocks, simulated_account
from pulumi_moto.backends import backend_of
from pulumi_moto.images import Image, derived_id, publish
from pulumi_moto.lookup import InvokeError

from .imitations import (
    AL2,
    AL2023,
    ARM,
    BASE,
    FLOW,
    FORMS,
    LABELS,
    MULTI,
    SOMEBODY,
    TODAY,
    TORCH,
    U22,
    U24,
    U26,
    X86,
    Combination,
    name_of,
)

ALL = tuple(product((AL2, AL2023, U22, U24, U26), (X86, ARM), (BASE, TORCH, FLOW, MULTI)))

# The newest image of the highest version, or why there is none. `images.json` lacks some lines.
EXPECTED: dict[Combination, str | type[GeuseMakerError]] = {
    (AL2, X86, BASE): "Deep Learning Base OSS Nvidia Driver AMI (Amazon Linux 2) Version 65.8",
    (AL2, X86, TORCH): (
        "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.3.0 (Amazon Linux 2) 20240625"
    ),
    (AL2, X86, FLOW): (
        "Deep Learning OSS Nvidia Driver AMI GPU TensorFlow 2.15 (Amazon Linux 2) 20240319"
    ),
    (AL2, X86, MULTI): "Deep Learning OSS Nvidia Driver AMI (Amazon Linux 2) Version 77",
    (AL2, ARM, BASE): (
        "Deep Learning ARM64 Base OSS Nvidia Driver GPU AMI (Amazon Linux 2) 20260508"
    ),
    (AL2, ARM, TORCH): NeverMadeError,
    (AL2, ARM, FLOW): NeverMadeError,
    (AL2, ARM, MULTI): NeverMadeError,
    (AL2023, X86, BASE): (
        "Deep Learning Base OSS Nvidia Driver GPU AMI (Amazon Linux 2023) 20260901"
    ),
    (AL2023, X86, TORCH): (
        "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.13 (Amazon Linux 2023) 20261003"
    ),
    (AL2023, X86, FLOW): NoImageError,
    (AL2023, X86, MULTI): NeverMadeError,
    (AL2023, ARM, BASE): (
        "Deep Learning ARM64 Base OSS Nvidia Driver GPU AMI (Amazon Linux 2023) 20260901"
    ),
    (AL2023, ARM, TORCH): (
        "Deep Learning ARM64 AMI OSS Nvidia Driver GPU PyTorch 2.11 (Amazon Linux 2023) 20261009"
    ),
    (AL2023, ARM, FLOW): NeverMadeError,
    (AL2023, ARM, MULTI): NeverMadeError,
    (U22, X86, BASE): "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20260902",
    (U22, X86, TORCH): (
        "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.7 (Ubuntu 22.04) 20260118"
    ),
    (U22, X86, FLOW): (
        "Deep Learning OSS Nvidia Driver AMI GPU TensorFlow 2.18 (Ubuntu 22.04) 20241213"
    ),
    (U22, X86, MULTI): NeverMadeError,
    (U22, ARM, BASE): "Deep Learning ARM64 Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20260911",
    (U22, ARM, TORCH): NoImageError,
    (U22, ARM, FLOW): NeverMadeError,
    (U22, ARM, MULTI): NeverMadeError,
    (U24, X86, BASE): "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 24.04) 20260925",
    (U24, X86, TORCH): (
        "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.12 (Ubuntu 24.04) 20260725"
    ),
    (U24, X86, FLOW): NeverMadeError,
    (U24, X86, MULTI): NeverMadeError,
    (U24, ARM, BASE): "Deep Learning ARM64 Base OSS Nvidia Driver GPU AMI (Ubuntu 24.04) 20261006",
    (U24, ARM, TORCH): (
        "Deep Learning ARM64 AMI OSS Nvidia Driver GPU PyTorch 2.12 (Ubuntu 24.04) 20260724"
    ),
    (U24, ARM, FLOW): NeverMadeError,
    (U24, ARM, MULTI): NeverMadeError,
    (U26, X86, BASE): NoImageError,
    (U26, X86, TORCH): (
        "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.13 (Ubuntu 26.04) 20260812"
    ),
    (U26, X86, FLOW): NeverMadeError,
    (U26, X86, MULTI): NeverMadeError,
    (U26, ARM, BASE): "Deep Learning ARM64 Base OSS Nvidia Driver GPU AMI (Ubuntu 26.04) 20260911",
    (U26, ARM, TORCH): NeverMadeError,
    (U26, ARM, FLOW): NeverMadeError,
    (U26, ARM, MULTI): NeverMadeError,
}


@dataclass
class Outcome:
    """The result of a look-up: an image or an error, and the warnings."""

    image: FoundImage | None = None
    error: GeuseMakerError | None = None
    warnings: list[str] = field(default_factory=list)

    def texts(self) -> list[str]:
        """All that a user reads, without what boto3's side alone can say: the Region's name."""
        return [
            text.replace("The Region us-east-1", "The Region")
            .replace("in the Region us-east-1,", "in the Region of this stack,")
            .replace("aws:region us-west-2", "aws:region us-east-1")
            for text in (*self.warnings, *([str(self.error)] if self.error else []))
        ]


@dataclass
class Both:
    """The two look-ups over one simulated account."""

    mocks: SimulatedMocks
    said: list[str]

    def ask(self, combination: Combination, version: str | None = None) -> Outcome:
        """The outcome, once both agree on it; boto3's is returned."""
        program, service = self._program(combination, version), self._service(combination, version)
        self._agree(program, service)
        return service

    def pinned(self, combination: Combination, **pin: str) -> Outcome:
        """The same for a pinned image."""
        os_type, architecture, ami_type = combination
        keys: Any = {"os_type": os_type, "architecture": architecture, "ami_type": ami_type, **pin}
        program, service = Outcome(), Outcome()
        self.said.clear()
        try:
            program.image = find_pinned(**keys)
        except GeuseMakerError as error:
            program.error = error
        program.warnings = list(self.said)
        ec2 = EC2Service(client=self.mocks.account.client("ec2"))
        try:
            service.image = ec2.find_pinned(**keys)
        except GeuseMakerError as error:
            service.error = error
        service.warnings = ec2.warnings
        assert (program.image, type(program.error)) == (service.image, type(service.error))
        assert program.warnings == service.warnings
        return service

    def _program(self, combination: Combination, version: str | None) -> Outcome:
        self.said.clear()
        outcome = Outcome()
        try:
            query = select(*combination, version, today=TODAY)
            outcome.warnings += query.warnings
            outcome.image = find_image(query)
        except GeuseMakerError as error:
            outcome.error = error
        outcome.warnings += self.said
        return outcome

    def _service(self, combination: Combination, version: str | None) -> Outcome:
        ec2 = EC2Service(client=self.mocks.account.client("ec2"))
        outcome = Outcome()
        try:
            outcome.image = ec2.find_dlami(*combination, version, today=TODAY)
            assert ec2.get_latest_dlami(*combination, version, today=TODAY) == outcome.image.id
        except GeuseMakerError as error:
            outcome.error = error
        outcome.warnings = ec2.warnings
        return outcome

    @staticmethod
    def _agree(program: Outcome, service: Outcome) -> None:
        assert program.image == service.image
        assert type(program.error) is type(service.error)
        assert program.texts() == service.texts()


def _both(mocks: SimulatedMocks, patch: pytest.MonkeyPatch) -> Both:
    pulumi.runtime.set_mocks(mocks, project="geusemaker", stack="test", preview=False)
    answer = aws.ec2.get_ami

    def get_ami(*, filters: Any, **search: Any) -> Any:
        # Raised here and not in the mocks: an exception that crosses Pulumi's event loop makes
        # coverage lose its place on Python 3.11.
        words = {key: value for key, value in search.items() if key != "opts"}
        asked = {_camel(key): value for key, value in words.items()}
        asked["filters"] = [{"name": f.name, "values": list(f.values)} for f in filters]
        args = pulumi.runtime.MockCallArgs("aws:ec2/getAmi:getAmi", asked, "")
        try:
            mocks.call(args)
        except InvokeError as refused:
            raise Exception(str(refused)) from refused
        return answer(filters=filters, **search)

    said: list[str] = []
    patch.setattr(aws.ec2, "get_ami", get_ami)
    patch.setattr("pulumi.log.warn", said.append)
    return Both(mocks, said)


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


@pytest.fixture(scope="module")
def account() -> Iterator[SimulatedMocks]:
    """The account with all recorded images, and decoys around each that is right."""
    with simulated_account() as mocks:
        for combination, expected in EXPECTED.items():
            if isinstance(expected, str):
                _surround(combination, expected)
        yield mocks


@pytest.fixture
def both(account: SimulatedMocks, monkeypatch: pytest.MonkeyPatch) -> Both:
    return _both(account, monkeypatch)


def _publish(name: str, architecture: str, created: str = "2026-10-09T08:00:00") -> Any:
    """Put an image of AWS's into the account; moto's object of it, to be changed."""
    image = Image(
        id=derived_id(name, architecture, f"decoy-{created}"),
        name=name,
        architecture=architecture,
        created=datetime.fromisoformat(created).replace(tzinfo=UTC),
        root_device=images.root_device_of(name),
        root_gib=images.root_gib_of(name),
        owner=images.DLAMI_OWNER,
    )
    publish("us-east-1", [image])
    return backend_of("us-east-1").amis[image.id]


def _surround(combination: Combination, expected: str) -> None:
    """Put decoys into the account, each newer than the image that is right."""
    os_type, architecture, _ = combination
    label = LABELS[os_type]
    stem, _, _ = expected.rpartition(" ")
    newer = f"{stem} {'66.99' if 'Version' in stem else '20261009'}"

    look_alike = _publish(newer, architecture, "2026-10-09T08:30:00")
    look_alike.owner_id, look_alike.owner_alias = SOMEBODY, None
    _publish(newer, architecture, "2026-10-09T08:31:00").state = "pending"
    _publish(newer, ARM if architecture == X86 else X86)

    for wrong in ("99999999", "20261399", "20260231", "20261000", "Version 1.2.3", "Version 666"):
        _publish(f"{stem} {wrong}", architecture)
    shorter = newer.removesuffix("6.99").removesuffix("9")
    for name in (f"{newer}-copy", f"{newer}1", shorter, f"My {newer}", newer.lower()):
        _publish(name, architecture)
    for form in (
        "Deep Learning AMI Neuron ({}) 20261009",
        "Deep Learning AMI Neuron PyTorch 2.99 ({}) 20261009",
        "Deep Learning Base Neuron AMI ({}) 20261009",
        "Deep Learning Base AMI with Single CUDA ({}) 20261009",
        "Deep Learning ARM64 Base AMI with Single CUDA ({}) 20261009",
        "Deep Learning Proprietary Nvidia Driver AMI GPU PyTorch 2.13 ({}) 20261009",
        "Deep Learning Base Proprietary Nvidia Driver GPU AMI ({}) 20261009",
        "Deep Learning Base Proprietary Nvidia Driver AMI ({}) Version 71.6",
        "Deep Learning Proprietary Nvidia Driver AMI ({}) Version 78.2",
        "Deep Learning AMI GPU PyTorch 2.13 ({}) 20261009",
        "Deep Learning AMI GPU TensorFlow 2.18 ({}) 20261009",
        "Deep Learning AMI ({}) Version 99.0",
        "Deep Learning Base AMI ({}) Version 99.0",
        "Deep Learning Base GPU AMI ({}) 20261009",
    ):
        _publish(form.format(label), architecture)
    if label.startswith("Ubuntu"):
        _publish(newer.replace("(Ubuntu ", "(Ubuntu Pro "), architecture)


def test_the_expected_results_cover_every_combination() -> None:
    assert tuple(EXPECTED) == ALL
    assert sum(isinstance(expected, str) for expected in EXPECTED.values()) == 19
    assert sum(expected is NoImageError for expected in EXPECTED.values()) == 3
    assert {c for c, expected in EXPECTED.items() if expected is not NeverMadeError} == set(FORMS)


def test_another_account_owns_the_look_alikes(both: Both) -> None:
    """moto gives each image it loads the alias of AWS: with it, they would prove nothing."""
    client = both.mocks.account.client("ec2")
    shown = client.describe_images(Owners=[SOMEBODY])["Images"]
    assert len(shown) == 19
    assert not any("ImageOwnerAlias" in image for image in shown)
    newest = {
        name_of((U24, X86, TORCH), "20261009", "2.12"),
        name_of((AL2, X86, BASE), "66.99"),
    }
    assert newest <= {image["Name"] for image in shown}


@pytest.mark.parametrize("combination", ALL, ids=" / ".join)
def test_each_combination_gives_the_expected_image_or_error(
    both: Both, combination: Combination
) -> None:
    outcome, expected = both.ask(combination), EXPECTED[combination]
    if isinstance(expected, str):
        assert outcome.error is None
        assert outcome.image is not None
        assert (outcome.image.name, outcome.image.architecture) == (expected, combination[1])
    else:
        assert isinstance(outcome.error, expected)
        assert isinstance(outcome.error, RuntimeError)
        text = str(outcome.error)
        assert "`pulumi config set " in text
        assert "us-east-1" in text if expected is NoImageError else "nearest" in text
    if expected is NoImageError:
        assert "aws:region" not in text, "a deployed stack cannot move"
        (command,) = re.findall("`(pulumi[^`]*)`", text)
        values = dict(zip(("osType", "architecture", "amiType"), combination, strict=True))
        for step in command.split(" && "):
            key, value = step.removeprefix("pulumi config set geusemaker:").split()
            values[key] = value
        os_type, architecture, ami_type = values.values()
        assert both.ask((os_type, architecture, ami_type)).image is not None


@pytest.mark.parametrize(
    ("combination", "ended"),
    [
        *(((AL2, X86, kind), "AWS has not patched it since") for kind in (BASE, TORCH, FLOW)),
        ((U22, X86, TORCH), "has not patched it since 2026-04-23"),
        ((AL2023, ARM, TORCH), "The Region us-east-1 lacks PyTorch 2.12"),
        ((U24, X86, TORCH), "carries known CVEs"),
    ],
)
def test_a_result_that_is_not_the_best_has_a_warning(
    both: Both, combination: Combination, ended: str
) -> None:
    assert any(ended in warning for warning in both.ask(combination).warnings)


@pytest.mark.parametrize(
    ("combination", "version", "expected"),
    [
        ((U24, X86, TORCH), "2.12", name_of((U24, X86, TORCH), "20260725", "2.12")),
        ((U24, X86, TORCH), "2.11", name_of((U24, X86, TORCH), "20260517", "2.11")),
        ((U24, X86, TORCH), "2.9", name_of((U24, X86, TORCH), "20260226", "2.9")),
        ((U24, X86, TORCH), "2.8", name_of((U24, X86, TORCH), "20251101", "2.8")),
        ((U24, X86, TORCH), "2.10", NoImageError),
        ((U24, X86, TORCH), "2.13", NeverMadeError),
        ((U24, X86, TORCH), "2.1", ConfigError),
        ((U24, X86, TORCH), "", NeverMadeError),
        ((U24, ARM, TORCH), "2.10", name_of((U24, ARM, TORCH), "20260918", "2.10")),
        ((AL2023, ARM, TORCH), "2.6", name_of((AL2023, ARM, TORCH), "20250328", "2.6.0")),
        ((AL2023, ARM, TORCH), "2.12", NoImageError),
        ((U22, X86, TORCH), "2.6", name_of((U22, X86, TORCH), "20250223", "2.6.0")),
        ((U22, X86, TORCH), "2.6.0", name_of((U22, X86, TORCH), "20250223", "2.6.0")),
        ((U22, X86, TORCH), "2.4.1", NoImageError),
        ((AL2, X86, TORCH), "2.2", name_of((AL2, X86, TORCH), "20240521", "2.2.0")),
        ((AL2, X86, TORCH), "2.3.1", NoImageError),
        ((AL2, X86, FLOW), "2.16", NoImageError),
        ((AL2023, X86, TORCH), "2.10", name_of((AL2023, X86, TORCH), "20260418", "2.10")),
        ((U22, X86, BASE), "2.6", ConfigError),
        (("ubuntu-20.04", X86, BASE), None, ConfigError),
        ((U22, "x86", BASE), None, ConfigError),
        ((U22, X86, "gpu"), None, ConfigError),
    ],
)
def test_a_requested_version_gives_that_version_or_an_error(
    both: Both, combination: Combination, version: str | None, expected: str | type[Exception]
) -> None:
    outcome = both.ask(combination, version)
    if isinstance(expected, str):
        assert outcome.image is not None
        assert outcome.image.name == expected
    else:
        assert isinstance(outcome.error, expected)


def test_program_and_service_check_pins_alike(both: Both) -> None:
    base = EXPECTED[U22, X86, BASE]
    assert isinstance(base, str)
    by_name = both.pinned((U22, X86, BASE), ami_name=base)
    assert by_name.image is not None
    assert by_name.image.id == "ami-0391c53a255869d46"
    assert both.pinned((U22, X86, BASE), ami_id=by_name.image.id).image == by_name.image
    # Deprecated, and of a line that the table leaves out.
    old = "Deep Learning AMI (Amazon Linux 2) Version 57.0"
    (warning,) = both.pinned((AL2, X86, BASE), ami_name=old).warnings
    assert "of a line that GeuseMaker does not know" in warning

    for combination, pin, text in (
        ((U24, X86, BASE), {"ami_id": by_name.image.id}, "osType"),
        ((U22, ARM, BASE), {"ami_id": by_name.image.id}, "architecture"),
        ((U22, X86, TORCH), {"ami_name": base}, "amiType"),
        ((U22, X86, BASE), {"ami_id": "ami-00000000000000000"}, "does not show"),
        ((U22, X86, BASE), {"ami_name": "no*such?image"}, "does not show"),
    ):
        error = both.pinned(combination, **pin).error
        assert isinstance(error, PinError)
        assert text in str(error)
    assert isinstance(
        both.pinned((U22, X86, BASE), ami_id="ami-1", ami_name=base).error, ConfigError
    )
