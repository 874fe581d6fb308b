"""The real Compose plugin reads every variant, without a Docker daemon."""

import hashlib
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from bundle.test_bundle_restarts import CHANGES
from bundle.variants import all_facts, facts, named, rendered

from geusemaker.bundle import BundleFacts, restarted
from geusemaker.bundle.queue import Queue

VARIABLES = {
    "GEUSEMAKER_URL": "https://localhost:8443",
    "GEUSEMAKER_HOST": "localhost",
    "GEUSEMAKER_SITES": "https://localhost, https://127.0.0.1",
    "GEUSEMAKER_MODELS_DIR": "/srv/geusemaker/data/ollama",
    "GEUSEMAKER_CADDY_DIR": "/var/lib/geusemaker/caddy/of-this-caddyfile",
}
OF_WORKERS = {
    "GEUSEMAKER_ADDRESS": "10.42.0.10",
    "GEUSEMAKER_HEAD": "head.abcdefghijkl.geusemaker.internal",
    "GEUSEMAKER_ZONE": "abcdefghijkl.geusemaker.internal",
}
CPU = "compose.yaml"
GPU = "compose.yaml:compose.gpu.yaml"


def write(one: BundleFacts, folder: Path, variables: Mapping[str, str] = VARIABLES) -> None:
    """The bundle as the host unpacks it, and a `.env` with the variables."""
    for path, text in rendered(one).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    lines = "".join(f"{name}={value}\n" for name, value in variables.items())
    (folder / ".env").write_text(lines, encoding="utf-8")


def config(plugin: Path, folder: Path, files: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "COMPOSE_FILE": files}
    command = [str(plugin), "config", "--format", "json"]
    return subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, check=False
    )


def resolved(plugin: Path, folder: Path, files: str) -> Mapping[str, Any]:
    ran = config(plugin, folder, files)
    assert ran.returncode == 0, ran.stderr
    # Compose only warns of an unset variable.
    assert ran.stderr == ""
    loaded: Mapping[str, Any] = json.loads(ran.stdout)
    return loaded


def test_compose_accepts_a_stack_with_workers(tmp_path: Path, compose_plugin: Path) -> None:
    with_queue = facts(queue=Queue())
    write(with_queue, tmp_path, VARIABLES | OF_WORKERS)
    services = resolved(compose_plugin, tmp_path, GPU)["services"]
    assert set(services) == set(with_queue.containers)
    published = {
        (name, port["published"]): port["host_ip"]
        for name, service in services.items()
        for port in service.get("ports", [])
    }
    assert published.pop(("caddy", "443")) == "127.0.0.1"
    assert set(published.values()) == {"10.42.0.10"}


@pytest.mark.parametrize("has_ollama", [False, True])
def test_compose_accepts_a_worker(tmp_path: Path, compose_plugin: Path, has_ollama: bool) -> None:
    worker = facts(queue=Queue(has_ollama=has_ollama), role="worker")
    variables = {**VARIABLES, **OF_WORKERS}
    del variables["GEUSEMAKER_ADDRESS"], variables["GEUSEMAKER_CADDY_DIR"]
    write(worker, tmp_path, variables)
    found = resolved(compose_plugin, tmp_path, GPU if has_ollama else CPU)["services"]
    assert set(found) == set(worker.containers)
    assert not any(service.get("ports") for service in found.values())
    assert found["n8n"]["dns_search"] == ["abcdefghijkl.geusemaker.internal"]
    assert found["n8n"]["dns_opt"] == ["ndots:1"]
    assert found["n8n"]["stop_grace_period"] == "1m50s"


@pytest.mark.parametrize("one", all_facts(), ids=named)
def test_compose_accepts_every_variant(
    tmp_path: Path, compose_plugin: Path, one: BundleFacts
) -> None:
    chosen, domain, public = one.services, one.access.domain, one.access.is_public
    write(one, tmp_path)
    gpu = "ollama" in chosen
    found = resolved(compose_plugin, tmp_path, GPU if gpu else CPU)
    assert found["name"] == "geusemaker"
    assert set(found["services"]) == set(one.containers)
    for name, network in found["networks"].items():
        assert network["driver_opts"] == {"com.docker.network.bridge.name": f"gm-{name}"}
        (addresses,) = network["ipam"]["config"]
        assert addresses["subnet"].startswith("198.18.42.")
    if "n8n" in chosen:
        assert found["services"]["n8n"]["networks"]["edge"]["ipv4_address"] == "198.18.42.10"
    for name, service in found["services"].items():
        published = [(port["published"], port.get("host_ip")) for port in service.get("ports", [])]
        if name != "caddy":
            assert published == [], f"{name} is open"
        else:
            challenge = [("80", None)] if domain else []
            assert published == [*challenge, ("443", None if public else "127.0.0.1")]
        devices = service["deploy"]["resources"].get("reservations", {}).get("devices")
        if name == "ollama":
            assert devices == [{"capabilities": ["gpu"], "count": -1, "driver": "nvidia"}]
            # The reservation does not replace the limits.
            assert int(service["deploy"]["resources"]["limits"]["memory"]) > 2**30
        else:
            assert devices is None
    environment = found["services"]["caddy"]["environment"]
    for name in ("GEUSEMAKER_HOST", "GEUSEMAKER_SITES"):
        assert environment[name] == VARIABLES[name]
    assert [
        (volume["source"], volume["read_only"])
        for volume in found["services"]["caddy"]["volumes"]
        if volume["target"] == "/etc/caddy"
    ] == [(VARIABLES["GEUSEMAKER_CADDY_DIR"], True)]
    if gpu:
        plain = resolved(compose_plugin, tmp_path, CPU)
        assert "reservations" not in plain["services"]["ollama"]["deploy"]["resources"]


def hashes(plugin: Path, folder: Path, one: BundleFacts) -> Mapping[str, str]:
    """What Compose creates a container again by, with the variables that the host sets."""
    folder.mkdir()
    sum_ = hashlib.sha256(rendered(one)["caddy/Caddyfile"].encode()).hexdigest()
    url = one.access.url("192.0.2.1")
    own = {
        "GEUSEMAKER_URL": url,
        "GEUSEMAKER_HOST": url.removeprefix("https://").partition(":")[0],
        "GEUSEMAKER_SITES": ", ".join(one.access.sites("192.0.2.1")),
        "GEUSEMAKER_CADDY_DIR": f"/var/lib/geusemaker/caddy/{sum_}",
    }
    write(one, folder, VARIABLES | own)
    command = [str(plugin), "--project-directory", ".", "config", "--hash", "*"]
    environ = {"PATH": os.environ["PATH"], "HOME": "/", "COMPOSE_FILE": CPU}
    ran = subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, check=True
    )
    return dict(line.split() for line in ran.stdout.splitlines())


@pytest.mark.parametrize("change", [one for one, _ in CHANGES], ids=str)
def test_compose_creates_the_containers_again_that_a_plan_names(
    tmp_path: Path, compose_plugin: Path, change: dict[str, Any]
) -> None:
    now = facts(**change)
    old = hashes(compose_plugin, tmp_path / "before", facts())
    new = hashes(compose_plugin, tmp_path / "after", now)
    made_again = {name for name, hash_ in old.items() if new.get(name) != hash_}
    needs = resolved(compose_plugin, tmp_path / "after", CPU)["services"]
    following = {
        name
        for name, service in needs.items()
        for needed, how in (service.get("depends_on") or {}).items()
        if needed in made_again and how.get("restart")
    }
    assert set(restarted(rendered(facts()), rendered(now))) == made_again | following


@pytest.mark.parametrize("missing", sorted(VARIABLES))
def test_compose_refuses_a_host_that_leaves_a_variable_out(
    tmp_path: Path, compose_plugin: Path, missing: str
) -> None:
    for value in (None, ""):
        known = {name: text for name, text in VARIABLES.items() if name != missing}
        write(facts(), tmp_path, known if value is None else known | {missing: value})
        ran = config(compose_plugin, tmp_path, CPU)
        assert ran.returncode != 0
        assert missing in ran.stderr


def test_settings_of_services_reach_their_containers_as_they_were_written(
    tmp_path: Path, compose_plugin: Path
) -> None:
    settings = {
        "n8n": {"N8N_SMTP_USER": "a$b${HOME} 'c\" #d", "NODE_FUNCTION_ALLOW_BUILTIN": "crypto,url"},
        "ollama": {"OLLAMA_KEEP_ALIVE": "-1", "OLLAMA_FLASH_ATTENTION": "true"},
        "qdrant": {"QDRANT__STORAGE__OPTIMIZERS__DELETED_THRESHOLD": "0.20"},
    }
    secrets = (("n8n", "N8N_SMTP_PASS"), ("crawl4ai", "OPENAI_API_KEY"))
    times = {"GEUSEMAKER_SECRETS_N8N": "'17.5 18.25'"}
    write(facts(settings=settings, secret_settings=secrets), tmp_path, VARIABLES | times)
    services = resolved(compose_plugin, tmp_path, CPU)["services"]
    # n8n runs the code of some nodes itself, next to its secrets: modules are the runner's only.
    modules = settings["n8n"].pop("NODE_FUNCTION_ALLOW_BUILTIN")
    assert services["n8n-runners"]["environment"]["NODE_FUNCTION_ALLOW_BUILTIN"] == modules
    assert "NODE_FUNCTION_ALLOW_BUILTIN" not in services["n8n"]["environment"]
    for service, given in settings.items():
        for name, value in given.items():
            # `config` doubles the dollars again.
            assert services[service]["environment"][name].replace("$$", "$") == value
    assert services["n8n"]["labels"] == {"geusemaker.secrets": "17.5 18.25"}
    assert services["crawl4ai"]["labels"] == {"geusemaker.secrets": ""}
    (secret,) = (one for one in services["n8n"]["secrets"] if one["target"] == "N8N_SMTP_PASS")
    assert secret["source"] == "n8n_n8n.N8N_SMTP_PASS"
    for name in ("crawl4ai", "n8n-runners"):
        start = services[name]["entrypoint"][-1].replace("$$", "$")
        checked = subprocess.run(["/bin/sh", "-n", "-c", start], capture_output=True, check=False)
        assert checked.returncode == 0, checked.stderr


def test_shell_commands_reach_the_container_unchanged(tmp_path: Path, compose_plugin: Path) -> None:
    write(facts(), tmp_path)
    services = resolved(compose_plugin, tmp_path, CPU)["services"]
    # `config` doubles the dollars, so that its output is a Compose file.
    start = services["qdrant"]["entrypoint"][-1].replace("$$", "$")
    assert start == (
        'QDRANT__SERVICE__API_KEY="$(cat /run/secrets/qdrant-api-key)"'
        " && export QDRANT__SERVICE__API_KEY && exec ./entrypoint.sh"
    )


def test_a_container_starts_with_the_secret_or_not_at_all(
    tmp_path: Path, compose_plugin: Path
) -> None:
    write(facts(), tmp_path)
    services = resolved(compose_plugin, tmp_path, CPU)["services"]
    for name, program in (("qdrant", "./entrypoint.sh"), ("n8n-runners", "/usr/local/bin/task")):
        script = services[name]["entrypoint"][-1].replace("$$", "$")
        variable = script.partition("=")[0]
        secret = tmp_path / f"{name}-secret"
        show = f"printenv {variable}"
        here = script.replace(script.split("cat ")[1].split(")")[0], str(secret))
        assert program in here
        here = f"{here.partition(' && exec ')[0]} && exec {show}"
        for shell in ("/bin/sh", "/bin/bash"):
            missing = subprocess.run(
                [shell, "-c", here], capture_output=True, text=True, check=False
            )
            assert missing.returncode != 0, "it would start without its secret"
            assert missing.stdout == ""
        secret.write_text("Marker123")
        ran = subprocess.run(["/bin/sh", "-c", here], capture_output=True, text=True, check=True)
        assert ran.stdout == "Marker123\n"
        secret.unlink()
