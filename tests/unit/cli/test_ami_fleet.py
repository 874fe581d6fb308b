"""`geusemaker ami fleet`: every stack's image, the worst first."""

import json
import re
from typing import Any

import pytest

from geusemaker import terminal
from geusemaker.components.tier1 import connect_command
from geusemaker.simulator import images
from pulumi_moto.images import publish

from .test_ami import no_credentials
from .world import NEWEST, NEWEST_ID, OLD, OLD_ID, RUNS_NEWEST, RUNS_OLD, World

LOCKED = "error: getting secrets manager: passphrase must be set"
TENSORFLOW = "Deep Learning OSS Nvidia Driver AMI GPU TensorFlow 2.18 (Ubuntu 22.04) 20250601"
PYTORCH = "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.6.0 (Ubuntu 22.04) 20250215"
OWN = {"amiId": "ami-0123456789abcdef0", "amiName": "our image 7", "architecture": "x86_64"}


def runs(name: str, region: str = "us-east-1", image_id: str = "ami-1") -> dict[str, str]:
    return {
        "amiId": image_id,
        "amiName": name,
        "architecture": "x86_64",
        "connectCommand": connect_command("i-1", region),
    }


def stacks(world: World, **outputs: object) -> None:
    """The stacks of the backend, none of them selected; a text is the error of reading one."""
    world.answers(stacks=[{"name": name} for name in outputs], output_of=outputs)


def shown(world: World) -> list[Any]:
    listed: list[Any] = json.loads(world.run("ami", "fleet", "--json").out)["stacks"]
    return listed


def test_the_worst_stack_is_first_and_a_stack_that_cannot_be_read_ends_nothing(
    world: World,
) -> None:
    stacks(
        world,
        new=runs(NEWEST, image_id=NEWEST_ID),
        empty={},
        locked=LOCKED,
        own=OWN,
        old=runs(OLD, image_id=OLD_ID),
        ended=runs(TENSORFLOW),
    )
    listed = shown(world)
    assert [one["stack"] for one in listed] == ["ended", "old", "new", "own", "locked", "empty"]
    by_name = {one["stack"]: one for one in listed}
    assert by_name["ended"]["isPatched"] is False
    old = by_name["old"]
    assert (old["imageId"], old["newestImageId"]) == (OLD_ID, NEWEST_ID)
    assert (old["daysBehind"], old["versionsBehind"]) == (75, 0), "20260619 to 20260902"
    assert (old["osType"], old["amiType"], old["patchedUntil"]) == (
        "ubuntu-22.04",
        "base",
        "2027-04-30",
    )
    assert by_name["new"]["daysBehind"] == 0
    assert (by_name["own"]["imageName"], by_name["own"]["patchedUntil"]) == ("our image 7", None)
    assert "passphrase must be set" in by_name["locked"]["problem"]
    assert by_name["empty"]["problem"] is None


def test_the_table_fits_80_columns_and_names_the_next_command(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "columns", lambda _: 80)
    stacks(world, **{"a-stack-of-a-long-name": runs(PYTORCH), "new": RUNS_NEWEST, "old": RUNS_OLD})
    world.config("")
    lines = world.run("ami", "fleet").out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("3 stacks; table of 2026-")
    assert lines[0].endswith("1 API call")
    assert lines[1].split() == ["stack", "Region", "behind", "patched", "until"]
    assert lines[2].startswith("a-stack-of-a-long-name  us-east-1  ")
    assert re.search(r"  [1-9] versions?, \d+ days  ended 20[-0-9]{8}", lines[2])
    assert lines[3] == f"  {PYTORCH}"
    assert lines[-1] == "Next: geusemaker ami show --stack a-stack-of-a-long-name"


def test_each_region_is_searched_once_and_comes_from_the_deployed_stack(world: World) -> None:
    publish("eu-west-1", [images.new_release(NEWEST, "x86_64", None, "eu-west-1")])
    newer = NEWEST.replace("20260902", "20261101")
    publish("eu-west-1", [images.new_release(newer, "x86_64", None, "eu-west-1")])
    world.config("")  # the file of `dev` names us-east-1, where the stack is not
    stacks(
        world,
        dev=runs(NEWEST, "eu-west-1"),
        prod=runs(NEWEST, "eu-west-1"),
        test=runs(NEWEST, "us-east-1"),
    )
    document = json.loads(world.run("ami", "fleet", "--json").out)
    assert document["apiCalls"] == 2
    assert {one["stack"]: (one["region"], one["daysBehind"]) for one in document["stacks"]} == {
        "dev": ("eu-west-1", 60),
        "prod": ("eu-west-1", 60),
        "test": ("us-east-1", 0),
    }


def test_without_credentials_the_patches_are_known_and_the_reason_is_shown(world: World) -> None:
    stacks(world, dev=runs(OLD), prod=runs(OLD, "eu-west-1"))
    no_credentials(world)
    lines = world.run("ami", "fleet").out.splitlines()
    assert [line.split()[-2:] for line in lines if line.startswith(("dev", "prod"))] == [
        ["unknown", "2027-04-30"]
    ] * 2
    assert "us-east-1: how far behind is unknown. The AWS call" in "\n".join(lines)
    assert not any(line.startswith("Next") for line in lines)


def test_a_stack_file_that_does_not_parse_hides_no_deployed_image(world: World) -> None:
    world.file.write_text("config: 'x\n")
    stacks(world, dev=runs(NEWEST))
    assert shown(world)[0]["imageName"] == NEWEST
    stacks(world, dev={})
    assert f"{world.file} has an error at line 1" in shown(world)[0]["problem"]


def test_a_region_without_the_line_and_an_unknown_image_are_not_the_newest(world: World) -> None:
    stacks(world, far=runs(NEWEST, "eu-west-1"), own=OWN, other={"bucket": "b"})
    lines = world.run("ami", "fleet").out.splitlines()
    shown = {line.split()[0]: line.split()[1:] for line in lines[2:] if not line.startswith(" ")}
    assert shown["far"] == ["eu-west-1", "none", "in", "Region", "2027-04-30"]
    assert shown["own"] == ["-", "unknown", "unknown"]
    assert "  no image: the stack has outputs, but no amiName among them" in lines


def test_without_the_pulumi_cli_no_stack_is_known(world: World) -> None:
    for one in world.clone.engine_dir.iterdir():
        one.unlink()
    world.patch.setenv("PATH", "/nowhere")
    assert "There is no usable Pulumi CLI" in world.run("ami", "fleet", code=1).err


def test_a_project_without_stacks_is_an_empty_list(world: World) -> None:
    stacks(world)
    assert shown(world) == []
    assert world.run("ami", "fleet").out.startswith("0 stacks; ")


def test_a_backend_that_cannot_be_listed_is_an_error(world: World) -> None:
    world.answers(stacks_error="error: not logged in")
    said = world.run("ami", "fleet", code=1).err
    assert "The stacks of this project cannot be listed. Pulumi said: not logged in" in said
