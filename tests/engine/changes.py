"""Changes of config, and the stacks on which previews show what each of them does."""

from collections.abc import Mapping
from typing import NamedTuple

FIRST = "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20260902"
OLDER = "Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04) 20260619"
OLDER_ID = "ami-070fccf6003a2b609"
BOUNDARY = "arn:aws:iam::000000000000:policy/edge"
KEY = "arn:aws:kms:us-east-1:000000000000:key/11111111-2222-3333-4444-555555555555"
POLICY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
ALL = "n8n,ollama,qdrant,crawl4ai,postgres"

Keys = Mapping[str, str | None]
"""Values by key; None removes it. `$name` stands for what is in the account."""


class Change(NamedTuple):
    """A change of a stack.

    Attributes:
        stack: One of `DEPLOYED`, a recorded one, or "new" for one without resources.
        keys: What changes.
        shows: For each key whose effect the preview shows: how its effect begins in words.
        own: The containers that use the values that change.
    """

    stack: str
    keys: Keys
    shows: Mapping[str, str] = {}
    own: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        return f"{self.stack} {','.join(self.keys) or 'unchanged'}"


class Deployed(NamedTuple):
    """A stack of the program as it is: from nothing, or by a change of another one."""

    keys: Keys
    before: str = ""


DEPLOYED = {
    "default": Deployed({}),
    "framework": Deployed({"amiType": "pytorch", "osType": "ubuntu-24.04"}, before="default"),
    "workers": Deployed({"workers": "2"}, before="default"),
    "adopted": Deployed(
        {
            "vpcId": "$vpc",
            "subnetIds": "$c,$d",
            "amiName": OLDER,
            "allowedCidrs": "203.0.113.0/24",
            "webhookCidrs": "198.51.100.0/24",
            "domain": "ai.example.com",
            "apiKeys": "laptop",
            "services": "n8n,postgres,ollama",
        }
    ),
}

_A = "A change "
_NO_WORKERS = "Without workers, a change "
_WORKERS = "With workers, a change applies"

OF_DEFAULT = [
    Change(
        "default",
        {"budgetUsd": "1", "amiPolicy": "latest"},
        {"budgetUsd": _A, "amiPolicy": "Any other change "},
    ),
    Change(
        "default",
        {
            "workerInstanceTypes": "g5.xlarge",
            "workerMarket": "spot",
            "workerConcurrency": "8",
            "workerDrainSeconds": "90",
        },
        {
            "workerInstanceTypes": _NO_WORKERS,
            "workerMarket": _NO_WORKERS,
            "workerConcurrency": _NO_WORKERS,
            "workerDrainSeconds": _NO_WORKERS,
        },
    ),
    Change("default", {"workers": "2"}, {"workers": "The first worker"}),
    Change("default", {"workersMax": "4"}, {"workersMax": "The first worker"}),
    Change("default", {"amiId": "$image"}, {"amiId": "A pin of the image that runs"}),
    Change("default", {"amiId": OLDER_ID}, {"amiId": "A pin of another image "}),
    Change("default", {"osType": "ubuntu-24.04"}, {"osType": _A}),
    Change("default", {"architecture": "arm64"}, {"architecture": _A}),
    Change("default", {"amiType": "pytorch"}, {"amiType": _A}),
    Change("default", {"instanceType": "m6i.2xlarge"}, {"instanceType": _A}),
    Change(
        "default",
        {
            "permissionsBoundaryArn": BOUNDARY,
            "extraPolicyArns": POLICY,
            "rootVolumeGib": "100",
            "dataVolumeGib": "150",
            "registryLogins": '{"docker.io": "USER:TOKEN"}',
            "protectData": "false",
            "availabilityZoneCount": "3",
        },
        {
            "permissionsBoundaryArn": _A,
            "extraPolicyArns": _A,
            "rootVolumeGib": "A larger size ",
            "dataVolumeGib": "A larger size ",
            "registryLogins": _A,
            "protectData": _A,
            "availabilityZoneCount": _A,
        },
    ),
    Change(
        "default",
        {"backupRetentionDays": "0", "ollamaModels": "llama3.2:3b", "tags": '{"team": "ml"}'},
        {"backupRetentionDays": _A, "ollamaModels": _A, "tags": _A},
    ),
    Change("default", {"availabilityZoneCount": "1"}, {"availabilityZoneCount": _A}),
    Change(
        "default",
        {"n8nReaches": "10.0.8.0/24", "n8nPublicApi": "true"},
        {"n8nReaches": _A, "n8nPublicApi": _A},
    ),
    Change("default", {"ownerEmail": "you@example.com"}, {"ownerEmail": _A}),
    Change(
        "default",
        {"serviceSettings": '{"n8n": {"GENERIC_TIMEZONE": "Europe/Berlin"}}'},
        {"serviceSettings": _A},
        frozenset({"n8n", "n8n-runners"}),
    ),
    Change(
        "default",
        {"imageVersions": '{"qdrant": "docker.io/qdrant/qdrant:v1.19.2-unprivileged"}'},
        {"imageVersions": "Another image applies"},
        frozenset({"qdrant"}),
    ),
    Change(
        "default",
        {"imageVersions": '{"postgres": "docker.io/library/postgres:18.9-trixie"}'},
        {"imageVersions": "Another image of postgres "},
    ),
    Change(
        "default",
        {"services": "n8n,ollama,crawl4ai,postgres"},
        {"services": "The removal of a service "},
    ),
    Change("default", {"allowedCidrs": "203.0.113.0/24"}, {"allowedCidrs": "The first network"}),
    Change("default", {"webhookCidrs": "203.0.113.0/24"}, {"webhookCidrs": "The first network"}),
    Change("default", {"domain": "ai.example.com"}, {"domain": _A}),
    Change("default", {"apiKeys": "laptop"}, {"apiKeys": "The first key"}),
    Change("default", {"dataVolumeGib": "50"}, {"dataVolumeGib": "A smaller size "}),
    Change("default", {"vpcCidr": "10.77.0.0/16"}, {"vpcCidr": _A}),
    Change("default", {"vpcId": "$vpc", "subnetIds": "$c"}, {"vpcId": _A}),
    Change("default", {"kmsKeyArn": KEY}, {"kmsKeyArn": _A}),
    Change("framework", {"frameworkVersion": "2.11"}, {"frameworkVersion": _A}),
    Change("framework", {"rootVolumeGib": "60"}, {"rootVolumeGib": "A smaller size "}),
]

OF_WORKERS = [
    Change("workers", {"workers": "5"}, {"workers": "Another number "}),
    Change("workers", {"workers": None}, {"workers": "The first worker"}),
    Change("workers", {"workersMax": "4"}, {"workersMax": "Another number "}),
    Change(
        "workers",
        {"workerInstanceTypes": "m6i.2xlarge,m5.2xlarge"},
        {"workerInstanceTypes": _WORKERS},
    ),
    Change(
        "workers",
        {"workerInstanceTypes": "g5.xlarge"},
        {"workerInstanceTypes": "With workers, a change between "},
    ),
    Change(
        "workers",
        {"workerMarket": "spot", "workerConcurrency": "8", "workerDrainSeconds": "90"},
        {
            "workerMarket": _WORKERS,
            "workerConcurrency": _WORKERS,
            "workerDrainSeconds": _WORKERS,
        },
    ),
]

OF_ADOPTED = [
    Change("adopted", {"amiName": FIRST}, {"amiName": "A pin of another image "}),
    Change("adopted", {"amiName": None}, {"amiName": "A pin of the image that runs"}),
    Change(
        "adopted",
        {"amiName": None, "amiPolicy": "latest"},
        {"amiPolicy": "`latest`, where AWS has a newer image"},
    ),
    Change("adopted", {"osType": "ubuntu-24.04", "amiName": None, "dataVolumeGib": "120"}),
    Change("adopted", {"subnetIds": "$e,$d"}, {"subnetIds": "Another first subnet "}),
    Change("adopted", {"subnetIds": "$d,$c"}, {"subnetIds": "A first subnet in another zone "}),
    Change(
        "adopted",
        {"subnetIds": "$c", "hostedZoneId": "$zone", "apiKeys": "laptop,ci:2"},
        {
            "subnetIds": "A change after the first subnet ",
            "hostedZoneId": _A,
            "apiKeys": "A change of the others ",
        },
    ),
    Change(
        "adopted",
        {"allowedCidrs": "192.0.2.0/24", "webhookCidrs": "198.51.100.0/24,198.18.0.0/15"},
        {"allowedCidrs": "A change of the others ", "webhookCidrs": "A change of the others "},
    ),
    Change("adopted", {"services": ALL}, {"services": "Another service "}),
]

OF_RECORDED = [
    Change("new", {"kmsKeyArn": KEY.replace("us-east-1", "eu-west-1")}),
    Change("stack-id", {}),
    Change("stack-id-public", {"osType": "ubuntu-22.04", "ownerEmail": "you@example.com"}),
    Change("stack-id-public", {"domain": None, "allowedCidrs": None, "dataVolumeGib": "300"}),
    Change("stack-id-public", {"allowedCidrs": "192.0.2.0/24", "webhookCidrs": "203.0.113.0/24"}),
    Change(
        "stack-id-public",
        {"instanceType": "g5.2xlarge", "services": ALL, "protectData": "false"},
    ),
    Change("stack-id-public", {"dataVolumeGib": "50"}),
    Change("pinned", {}),
    Change("pinned", {"amiName": FIRST}),
    Change("every-image-key", {"frameworkVersion": "2.12"}),
    Change("every-image-key", {"architecture": "x86_64", "instanceType": "g5.xlarge"}),
]
