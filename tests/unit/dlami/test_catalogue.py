"""The shipped table is complete, and the error for a broken one names the place."""

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


def test_the_shipped_table_has_every_combination_once() -> None:
    catalogue = load_catalogue()
    found = [line.key for line in catalogue.lines]
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
        line.key: " ".join(line.instance_families)
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
AL2 = "Deep Learning Base OSS Nvidia Driver AMI (Amazon Linux 2) Version {build}"
AL2_ALL = "Deep Learning OSS Nvidia Driver AMI (Amazon Linux 2) Version {build}"

NEVER = 'type = "tensorflow"\nstatus = "never"'


def _changed(old: str, new: str) -> str:
    assert old in SHIPPED
    return SHIPPED.replace(old, new, 1)


@pytest.mark.parametrize(
    ("old", "new", "field", "why"),
    [
        ("as_of = 2026-10-10", "as_of = 2026-10-10T00:00:00", "as_of", "valid date"),
        ("as_of = 2026-10-10", 'as_of = "2026-10-10"', "as_of", "valid date"),
        ("as_of = 2026-10-10", "as_of = 2026-10-10\nas_off = 1", "as_off", "not permitted"),
        ('key = "index"', 'key = ""', "key", "at least 1 character"),
        ('key = "index"', "key = 3", "key", "valid string"),
        ('ssh_user = "ubuntu"', 'ssh_user = "ubuntu"\nport = 22', "port", "not permitted"),
        ('framework = "pytorch"', 'framework = "jax"', "framework", "'pytorch' or 'tensorflow'"),
        ('version = "2.10"', 'version = "2.10.1"', "version", "pattern"),
        ('spelled = ["2.6.0"]', 'spelled = ["2.6.x"]', "spelled[0]", "pattern"),
        ('spelled = ["2.6.0"]', "spelled = []", "spelled", "at least 1 item"),
        ('spelled = ["2.6.0"]', 'spelled = ["2.6.0", "2.6.0"]', "spelled", "twice"),
        ('architecture = "arm64"', 'architecture = "arm"', "architecture", "'x86_64' or 'arm64'"),
        ('type = "base"', 'type = "bass"', "type", "'base', 'pytorch', 'tensorflow' or"),
        ('status = "ended"', 'status = "over"', "status", "'current', 'ended' or 'never'"),
        ("min_root_gib = 100", "min_root_gib = 0", "min_root_gib", "equal to 1"),
        ("min_root_gib = 100", "min_root_gib = true", "min_root_gib", "valid integer"),
        ("min_root_gib = 100", 'min_root_gib = "100"', "min_root_gib", "valid integer"),
        ('families = ["g5g"]', 'families = ["g5g.xlarge"]', "families[0]", "pattern"),
        ('families = ["g5g"]', 'families = ["g*"]', "families[0]", "pattern"),
        ('families = ["g5g"]', 'families = ["g5g", "g5g"]', "families", "twice"),
        ('tried = ["g7e"]', 'tried = ["G7e"]', "tried[0]", "pattern"),
        ("listed_on = 2026-09-04", 'listed_on = "May"', "listed_on", "valid date"),
        ('families = ["p2"]', 'families = ["p2.xlarge"]', "families[0]", "pattern"),
        ('families = ["p2"]', 'families = ["*"]', "families[0]", "pattern"),
        ('families = ["mac*"]', "families = []", "families", "at least 1 item"),
        ('driver = "R595"', "driver = 595", "driver", "valid string"),
        ("since = 2026-07-17", 'since = "2026-07"', "since", "valid date"),
        ("seen = [2026-05-08, ", "seen = [2026-05-20, ", "seen", "2026-05-20 is after 2026-05-19"),
        ("seen = [2026-05-08, 2026-05-19]", "seen = [2026-05-08]", "seen[1]", "required"),
        ("seen = [2026-05-08, ", 'seen = ["x", ', "seen[0]", "valid date"),
        ("seen = [2024-05-21, ", "sen = [2024-05-21, ", "versions[0].sen", "not permitted"),
    ],
)
def test_an_invalid_field_is_named_with_file_and_line(
    broken: Callable[[str], str], old: str, new: str, field: str, why: str
) -> None:
    text = _changed(old, new)
    message = broken(text)
    assert f", field `{field}`: " in message
    assert why in message
    match = re.match(r"catalogue\.toml, line ([0-9]+), ", message)
    assert match
    line = text.splitlines()[int(match[1]) - 1]
    assert line.startswith(f"{re.split(r'[.[]', field)[0]} =")


@pytest.mark.parametrize(
    ("old", "new", "table", "why"),
    [
        ('ssh_user = "ubuntu"\n', "", "os", "field `ssh_user`: Field required"),
        ('spelled = ["2.6.0"]', 'spelled = ["2.7.0"]', "release", "'2.7.0', which is no way"),
        ('tried = ["g7e"]', 'tried = ["g5"]', "instances", "'g5' appears twice"),
        ('status = "never"', 'status = "ended"', "line", "needs ['driver', 'form', 'min_root_gib'"),
        (NEVER, f'{NEVER}\nform = "x"', "line", "has ['form', 'reason']"),
        ("versions = [", "seen = [2024-05-21, 2024-05-21]\nversions = [", "line", "'seen', 'vers"),
        ("min_root_gib = 100", 'versions = [{ version = "2.2" }]', "line", "and may have ['instan"),
    ],
)
def test_a_table_without_the_right_fields_is_named_by_the_line_of_its_header(
    broken: Callable[[str], str], old: str, new: str, table: str, why: str
) -> None:
    text = _changed(old, new)
    message = broken(text)
    assert why in message
    match = re.match(r"catalogue\.toml, line ([0-9]+), ", message)
    assert match
    header = text.splitlines()[: int(match[1])]
    assert header[-1] == f"[[{table}]]"
    # It is the last header above the change.
    assert text[: SHIPPED.index(old)].startswith("\n".join(header))
    assert "\n[[" not in text[len("\n".join(header)) : SHIPPED.index(old)]


def test_a_fault_in_a_table_that_is_written_otherwise_has_a_line_too(
    broken: Callable[[str], str],
) -> None:
    text = _changed('ssh_user = "ubuntu"\n', "").replace("[[os]]", "  [[ os ]]")
    match = re.match(r"catalogue\.toml, line ([0-9]+), ", broken(text))
    assert match
    assert text.splitlines()[int(match[1]) - 1] == "  [[ os ]]"
    assert broken("as_of = 2026-10-10\nos = [{ name = 1 }]\n").startswith("catalogue.toml, line 1,")


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('key = "index"', 'key = "policy"', "[[source]] 'policy' appears twice"),
        ('name = "ubuntu-24.04"', 'name = "ubuntu-22.04"', "[[os]] 'ubuntu-22.04' appears twice"),
        ('version = "2.10"', 'version = "2.9"', "[[release]] 'pytorch 2.9' appears twice"),
        ('key = "arm64-pytorch"', 'key = "arm64-base"', "[[instances]] 'arm64-base' appears twice"),
        ('family = "g7"', 'family = "g7e"', "[[blackwell]] 'g7e' appears twice"),
        ('families = ["g2"]', 'families = ["p3*"]', "[[unsupported]] 'p3*' appears twice"),
        ('families = ["mac*"]', 'families = ["inf2"]', "[[unsupported]] 'inf2' appears twice"),
        ('version = "2.3", seen', 'version = "2.2", seen', "[[line.versions]] '2.2' appears twice"),
        (AL2_ALL, AL2, f"[[line]] {AL2!r} appears twice"),
        (NEVER, NEVER.replace("tensorflow", "pytorch"), "'amazon-linux-2 / arm64 / pytorch' app"),
        ('advisory = "unpatched-cves"', 'advisory = "cve"', "no [[advisory]] 'cve'; known are unp"),
        ('os = "ubuntu-26.04"', 'os = "plan9"', "there is no [[os]] 'plan9'"),
        ('instances = "arm64-base-al2"', 'instances = "arm"', "there is no [[instances]] 'arm'"),
        ('{ version = "2.3", seen', '{ version = "9.9", seen', "no [[release]] 'pytorch 9.9'"),
        ('source = "neuron"', 'source = "nobody"', "no [[source]] 'nobody'; known are policy,"),
        ('source = "index"\n\n[[line]]', 'source = "x"\n\n[[line]]', "there is no [[source]] 'x'"),
        ('family = "g7"', 'family = "g8"', "[[blackwell]] 'g8' is in no [[instances]]"),
        ('families = ["g5g"]', 'families = ["g5g", "p3"]', "'p3' is in an [[unsupported]] and in"),
        ('tried = ["g7e"]', 'tried = ["inf2"]', "'inf2' is in an [[unsupported]] and in an [[inst"),
        ('status = "ended"', 'status = "current"', "by the patch dates its status is 'ended'"),
        ('status = "current"', 'status = "ended"', "by the patch dates its status is 'current'"),
        (BASE_22, BASE_22.replace("{date}", "*"), "is no name that ends with a date or a version"),
        (BASE_22, BASE_22.replace(" {date}", ""), "is no name that ends with a date or a version"),
        (BASE_22, BASE_22.replace("Deep Learning ", ""), "is no name that ends with a date or a"),
        (BASE_22, BASE_22.replace("GPU", "{gpu}"), "has a placeholder too many or unknown"),
        (BASE_22, BASE_22.replace("GPU", "}"), "has a placeholder too many or unknown"),
        (BASE_22, BASE_22.replace("GPU", "{version}"), "`{version}` is in forms of framework"),
        (BASE_22, BASE_22.replace("22.04", "24.04"), "ubuntu-22.04 / x86_64 / base: `form` has no"),
        (BASE_22, BASE_22.replace("Base", "ARM64 Base"), "ARM64 is in arm64 forms only"),
        (TORCH_24, TORCH_24.replace("{version} ", ""), "`{version}` is in forms of framework"),
        (TORCH_24, TORCH_24.replace("PyTorch", "{version}"), "has a placeholder too many"),
    ],
)
def test_tables_that_contradict_each_other_are_named(
    broken: Callable[[str], str], old: str, new: str, why: str
) -> None:
    message = broken(_changed(old, new))
    assert message.startswith("catalogue.toml: ")
    assert why in message


def test_a_combination_that_is_missing_is_named(broken: Callable[[str], str]) -> None:
    message = broken(SHIPPED[: SHIPPED.rindex("[[line]]")])
    assert "there is no [[line]] of ubuntu-26.04 / arm64 / multi-framework" in message


@pytest.mark.parametrize(
    "array",
    ["source", "os", "advisory", "release", "instances", "unsupported", "blackwell", "line"],
)
def test_a_kind_of_table_that_is_missing_is_named(broken: Callable[[str], str], array: str) -> None:
    assert f"field `{array}`: Field req" in broken(SHIPPED.replace(f"[[{array}]]", "[[other]]"))


def test_an_os_that_ends_first_ends_its_framework_versions(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.toml"
    path.write_text(SHIPPED.replace("patched_until = 2029-04-30", "patched_until = 2026-12-31"))
    line = load_catalogue(path).line("ubuntu-24.04", "x86_64", "pytorch")
    assert line.versions[0].patched_until == date(2026, 12, 31)
    assert line.versions[-1].patched_until == date(2026, 8, 6)
