"""Every command that an image error prints fixes the error."""

import functools
import json
import re
import shlex
from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import pulumi.runtime
import pytest

from geusemaker.components.tier1 import tier1_args
from geusemaker.config import DeploymentConfig
from geusemaker.config.sources import Given
from geusemaker.dlami import AMI_TYPES, ARCHITECTURES, load_catalogue, select
from geusemaker.dlami.compatibility import by_name
from geusemaker.dlami.lookup import find_image
from geusemaker.errors import GeuseMakerError
from geusemaker.simulator.mocks import SimulatedMocks, simulated_account
from pulumi_moto.backends import backend_of

from .rendering import TODAY, deploy

Config = dict[str, str]
World = Callable[[SimulatedMocks], None]

KEYS = ("osType", "architecture", "amiType")
NEVER = [line.key for line in load_catalogue().lines if line.form is None]
BASE_22 = "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20260902"
BASE_24 = "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 24.04) 20260925"
ARM_22 = "Deep Learning ARM64 Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20260911"
TORCH_24 = "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.12 (Ubuntu 24.04) 20260725"
OLD_24 = "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 24.04) 20260123"


def as_it_is(_: SimulatedMocks) -> None:
    """The simulated account without changes."""


def pending(account: SimulatedMocks) -> None:
    """The image of the default line is not available yet."""
    backend = backend_of(account.account.region)
    for image in backend.amis.values():
        if image.name == BASE_22:
            image.state = "pending"


def without_torch(account: SimulatedMocks) -> None:
    """us-east-1 has no PyTorch image. Other Regions have."""
    if account.account.region == "us-east-1":
        backend = backend_of("us-east-1")
        for image_id in [i for i, image in backend.amis.items() if "PyTorch" in image.name]:
            del backend.amis[image_id]


# Config and account of every error about images, except errors of one key and combinations without
# an image.
WRONG: dict[str, tuple[Config, World]] = {
    "version never made": (
        {"osType": "ubuntu-24.04", "amiType": "pytorch", "frameworkVersion": "2.13"},
        as_it_is,
    ),
    "version unknown": (
        {"osType": "ubuntu-24.04", "amiType": "pytorch", "frameworkVersion": "1.0"},
        as_it_is,
    ),
    "version read as a number": (
        {"osType": "amazon-linux-2023", "amiType": "pytorch", "frameworkVersion": "2.1"},
        as_it_is,
    ),
    "version without a framework": ({"frameworkVersion": "2.12"}, as_it_is),
    "pin unknown by id": ({"amiId": "ami-00000000000000001"}, as_it_is),
    "pin unknown by name": ({"amiName": "Deep Learning of nobody"}, as_it_is),
    "pin of another OS": ({"amiName": BASE_24}, as_it_is),
    "pin of another architecture": ({"amiName": ARM_22}, as_it_is),
    "pin of another type and OS": ({"amiName": TORCH_24}, as_it_is),
    "pin of another version": (
        {"osType": "ubuntu-24.04", "amiType": "pytorch", "frameworkVersion": "2.11"}
        | {"amiName": TORCH_24},
        as_it_is,
    ),
    "pin that is pending": ({"amiName": BASE_22}, pending),
    "none in the Region": ({"osType": "ubuntu-24.04", "amiType": "pytorch"}, without_torch),
    "none of a version in the Region": (
        {"osType": "ubuntu-24.04", "amiType": "pytorch", "frameworkVersion": "2.12"},
        without_torch,
    ),
    "root volume too small": ({"rootVolumeGib": "20"}, as_it_is),
    "no such instance type": ({"instanceType": "m6i.huge"}, as_it_is),
    "no such instance type on arm64": (
        {"architecture": "arm64", "instanceType": "m6g.huge"},
        as_it_is,
    ),
    **{
        f"no driver: {kind}": ({"instanceType": kind}, as_it_is)
        for kind in ("p3.2xlarge", "g3.4xlarge", "g4ad.xlarge", "inf2.xlarge", "trn1.2xlarge")
    },
    "Blackwell where AWS lists none": (
        {"osType": "ubuntu-24.04", "amiType": "pytorch", "instanceType": "g7.2xlarge"},
        as_it_is,
    ),
    "Blackwell on an image before its driver": (
        {"osType": "ubuntu-24.04", "amiName": OLD_24, "instanceType": "g7.2xlarge"},
        as_it_is,
    ),
}


def attempt(config: Config, world: World) -> str | None:
    """The error of the program for this config and account; None if it succeeds."""
    return _attempt(json.dumps(config, sort_keys=True), world)


@functools.cache  # many errors end in the same config
def _attempt(config: str, world: World) -> str | None:
    own: Config = json.loads(config)
    region = own.pop("aws:region", "us-east-1")
    with simulated_account(region) as account:
        world(account)
        pulumi.runtime.set_mocks(account, project="geusemaker", stack="test", preview=False)
        try:
            given = [Given(key, value) for key, value in own.items()]
            deploy(**tier1_args(DeploymentConfig.from_given(given)))
        except GeuseMakerError as error:
            assert not account.of("aws:ec2/instance:Instance")
            return str(error)
        return None


def fixes(text: str) -> list[list[list[str]]]:
    """The commands that change the config: alternatives of steps of words."""
    return [
        [shlex.split(step) for step in command.split(" && ")]
        for command in re.findall(r"`(pulumi config (?:set|rm) [^`]*)`", text)
    ]


def fixed(config: Config, steps: list[list[str]]) -> Config:
    """The config after the commands. Fails on a command that Pulumi does not have."""
    after = dict(config)
    for words in steps:
        assert words[:2] == ["pulumi", "config"], words
        key = words[3].removeprefix("geusemaker:")
        if words[2] == "rm":
            assert len(words) == 4, words
            after.pop(key, None)
        else:
            assert words[2] == "set", words
            assert len(words) == 5, words
            after[key] = words[4]
    return after


@pytest.mark.parametrize("what", WRONG)
def test_each_printed_command_fixes_the_error(what: str) -> None:
    config, world = WRONG[what]
    said = attempt(config, world)
    assert said is not None
    assert "\n" not in said
    commands = fixes(said)
    assert commands, said
    for steps in commands:
        left = attempt(fixed(config, steps), world)
        assert left is None, f"{steps} of {said!r} leaves {left!r}"


@pytest.mark.parametrize("combination", NEVER, ids=" / ".join)
def test_each_command_for_a_combination_without_an_image_leads_to_an_image_and_a_type(
    combination: tuple[str, str, str],
) -> None:
    """The error depends on the keys only, so no stack is needed."""
    config = dict(zip(KEYS, combination, strict=True))
    said = attempt(config, as_it_is)
    assert said is not None
    assert "\n" not in said
    commands = fixes(said)
    assert commands, said
    with simulated_account() as account:
        pulumi.runtime.set_mocks(account, project="geusemaker", stack="test", preview=False)
        for steps in commands:
            after = DeploymentConfig.from_given(
                [Given(key, value) for key, value in fixed(config, steps).items()]
            )
            query = select(
                after.os_type,
                after.architecture,
                after.ami_type,
                after.framework_version,
                today=TODAY,
            )
            by_name(query, after.instance_type)
            assert find_image(query).architecture == after.architecture


def test_every_combination_without_an_image_has_a_case() -> None:
    every = product((s.name for s in load_catalogue().systems), ARCHITECTURES, AMI_TYPES)
    assert len(NEVER) == 18
    assert set(NEVER) < set(every)


def test_the_reader_of_commands_reads_all() -> None:
    text = "x `pulumi config set geusemaker:a b && pulumi config rm geusemaker:c` or `pulumi up`"
    ((first, second),) = fixes(text)
    assert first[2:] == ["set", "geusemaker:a", "b"]
    assert second[2:] == ["rm", "geusemaker:c"]
    answer: Mapping[str, Any] = fixed({"c": "1"}, [first, second])
    assert answer == {"a": "b"}
