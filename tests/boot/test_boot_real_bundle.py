"""The rendered bundle on the rendered host."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from geusemaker import bundle
from geusemaker.bundle.secret_names import secrets_of
from geusemaker.userdata import bundle_program

from .boot_host import GOOD, LIB, SYSTEMS, Host
from .bundles import Bundle, host_program


@dataclass(frozen=True, kw_only=True)
class Rendered(Bundle):
    """A bundle with the files that the stack renders."""

    facts: bundle.BundleFacts

    @property
    def files(self) -> dict[str, str]:
        program = bundle_program(self.facts.role, queue=self.facts.queue is not None)
        files = {**bundle.render(self.facts), "host.sh": host_program(program)}
        files |= self.more_files
        return dict(sorted(files.items()))


def rendered(*services: str, models: tuple[str, ...] = ()) -> Rendered:
    facts = bundle.BundleFacts(
        services=services or bundle.SERVICES,
        image_versions={},
        models=models,
        owner_email="owner@example.com",
        access=bundle.Access(),
        memory_gib=16.0,
        architecture="x86_64",
        dump_days=7,
    )
    return Rendered(facts=facts)


def secrets() -> dict[str, str]:
    return {name.replace("-", "_"): f"MARKER{name}$x" for name in bundle.SECRET_NAMES}


@pytest.mark.parametrize(("os_id", "version"), [SYSTEMS[0], SYSTEMS[3]])
def test_all_services_start_and_each_gets_its_secrets(
    tmp_path: Path, os_id: str, version: str
) -> None:
    host = Host(tmp_path, os_id, version)
    host.attach_volume()
    host.attach_gpu()
    host.parameters(**secrets())
    named = rendered(models=("llama3.2:1b",))
    host.name(named)
    assert host.boot() == GOOD, host.read("/var/log/geusemaker-boot.log")
    record = host.record()
    assert (record["state"], record["running"]) == ("ready", named.sha256)
    assert {k: v for k, v in record.items() if k.startswith("service.")} == {
        f"service.{name}": "healthy" for name in named.facts.containers
    }
    files = secrets_of(named.facts.containers)
    assert files
    for file in files:
        path = f"{LIB}/secrets/{file.consumer}/{file.name}"
        assert host.owners[path] == ("f", 0o400, file.uid)
        assert host.path(path).read_text() == f"MARKER{file.name}$x"
    assert host.start_each("models", "dump") == {"models": 0, "dump": 0}
    assert host.record()["model.llama3.2:1b"] == "here"
    for path in ("qdrant/storage", "postgres", "caddy", "ollama"):
        assert host.owners[f"/srv/geusemaker/data/{path}"][0] == "d"


@pytest.mark.parametrize("services", [("n8n", "postgres"), ("ollama",), ("qdrant", "crawl4ai")])
def test_a_subset_of_the_services_starts(tmp_path: Path, services: tuple[str, ...]) -> None:
    host = Host(tmp_path)
    host.attach_volume()
    host.parameters(**secrets())
    host.name(rendered(*services))
    assert host.boot() == GOOD, host.read("/var/log/geusemaker-boot.log")
    assert set(host.containers()) == set(rendered(*services).facts.containers)
