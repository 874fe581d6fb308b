"""After the host is ready: pulls of models, and the nightly dump of the databases."""

import gzip
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from .boot_host import LIB, MANY, PATIENCE, Host
from .bundles import Bundle

TWO = Bundle(models=("llama3.2:1b", "nomic-embed-text"))
BACKUPS = "/srv/geusemaker/efs/backups"
STARTED = "systemctl start --no-block geusemaker-models.service"


@pytest.fixture(scope="module", name="with_models")
def _with_models(ready_host: Host, tmp_path_factory: pytest.TempPathFactory) -> Host:
    host = ready_host.copy(tmp_path_factory.mktemp("with-models") / "host")
    host.name(TWO)
    assert host.start("sync").returncode == 0
    assert host.calls("systemctl start --no-block") == [STARTED]
    assert host.record()["state"] == "ready"
    return host


@pytest.fixture(name="host")
def _host(with_models: Host, tmp_path: Path) -> Host:
    """A ready host that is to pull two models, for one test."""
    return with_models.copy(tmp_path / "host")


def _models(host: Host) -> dict[str, str]:
    return {k[6:]: v for k, v in host.record().items() if k.startswith("model.")}


def test_a_unit_of_its_own_pulls_models_once_the_host_is_ready(host: Host) -> None:
    assert host.start("models").returncode == 0
    assert _models(host) == {"llama3.2:1b": "here", "nomic-embed-text": "here"}
    # Not again for the same list.
    host.start_each("sync", "ready")
    assert host.calls("systemctl start --no-block") == []


def test_only_a_missing_model_is_pulled(host: Host) -> None:
    (host.world / "models" / "nomic-embed-text:latest").touch()
    host.start("models")
    assert host.calls("docker compose exec -T ollama ollama pull") == [
        "docker compose exec -T ollama ollama pull llama3.2:1b"
    ]
    assert set(_models(host).values()) == {"here"}


LISTED = (
    *("llama3.2:3b", "llama3.2:latest", "mike/llama:1", "hf.co/a/B-GGUF:Q8"),
    "localhost:5000/a/b:latest",
)
SAME = (
    *("library/llama3.2:3b", "registry.ollama.ai/library/llama3.2:3b", "library/llama3.2"),
    *("https://registry.ollama.ai/library/llama3.2:3b", "Llama3.2:3B"),
    *("registry.ollama.ai/mike/llama:1", "hf.co/a/b-gguf:q8", "localhost:5000/a/b"),
)
OTHER = ("llama3.2:1b", "mike/llama3.2:3b", "mike/llama", "a/b", "localhost:5001/a/b")


@pytest.mark.parametrize(("wanted", "pulled"), [(SAME, ()), (OTHER, OTHER)], ids=["same", "other"])
def test_a_model_is_known_by_each_of_its_names_and_by_no_other(
    booted: Host, wanted: tuple[str, ...], pulled: tuple[str, ...]
) -> None:
    for name in LISTED:
        (booted.world / "models" / name.replace("/", "_")).touch()
    booted.name(Bundle(models=wanted))
    booted.start_each("sync", "models", "sync")
    pull = "docker compose exec -T ollama ollama pull"
    assert booted.calls(pull) == [f"{pull} {name}" for name in pulled]
    assert _models(booted) == dict.fromkeys(wanted, "here")


def test_output_of_a_pull_adds_no_line_to_the_record(host: Host) -> None:
    """Any registry may have sent it."""
    long = "9" * 100_000
    host.set(
        "pull-says", f"{long}% \nmodel.evil=here\nservice.n8n=healthy\n\nError: {long}\r\nstate=x"
    )
    host.late("model-llama3.2:1b", MANY)
    host.start("models")
    record = host.record()
    assert "model.evil" not in record
    assert record["state"] == "ready"
    assert record["model.llama3.2:1b"] == "failed: state=x"
    assert record["model.nomic-embed-text"] == "here"
    lines = host.read(f"{LIB}/models").splitlines()
    assert len(lines) == 2
    assert all(len(line) < 700 for line in lines)


def test_the_record_shows_the_progress_of_a_pull(host: Host) -> None:
    pipe = host.gate("model")
    pulling = host.begin("models")
    with pipe.open("w"):
        pipe.unlink()
        # Ollama's output is on its way through a pipe: wait for it.
        lines = host.path(f"{LIB}/models")
        while not lines.exists() or "pulling 7%" not in lines.read_text(encoding="utf-8"):
            assert pulling.poll() is None
            time.sleep(0.05)
        host.start("sync")
        assert _models(host) == {"llama3.2:1b": "pulling 7%", "nomic-embed-text": "waiting"}
        assert host.record()["state"] == "ready"
    assert pulling.wait(PATIENCE) == 0
    assert set(_models(host).values()) == {"here"}


def test_a_failed_pull_of_a_model_is_tried_again(host: Host) -> None:
    host.late("model-llama3.2:1b", 3)
    assert host.start("models").returncode == 0
    assert set(_models(host).values()) == {"here"}


def test_a_model_that_cannot_be_pulled_is_named_with_the_reason_and_the_host_stays_ready(
    host: Host,
) -> None:
    host.late("model-llama3.2:1b", MANY)
    assert host.start("models").returncode == 1
    assert _models(host) == {
        "llama3.2:1b": "failed: Error: pull model manifest: file does not exist",
        "nomic-embed-text": "here",
    }
    assert "these models could not be pulled: llama3.2:1b" in host.reason("models")
    assert (host.record()["state"], host.state("ready")) == ("ready", "ok")
    assert host.sync()["state"] == "ready"


def test_one_more_model_restarts_no_service(host: Host) -> None:
    before = host.containers()
    host.start("models")
    host.update(replace(TWO, models=(*TWO.models, "qwen3:0.6b")))
    assert host.calls("systemctl start --no-block") == [STARTED]
    host.start("models")
    assert _models(host)["qwen3:0.6b"] == "here"
    assert host.containers() == before


def test_a_model_that_is_added_during_a_pull_is_pulled_afterwards(
    host: Host,
) -> None:
    pipe = host.gate("model")
    pulling = host.begin("models")
    with pipe.open("w"):
        pipe.unlink()
        host.name(replace(TWO, models=(*TWO.models, "qwen3:0.6b")))
        host.start("sync")  # which cannot start a unit that runs
    assert pulling.wait(PATIENCE) == 0
    host.set("calls")
    host.start("sync")
    assert host.calls("systemctl start --no-block geusemaker-models")
    host.start("models")
    assert _models(host)["qwen3:0.6b"] == "here"
    host.set("calls")
    host.start("sync")
    assert host.calls("systemctl start --no-block geusemaker-models") == []


def test_an_empty_list_of_models_leaves_no_line_in_the_record(host: Host) -> None:
    host.start("models")
    host.update(Bundle())
    host.start("models")
    host.start("sync")
    assert _models(host) == {}


def test_a_long_list_keeps_the_record_within_its_size(booted: Host) -> None:
    lines = [f"model.registry.example.org/team/a-model-{n}:q4_K_M=waiting" for n in range(200)]
    booted.write(f"{LIB}/models", "\n".join(lines) + "\n")
    booted.start("sync")
    record = booted.record()  # checks the size
    assert record["state"] == "ready"


# Dumps


def _dumps(host: Host) -> list[str]:
    return sorted(path.name for path in host.path(BACKUPS).iterdir())


def _older(host: Host, *days: int) -> list[str]:
    names = [f"postgres-202001{day:02}T031700Z.sql.gz" for day in days]
    for name in names:
        host.write(f"{BACKUPS}/{name}", "old")
    return names


def test_a_dump_is_complete_private_and_in_the_record(booted: Host) -> None:
    assert booted.start("dump").returncode == 0
    (name,) = _dumps(booted)
    assert name.startswith("postgres-2")
    assert name.endswith("Z.sql.gz")
    assert booted.owners[f"{BACKUPS}/{name}"][1] == 0o600
    assert booted.record()["dump"].endswith("Z")
    assert booted.record()["state"] == "ready"


def test_the_configured_number_of_dumps_is_kept_and_no_other_file_is_touched(booted: Host) -> None:
    old = _older(booted, 1, 2, 3)
    booted.write(f"{BACKUPS}/mine.sql.gz", "mine")
    assert booted.start("dump").returncode == 0
    names = _dumps(booted)
    assert names[0] == "mine.sql.gz"
    assert old[2] in names
    assert not set(old[:2]) & set(names)
    assert len(names) == 3  # mine, the newest of the old ones, the new one


def test_links_that_others_put_into_the_folder_are_not_followed(booted: Host) -> None:
    booted.write("/etc/of-root", "as it was")
    now = datetime.now(UTC)
    for second in range(300):
        name = f"postgres-{now + timedelta(seconds=second):%Y%m%dT%H%M%SZ}.sql.gz"
        booted.path(f"{BACKUPS}/{name}").symlink_to("/etc")
        booted.path(f"{BACKUPS}/{name}.part").symlink_to("/etc/of-root")
    before = sorted(path.name for path in booted.path("/etc").iterdir())
    assert booted.start("dump").returncode == 0
    assert booted.read("/etc/of-root") == "as it was"
    assert sorted(path.name for path in booted.path("/etc").iterdir()) == before
    (made,) = [path for path in booted.path(BACKUPS).iterdir() if not path.is_symlink()]
    assert b"dump complete" in gzip.decompress(made.read_bytes())


def test_file_names_in_the_folder_cannot_delete_files_of_root(booted: Host) -> None:
    """Each file name has several lines, and the working folder is the bundle's."""
    names = " ".join(f"$'postgres-{n}\\ncompose.yaml\\n.sql.gz'" for n in range(4))
    booted.as_user(999, f"cd {BACKUPS}; touch {names}")
    assert booted.start("dump").returncode == 0
    assert booted.path(f"{LIB}/current/compose.yaml").exists()
    assert len(_dumps(booted)) == 5


def test_dumps_are_written_as_the_user_of_their_folder(booted: Host) -> None:
    _older(booted, 1, 2, 3)
    assert booted.start("dump").returncode == 0
    (name,) = [name for name in _dumps(booted) if not name.startswith("postgres-2020")]
    assert booted.owners[f"{BACKUPS}/{name}"] == ("f", 0o600, 999)


def test_an_existing_file_is_not_written_to(booted: Host) -> None:
    booted.write("/etc/of-root", "as it was")
    (booted.root / "usr/bin/mktemp").unlink()
    booted.write("/usr/bin/mktemp", f"#!/bin/bash\necho {BACKUPS}/postgres-guessed.part\n")
    booted.path("/usr/bin/mktemp").chmod(0o755)
    link = booted.path(f"{BACKUPS}/postgres-guessed.part")
    for target in ("/etc/of-root", "/etc/new"):
        link.symlink_to(target)
        assert booted.start("dump").returncode == 1
        assert "did not give a whole dump" in booted.reason("dump")
    assert booted.read("/etc/of-root") == "as it was"
    assert not booted.path("/etc/new").exists()
    assert _dumps(booted) == []


@pytest.mark.parametrize("what", ["dump", "dump-cut"])
def test_a_failed_or_truncated_dump_deletes_nothing_and_says_so(booted: Host, what: str) -> None:
    booted.start("dump")
    (good,) = _dumps(booted)
    old = _older(booted, 1, 2, 3)
    booted.late(what, MANY)
    result = booted.start("dump")
    assert result.returncode == 1
    assert "did not give a whole dump; earlier dumps stay" in result.stdout
    assert _dumps(booted) == sorted([good, *old])
    record = booted.record()
    assert "whole dump" in record["dump.failed"]
    assert record["dump"].endswith("Z")
    assert (record["state"], booted.state("ready")) == ("ready", "ok")
    booted.late(what, 0)
    assert booted.start("dump").returncode == 0
    assert "dump.failed" not in booted.record()


def test_a_dump_waits_for_a_host_that_is_not_ready_and_then_fails(booted: Host) -> None:
    booted.restart()
    assert booted.start("dump").returncode == 1
    assert "did not become ready" in booted.reason("dump")
    assert _dumps(booted) == []


@pytest.mark.parametrize("bundle", [Bundle(dump_days=0), Bundle(services=("caddy",), dump_days=0)])
def test_no_dump_is_made_without_dump_days(booted: Host, bundle: Bundle) -> None:
    old = _older(booted, 1, 2, 3)
    booted.update(bundle)
    assert booted.start("dump").returncode == 0
    assert _dumps(booted) == old


def test_a_dump_is_made_before_other_images_start(booted: Host) -> None:
    booted.update(replace(Bundle(), caddyfile="https://another\n"))
    assert _dumps(booted) == []
    booted.update(Bundle(tag="2"))
    (name,) = _dumps(booted)
    assert booted.owners[f"{BACKUPS}/{name}"][1] == 0o600
    calls = booted.calls("docker compose")
    dumped = calls.index("docker compose exec -T postgres pg_dumpall -U n8n")
    assert [call.split()[2] for call in calls[dumped + 1 :]].count("up") == 1
    assert booted.record()["dump"].endswith("Z")


def test_an_update_continues_without_the_dump_and_says_so(booted: Host) -> None:
    booted.late("dump", MANY)
    booted.name(Bundle(tag="2"))
    assert "without a dump from before this update" in booted.start("sync").stdout
    assert _dumps(booted) == []
    record = booted.record()
    assert (record["state"], record["running"]) == ("ready", Bundle(tag="2").sha256)
    assert "before an update" in record["dump.failed"]


def test_the_dump_runs_at_night_and_sync_each_minute(booted: Host) -> None:
    assert booted.unit("sync", "timer")["Timer"]["OnCalendar"] == "*-*-* *:*:00"
    assert booted.unit("dump", "timer")["Timer"]["OnCalendar"] == "*-*-* 03:17:00"
    # A host that is stopped each night dumps when it starts.
    assert booted.unit("dump", "timer")["Timer"]["Persistent"] == "true"
    assert "Persistent" not in booted.unit("sync", "timer")["Timer"]
    for step in ("sync", "dump", "models"):
        assert booted.unit(step)["Service"]["Type"] == "oneshot"
        assert booted.unit(step)["Service"]["ExecStart"].endswith(f"/host {step}")
