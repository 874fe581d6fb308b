"""`geusemaker ami list|show|pin|update`: output, and the stack's file afterwards."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from geusemaker.cli import ami_move, ami_show
from geusemaker.config import DeploymentConfig
from geusemaker.simulator import images
from pulumi_moto.images import publish

from .world import (
    NEWEST,
    NEWEST_ID,
    OLD,
    OLD_ID,
    RUNS_NEWEST,
    RUNS_OLD,
    World,
    typed,
)

PIN_OLD = f"geusemaker:amiName: {OLD}"
ALARM = "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 24.04) 20260925"


def no_credentials(world: World) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        world.patch.delenv(name)


def answer(world: World, *arguments: str) -> Any:
    return json.loads(world.run("ami", *arguments, "--json").out)


def test_list_calls_aws_twice_and_marks_the_stack(world: World) -> None:
    world.config("")
    world.answers(output=RUNS_OLD)
    lines = world.run("ami", "list").out.splitlines()
    assert lines[0].startswith("us-east-1, account 123456789012; table of 2026-")
    assert lines[0].endswith("2 API calls")
    assert [line for line in lines if line.startswith("> ubuntu-22.04")]
    assert f"> marks stack dev, x86_64, running {OLD}, not the newest" in lines
    assert (
        "Lines that are not shown: 9 that AWS no longer patches (--ended), 17 that AWS never made "
        "(--all)."
    ) in lines
    assert lines[-1] == "Next: geusemaker ami show | geusemaker ami pin"
    assert not any(line.startswith("never:") for line in lines)


@pytest.mark.usefixtures("images_elsewhere")
def test_list_for_programs_counts_its_calls(world: World) -> None:
    world.config("geusemaker:amiType: pytorch\ngeusemaker:osType: ubuntu-24.04")
    world.answers(output=RUNS_OLD)
    printed = answer(world, "list", "--region", "eu-west-1")
    assert printed["apiCalls"] == 2
    assert (printed["region"], printed["account"], printed["simulated"]) == (
        "eu-west-1",
        "123456789012",
        False,
    )
    assert printed["stack"]["amiType"] == "pytorch"
    assert printed["stack"]["runningImageId"] == OLD_ID
    assert printed["notAsked"] is None


def test_list_shows_ended_lines_and_all_of_them_on_demand(world: World) -> None:
    world.config("")
    plain, ended, every = (
        len(answer(world, "list", *flags)["lines"]) for flags in ([], ["--ended"], ["--all"])
    )
    assert plain < ended < every == 40
    said = world.run("ami", "list", "--all").out
    assert (
        "ubuntu-24.04 / x86_64 / tensorflow, ubuntu-26.04 / x86_64 / tensorflow: TensorFlow" in said
    )


def test_list_without_credentials_is_the_table_and_why(world: World) -> None:
    world.config("")
    no_credentials(world)
    said = world.run("ami", "list").out
    assert "us-east-1, AWS was not called; table of" in said
    assert "0 API calls" in said
    assert "From the table alone, without ids: The AWS call" in said
    assert answer(world, "list")["account"] is None


def test_list_works_without_stack_and_without_region(world: World) -> None:
    world.answers(stacks=[])
    lines = world.run("ami", "list").out.splitlines()
    assert lines[0].startswith("no Region set, AWS was not called;")
    assert not any(line.startswith(">") for line in lines)
    assert "No Region is set, so AWS was not called: add --region us-east-1." in lines[-1]
    printed = answer(world, "list", "--region", "us-east-1")
    assert printed["stack"] is None
    assert printed["apiCalls"] == 2


def test_list_fails_for_a_named_stack_that_does_not_exist(world: World) -> None:
    for one in world.clone.engine_dir.iterdir():
        one.unlink(missing_ok=True)
    world.patch.setenv("PATH", "/nowhere")
    said = world.run("ami", "list", "--region", "us-east-1", "--stack", "prod").out
    assert "This stack is not marked" in said
    assert "There is no usable Pulumi CLI" in said
    assert "is not marked" not in world.run("ami", "list", "--region", "us-east-1").out


def test_list_notes_a_version_that_the_table_does_not_have(world: World) -> None:
    world.config("")
    name = "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 9.9 (Ubuntu 24.04) 20261101"
    publish("us-east-1", [images.new_release(name, "x86_64", None, "us-east-1")])
    said = world.run("ami", "list").out
    assert "note: AWS has PyTorch 9.9 for ubuntu-24.04 on x86_64" in said


def test_list_with_a_wrong_config_or_an_unknown_region_is_one_paragraph(world: World) -> None:
    world.config("geusemaker:osType: ubuntu-99")
    said = world.run("ami", "list", "--stack", "dev")
    printed = "This stack is not marked, because its config cannot be read: geusemaker:osType is"
    assert f"{printed} 'ubuntu-99'" in said.out
    assert "> " not in said.out
    shown = world.run("ami", "show", "--stack", "dev", code=1)
    assert shown.err.startswith("geusemaker:osType is 'ubuntu-99'")
    typed(world, shown.commands[0])
    assert "cannot be read" not in world.run("ami", "list").out
    for name in ("a b", "nonsense", "us-east-1a"):
        refused = world.run("ami", "list", "--region", name, code=1).err
        assert refused.startswith(f"Unknown AWS Region '{name}' (set by --region)")


def test_each_command_reports_a_misspelt_region(world: World) -> None:
    world.file.write_text("config:\n  aws:region: us-esat-1\n")
    world.answers(output=RUNS_OLD)
    for command in (["list"], ["show"], ["pin"], ["update"]):
        of_flag = world.run("ami", *command, "--region", "us-wset-2", code=1).err
        assert of_flag.startswith("Unknown AWS Region 'us-wset-2' (set by --region)")
        assert "The nearest is us-west-2: `--region us-west-2`." in of_flag
        of_stack = world.run("ami", *command, code=1)
        assert of_stack.err.startswith(
            "Unknown AWS Region 'us-esat-1' (set by the stack's aws:region)"
        )
        assert of_stack.commands == ["pulumi config set aws:region us-east-1"]


def followed(world: World, said: str) -> None:
    """Runs what a line `Next` names, each of which must work."""
    (line,) = [one for one in said.splitlines() if one.strip().startswith("Next")]
    for command in re.findall(r"geusemaker ami (?:list|show|pin|update)[^|]*", line):
        more = ["--yes"] if "pin" in command or "update" in command else []
        world.run(*shlex.split(command)[1:], *more)


@pytest.mark.usefixtures("images_elsewhere")
def test_the_next_commands_of_list_work(world: World) -> None:
    world.config("")
    world.answers(output=RUNS_OLD)
    for arguments in ([], ["--region", "eu-west-1"]):
        world.config("")
        followed(world, world.run("ami", "list", *arguments).out)
    elsewhere = world.run("ami", "list", "--region", "eu-west-1").out.splitlines()
    assert elsewhere[-1] == "Next: geusemaker ami show"
    assert f"> marks stack dev, x86_64, running {OLD}, in us-east-1" in elsewhere
    world.config("geusemaker:amiType: tensorflow\ngeusemaker:osType: ubuntu-24.04")
    never = world.run("ami", "list").out.splitlines()
    assert never[-1] == "Next: geusemaker ami show"
    assert any(line.split()[:3] == [">", "ubuntu-24.04", "tensorflow"] for line in never)
    assert any(line.startswith("> marks stack dev, x86_64, which AWS never made") for line in never)
    world.config("")
    assert world.run("ami", "list").out.endswith("Next: geusemaker ami show | geusemaker ami pin\n")
    world.answers(output={})
    assert world.run("ami", "list").out.endswith("Next: geusemaker ami show\n")
    world.answers(stacks=[])
    assert "Next:" not in world.run("ami", "list", "--region", "us-east-1").out


@pytest.mark.parametrize(
    "config",
    [
        "geusemaker:osType: ubuntu-24.04\ngeusemaker:amiType: tensorflow",
        "geusemaker:amiType: tensorflow\ngeusemaker:architecture: arm64",
    ],
)
def test_show_offers_no_update_for_a_request_that_aws_never_made(world: World, config: str) -> None:
    world.config(config)
    world.answers(output=RUNS_OLD, stacks=[{"name": "dev"}])
    said = world.run("ami", "show", "--stack", "dev")
    assert "which AWS never made, so `pulumi up --stack dev` is refused" in said.out
    assert "replaces the host" not in said.out
    assert "  behind    unknown: AWS never made this image" in said.out
    assert "  refused   " in said.out
    assert said.out.endswith("  Next      geusemaker ami list --all --stack dev\n")
    followed(world, said.out)
    (fix,) = [one for one in said.commands if one.startswith("pulumi config")][:1]
    typed(world, fix)
    assert "never made" not in world.run("ami", "show", "--stack", "dev").out


def test_show_offers_only_what_would_change_something(world: World) -> None:
    world.answers(output=RUNS_OLD)

    def next_of(config: str) -> str:
        world.config(config)
        said = world.run("ami", "show").out
        followed(world, said)
        return said.splitlines()[-1].removeprefix("  Next      ")

    both = "geusemaker ami update | geusemaker ami pin"
    assert next_of("") == both
    assert next_of(PIN_OLD) == "geusemaker ami update"
    assert next_of(f"geusemaker:amiName: {NEWEST}") == both
    assert next_of("geusemaker:osType: ubuntu-24.04") == "pulumi preview"
    assert next_of("geusemaker:osType: ubuntu-26.04") == "geusemaker ami list"
    assert next_of("geusemaker:frameworkVersion: '99.9'\ngeusemaker:amiType: pytorch").strip()


def test_an_error_about_the_running_image_does_not_name_an_argument(world: World) -> None:
    before = world.config("geusemaker:architecture: arm64")
    world.answers(output=RUNS_OLD)
    said = world.run("ami", "pin", code=1).err
    assert said.startswith(f"The image that the stack runs is '{OLD_ID}'")
    assert "IMAGE" not in said
    assert world.file.read_text() == before


def test_commands_for_the_stack_refuse_another_region(world: World) -> None:
    before = world.config("")
    world.answers(output=RUNS_OLD)
    for command in (["show"], ["pin"], ["update", "--yes"]):
        said = world.run("ami", *command, "--region", "eu-west-1", code=1).err
        assert said.startswith("--region is 'eu-west-1', but stack dev is in us-east-1")
    assert world.file.read_text() == before


def test_an_interrupt_is_exit_code_130(world: World) -> None:
    def interrupted(_: str) -> object:
        raise KeyboardInterrupt

    world.clients(interrupted)
    for command in ("list", "show", "pin", "update"):
        world.run("ami", command, "--region", "us-east-1", code=130)


def test_a_wrong_flag_is_exit_code_2(world: World) -> None:
    world.run("ami", "pin", "--by", "date", code=2)
    world.run("ami", "list", "--endedd", code=2)


def test_show_compares_the_running_image_with_the_newest(world: World) -> None:
    world.config("")
    world.answers(output=RUNS_OLD, stacks=[{"name": "dev"}])
    said = world.run("ami", "show", "-s", "dev").out
    assert said.startswith("us-east-1, account 123456789012, stack dev\n")
    assert f"  running   {OLD} ({OLD_ID})\n" in said
    assert "  behind    1 newer build of its version; " in said
    assert said.endswith(
        "  Next      geusemaker ami update --stack dev | geusemaker ami pin --stack dev\n"
    )
    world.answers(output=RUNS_NEWEST)
    printed = answer(world, "show", "-s", "dev")
    assert (printed["isNewest"], printed["newerBuilds"], printed["stack"]) == (True, 0, "dev")
    assert printed["patchedUntil"] == "2027-04-30"
    said = world.run("ami", "show", "-s", "dev").out
    assert "nothing: it is the newest" in said
    assert said.endswith("  Next      geusemaker ami pin --stack dev\n")
    world.config(f"geusemaker:amiName: {NEWEST}")
    assert world.run("ami", "show", "-s", "dev").out.endswith("geusemaker ami list --stack dev\n")


def test_show_warns_that_a_change_of_architecture_or_version_replaces_the_host(
    world: World,
) -> None:
    world.config("geusemaker:architecture: arm64")
    world.answers(output=RUNS_OLD)
    said = world.run("ami", "show").out
    assert (
        "ubuntu-22.04 / x86_64 / base; the config requests ubuntu-22.04 / arm64 / base: the next "
        "`pulumi up` replaces the host" in said
    )
    name = "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.11 (Ubuntu 24.04) 20260517"
    runs = {"amiId": "ami-1b969ab5f190cf751", "amiName": name, "architecture": "x86_64"}
    world.answers(output=runs)
    config = "geusemaker:osType: ubuntu-24.04\ngeusemaker:amiType: pytorch\n"
    world.config(f'{config}geusemaker:frameworkVersion: "2.12"')
    assert "replaces the host" in world.run("ami", "show").out
    for same in ('geusemaker:frameworkVersion: "2.11"', ""):
        world.config(config + same)
        assert "replaces the host" not in world.run("ami", "show").out


def test_the_newest_of_a_version_is_not_called_the_newest_of_all(world: World) -> None:
    name = "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.11 (Ubuntu 24.04) 20260517"
    runs = {"amiId": "ami-1b969ab5f190cf751", "amiName": name, "architecture": "x86_64"}
    world.answers(output=runs)
    config = "geusemaker:osType: ubuntu-24.04\ngeusemaker:amiType: pytorch"
    world.config(f'{config}\ngeusemaker:frameworkVersion: "2.11"')
    listed = world.run("ami", "list").out
    assert "> ubuntu-24.04      pytorch x86_64 2.12 2026-07-25" in listed
    assert "> marks stack dev, x86_64, running the newest of 2.11\n" in listed
    assert (
        "nothing: it is the newest of 2.11, the frameworkVersion of the config\n"
        in world.run("ami", "show").out
    )
    assert "Stack dev runs the newest of 2.11: " in world.run("ami", "update").out


def test_show_where_the_region_has_no_image_of_the_request(world: World) -> None:
    world.config("geusemaker:osType: ubuntu-26.04")
    said = world.run("ami", "show").out
    assert "nothing yet: this stack was never deployed" in said
    assert "newest    none in this Region" in said
    assert said.endswith("Next      geusemaker deploy | pulumi up\n")
    world.answers(output=RUNS_OLD)
    assert "AWS shows no image for the config" in world.run("ami", "show").out


@pytest.mark.parametrize("command", [["show"], ["pin"], ["update"]])
def test_without_stack_or_credentials_each_command_fails_with_one_paragraph(
    world: World, command: list[str]
) -> None:
    world.config("")
    no_credentials(world)
    said = world.run("ami", *command, "--stack", "dev", code=1)
    if command != ["pin"]:
        assert "no AWS credentials could be found" in said.err
    world.answers(stacks=[])
    assert "No stack is selected" in world.run("ami", *command, "--region", "us-east-1", code=1).err


def test_pin_writes_the_running_image_with_its_date_without_a_prompt(world: World) -> None:
    world.config("geusemaker:osType: ubuntu-22.04 # ours")
    world.answers(output=RUNS_OLD)
    said = world.run("ami", "pin").out.splitlines()
    assert said == [
        f"Pin      {OLD} ({OLD_ID})",
        f"Written to Pulumi.dev.yaml: geusemaker:amiName: {OLD}",
        "With the pin, a preview reports no newer image; `geusemaker ami list` does. "
        "`pulumi config rm geusemaker:amiName` removes it, and replaces nothing once the pinned "
        "image runs.",
    ]
    written = world.file.read_text()
    assert written == (
        "config:\n  aws:region: us-east-1\n  geusemaker:osType: ubuntu-22.04 # ours\n"
        f"  {PIN_OLD} # {OLD_ID} in us-east-1, built 2026-06-19, pinned 2026-11-23\n"
    )
    again = world.run("ami", "pin").out
    assert again == f"Stack dev is already pinned to {OLD} ({OLD_ID}); nothing was written.\n"
    assert world.file.read_text() == written

    world.run("ami", "pin", "--by", "id")
    assert f"geusemaker:amiId: {OLD_ID} # {OLD}, built" in world.file.read_text()
    assert "amiName" not in world.file.read_text()
    assert "is already pinned to" in world.run("ami", "pin", "--by", "id").out


def test_pin_of_another_image_shows_the_replacement_and_prompts(world: World) -> None:
    before = world.config(PIN_OLD)
    step = {"op": "replace", "urn": "urn:pulumi:dev::g::a$aws:ec2/instance:Instance::host"}
    preview = {
        "changeSummary": {"replace": 1},
        "steps": [step],
        "diagnostics": [{"severity": "warning", "message": "see `pulumi up --refresh`"}],
    }
    world.answers(output=RUNS_OLD, preview=preview, stacks=[{"name": "dev"}])
    refused = world.run("ami", "pin", NEWEST_ID, "-s", "dev", code=1)
    assert refused.err.startswith(
        "Nothing was written: there is no terminal for the confirmation prompt"
    )
    assert "Preview  0 to create, 1 to replace, 0 to delete\n" in refused.out
    assert "Replaces host (aws:ec2:Instance); data volume and file system stay\n" in refused.out
    assert "warning: see `pulumi up --refresh --stack dev`\n" in refused.out
    assert f"geusemaker:amiName: {NEWEST} # " in world.previewed()
    assert "No stack is selected" in world.run("ami", "pin", NEWEST_ID, code=1).err
    world.answers(stacks=[{"name": "dev", "current": True}])
    world.terminal(False)
    assert world.run("ami", "pin", NEWEST_ID, code=1).out.endswith("Nothing was written.\n")
    world.terminal(KeyboardInterrupt)
    world.run("ami", "pin", NEWEST_ID, code=130)
    assert world.file.read_text() == before
    world.terminal(True)
    said = world.run("ami", "pin", NEWEST, "-s", "dev")
    assert (
        "Next: `pulumi up --stack dev` applies it; until then `geusemaker ami pin --stack dev` "
        "pins the running image again.\n"
    ) in said.out
    assert f"geusemaker:amiName: {NEWEST} # {NEWEST_ID} in us-east-1" in world.file.read_text()
    # And that is so.
    world.run("ami", "pin", "-s", "dev")
    assert f"geusemaker:amiName: {OLD} # {OLD_ID} in us-east-1" in world.file.read_text()
    assert not world.deployed()


def test_pin_before_the_first_deployment_needs_an_image_and_no_yes(world: World) -> None:
    world.config("")
    said = world.run("ami", "pin", "--stack", "dev", code=1)
    assert said.err.startswith("Stack dev runs no image yet, so there is none to pin.")
    assert "geusemaker ami list --json --stack dev" in said.commands
    world.run("ami", "pin", NEWEST)
    assert f"geusemaker:amiName: {NEWEST} # " in world.file.read_text()


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("ami-00000000000000001", "does not show to this account in the Region us-east-1"),
        ("no such name", "does not show to this account"),
        (ALARM, "geusemaker:osType is ubuntu-22.04, the image's is ubuntu-24.04"),
    ],
)
def test_an_error_about_a_wrong_pin_names_the_argument_and_nothing_is_written(
    world: World, image: str, words: str
) -> None:
    before = world.config("")
    world.answers(stacks=[{"name": "dev"}])
    said = world.run("ami", "pin", image, "--yes", "--stack", "dev", code=1)
    assert said.err.startswith("IMAGE ")
    assert words in said.err
    assert "Drop the pin" not in said.err
    assert said.commands.count("geusemaker ami list --json --stack dev") == 1
    assert world.file.read_text() == before
    for command in said.commands:
        if command.startswith("pulumi config set geusemaker:osType"):
            typed(world, command)
            world.run("ami", "pin", image, "--yes", "--stack", "dev")
            assert f"geusemaker:amiName: {image} # " in world.file.read_text()


def own_image(name: str) -> str:
    client = boto3.client("ec2", region_name="us-east-1")
    made = client.register_image(
        Name=name,
        Architecture="x86_64",
        RootDeviceName="/dev/sda1",
        BlockDeviceMappings=[{"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 80}}],
    )
    return str(made["ImageId"])


@pytest.mark.parametrize("name", ["golden 'v'", "'quoted'", "- golden", "@golden", "yes", "2.10"])
def test_a_name_that_yaml_would_misread_is_written_so_that_it_is_read_again(
    world: World, name: str
) -> None:
    world.config("")
    image = own_image(name)
    said = world.run("ami", "pin", image, "--yes")
    assert "warning: IMAGE is" in said.err
    assert "To drop the pin" not in said.err
    content = yaml.safe_load(world.file.read_text())
    assert content["config"]["geusemaker:amiName"] == name
    assert set(content) == {"config"}
    assert "is already pinned to" in world.run("ami", "pin", image).out


def test_update_pins_the_newest_after_a_preview_and_a_prompt(world: World) -> None:
    before = world.config("")
    world.answers(output=RUNS_OLD)
    refused = world.run("ami", "update", code=1)
    assert refused.out.startswith(f"Old      {OLD} ({OLD_ID})\nNew      {NEWEST} ({NEWEST_ID})\n")
    assert "Add --yes to write without a prompt" in refused.err
    assert world.file.read_text() == before
    world.run("ami", "update", "--yes")
    assert f"geusemaker:amiName: {NEWEST} # " in world.file.read_text()
    world.answers(output=RUNS_NEWEST)
    assert world.run("ami", "update").out == (
        f"Stack dev runs the newest: {NEWEST} ({NEWEST_ID}). Nothing was written.\n"
    )


def test_update_of_a_stack_that_runs_the_newest_under_another_pin_fixes_the_pin(
    world: World,
) -> None:
    world.config(PIN_OLD)
    world.answers(output=RUNS_NEWEST)
    shown = world.run("ami", "show").out
    assert f"geusemaker:amiName pins another image, {OLD}: the next `pulumi up` replaces" in shown
    said = world.run("ami", "update").out
    assert "Preview" not in said
    assert f"geusemaker:amiName: {NEWEST} # " in world.file.read_text()


def test_update_keeps_the_kind_of_pin(world: World) -> None:
    world.config(f"geusemaker:amiId: {OLD_ID} # old")
    world.answers(output=RUNS_OLD)
    world.run("ami", "update", "-y")
    assert f"geusemaker:amiId: {NEWEST_ID} # {NEWEST}, built 2026-09-02" in world.file.read_text()
    assert "# old" not in world.file.read_text()
    world.config(PIN_OLD)
    world.run("ami", "update", "-y")
    assert f"geusemaker:amiName: {NEWEST} # {NEWEST_ID}" in world.file.read_text()


def test_a_pin_of_the_running_image_is_offered_only_where_it_fits(world: World) -> None:
    world.answers(output=RUNS_OLD)
    back = "until then `geusemaker ami pin` pins the running image again"
    world.config(PIN_OLD)
    assert back in world.run("ami", "update", "--yes").out
    world.run("ami", "pin")
    assert PIN_OLD in world.file.read_text()
    world.config(f"{PIN_OLD}\ngeusemaker:osType: ubuntu-24.04")
    assert "`geusemaker ami update`" in world.run("ami", "pin", code=1).err
    said = world.run("ami", "update", "--yes").out
    assert "Next: `pulumi up` applies it.\n" in said
    assert "ami pin" not in said
    assert "(Ubuntu 24.04)" in world.file.read_text()
    world.run("ami", "pin", code=1)


def test_update_has_nothing_to_write_for_an_undeployed_stack_or_policy_latest(
    world: World,
) -> None:
    before = world.config("geusemaker:amiPolicy: latest")
    said = world.run("ami", "update", "--stack", "dev")
    assert "`geusemaker deploy --stack dev` takes the newest, " in said.out
    world.answers(output=RUNS_OLD)
    said = world.run("ami", "update", "--stack", "dev")
    assert f"the next `pulumi up --stack dev` moves it from {OLD} to {NEWEST}" in said.out
    assert world.file.read_text() == before


def test_update_warns_of_a_line_that_has_ended_and_stops_where_there_is_none(
    world: World,
) -> None:
    before = world.config("geusemaker:osType: amazon-linux-2")
    world.answers(output=RUNS_OLD)
    printed = world.run("ami", "update").out
    assert printed.startswith("warning: ")
    assert "its config now requests another line: the next `pulumi up` moves it to" in printed
    assert world.file.read_text() == before
    world.config("geusemaker:osType: ubuntu-26.04")
    said = world.run("ami", "update", code=1)
    assert "ubuntu-26.04" in said.err
    assert said.commands


def test_local_hints_lead_to_the_local_account(world: World) -> None:
    session = boto3.Session("k", "s")
    world.clients(lambda name: session.client(name, region_name="us-east-1"))  # type: ignore[call-overload]
    world.answers(output=RUNS_OLD)
    said = world.run("ami", "list", "--local").out
    assert "us-east-1, SIMULATED account" in said
    assert "Next: geusemaker ami show --local | geusemaker ami pin --local" in said
    said = world.run("ami", "update", "--local", "--yes").out
    assert "`geusemaker deploy --local` applies it" in said
    assert "`geusemaker ami pin --local` pins the running image again" in said
    assert "amiName" in world.clone.places.config.read_text()
    assert "amiName" not in world.file.read_text()


@pytest.mark.parametrize(
    ("value", "comment"),
    [
        ("a # b", ""),
        ('"a\n    b"', ""),
        ("'a\n    b'", ""),
        ("plain", " # it's new"),
        ("plain   # old", " # it's new"),
        ("'quoted'", " # it's new"),
    ],
)
def test_a_comment_is_added_only_where_the_value_stays_the_same(
    tmp_path: Path, value: str, comment: str
) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text(f"config:\n  k:v: {value}\n")
    before = yaml.safe_load(file.read_text())
    ami_move._annotate(file, "k:v", "it's new")
    assert yaml.safe_load(file.read_text()) == before
    if comment:
        assert file.read_text() == f"config:\n  k:v: {value.split(' ')[0]}{comment}\n"


def test_the_legend_of_a_stack_whose_line_is_not_in_the_table() -> None:
    assert ami_show.newest_of(DeploymentConfig(), ()) is None
    printed = ami_show.marker(DeploymentConfig(), None, "dev", RUNS_OLD)
    assert printed == f"> marks stack dev, x86_64, running {OLD}"


def test_update_never_moves_to_an_older_image(world: World) -> None:
    newer = "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20261201"
    before = world.config(f"geusemaker:amiName: {newer}")
    world.answers(output=RUNS_OLD | {"amiName": newer, "amiId": "ami-0123456789abcdef0"})
    assert "is no newer. Nothing was written." in world.run("ami", "update", "--yes").out
    before = world.config("geusemaker:amiId: ami-0123456789abcdef0")
    world.answers(output=RUNS_OLD | {"amiName": "golden", "amiId": "ami-0123456789abcdef0"})
    said = world.run("ami", "update", "--yes").out
    assert "which is of no line that GeuseMaker knows" in said
    assert world.file.read_text() == before


def test_an_undeployed_stack_with_a_pin_takes_the_pin(world: World) -> None:
    world.config(PIN_OLD)
    assert f"  pinned    to {OLD}, which the first deployment takes" in world.run("ami", "show").out
    said = world.run("ami", "update").out
    assert f"runs no image yet and is pinned to {OLD}" in said


def test_a_pin_to_the_newest_that_is_not_deployed_yet_is_not_written_again(world: World) -> None:
    before = world.config(f"geusemaker:amiName: {NEWEST}")
    world.answers(output=RUNS_OLD)
    said = world.run("ami", "update", "--yes").out
    assert f"is pinned to the newest, {NEWEST} ({NEWEST_ID}): `pulumi up` moves to it." in said
    assert world.file.read_text() == before


def test_pin_under_policy_latest_warns_that_its_removal_replaces_the_host(world: World) -> None:
    world.config("geusemaker:amiPolicy: latest")
    world.answers(output=RUNS_OLD)
    said = world.run("ami", "pin").out
    assert "the next deployment takes the newest, because amiPolicy is latest" in said


def test_an_empty_argument_pins_nothing(world: World) -> None:
    before = world.config("")
    world.answers(output=RUNS_OLD)
    assert world.run("ami", "pin", "", code=1).err.startswith("IMAGE is empty")
    assert world.file.read_text() == before


def test_a_private_copy_is_pinned_by_id(world: World) -> None:
    world.config("")
    copy = own_image(OLD)
    world.answers(output=RUNS_OLD | {"amiId": copy})
    said = world.run("ami", "pin").out
    assert f"Its name selects another image, so it is pinned by id: {OLD} ({copy})" in said
    assert f"geusemaker:amiId: {copy} # {OLD}" in world.file.read_text()
