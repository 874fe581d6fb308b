"""The table is whole, and a broken one says where."""

import re
from collections.abc import Callable
from datetime import date
from itertools import product
from pathlib import Path

import pytest

import geusemaker.dlami
from geusemaker.dlami import AMI_TYPES, ARCHITECTURES, load_catalogue
from geusemaker.dlami.catalogue import numeric
from geusemaker.errors import CatalogueError

SHIPPED = Path(geusemaker.dlami.__file__).with_name("catalogue.toml").read_text(encoding="utf-8")


@pytest.fixture
def broken(tmp_path: Path) -> Callable[[str], str]:
    """Loads a text as the table and gives the error's message."""

    def load(text: str) -> str:
        path = tmp_path / "catalogue.toml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(CatalogueError) as caught:
            load_catalogue(path)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return load


def _line_of(text: str, part: str, after: str = "") -> int:
    """The line number of the first line that starts with `part`, behind the text `after`."""
    start = text.index(after)
    at = text.index(part, start)
    return text.count("\n", 0, at) + 1


def test_the_shipped_table_has_every_combination_once() -> None:
    catalogue = load_catalogue()
    found = [(line.os_type, line.architecture, line.ami_type) for line in catalogue.lines]
    systems = [system.name for system in catalogue.systems]
    assert len(systems) == 5
    assert sorted(found) == sorted(product(systems, ARCHITECTURES, AMI_TYPES))


def test_the_shipped_table_counts_as_aws_does() -> None:
    status = {
        s: sum(
            line.status == s for line in load_catalogue().lines if line.os_type != "ubuntu-26.04"
        )
        for s in ("current", "ended", "never")
    }
    assert status == {"current": 10, "ended": 9, "never": 13}


def test_the_shipped_table_is_read_once() -> None:
    assert load_catalogue() is load_catalogue()
    assert load_catalogue().as_of == date(2026, 10, 10)


def test_a_line_knows_its_versions_highest_first() -> None:
    line = load_catalogue().line("ubuntu-24.04", "arm64", "pytorch")
    assert line.numbers == ("2.12", "2.11", "2.10", "2.9", "2.8")
    assert [v.number for v in line.patched(date(2027, 1, 22))] == ["2.12", "2.11"]
    assert line.versions[0].first_seen == date(2026, 7, 24)
    assert line.driver == "nvidia-open"
    assert line.reason is None


def test_a_line_that_was_never_released_has_a_reason_only() -> None:
    line = load_catalogue().line("amazon-linux-2", "arm64", "pytorch")
    assert line.reason is not None
    assert (line.form, line.versions, line.min_root_gib, line.driver) == (None, (), 0, None)


def test_a_version_ends_with_its_os_if_that_is_first() -> None:
    for line in load_catalogue().lines:
        for version in line.versions:
            assert version.patched_until <= line.system.patched_until


def test_only_pytorch_2_9_to_2_12_carries_the_advisory() -> None:
    found = {
        (line.ami_type, version.number)
        for line in load_catalogue().lines
        for version in line.versions
        if version.advisory
    }
    assert found == {("pytorch", number) for number in ("2.9", "2.10", "2.11", "2.12")}


def test_a_line_knows_the_families_that_it_is_listed_for_and_since_when_that_is_known() -> None:
    line = load_catalogue().line("ubuntu-24.04", "x86_64", "pytorch")
    assert "p6-b200" in line.instance_families
    assert line.tried_families == ("g7e",)
    assert line.listed_on == date(2026, 3, 20)
    unseen = load_catalogue().line("ubuntu-26.04", "x86_64", "base")
    assert (unseen.instance_families, unseen.tried_families, unseen.listed_on) == ((), (), None)


# By hand from the lists of supported instances on AWS's release note pages.
LISTS = {
    ("amazon-linux-2023", "x86_64", "base"): "g4dn g5 g6 gr6 gr6f g6e g6f g7 g7e p4d p4de p5 p5e "
    "p5en p6-b200 p6-b300",
    ("ubuntu-24.04", "x86_64", "base"): "g4dn g5 g6 gr6 g6e g7 g7e p4d p4de p5 p5e p5en p6-b200 "
    "p6-b300",
    ("ubuntu-22.04", "x86_64", "base"): "g4dn g5 g6 gr6 g6e p4d p4de p5 p5e p5en p6-b200",
    ("amazon-linux-2023", "x86_64", "pytorch"): "g4dn g5 g6 gr6 gr6f g6e g6f p4d p4de p5 p5e p5en "
    "p6-b200",
    ("ubuntu-24.04", "x86_64", "pytorch"): "g4dn g5 g6 gr6 g6e p4d p4de p5 p5e p5en p6-b200",
    ("amazon-linux-2", "x86_64", "multi-framework"): "g4dn g5 g6 gr6 p4d p4de p5",
    ("amazon-linux-2023", "arm64", "base"): "g5g p6e-gb200 p6e-gb300",
    ("ubuntu-24.04", "arm64", "base"): "g5g p6e-gb200 p6e-gb300",
    ("ubuntu-26.04", "arm64", "base"): "g5g p6e-gb200 p6e-gb300",
    ("ubuntu-22.04", "arm64", "base"): "g5g p6e-gb200",
    ("amazon-linux-2023", "arm64", "pytorch"): "g5g p6e-gb200",
    ("ubuntu-24.04", "arm64", "pytorch"): "g5g p6e-gb200",
    ("amazon-linux-2", "arm64", "base"): "g5g",
}


def test_each_line_has_its_own_list_of_families_from_aws() -> None:
    found = {
        (line.os_type, line.architecture, line.ami_type): " ".join(line.instance_families)
        for line in load_catalogue().lines
        if line.instance_families
    }
    assert found == LISTS


# By hand from AWS's support policy table and from its images.
SYSTEMS = {
    "amazon-linux-2": ("ec2-user", "/dev/xvda", "2026-06-30"),
    "amazon-linux-2023": ("ec2-user", "/dev/xvda", "2029-06-30"),
    "ubuntu-22.04": ("ubuntu", "/dev/sda1", "2027-04-30"),
    "ubuntu-24.04": ("ubuntu", "/dev/sda1", "2029-04-30"),
    "ubuntu-26.04": ("ubuntu", "/dev/sda1", "2031-04-30"),
}
ENDS = {
    ("pytorch", "2.3"): "2025-04-24",
    ("pytorch", "2.6"): "2026-01-29",
    ("pytorch", "2.7"): "2026-04-23",
    ("pytorch", "2.8"): "2026-08-06",
    ("pytorch", "2.9"): "2026-10-15",
    ("pytorch", "2.10"): "2027-01-21",
    ("pytorch", "2.11"): "2027-03-23",
    ("pytorch", "2.12"): "2027-05-13",
    ("pytorch", "2.13"): "2027-07-08",
    ("tensorflow", "2.16"): "2025-03-07",
    ("tensorflow", "2.17"): "2025-11-07",
    ("tensorflow", "2.18"): "2026-01-31",
}


def test_each_system_is_set_up_and_patched_as_aws_says() -> None:
    assert {
        system.name: (system.ssh_user, system.root_device, system.patched_until.isoformat())
        for system in load_catalogue().systems
    } == SYSTEMS


def test_each_framework_version_ends_when_aws_says() -> None:
    found = {
        (line.ami_type, version.number): version.patched_until.isoformat()
        for line in load_catalogue().lines
        for version in line.versions
        if version.number
    }
    assert {key: found[key] for key in ENDS} == ENDS


def test_an_unknown_combination_is_no_line() -> None:
    with pytest.raises(KeyError, match="plan9"):
        load_catalogue().line("plan9", "x86_64", "base")


def test_versions_sort_by_number() -> None:
    assert sorted(["2.10", "2.9", "2.13", "2.6"], key=numeric) == ["2.6", "2.9", "2.10", "2.13"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"none\.toml"):
        load_catalogue(tmp_path / "none.toml")


def test_broken_toml_is_named_with_its_line(broken: Callable[[str], str]) -> None:
    assert "line 2" in broken("as_of = 2026-10-10\nwhat is this\n")


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CatalogueError, match=r"catalogue\.toml"):
        load_catalogue(path)


BASE_22 = "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) {date}"
TORCH_24 = "Deep Learning OSS Nvidia Driver AMI GPU PyTorch {version} (Ubuntu 24.04) {date}"


@pytest.mark.parametrize(
    ("old", "new", "field", "why"),
    [
        ("as_of = 2026-10-10", "as_of = 2026-10-10T00:00:00", "as_of", "must be a date"),
        ("as_of = 2026-10-10", 'as_of = "2026-10-10"', "as_of", "must be a date"),
        ("as_of = 2026-10-10", "", "as_of", "is missing"),
        ("as_of = 2026-10-10", "as_of = 2026-10-10\nas_off = 1", "as_off", "not a field"),
        ('key = "index"', 'key = "policy"', "key", "twice"),
        ('key = "index"', 'key = ""', "key", "not empty"),
        ('key = "index"', "key = 3", "key", "must be a text"),
        ('name = "ubuntu-24.04"', 'name = "ubuntu-22.04"', "name", "twice"),
        ('ssh_user = "ubuntu"', 'shs_user = "ubuntu"', "ssh_user", "is missing"),
        ('ssh_user = "ubuntu"', 'ssh_user = "ubuntu"\nport = 22', "port", "not a field"),
        ('framework = "pytorch"', 'framework = "jax"', "framework", "known are pytorch"),
        ('version = "2.10"', 'version = "2.9"', "version", "twice"),
        ('version = "2.10"', 'version = "two"', "version", "two numbers"),
        ('version = "2.10"', "version = 2.10", "version", "must be a text"),
        ('spelled = ["2.6.0"]', 'spelled = ["2.7.0"]', "spelled", "no way to write 2.6"),
        ('spelled = ["2.6.0"]', 'spelled = ["2.6.x"]', "spelled", "no way to write 2.6"),
        ('spelled = ["2.6.0"]', "spelled = []", "spelled", "at least one"),
        ('spelled = ["2.6.0"]', 'spelled = "2.6.0"', "spelled", "at least one"),
        ('spelled = ["2.6.0"]', "spelled = [2.6]", "spelled", "at least one"),
        ('spelled = ["2.6.0"]', 'spelled = ["2.6.0", "2.6.0"]', "spelled", "twice"),
        ('advisory = "unpatched-cves"', 'advisory = "cve"', "advisory", "unknown"),
        ('key = "arm64-pytorch"', 'key = "arm64-base"', "key", "twice"),
        ('type = "base"', 'type = "bass"', "type", "unknown"),
        ('status = "ended"', 'status = "over"', "status", "known are current, ended, never"),
        ('status = "ended"', 'status = "current"', "status", "by the patch dates it is 'ended'"),
        ('status = "current"', 'status = "ended"', "status", "it is 'current'"),
        ('status = "never"', 'status = "ended"', "form", "is missing"),
        ('reason = "AWS', 'form = "x"\nreason = "AWS', "form", "not a field"),
        ("min_root_gib = 100", "min_root_gib = 0", "min_root_gib", "above 0"),
        ("min_root_gib = 100", "min_root_gib = true", "min_root_gib", "above 0"),
        ("min_root_gib = 100", 'min_root_gib = "100"', "min_root_gib", "above 0"),
        ("min_root_gib = 100", "min_root_gb = 100", "min_root_gib", "is missing"),
        ('driver = "nvidia-open"', "driver = [1]", "driver", "must be a text"),
        ('instances = "arm64-base-al2"', 'instances = "arm"', "instances", "unknown"),
        ('families = ["g5g"]', 'families = ["g5g.xlarge"]', "families", "no instance family"),
        ('families = ["g5g"]', 'families = ["g*"]', "families", "no instance family"),
        ('families = ["g5g"]', 'families = ["g5g", "p3"]', "families", "'p3' is in an [[inst"),
        ('tried = ["g7e"]', 'tried = ["g5"]', "tried", "in `families` too"),
        ('tried = ["g7e"]', 'tried = ["inf2"]', "families", "'inf2' is in an [[instances]] too"),
        ('tried = ["g7e"]', 'tried = ["G7e"]', "tried", "no instance family"),
        ("listed_on = 2026-09-04", 'listed_on = "May"', "listed_on", "must be a date"),
        ("listed_on = 2026-09-04", "listd_on = 2026-09-04", "listd_on", "not a field"),
        ('families = ["p2"]', 'families = ["p2.xlarge"]', "families", "nor the start of one"),
        ('families = ["p2"]', 'families = ["*"]', "families", "nor the start of one"),
        ('families = ["g2"]', 'families = ["p3"]', "families", "twice"),
        ('families = ["mac*"]', 'families = ["inf2"]', "families", "twice"),
        ('families = ["mac*"]', "families = []", "families", "at least one"),
        ('what = "AMD GPUs"', 'what = ""', "what", "not empty"),
        ('what = "AMD GPUs"', 'wat = "AMD GPUs"', "what", "is missing"),
        ('source = "neuron"', 'source = "nobody"', "source", "unknown"),
        ('source = "neuron"', 'source = "neuron"\nsince = 1', "since", "not a field"),
        ('family = "g7"', 'family = "g8"', "family", "unknown"),
        ('family = "g7"', 'family = "g7e"', "family", "twice"),
        ('driver = "R595"', "driver = 595", "driver", "must be a text"),
        ("since = 2026-07-17", 'since = "2026-07"', "since", "must be a date"),
        ("since = 2026-07-17", "since = 2026-07-17\nuntil = 1", "until", "not a field"),
        (
            "seen = [2026-05-08, 2026-05-19]",
            "seen = [2026-05-19, 2026-05-08]",
            "seen",
            "is after",
        ),
        ("seen = [2026-05-08, 2026-05-19]", "seen = [2026-05-08]", "seen", "two dates"),
        ("seen = [2026-05-08, 2026-05-19]", "seen = 2026-05-08", "seen", "two dates"),
        ("seen = [2026-05-08, 2026-05-19]", 'seen = [2026-05-08, "x"]', "seen", "a date"),
        (BASE_22, BASE_22.replace("{date}", "*"), "form", "no name form"),
        (BASE_22, BASE_22.replace(" {date}", ""), "form", "no name form"),
        (BASE_22, BASE_22.replace("Deep Learning ", ""), "form", "no name form"),
        (BASE_22, BASE_22.replace("GPU", "{gpu}"), "form", "an unknown one"),
        (BASE_22, BASE_22.replace("GPU", "}"), "form", "an unknown one"),
        (BASE_22, BASE_22.replace("GPU", "{version}"), "form", "{version} belongs"),
        (BASE_22, BASE_22.replace("22.04", "24.04"), "form", "(Ubuntu 22.04)"),
        (BASE_22, BASE_22.replace("Base", "ARM64 Base"), "form", "ARM64 belongs"),
        (TORCH_24, TORCH_24.replace("{version} ", ""), "form", "{version} belongs"),
        (TORCH_24, TORCH_24.replace("PyTorch", "{version}"), "form", "a placeholder too many"),
    ],
)
def test_a_broken_field_is_named_with_file_and_line(
    broken: Callable[[str], str], old: str, new: str, field: str, why: str
) -> None:
    assert old in SHIPPED
    at = SHIPPED.index(old)
    text = SHIPPED[:at] + new + SHIPPED[at + len(old) :]
    message = broken(text)
    assert f"field `{field}`" in message
    assert why in message
    match = re.match(r"catalogue\.toml, line ([0-9]+), ", message)
    assert match
    line = text.splitlines()[int(match[1]) - 1]
    # The field's own line, or the header of the table that lacks it.
    if "is missing" in message:
        assert line.startswith("[[") or field == "as_of"
    else:
        assert line.startswith(f"{field} =")


@pytest.mark.parametrize(
    ("entry", "field", "why"),
    [
        ('{ version = "2.99" }', "versions[0].version", "unknown"),
        ('{ version = "2.12" }, { version = "2.12" }', "versions[1].version", "twice"),
        ('{ version = "2.12", sen = 1 }', "versions[0].sen", "not a field"),
        ('{ version = "2.12", seen = [] }', "versions[0].seen", "two dates"),
        ('"2.12"', "versions", "inline table"),
        ("", "versions", "inline table"),
    ],
)
def test_a_broken_version_of_a_line_is_named_with_its_place(
    broken: Callable[[str], str], entry: str, field: str, why: str
) -> None:
    start = SHIPPED.index("versions = [")
    end = SHIPPED.index("\n]\n", start) + 3
    text = f"{SHIPPED[:start]}versions = [{entry}]\n{SHIPPED[end:]}"
    message = broken(text)
    assert f"line {_line_of(text, 'versions = [')}, field `{field}`" in message
    assert why in message


def test_versions_that_are_no_list_are_named(broken: Callable[[str], str]) -> None:
    start = SHIPPED.index("versions = [")
    end = SHIPPED.index("\n]\n", start) + 3
    assert "field `versions`" in broken(f'{SHIPPED[:start]}versions = "2.2"\n{SHIPPED[end:]}')


def test_a_duplicate_combination_is_named_at_the_second(
    broken: Callable[[str], str],
) -> None:
    last = SHIPPED[SHIPPED.rindex("[[line]]") :]
    text = f"{SHIPPED}\n{last}"
    message = broken(text)
    assert "ubuntu-26.04 / arm64 / multi-framework appears twice" in message
    assert f"line {text.count(chr(10), 0, text.rindex('type =')) + 1}," in message


def test_a_combination_that_is_missing_is_named(broken: Callable[[str], str]) -> None:
    message = broken(SHIPPED[: SHIPPED.rindex("[[line]]")])
    assert "ubuntu-26.04 / arm64 / multi-framework" in message


def test_two_lines_with_one_form_are_named(broken: Callable[[str], str]) -> None:
    form = 'form = "Deep Learning OSS Nvidia Driver AMI (Amazon Linux 2) Version {build}"'
    twin = 'form = "Deep Learning Base OSS Nvidia Driver AMI (Amazon Linux 2) Version {build}"'
    assert form in SHIPPED
    message = broken(SHIPPED.replace(form, twin))
    assert "is the form of amazon-linux-2 / x86_64 / base too" in message


@pytest.mark.parametrize(
    "array",
    ["source", "os", "advisory", "release", "instances", "unsupported", "blackwell", "line"],
)
def test_a_kind_of_table_that_is_missing_is_named(broken: Callable[[str], str], array: str) -> None:
    assert f"field `{array}`" in broken(SHIPPED.replace(f"[[{array}]]", "[[other]]"))


def test_tables_that_are_not_written_as_such_are_named(broken: Callable[[str], str]) -> None:
    start = SHIPPED.index("[[advisory]]")
    end = SHIPPED.index("# ---", start)
    text = f"{SHIPPED[:start]}[advisory]\nkey = 'x'\n{SHIPPED[end:]}"
    assert f"line {_line_of(text, '[advisory]')}, field `advisory`" in broken(text)


def test_an_os_that_ends_first_ends_its_framework_versions(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.toml"
    path.write_text(SHIPPED.replace("patched_until = 2029-04-30", "patched_until = 2026-12-31"))
    line = load_catalogue(path).line("ubuntu-24.04", "x86_64", "pytorch")
    assert line.versions[0].patched_until == date(2026, 12, 31)
    assert line.versions[-1].patched_until == date(2026, 8, 6)
