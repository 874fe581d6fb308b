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
from geusemaker.errors import ConfigError
from geusemaker.pulumi_cli.programs import Machine
from geusemaker.services.ec2 import EC2Service
from geusemaker.simulator.mocks import simulated_account

TODAY = date(2026, 11, 1)
SERVICES = ("sts", "ec2", "service-quotas")
ACCOUNT = ["credentials", "Region", "config", "image", "instance type", "vCPU quota"]
RESTING = ("image", "instance type", "vCPU quota")
ORDER = [*ACCOUNT, "Pulumi CLI", "aws plugin", "catalogue"]


@pytest.fixture
def env(tmp_path: Path) -> Mapping[str, str]:
    return {"PATH": str(tmp_path), "GEUSEMAKER_CACHE_DIR": str(tmp_path / "cache")}


def states(findings: Findings) -> dict[str, str]:
    return {check.name: check.state for check in findings.checks}


def look(place: Somewhere) -> Findings:
    return examine(place, TODAY, Machine(place.env))


def test_a_good_account_passes_every_check_but_pulumi(env: Mapping[str, str]) -> None:
    with simulated_account() as mocks:
        clients = {name: mocks.account.client(name) for name in SERVICES}
        findings = look(Somewhere(clients, env=env, simulated=True))
    assert [check.name for check in findings.checks] == ORDER
    assert states(findings) == dict.fromkeys(ORDER, "ok") | {"Pulumi CLI": "warning"}
    assert (findings.account, findings.has_failed) == ("123456789012", False)


@pytest.mark.parametrize("market", ["on-demand", "spot"])
def test_a_stack_with_workers_has_their_quota_after_that_of_the_host(
    env: Mapping[str, str], market: str
) -> None:
    with simulated_account() as mocks:
        clients = {name: mocks.account.client(name) for name in SERVICES}
        findings = look(
            Somewhere(clients, {"workers": 2, "workerMarket": market}, env=env, simulated=True)
        )
    names = [check.name for check in findings.checks]
    assert names == [*ACCOUNT, "worker quota", *ORDER[len(ACCOUNT) :]]
    assert states(findings)["worker quota"] == "ok"


def test_without_credentials_dependent_checks_are_unknown(env: Mapping[str, str]) -> None:
    findings = look(Somewhere({"sts": boto.NoCredentialsError()}, env=env))
    results = states(findings)
    assert results["credentials"] == "failed"
    assert {results[name] for name in ("Region", *RESTING)} == {"unknown"}
    assert findings.has_failed


def test_without_a_region_image_and_quota_are_not_checked(env: Mapping[str, str]) -> None:
    findings = look(Somewhere({"sts": boto.NoRegionError()}, env=env, region=None))
    assert states(findings)["Region"] == "failed"
    results = {check.name: (check.state, check.detail) for check in findings.checks}
    for name in ("credentials", *RESTING):
        assert results[name] == ("unknown", "not checked: no Region")


def test_an_invalid_config_is_reported_once(env: Mapping[str, str]) -> None:
    with simulated_account() as mocks:
        clients = {name: mocks.account.client(name) for name in SERVICES}
        findings = look(Somewhere(clients, ConfigError("Unknown key."), env=env))
    assert [check.name for check in findings.checks if check.state == "failed"] == ["config"]
    results = {check.name: check.detail for check in findings.checks}
    assert {results[name] for name in RESTING} == {"not checked: the stack's config cannot be used"}


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (
            {"instance_type": "g7.2xlarge", "os_type": "ubuntu-24.04", "ami_type": "pytorch"},
            "which AWS does not list for ubuntu-24.04 / x86_64 / pytorch",
        ),
        ({"instance_type": "inf2.xlarge"}, "which no Deep Learning AMI"),
        ({"instance_type": "p3.2xlarge"}, "which no Deep Learning AMI"),
        ({"instance_type": "m6i.nonesuch"}, "does not have the type m6i.nonesuch"),
    ],
)
def test_no_quota_is_requested_for_an_unusable_type(
    env: Mapping[str, str], settings: Mapping[str, str], why: str
) -> None:
    with simulated_account() as mocks:
        clients = {name: mocks.account.client(name) for name in SERVICES}
        findings = look(Somewhere(clients, settings, env=env))
    assert [check.name for check in findings.checks if check.state == "failed"] == ["instance type"]
    results = {check.name: check for check in findings.checks}
    assert why in results["instance type"].detail
    quota = results["vCPU quota"]
    assert (quota.state, quota.fix) == ("unknown", "")
    assert quota.detail == "not checked: the instance type cannot be used"


def test_a_pin_that_deploy_refuses_fails_and_the_type_is_unknown(
    env: Mapping[str, str],
) -> None:
    with simulated_account() as mocks:
        clients = {name: mocks.account.client(name) for name in SERVICES}
        shown = EC2Service(client=clients["ec2"]).find_dlami("ubuntu-24.04", "x86_64", "base")
        findings = look(Somewhere(clients, {"ami_id": shown.id}, env=env))
    results = {check.name: check for check in findings.checks}
    assert results["image"].state == "failed"
    assert "contradicts other keys" in results["image"].detail
    assert results["instance type"].state == "unknown"
    assert "the pinned image was not found" in results["instance type"].detail
    assert results["vCPU quota"].state == "ok"


def test_each_aws_call_is_made_once(env: Mapping[str, str]) -> None:
    calls: list[str] = []
    with simulated_account() as mocks:
        clients = {name: mocks.account.client(name) for name in SERVICES}
        for client in clients.values():
            client.meta.events.register(
                "before-call", lambda model, **_: calls.append(str(model.name))
            )
        look(Somewhere(clients, env=env))
    # As docs/checking-your-account.md says.
    assert calls == [
        "GetCallerIdentity",
        "DescribeRegions",
        "DescribeImages",
        "DescribeInstanceTypes",
        "GetServiceQuota",
        "DescribeInstances",
    ]


# The command. -------------------------------------------------------------------------------


def run(
    place: Any, monkeypatch: pytest.MonkeyPatch, *arguments: str
) -> tuple[int, str, list[tuple[Any, ...]]]:
    calls: list[tuple[Any, ...]] = []

    def opened(*given: Any, any_region: bool) -> Any:
        assert any_region, "a Region that is none is a finding here"
        calls.append(given)
        return place

    monkeypatch.setattr(command, "open_target", opened)
    app = typer.Typer()
    app.command()(command.doctor)
    ended = CliRunner().invoke(app, list(arguments))
    return ended.exit_code, ended.output, calls


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
                ("describe_instance_types", "UnauthorizedOperation"),
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


def test_a_failed_check_exits_with_1_and_a_fix(
    poor: Somewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, said, calls = run(poor, monkeypatch, "--stack", "prod", "--region", "us-east-1")
    assert code == 1
    assert calls == [("prod", "us-east-1", False)]
    lines = said.splitlines()
    assert lines[0] == "Region us-east-1, account 111122223333"
    assert lines[2].startswith("ok       credentials    account 111122223333, arn:aws:iam::")
    (failed,) = [n for n, line in enumerate(lines) if line.startswith("failed")]
    assert lines[failed].startswith("failed   vCPU quota     Running On-Demand G and VT instances")
    assert lines[failed + 1].startswith(" " * 24 + "-> Ask AWS for more: `aws service-quotas ")
    assert "unknown  instance type  the caller lacks ec2:DescribeInstanceTypes" in lines
    assert "unknown  image          the caller lacks ec2:DescribeImages" in lines
    # The stack was named, so the command that fixes names it too.
    assert "geusemaker:instanceType m6i.xlarge --stack prod`" in said


def test_the_first_line_marks_the_simulated_account(
    env: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with simulated_account() as mocks:
        clients = {name: mocks.account.client(name) for name in SERVICES}
        place = Somewhere(clients, env=env, simulated=True, stack="dev")
        code, said, calls = run(place, monkeypatch, "--local")
    assert code == 0
    assert calls == [(None, None, True)]
    assert said.splitlines()[0] == "Region us-east-1, SIMULATED account 123456789012"


def test_unknown_checks_are_shown(monkeypatch: pytest.MonkeyPatch, poor: Somewhere) -> None:
    place = replace(poor, clients={"sts": boto.NoRegionError()}, region=None)
    code, said, _ = run(place, monkeypatch)
    assert (code, said.splitlines()[0]) == (1, "Region not set, account not known")


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["--stack", "prod"], "pulumi config set geusemaker:instanceType g5.xlarge --stack prod"),
        (
            ["--local"],
            "geusemaker local run -- pulumi config set geusemaker:instanceType g5.xlarge",
        ),
    ],
)
def test_commands_in_findings_carry_the_users_flags(
    arguments: list[str],
    command: str,
    monkeypatch: pytest.MonkeyPatch,
    env: Mapping[str, str],
) -> None:
    place = Somewhere({"sts": boto.NoCredentialsError()}, {"instance_type": "inf2.xlarge"}, env=env)
    code, said, _ = run(place, monkeypatch, *arguments)
    assert code == 1
    (line,) = [line for line in said.splitlines() if line.startswith("failed   instance ")]
    assert line.startswith("failed   instance type  geusemaker:instanceType is inf2.xlarge")
    assert f"`{command}`" in line


def test_the_region_flag_applies_to_the_calls(
    monkeypatch: pytest.MonkeyPatch, env: Mapping[str, str]
) -> None:
    with simulated_account() as mocks:
        clients = {name: mocks.account.client(name) for name in SERVICES}
        place = Somewhere(clients, {"ami_id": "ami-0123456789abcdef0"}, env=env)
        _, said, _ = run(place, monkeypatch, "--region", "us-east-1")
    assert "`geusemaker ami list --json --region us-east-1`" in said


def test_a_warning_of_the_look_up_is_shown_once(
    monkeypatch: pytest.MonkeyPatch, env: Mapping[str, str]
) -> None:
    with simulated_account() as mocks:
        clients = {name: mocks.account.client(name) for name in SERVICES}
        settings = {"os_type": "amazon-linux-2", "ami_type": "multi-framework"}
        code, said, _ = run(Somewhere(clients, settings, env=env), monkeypatch, "--stack", "prod")
    (at,) = [n for n, line in enumerate(said.splitlines()) if line.startswith("warning  image ")]
    warning = said.splitlines()[at + 1].partition("-> ")[2]
    assert (code, said.count(warning[:60])) == (0, 1)
    assert " --stack prod`" in warning


def test_json(monkeypatch: pytest.MonkeyPatch, poor: Somewhere) -> None:
    code, said, _ = run(poor, monkeypatch, "--json")
    results = json.loads(said)
    assert code == 1
    assert (results["region"], results["account"], results["simulated"]) == (
        "us-east-1",
        "111122223333",
        False,
    )
    assert [check["name"] for check in results["checks"]] == ORDER
    (failed,) = [check for check in results["checks"] if check["state"] == "failed"]
    assert failed.keys() == {"name", "state", "detail", "fix"}
