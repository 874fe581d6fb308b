"""Fixtures that read a config, or the error message of an invalid one."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pulumi.runtime import config as pulumi_config

from geusemaker.config import DeploymentConfig
from geusemaker.errors import ConfigError

FromStack = Callable[..., DeploymentConfig]
Refused = Callable[..., str]
FromFile = Callable[..., DeploymentConfig]


def read_stack(secret: tuple[str, ...] = (), **values: str) -> DeploymentConfig:
    stack = {f"geusemaker:{key}": value for key, value in values.items()}
    secrets = [f"geusemaker:{key}" for key in secret]
    pulumi_config.set_all_config({"aws:region": "us-east-1", **stack}, secrets)
    return DeploymentConfig.from_pulumi()


def message_of(error: ConfigError) -> str:
    text = str(error)
    assert text
    assert len(text.splitlines()) == 1
    assert text.isprintable()
    assert "pydantic" not in text
    assert "Traceback" not in text
    return text


@pytest.fixture(autouse=True)
def _clean_stack() -> Iterator[None]:
    yield
    pulumi_config.set_all_config({}, [])


@pytest.fixture
def from_stack() -> FromStack:
    return read_stack


@pytest.fixture
def refused() -> Refused:
    """The error message for invalid stack values."""

    def message(secret: tuple[str, ...] = (), **values: str) -> str:
        with pytest.raises(ConfigError) as caught:
            read_stack(secret, **values)
        return message_of(caught.value)

    return message


@pytest.fixture
def from_file(tmp_path: Path) -> FromFile:
    def read(text: str | bytes, name: str = "stack.yaml") -> DeploymentConfig:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return DeploymentConfig.from_file(path)

    return read


@pytest.fixture
def refused_file(from_file: FromFile) -> Refused:
    """The error message for an invalid config file."""

    def message(text: str | bytes, name: str = "stack.yaml") -> str:
        with pytest.raises(ConfigError) as caught:
            from_file(text, name)
        return message_of(caught.value)

    return message
