"""A deployment whose output is shown line by line, its end, and an interrupt."""

import os
from pathlib import Path

import pytest
from local.clones import Clone

from geusemaker.errors import PulumiError
from geusemaker.pulumi_cli.run import PulumiCli

from .world import World


@pytest.fixture
def cli(clone: Clone) -> PulumiCli:
    return PulumiCli(clone.engine_dir / "pulumi", os.environ, clone.places.project)


def test_each_line_is_handed_on_and_a_failure_holds_them_all(clone: Clone, cli: PulumiCli) -> None:
    said: list[str] = []
    clone.answers(up_lines=["a", "b"])
    cli.up_with_output(said.append)
    assert said == ["a", "b"]
    clone.answers(up_lines=["a", "error: c"], up_code=255)
    with pytest.raises(PulumiError, match=r"^a\nerror: c$"):
        cli.up_with_output(said.append)


@pytest.fixture
def trapping(clone: Clone) -> Path:
    """A CLI that is interrupted with the command; where it writes that it ended in order."""
    ended = clone.engine_dir / "ended"
    (clone.engine_dir / "pulumi").write_text(
        f"#!/bin/sh\ntrap 'echo cancelled; echo freed >\"{ended}\"; exit 0' INT\n"
        "echo started\nkill -INT $$\nsleep 30\n"
    )
    return ended


def test_ctrl_c_lets_it_end_its_steps_and_free_its_lock(cli: PulumiCli, trapping: Path) -> None:
    said: list[str] = []

    def interrupted(line: str) -> None:
        said.append(line)
        if line == "started":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cli.up_with_output(interrupted)
    assert trapping.read_text() == "freed\n"
    assert said == ["started", "cancelled"], "its last words are shown"


def test_one_that_takes_long_to_end_after_ctrl_c_is_left_to_end(
    clone: Clone, cli: PulumiCli
) -> None:
    """What it has begun in AWS, no state would know of."""
    ended = clone.engine_dir / "ended"
    (clone.engine_dir / "pulumi").write_text(
        f"#!/bin/sh\ntrap '' INT\necho a\nsleep 0.5\necho b\necho freed >\"{ended}\"\n"
    )
    said: list[str] = []

    def interrupted(line: str) -> None:
        said.append(line)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cli.up_with_output(interrupted)
    assert said == ["a", "b"]
    assert ended.read_text() == "freed\n"


def test_a_failure_without_a_word_names_the_program_and_its_code(
    clone: Clone, cli: PulumiCli
) -> None:
    clone.answers(preview={"steps": []}, preview_code=7)
    with pytest.raises(PulumiError, match="ended with code 7 and gave no reason"):
        cli.preview()


def test_a_cli_that_cannot_be_started_is_one_paragraph(world: World) -> None:
    world.config("")
    (world.clone.engine_dir / "pulumi").chmod(0o644)
    assert world.run("deploy", "--yes", code=1).err.strip()
