"""The real Ollama as its container's user, on a read-only root, behind the real Caddy."""

import hashlib
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from ollama.gguf_file import gguf
from ollama.ollama_host import PAGE, UID, OllamaHost, Registry

CONTENT = gguf(1)


@pytest.fixture(scope="module", name="blob")
def _blob(host: OllamaHost) -> str:
    """The blob of the model `tiny`, which was uploaded."""
    return host.make("tiny", CONTENT)


@pytest.fixture(name="cached")
def _cached(host: OllamaHost, blob: str) -> Path:
    """Its copy on the instance store, which the host's program has made."""
    host.on_host("in_models restore_blobs; in_models cache_blobs")
    assert (host.models / "blobs" / blob).readlink() == Path(f"/model-cache/disk/{blob}")
    assert (host.kept / blob).read_bytes() == CONTENT
    return host.disk / blob


def test_it_runs_as_its_user_and_owns_the_files_that_it_writes(host: OllamaHost, blob: str) -> None:
    done = host.inside(
        "/bin/sh", "-c", "id -u; id -G; touch /a /usr/a /opt/a; touch /tmp/a $HOME/a"
    )
    assert done.stdout.split() == [str(UID), str(UID)]
    assert done.stderr.count("Read-only file system") == 3
    assert {path.lstat().st_uid for path in host.models.rglob("*")} == {UID}
    assert (host.models / "blobs" / blob).exists()


@pytest.mark.parametrize("key", [None, "", "wrong"])
def test_without_the_key_there_is_no_access(host: OllamaHost, key: str | None) -> None:
    for method, path in (("GET", "/api/tags"), ("POST", "/api/pull"), ("DELETE", "/api/delete")):
        with host.asked(method, path, {"model": "tiny"}, key) as answer:
            assert answer.status == 401


@pytest.mark.parametrize(("origin", "status"), [(PAGE, 204), ("https://evil.example", 403)])
def test_a_page_may_call_it_from_a_browser_by_the_origins_of_config(
    host: OllamaHost, origin: str, status: int
) -> None:
    asks = {"Origin": origin, "Access_Control_Request_Method": "POST"}
    with host.asked("OPTIONS", "/api/chat", key=None, **asks) as answer:
        assert answer.status == status
        allowed = origin if status == 204 else None
        assert answer.headers["Access-Control-Allow-Origin"] == allowed
    with host.asked("GET", "/api/tags", key="wrong", Origin=origin) as answer:
        assert answer.status == 401


def test_the_context_of_config_is_that_of_the_model(host: OllamaHost, blob: str) -> None:
    host.says("tiny")
    # It is per request, and this release answers several at a time.
    assert re.search(r"n_ctx_per_seq = 1536$", host.program_said(), re.MULTILINE)


def test_models_are_listed_as_the_host_compares_them(host: OllamaHost, blob: str) -> None:
    host.make("someone/other:1b", CONTENT)
    listed = host.inside("/opt/ollama", "list")  # the command of the health check too
    assert listed.returncode == 0, listed.stderr
    (host.folder / "listed").write_text(listed.stdout)
    known = (
        "tiny",
        "tiny:latest",
        "library/tiny",
        "registry.ollama.ai/library/tiny:latest",
        "TINY",
    )
    for name in (*known, "someone/other:1b", "registry.ollama.ai/someone/other:1b"):
        host.on_host(f"has_model {name}")
        # Ollama itself has the model under this name.
        host.ask("POST", "/api/show", {"model": name})
    for name in ("tiny:1b", "other:1b", "someone/other", "hf.co/library/tiny"):
        host.on_host(f"! has_model {name}")


def test_an_answer_is_streamed(host: OllamaHost, blob: str) -> None:
    lines = host.says("tiny")
    assert len(lines) > 1
    assert [line["done"] for line in lines] == [*[False] * (len(lines) - 1), True]
    assert lines[-1]["eval_count"] == 3


def test_a_model_is_read_through_the_link_to_its_copy(host: OllamaHost, cached: Path) -> None:
    before = host.says("tiny")
    # After a restart it has no file open.
    host.stop()
    host.start()
    assert (host.models / "blobs" / cached.name).is_symlink()
    assert [line["response"] for line in host.says("tiny")] == [line["response"] for line in before]
    hidden = cached.with_name("hidden")
    cached.rename(hidden)
    try:
        with host.asked("POST", "/api/show", {"model": "tiny"}) as answer:
            assert answer.status != 200, "the file was read from elsewhere"
    finally:
        hidden.rename(cached)


def test_a_model_is_created_from_one_that_has_a_copy(host: OllamaHost, cached: Path) -> None:
    host.ask("POST", "/api/create", {"model": "mine", "from": "tiny", "system": "Be short."})
    assert host.says("mine")[-1]["done"] is True
    # Newer versions set the time of the blob through the link.
    done = host.inside("/usr/bin/touch", "-d", "2020-01-01", f"/models/blobs/{cached.name}")
    assert done.returncode == 0, done.stderr
    host.on_host("in_models restore_blobs; in_models cache_blobs")
    assert (host.models / "blobs" / cached.name).is_symlink()


def test_a_copy_that_the_container_overwrote_is_replaced(host: OllamaHost, cached: Path) -> None:
    script = f"printf broken >/model-cache/disk/{cached.name}"
    done = host.inside("/bin/sh", "-c", script)
    assert done.returncode == 0, done.stderr
    said = host.on_host("in_models changed_copies; in_models restore_blobs; in_models cache_blobs")
    assert f"the copy of {cached.name} on the instance store was changed" in said
    assert cached.read_bytes() == CONTENT
    assert host.says("tiny")[-1]["done"] is True


def test_a_deleted_model_is_deleted_with_its_copy(host: OllamaHost) -> None:
    blob = host.make("gone", gguf(2))
    host.on_host("in_models restore_blobs; in_models cache_blobs")
    assert (host.disk / blob).exists()
    host.ask("DELETE", "/api/delete", {"model": "gone"})
    host.on_host("in_models restore_blobs; in_models cache_blobs")
    for path in (host.disk / blob, host.kept / blob, host.models / "blobs" / blob):
        assert not os.path.lexists(path)


def test_the_container_cannot_reach_the_originals_or_move_the_mount_point(
    host: OllamaHost, cached: Path
) -> None:
    script = "cd /model-cache; mv disk mine; ln -s /etc x; rm -r /models; ls /models/../ollama-kept"
    assert host.inside("/bin/sh", "-c", f"{script}; true").returncode == 0
    assert [path.name for path in host.disk.parent.iterdir()] == ["disk"]
    assert (host.kept / cached.name).exists()


def test_a_pull_shows_its_progress(host: OllamaHost, blob: str) -> None:
    content = gguf(3)
    config = json.dumps({"model_format": "gguf", "model_family": "llama"}).encode()
    digests = {f"sha256:{hashlib.sha256(one).hexdigest()}": one for one in (config, content)}
    first, second = digests
    registry = Registry(
        digests,
        [
            ("application/vnd.docker.container.image.v1+json", first),
            ("application/vnd.ollama.image.model", second),
        ],
    )
    name = f"http://{registry.address}/library/pulled:1b"
    try:
        with host.asked("POST", "/api/pull", {"model": name, "insecure": True}) as answer:
            assert json.loads(answer.readline()) == {"status": "pulling manifest"}
            registry.opened.set()  # only after that line
            lines = [json.loads(line) for line in answer.read().decode().splitlines()]
        assert lines[-1] == {"status": "success"}, lines
    finally:
        registry.opened.set()
        registry.shutdown()
        registry.server_close()
    listed = host.inside("/opt/ollama", "list").stdout
    assert f"{registry.address}/library/pulled:1b" in listed
    (host.folder / "listed").write_text(listed)
    host.on_host(f"has_model {name}")
    stored = host.models / "blobs" / second.replace(":", "-")
    assert stored.read_bytes() == content
    assert stored.stat().st_uid == UID


def test_it_does_not_start_without_a_home(host: OllamaHost) -> None:
    """The reason why its home is in memory."""
    command = host.command("/usr/bin/env", "HOME=/nowhere", "/opt/ollama", "serve")
    done = subprocess.run(
        command, env={"OLLAMA_MODELS": "/models"}, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "/nowhere" in done.stderr
