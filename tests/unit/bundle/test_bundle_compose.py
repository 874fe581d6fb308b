"""The Compose file: only Caddy has ports, images are pinned, containers have their own secrets."""

from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from geusemaker.bundle import (
    CONSUMERS,
    DEFAULT_OWNER_EMAIL,
    SECRET_NAMES,
    SERVICES,
    Access,
    BundleFacts,
    render,
)
from geusemaker.bundle.containers import BUILDERS, PIDS
from geusemaker.bundle.facts import CONTAINERS
from geusemaker.bundle.secret_names import SECRETS_ROOT

from .variants import SUBSETS, all_facts, compose, facts, named, rendered

VARIANTS = pytest.mark.parametrize("one", all_facts(), ids=named)
V6 = ("203.0.113.0/24", "2001:db8::/48")
ROOT = "/srv/geusemaker/"


def services(one: BundleFacts) -> Mapping[str, Any]:
    return dict(compose(one)["services"])


def texts(part: Any) -> list[str]:
    """All keys and values in a part of the YAML, as text."""
    if isinstance(part, Mapping):
        return [text for key, value in part.items() for text in (str(key), *texts(value))]
    if isinstance(part, list):
        return [text for value in part for text in texts(value)]
    return [str(part)]


@VARIANTS
def test_the_chosen_services_run_with_caddy_and_the_task_runner(one: BundleFacts) -> None:
    runner = {"n8n-runners"} if "n8n" in one.services else set()
    assert set(services(one)) == {*one.services, "caddy"} | runner


@VARIANTS
def test_only_caddy_publishes_ports(one: BundleFacts) -> None:
    found = {name: service.get("ports") for name, service in services(one).items()}
    ports = found.pop("caddy")
    assert set(found.values()) == {None}, f"containers other than Caddy publish ports: {found}"
    https = "443:443" if one.access.is_public else "127.0.0.1:443:443"
    assert ports == (["80:80", https] if one.access.domain else [https])
    assert not any("network_mode" in service for service in services(one).values())


@pytest.mark.parametrize(
    ("allowed", "published"),
    [((), "0.0.0.0:443:443"), (("203.0.113.0/24",), "0.0.0.0:443:443"), (V6, "443:443")],
)
def test_no_caller_of_webhooks_comes_by_ipv6(allowed: tuple[str, ...], published: str) -> None:
    """Caddy would see Docker's gateway in its place, which reaches every path."""
    one = facts(access=Access(is_public=True), webhook_cidrs=("0.0.0.0/0",), allowed_cidrs=allowed)
    assert services(one)["caddy"]["ports"] == [published]
    gateway = compose(one)["networks"]["edge"]["ipam"]["config"][0]["gateway"]
    address = services(one)["n8n"]["networks"]["edge"]["ipv4_address"]
    line = " ".join(["not remote_ip", gateway, address, *allowed])
    assert f"\t{line}\n" in rendered(one)["caddy/Caddyfile"]


@VARIANTS
def test_caddy_serves_the_domain_if_there_is_one(one: BundleFacts) -> None:
    served = "ai.example.com" in rendered(one)["caddy/Caddyfile"]
    assert served is (one.access.domain is not None), "a certificate for the name, and no other"


@VARIANTS
def test_every_image_is_pinned_by_version_and_digest(one: BundleFacts) -> None:
    for name, service in services(one).items():
        reference, _, digest = service["image"].partition("@")
        assert ":" in reference, f"{name} has no version"
        assert digest.startswith("sha256:"), f"{name} has no digest"
        assert len(digest) == 71


@VARIANTS
def test_each_container_mounts_only_its_own_secrets(one: BundleFacts) -> None:
    document = compose(one)
    files = {name: entry["file"] for name, entry in document.get("secrets", {}).items()}
    used: list[str] = []
    for name, service in document["services"].items():
        mounted = service.get("secrets", [])
        used += [secret["source"] for secret in mounted]
        for secret in mounted:
            assert files[secret["source"]].startswith(f"{SECRETS_ROOT}/{name}/"), (
                f"{name} sees {files[secret['source']]}"
            )
        due = [
            file
            for file in CONSUMERS.get(name, ())
            if file.only_with is None or file.only_with in one.services
        ]
        assert {(secret["target"], files[secret["source"]]) for secret in mounted} == {
            (file.inside, f"{SECRETS_ROOT}/{name}/{file.name}") for file in due
        }
        rest = {key: value for key, value in service.items() if key != "secrets"}
        assert not [text for text in texts(rest) if SECRETS_ROOT in text]
    assert sorted(used) == sorted(files), "a secret file without a consumer, or with two"


def test_each_secret_has_the_listed_consumers() -> None:
    # Literal: a change shows a secret to another program.
    given: dict[str, set[str]] = {}
    for line in rendered(facts())["manifest"].splitlines():
        if line.startswith("secret "):
            _, consumer, name, _ = line.split(" ")
            given.setdefault(consumer, set()).add(name)
    assert given == {
        "n8n": {
            "postgres-password",
            "n8n-encryption-key",
            "n8n-owner-password-hash",
            "n8n-runners-token",
        },
        "n8n-runners": {"n8n-runners-token"},
        "qdrant": {"qdrant-api-key"},
        "crawl4ai": {"crawl4ai-token"},
        "postgres": {"postgres-password"},
        "caddy": {"ollama-api-key"},
    }


def test_caddy_has_the_key_of_ollama_only_if_ollama_runs() -> None:
    for chosen in SUBSETS:
        caddy = services(facts(services=chosen))["caddy"]
        assert ("secrets" in caddy) is ("ollama" in chosen), chosen


@VARIANTS
def test_every_secret_that_a_container_reads_is_mounted_there(one: BundleFacts) -> None:
    for name, service in services(one).items():
        inside = {f"/run/secrets/{secret['target']}" for secret in service.get("secrets", [])}
        rest = {key: value for key, value in service.items() if key != "secrets"}
        for text in texts(rest):
            for word in text.replace(")", " ").split():
                if word.startswith("/run/secrets/"):
                    assert word in inside, f"{name} reads {word}, which it does not have"


@VARIANTS
def test_containers_are_hardened_and_limited(one: BundleFacts) -> None:
    for name, service in services(one).items():
        assert service["cap_drop"] == ["ALL"], name
        assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "caddy" else [])
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "privileged" not in service
        assert service["read_only"] is True, name
        limits = service["deploy"]["resources"]["limits"]
        assert limits["pids"] == PIDS[name]
        assert limits["memory"].endswith("M")
        assert service["restart"] == "unless-stopped"
        assert service["logging"]["options"] == {"max-size": "10m", "max-file": "5"}
        health = service["healthcheck"]
        assert health["test"][0] == "CMD"
        assert health["start_period"]
        assert "start_interval" not in health, "Docker below 25 refuses it"


@VARIANTS
def test_mounts_are_on_the_two_file_systems_and_docker_creates_no_folder(one: BundleFacts) -> None:
    for name, service in services(one).items():
        for volume in service.get("volumes", []):
            source = volume["source"]
            caddys = source == "${GEUSEMAKER_CADDY_DIR:?}" and volume["target"] == "/etc/caddy"
            own = name == "caddy" and caddys and volume["read_only"] is True
            models = name == "ollama" and source == "${GEUSEMAKER_MODELS_DIR:?}"
            cache = name == "ollama" and source == "/var/lib/geusemaker/model-cache"
            outside = own or models or cache
            assert outside or source.startswith((f"{ROOT}data/", f"{ROOT}efs/")), source
            # An instance store is mounted while Ollama runs.
            later = {"propagation": "rslave"} if cache else {}
            assert volume["bind"] == {"create_host_path": False, **later}


def test_no_other_container_has_the_user_of_ollama() -> None:
    users = {name: service.get("user", "999:999") for name, service in services(facts()).items()}
    assert users.pop("ollama") == "11434:11434"
    assert not {user for user in users.values() if "11434" in user or user.startswith("0")}
    lines = rendered(facts())["manifest"].splitlines()
    assert {line for line in lines if "11434" in line} == {
        "directory data ollama 11434 0700",
        "directory data ollama-kept 11434 0700",
    }
    environment = services(facts())["ollama"]["environment"]
    assert (
        f"{environment['HOME']}:uid=11434,gid=11434,mode=0700"
        in services(facts())["ollama"]["tmpfs"]
    )


@VARIANTS
def test_the_manifest_agrees_with_the_compose_file(one: BundleFacts) -> None:
    document, lines = compose(one), rendered(one)["manifest"].splitlines()
    by_word: dict[str, list[list[str]]] = {}
    for line in lines:
        word, *rest = line.split(" ")
        assert all(rest), f"an empty field in {line!r}"
        by_word.setdefault(word, []).append(rest)
    known = {"service", "image", "directory", "secret", "model", "dump-days"}
    assert set(by_word) <= known | {"bridge", "reach", "docker0"}
    assert [name for (name,) in by_word["service"]] == list(document["services"])
    images = [service["image"] for service in document["services"].values()]
    assert [image for (image,) in by_word["image"]] == images
    made = {f"{ROOT}{root}/{path}" for root, path, _, _ in by_word["directory"]}
    mounted = {
        volume["source"]
        for service in document["services"].values()
        for volume in service.get("volumes", [])
        if volume["source"].startswith(ROOT)
    }
    assert mounted <= made, "the host does not create a folder that Docker mounts"
    files = {entry["file"] for entry in document.get("secrets", {}).values()}
    secrets = by_word.get("secret", [])
    assert {f"{SECRETS_ROOT}/{consumer}/{name}" for consumer, name, _ in secrets} == files
    assert by_word["dump-days"] == [["7" if "postgres" in one.services else "0"]]


@VARIANTS
def test_folders_and_secrets_belong_to_the_user_of_their_container(one: BundleFacts) -> None:
    document, lines = compose(one), rendered(one)["manifest"].splitlines()
    owners = {"crawl4ai": "999"}  # by its image; the others are named
    for name, service in document["services"].items():
        uid = service.get("user", owners.get(name, "")).partition(":")[0]
        for line in lines:
            if line.startswith(f"secret {name} "):
                assert line.split(" ")[3] == uid, line
        for volume in service.get("volumes", []):
            if volume["source"].startswith(ROOT):
                root, _, path = volume["source"].removeprefix(ROOT).partition("/")
                assert any(line.startswith(f"directory {root} {path} {uid} ") for line in lines)


def test_parent_folders_come_first() -> None:
    seen: list[str] = []
    for line in render(facts())["manifest"].splitlines():
        if line.startswith("directory "):
            _, root, path, _, mode = line.split(" ")
            parent = path.rpartition("/")[0]
            assert not parent or f"{root}/{parent}" in seen
            assert mode == "0700", "only the owner may read it"
            seen.append(f"{root}/{path}")
    assert len(seen) == len(set(seen)) == 11


@VARIANTS
def test_only_a_host_with_a_gpu_reserves_one(one: BundleFacts) -> None:
    files = rendered(one)
    assert ("compose.gpu.yaml" in files) is ("ollama" in one.services)
    assert "nvidia" not in files["compose.yaml"]
    if "ollama" in one.services:
        gpu = yaml.safe_load(files["compose.gpu.yaml"])
        assert list(gpu) == ["services"]
        assert list(gpu["services"]) == ["ollama"]
        (device,) = gpu["services"]["ollama"]["deploy"]["resources"]["reservations"]["devices"]
        assert device == {"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}


@pytest.mark.parametrize("chosen", SUBSETS, ids="+".join)
def test_the_bundle_is_the_same_for_both_architectures(chosen: tuple[str, ...]) -> None:
    # Each digest is that of an index, which holds both.
    arm = render(facts(services=chosen, architecture="arm64"))
    assert arm == rendered(facts(services=chosen))


def test_the_order_of_services_changes_nothing() -> None:
    assert render(facts(services=tuple(reversed(SERVICES)))) == render(facts())


def test_n8ns_owner_is_set_before_a_visitor_can_claim_it() -> None:
    environment = services(facts(owner_email="me@example.org"))["n8n"]["environment"]
    assert environment["N8N_INSTANCE_OWNER_MANAGED_BY_ENV"] == "true"
    assert environment["N8N_INSTANCE_OWNER_EMAIL"] == "me@example.org"
    assert environment["N8N_INSTANCE_OWNER_PASSWORD_HASH_FILE"] == (
        "/run/secrets/n8n-owner-password-hash"
    )
    nobody = services(facts(owner_email=""))["n8n"]["environment"]
    assert nobody["N8N_INSTANCE_OWNER_EMAIL"] == DEFAULT_OWNER_EMAIL


def test_n8n_starts_after_the_database_and_runs_no_code_itself() -> None:
    n8n = services(facts())["n8n"]
    assert n8n["depends_on"]["postgres"]["condition"] == "service_healthy"
    assert n8n["environment"]["N8N_RUNNERS_MODE"] == "external"
    assert services(facts())["n8n-runners"]["depends_on"] == {
        "n8n": {"condition": "service_healthy"}
    }


def test_a_variable_is_never_set_together_with_its_file() -> None:
    # n8n would use the variable, even if empty. PostgreSQL would not start.
    for name, service in services(facts()).items():
        for variable in service.get("environment", {}):
            assert variable.removesuffix("_FILE") not in set(service["environment"]) - {variable}, (
                name
            )


def test_n8ns_public_api_is_off_by_default() -> None:
    switches = {"N8N_PUBLIC_API_DISABLED": "true", "N8N_PUBLIC_API_SWAGGERUI_DISABLED": "true"}
    assert switches.items() <= services(facts())["n8n"]["environment"].items()
    asked = services(facts(n8n_public_api=True))["n8n"]["environment"]
    assert not switches.keys() & asked.keys()


def test_dollars_are_doubled_except_in_compose_variables() -> None:
    known = ("URL", "HOST", "SITES", "MODELS_DIR", "CADDY_DIR")
    for text in texts(compose(facts())):
        bare = text.replace("$$", "")
        for name in known:
            bare = bare.replace(f"${{GEUSEMAKER_{name}:?}}", "")
        assert "$" not in bare, text


def test_postgresql_mounts_the_parent_of_its_data_folder() -> None:
    targets = [volume["target"] for volume in services(facts())["postgres"]["volumes"]]
    # Not the folder of the dumps: an intruder in the database must not reach them.
    assert targets == ["/var/lib/postgresql"]


def test_each_model_is_listed_once() -> None:
    lines = render(facts(models=("llama3.2:3b", "hf.co/a/B-GGUF:Q4_K_M", "llama3.2:3b")))
    models = [line for line in lines["manifest"].splitlines() if line.startswith("model ")]
    assert models == ["model llama3.2:3b", "model hf.co/a/B-GGUF:Q4_K_M"]


def test_a_model_changes_only_the_manifest() -> None:
    before, after = render(facts()), render(facts(models=("llama3.2:3b",)))
    assert [name for name in before if before[name] != after[name]] == ["manifest"]


def test_crawl4ai_may_open_all_pages_that_its_own_limit_allows() -> None:
    # Threads, measured with Chromium on 2 cores: a page, a browser.
    pages, browsers = 40, 5
    assert PIDS["crawl4ai"] > 2 * (pages * 9 + browsers * 46)


def test_every_table_has_every_container() -> None:
    # Valkey runs only with workers: test_bundle_queue.py.
    assert {*BUILDERS, "valkey"} == set(PIDS) == set(CONTAINERS)
    assert set(CONSUMERS) <= set(CONTAINERS)
    assert {file.name for files in CONSUMERS.values() for file in files} == (
        set(SECRET_NAMES) - {"n8n-owner-password"}
    ), "the password itself is for people, all others are for a container"
