"""What the keys of workers say together."""

import pytest

from geusemaker.config import DeploymentConfig

from .conftest import Refused


@pytest.mark.parametrize(
    ("keys", "has_workers", "most"),
    [
        ({}, False, 0),
        ({"workers": 2}, True, 2),
        ({"workersMax": 4}, True, 4),  # none at times, but executions wait for one
        ({"workers": 2, "workersMax": 4}, True, 4),
        ({"workerMarket": "spot", "workerConcurrency": 9}, False, 0),
    ],
)
def test_there_are_workers_with_a_number_or_a_maximum(
    keys: dict[str, object], has_workers: bool, most: int
) -> None:
    config = DeploymentConfig.model_validate(keys)
    assert (config.has_workers, config.most_workers) == (has_workers, most)


def test_workers_have_the_type_of_the_host_unless_types_are_named() -> None:
    assert DeploymentConfig(instance_type="g5.xlarge").worker_types == ("g5.xlarge",)
    named = DeploymentConfig(worker_instance_types=("g6.xlarge", "g5.xlarge"))
    assert named.worker_types == ("g6.xlarge", "g5.xlarge")


def test_one_key_is_not_removed_where_the_other_asks_for_workers_too(refused: Refused) -> None:
    message = refused(services="ollama", workers="2", workersMax="4")
    (fix,) = message.partition("To fix it")[2].split(" or ")
    assert "`pulumi config set geusemaker:services n8n,ollama,postgres`" in fix
