"""What the keys of workers say together."""

import json
import re
from typing import Any

import pytest

from geusemaker.config import DeploymentConfig
from geusemaker.config.service_settings import MAX_PARAMETER
from geusemaker.config.workers import QUEUE_SECRETS_BYTES

from .conftest import FromStack, Refused


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


def networks(count: int, ipv6: int = 0) -> str:
    return ",".join(
        [*(f"10.0.{n}.0/24" for n in range(count)), *(f"2001:db8:{n:x}::/48" for n in range(ipv6))]
    )


ADOPTED = {"vpcId": "vpc-01234567", "subnetIds": "subnet-01234567"}


@pytest.mark.parametrize(
    ("values", "said", "fixes"),
    [
        (
            {"allowedCidrs": networks(55), "workers": "1"},
            "geusemaker:allowedCidrs and workers need 61 rules together, 6 of them for workers, "
            "but a security group allows 60",
            ["rm geusemaker:workers"],
        ),
        (
            {"webhookCidrs": networks(54), "domain": "ai.example.com", "workersMax": "2"},
            "geusemaker:webhookCidrs, domain and workers need 61 rules together",
            ["rm geusemaker:workersMax", "rm geusemaker:webhookCidrs"],
        ),
        (
            {"allowedCidrs": networks(1, 55), **ADOPTED, "workers": "1", "workersMax": "2"},
            "geusemaker:allowedCidrs and workers need 61 rules together",
            ["set geusemaker:allowedCidrs 203.0.113.0/24"],
        ),
    ],
)
def test_workers_need_rules_of_the_security_group_too(
    refused: Refused, values: dict[str, str], said: str, fixes: list[str]
) -> None:
    message = refused(**values)
    assert message.startswith(said)
    assert re.findall("`pulumi config ([^`]*)`", message) == fixes


def test_as_many_networks_as_leave_room_for_workers_are_accepted(from_stack: FromStack) -> None:
    most = from_stack(allowedCidrs=networks(54), workers="1")
    assert len(most.allowed_cidrs) == 54
    # A service that does not run needs no rule.
    assert from_stack(allowedCidrs=networks(58), services="n8n,postgres", workers="1").has_workers
    both = from_stack(allowedCidrs=networks(30, 30), **ADOPTED, workers="1")
    assert len(both.allowed_cidrs) == 60


def test_secrets_leave_room_for_those_of_workers(refused: Refused, from_stack: FromStack) -> None:
    def given(size: int) -> dict[str, Any]:
        value = "x" * (size - len("\nn8n.N8N_SMTP_PASS="))
        settings = json.dumps({"n8n": {"N8N_SMTP_PASS": value}})
        return {"secret": ("serviceSettings",), "serviceSettings": settings}

    room = MAX_PARAMETER - QUEUE_SECRETS_BYTES
    assert from_stack(**given(room), workers="1").has_workers
    assert not from_stack(**given(room + 1)).has_workers
    message = refused(**given(room + 1), workers="1")
    assert "xxx" not in message
    assert "the secrets of serviceSettings and those of workers need 4097 bytes" in message
    assert re.findall("`pulumi config ([^`]*)`", message) == [
        "rm geusemaker:workers",
        "rm --path geusemaker:serviceSettings.n8n.N8N_SMTP_PASS",
    ]
    message = refused(**given(room - 9), apiKeys="laptop", workersMax="2")
    assert "the secrets of apiKeys and serviceSettings and those of workers need" in message
    assert re.findall("`pulumi config ([^`]*)`", message) == [
        "rm geusemaker:workersMax",
        "rm geusemaker:apiKeys",
        "rm --path geusemaker:serviceSettings.n8n.N8N_SMTP_PASS",
    ]


def test_there_is_no_room_to_keep_without_secrets_of_config(from_stack: FromStack) -> None:
    assert from_stack(workers="50").most_workers == 50
