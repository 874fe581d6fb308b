"""`geusemaker deploy`: its prompt, its errors, an interrupt, and what it writes."""

import shlex
import sys
from pathlib import Path

import pytest

from geusemaker import terminal
from geusemaker.cli import capacity
from geusemaker.pulumi_cli.run import PulumiCli

from .world import World, typed

QUOTA = (
    "creating EC2 Instance: operation error EC2: RunInstances, api error VcpuLimitExceeded: You "
    "have requested more vCPU capacity than your current vCPU limit of 0 allows"
)
HOST = "urn:pulumi:dev::geusemaker::geusemaker:index:Tier1$aws:ec2/instance:Instance::host"
WRITTEN = (
    "config:\n  aws:region: us-east-1\n"
    "  geusemaker:osType: ubuntu-24.04\n"
    "  geusemaker:architecture: x86_64\n"
    "  geusemaker:amiType: base\n"
)


@pytest.mark.parametrize("name", ["deploy", "up"])
def test_deploy_previews_prompts_writes_and_deploys(world: World, name: str) -> None:
    world.config("")
    world.answers(output={"amiName": "N", "amiId": "ami-1", "url": "https://1"})
    world.terminal(True)
    said = world.run(name, "--os-type", "ubuntu-24.04").out.splitlines()
    assert said[0] == "us-east-1, account 123456789012, stack dev"
    assert said[1].split() == ["aws:region", "us-east-1", "the", "stack's", "aws:region"]
    assert said[2].split() == ["geusemaker:osType", "ubuntu-24.04", "--os-type"]
    assert said[3].split() == ["geusemaker:architecture", "x86_64", "default"]
    assert "Preview: 36 to create, 0 to replace, 0 to delete" in said
    assert "warning: the line is ended" in said
    assert "A newer image is available: that one." in said
    assert (
        "Written to Pulumi.dev.yaml: geusemaker:osType, geusemaker:architecture, "
        "geusemaker:amiType" in said
    )
    assert "    + 36 created" in said
    assert said[-2].split() == ["url", "https://1"]
    assert said[-1] == "Next: geusemaker status --wait | geusemaker connect"
    assert world.file.read_text() == WRITTEN
    assert world.previewed() == WRITTEN, "what was shown is what is deployed"
    up = world.pulumi()[-2]
    assert up[:3] == ["up", "--stack", "dev"]
    assert "--suppress-outputs" in up, "after a failure they would follow the fix"
    (started,) = [one for one in world.clone.calls() if one["args"] == up]
    assert started["env"]["GEUSEMAKER_PREVIEWED"], "the program does not repeat its remarks"
    assert "--config-file" not in up

    # Once more: nothing to write, and nothing is said to be written.
    again = world.run("deploy", "--os-type", "ubuntu-24.04", "--yes").out
    assert "Written" not in again
    assert world.file.read_text() == WRITTEN


def test_the_instance_type_has_a_flag_and_a_variable(world: World) -> None:
    world.config("")
    world.patch.setenv("GEUSEMAKER_INSTANCE_TYPE", "m7i.xlarge")
    assert "m7i.xlarge    GEUSEMAKER_INSTANCE_TYPE" in world.run("deploy", "--yes").out
    said = world.run("deploy", "--yes", "--instance-type", "g5.xlarge").out
    assert "g5.xlarge     --instance-type" in said
    assert "geusemaker:instanceType: g5.xlarge" in world.file.read_text()
    said_of_wrong = world.run("deploy", "--instance-type", "m6g.large", "--yes", code=1)
    (command, *_) = said_of_wrong.commands
    assert command.startswith("geusemaker deploy ")


@pytest.mark.parametrize("answer", [False, KeyboardInterrupt, None])
def test_without_consent_nothing_is_changed(
    world: World, answer: bool | type[BaseException] | None
) -> None:
    before = world.config("# mine")
    if answer is not None:
        world.terminal(answer)
    code = 130 if answer is KeyboardInterrupt else 1
    said = world.run("deploy", "--ami-type", "pytorch", "--os-type", "ubuntu-24.04", code=code)
    assert "Preview: 36 to create" in said.out
    if answer is False:
        assert said.out.endswith("Nothing was changed.\n")
        assert said.err == ""
    if answer is None:
        assert said.err.startswith(
            "Nothing was changed: there is no terminal for the confirmation prompt"
        )
    assert world.file.read_text() == before
    assert not world.deployed()


def test_a_failed_preview_writes_nothing_and_gives_its_reason_once(world: World) -> None:
    before = world.config("")
    problem = "geusemaker:vpcId is 'vpc-1': run `pulumi config rm geusemaker:vpcId`."
    diagnostics = [{"severity": "error", "message": f"error: {problem}\n"}]
    world.answers(preview={"diagnostics": diagnostics}, preview_code=1)
    assert world.run("deploy", "--yes", "--os-type", "ubuntu-24.04", code=1).err == f"{problem}\n"
    assert world.file.read_text() == before
    assert not world.deployed()


def test_over_the_quota_the_paragraph_names_quota_and_ways_out(world: World) -> None:
    world.config("geusemaker:instanceType: g5.xlarge\n")
    world.answers(up_lines=["Updating", QUOTA], up_code=1)
    said = world.run("deploy", "--yes", code=1)
    assert QUOTA in said.out
    assert "VcpuLimitExceeded" in said.err
    assert "L-DB2E81BA" in said.err
    (command,) = said.commands
    assert command == "geusemaker deploy --instance-type m6i.xlarge --yes"
    world.answers(up_code=0)
    world.run(*shlex.split(command)[1:])
    assert "geusemaker:instanceType: m6i.xlarge" in world.file.read_text()


@pytest.mark.parametrize(
    ("preview", "begins"),
    [
        ({"steps": [{"op": "create", "urn": HOST}]}, [capacity.BEFORE]),
        ({"steps": [{"op": "replace", "urn": HOST}]}, [capacity.BEFORE]),
        ({"steps": [{"op": "update", "urn": HOST}]}, []),
    ],
)
def test_on_a_terminal_the_tree_is_pulumis_and_the_fix_comes_after_it(
    world: World, preview: dict[str, object], begins: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.config("geusemaker:instanceType: g5.xlarge\n")
    world.answers(preview=preview)
    monkeypatch.setattr(terminal, "columns", lambda _: None)
    world.terminal(True)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    said = world.run("deploy")
    assert [line for line in said.out.splitlines() if "no capacity" in line] == begins
    up = next(call for call in world.clone.calls() if call["args"][0] == "up")
    assert "--non-interactive" not in up["args"]
    assert {"--suppress-outputs", "--event-log"} < set(up["args"])
    assert up["env"]["GEUSEMAKER_PREVIEWED"]

    world.answers(up_lines=["Updating", QUOTA], up_code=1)
    said = world.run("deploy", code=1)
    assert said.err.startswith("AWS did not start a host of type g5.xlarge")
    assert QUOTA not in said.out, "it is Pulumi's to show"
    world.answers(up_lines=["something else"])
    assert world.run("deploy", code=1).err.startswith("The deployment has failed")
    world.answers(up_lines=["update canceled"])  # Pulumi reads Ctrl-C as a key
    assert "Interrupted. The stack's state has" in world.run("deploy", code=130).err


def test_a_failed_deployment_ends_with_the_command_that_goes_on(
    world: World, tmp_path: Path
) -> None:
    requests = tmp_path / "my requests.yaml"
    requests.write_text("dataVolumeGib: 40\n")
    world.config("")
    world.answers(up_lines=["error: something else"], up_code=1)
    said = world.run(
        "deploy", "-y", "--region", "eu-west-1", "--stack", "dev", "--config", str(requests), code=1
    )
    assert said.err.startswith("The deployment has failed, for the reason above.")
    (command,) = said.commands
    world.answers(up_code=0)
    world.run(*shlex.split(command)[1:])
    assert "aws:region: eu-west-1" in world.file.read_text()


def test_without_credentials_nothing_begins(world: World) -> None:
    before = world.config("")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        world.patch.delenv(name, raising=False)
    said = world.run("deploy", "--yes", "--os-type", "ubuntu-24.04", code=1)
    assert "no AWS credentials could be found" in said.err
    assert world.file.read_text() == before
    assert not world.deployed()


@pytest.mark.parametrize(
    ("flag", "value", "near"),
    [
        ("--os-type", "Ubuntu2404", "did you mean --os-type ubuntu-24.04?"),
        ("--architecture", "arm", "did you mean --architecture arm64?"),
        ("--ami-type", "qqqqqqqq", "multi-framework"),
    ],
)
def test_a_wrong_flag_is_refused_before_anything(
    world: World, flag: str, value: str, near: str
) -> None:
    said = world.run("deploy", flag, value, code=2)
    assert near.replace(" ", "") in "".join(said.err.replace("│", "").split())
    assert not (world.clone.engine_dir / "calls.jsonl").exists()


def test_an_error_about_a_variable_names_the_variable(world: World) -> None:
    world.config("")
    world.patch.setenv("GEUSEMAKER_OS_TYPE", "ubuntu-2404")
    said = world.run("deploy", "--yes", code=1)
    assert said.err.startswith("GEUSEMAKER_OS_TYPE is 'ubuntu-2404'")
    assert "export GEUSEMAKER_OS_TYPE=ubuntu-24.04" in said.commands
    world.patch.setenv("GEUSEMAKER_OS_TYPE", "ubuntu-24.04")
    assert "ubuntu-24.04  GEUSEMAKER_OS_TYPE" in world.run("deploy", "--yes").out
    assert "geusemaker:osType: ubuntu-24.04" in world.file.read_text()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file or directory"),
        ("osTyp: ubuntu-24.04\n", "did you mean osType?"),
        ("osType: [\n", "line 1"),
        ("osType: ubuntu-99\n", "osType ("),
    ],
)
def test_an_error_in_a_config_file_names_the_line_and_nothing_is_created(
    world: World, tmp_path: Path, content: str | None, words: str
) -> None:
    before = world.config("")
    file = tmp_path / "w.yaml"
    if content is not None:
        file.write_text(content)
    said = world.run("deploy", "--yes", "--config", str(file), code=1)
    assert words in said.err
    assert str(file) in said.err
    assert world.file.read_text() == before


def test_a_config_file_that_lost_is_noted_with_the_command_for_that_stack(
    world: World, tmp_path: Path
) -> None:
    world.answers(stacks=[{"name": "dev", "current": True}, {"name": "prod"}])
    prod = world.file.with_name("Pulumi.prod.yaml")
    prod.write_text("config:\n  aws:region: us-east-1\n  geusemaker:osType: ubuntu-24.04\n")
    file = tmp_path / "w.yaml"
    file.write_text("osType: amazon-linux-2023\n")
    said = world.run("deploy", "--yes", "--config", str(file), "--stack", "prod")
    assert "which overrides a file" in said.out
    (command,) = said.commands
    assert command == "pulumi config rm geusemaker:osType --stack prod"
    typed(world, command)
    world.run("deploy", "--yes", "--config", str(file), "--stack", "prod")
    assert "geusemaker:osType: amazon-linux-2023" in prod.read_text()


def test_a_note_of_the_program_is_for_the_stack_that_was_named(world: World) -> None:
    world.answers(
        stacks=[{"name": "prod"}],
        preview={
            "changeSummary": {"same": 3},
            "diagnostics": [
                {"severity": "info", "message": "move by `geusemaker ami update`, then `pulumi up`"}
            ],
        },
    )
    world.file.with_name("Pulumi.prod.yaml").write_text("config:\n  aws:region: us-east-1\n")
    said = world.run("deploy", "--yes", "-s", "prod")
    assert "Preview: no changes, 3 unchanged" in said.out
    assert said.commands == ["geusemaker ami update --stack prod", "pulumi up --stack prod"]


def test_a_new_data_volume_is_shouted(world: World) -> None:
    world.config("")
    steps = [
        {"op": "create-replacement", "urn": f"urn:pulumi:dev::geusemaker::{kind}::{name}"}
        for kind, name in (
            ("geusemaker:tier1:T$aws:ec2/instance:Instance", "host"),
            ("geusemaker:tier1:T$aws:ebs/volume:Volume", "data"),
            ("geusemaker:tier1:T$aws:efs/fileSystem:FileSystem", "files"),
        )
    ]
    preview = {"changeSummary": {"create-replacement": 3}, "steps": steps}
    world.answers(preview=preview)
    said = world.run("deploy", code=1).out
    assert "Preview: 0 to create, 3 to replace, 0 to delete" in said
    assert "DATA IS LOST with data, files" in said
    world.answers(preview={**preview, "steps": [*steps[:1], {"op": "same", "urn": "x"}]})
    said = world.run("deploy", code=1).out
    assert "replaces: host (aws:ec2:Instance); data volume and file system stay" in said


def test_a_file_changed_meanwhile_is_left_as_it_is(world: World) -> None:
    world.config("")
    world.answers(preview_spoils=str(world.file))
    said = world.run("deploy", "--yes", "--os-type", "ubuntu-24.04", code=1)
    assert "was changed while this command was running" in said.err
    assert world.file.read_text() == "config: {}\n"
    assert not world.deployed()


def test_a_file_changed_meanwhile_is_refused_though_nothing_is_to_be_written(world: World) -> None:
    world.config(
        "geusemaker:osType: ubuntu-24.04\ngeusemaker:architecture: x86_64\ngeusemaker:amiType: base"
    )
    world.answers(preview_spoils=str(world.file))
    assert "changed while this command was running" in world.run("deploy", "--yes", code=1).err
    assert not world.deployed()


def test_errors_of_no_region_and_no_stack_name_their_commands(world: World) -> None:
    world.file.write_text("config: {}\n")
    said = world.run("deploy", "--yes", code=1)
    assert said.err.startswith("No Region is set")
    assert said.commands == ["geusemaker deploy --region us-east-1 --yes"]
    world.run(*shlex.split(said.commands[0])[1:])
    assert "aws:region: us-east-1" in world.file.read_text()
    world.answers(stacks=[])
    said = world.run("deploy", "--yes", code=1)
    assert said.err.startswith("No stack is selected in my clone (it has: none).")


def test_a_region_that_is_none_is_one_paragraph(world: World) -> None:
    world.config("")
    said = world.run("deploy", "--yes", "--region", "us east 1", code=1)
    assert said.err.startswith("Unknown AWS Region 'us east 1' (set by --region)")


def test_a_misspelt_region_is_refused_before_anything_is_done(world: World) -> None:
    before = world.config("")
    said = world.run("deploy", "--region", "us-esat-1", "--yes", "--ami-type", "base", code=1)
    command = "geusemaker deploy --region us-east-1 --ami-type base --yes"
    assert said.commands == [command]
    assert not (world.clone.engine_dir / "calls.jsonl").exists(), "Pulumi was not called"
    assert world.file.read_text() == before
    world.file.write_text(before.replace("us-east-1", "us-esat-1"))
    assert command in world.run("deploy", "--yes", "--ami-type", "base", code=1).commands


def test_an_interrupt_while_it_deploys_is_exit_code_130(world: World) -> None:
    world.config("")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    world.patch.setattr(PulumiCli, "up_with_output", interrupted)
    world.run("deploy", "--yes", code=130)


def test_local_deploys_the_local_config_and_prints_simulated(world: World) -> None:
    import boto3

    real = world.config("# committed")

    def client(name: str) -> object:
        session = boto3.Session("k", "s")
        return session.client(name, region_name="us-east-1")  # type: ignore[call-overload]

    world.clients(client)
    world.answers(output={"url": "http://none"})
    said = world.run("deploy", "--local", "--yes", "--os-type", "ubuntu-24.04").out
    assert said.startswith("us-east-1, SIMULATED account 123456789012, stack dev\n")
    assert "Written to .geusemaker/config/Pulumi.dev.yaml: geusemaker:osType" in said
    assert said.endswith("SIMULATED: no host booted, nothing answers at this url\n")
    assert "geusemaker:osType: ubuntu-24.04" in world.clone.places.config.read_text()
    assert world.file.read_text() == real
    world.answers(up_code=1, up_lines=[QUOTA])
    said_ = world.run("deploy", "--local", "--yes", code=1)
    command = "geusemaker deploy --instance-type m6i.large --local --yes"
    assert said_.commands == [command]
    wrong = world.run("deploy", "--local", "--stack", "prod", code=1)
    assert "omit --stack with --local" in wrong.err
