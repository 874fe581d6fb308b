"""No key without a consumer: setting any of them changes something that is rendered."""

import base64
import gzip
import json
import re
from collections.abc import Mapping
from typing import Any

import pulumi.runtime
import pytest
from pulumi.runtime.mocks import MockMonitor

from geusemaker.components import tier1
from geusemaker.config import DeploymentConfig
from geusemaker.simulator.mocks import SimulatedMocks, simulated_account

from .adoptable import Adoptable
from .rendering import deploy

OLDER = "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20260619"
PYTORCH = {"os_type": "ubuntu-24.04", "ami_type": "pytorch"}
KEY = "arn:aws:kms:us-east-1:000000000000:key/11111111-2222-3333-4444-555555555555"
ADOPTED = {"vpc_id": "adopted", "subnet_ids": ["adopted"]}

# For each field: what the stack is without it, and what with it.
CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "os_type": ({}, {"os_type": "ubuntu-24.04"}),
    "architecture": ({}, {"architecture": "arm64"}),
    "ami_type": ({"os_type": "ubuntu-24.04"}, PYTORCH),
    "framework_version": (PYTORCH, {**PYTORCH, "framework_version": "2.11"}),
    "ami_id": ({}, {"ami_id": "found by name"}),
    "ami_name": ({}, {"ami_name": OLDER}),
    "ami_policy": ({}, {"ami_policy": "latest"}),
    "instance_type": ({}, {"instance_type": "g5.xlarge"}),
    "root_volume_gib": ({}, {"root_volume_gib": 120}),
    "data_volume_gib": ({}, {"data_volume_gib": 500}),
    "vpc_cidr": ({}, {"vpc_cidr": "10.99.0.0/16"}),
    "availability_zone_count": ({}, {"availability_zone_count": 3}),
    "vpc_id": ({}, ADOPTED),
    "subnet_ids": (ADOPTED, {**ADOPTED, "subnet_ids": ["adopted", "adopted too"]}),
    "permissions_boundary_arn": (
        {},
        {"permissions_boundary_arn": "arn:aws:iam::000000000000:policy/edge"},
    ),
    "extra_policy_arns": (
        {},
        {"extra_policy_arns": ["arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy"]},
    ),
    "kms_key_arn": ({}, {"kms_key_arn": KEY}),
    "allowed_cidrs": ({}, {"allowed_cidrs": ["203.0.113.7/32"]}),
    "domain": ({}, {"domain": "ai.example.com"}),
    "hosted_zone_id": (
        {"domain": "ai.example.com"},
        {"domain": "ai.example.com", "hosted_zone_id": "of example.com"},
    ),
    "n8n_reaches": ({}, {"n8n_reaches": ["10.0.8.0/24"]}),
    "services": ({}, {"services": ["ollama"]}),
    "image_versions": ({}, {"image_versions": {"qdrant": "qdrant/qdrant:v1.19.1-unprivileged"}}),
    "registry_logins": ({}, {"registry_logins": {"docker.io": "me:token"}}),
    "ollama_models": ({}, {"ollama_models": ["llama3.2:3b"]}),
    "owner_email": ({}, {"owner_email": "me@example.com"}),
    "n8n_public_api": ({}, {"n8n_public_api": True}),
    "backup_retention_days": ({}, {"backup_retention_days": 14}),
    "protect_data": ({}, {"protect_data": False}),
    "tags": ({}, {"tags": {"team": "ml"}}),
}


PLAIN: dict[str, str] = {}
"""What was rendered without a field, by its args: most fields are tried beside the same stack."""


def _real(args: Mapping[str, Any], account: SimulatedMocks, adoptable: Adoptable) -> dict[str, Any]:
    """The args with ids of this account in place of the words that stand for them."""
    real = dict(args)
    if "vpc_id" in real:
        real["vpc_id"] = adoptable.vpc
        real["subnet_ids"] = adoptable.subnets[: len(real["subnet_ids"])]
    if "ami_id" in real:
        filters = [{"Name": "name", "Values": [OLDER]}]
        images = account.account.client("ec2").describe_images(Filters=filters)["Images"]
        real["ami_id"] = images[0]["ImageId"]
    if "hosted_zone_id" in real:
        route53 = account.account.client("route53")
        zone = route53.create_hosted_zone(Name="example.com", CallerReference="a test")
        real["hosted_zone_id"] = zone["HostedZone"]["Id"].rpartition("/")[2]
    return real


def _rendered(args: Mapping[str, Any], requests: list[Any]) -> str:
    """All that was registered, inputs and options, without the ids that differ by chance."""
    requests.clear()
    with simulated_account() as account:
        pulumi.runtime.set_mocks(account, project="geusemaker", stack="test", preview=False)
        deploy(**_real(args, account, Adoptable(account)))
    options = {
        request.name: [
            request.protect,
            sorted(request.ignoreChanges),
            sorted(request.replaceOnChanges),
        ]
        for request in requests
        if request.type != "pulumi:pulumi:Stack"  # registered by the first of a process only
    }
    inputs = {}
    for made in account.made:
        shown = dict(made.inputs)
        if packed := shown.get("userDataBase64"):
            shown["userDataBase64"] = gzip.decompress(base64.b64decode(packed)).decode()
        if made.name.endswith(("-user-data", "-credentials")):
            shown = {}
        inputs[f"{made.token} {made.name}"] = shown
    text = json.dumps([options, inputs], sort_keys=True, indent=1)
    chance = r"\b(vpc|subnet|sg|igw|rtb|vol|i|eipalloc|fs|fsap)-[0-9a-f]{8,}|-[0-9a-f]{7}\b"
    text = re.sub(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "uuid", text)
    return re.sub(chance, r"\1-x", text)


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    seen: list[Any] = []
    register = MockMonitor.RegisterResource

    def noting(self: MockMonitor, request: Any) -> Any:
        seen.append(request)
        return register(self, request)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(MockMonitor, "RegisterResource", noting)
    monkeypatch.setattr(tier1, "new_id", lambda: "abcdefghijkl")
    return seen


def test_every_field_is_tried_here() -> None:
    assert set(CHANGES) == set(DeploymentConfig.model_fields)


@pytest.mark.parametrize("field", CHANGES)
def test_setting_a_key_changes_what_is_rendered(field: str, requests: list[Any]) -> None:
    without, with_it = CHANGES[field]
    key = json.dumps(without, sort_keys=True)
    if key not in PLAIN:
        PLAIN[key] = _rendered(without, requests)
    assert _rendered(with_it, requests) != PLAIN[key]


def test_the_same_config_renders_the_same(requests: list[Any]) -> None:
    """Or the test above would pass by chance."""
    assert _rendered({}, requests) == _rendered({}, requests)
