"""Wrong config fails at preview, in one paragraph of ours, and nothing is made."""

import re
import shlex

import pytest

from .door import Door

# What is set (key, value), what the paragraph must hold, and the command of it that mends.
WRONG = {
    "a value that is none": (
        [("osType", "ubuntu-2404")],
        ["'ubuntu-2404'", "ubuntu-22.04, ubuntu-24.04, amazon-linux-2023"],
        "pulumi config set geusemaker:osType ubuntu-24.04",
    ),
    "a key that is none": (
        [("osTpye", "ubuntu-24.04")],
        ["osTpye", "did you mean osType"],
        "pulumi config rm geusemaker:osTpye",
    ),
    "a type of the other architecture": (
        [("architecture", "arm64"), ("instanceType", "g5.xlarge")],
        ["g5.xlarge is x86_64 only"],
        "pulumi config set geusemaker:instanceType g5g.xlarge",
    ),
    "a key of a later version": (
        [("spot", "true")],
        ["not in this version"],
        "pulumi config rm geusemaker:spot",
    ),
    "a combination that never was": (
        [("osType", "ubuntu-24.04"), ("amiType", "tensorflow")],
        ["ubuntu-24.04 / x86_64 / tensorflow", "nearest"],
        "pulumi config set geusemaker:amiType pytorch",
    ),
    "an instance type that is none": (
        [("instanceType", "m6i.huge")],
        ["'m6i.huge'"],
        "pulumi config set geusemaker:instanceType m6i.xlarge",
    ),
    "a root volume smaller than the image": (
        [("rootVolumeGib", "20")],
        ["20", "75 GiB"],
        "pulumi config set geusemaker:rootVolumeGib 75",
    ),
    "an image that is not there": (
        [("amiId", "ami-00000000000000001")],
        ["ami-00000000000000001"],
        "pulumi config rm geusemaker:amiId",
    ),
}
KEYS = sorted({key for given, _, _ in WRONG.values() for key, _ in given} | {"frameworkVersion"})


FAILED = 1
"""Exit code of a CLI whose program failed."""


def paragraph(text: str) -> str:
    """The program's own error; fails when there is a traceback or more than one."""
    assert "Traceback" not in text, text
    said = re.findall(r"^    error: (.*)$", text, re.MULTILINE)
    own = [line for line in said if not line.startswith("an unhandled error occurred: program ex")]
    assert len(set(own)) == 1, text
    return str(own[0])


@pytest.mark.parametrize("what", WRONG)
def test_wrong_config_is_one_paragraph_whose_command_mends_it(door: Door, what: str) -> None:
    given, parts, command = WRONG[what]
    door.unset(*KEYS)
    for key, value in given:
        door.set(**{key: value})
    said = paragraph(door.pulumi("preview", code=FAILED).out)
    for part in parts:
        assert part in said, said
    assert f"`{command}`" in said, said
    assert door.resources() == []

    words = shlex.split(command)
    assert door.run(*words, "--non-interactive").code == 0
    door.pulumi("preview")


def test_a_misspelt_region_is_one_paragraph_whose_command_mends_it(door: Door) -> None:
    door.unset(*KEYS)
    before = door.places.config.read_text()
    door.pulumi("config", "set", "aws:region", "us-esat-1")
    try:
        said = paragraph(door.pulumi("preview", code=FAILED).out)
        assert said.startswith("The Region is 'us-esat-1' (by the stack's aws:region)")
        assert "`pulumi config set aws:region us-east-1`" in said
        assert door.resources() == []
        # The program has no word in these two, which the provider answers.
        refreshed = door.pulumi("refresh", "--yes", code=None).out
        assert "Traceback" not in refreshed
        assert "KeyError" not in refreshed
    finally:
        door.places.config.write_text(before)
    door.pulumi("preview")


def test_an_os_that_nobody_makes_is_refused_with_those_that_there_are(door: Door) -> None:
    door.unset(*KEYS)
    door.set(osType="ubuntu-99")
    said = paragraph(door.pulumi("preview", code=FAILED).out)
    assert "'ubuntu-99'" in said
    assert "ubuntu-22.04, ubuntu-24.04, amazon-linux-2023, amazon-linux-2, ubuntu-26.04" in said
    assert door.resources() == []


def test_an_unquoted_2_10_in_the_stacks_file_says_to_quote_it(door: Door) -> None:
    door.unset(*KEYS)
    door.set(osType="amazon-linux-2023", amiType="pytorch")
    file = door.places.config
    text = file.read_text()
    file.write_text(text.replace("config:\n", "config:\n  geusemaker:frameworkVersion: 2.10\n"))
    said = paragraph(door.pulumi("preview", code=FAILED).out)
    assert "YAML reads an unquoted 2.10" in said
    assert "`pulumi config set geusemaker:frameworkVersion 2.10`" in said
    door.set(frameworkVersion="2.10")
    door.pulumi("preview")
