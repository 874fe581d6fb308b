"""`geusemaker plan` of one stack: its facts, its JSON, its screen, its refusals."""

import re
import subprocess
import sys

import pytest

from geusemaker.errors import ConfigError
from geusemaker.plan import model
from geusemaker.plan.model import Plan
from geusemaker.plan.run import _as_one_error, _Log

from .project import ROOT, Project

KEY = "arn:aws:kms:us-east-1:210987654321:key/11111111-2222-3333-4444-555555555555"
ADOPTING: dict[str, object] = {
    "geusemaker:vpcId": "vpc-0123456789abcdef0",
    "geusemaker:subnetIds": "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
    "geusemaker:amiId": "ami-0123456789abcdef0",
    "geusemaker:domain": "ai.example.com",
    "geusemaker:hostedZoneId": "Z0123456789ABCDEFGHIJ",
    "geusemaker:kmsKeyArn": KEY,
    "geusemaker:extraPolicyArns": "arn:aws:iam::123456789012:policy/of/ours",
    "geusemaker:registryLogins": {"secure": "AAAB"},
    "geusemaker:workers": 2,
    "geusemaker:workerInstanceTypes": "g6.xlarge",
    "geusemaker:serviceSettings": {"n8n": {"N8N_SMTP_PASS": {"secure": "AAAB"}}},
}


def test_the_schema_file_is_that_of_the_model() -> None:
    file = ROOT / "geusemaker" / "plan" / "plan.schema.json"
    assert file.read_text(encoding="utf-8") == model.schema_text(), (
        "`python -m geusemaker.plan.model` writes it; a name that goes needs another VERSION"
    )


def test_a_plan_of_the_committed_stack(project: Project) -> None:
    plan = project.plan()
    assert (plan.stack, plan.network.region) == ("dev", "us-east-1")
    assert {(one.key, one.value, one.source) for one in plan.config} >= {
        ("geusemaker:osType", "ubuntu-22.04", "default"),
        ("geusemaker:protectData", "false", "stack"),
    }
    assert "(Ubuntu 22.04)" in plan.image.name
    assert plan.image.is_patched
    assert (plan.host.instance_type, plan.host.vcpus, plan.host.data_gib) == ("m6i.xlarge", 4, 100)
    # As Pulumi counts them, without the stack itself.
    assert len(plan.resources) == sum(one.count for one in plan.counts) == 54
    assert [one.parent for one in plan.resources if one.name == "geusemaker-compute-host"] == [
        "geusemaker-compute"
    ]
    assert [one.has_host for one in plan.network.subnets] == [True, False]
    assert all(one.has_mount and one.zone and one.cidr for one in plan.network.subnets)
    assert plan.boot.script_bytes is not None
    assert 4000 < plan.boot.script_bytes < plan.boot.limit_bytes
    assert not plan.unchecked


def test_flags_and_models(project: Project) -> None:
    models = ["llama3.2:3b", "llama3.3:70b", "qwen3:32b", "mistral"]
    project.config(
        {"geusemaker:ollamaModels": models, "geusemaker:instanceType": "g6.xlarge"}
        | {"geusemaker:allowedCidrs": "203.0.113.0/24"}
    )
    plan = project.plan("--os-type", "ubuntu-24.04")
    assert "(Ubuntu 24.04)" in plan.image.name
    assert [one.source for one in plan.config if one.key.endswith("osType")] == ["--os-type"]
    assert [one.fit for one in plan.models] == ["gpu", "no", "gpu", "unknown"]
    assert [(one.network, one.port) for one in plan.network.access] == [("203.0.113.0/24", 443)]
    assert plan.network.has_fixed_address
    assert "gpu" in [one.name for one in plan.boot.steps]
    assert any("llama3.3:70b" in one.text for one in plan.messages)


def test_what_only_the_account_has_is_taken_to_exist_and_named(project: Project) -> None:
    project.config(ADOPTING)
    plan = project.plan()
    assert plan.network.is_adopted
    assert [one.name for one in plan.network.subnets] == [
        "subnet-0123456789abcdef0",
        "subnet-0123456789abcdef1",
    ]
    unchecked = "\n".join(plan.unchecked)
    for key in ("vpcId", "hostedZoneId", "amiId", "kmsKeyArn", "registryLogins", "serviceSettings"):
        assert f"geusemaker:{key}" in unchecked, key
    # The account of the key is not this one: the simulated account's refusal would mislead.
    assert not [one.text for one in plan.messages if "kmsKeyArn" in one.text]
    shown = {one.key: one.value for one in plan.config}
    assert shown["geusemaker:registryLogins"] == "[secret]"
    assert "stand-in" not in shown["geusemaker:serviceSettings"]


def test_a_key_of_another_region_is_refused(project: Project) -> None:
    project.config({"geusemaker:kmsKeyArn": KEY.replace("us-east-1", "eu-west-1")})
    printed = project.run(code=1)
    assert "is a key of the Region eu-west-1, but this stack is in us-east-1" in printed
    assert "`pulumi config rm geusemaker:kmsKeyArn`" in printed


def test_the_stacks_file_is_read_as_pulumi_reads_it(project: Project) -> None:
    project.config({"osType": "ubuntu-24.04"})  # without a namespace it is of the project
    assert "(Ubuntu 24.04)" in project.plan().image.name
    file = project.folder / "Pulumi.dev.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("config:", "Config:"))
    assert "has Config at line 1, where it has no effect" in project.run(code=1)


def test_the_screen_fits_80_columns(project: Project) -> None:
    project.patch.setenv("COLUMNS", "80")
    project.patch.setenv("TERM", "xterm")
    for stream in (sys.stdout, sys.stderr):
        project.patch.setattr(stream, "isatty", lambda: True, raising=False)
    printed = re.sub(r"\x1b\[[0-9;]*m", "", project.run()).splitlines()
    assert printed[0].startswith("dev in us-east-1: 54 resources")
    long = [line for line in printed if len(line) > 80 and not line.startswith("pulumi ")]
    assert long == []
    assert "Resources: 54" in printed


@pytest.mark.parametrize(
    ("values", "arguments", "said"),
    [
        ({"geusemaker:rootVolumeGib": 20}, (), "geusemaker:rootVolumeGib is 20, but the image"),
        ({"geusemaker:instanceType": "m6g.xlarge"}, (), "m6g.xlarge"),
        ({"geusemaker:osTyp": "x"}, (), "did you mean osType?"),
        ({"aws:region": "us-east-7"}, (), "Unknown AWS Region 'us-east-7'"),
        ({}, ("--stack", "prod"), "there is no file Pulumi.prod.yaml"),
    ],
)
def test_a_refused_config_is_one_paragraph(
    project: Project, values: dict[str, object], arguments: tuple[str, ...], said: str
) -> None:
    project.config(values)
    printed = project.run(*arguments, code=1)
    assert said in printed
    assert printed.count("\n") == 1


def test_another_stack_in_the_shell_of_the_simulated_account_has_its_own_file(
    project: Project,
) -> None:
    """There a variable names the file of `dev`, which Pulumi takes for every stack."""
    project.config({"geusemaker:osType": "ubuntu-24.04"}, stack="prod")
    (project.folder / "Pulumi.dev.yaml").rename(project.folder / "copy.yaml")
    local = {"GEUSEMAKER_SIMULATED": "1", "PULUMI_STACK": "dev"}
    for name, value in {**local, "PULUMI_OPTION_CONFIG_FILE": "copy.yaml"}.items():
        project.patch.setenv(name, value)
    assert "(Ubuntu 24.04)" in project.plan("--stack", "prod").image.name
    assert "(Ubuntu 22.04)" in project.plan().image.name
    assert "no file Pulumi.nosuch.yaml" in project.run("--stack", "nosuch", code=1)


def test_a_folder_of_another_project_is_not_taken_for_the_one_that_is_planned(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "Pulumi.yaml").write_text("name: mine\nruntime: python\n", encoding="utf-8")
    project.patch.chdir(elsewhere)
    noted = project.run("--region", "us-est-1", code=1)
    assert noted.startswith(f"note: {elsewhere} is not in a clone of GeuseMaker; using the clone ")


@pytest.mark.parametrize("instance_type", ["p5.48xlarge", "g6.48xlarge"])
def test_a_plan_has_no_quota(project: Project, instance_type: str) -> None:
    """No account, so no quota that it could exceed."""
    assert project.plan("--instance-type", instance_type).host.instance_type == instance_type


def test_an_error_that_is_among_its_own_causes_ends_the_plan() -> None:
    error, other = LookupError("no such thing"), ValueError("passed on")
    error.__context__, other.__context__ = other, error
    refused = pytest.raises(ConfigError, match="cannot show this config: no such thing")
    with refused, _as_one_error(_Log()):
        raise other


def test_a_fix_is_a_flag_where_the_flag_would_win_over_the_config(project: Project) -> None:
    refused = project.run("--ami-type", "multi-framework", "--hours", "10", "--markdown", code=1)
    fixes = re.findall(r"`([^`]*)`", refused)
    assert fixes[0] == "geusemaker plan --ami-type base --hours 10 --markdown"
    assert fixes[1] == (
        "pulumi config set geusemaker:osType ubuntu-26.04 && "
        "geusemaker plan --ami-type pytorch --hours 10 --markdown"
    )
    project.run(*fixes[0].split()[2:])
    project.config({"geusemaker:amiType": "multi-framework"})
    refused = project.run(code=1)
    assert "`pulumi config set geusemaker:amiType base`" in refused
    assert "`geusemaker plan --region eu-west-1`" in project.run("--region", "eu-wst-1", code=1)


WITHOUT_MOTO = """
import sys
sys.modules["moto"] = None
from geusemaker.cli.main import main
main(["plan"])
"""


def test_a_missing_package_is_named_with_its_command(project: Project) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT_MOTO], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 1
    assert "pip install -r requirements-local.txt" in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_no_setting_of_aws_and_no_proxy_is_used(project: Project) -> None:
    """In a process of its own: packages read these settings when they are imported."""
    broken = project.folder / "broken"
    broken.write_text("[profile", encoding="utf-8")
    env = {
        "HOME": str(project.folder),
        "AWS_PROFILE": "missing",
        "AWS_CONFIG_FILE": str(broken),
        "AWS_SHARED_CREDENTIALS_FILE": str(broken),
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "PULUMI_CONFIG": "{",
        "PATH": "/nowhere",
    }
    command = [sys.executable, "-c", "from geusemaker.cli.main import main; main(['plan'])"]
    ran = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "54 resources" in ran.stdout


def test_the_json_has_its_version_and_camel_case_names(project: Project) -> None:
    text = project.run("--json")
    assert '"version": 1' in text
    assert '"patchedUntil"' in text
    assert Plan.model_validate_json(text).json_text() + "\n" == text
