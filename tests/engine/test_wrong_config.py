"""Wrong config fails at preview, in one paragraph of ours, and nothing is made."""

import contextlib
import re
import shlex

from .door import Door

# What is set, what the paragraph must hold, and the command of it that ends the error: a value, a
# key, two keys together, the look-up of an image and of a type. Each other error and command:
# tests/unit/config/test_config_keys.py and tests/unit/components/test_fixes.py.
WRONG = (
    (
        {"osType": "ubuntu-2404"},
        [
            "'ubuntu-2404'",
            "ubuntu-22.04, ubuntu-24.04, amazon-linux-2023, amazon-linux-2, ubuntu-26.04",
        ],
        "pulumi config set geusemaker:osType ubuntu-24.04",
    ),
    (
        {"osTpye": "ubuntu-24.04"},
        ["osTpye", "did you mean osType"],
        "pulumi config rm geusemaker:osTpye",
    ),
    (
        {"amiType": "tensorflow"},
        ["ubuntu-24.04 / x86_64 / tensorflow", "nearest"],
        "pulumi config set geusemaker:amiType pytorch",
    ),
    (
        {"amiId": "ami-00000000000000001"},
        ["ami-00000000000000001"],
        "pulumi config rm geusemaker:amiId",
    ),
    (
        {"instanceType": "m6i.huge"},
        ["'m6i.huge'"],
        "pulumi config set geusemaker:instanceType m6i.xlarge",
    ),
)


FAILED = 1
"""Exit code of a CLI whose program failed."""


def paragraph(door: Door, *, plain: bool = True) -> str:
    """What a user reads of a preview; fails when it succeeds, or shows more than one paragraph."""
    with door.plain() if plain else contextlib.nullcontext():
        text = door.pulumi("preview", code=FAILED).out
    assert "Traceback" not in text, text
    said = re.findall(r"^    error: (.*)$", text, re.MULTILINE)
    if not plain:  # the engine repeats the error of a program that it attached to
        said = [line.removeprefix("an unhandled error occurred: ") for line in said]
    assert len(set(said)) == 1, text
    return str(said[0])


def test_wrong_config_is_one_paragraph_whose_command_ends_the_error(door: Door) -> None:
    for given, parts, command in WRONG:
        door.set(**given)
        # The single paragraph says too that the command before has ended its own error.
        # In a Python of its own: an error of the config alone, and one of a look-up.
        said = paragraph(door, plain=given.keys() <= {"osType", "amiId"})
        for part in parts:
            assert part in said, said
        assert f"`{command}`" in said, said
        assert door.resources() == []
        assert door.run(*shlex.split(command), "--non-interactive").code == 0
    door.pulumi("preview")


def test_a_misspelt_region_is_one_paragraph_whose_command_fixes_it(door: Door) -> None:
    before = door.places.config.read_text()
    door.pulumi("config", "set", "aws:region", "us-esat-1")
    try:
        said = paragraph(door)
        assert said.startswith("Unknown AWS Region 'us-esat-1' (set by the stack's aws:region)")
        assert "`pulumi config set aws:region us-east-1`" in said
        assert door.resources() == []
        # The program has no word in these two, which the provider answers.
        with door.plain():
            refreshed = door.pulumi("refresh", "--yes", code=None).out
        assert "Traceback" not in refreshed
        assert "KeyError" not in refreshed
    finally:
        door.places.config.write_text(before)
    door.pulumi("preview")


def test_a_type_of_workers_that_no_zone_offers_is_one_paragraph(door: Door) -> None:
    """The zones are kept in the stack, so the error is raised after the program has ended."""
    door.set(workers="1", workerInstanceTypes="p6-b200.48xlarge")
    try:
        said = paragraph(door, plain=False)
        assert said.startswith("geusemaker:workerInstanceTypes has p6-b200.48xlarge, which AWS ")
        assert door.resources() == []
        (command,) = re.findall("`([^`]*)`", said)
        assert door.run(*shlex.split(command), "--non-interactive").code == 0
        door.pulumi("preview")
    finally:
        door.unset("workers", "workerInstanceTypes")


def test_an_unquoted_2_10_in_the_stacks_file_says_to_quote_it(door: Door) -> None:
    door.unset("instanceType")
    door.set(osType="amazon-linux-2023", amiType="pytorch")
    file = door.places.config
    text = file.read_text()
    file.write_text(text.replace("config:\n", "config:\n  geusemaker:frameworkVersion: 2.10\n"))
    said = paragraph(door)
    assert "YAML reads an unquoted 2.10" in said
    assert "`pulumi config set geusemaker:frameworkVersion 2.10`" in said
    door.set(frameworkVersion="2.10")
    door.pulumi("preview")
