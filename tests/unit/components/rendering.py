"""Renders a stack under the mocks of a simulated account."""

import base64
import functools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar, cast

import pulumi
import pulumi.runtime
import pytest
from moto.kms.models import kms_backends
from pulumi.runtime.mocks import MockMonitor

from geusemaker.bundle import unpack
from geusemaker.components.tier1 import Tier1, Tier1Args
from geusemaker.simulator.mocks import SimulatedMocks, simulated_account
from pulumi_moto.mocks import Made

TODAY = date(2026, 11, 23)
"""The day of all tests here: the set of patched lines must not depend on the current day."""

KEY = "arn:aws:kms:us-east-1:000000000000:key/11111111-2222-3333-4444-555555555555"
OWN_KEY = KEY.replace("0" * 12, "123456789012")
"""A key of the account itself, which it has if a config names it."""
EDGE = "arn:aws:iam::000000000000:policy/edge"
EXTRA = [
    f"arn:aws:iam::aws:policy/{name}"
    for name in ("AmazonEC2ReadOnlyAccess", "CloudWatchAgentServerPolicy")
]
SETTINGS = {
    "n8n": {"GENERIC_TIMEZONE": "Europe/Berlin", "N8N_SMTP_PASS": "hush$x"},
    "ollama": {"OLLAMA_CONTEXT_LENGTH": 16384},
}
LOGINS = {"ghcr.io": "me:a:b", "docker.io": "hub:pw"}

PLAIN: dict[str, Any] = {}
"""The defaults."""
WHOLE: dict[str, Any] = {
    "os_type": "ubuntu-24.04",
    "ami_type": "pytorch",
    "framework_version": "2.11",
    "ami_policy": "latest",
    "instance_type": "g5.xlarge",
    "root_volume_gib": 120,
    "data_volume_gib": 500,
    "vpc_cidr": "10.99.0.0/16",
    "availability_zone_count": 3,
    "permissions_boundary_arn": EDGE,
    "extra_policy_arns": EXTRA,
    "kms_key_arn": KEY,
    "allowed_cidrs": ["203.0.113.0/24", "192.0.2.0/24"],
    "webhook_cidrs": ["198.51.100.0/24", "203.0.113.0/24"],
    "n8n_reaches": ["10.0.8.0/24"],
    "image_versions": {"qdrant": "qdrant/qdrant:v1.19.1-unprivileged"},
    "service_settings": SETTINGS,
    "registry_logins": LOGINS,
    "api_keys": ["laptop", "ci:2"],
    "ollama_models": ["llama3.2:3b"],
    "owner_email": "me@example.com",
    "n8n_public_api": True,
    "backup_retention_days": 14,
    "protect_data": False,
    "tags": {"owner": "ml", **{f"team-{number}": "ml" for number in range(44)}},
}
"""As many keys as can be combined, with the most tags."""
DOMAIN: dict[str, Any] = {
    "domain": "ai.example.com",
    "instance_type": "t3.2xlarge",
    "services": ["qdrant", "crawl4ai"],
}
"""A domain with port 443 closed, on a burstable type without a GPU."""
ARM: dict[str, Any] = {
    "architecture": "arm64",
    "ami_name": "Deep Learning ARM64 Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20260106",
    "availability_zone_count": 1,
    "services": ["ollama"],
    "backup_retention_days": 0,
}
"""arm64 with a pinned image and without backups."""
WORKERS: dict[str, Any] = {
    "workers": 1,
    "workers_max": 4,
    "worker_market": "spot",
    "worker_concurrency": 3,
    "worker_drain_seconds": 90,
}
"""Workers on Spot whose number follows the load."""
STACKS = {"plain": PLAIN, "whole": WHOLE, "domain": DOMAIN, "arm": ARM}

T = TypeVar("T", bound=Callable[..., Any])

in_pulumi = cast(Callable[[T], T], pulumi.runtime.test)
"""Waits for every Output. Without it, a failing assertion inside one passes in silence."""


@in_pulumi
def deploy(**args: Any) -> pulumi.Output[str]:
    """Creates one Tier1 with the current mocks."""
    return Tier1("geusemaker", cast(Tier1Args, args), today=TODAY).instance_id


@in_pulumi
def outputs(found: dict[str, Any], **args: Any) -> pulumi.Output[Any]:
    """Creates one Tier1 and puts its outputs into `found`."""
    stack = Tier1("geusemaker", cast(Tier1Args, args), today=TODAY)
    return pulumi.Output.all(**stack.outputs).apply(found.update)


@dataclass(frozen=True)
class Deployed:
    """Resources, look-ups and outputs of one config. Shared by tests: do not change it."""

    made: Sequence[Made]
    asked: Sequence[str]
    """Tokens of the look-ups."""
    requests: Mapping[str, Any]
    """The registration of each resource of AWS and each Stash: token and name."""
    outputs: Mapping[str, Any]
    notes: Sequence[str]
    warnings: Sequence[str]

    def of(self, token: str) -> list[Made]:
        """The resources of one type, in order."""
        return [made for made in self.made if made.token == token]

    def one(self, token: str, name: str = "") -> Made:
        """The only resource of its type whose name ends with `name`."""
        (made,) = (made for made in self.of(token) if made.name.endswith(name))
        return made

    def policy(self, name: str) -> dict[str, Any]:
        """The statements of a policy of the role, by Sid."""
        text = self.one("aws:iam/rolePolicy:RolePolicy", name).inputs["policy"]
        return {statement["Sid"]: statement for statement in json.loads(text)["Statement"]}

    @property
    def bundle(self) -> str:
        """The stored bundle's text."""
        return self._packed("compute").decode()

    @property
    def bundles(self) -> str:
        """The text of all stored bundles."""
        stored = self.of("aws:s3/bucketObjectv2:BucketObjectv2")
        texts = (base64.b64decode(one.inputs["contentBase64"]).decode() for one in stored)
        return "\n".join(texts)

    def files(self, owner: str) -> dict[str, str]:
        """The bundle of the host, which is "compute", or of "workers"."""
        return unpack(self._packed(owner))

    def _packed(self, owner: str) -> bytes:
        start = f"geusemaker-{owner}-settings-"
        stored = self.of("aws:s3/bucketObjectv2:BucketObjectv2")
        (made,) = (one for one in stored if one.name.startswith(start))
        return base64.b64decode(made.inputs["contentBase64"])

    @property
    def pointer(self) -> dict[str, str]:
        """The settings parameter."""
        return self.lines("-compute-settings")

    def lines(self, name: str) -> dict[str, str]:
        """The lines of a parameter."""
        made = self.one("aws:ssm/parameter:Parameter", name)
        return dict(line.split("=", 1) for line in made.inputs["value"].split("\n"))


def deployed(args: Mapping[str, Any]) -> Deployed:
    """The deployment of a config in its own account, made once for all tests."""
    return _deployed(json.dumps(args))


@functools.cache
def _deployed(args: str) -> Deployed:
    requests: dict[str, Any] = {}
    found: dict[str, Any] = {}
    notes: list[str] = []
    warnings: list[str] = []
    register = MockMonitor.RegisterResource

    def noting(self: MockMonitor, request: Any) -> Any:
        requests[f"{request.type} {request.name}"] = request
        return register(self, request)  # type: ignore[no-untyped-call]

    with simulated_account() as account, pytest.MonkeyPatch.context() as patch:
        patch.setattr(MockMonitor, "RegisterResource", noting)
        patch.setattr("pulumi.log.info", notes.append)
        patch.setattr("pulumi.log.warn", warnings.append)
        pulumi.runtime.set_mocks(account, project="geusemaker", stack="test", preview=False)
        if OWN_KEY in args:
            _make_own_key(account)
        outputs(found, **json.loads(args))
        return Deployed(
            tuple(account.made),
            [token for token, _ in account.asked],
            requests,
            found,
            notes,
            warnings,
        )


def _make_own_key(account: SimulatedMocks) -> None:
    made = account.account.client("kms").create_key()["KeyMetadata"]["KeyId"]
    keys: Any = kms_backends["123456789012"]["us-east-1"].keys
    keys[OWN_KEY.rpartition("/")[2]] = key = keys.pop(made)
    key.id, key.arn = OWN_KEY.rpartition("/")[2], OWN_KEY
