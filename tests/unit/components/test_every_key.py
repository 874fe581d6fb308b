"""Every field of the config changes a resource, or a warning."""

from collections.abc import Callable, Mapping
from typing import Any

import pulumi.runtime
import pytest

from geusemaker.config import DeploymentConfig
from geusemaker.simulator.mocks import simulated_account

from .adoptable import Adoptable
from .rendering import ARM, DOMAIN, EDGE, KEY, PLAIN, WHOLE, WORKERS, Deployed, deploy, deployed

INSTANCE = "aws:ec2/instance:Instance"
VOLUME = "aws:ebs/volume:Volume"
OLDER = "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20260619"

Shows = Callable[[Deployed], bool]


def group_of(stack: Deployed) -> Mapping[str, Any]:
    """The group of workers, if there is one."""
    return next((made.inputs for made in stack.of("aws:autoscaling/group:Group")), {})


# For each field: a stack that sets it, and a check that fails with the defaults.
SHOWN: dict[str, tuple[Mapping[str, Any], Shows]] = {
    "os_type": (WHOLE, lambda s: "(Ubuntu 24.04)" in s.outputs["amiName"]),
    "architecture": (ARM, lambda s: s.outputs["architecture"] == "arm64"),
    "ami_type": (WHOLE, lambda s: "PyTorch" in s.outputs["amiName"]),
    "framework_version": (WHOLE, lambda s: " 2.11 " in s.outputs["amiName"]),
    "ami_name": (ARM, lambda s: s.outputs["amiName"] == ARM["ami_name"]),
    "ami_policy": (
        WHOLE,
        lambda s: list(s.requests["pulumi:index:Stash geusemaker-image"].replaceOnChanges) != [],
    ),
    "instance_type": (WHOLE, lambda s: s.one(INSTANCE).inputs["instanceType"] == "g5.xlarge"),
    "root_volume_gib": (
        WHOLE,
        lambda s: s.one(INSTANCE).inputs["rootBlockDevice"]["volumeSize"] == 120,
    ),
    "data_volume_gib": (WHOLE, lambda s: s.one(VOLUME).inputs["size"] == 500),
    "vpc_cidr": (WHOLE, lambda s: s.one("aws:ec2/vpc:Vpc").inputs["cidrBlock"] == "10.99.0.0/16"),
    "availability_zone_count": (WHOLE, lambda s: len(s.outputs["subnetIds"]) == 3),
    "permissions_boundary_arn": (
        WHOLE,
        lambda s: s.of("aws:iam/role:Role")[0].inputs.get("permissionsBoundary") == EDGE,
    ),
    "extra_policy_arns": (
        WHOLE,
        lambda s: len(s.of("aws:iam/rolePolicyAttachment:RolePolicyAttachment")) == 5,
    ),
    "kms_key_arn": (WHOLE, lambda s: s.one(VOLUME).inputs.get("kmsKeyId") == KEY),
    "allowed_cidrs": (WHOLE, lambda s: "203.0.113.0/24" in str(s.made)),
    "webhook_cidrs": (WHOLE, lambda s: "remote_ip 198.51.100.0/24 203.0.113.0/24\n" in s.bundle),
    "domain": (DOMAIN, lambda s: s.outputs["url"] == "https://ai.example.com"),
    "n8n_reaches": (WHOLE, lambda s: "10.0.8.0/24" in s.bundle),
    "services": (DOMAIN, lambda s: "\nservice ollama\n" not in s.bundle),
    "image_versions": (WHOLE, lambda s: "qdrant:v1.19.1-unprivileged" in s.bundle),
    "service_settings": (WHOLE, lambda s: "GENERIC_TIMEZONE: Europe/Berlin" in s.bundle),
    "registry_logins": (WHOLE, lambda s: "registries" in s.pointer),
    "api_keys": (
        WHOLE,
        lambda s: (
            "secret caddy-keys api-keys 1000\n" in s.bundle
            and {one.name for one in s.of("pulumi:index:Stash") if "api-key" in one.name}
            == {"geusemaker-api-key-laptop", "geusemaker-api-key-ci"}
        ),
    ),
    "ollama_models": (WHOLE, lambda s: "llama3.2:3b" in s.bundle),
    "owner_email": (WHOLE, lambda s: "me@example.com" in s.bundle),
    "n8n_public_api": (WHOLE, lambda s: "N8N_PUBLIC_API_DISABLED" not in s.bundle),
    "backup_retention_days": (
        WHOLE,
        lambda s: (
            s.one("aws:backup/plan:Plan").inputs["rules"][0]["lifecycle"]["deleteAfter"] == 14
        ),
    ),
    "protect_data": (WHOLE, lambda s: not any(one.protect for one in s.requests.values())),
    "budget_usd": ({"budget_usd": 1}, lambda s: any("budgetUsd is 1," in w for w in s.warnings)),
    "tags": (WHOLE, lambda s: s.one(VOLUME).inputs["tags"].get("owner") == "ml"),
    "workers": ({"workers": 2}, lambda s: group_of(s).get("desiredCapacity") == 2),
    "workers_max": (WORKERS, lambda s: group_of(s).get("maxSize") == 4),
    "worker_instance_types": (
        {"workers": 1, "worker_instance_types": ["g6.xlarge"]},
        lambda s: "'g6.xlarge'" in str(group_of(s)),
    ),
    "worker_market": (WORKERS, lambda s: group_of(s).get("capacityRebalance") is True),
    "worker_concurrency": (WORKERS, lambda s: "n8n worker --concurrency=3" in s.bundles),
    "worker_drain_seconds": (WORKERS, lambda s: "\ndrain 90\n" in s.bundles),
}
IN_ACCOUNT = {"vpc_id", "subnet_ids", "ami_id", "hosted_zone_id"}
"""Fields that name existing resources of the account."""


def test_every_field_has_a_case() -> None:
    assert {*SHOWN, *IN_ACCOUNT} == set(DeploymentConfig.model_fields)


@pytest.mark.parametrize("field", SHOWN)
def test_each_key_changes_a_resource(field: str) -> None:
    args, shows = SHOWN[field]
    with_it, without = shows(deployed(args)), shows(deployed(PLAIN))
    assert with_it, f"{field} = {args[field]!r} changes no resource"
    assert not without, f"the check of {field} passes with the default too"


def test_existing_resources_of_the_account_are_used() -> None:
    with simulated_account() as account:
        pulumi.runtime.set_mocks(account, project="geusemaker", stack="test", preview=False)
        there = Adoptable(account)
        named = {"Name": "name", "Values": [OLDER]}
        (image,) = account.account.client("ec2").describe_images(Filters=[named])["Images"]
        deploy(ami_id=image["ImageId"], vpc_id=there.vpc, subnet_ids=there.subnets)
    (host,) = account.of(INSTANCE)
    assert host.inputs["ami"] == image["ImageId"]
    assert host.inputs["subnetId"] == there.subnets[0]
    groups = {one.inputs["vpcId"] for one in account.of("aws:ec2/securityGroup:SecurityGroup")}
    assert groups == {there.vpc}
    mounts = {one.inputs["subnetId"] for one in account.of("aws:efs/mountTarget:MountTarget")}
    assert mounts == set(there.subnets)
