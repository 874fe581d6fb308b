"""The facts in the name of an image, and no others."""

import re
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geusemaker.dlami import Line, Recognised, load_catalogue, looks_like_dlami, recognise, select
from geusemaker.dlami.naming import build_in, exact_regex, os_in_name

from .real_names import LOOK_ALIKES, OF_LINES, OTHER_DLAMIS

LINES = [line for line in load_catalogue().lines if line.form is not None]


@pytest.mark.parametrize("name", [name for names in OF_LINES.values() for name in names])
def test_real_names_of_lines_are_recognised(name: str) -> None:
    ((os_type, architecture, ami_type),) = (key for key, names in OF_LINES.items() if name in names)
    found = recognise(name)
    assert found is not None
    assert (found.os_type, found.ami_type) == (os_type, ami_type)
    # Only names of arm64 images hold their architecture.
    assert found.architecture == ("arm64" if architecture == "arm64" else None)
    assert looks_like_dlami(name)
    assert os_in_name(name) == os_type


def test_a_name_gives_version_and_date_both_as_users_and_as_names_write_them() -> None:
    assert recognise(
        "Deep Learning ARM64 AMI OSS Nvidia Driver GPU PyTorch 2.6.0 (Amazon Linux 2023) 20250328"
    ) == Recognised("amazon-linux-2023", "arm64", "pytorch", "2.6", "2.6.0", date(2025, 3, 28))


def test_a_name_with_a_version_instead_of_a_date_has_no_date() -> None:
    assert recognise(
        "Deep Learning OSS Nvidia Driver AMI (Amazon Linux 2) Version 77"
    ) == Recognised("amazon-linux-2", None, "multi-framework", None, None, None)


def test_a_version_newer_than_the_table_is_recognised() -> None:
    found = recognise(
        "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.14 (Ubuntu 26.04) 20270101"
    )
    assert found is not None
    assert found.framework_version == "2.14"


@pytest.mark.parametrize("name", OTHER_DLAMIS)
def test_other_dlamis_are_not_recognised_but_look_like_what_they_are(name: str) -> None:
    assert recognise(name) is None
    assert looks_like_dlami(name)


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_look_alikes_are_not_recognised(name: str) -> None:
    assert recognise(name) is None


def test_a_date_that_no_calendar_has_is_not_recognised() -> None:
    assert recognise("Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20260231") is None


@pytest.mark.parametrize(
    "name",
    [
        "",
        "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20261001",
        "My Deep Learning AMI (Ubuntu 22.04) 20260902",
        "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20260902-copy",
        "Deep Learning Lab (Ubuntu 22.04) 20260902",
    ],
)
def test_names_of_other_images_do_not_look_like_a_dlami(name: str) -> None:
    assert not looks_like_dlami(name)


def test_an_os_that_the_table_does_not_know_is_not_guessed() -> None:
    assert os_in_name("Deep Learning Base GPU AMI (Ubuntu 20.04) 20230804") is None
    # "Amazon Linux 2" begins "Amazon Linux 2023": only the whole label in brackets counts.
    assert os_in_name("something (Amazon Linux 2023)") == "amazon-linux-2023"


def test_an_exact_regex_fits_that_name_alone() -> None:
    name = "Deep Learning Base OSS Nvidia Driver AMI (Amazon Linux 2) Version 65.8"
    assert re.search(exact_regex(name), name)
    assert not re.search(exact_regex(name), name.replace("65.8", "65a8"))
    assert not re.search(exact_regex(name), f"x{name}")
    assert not re.search(exact_regex(name), f"{name}x")


@settings(deadline=None)  # a busy machine is no failure
@given(text=st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126)))
def test_an_exact_regex_takes_any_name_as_it_is(text: str) -> None:
    assert re.search(exact_regex(text), text)
    assert not re.search(exact_regex(text), f"{text}x")


@settings(deadline=None)  # a busy machine is no failure
@given(
    chosen=st.sampled_from(LINES),
    day=st.dates(date(2023, 11, 15), date(2099, 12, 31)),
    build=st.from_regex(r"[0-9]{2}(\.[0-9]{1,2})?", fullmatch=True).filter(str.isascii),
    data=st.data(),
)
def test_a_line_recognises_the_names_that_it_searches(
    chosen: Line, day: date, build: str, data: st.DataObject
) -> None:
    number = data.draw(st.sampled_from(chosen.numbers or (None,)))
    version = next(v for v in chosen.versions if v.number == number)
    spelling = data.draw(st.sampled_from(version.spellings or ("",)))
    assert chosen.form is not None
    name = (
        chosen.form.replace("{version}", spelling)
        .replace("{date}", day.strftime("%Y%m%d"))
        .replace("{build}", build)
    )
    query = select(*chosen.key, number, today=day)
    assert re.search(query.candidates[0].name_regex, name)
    found = recognise(name)
    assert found is not None
    assert (found.os_type, found.ami_type, found.framework_version) == (
        chosen.os_type,
        chosen.ami_type,
        number,
    )
    assert found.release == (day if "{date}" in chosen.form else None)


@settings(deadline=None)  # a busy machine is no failure
@given(st.text())
def test_any_text_has_an_answer(text: str) -> None:
    assert recognise(text) is None
    assert looks_like_dlami(text) in (True, False)
    os_in_name(text)


def test_builds_are_compared_as_numbers() -> None:
    name = "Deep Learning Base OSS Nvidia Driver AMI (Amazon Linux 2) Version {}".format
    assert build_in(name("65.10")) > build_in(name("65.8")) > build_in(name("64.99")) > ()
