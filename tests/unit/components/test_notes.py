"""What a preview says of config that is right, and may still cost or surprise."""

from typing import Any

import pytest

from geusemaker.components.notes import notes_of
from geusemaker.config import DeploymentConfig


def notes(**config: Any) -> list[str]:
    return notes_of(DeploymentConfig.model_validate(config))


def test_the_defaults_need_no_word() -> None:
    assert notes() == []


@pytest.mark.parametrize(
    ("config", "said", "mends"),
    [
        ({"instanceType": "t3.xlarge"}, "a burstable type, in credit mode unlimited", ""),
        (
            {"domain": "ai.example.com", "hostedZoneId": "Z0123456789ABC"},
            "so that nobody reaches port 443",
            "`pulumi config set geusemaker:allowedCidrs 0.0.0.0/0`",
        ),
        (
            {"domain": "ai.example.com", "allowedCidrs": ["203.0.113.0/24"]},
            "its DNS record is yours to make",
            "an A record for the output publicIp",
        ),
        (
            {"vpcId": "vpc-01234567", "subnetIds": ["subnet-01234567"]},
            "n8n connects to nothing in private networks",
            "`pulumi config set geusemaker:n8nReaches '[]'`",
        ),
        (
            {"vpcCidr": "10.99.0.0/16"},
            "n8n connects to nothing in private networks",
            "`pulumi config set geusemaker:n8nReaches 10.0.8.0/24`",
        ),
        (
            {"backupRetentionDays": 0},
            "neither AWS Backup nor the host makes copies",
            "`pulumi config rm geusemaker:backupRetentionDays`",
        ),
        (
            {"services": ("ollama",), "imageVersions": {"qdrant": "a/b:1", "postgres": "a/c:18.1"}},
            "an image for qdrant, postgres, which geusemaker:services leaves out",
            "",
        ),
    ],
)
def test_what_may_surprise_is_told_with_its_key_and_what_changes_it(
    config: dict[str, Any], said: str, mends: str
) -> None:
    (note,) = notes(**config)
    assert said in note
    assert mends in note
    assert note.startswith("geusemaker:")


def test_an_image_for_what_comes_along_with_a_service_is_for_something() -> None:
    versions = {"caddy": "docker.io/library/caddy:2.11.7", "postgres": "docker.io/postgres:18.1"}
    assert notes(imageVersions=versions) == []


def test_a_domain_that_is_open_and_has_its_zone_needs_no_word() -> None:
    assert (
        notes(domain="ai.example.com", hostedZoneId="Z0123456789ABC", allowedCidrs=["0.0.0.0/0"])
        == []
    )


@pytest.mark.parametrize("reaches", [[], ["10.0.8.0/24"]])
def test_a_network_with_neighbours_needs_no_word_once_it_is_decided(reaches: list[str]) -> None:
    assert notes(vpcCidr="10.99.0.0/16", n8nReaches=reaches) == []
    assert notes(vpcCidr="10.99.0.0/16", services=["ollama"]) == []
