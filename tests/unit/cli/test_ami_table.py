"""The table of `ami list`, from recorded images and without any."""

from datetime import date

import boto3
import pytest
from moto import mock_aws

from geusemaker.cli import ami_show, ami_table
from geusemaker.cli.ami_table import entries, shown, table
from geusemaker.config import DeploymentConfig
from geusemaker.dlami import load_catalogue
from geusemaker.services.ec2 import EC2Service, LineImages
from geusemaker.simulator import images
from pulumi_moto.images import replace

TODAY = date(2026, 11, 23)
CATALOGUE = load_catalogue()


@pytest.fixture(scope="module")
def answers() -> tuple[LineImages, ...]:
    with mock_aws():
        replace("us-east-1", images.recorded("us-east-1"))
        client = boto3.client(
            "ec2", "us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing"
        )
        return EC2Service(client=client).list_lines(TODAY)


def test_the_table_has_the_current_lines_and_marks_advisories_and_the_stack(
    answers: tuple[LineImages, ...],
) -> None:
    listed = shown(entries(CATALOGUE, answers, TODAY), ended=False, never=False)
    assert table(listed, CATALOGUE, ("ubuntu-22.04", "x86_64", "base")) == [
        "  osType            amiType arch   newest image    patched until",
        "> ubuntu-22.04      base    x86_64 2026-09-02      2027-04-30",
        "                            arm64  2026-09-11      2027-04-30",
        "  ubuntu-24.04      base    x86_64 2026-09-25      2029-04-30",
        "                            arm64  2026-10-06      2029-04-30",
        "  ubuntu-24.04      pytorch x86_64 2.12 2026-07-25 2027-05-13, CVEs",
        "                            arm64  2.12 2026-07-24 2027-05-13, CVEs",
        "  ubuntu-26.04      base    x86_64 none in Region  2031-04-30",
        "                            arm64  2026-09-11      2031-04-30",
        "  ubuntu-26.04      pytorch x86_64 2.13 2026-08-12 2027-07-08",
        "                            arm64  never made      -",
        "  amazon-linux-2023 base    x86_64 2026-09-01      2029-06-30",
        "                            arm64  2026-09-01      2029-06-30",
        "  amazon-linux-2023 pytorch x86_64 2.13 2026-10-03 2027-07-08",
        "                            arm64  2.11 2026-10-09 2027-03-23, CVEs",
        "CVEs: this version carries known CVEs that AWS will not patch; pytorch 2.13 has none",
    ]


def test_ended_lines_and_all_lines_are_shown_on_request_and_fit_80_columns(
    answers: tuple[LineImages, ...],
) -> None:
    every = entries(CATALOGUE, answers, TODAY)
    assert len(every) == 40
    assert [one.status for one in every].count("ended") == 9
    assert [one.status for one in every].count("never") == 18
    ended = table(shown(every, ended=True, never=False), CATALOGUE, None)
    assert "  amazon-linux-2    base            x86_64 Version 65.8    ended 2026-06-30" in ended
    both = shown(every, ended=False, never=True)
    assert len(both) == 40
    *rows, _ = table(both, CATALOGUE, ("amazon-linux-2", "x86_64", "multi-framework"))
    assert max(map(len, rows)) <= 80


def test_without_an_answer_of_aws_the_table_has_versions_and_no_build_dates() -> None:
    listed = shown(entries(CATALOGUE, None, TODAY), ended=False, never=False)
    rows = table(listed, CATALOGUE, None)
    assert "  ubuntu-24.04      pytorch x86_64 2.12         2027-05-13, CVEs" in rows
    assert "                            arm64  never made   -" in rows
    assert all(entry.image is None for entry in listed)


def test_on_a_later_day_a_line_has_ended() -> None:
    every = entries(CATALOGUE, None, date(2027, 5, 1))
    (base,) = [one for one in every if one.key == ("ubuntu-22.04", "x86_64", "base")]
    assert base.status == "ended"


def test_an_entry_for_programs_has_all_that_is_known(answers: tuple[LineImages, ...]) -> None:
    every = entries(CATALOGUE, answers, TODAY)
    facts = {one.key: ami_table.as_json(one, TODAY) for one in every}
    assert facts["ubuntu-24.04", "x86_64", "pytorch"] == {
        "osType": "ubuntu-24.04",
        "architecture": "x86_64",
        "amiType": "pytorch",
        "status": "current",
        "reason": None,
        "frameworkVersion": "2.12",
        "frameworkVersions": ["2.12", "2.11", "2.10", "2.9", "2.8"],
        "newerVersions": [],
        "patchedUntil": "2027-05-13",
        "isPatched": True,
        "advisory": "carries known CVEs that AWS will not patch",
        "imageId": "ami-0e2e1c9b9d71cc77f",
        "imageName": "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.12 (Ubuntu 24.04) 20260725",
        "created": "2026-07-25T09:00:00.000Z",
        "rootVolumeGib": 30,
    }
    never = facts["ubuntu-24.04", "x86_64", "tensorflow"]
    assert never["status"] == "never"
    assert "TensorFlow 2.18 was the last" in never["reason"]
    assert never["imageId"] is None


OLD = "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20260619"


def _of(answers: tuple[LineImages, ...], name: str) -> str:
    (found,) = [image.id for one in answers for image in one.images if image.name == name]
    return found


def test_show_counts_newer_builds_and_names_the_next_commands(
    answers: tuple[LineImages, ...],
) -> None:
    outputs = {"amiId": _of(answers, OLD), "amiName": OLD, "architecture": "x86_64"}
    view = ami_show.view(DeploymentConfig(), outputs, answers)
    printed = dict(ami_show.lines(view, TODAY))
    assert printed["running"] == f"{OLD} ({outputs['amiId']})"
    assert printed["line"] == "ubuntu-22.04 / x86_64 / base"
    assert printed["chosen"] == "amiPolicy keep: kept until you request another"
    assert printed["built"] == "2026-06-19, 157 days ago"
    assert printed["behind"].startswith("1 newer build of its version; the newest for the config")
    assert printed["patched"] == "until 2027-04-30 (158 days)"
    assert printed["Next"] == "geusemaker ami update | geusemaker ami pin"
    late = dict(ami_show.lines(view, date(2027, 5, 1)))
    assert late["patched"].startswith("ended 2027-04-30")


def test_show_explains_a_pin_another_request_and_an_unknown_image(
    answers: tuple[LineImages, ...],
) -> None:
    outputs = {"amiId": _of(answers, OLD), "amiName": OLD, "architecture": "x86_64"}
    pinned = ami_show.view(DeploymentConfig(ami_name=OLD), outputs, answers)
    assert dict(ami_show.lines(pinned, TODAY))["chosen"] == "pinned by geusemaker:amiName"
    other = ami_show.view(DeploymentConfig(os_type="ubuntu-24.04"), outputs, answers)
    assert "the next `pulumi up` replaces the host" in dict(ami_show.lines(other, TODAY))["line"]
    latest = ami_show.view(DeploymentConfig(ami_policy="latest"), outputs, answers)
    assert "next `pulumi up` takes the newest" in dict(ami_show.lines(latest, TODAY))["chosen"]

    own = {"amiId": "ami-0123456789abcdef0", "amiName": "golden", "architecture": "x86_64"}
    strange = dict(ami_show.lines(ami_show.view(DeploymentConfig(), own, answers), TODAY))
    assert strange["line"].startswith("not one of the known lines")
    assert strange["at AWS"].startswith("not shown")
    assert strange["built"] == "unknown"
    assert strange["patched"].startswith("unknown: the table")

    nothing = ami_show.view(DeploymentConfig(), {}, answers)
    assert dict(ami_show.lines(nothing, TODAY))["running"].startswith("nothing yet")
    assert ami_show.as_json(nothing)["imageId"] is None


def test_show_of_a_version_names_the_newest_of_that_version(
    answers: tuple[LineImages, ...],
) -> None:
    config = DeploymentConfig(
        os_type="amazon-linux-2023", ami_type="pytorch", framework_version="2.11"
    )
    newest = ami_show.newest_of(config, answers)
    assert newest is not None
    assert newest.name == (
        "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.11 (Amazon Linux 2023) 20260905"
    )


def test_show_of_a_version_in_full_finds_the_same(answers: tuple[LineImages, ...]) -> None:
    config = DeploymentConfig(ami_type="pytorch", framework_version="2.6.0")
    newest = ami_show.newest_of(config, answers)
    assert newest is not None
    assert newest.name.endswith("PyTorch 2.6.0 (Ubuntu 22.04) 20250223")
    runs = "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.12 (Ubuntu 24.04) 20260725"
    outputs = {"amiId": _of(answers, runs), "amiName": runs, "architecture": "x86_64"}
    printed = dict(ami_show.lines(ami_show.view(config, outputs, answers), TODAY))
    assert printed["behind"].endswith("20250223 (" + newest.id + "), which is of another line")


def test_the_legend_compares_the_stack_with_the_newest_image(
    answers: tuple[LineImages, ...],
) -> None:
    newest = ami_show.newest_of(DeploymentConfig(), answers)
    assert newest is not None

    def mark(outputs: dict[str, str]) -> str | None:
        return ami_show.marker(DeploymentConfig(), newest, "dev", outputs)

    assert mark({}) == "> marks stack dev, x86_64, not deployed"
    assert mark({"amiId": newest.id}) == "> marks stack dev, x86_64, running the newest"
    printed = mark({"amiId": "ami-1", "amiName": OLD})
    assert printed == f"> marks stack dev, x86_64, running {OLD}, not the newest"
    assert ami_show.marker(None, None, None, {}) is None


def test_the_legend_is_for_the_requested_version(answers: tuple[LineImages, ...]) -> None:
    config = DeploymentConfig(
        os_type="amazon-linux-2023", ami_type="pytorch", framework_version="2.11"
    )
    newest = ami_show.newest_of(config, answers)
    assert newest is not None
    outputs = {"amiId": newest.id, "amiName": newest.name, "architecture": "x86_64"}
    assert ami_show.marker(config, newest, "dev", outputs) == (
        "> marks stack dev, x86_64, running the newest of 2.11"
    )
    printed = dict(ami_show.lines(ami_show.view(config, outputs, answers), TODAY))
    assert printed["advisory"].startswith("carries known CVEs that AWS will not patch")
