"""Any day, any images: the answer is right, and the same from the program and from boto3."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pulumi_aws as aws
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geusemaker.dlami import ARCHITECTURES, load_catalogue, lookup, recognise, select
from geusemaker.dlami.catalogue import numeric
from geusemaker.dlami.image import FoundImage
from geusemaker.errors import GeuseMakerError, ImageError, NoImageError
from geusemaker.services.ec2 import EC2Service

from .imitations import (
    AMAZON,
    ARM,
    FLOW,
    FORMS,
    LABELS,
    SOMEBODY,
    TORCH,
    X86,
    Combination,
    Ec2,
    Raw,
    get_ami_of,
    is_deprecated,
    name_of,
    raw,
)

SPELLINGS = {
    TORCH: ("2.2.0", "2.3.1", "2.6.0", "2.7", "2.8", "2.9", "2.10", "2.12", "2.13", "2.14"),
    FLOW: ("2.15", "2.17", "2.18", "2.19"),
}
BUILDS = ("65.5", "70.3", "77", "78.25")
# Names of images that no line has; most of them pass a loose pattern.
STRANGERS = (
    "Deep Learning AMI Neuron ({os}) {day}",
    "Deep Learning Base AMI with Single CUDA ({os}) {day}",
    "Deep Learning ARM64 Base AMI with Single CUDA ({os}) {day}",
    "Deep Learning Proprietary Nvidia Driver AMI GPU PyTorch 2.12 ({os}) {day}",
    "Deep Learning Base Proprietary Nvidia Driver AMI ({os}) Version 71.6",
    "Deep Learning AMI GPU PyTorch 2.12 ({os}) {day}",
    "Deep Learning Base OSS Nvidia Driver GPU AMI ({os}) {day}1",
    "Deep Learning Base OSS Nvidia Driver GPU AMI ({os}) {day}-copy",
    "Deep Learning Base OSS Nvidia Driver GPU AMI ({os}) {day}\n",
    "Deep Learning Base OSS Nvidia Driver GPU AMI ({os}) 20269999",
    "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.12 ({os}) 20260231",
    "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.12rc1 ({os}) {day}",
    "My Deep Learning Base OSS Nvidia Driver GPU AMI ({os}) {day}",
    "{day}",
    "",
)
FIRST, LAST = date(2023, 11, 15), date(2029, 12, 31)
BUSY = (date(2026, 9, 1), date(2026, 9, 2))  # days on which AWS builds much, so that images tie

combinations = st.sampled_from(tuple(FORMS))
days = st.dates(FIRST, LAST)
any_day = settings(
    deadline=None,  # a busy machine is no failure
    derandomize=True,
    max_examples=200,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@dataclass(frozen=True)
class Made:
    """An image, and the facts that its name may hide."""

    image: Raw
    line: Combination | None  # None: no line's
    version: str | None  # as the name spells it
    ours: bool  # AWS's own, available, of the architecture that its line has


@st.composite
def made(draw: st.DrawFn, combination: Combination | None = None) -> Made:
    """An image of a line, or one with a similar name."""
    line = draw(combinations) if combination is None else combination
    os_type, architecture, ami_type = line
    day = draw(st.one_of(days, st.sampled_from(BUSY)))
    stranger = draw(st.booleans()) and draw(st.booleans())
    version = draw(st.sampled_from(SPELLINGS[ami_type])) if ami_type in SPELLINGS else None
    if stranger:
        form = draw(st.sampled_from(STRANGERS))
        name = form.format(os=LABELS[os_type], day=f"{day:%Y%m%d}")
    else:
        end = draw(st.sampled_from(BUILDS)) if "Version" in FORMS[line] else f"{day:%Y%m%d}"
        name = name_of(line, end, version or "")
    owner = draw(st.sampled_from((AMAZON,) * 4 + (SOMEBODY,)))
    state = draw(st.sampled_from(("available",) * 4 + ("pending",)))
    actual = draw(st.sampled_from((architecture,) * 4 + (ARM if architecture == X86 else X86,)))
    # Few moments, so that several images share one; not always the day in the name.
    created = datetime(day.year, day.month, draw(st.sampled_from((1, 15))), 9, tzinfo=UTC)
    lives = draw(st.sampled_from((730, 730, 30)))
    image = raw(
        name,
        actual,
        f"{created:%Y-%m-%dT%H:%M:%S}.000Z",
        ImageId=f"ami-{draw(st.integers(0, 2**60)):017x}",
        State=state,
        OwnerId=owner,
        ImageOwnerAlias="amazon" if owner == AMAZON else None,
        DeprecationTime=f"{created + timedelta(days=lives):%Y-%m-%dT%H:%M:%S}.000Z",
    )
    ours = (owner, state, actual) == (AMAZON, "available", architecture)
    return Made(image, None if stranger else line, version, ours)


@st.composite
def accounts(draw: st.DrawFn) -> tuple[Combination, list[Made]]:
    """A request, and images of which many are similar to it."""
    request = draw(combinations)
    images = draw(
        st.lists(st.one_of(made(), made(request), made(request)), max_size=14, unique_by=_id_of)
    )
    return request, images


def _id_of(one: Made) -> str:
    return str(one.image["ImageId"])


def _aws(images: list[Made], today: date, hour: int = 0, **changes: Any) -> Ec2:
    """AWS on that day, with the images that it has created by then."""
    now = datetime(today.year, today.month, today.day, hour, tzinfo=UTC)
    there = [
        one.image
        for one in images
        if datetime.fromisoformat(one.image["CreationDate"]) < now + timedelta(days=1)
    ]
    return Ec2(there, now, page=3, **changes)


@dataclass(frozen=True)
class Program:
    """The program's look-up over any list of images."""

    patch: Callable[[Ec2], None]

    def ask(self, ec2: Ec2, request: Combination, version: str | None, today: date) -> Any:
        self.patch(ec2)
        return _outcome(lambda: lookup.find_image(select(*request, version, today=today)))


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Program:
    def patch(ec2: Ec2) -> None:
        whole = Ec2(ec2.images, ec2.now, honours=ec2.honours)  # the provider reads all pages
        monkeypatch.setattr(aws.ec2, "get_ami", get_ami_of(whole))

    said: list[str] = []
    monkeypatch.setattr("pulumi.log.warn", said.append)
    return Program(patch)


def _outcome(ask: Callable[[], FoundImage]) -> FoundImage | type[Exception]:
    try:
        return ask()
    except GeuseMakerError as error:
        return type(error)


def _service(
    ec2: Ec2, request: Combination, version: str | None, today: date
) -> FoundImage | type[Exception]:
    return _outcome(lambda: EC2Service(client=ec2).find_dlami(*request, version, today=today))


@any_day
@given(account=accounts(), today=days, hour=st.integers(0, 23))
def test_the_result_is_the_best_image_of_the_requested_line(
    account: tuple[Combination, list[Made]], today: date, hour: int
) -> None:
    request, images = account
    ec2 = _aws(images, today, hour)
    answer = _service(ec2, request, None, today)
    line = load_catalogue().line(*request)
    patched = line.patched(today)
    wanted = patched or line.versions
    spelled = {s: v for v in wanted for s in (v.spellings or (None,))}
    fair = [
        one
        for one in images
        if one.ours
        and one.line == request
        and one.image in ec2.images
        and one.version in spelled
        and not (patched and is_deprecated(one.image, ec2.now))
    ]
    if not isinstance(answer, FoundImage):
        assert answer is NoImageError
        assert fair == []
        return
    (chosen,) = [one for one in images if one.image["ImageId"] == answer.id]
    # Not of another OS, architecture, type or owner.
    assert chosen.line == request
    assert chosen.ours
    assert (answer.name, answer.architecture) == (chosen.image["Name"], request[1])
    known = recognise(answer.name)
    assert known is not None
    assert (known.os_type, known.ami_type) == (request[0], request[2])
    # The highest version, and its newest image.
    highest = max(_rank(one) for one in fair)
    assert _rank(chosen) == highest


def _rank(one: Made) -> tuple[tuple[int, ...], str]:
    number = numeric(one.version)[:2] if one.version else ()
    return number, str(one.image["CreationDate"])


@any_day
@given(
    account=accounts(),
    today=days,
    hour=st.integers(0, 23),
    version=st.one_of(st.none(), st.sampled_from(("2.2", "2.3.1", "2.6", "2.12", "2.18", "9"))),
)
def test_program_and_service_return_the_same_image(
    program: Program,
    account: tuple[Combination, list[Made]],
    today: date,
    hour: int,
    version: str | None,
) -> None:
    request, images = account
    ec2 = _aws(images, today, hour)
    assert _service(ec2, request, version, today) == program.ask(ec2, request, version, today)


@any_day
@given(account=accounts(), today=days)
def test_deprecated_images_of_an_imitation_are_chosen_last(
    account: tuple[Combination, list[Made]], today: date
) -> None:
    request, images = account
    real = _service(_aws(images, today), request, None, today)
    imitated = _service(_aws(images, today, honours=False), request, None, today)
    # The results may differ only if AWS shows no image.
    assert imitated == real or real is NoImageError


@settings(any_day, max_examples=60)  # each example lists all lines
@given(account=accounts(), today=days)
def test_the_list_returns_what_the_search_returns(
    account: tuple[Combination, list[Made]], today: date
) -> None:
    _, images = account
    ec2 = _aws(images, today)
    for listed in EC2Service(client=ec2).list_lines(today):
        line = listed.line
        key = line.key
        searched = _service(ec2, key, None, today)
        assert (listed.answer or ImageError) == (
            searched if isinstance(searched, FoundImage) else ImageError
        )
        assert {image.id for image in listed.images} == {
            one.image["ImageId"]
            for one in images
            if one.ours and one.line == key and one.image in ec2.images
        }


words = st.one_of(
    st.text(max_size=30),
    st.sampled_from([*LABELS, *ARCHITECTURES, TORCH, FLOW, "base", "multi-framework", "2.1"]),
)


@any_day
@given(words, words, words, st.one_of(st.none(), words), days)
def test_any_request_gives_an_image_or_a_geusemaker_error(
    program: Program, os_type: str, architecture: str, ami_type: str, version: str | None, day: date
) -> None:
    request, ec2 = (os_type, architecture, ami_type), Ec2([])
    outcome = _service(ec2, request, version, day)
    assert isinstance(outcome, type)
    assert outcome == program.ask(ec2, request, version, day)


@any_day
@given(words, st.booleans(), words, words)
def test_any_pin_gives_a_geusemaker_error(
    program: Program, pin: str, by_name: bool, os_type: str, name: str
) -> None:
    ec2 = Ec2([raw(name)])
    keys: Any = {"os_type": os_type, "architecture": X86, "ami_type": "base"}
    keys["ami_name" if by_name else "ami_id"] = pin
    program.patch(ec2)
    asked = _outcome(lambda: EC2Service(client=ec2).find_pinned(**keys))
    assert asked == _outcome(lambda: lookup.find_pinned(**keys))


def test_a_search_accepts_exactly_the_days_of_the_calendar() -> None:
    query = select("ubuntu-22.04", X86, "base", today=date(2026, 10, 10))
    fits = re.compile(query.candidates[0].name_regex).fullmatch
    form = "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) {}"
    days = (date(2000, 1, 1) + timedelta(days=n) for n in range(36525))
    known = {
        digits
        for year in (1999, *range(2000, 2101))
        for month in range(14)
        for day in range(33)
        if fits(form.format(digits := f"{year}{month:02}{day:02}"))
    }
    assert known == {f"{day:%Y%m%d}" for day in days}
