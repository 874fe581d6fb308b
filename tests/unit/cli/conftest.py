"""The clone that these tests work in, and the world around it."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from local.clones import Clone, make_clone
from moto import mock_aws

from geusemaker.simulator import images
from pulumi_moto.images import replace

from .deployed import Deployed, deploy
from .world import TODAY, World


@pytest.fixture(autouse=True)
def own_collections() -> Iterator[None]:
    """The command makes garbage collections rare in its process."""
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clone]:
    yield from make_clone(tmp_path, monkeypatch)


@pytest.fixture
def world(
    clone: Clone, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[World]:
    monkeypatch.setenv("GEUSEMAKER_TODAY", TODAY.isoformat())
    for what in ("OS_TYPE", "ARCHITECTURE", "AMI_TYPE", "INSTANCE_TYPE"):
        monkeypatch.delenv(f"GEUSEMAKER_{what}", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws(config={"core": {"mock_credentials": False}}):
        replace("us-east-1", images.recorded("us-east-1"))
        yield World(clone, capsys)


@pytest.fixture
def images_elsewhere(world: World) -> None:
    """A second Region, eu-west-1, has images too."""
    replace("eu-west-1", images.recorded("eu-west-1"))


@pytest.fixture
def host(world: World) -> Deployed:
    """A deployed stack whose host runs and has not reported yet."""
    return deploy(world)
