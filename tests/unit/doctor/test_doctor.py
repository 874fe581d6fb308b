"""All checks together, and what the command prints."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import typer
from botocore import exceptions as boto
from typer.testing import CliRunner

from doctor.place import Somewhere, stubbed
from geusemaker.cli import doctor as command
from geusemaker.doctor import Findings, examine
from geusemaker.engine_machine import Machine
from geusemaker.errors import ConfigError
from geusemaker.simulator.mocks import simulated_account

TODAY = date(2026, 11, 1)
SERVICES = ("sts", "ec2", "service-quotas")
ACCOUNT = ["credentials", "Region", "config", "image", "vCPU quota"]
ORDER = [*ACCOUNT, "Pulumi CLI", "aws plugin", "catalogue"]


@pytest.fixture
def env(tmp_path: Path) -> Mapping[str, str]:
    return {"PATH": str(tmp_path), "GEUSEMAKER_CACHE_DIR": str(tmp_path / "cache")}


def states(findings: Findings) -> dict[str, str]:
    return {check.name: check.state for check in findings.checks}


def look(place: Somewhere) -> Findings:
    return examine(place, TODAY, Machine(place.env))


def test_an_account_in_which_all_is_well_but_pulumi(env: Mapping[str, str]) -> None:
    with simulated_account() as mocks:
        clients = {name: mocks.account.client(name) for name in SERVICES}
        findings = look(Somewhere(clients, env=env, simulated=True))
    assert [check.name for check in findings.checks] == ORDER
    assert states(findings) == dict.fromkeys(ORDER, "ok") | {"Pulumi CLI": "warning"}
    assert (findings.account, findings.has_failed) == ("123456789012", False)


def test_without_credentials_the_rest_is_not_looked_at(env: Mapping[str, str]) -> None:
    findings = look(Somewhere({"sts": boto.NoCredentialsError()}, env=env))
    told = states(findings)
    assert told["credentials"] == "failed"
    assert {told[name] for name in ("Region", "image", "vCPU quota")} == {"unknown"}
    assert findings.has_failed


def test_without_a_region_no_image_and_quota_is_looked_at(env: Mapping[str, str]) -> None:
    findings = look(Somewhere({"sts": boto.NoRegionError()}, env=env, region=None))
    assert states(findings)["Region"] == "failed"
    told = {check.name: (check.state, check.detail) for check in findings.checks}
    for name in ("credentials", "image", "vCPU quota"):
        assert told[name] == ("unknown", "not looked at: no Region")


def test_a_config_that_cannot_be_used_is_told_once(env: Mapping[str, str]) -> None:
    with simulated_account() as mocks:
        clients = {name: mocks.account.client(name) for name in SERVICES}
        findings = look(Somewhere(clients, ConfigError("Unknown key."), env=env))
    assert [check.name for check in findings.checks if check.state == "failed"] == ["config"]
    told = {check.name: check.detail for check in findings.checks}
    assert (
        told["image"] == told["vCPU quota"] == ("not looked at: the stack's config cannot be used")
    )


# The command. -------------------------------------------------------------------------------


def run(
    place: Any, monkeypatch: pytest.MonkeyPatch, *arguments: str
) -> tuple[int, str, list[tuple[Any, ...]]]:
    asked: list[tuple[Any, ...]] = []

    def opened(*given: Any) -> Any:
        asked.append(given)
        return place

    monkeypatch.setattr(command, "open_target", opened)
    app = typer.Typer()
    app.command()(command.doctor)
    ended = CliRunner().invoke(app, list(arguments))
    return ended.exit_code, ended.output, asked


@pytest.fixture
def poor(env: Mapping[str, str]) -> Somewhere:
    """An account that has no quota for the stack's type."""
    me = {"Account": "111122223333", "Arn": "arn:aws:iam::111122223333:user/me", "UserId": "x"}
    region = {"Regions": [{"OptInStatus": "opt-in-not-required"}]}
    return Somewhere(
        {
            "sts": stubbed("sts", ("get_caller_identity", me)),
            "ec2": stubbed(
                "ec2",
                ("describe_regions", region),
                ("describe_images", "UnauthorizedOperation"),
                ("describe_instances", {"Reservations": []}),
                ("describe_instance_types", "UnauthorizedOperation"),
            ),
            "service-quotas": stubbed(
                "service-quotas", ("get_service_quota", {"Quota": {"Value": 0.0}})
            ),
        },
        {"instance_type": "g5.xlarge"},
        env,
    )


def test_a_failed_check_ends_with_1_and_says_how_to_mend_it(
    poor: Somewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, said, asked = run(poor, monkeypatch, "--stack", "prod", "--region", "us-east-1")
    assert code == 1
    assert asked == [("prod", "us-east-1", False)]
    lines = said.splitlines()
    assert lines[0] == "Region us-east-1, account 111122223333"
    assert lines[2].startswith("ok       credentials  account 111122223333, arn:aws:iam::")
    (failed,) = [n for n, line in enumerate(lines) if line.startswith("failed")]
    assert lines[failed].startswith("failed   vCPU quota   Running On-Demand G and VT instances")
    assert lines[failed + 1].startswith(" " * 22 + "-> Ask AWS for more: `aws service-quotas ")
    assert "unknown  image        the caller lacks ec2:DescribeImages" in lines
    # The stack was named, so the command that mends names it too.
    assert "geusemaker:instanceType m6i.xlarge --stack prod`" in said


def test_the_simulated_account_is_named_in_the_first_line(
    env: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with simulated_account() as mocks:
        clients = {name: mocks.account.client(name) for name in SERVICES}
        place = Somewhere(clients, env=env, simulated=True, stack="dev")
        code, said, asked = run(place, monkeypatch, "--local")
    assert code == 0
    assert asked == [(None, None, True)]
    assert said.splitlines()[0] == "Region us-east-1, SIMULATED account 123456789012"


def test_what_is_not_known_is_said(monkeypatch: pytest.MonkeyPatch, poor: Somewhere) -> None:
    place = replace(poor, clients={"sts": boto.NoRegionError()}, region=None)
    code, said, _ = run(place, monkeypatch)
    assert (code, said.splitlines()[0]) == (1, "Region not set, account not known")


def test_json(monkeypatch: pytest.MonkeyPatch, poor: Somewhere) -> None:
    code, said, _ = run(poor, monkeypatch, "--json")
    told = json.loads(said)
    assert code == 1
    assert (told["region"], told["account"], told["simulated"]) == (
        "us-east-1",
        "111122223333",
        False,
    )
    assert [check["name"] for check in told["checks"]] == ORDER
    (failed,) = [check for check in told["checks"] if check["state"] == "failed"]
    assert failed.keys() == {"name", "state", "detail", "mend"}
