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


def test_both_keys_are_removed_where_each_asks_for_workers(refused: Refused) -> None:
    message = refused(services="ollama", workers="2", workersMax="4")
    rm = "run `pulumi config rm geusemaker"
    assert message.endswith(f" or {rm}:workers` and {rm}:workersMax`.")
