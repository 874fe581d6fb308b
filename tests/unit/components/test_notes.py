"""Notes of a preview on valid config that may cost or surprise."""

import json
import re
import shlex
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from geusemaker.bundle.images import load_images
from geusemaker.components.notes import notes_of
from geusemaker.components.worker_notes import cost_note, end_warning
from geusemaker.config import DeploymentConfig
from geusemaker.cost import estimate_of, of_workers
from geusemaker.ec2.instance_types import InstanceType

AS_OF = load_images().as_of
HOST = InstanceType("m6i.xlarge", 4, 16.0, ("x86_64",), ())
VULNERABLE = "published vulnerabilities"


def all_notes(today: date = AS_OF, **config: Any) -> list[str]:
    checked = DeploymentConfig.model_validate(config)
    return notes_of(checked, replace(HOST, name=checked.instance_type), today)


def notes(**config: Any) -> list[str]:
    """Without the note on vulnerabilities, which depends on the images in the table."""
    return [note for note in all_notes(**config) if VULNERABLE not in note]


@pytest.mark.parametrize(
    ("versions", "named"),
    [
        ({"ollama": "docker.io/ollama/ollama:0.31.0"}, "ollama 0.31.0 (0.35.0 fixes CVE-2026-103"),
        ({"ollama": "ollama/ollama:0.34.4", "n8n": "n8nio/n8n:2.42.5"}, "n8n 2.42.5 (2.42.6 fix"),
        (
            {"n8n": "a.example/n/n8n:2.42.4", "n8n-runners": "a.example/n/runners:2.42.4"},
            "n8n 2.42.4 (2.42.6 fixes CVE-2026-119408)",
        ),
        ({"n8n": "a.example/n/eight:2.42.4", "n8n-runners": "a/runners:2.42.4"}, "n8n 2.42.4 ("),
        ({"crawl4ai": "unclecode/crawl4ai:0.9.4"}, "crawl4ai 0.9.4 (0.9.5 fixes CVE-2026-115508)"),
        ({"qdrant": "qdrant/qdrant:v1.18.3-unprivileged"}, "qdrant v1.18.3-unprivileged (v1.19.2"),
        ({"postgres": "postgres:18-bookworm"}, "postgres 18-bookworm, whose tag has no version"),
        (
            {"postgres": "postgres:18.4-trixie"},
            "postgres 18.4-trixie (18.6-bookworm fixes CVE-2026-16",
        ),
    ],
)
def test_vulnerable_images_are_named_with_one_command_that_fixes_all(
    versions: dict[str, str], named: str
) -> None:
    (note,) = [note for note in all_notes(imageVersions=versions) if VULNERABLE in note]
    assert named in note
    assert "\n" not in note
    command, after = re.findall(r"`([^`]*)`", note)
    assert after == "pulumi up"
    words = shlex.split(command)
    assert words[:4] == ["pulumi", "config", "set", "geusemaker:imageVersions"]
    fixed = json.loads(words[4])
    assert not [note for note in all_notes(imageVersions=fixed) if VULNERABLE in note]
    ours = {str(image.reference) for image in load_images().images.values()}
    assert not ours & set(fixed.values()), "the table's own image needs no override"


def test_a_fix_of_n8n_moves_its_runner_and_drops_the_digests_of_the_old_images() -> None:
    digest = f"sha256:{'a' * 64}"
    versions = {
        "n8n": f"a.example/n/n8n:2.42.4@{digest}",
        "n8n-runners": f"a.example/n/runners:2.42.4@{digest}",
    }
    found = all_notes(services=("n8n", "postgres"), imageVersions=versions)
    (note,) = [note for note in found if VULNERABLE in note]
    fixed = json.loads(shlex.split(re.findall(r"`([^`]*)`", note)[0])[4])
    assert fixed == {
        "n8n": "a.example/n/n8n:2.42.6",
        "n8n-runners": "a.example/n/runners:2.42.6",
    }


@pytest.mark.parametrize(("tag", "fixed_tag"), [("18.4", "18.6"), ("18", "18.6")])
@pytest.mark.parametrize("debian", ["trixie", "bookworm"])
def test_a_fix_of_postgresql_keeps_the_debian_release(
    tag: str, fixed_tag: str, debian: str
) -> None:
    """The host refuses data of another release."""
    versions = {"postgres": f"docker.io/library/postgres:{tag}-{debian}"}
    (note,) = [note for note in all_notes(imageVersions=versions) if VULNERABLE in note]
    fixed = json.loads(shlex.split(re.findall(r"`([^`]*)`", note)[0])[4])
    ours = str(load_images().images["postgres"].reference)
    assert fixed.get("postgres", ours).partition("@")[0].endswith(f":{fixed_tag}-{debian}")


@pytest.mark.parametrize(
    "image",
    ["docker.io/pgvector/pgvector:0.8.1-pg18-bookworm", "docker.io/pgvector/pgvector:pg18-trixie"],
)
def test_an_image_with_another_version_scheme_has_no_fix(image: str) -> None:
    (note,) = [n for n in all_notes(imageVersions={"postgres": image}) if VULNERABLE in n]
    assert "postgres" not in note.partition("`")[0]
    assert json.loads(shlex.split(re.findall(r"`([^`]*)`", note)[0])[4])["postgres"] == image


def test_vulnerable_images_of_the_table_itself_are_named() -> None:
    below = [
        name
        for name, image in load_images().images.items()
        if image.fix and (image.reference.version or (0, 0, 0)) < (image.fix.version or (0, 0, 0))
    ]
    said = [note for note in all_notes() if VULNERABLE in note]
    assert len(said) == bool(below)
    assert all(f"{name} " in said[0] for name in below)


def test_an_image_of_a_service_that_is_off_is_not_named() -> None:
    versions = {"ollama": "docker.io/ollama/ollama:0.31.0"}
    found = all_notes(services=("qdrant",), imageVersions=versions)
    assert not [note for note in found if VULNERABLE in note]


def test_an_old_table_of_images_is_reported() -> None:
    days = timedelta(days=90)
    assert not [note for note in all_notes(AS_OF + days) if "git pull" in note]
    (note,) = [note for note in all_notes(AS_OF + days * 2) if "git pull" in note]
    assert f"from {AS_OF}, 180 days ago" in note


def test_the_defaults_have_no_notes() -> None:
    assert notes() == []


@pytest.mark.parametrize(
    ("config", "said", "fixes"),
    [
        ({"instanceType": "t3.xlarge"}, "a burstable type, in credit mode unlimited", ""),
        (
            {"domain": "ai.example.com", "hostedZoneId": "Z0123456789ABC"},
            "so port 443 of that name is closed",
            "`pulumi config set geusemaker:allowedCidrs 0.0.0.0/0`",
        ),
        (
            {"domain": "ai.example.com", "allowedCidrs": ["203.0.113.0/24"]},
            "so you create its DNS record",
            "an A record for the output publicIp",
        ),
        (
            {"webhookCidrs": ["0.0.0.0/0"]},
            "a certificate that they do not trust",
            "`pulumi config set geusemaker:domain ai.example.com`",
        ),
        (
            {
                "domain": "ai.example.com",
                "hostedZoneId": "Z0123456789ABC",
                "allowedCidrs": ["192.0.2.0/24", "198.51.0.0/16"],
                "webhookCidrs": ["198.51.100.0/24", "198.51.7.7/32"],
            },
            "every caller of webhooks may reach the editor too",
            "`pulumi config rm geusemaker:allowedCidrs`",
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
            {
                "services": ("ollama",),
                "imageVersions": {"qdrant": "a/b:1", "postgres": "a/c:18.1-trixie"},
            },
            "an image for qdrant, postgres, which geusemaker:services leaves out",
            "",
        ),
    ],
)
def test_a_note_names_its_key_and_the_command_that_changes_it(
    config: dict[str, Any], said: str, fixes: str
) -> None:
    (note,) = notes(**config)
    assert said in note
    assert fixes in note
    assert note.startswith("geusemaker:")


def test_an_image_for_caddy_is_never_unused() -> None:
    versions = {
        "caddy": "docker.io/library/caddy:2.11.7",
        "postgres": "docker.io/postgres:18.1-trixie",
    }
    assert notes(imageVersions=versions) == []


def test_an_open_domain_with_its_zone_has_no_note() -> None:
    assert (
        notes(domain="ai.example.com", hostedZoneId="Z0123456789ABC", allowedCidrs=["0.0.0.0/0"])
        == []
    )


@pytest.mark.parametrize("allowed", [[], ["198.51.100.0/24"]])
def test_webhooks_open_to_all_and_an_editor_that_is_not_have_no_note(allowed: list[str]) -> None:
    zone = {"domain": "ai.example.com", "hostedZoneId": "Z0123456789ABC"}
    assert notes(webhookCidrs=["0.0.0.0/0"], allowedCidrs=allowed, **zone) == []


@pytest.mark.parametrize("reaches", [[], ["10.0.8.0/24"]])
def test_a_network_with_neighbours_has_no_note_once_n8n_reaches_is_set(reaches: list[str]) -> None:
    assert notes(vpcCidr="10.99.0.0/16", n8nReaches=reaches) == []
    assert notes(vpcCidr="10.99.0.0/16", services=["ollama"]) == []


def test_a_model_that_cannot_fit_the_host_is_named() -> None:
    (note,) = notes(ollamaModels=["llama3.3:70b", "llama3.2:3b"])
    assert note.startswith("geusemaker:ollamaModels has llama3.3:70b, which takes 33 GiB")
    assert "m6i.xlarge has 7 GiB for Ollama, and no GPU: it cannot run" in note


def test_the_default_type_is_silent_and_slow_models_are_named_until_a_type_is_set() -> None:
    assert notes() == []
    models = {"ollamaModels": ["llama3.1:8b"]}
    (note,) = notes(**models)
    assert "m6i.xlarge has no GPU" in note
    assert notes(instanceType="m6i.xlarge", **models) == []


def test_the_defaults_of_the_details_of_workers_give_no_note() -> None:
    # As Pulumi passes them: Pulumi.yaml has these defaults.
    details = {"workerInstanceTypes": (), "workerMarket": "on-demand", "workerConcurrency": 5}
    assert notes(**details, workerDrainSeconds=100) == notes()


def test_details_without_workers_are_named() -> None:
    (note,) = notes(workerMarket="spot", workerConcurrency=9)
    assert "geusemaker:workerMarket and geusemaker:workerConcurrency have no effect" in note
    assert "`pulumi config set geusemaker:workers 2`" in note


def test_workers_on_demand_with_enough_executions_have_one_note() -> None:
    (note,) = notes(workers=2)
    assert note.startswith("geusemaker:workers is 2, so workflows run on workers")
    assert "PostgreSQL node" in note


def test_spot_and_few_executions_are_named_with_their_fix() -> None:
    _, spot, few = notes(workersMax=4, workerMarket="spot", workerConcurrency=4)
    assert "of more than 100 seconds ends as an error" in spot
    assert "`pulumi config set geusemaker:workerMarket on-demand`" in spot
    assert "`pulumi config set geusemaker:workerConcurrency 5`" in few


def test_without_workers_what_they_execute_waits() -> None:
    waits = "wait until the first one has started"
    (from_zero,) = notes(workersMax=4)
    (from_one,) = notes(workers=1, workersMax=4)
    assert waits in from_zero
    assert waits not in from_one


def test_burstable_workers_are_named_if_their_type_is_set() -> None:
    _, note = notes(workers=1, workerInstanceTypes=["m5.xlarge", "t3.xlarge"])
    assert note.startswith("geusemaker:workerInstanceTypes has t3.xlarge, burstable in credit mode")
    (of_host, _) = notes(workers=1, instanceType="t3.xlarge")
    assert of_host.startswith("geusemaker:instanceType is t3.xlarge")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"workers": 2}, "workers is 2. By AWS's list prices, 2 workers all month and the queue"),
        (
            {"workersMax": 4},
            "workersMax is 4. By AWS's list prices, 0 to 4 workers all month and the",
        ),
    ],
)
def test_what_workers_cost_is_named_as_in_the_estimate(config: dict[str, Any], said: str) -> None:
    checked = DeploymentConfig.model_validate(config)
    found = estimate_of(checked, region="us-east-1", today=AS_OF, root_gib=75)
    note = cost_note(checked, found)
    assert note.startswith(f"geusemaker:{said}")
    assert of_workers(found) in note


def test_the_end_of_the_workers_certificate_is_named_from_180_days_before() -> None:
    ends = date(2036, 11, 28)
    config = DeploymentConfig.model_validate({"workers": 1, "workersMax": 4})
    assert end_warning(config, ends, ends - timedelta(days=181)) is None
    for day in (ends - timedelta(days=180), ends + timedelta(days=1)):
        warning = end_warning(config, ends, day)
        assert warning is not None
        assert "ends on 2036-11-28" in warning
        assert re.findall(r"`([^`]*)`", warning) == [
            "pulumi config rm geusemaker:workers && pulumi config rm geusemaker:workersMax && "
            "pulumi up",
            "pulumi config set geusemaker:workers 1 && pulumi config set geusemaker:workersMax 4 "
            "&& pulumi up",
        ]


def test_an_image_of_valkey_waits_for_workers() -> None:
    image = {"valkey": "docker.io/valkey/valkey:9.1.3-alpine"}
    (note,) = notes(imageVersions=image)
    assert "names an image for valkey, which runs with workers only" in note
    assert len(notes(imageVersions=image, workers=1)) == len(notes(workers=1))
