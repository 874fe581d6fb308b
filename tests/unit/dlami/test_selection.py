"""Each combination gives the right query, or an error with commands that fix it."""

import fnmatch
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geusemaker.dlami import (
    AMI_TYPES,
    ARCHITECTURES,
    FRAMEWORKS,
    Catalogue,
    ImageQuery,
    Line,
    load_catalogue,
    select,
    select_around_pin,
)
from geusemaker.dlami.catalogue import numeric
from geusemaker.errors import ConfigError, ImageError, NeverMadeError, RequestError

from .real_names import LOOK_ALIKES, OF_LINES, OTHER_DLAMIS, Combination

TODAY = date(2026, 10, 10)
OSES = ("amazon-linux-2", "amazon-linux-2023", "ubuntu-22.04", "ubuntu-24.04", "ubuntu-26.04")
ALL = tuple(product(OSES, ARCHITECTURES, AMI_TYPES))

# The expected result on TODAY. Written by hand from AWS's tables, not from the catalogue.
CURRENT: dict[Combination, tuple[str | None, ...]] = {
    ("amazon-linux-2023", "x86_64", "base"): (None,),
    ("amazon-linux-2023", "x86_64", "pytorch"): ("2.13", "2.12", "2.11", "2.10", "2.9"),
    ("amazon-linux-2023", "arm64", "base"): (None,),
    ("amazon-linux-2023", "arm64", "pytorch"): ("2.12", "2.11", "2.10", "2.9"),
    ("ubuntu-22.04", "x86_64", "base"): (None,),
    ("ubuntu-22.04", "arm64", "base"): (None,),
    ("ubuntu-24.04", "x86_64", "base"): (None,),
    ("ubuntu-24.04", "x86_64", "pytorch"): ("2.12", "2.11", "2.10", "2.9"),
    ("ubuntu-24.04", "arm64", "base"): (None,),
    ("ubuntu-24.04", "arm64", "pytorch"): ("2.12", "2.11", "2.10", "2.9"),
    ("ubuntu-26.04", "x86_64", "base"): (None,),
    ("ubuntu-26.04", "x86_64", "pytorch"): ("2.13",),
    ("ubuntu-26.04", "arm64", "base"): (None,),
}
SET = "pulumi config set geusemaker:"
# Versions, the day patches ended, and the command that leads to the nearest patched line.
ENDED: dict[Combination, tuple[tuple[str | None, ...], str, str]] = {
    ("amazon-linux-2", "x86_64", "base"): (
        (None,),
        "2026-06-30",
        f"{SET}osType amazon-linux-2023",
    ),
    ("amazon-linux-2", "x86_64", "pytorch"): (
        ("2.3", "2.2"),
        "2025-04-24",
        f"{SET}osType amazon-linux-2023",
    ),
    ("amazon-linux-2", "x86_64", "tensorflow"): (
        ("2.16", "2.15"),
        "2025-03-07",
        f"{SET}osType amazon-linux-2023 && {SET}amiType pytorch",
    ),
    ("amazon-linux-2", "x86_64", "multi-framework"): (
        (None,),
        "2026-06-30",
        f"{SET}osType amazon-linux-2023 && {SET}amiType pytorch",
    ),
    ("amazon-linux-2", "arm64", "base"): (
        (None,),
        "2026-06-30",
        f"{SET}osType amazon-linux-2023",
    ),
    ("amazon-linux-2023", "x86_64", "tensorflow"): (
        ("2.18",),
        "2026-01-31",
        f"{SET}amiType pytorch",
    ),
    ("ubuntu-22.04", "x86_64", "pytorch"): (
        ("2.7", "2.6", "2.5", "2.4"),
        "2026-04-23",
        f"{SET}amiType base",
    ),
    ("ubuntu-22.04", "x86_64", "tensorflow"): (
        ("2.18", "2.17"),
        "2026-01-31",
        f"{SET}amiType base",
    ),
    ("ubuntu-22.04", "arm64", "pytorch"): (
        ("2.7", "2.6", "2.5", "2.4"),
        "2026-04-23",
        f"{SET}amiType base",
    ),
}
# The command that leads to the nearest line.
NEVER: dict[Combination, str] = {
    ("amazon-linux-2", "arm64", "pytorch"): f"{SET}osType amazon-linux-2023",
    ("amazon-linux-2", "arm64", "tensorflow"): (
        f"{SET}osType amazon-linux-2023 && {SET}amiType pytorch"
    ),
    ("amazon-linux-2", "arm64", "multi-framework"): (
        f"{SET}osType amazon-linux-2023 && {SET}amiType pytorch"
    ),
    ("amazon-linux-2023", "x86_64", "multi-framework"): f"{SET}amiType pytorch",
    ("amazon-linux-2023", "arm64", "tensorflow"): f"{SET}amiType pytorch",
    ("amazon-linux-2023", "arm64", "multi-framework"): f"{SET}amiType pytorch",
    ("ubuntu-22.04", "x86_64", "multi-framework"): f"{SET}amiType base",
    ("ubuntu-22.04", "arm64", "tensorflow"): f"{SET}amiType base",
    ("ubuntu-22.04", "arm64", "multi-framework"): f"{SET}amiType base",
    ("ubuntu-24.04", "x86_64", "tensorflow"): f"{SET}amiType pytorch",
    ("ubuntu-24.04", "x86_64", "multi-framework"): f"{SET}amiType pytorch",
    ("ubuntu-24.04", "arm64", "tensorflow"): f"{SET}amiType pytorch",
    ("ubuntu-24.04", "arm64", "multi-framework"): f"{SET}amiType pytorch",
    ("ubuntu-26.04", "x86_64", "tensorflow"): f"{SET}amiType pytorch",
    ("ubuntu-26.04", "x86_64", "multi-framework"): f"{SET}amiType pytorch",
    ("ubuntu-26.04", "arm64", "pytorch"): f"{SET}amiType base",
    ("ubuntu-26.04", "arm64", "tensorflow"): f"{SET}amiType base",
    ("ubuntu-26.04", "arm64", "multi-framework"): f"{SET}amiType base",
}


def _versions(query: ImageQuery) -> tuple[str | None, ...]:
    return tuple(candidate.framework_version for candidate in query.candidates)


def _globs_fit(globs: tuple[str, ...], name: str) -> bool:
    # EC2's filter knows * and ? only, which are fnmatch's as long as there is no bracket.
    return any(fnmatch.fnmatchcase(name, glob) for glob in globs)


def _commands(message: str) -> list[str]:
    return re.findall(r"`([^`]*)`", message)


def _follow(message: str, command: int, request: dict[str, str | None]) -> dict[str, str | None]:
    """The request after the message's command has been run."""
    fields = {
        "osType": "os_type",
        "architecture": "architecture",
        "amiType": "ami_type",
        "frameworkVersion": "framework_version",
    }
    request = dict(request)
    for step in _commands(message)[command].split(" && "):
        match = re.fullmatch(r"pulumi config (set|rm) geusemaker:(\w+)(?: (\S+))?", step)
        assert match, step
        request[fields[match[2]]] = match[3] if match[1] == "set" else None
    return request


def test_the_tables_of_this_file_cover_all_forty_combinations() -> None:
    assert {*CURRENT, *ENDED, *NEVER} == set(ALL)
    assert len(CURRENT) + len(ENDED) + len(NEVER) == len(ALL) == 40


@pytest.mark.parametrize("combination", CURRENT, ids=" / ".join)
def test_a_current_line_gives_its_patched_versions_highest_first(
    combination: Combination,
) -> None:
    query = select(*combination, today=TODAY)
    assert _versions(query) == CURRENT[combination]
    assert (query.os_type, query.architecture, query.ami_type) == combination
    assert query.include_deprecated is False
    assert query.patched_until == query.candidates[0].patched_until >= TODAY
    assert all(candidate.ended_on is None for candidate in query.candidates)


@pytest.mark.parametrize("combination", ENDED, ids=" / ".join)
def test_an_ended_line_resolves_with_its_end_and_a_fix(combination: Combination) -> None:
    versions, ended, command = ENDED[combination]
    query = select(*combination, today=TODAY)
    assert _versions(query) == versions
    assert query.include_deprecated is True
    assert query.patched_until == query.candidates[0].ended_on == date.fromisoformat(ended)
    (warning,) = query.warnings
    assert "nearest" in warning
    assert ended in warning
    assert _commands(warning)[0] == command


@pytest.mark.parametrize("combination", NEVER, ids=" / ".join)
def test_a_combination_that_was_never_released_is_an_error_with_the_nearest(
    combination: Combination,
) -> None:
    with pytest.raises(NeverMadeError) as caught:
        select(*combination, today=TODAY)
    message = str(caught.value)
    assert " / ".join(combination) in message
    assert "nearest" in message
    assert "\n" not in message
    assert _commands(message)[0] == NEVER[combination]


@pytest.mark.parametrize("combination", OF_LINES, ids=" / ".join)
def test_glob_and_regex_find_real_images_of_the_line(combination: Combination) -> None:
    for name in OF_LINES[combination]:
        spelled = re.search(r"(?:PyTorch|TensorFlow) (\S+)", name)
        query = select(*combination, spelled[1] if spelled else None, today=TODAY)
        (candidate,) = query.candidates
        assert _globs_fit(candidate.name_globs, name)
        assert re.search(candidate.name_regex, name)


@pytest.mark.parametrize("combination", [*CURRENT, *ENDED], ids=" / ".join)
def test_no_search_finds_images_of_another_line(combination: Combination) -> None:
    foreign = [
        *OTHER_DLAMIS,
        *LOOK_ALIKES,
        *(name for other, names in OF_LINES.items() if other != combination for name in names),
    ]
    for number in load_catalogue().line(*combination).numbers or (None,):
        (candidate,) = select(*combination, number, today=TODAY).candidates
        for name in foreign:
            # Go's $ ends at the end of the text; Python's also before a last line break.
            assert not (re.search(candidate.name_regex, name) and not name.endswith("\n")), name


@pytest.mark.parametrize(
    "combination", [one for one in OF_LINES if one[2] in FRAMEWORKS], ids=" / ".join
)
def test_each_version_of_a_line_finds_only_its_own_images(combination: Combination) -> None:
    for name in OF_LINES[combination]:
        (found,) = [
            candidate.framework_version
            for number in load_catalogue().line(*combination).numbers
            for candidate in select(*combination, number, today=TODAY).candidates
            if re.search(candidate.name_regex, name)
        ]
        assert re.search(rf" (PyTorch|TensorFlow) {found}[ .]", name)


@pytest.mark.parametrize("combination", [*CURRENT, *ENDED], ids=" / ".join)
def test_the_regex_is_anchored_and_uses_only_what_go_and_python_read_alike(
    combination: Combination,
) -> None:
    for candidate in select(*combination, today=TODAY).candidates:
        regex = candidate.name_regex
        assert regex.startswith("^")
        assert regex.endswith("$")
        # Neither look-around, named groups nor flags; escapes of punctuation only.
        assert "(?" not in regex
        assert not re.search(r"\\[A-Za-z0-9]", regex)


def test_a_version_wins_by_number_and_not_by_text() -> None:
    query = select("ubuntu-24.04", "x86_64", "pytorch", today=date(2026, 1, 1))
    assert _versions(query) == ("2.12", "2.11", "2.10", "2.9", "2.8")


def test_a_requested_version_is_the_only_candidate() -> None:
    query = select("ubuntu-24.04", "x86_64", "pytorch", "2.11", today=TODAY)
    assert _versions(query) == ("2.11",)


def test_a_version_as_users_type_it_is_searched_as_names_spell_it() -> None:
    (candidate,) = select("ubuntu-22.04", "x86_64", "pytorch", "2.5", today=TODAY).candidates
    assert candidate.framework_version == "2.5"
    assert candidate.name_globs == (
        "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.5.0 (Ubuntu 22.04) ????????",
        "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.5.1 (Ubuntu 22.04) ????????",
    )


def test_a_version_in_three_parts_matches_only_itself() -> None:
    (candidate,) = select("ubuntu-22.04", "x86_64", "pytorch", "2.5.1", today=TODAY).candidates
    assert candidate.framework_version == "2.5"
    assert candidate.name_globs == (
        "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.5.1 (Ubuntu 22.04) ????????",
    )


def test_amazon_linux_2_is_searched_with_and_without_a_dot_in_the_build() -> None:
    (candidate,) = select("amazon-linux-2", "x86_64", "multi-framework", today=TODAY).candidates
    start = "Deep Learning OSS Nvidia Driver AMI (Amazon Linux 2) Version "
    assert candidate.name_globs == (f"{start}??", f"{start}??.?", f"{start}??.??")


def test_the_last_day_of_patches_counts_and_the_day_after_does_not() -> None:
    last = date(2026, 10, 15)
    patched = select("ubuntu-24.04", "x86_64", "pytorch", "2.9", today=last)
    assert patched.candidates[0].ended_on is None
    assert patched.include_deprecated is False
    assert "CVEs" in patched.warnings[0]
    ended = select("ubuntu-24.04", "x86_64", "pytorch", "2.9", today=last + timedelta(days=1))
    assert ended.candidates[0].ended_on == last
    assert ended.include_deprecated is True
    assert "not patched it since 2026-10-15" in ended.warnings[0]


def test_the_end_of_the_os_ends_its_framework_lines_too() -> None:
    query = select("ubuntu-22.04", "x86_64", "base", today=date(2027, 5, 1))
    assert query.patched_until == date(2027, 4, 30)
    assert len(query.warnings) == 1


def test_an_advisory_names_the_nearest_image_without() -> None:
    (warning,) = select("ubuntu-24.04", "x86_64", "pytorch", today=TODAY).warnings
    assert "PyTorch 2.12" in warning
    assert "known CVEs that AWS will not patch" in warning
    assert _commands(warning) == [f"{SET}osType ubuntu-26.04"]


def test_an_advisory_on_a_chosen_version_points_to_the_newer_one_of_the_line() -> None:
    (warning,) = select("amazon-linux-2023", "x86_64", "pytorch", "2.11", today=TODAY).warnings
    assert _commands(warning) == [f"{SET}frameworkVersion 2.13"]


def test_the_warning_on_an_advisory_without_a_fix_says_that_there_is_none() -> None:
    (warning,) = select("ubuntu-24.04", "arm64", "pytorch", today=TODAY).warnings
    assert "no patched pytorch image for arm64 without that yet" in warning


def test_an_image_without_an_advisory_gives_no_warning() -> None:
    assert select("amazon-linux-2023", "x86_64", "pytorch", today=TODAY).warnings == ()
    assert select("ubuntu-22.04", "x86_64", "base", today=TODAY).warnings == ()


def test_an_ended_version_of_a_patched_line_points_to_its_newest() -> None:
    (warning,) = select("ubuntu-24.04", "x86_64", "pytorch", "2.8", today=TODAY).warnings
    assert _commands(warning)[0] == f"{SET}frameworkVersion 2.12"


def test_for_an_ended_type_the_os_that_still_has_it_is_named() -> None:
    (warning,) = select("ubuntu-22.04", "x86_64", "pytorch", today=TODAY).warnings
    assert _commands(warning) == [f"{SET}amiType base", f"{SET}osType ubuntu-26.04"]


def test_the_fix_drops_a_version_of_another_framework() -> None:
    with pytest.raises(NeverMadeError) as caught:
        select("ubuntu-24.04", "arm64", "tensorflow", "2.18", today=TODAY)
    assert _commands(str(caught.value)) == [
        f"{SET}amiType pytorch && pulumi config rm geusemaker:frameworkVersion"
    ]


def test_an_unknown_version_lists_those_there_are_and_where_it_exists() -> None:
    with pytest.raises(NeverMadeError) as caught:
        select("ubuntu-24.04", "x86_64", "pytorch", "2.13", today=TODAY)
    message = str(caught.value)
    assert "2.12, 2.11, 2.10, 2.9, 2.8" in message
    assert "nearest" in message
    assert _commands(message) == [f"{SET}frameworkVersion 2.12", f"{SET}osType ubuntu-26.04"]


def test_a_version_that_exists_nowhere_is_offered_on_no_other_line() -> None:
    with pytest.raises(NeverMadeError) as caught:
        select("ubuntu-24.04", "x86_64", "pytorch", "1.9", today=TODAY)
    assert _commands(str(caught.value)) == [f"{SET}frameworkVersion 2.12"]


def test_an_unquoted_2_10_is_explained_as_what_yaml_makes_of_it() -> None:
    with pytest.raises(ConfigError) as caught:
        select("ubuntu-24.04", "x86_64", "pytorch", "2.1", today=TODAY)
    message = str(caught.value)
    assert "YAML reads an unquoted 2.10 as the number 2.1" in message
    assert _commands(message) == [f"{SET}frameworkVersion 2.10"]


@pytest.mark.parametrize("ami_type", ["base", "multi-framework"])
def test_a_version_for_a_type_without_one_is_refused(ami_type: str) -> None:
    with pytest.raises(ConfigError) as caught:
        select("amazon-linux-2", "x86_64", ami_type, "2.1", today=TODAY)
    assert _commands(str(caught.value)) == ["pulumi config rm geusemaker:frameworkVersion"]


@pytest.mark.parametrize(
    ("values", "command"),
    [
        (("ubuntu24.04", "x86_64", "base"), "osType ubuntu-24.04"),
        (("ubuntu-2404", "x86_64", "base"), "osType ubuntu-24.04"),
        (("ubuntu-24.04", "arm", "base"), "architecture arm64"),
        (("ubuntu-24.04", "x86_64", "torch"), "amiType pytorch"),
        # Similar to none: the default.
        (("foo", "x86_64", "base"), "osType ubuntu-22.04"),
        (("", "x86_64", "base"), "osType ubuntu-22.04"),
        (("ubuntu-22.04", "sparc", "base"), "architecture x86_64"),
        (("ubuntu-22.04", "x86_64", "gpu"), "amiType base"),
    ],
)
def test_an_unknown_value_gets_the_nearest_known_one(values: Combination, command: str) -> None:
    with pytest.raises(ConfigError, match=r"nearest|for example") as caught:
        select(*values, today=TODAY)
    assert _commands(str(caught.value)) == [f"{SET}{command}"]


def test_the_query_has_the_facts_for_the_host() -> None:
    ubuntu = select("ubuntu-22.04", "x86_64", "base", today=TODAY)
    assert (ubuntu.ssh_user, ubuntu.root_device, ubuntu.min_root_gib) == ("ubuntu", "/dev/sda1", 75)
    assert "g5" in ubuntu.instance_families
    amazon = select("amazon-linux-2", "x86_64", "multi-framework", today=TODAY)
    assert (amazon.ssh_user, amazon.root_device, amazon.min_root_gib) == (
        "ec2-user",
        "/dev/xvda",
        105,
    )


def test_after_all_patch_dates_the_message_says_that_the_table_is_too_old() -> None:
    later = date(2040, 1, 1)
    (warning,) = select("ubuntu-24.04", "x86_64", "pytorch", today=later).warnings
    assert "a newer GeuseMaker" in warning
    assert _commands(warning) == []
    with pytest.raises(NeverMadeError, match="nearest that exists") as caught:
        select("ubuntu-24.04", "x86_64", "tensorflow", today=later)
    assert _commands(str(caught.value)) == [f"{SET}amiType pytorch"]


@settings(deadline=None)  # a busy machine is no failure
@given(
    day=st.dates(date(2020, 1, 1), date(2045, 1, 1)),
    combination=st.sampled_from(ALL),
    version=st.none() | st.sampled_from(["2.1", "2.4", "2.5.1", "2.9", "2.10", "2.13", "2.18"]),
)
def test_on_any_day_there_is_an_answer_or_a_paragraph_that_fixes(
    day: date, combination: Combination, version: str | None
) -> None:
    request: dict[str, str | None] = dict(
        zip(("os_type", "architecture", "ami_type"), combination, strict=True)
    )
    request["framework_version"] = version
    try:
        query = select(*combination, version, today=day)
    except (ImageError, ConfigError) as error:
        message = str(error)
        assert "\n" not in message
        # Each command of the message must help; the result may have a second fault.
        for _ in range(3):
            request = _follow(message, 0, request)
            try:
                select(**request, today=day)  # type: ignore[arg-type]
            except (ImageError, ConfigError) as next_error:
                message = str(next_error)
            else:
                return
        pytest.fail(f"going in circles: {message}")
    else:
        assert query.candidates
        numbers = [numeric(found) for found in _versions(query) if found]
        assert numbers == sorted(numbers, reverse=True)
        assert query.include_deprecated == bool(query.candidates[0].ended_on)
        assert bool(query.candidates[0].ended_on) <= bool(query.warnings)
        for warning in query.warnings:
            assert "\n" not in warning
            for index, command in enumerate(_commands(warning)):
                assert command
                select(**_follow(warning, index, request), today=day)  # type: ignore[arg-type]


def _without(fits: Callable[[Line], bool]) -> Catalogue:
    """The catalogue as if AWS had made no image of these lines."""
    catalogue = load_catalogue()
    lines = (
        replace(line, form=None, versions=(), reason="AWS made none") if fits(line) else line
        for line in catalogue.lines
    )
    return replace(catalogue, lines=tuple(lines))


def test_when_an_architecture_has_nothing_the_other_one_is_offered() -> None:
    without = _without(lambda line: line.architecture == "arm64")
    with pytest.raises(NeverMadeError, match=r"base on ubuntu-24.04 \(x86_64\)") as caught:
        select("ubuntu-24.04", "arm64", "base", today=TODAY, catalogue=without)
    assert _commands(str(caught.value)) == [f"{SET}architecture x86_64"]


def test_another_os_is_nearer_than_another_architecture() -> None:
    without = _without(lambda line: line.key[:2] == ("ubuntu-24.04", "arm64"))
    with pytest.raises(NeverMadeError) as caught:
        select("ubuntu-24.04", "arm64", "base", today=TODAY, catalogue=without)
    assert _commands(str(caught.value)) == [f"{SET}osType ubuntu-26.04"]


def test_of_two_systems_equally_near_the_newer_one_is_named() -> None:
    without = _without(lambda line: line.os_type == "ubuntu-24.04")
    with pytest.raises(NeverMadeError) as caught:
        select("ubuntu-24.04", "x86_64", "base", today=TODAY, catalogue=without)
    assert _commands(str(caught.value)) == [f"{SET}osType ubuntu-26.04"]


@pytest.mark.parametrize("wanted", ["2.14", "2.14.0", "3.0"])
def test_a_version_above_the_table_is_not_called_never_made(wanted: str) -> None:
    with pytest.raises(RequestError, match="newer than this table of 2026-10-10") as caught:
        select("ubuntu-24.04", "x86_64", "pytorch", wanted, today=TODAY)
    assert isinstance(caught.value, RuntimeError)
    combination = {"os_type": "ubuntu-24.04", "architecture": "x86_64", "ami_type": "pytorch"}
    after = _follow(str(caught.value), 0, {**combination, "framework_version": wanted})
    assert after["framework_version"] == "2.12"


@pytest.mark.parametrize("number", ["2.12", "2.11", "2.10"])
def test_a_version_with_a_part_too_many_is_led_to_the_version(number: str) -> None:
    with pytest.raises(NeverMadeError) as caught:
        select("ubuntu-24.04", "x86_64", "pytorch", f"{number}.0", today=TODAY)
    assert _commands(str(caught.value))[0] == f"{SET}frameworkVersion {number}"


@pytest.mark.parametrize("wanted", ["9" * 5000, "2." + "9" * 5000])
def test_a_version_that_python_takes_for_no_number_is_an_error_of_ours(wanted: str) -> None:
    with pytest.raises(NeverMadeError, match="nearest"):
        select("ubuntu-24.04", "x86_64", "pytorch", wanted, today=TODAY)


def test_a_version_that_a_script_gives_as_a_number_is_read_as_written() -> None:
    given: Any = 2.12
    assert select("ubuntu-24.04", "x86_64", "pytorch", given, today=TODAY) == select(
        "ubuntu-24.04", "x86_64", "pytorch", "2.12", today=TODAY
    )
    given = 2.10
    with pytest.raises(ConfigError, match=r"unquoted 2\.10"):
        select("ubuntu-24.04", "x86_64", "pytorch", given, today=TODAY)


@pytest.mark.parametrize(
    "combination",
    [
        ("windows", "x86_64", "base", None),
        ("ubuntu-22.04", "riscv", "base", None),
        ("ubuntu-22.04", "x86_64", "jax", None),
        ("ubuntu-22.04", "x86_64", "base", "2.12"),
        ("amazon-linux-2023", "x86_64", "pytorch", "2.1"),
        (None, "x86_64", "base", None),
    ],
)
def test_an_invalid_request_is_a_runtime_error_too(combination: Any) -> None:
    with pytest.raises(RuntimeError) as caught:
        select(*combination, today=TODAY)
    assert isinstance(caught.value, ConfigError)


@pytest.mark.parametrize(
    "combination",
    [
        ("ubuntu-24.04", "x86_64", "multi-framework", None),
        ("amazon-linux-2023", "x86_64", "pytorch", "2.14"),
        ("ubuntu-22.04", "x86_64", "base", "2.12"),
    ],
)
def test_with_a_pin_keys_without_a_line_select_the_base_line(combination: Any) -> None:
    query = select_around_pin(*combination, today=TODAY)
    assert (query.os_type, query.architecture, query.ami_type) == (*combination[:2], "base")


def test_around_a_pin_keys_that_name_a_line_keep_their_meaning() -> None:
    combination = ("ubuntu-24.04", "x86_64", "pytorch", "2.11")
    assert select_around_pin(*combination, today=TODAY) == select(*combination, today=TODAY)
    for wrong in (("ubuntu-99", "x86_64", "base"), ("ubuntu-24.04", "x86_64", "jax")):
        with pytest.raises(RequestError):
            select_around_pin(*wrong, today=TODAY)
