"""Types of workers that AWS or the image refuse. Each error names a command, which fixes it."""

import gc
import re
from collections.abc import Iterator
from typing import Any

import pulumi.runtime
import pytest

from geusemaker.errors import ConfigError, GeuseMakerError
from geusemaker.simulator.mocks import SimulatedMocks, simulated_account

from .rendering import deploy
from .test_image_and_type import OLD, _keep

TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
NAMES = re.compile(r"`pulumi config set geusemaker:workerInstanceTypes ([\w.,-]+)`")


@pytest.fixture(autouse=True)
def _futures_end_here() -> Iterator[None]:
    """Futures that an error inside an Output leaves behind are reported when they are collected."""
    yield
    gc.collect()


def _use(account: SimulatedMocks) -> None:
    pulumi.runtime.set_mocks(account, project="geusemaker", stack="test", preview=False)


def _deploy(account: SimulatedMocks, types: list[str], **others: Any) -> None:
    deploy(workers=1, worker_instance_types=types, **others)
    assert len(account.of(TEMPLATE)) == 1


@pytest.mark.parametrize(
    ("types", "others", "why"),
    [
        (
            ["m5.xlarge", "m5.xlrage"],
            {},
            "geusemaker:workerInstanceTypes has 'm5.xlrage', which this Region does not have. The "
            "closest type that AWS offers in this Region is m5.xlarge: `pulumi config set "
            "geusemaker:workerInstanceTypes m5.xlarge`.",
        ),
        (
            ["p6-b200.48xlarge"],
            {},
            "geusemaker:workerInstanceTypes has p6-b200.48xlarge, which AWS offers in us-east-1c, "
            "but in no zone of this stack: us-east-1a, us-east-1b. No worker of that type could "
            "start. The closest type that AWS offers in us-east-1a is ",
        ),
        (["g4ad.xlarge"], {}, "geusemaker:workerInstanceTypes has g4ad.xlarge, and g4ad has "),
        (
            ["g5.xlarge", "m5.xlarge", "g6.xlarge"],
            {},
            "geusemaker:workerInstanceTypes has g5.xlarge with a GPU and m5.xlarge without. "
            "Workers with a GPU have an Ollama of their own and others use the host's, so the name "
            "ollama in a workflow would depend on the worker. Use types of one kind: `pulumi "
            "config set geusemaker:workerInstanceTypes g5.xlarge,g6.xlarge` or `pulumi config set "
            "geusemaker:workerInstanceTypes m5.xlarge`.",
        ),
        (
            ["m5.xlarge", "t3.small"],
            {},
            "geusemaker:workerInstanceTypes has t3.small, which has 2 GiB of memory, and a worker "
            "needs 3 GiB at least. Take a larger one: `pulumi config set "
            "geusemaker:workerInstanceTypes m5.xlarge,m6i.xlarge`.",
        ),
        (
            ["g7.2xlarge"],
            {"ami_name": OLD, "os_type": "ubuntu-24.04"},
            "geusemaker:workerInstanceTypes has g7.2xlarge, which needs NVIDIA's driver",
        ),
    ],
)
def test_each_command_of_an_error_on_a_type_fixes_it(
    types: list[str], others: dict[str, Any], why: str
) -> None:
    with simulated_account() as account:
        _use(account)
        with pytest.raises(GeuseMakerError) as caught:
            _deploy(account, types, **others)
    assert str(caught.value).startswith(why)
    assert account.of(TEMPLATE) == []
    fixes = NAMES.findall(str(caught.value))
    assert fixes
    for fix in fixes:
        with simulated_account() as account:
            _use(account)
            _deploy(account, fix.split(","), **others)


def test_a_type_that_the_region_lists_may_be_in_none_of_its_zones() -> None:
    with simulated_account("eu-south-1") as account:
        _use(account)
        with pytest.raises(GeuseMakerError) as caught:
            _deploy(account, ["g6.xlarge"])
    assert "g6.xlarge, which AWS offers in no zone of this stack: eu-south-1a, " in str(
        caught.value
    )


def test_the_kept_image_decides_and_not_the_newest(
    account: SimulatedMocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    _keep(account, monkeypatch, OLD)
    with pytest.raises(ConfigError, match=r"workerInstanceTypes has g7.*this stack keeps"):
        _deploy(account, ["g7.2xlarge"], os_type="ubuntu-24.04")


def test_types_may_differ_in_their_gpus_where_the_stack_has_no_ollama(
    account: SimulatedMocks,
) -> None:
    _deploy(account, ["g5.xlarge", "m5.xlarge"], services=["n8n", "postgres"])
