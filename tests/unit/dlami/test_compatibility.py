"""Which types run which image: every family by name, and every error's commands fix it."""

import gzip
import json
import re
from dataclasses import replace
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from geusemaker.config import DeploymentConfig
from geusemaker.dlami import ImageQuery, load_catalogue, select
from geusemaker.dlami.compatibility import (
    Remark,
    by_name,
    depends_on_image_age,
    verdict,
)
from geusemaker.dlami.image import FoundImage
from geusemaker.dlami.rows import Blackwell
from geusemaker.ec2.instance_types import InstanceType, architecture_of, runnable
from geusemaker.ec2.type_keys import of_workers
from geusemaker.errors import ConfigError

from .real_names import Combination

TODAY = date(2026, 10, 10)
Given = dict[str, str]

# Written by hand from what AWS and EC2 say, not from the catalogue: each family with the words that
# the refusal must hold.
UNSUPPORTED = {
    "p2.xlarge": "K80",
    "p3.2xlarge": "proprietary driver",
    "p3dn.24xlarge": "proprietary driver",
    "g2.2xlarge": "K520",
    "g3.4xlarge": "proprietary driver",
    "g3s.xlarge": "proprietary driver",
    "g4ad.xlarge": "AMD",
    "inf1.xlarge": "Neuron",
    "inf2.xlarge": "Neuron",
    "trn1.2xlarge": "Neuron",
    "trn1n.32xlarge": "Neuron",
    "trn2.48xlarge": "Neuron",
    "trn2u.48xlarge": "Neuron",
    "trn3.48xlarge": "Neuron",
    "dl1.24xlarge": "Habana",
    "dl2q.24xlarge": "Qualcomm",
    "f1.2xlarge": "FPGA",
    "f2.6xlarge": "FPGA",
    "vt1.3xlarge": "Xilinx",
    "mac1.metal": "macOS",
    "mac2-m2pro.metal": "macOS",
}
LINES = [line.key for line in load_catalogue().lines if line.form is not None]
LISTED = [
    (combination, family)
    for combination in LINES
    for family in load_catalogue().line(*combination).instance_families
]
BASE_22: Combination = ("ubuntu-22.04", "x86_64", "base")
BASE_24: Combination = ("ubuntu-24.04", "x86_64", "base")
TORCH_24: Combination = ("ubuntu-24.04", "x86_64", "pytorch")
# What Blackwell families are refused on, each with a part of why.
REFUSED: list[tuple[Given, str, str]] = [
    ({"osType": "ubuntu-22.04"}, "g7.2xlarge", "does not list"),
    ({"osType": "ubuntu-22.04"}, "g7e.2xlarge", "does not list"),
    ({"osType": "ubuntu-22.04"}, "p6-b300.48xlarge", "does not list"),
    ({"osType": "ubuntu-24.04", "amiType": "pytorch"}, "g7.2xlarge", "does not list"),
    (
        {"osType": "ubuntu-24.04", "amiType": "pytorch", "frameworkVersion": "2.12"},
        "p6-b300.48xlarge",
        "pytorch 2.12",
    ),
    ({"osType": "amazon-linux-2023", "amiType": "pytorch"}, "g7.2xlarge", "2026-10-05"),
    ({"osType": "amazon-linux-2023", "amiType": "pytorch"}, "g7e.2xlarge", "does not list"),
    ({"osType": "amazon-linux-2023", "amiType": "tensorflow"}, "g7.2xlarge", "until 2026-01-31"),
    ({"osType": "ubuntu-22.04", "amiType": "pytorch"}, "g7e.2xlarge", "until 2026-04-27"),
    ({"osType": "ubuntu-22.04", "amiType": "tensorflow"}, "g7.2xlarge", "until 2026-01-31"),
    (
        {"osType": "ubuntu-22.04", "amiType": "pytorch", "frameworkVersion": "2.4"},
        "p6-b200.48xlarge",
        "until 2025-07-24",
    ),
    ({"osType": "amazon-linux-2"}, "g7.2xlarge", "until 2026-06-30"),
    ({"osType": "amazon-linux-2", "amiType": "pytorch"}, "p6-b200.48xlarge", "until 2025-04-24"),
    ({"osType": "amazon-linux-2", "amiType": "multi-framework"}, "p6-b200.48xlarge", "not list"),
    (
        {"osType": "amazon-linux-2", "architecture": "arm64"},
        "p6e-gb200.36xlarge",
        "does not list",
    ),
    ({"architecture": "arm64"}, "p6e-gb300.36xlarge", "does not list"),
    (
        {"osType": "ubuntu-24.04", "architecture": "arm64", "amiType": "pytorch"},
        "p6e-gb300.36xlarge",
        "does not list",
    ),
]


@pytest.fixture(scope="module")
def types_of_ec2() -> frozenset[str]:
    """Names that AWS's DescribeInstanceTypes gave, as moto has recorded them."""
    packed = (files("moto.ec2") / "resources" / "instance_types.json.gz").read_bytes()
    return frozenset(json.loads(gzip.decompress(packed)))


def _query(combination: Combination, version: str | None = None) -> ImageQuery:
    return select(*combination, version, today=TODAY)


def _check(given: Given) -> tuple[Remark, ...]:
    """The name check of config values, after all that checks them before it."""
    config: Any = DeploymentConfig.model_validate(given)
    query = select(
        config.os_type,
        config.architecture,
        config.ami_type,
        config.framework_version,
        today=TODAY,
    )
    return by_name(query, config.instance_type)


def _levels(remarks: tuple[Remark, ...]) -> list[str]:
    return [remark.level for remark in remarks]


def _commands(message: str) -> list[str]:
    return re.findall(r"`(pulumi config [^`]*)`", message)


def _follow(command: str, given: Given) -> Given:
    """The config after the command has been run."""
    given = dict(given)
    for step in command.split(" && "):
        match = re.fullmatch(r"pulumi config (set|rm) geusemaker:(\w+)(?: (\S+))?", step)
        assert match, step
        if match[1] == "set":
            given[match[2]] = match[3]
        else:
            del given[match[2]]
    return given


def _refused(given: Given, instance_type: str) -> str:
    """The paragraph that refuses it. Each of its commands must fix it."""
    given = {**given, "instanceType": instance_type}
    with pytest.raises(ConfigError) as caught:
        _check(given)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"geusemaker:instanceType is {instance_type}, ")
    assert "nearest" in message
    commands = _commands(message)
    assert commands
    for command in commands:
        assert not [r for r in _check(_follow(command, given)) if r.level == "warning"], command
    return message


@pytest.mark.parametrize("instance_type", UNSUPPORTED)
def test_a_family_without_a_driver_is_refused_on_every_os(instance_type: str) -> None:
    architecture = architecture_of(instance_type)
    for os_type in ("ubuntu-22.04", "ubuntu-26.04", "amazon-linux-2"):
        message = _refused({"osType": os_type, "architecture": architecture}, instance_type)
        assert UNSUPPORTED[instance_type] in message
        (command,) = _commands(message)
        assert architecture_of(command.split()[-1]) == architecture


def test_every_family_that_the_table_refuses_is_tried_here() -> None:
    tried = {instance_type.partition(".")[0] for instance_type in UNSUPPORTED}
    for entry in load_catalogue().unsupported:
        for pattern in entry.families:
            assert any(family.startswith(pattern.rstrip("*")) for family in tried), pattern
        assert any(entry.covers(family) for family in tried)


def test_a_listed_family_is_accepted_without_a_remark() -> None:
    for combination, family in LISTED:
        assert by_name(_query(combination), f"{family}.2xlarge") == (), (combination, family)


@pytest.mark.parametrize(("given", "instance_type", "why"), REFUSED)
def test_a_family_that_the_line_has_no_driver_for_is_refused(
    given: Given, instance_type: str, why: str
) -> None:
    message = _refused(given, instance_type)
    assert why in message
    assert "driver R" in message
    first, second = _commands(message)
    assert "instanceType" not in first, "the type is what was wanted: first another image for it"
    assert second.startswith("pulumi config set geusemaker:instanceType g5")


def test_every_blackwell_family_is_listed_somewhere_and_refused_somewhere() -> None:
    families = {one.family for one in load_catalogue().blackwell}
    assert families == {"p6-b200", "p6-b300", "p6e-gb200", "p6e-gb300", "g7", "g7e"}
    assert families <= {family for _, family in LISTED}
    assert families == {name.partition(".")[0] for _, name, _ in REFUSED}


def _blackwell(family: str, since: date) -> Blackwell:
    return Blackwell(family=family, driver="R570", since=since, source="release-notes")


def test_a_refusal_names_the_image_that_is_listed_and_leads_there() -> None:
    message = _refused(
        {"osType": "ubuntu-24.04", "amiType": "pytorch", "frameworkVersion": "2.12"}, "g7.12xlarge"
    )
    assert "base on ubuntu-24.04" in message
    assert _commands(message) == [
        "pulumi config set geusemaker:amiType base && pulumi config rm geusemaker:frameworkVersion",
        "pulumi config set geusemaker:instanceType g5.8xlarge",
    ]


def test_an_ended_version_of_a_listed_line_leads_to_its_newest() -> None:
    # The list is that of the line's newer versions: 2.6 was built until months after the family.
    catalogue = load_catalogue()
    later = replace(catalogue, blackwell=(_blackwell("p6-b200", date(2026, 2, 1)),))
    query = _query(("amazon-linux-2023", "x86_64", "pytorch"), "2.6")
    assert by_name(query, "p6-b200.48xlarge") == ()
    with pytest.raises(ConfigError) as caught:
        by_name(query, "p6-b200.48xlarge", catalogue=later)
    assert "until 2026-01-29" in str(caught.value)
    assert _commands(str(caught.value))[0] == "pulumi config set geusemaker:frameworkVersion 2.13"


def test_only_the_types_of_a_blackwell_family_depend_on_the_age_of_the_image() -> None:
    assert depends_on_image_age("g7e.2xlarge")
    assert not depends_on_image_age("g6.xlarge")


def test_the_last_day_of_patches_decides_whether_a_driver_came_in_time() -> None:
    """An ended line may have images whose names no source has."""
    catalogue = load_catalogue()
    query = _query(("ubuntu-22.04", "x86_64", "pytorch"))
    last = date(2026, 4, 27)
    for since, refused in ((last, False), (date(2026, 4, 28), True)):
        moved = replace(catalogue, blackwell=(_blackwell("g7e", since),))
        if refused:
            with pytest.raises(ConfigError):
                by_name(query, "g7e.2xlarge", catalogue=moved)
        else:
            assert _levels(by_name(query, "g7e.2xlarge", catalogue=moved)) == ["warning"]


def test_a_family_listed_for_another_line_only_is_a_warning_if_it_is_not_blackwell() -> None:
    (remark,) = by_name(_query(BASE_22), "g6f.xlarge")
    assert remark.level == "warning"
    assert "not known to fail" in remark.text
    assert "2025-08-01" in remark.text
    assert _commands(remark.text) == ["pulumi config set geusemaker:osType amazon-linux-2023"]
    assert _check({"osType": "amazon-linux-2023", "instanceType": "g6f.xlarge"}) == ()
    assert _levels(by_name(_query(BASE_24), "gr6f.4xlarge")) == ["warning"]


def test_an_unlisted_family_that_users_run_is_a_warning_even_if_blackwell() -> None:
    (remark,) = by_name(_query(TORCH_24), "g7e.2xlarge")
    assert remark.level == "warning"
    assert "users run images of this line there" in remark.text
    assert _commands(remark.text) == ["pulumi config set geusemaker:amiType base"]


def test_a_list_without_a_day_shows_no_day() -> None:
    (remark,) = by_name(_query(BASE_24), "g6f.xlarge")
    assert "a list of" not in remark.text


def test_a_line_whose_list_was_not_seen_warns_for_blackwell_and_notes_the_rest() -> None:
    current = _query(("ubuntu-26.04", "x86_64", "base"))
    (blackwell,) = by_name(current, "g7.2xlarge")
    assert blackwell.level == "warning"
    assert "was not seen" in blackwell.text
    assert "R595" in blackwell.text
    (older,) = by_name(current, "g5.xlarge")
    assert older.level == "note"
    assert "was not seen" in older.text
    # AWS lists the family for no PyTorch image at all, where it lists others of its generation.
    for combination, absent in (
        (("ubuntu-26.04", "x86_64", "pytorch"), "g7.2xlarge"),
        (("ubuntu-26.04", "x86_64", "pytorch"), "p6-b300.48xlarge"),
        (("ubuntu-22.04", "x86_64", "pytorch"), "p6-b300.48xlarge"),
    ):
        with pytest.raises(ConfigError, match="for no pytorch image of x86_64"):
            by_name(_query(combination), absent)
    # Users run it on another line.
    torch_26 = _query(("ubuntu-26.04", "x86_64", "pytorch"))
    assert _levels(by_name(torch_26, "g7e.2xlarge")) == ["warning"]
    # It has ended, but only after the family was there.
    ended = _query(("ubuntu-22.04", "x86_64", "pytorch"))
    assert _levels(by_name(ended, "p6-b200.48xlarge")) == ["warning"]


@pytest.mark.parametrize("instance_type", ["m6i.xlarge", "t3.large", "c7i.2xlarge", "r6a.4xlarge"])
def test_a_cpu_type_passes_by_name_and_by_description_without_a_remark(instance_type: str) -> None:
    for combination in LINES:
        assert by_name(_query(combination), instance_type) == ()
    host = InstanceType(instance_type, 4, 16.0, ("x86_64",), ())
    assert verdict(_query(BASE_22), host) == ()


def test_the_gpus_of_a_known_family_give_no_remark() -> None:
    listed = InstanceType("g6f.xlarge", 4, 16.0, ("x86_64",), ("0 x NVIDIA L4",))
    query = _query(BASE_22)
    assert verdict(query, listed) == by_name(query, "g6f.xlarge")


def test_a_family_that_the_table_does_not_know_is_judged_by_its_gpus() -> None:
    query = _query(BASE_22)
    assert by_name(query, "g9.4xlarge") == ()
    nvidia = InstanceType("g9.4xlarge", 16, 64.0, ("x86_64",), ("1 x NVIDIA X900",))
    (remark,) = verdict(query, nvidia)
    assert remark.level == "warning"
    assert "table of 2026-10-10" in remark.text
    assert _commands(remark.text) == ["pulumi config set geusemaker:instanceType g5.4xlarge"]
    mixed = replace(nvidia, gpus=("1 x NVIDIA X900", "1 x AMD Instinct"))
    with pytest.raises(ConfigError, match="1 x AMD Instinct") as caught:
        verdict(query, mixed)
    assert _commands(str(caught.value)) == ["pulumi config set geusemaker:instanceType g5.4xlarge"]


IMAGE = FoundImage(
    id="ami-1",
    name="Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 24.04) 20260716",
    architecture="x86_64",
    root_device_name="/dev/sda1",
    root_volume_gib=75,
    creation_date="2026-07-16T23:59:59.000Z",
    framework_version=None,
)
OWN = replace(IMAGE, name="our-golden-image")
YOUNGER = replace(IMAGE, id="ami-2", name="newer", creation_date="2026-07-17T00:00:00.000Z")


def _with_image(
    instance_type: str,
    image: FoundImage,
    *,
    pin: str | None = None,
    newest: FoundImage | None = None,
) -> tuple[Remark, ...]:
    """The verdict on a type and an image of its architecture's Ubuntu 24.04 base line."""
    architecture = architecture_of(instance_type)
    host = InstanceType(instance_type, 8, 64.0, (architecture,), ("1 x NVIDIA GPU",))
    query = _query(("ubuntu-24.04", architecture, "base"))
    return verdict(query, host, image, pin=pin, newest=newest)


@pytest.mark.parametrize(
    ("family", "since"),
    [
        ("p6-b200", "2025-08-01"),
        ("p6-b300", "2026-01-02"),
        ("p6e-gb200", "2026-01-08"),
        ("p6e-gb300", "2026-01-08"),
        ("g7e", "2026-05-20"),
        ("g7", "2026-07-17"),
    ],
)
def test_an_image_from_before_the_familys_first_day_is_refused(family: str, since: str) -> None:
    day = date.fromisoformat(since)
    before = date.fromordinal(day.toordinal() - 1)
    on_the_day = replace(
        IMAGE, name=f"{IMAGE.name[:-8]}{day:%Y%m%d}", creation_date=f"{day}T00:00:00.000Z"
    )
    _with_image(f"{family}.8xlarge", on_the_day)
    with pytest.raises(ConfigError, match=f"from before {since}"):
        _with_image(
            f"{family}.8xlarge", replace(on_the_day, creation_date=f"{before}T23:00:00.000Z")
        )


@pytest.mark.parametrize("pin", ["amiId", "amiName"])
def test_a_pin_that_is_too_old_names_both_fixes(pin: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _with_image("g7.2xlarge", IMAGE, pin=pin)
    assert "of 2026-07-16" in str(caught.value)
    assert _commands(str(caught.value)) == [
        f"pulumi config rm geusemaker:{pin}",
        "pulumi config set geusemaker:instanceType g5.2xlarge",
    ]
    _with_image("g5.2xlarge", IMAGE, pin=pin)


def test_a_kept_image_that_is_too_old_leads_to_the_newest() -> None:
    with pytest.raises(ConfigError, match="this stack keeps") as caught:
        _with_image("g7.2xlarge", IMAGE, newest=YOUNGER)
    assert _commands(str(caught.value)) == [
        "pulumi config set geusemaker:amiId ami-2",
        "pulumi config set geusemaker:instanceType g5.2xlarge",
    ]
    _with_image("g7.2xlarge", replace(YOUNGER, name=f"{IMAGE.name[:-8]}20260717"))


@pytest.mark.parametrize("newest", [None, IMAGE])
def test_an_image_that_is_too_old_with_nothing_newer_leads_to_another_type(
    newest: FoundImage | None,
) -> None:
    with pytest.raises(ConfigError, match="no image of this line that is young enough") as caught:
        _with_image("g7.2xlarge", IMAGE, newest=newest)
    assert _commands(str(caught.value)) == ["pulumi config set geusemaker:instanceType g5.2xlarge"]


def test_the_date_of_a_users_own_image_does_not_matter() -> None:
    assert _with_image("g7.2xlarge", OWN, pin="amiId") == ()


def test_a_type_of_another_architecture_than_the_image_is_refused_by_what_aws_says() -> None:
    g5 = InstanceType("g5.xlarge", 4, 16.0, ("x86_64",), ("1 x NVIDIA A10G",))
    assert verdict(_query(BASE_22), g5) == ()
    assert verdict(_query(BASE_22), replace(g5, architectures=())) == ()
    arm64 = _query(("ubuntu-22.04", "arm64", "base"))
    for pin in (None, "amiId"):  # the architecture decides before the pinned image is known
        with pytest.raises(ConfigError, match=r"instanceType g5g\.xlarge`"):
            verdict(arm64, g5, pin=pin)


def test_with_a_pin_the_name_and_the_gpus_are_checked_once_the_image_is_known() -> None:
    amd = InstanceType("g4ad.xlarge", 4, 16.0, ("x86_64",), ("1 x AMD Radeon Pro V520",))
    assert by_name(_query(BASE_24), "g4ad.xlarge", pin="amiId") == ()
    assert verdict(_query(BASE_24), amd, pin="amiId") == ()
    with pytest.raises(ConfigError, match="AMD"):
        by_name(_query(BASE_24), "g4ad.xlarge")
    for image, pin in ((None, None), (OWN, None), (IMAGE, "amiId")):
        with pytest.raises(ConfigError, match="AMD"):
            verdict(_query(BASE_24), amd, image, pin=pin)
    (remark,) = verdict(_query(BASE_24), amd, OWN, pin="amiId")
    assert remark.level == "warning"
    assert remark.text.startswith("geusemaker:instanceType is g4ad.xlarge, and g4ad has AMD")
    assert remark.text.endswith("geusemaker:amiId names is none of these, so it is used.")


def test_without_a_suitable_line_another_type_is_offered() -> None:
    catalogue = load_catalogue()
    nowhere = replace(
        catalogue,
        lines=tuple(
            line
            if line.ami_type != "base" or line.os_type == "ubuntu-22.04"
            else replace(line, versions=())
            for line in catalogue.lines
        ),
    )
    with pytest.raises(ConfigError) as caught:
        by_name(_query(BASE_22), "g7.2xlarge", catalogue=nowhere)
    assert _commands(str(caught.value)) == ["pulumi config set geusemaker:instanceType g5.2xlarge"]
    gone = replace(
        catalogue,
        lines=tuple(
            replace(line, versions=()) if "g6f" in line.instance_families else line
            for line in catalogue.lines
        ),
    )
    (remark,) = by_name(_query(BASE_22), "g6f.xlarge", catalogue=gone)
    assert _commands(remark.text) == []
    assert remark.text.endswith("not known to fail.")


@pytest.mark.parametrize(
    ("instance_type", "architecture", "families", "offered"),
    [
        ("p3.2xlarge", "x86_64", (), "g5.2xlarge"),
        ("p3.2xlarge", "x86_64", ("g4dn", "g6"), "g6.2xlarge"),
        ("p3.2xlarge", "x86_64", ("g4dn",), "g4dn.2xlarge"),
        ("p3.2xlarge", "x86_64", ("p5",), "m6i.2xlarge"),
        ("p6e-gb300.36xlarge", "arm64", (), "g5g.16xlarge"),
        ("g7.12xlarge", "x86_64", (), "g5.8xlarge"),
        ("vt1.3xlarge", "x86_64", (), "g5.2xlarge"),
        ("g6f.large", "x86_64", (), "g5.xlarge"),
        ("g6f.strange", "x86_64", (), "g5.xlarge"),
        ("g4dn.metal", "x86_64", (), "g5.16xlarge"),
        ("mac1.metal", "x86_64", (), "m6i.xlarge"),
        ("mac2.metal", "arm64", (), "m6g.xlarge"),
    ],
)
def test_a_type_that_is_proposed_is_of_like_size_and_runs(
    instance_type: str, architecture: str, families: tuple[str, ...], offered: str
) -> None:
    assert runnable(instance_type, architecture, families) == offered


def test_only_existing_types_are_proposed(types_of_ec2: frozenset[str]) -> None:
    sizes = ["nano", "large", "metal", *(f"{n or ''}xlarge" for n in range(60))]
    for series in ("g7", "p3", "inf2", "mac2"):
        for architecture in ("x86_64", "arm64"):
            for families in ((), ("g6",), ("g4dn",), ("p5",)):
                for size in sizes:
                    offered = runnable(f"{series}.{size}", architecture, families)
                    assert offered in types_of_ec2
                    assert architecture_of(offered) == architecture


def test_every_cpu_type_of_ec2_passes_by_name(types_of_ec2: frozenset[str]) -> None:
    """No prefix of the table catches a family that it does not mean."""
    catalogue = load_catalogue()
    caught = {
        family
        for family in {name.partition(".")[0] for name in types_of_ec2}
        if catalogue.unsupported_of(family) or catalogue.blackwell_of(family)
    }
    assert {re.sub(r"[0-9].*", "", family.partition("-")[0]) for family in caught} == {
        "dl",
        "f",
        "g",
        "inf",
        "mac",
        "p",
        "trn",
        "vt",
    }


def test_the_docs_list_the_families_that_the_table_lists() -> None:
    page = (Path(__file__).parents[3] / "docs" / "choosing-an-image.md").read_text("utf-8")
    _, _, rest = page.partition("<!-- families table")
    table = rest.partition("<!-- end of families table -->")[0].splitlines()[3:]
    assert table == [
        f"| {line.os_type}, {line.architecture}, {line.ami_type} | "
        f"{', '.join(line.instance_families) or '–'} |"  # noqa: RUF001
        for line in load_catalogue().lines
        if line.form is not None
    ]


def test_the_docs_quote_the_errors_exactly() -> None:
    page = (Path(__file__).parents[3] / "docs" / "choosing-an-image.md").read_text("utf-8")
    given = {"osType": "ubuntu-24.04", "amiType": "pytorch"}
    assert _refused(given, "g7.2xlarge") in page
    for entry in load_catalogue().unsupported:
        for family in entry.families:
            assert f"{family.rstrip('*')}" in page.partition("## What is refused")[2]
    for blackwell in load_catalogue().blackwell:
        assert blackwell.family in page.partition("The Blackwell families")[2]


def test_an_old_build_that_was_copied_to_a_region_later_is_old() -> None:
    name = "Deep Learning Base OSS Nvidia Driver GPU AMI (Amazon Linux 2023) 20260519"
    image = FoundImage("ami-1", name, "x86_64", "/dev/xvda", 75, "2026-09-02T08:15:00.000Z", None)
    with pytest.raises(ConfigError, match="no image from before"):
        _with_image("g7.2xlarge", image, pin="amiName")
    _with_image("g7.2xlarge", replace(image, name=name.replace("20260519", "20260916")))
    _with_image("g7.2xlarge", replace(image, name=f"{name[:-8]}20260916", creation_date=""))


def test_an_error_on_a_type_of_workers_keeps_the_other_types_and_the_architecture() -> None:
    query = select("ubuntu-24.04", "x86_64", "base", today=TODAY)
    odd = InstanceType("z9.xlarge", 4, 16.0, ("arm64",), ())
    with pytest.raises(ConfigError) as caught:
        verdict(query, odd, key=of_workers(["m5.xlarge", "z9.xlarge", "m6i.xlarge"]))
    assert str(caught.value) == (
        "geusemaker:workerInstanceTypes has z9.xlarge, which AWS says is arm64 only, and "
        "geusemaker:architecture is x86_64: that image would not boot on it. Change it: "
        "`pulumi config set geusemaker:workerInstanceTypes m5.xlarge,m6i.xlarge`."
    )
