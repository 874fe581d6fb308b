"""`geusemaker status`: its screen, and how `--wait` ends."""

import json
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest

from geusemaker.config import DeploymentConfig
from geusemaker.errors import ConfigError

from .deployed import AFTER, BEFORE, NEW, OLD, Deployed, deploy, refusal
from .world import World


def lines(host: Deployed, *arguments: str, code: int = 0) -> list[str]:
    return host.world.run("status", *arguments, code=code).out.splitlines()


def row(printed: list[str], topic: str) -> str:
    (found,) = [line for line in printed if line.startswith(f"  {topic:<9} ")]
    return found[12:]


def test_a_ready_host_on_one_screen(host: Deployed) -> None:
    host.report("ready", "service.n8n=healthy", "model.llama3.2:3b=pulling 43%", f"dump={AFTER}")
    printed = lines(host)
    assert printed[0] == "us-east-1, account 123456789012, stack dev"
    assert row(printed, "host").startswith(f"{host.id}, m6i.xlarge, running since 20")
    assert row(printed, "ready") == "yes"
    assert row(printed, "reported") == "2126-11-24 01:02:03 UTC"
    assert row(printed, "services") == "n8n  healthy"
    assert row(printed, "models") == "llama3.2:3b  pulling 43%"
    assert row(printed, "settings") == "bbbbbbbbbbbb run, as requested"
    assert row(printed, "dump").startswith("2126-11-24")
    assert row(printed, "url") == "https://localhost:8443, through `geusemaker connect`"
    following = "geusemaker connect | geusemaker credentials | geusemaker logs"
    assert row(printed, "Next") == following


def test_images_with_known_vulnerabilities_are_shown_with_the_fix(
    host: Deployed,
) -> None:
    versions = {"ollama": "docker.io/ollama/ollama:0.31.0"}
    config = DeploymentConfig.model_validate({"imageVersions": versions, "services": ["ollama"]})
    host.world.patch.setattr("geusemaker.cli.target.Target.config", lambda _: config)
    host.report("ready", "service.ollama=healthy")
    printed = lines(host)
    assert row(printed, "CVEs").startswith("ollama 0.31.0 (0.35.0 fixes CVE-2026-103663")
    after = printed[printed.index(f"  {'CVEs':<9} {row(printed, 'CVEs')}") + 1]
    assert "-> run `pulumi config set geusemaker:imageVersions '{}'`, then `pulumi up`" in after
    answer = json.loads(host.world.run("status", "--json").out)
    assert answer["imagesWithHoles"] == [row(printed, "CVEs")]
    fixed = DeploymentConfig.model_validate({"services": ["ollama"]})
    host.world.patch.setattr("geusemaker.cli.target.Target.config", lambda _: fixed)
    assert not any("CVEs" in line for line in lines(host))
    assert json.loads(host.world.run("status", "--json").out)["imagesWithHoles"] == []


def test_a_config_that_is_wrong_hides_nothing_else(host: Deployed) -> None:
    def wrong(_: object) -> DeploymentConfig:
        raise ConfigError("geusemaker:services is wrong.")

    host.world.patch.setattr("geusemaker.cli.target.Target.config", wrong)
    host.report("ready", "service.n8n=healthy")
    ended = host.world.run("status")
    assert "  ready     yes" in ended.out.splitlines()
    assert "images with published vulnerabilities are unknown: geusemaker:services is" in ended.err
    answer = json.loads(host.world.run("status", "--json").out)
    assert answer["imagesWithHoles"] is None


def test_a_ready_host_that_fell_silent_is_not_called_ready(
    host: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.report("ready", "service.n8n=healthy")
    later = datetime.fromisoformat(AFTER) + timedelta(hours=2)
    monkeypatch.setattr("geusemaker.cli.host._now", lambda: later)
    printed = lines(host)
    assert row(printed, "ready").startswith("unknown: the last report is from 2126-11-24 01:")
    assert not any("healthy" in line for line in printed)
    answer = json.loads(host.world.run("status", "--json").out)
    assert (answer["verdict"], answer["isReady"]) == ("silent", False)
    assert (answer["isReportCurrent"], answer["services"]) == (False, {})


def test_before_the_first_report_nothing_is_made_up(host: Deployed) -> None:
    printed = lines(host)
    assert row(printed, "ready").startswith("not yet reported: no host of this stack")
    assert not any(line.startswith("  services") for line in printed)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"instance": "i-0fffffffffffffff0"}, "is from another instance, i-0fffffffffffffff0"),
        ({"time": BEFORE}, "from 2025-11-24 01:02:03 UTC, is older than the instance's last start"),
    ],
)
def test_a_report_of_another_host_or_start_is_none(
    host: Deployed, fields: dict[str, str], why: str
) -> None:
    host.report("ready", "service.n8n=healthy", **fields)
    printed = lines(host)
    assert row(printed, "ready").startswith("not yet reported")
    assert row(printed, "ready").endswith(why)
    assert not any("healthy" in line for line in printed)


def test_a_failed_step_has_its_reason_and_the_command_that_helps(host: Deployed) -> None:
    host.report("not-ready", step="efs", reason="mount target did not resolve in 40 tries")
    printed = lines(host, "--stack", "dev")
    assert row(printed, "ready") == (
        "no: step efs (the EFS mounts) failed: mount target did not resolve in 40 tries"
    )
    assert "            -> `geusemaker logs --stack dev` shows what the host is doing" in printed
    following = "geusemaker status --wait --stack dev | geusemaker logs --stack dev"
    assert row(printed, "Next") == following


def test_the_status_after_a_refused_change_of_type_names_doctor_and_the_previous_type(
    host: Deployed,
) -> None:
    outputs = {"instanceId": host.id, "statusParameter": "status-1", "instanceType": "t3.large"}
    host.world.answers(output=outputs)
    boto3.client("ec2", region_name="us-east-1").stop_instances(InstanceIds=[host.id])
    printed = lines(host)
    assert "from t3.large to m6i.xlarge has not finished" in row(printed, "ready")
    assert any("geusemaker:instanceType t3.large && pulumi up" in line for line in printed)
    assert row(printed, "Next") == "geusemaker doctor"


def test_the_status_of_a_stopped_host_names_start(host: Deployed) -> None:
    host.report("ready", "service.n8n=healthy")
    boto3.client("ec2", region_name="us-east-1").stop_instances(InstanceIds=[host.id])
    printed = lines(host)
    assert row(printed, "host") == f"{host.id}, m6i.xlarge, stopped"
    assert row(printed, "ready") == "no: the instance is stopped"
    assert row(printed, "Next") == "geusemaker start"
    error = host.world.run("status", "--wait", code=1).err
    assert "does not become ready: the instance is stopped -- `geusemaker start`" in error
    assert host.slept == []


@pytest.mark.parametrize("code", ["InvalidInstanceID.NotFound", None])
def test_an_instance_that_ec2_does_not_know_is_gone(host: Deployed, code: str | None) -> None:
    host.answers["describe_instances"] = (
        refusal("DescribeInstances", code) if code else lambda **_: {"Reservations": []}
    )
    printed = lines(host)
    assert row(printed, "host") == f"{host.id}, gone"
    assert row(printed, "Next") == "pulumi up --refresh"


def test_the_credit_mode_of_a_burstable_type_is_shown(world: World) -> None:
    host = deploy(world, "t3.large")
    assert row(lines(host), "host").endswith("; credit mode standard: slow once its CPU credits "
                                             "are used up")  # fmt: skip
    operation = "DescribeInstanceCreditSpecifications"
    host.answers["describe_instance_credit_specifications"] = refusal(operation, "AccessDenied")
    assert "credit" not in row(lines(host), "host")


def test_the_pointer_counts_before_the_host_knows_it(host: Deployed) -> None:
    """CI runs `pulumi up`, then `status --wait`: the report of before is no answer to it."""
    host.report("ready", running=OLD, wanted=OLD)
    assert row(lines(host), "settings").startswith("aaaaaaaaaaaa run; bbbbbbbbbbbb requested, not")
    host.later = {30: host.report}
    printed = lines(host, "--wait")
    assert printed[0].startswith("  0:00  yes, with the previous settings")
    assert printed[1] == "  0:30  yes"
    assert host.slept == [10, 10, 10]


def test_a_stack_without_that_output_takes_the_hosts_word(host: Deployed) -> None:
    outputs: Any = dict(host.world._answers["output"])  # type: ignore[call-overload]
    outputs.pop("settingsParameter")
    host.world.answers(output=outputs)
    host.report("ready", running=OLD, wanted=OLD)
    assert row(lines(host), "ready") == "yes"


def test_waiting_shows_changes_and_then_the_screen(host: Deployed) -> None:
    host.later = {
        20: lambda: host.report("not-ready", step="data", reason="under way"),
        50: lambda: host.report("not-ready", step="ready", reason="n8n is starting"),
        70: host.report,
    }
    printed = lines(host, "--wait", "--timeout", "2m")
    assert printed[:4] == [
        "  0:00  not yet reported: no host of this stack has reported yet",
        "  0:20  no: step data (the data volume) is under way",
        "  0:50  no: n8n is starting",
        "  1:10  yes",
    ]
    assert printed[4].startswith("us-east-1, account")
    assert row(printed, "ready") == "yes"


def test_a_wait_that_is_over_is_a_failure_with_the_last_step(host: Deployed) -> None:
    host.report("not-ready", step="services", reason="n8n (unhealthy)")
    error = host.world.run("status", "--wait", "--timeout", "25s", code=1).err
    assert error.startswith("Stack dev is not ready after 25s. Last known state: step ")
    assert "step services (the start of the services) failed: n8n (unhealthy)" in error
    assert "`geusemaker logs`" in error
    assert host.slept == [10, 10, 5]


def test_the_usual_wait_is_twenty_minutes(host: Deployed) -> None:
    error = host.world.run("status", "--wait", code=1).err
    assert "is not ready after 20m" in error
    assert sum(host.slept) == 1200


def test_refused_settings_end_the_wait_at_once(host: Deployed) -> None:
    host.report("ready", running=OLD, reason=f"bundle {NEW}: did not come up: n8n (unhealthy)")
    error = host.world.run("status", "--wait", code=1).err
    assert "the new settings were refused, so the old ones run: bundle bbb" in error
    assert host.slept == []


def test_json_alone_is_on_stdout_and_progress_beside_it(host: Deployed) -> None:
    host.later = {10: host.report}
    said = host.world.run("status", "--wait", "--json")
    printed = json.loads(said.out)
    assert (printed["isReady"], printed["verdict"]) == (True, "ready")
    assert printed["stack"] == "dev"
    assert "not yet reported" in said.err
    host.report("not-ready", step="data", reason="x")
    failed = host.world.run("status", "--wait", "--timeout", "1s", "--json", code=1, notes=True)
    assert json.loads(failed.out)["failedStep"] == "data"


@pytest.mark.parametrize("flags", [[], ["--wait"]])
def test_in_the_simulated_account_no_report_will_come(host: Deployed, flags: list[str]) -> None:
    host.world.patch.setenv("GEUSEMAKER_SIMULATED", "1")
    said = host.world.run("status", *flags, code=1 if flags else 0)
    printed = [line for line in said.out.splitlines() if not line.startswith("  0:00")]
    assert printed[0].startswith("us-east-1, SIMULATED account")
    assert "no report will come" in row(printed, "ready")
    assert ("will never report that it is ready" in said.err) is bool(flags)
    assert host.slept == []


@pytest.mark.parametrize("text", ["20", "soon", "1d", "0s", "25h", ""])
def test_what_is_no_time_is_a_wrong_flag(host: Deployed, text: str) -> None:
    said = host.world.run("status", "--wait", "--timeout", text, code=2)
    assert "Invalid value for" in said.err
    assert "--timeout" in said.err


def test_a_timeout_that_nothing_waits_for_is_a_wrong_flag(host: Deployed) -> None:
    assert "--wait" in host.world.run("status", "--timeout", "5m", code=2).err


def test_a_stack_that_is_not_deployed_or_of_an_older_version_is_an_error(host: Deployed) -> None:
    outputs: Any = dict(host.world._answers["output"])  # type: ignore[call-overload]
    outputs.pop("statusParameter")
    host.world.answers(output=outputs)
    error = host.world.run("status", code=1).err
    assert error.startswith("Stack dev has no output statusParameter: it was deployed by an older")
    host.world.answers(output={})
    assert "Stack dev has no host" in host.world.run("status", code=1).err


def test_a_host_that_was_removed_without_its_data_is_named_so(host: Deployed) -> None:
    """`geusemaker destroy` keeps the outputs, which name a parameter that it has deleted."""
    host.answers["get_parameter"] = refusal("GetParameter", "ParameterNotFound")
    volume = {"urn": "urn:pulumi:dev::geusemaker::v::data", "type": "aws:ebs/volume:Volume"}
    host.world.answers(state={"deployment": {"resources": [volume]}})
    error = host.world.run("status", code=1).err
    assert error.startswith("Stack dev has no host: it was removed, and the data was kept.")
    host_too = [volume, {**volume, "type": "aws:ec2/instance:Instance"}]
    host.world.answers(state={"deployment": {"resources": host_too}})
    assert "is not in Systems Manager" in host.world.run("status", code=1).err


def test_a_refused_call_is_an_error_with_the_permission(host: Deployed) -> None:
    host.answers["get_parameter"] = refusal("GetParameter", "AccessDeniedException")
    assert "lacks the permission ssm:GetParameter" in host.world.run("status", code=1).err
    host.answers["get_parameter"] = refusal("GetParameter", "ParameterNotFound")
    assert "The parameter status-1 is not in Systems" in host.world.run("status", code=1).err
    host.answers = {"describe_instances": refusal("DescribeInstances", "UnauthorizedOperation")}
    assert "the permission ec2:DescribeInstances" in host.world.run("status", code=1).err


def test_another_region_than_the_stacks_is_refused(host: Deployed) -> None:
    error = host.world.run("status", "--region", "eu-west-1", code=1).err
    assert "stack dev is in us-east-1" in error


def test_ctrl_c_ends_a_wait_with_its_own_code(host: Deployed) -> None:
    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    host.world.patch.setattr("geusemaker.cli.status._sleep", interrupted)
    host.world.run("status", "--wait", code=130)
