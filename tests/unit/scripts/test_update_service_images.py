"""`scripts/update_service_images.py`, against a registry on loopback and saved digests."""

import hashlib
import http.server
import json
import sys
import threading
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from geusemaker.bundle.images import TABLE, load_images, read_images

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "scripts"))

import update_service_images as script  # noqa: E402

TEXT = TABLE.read_text(encoding="utf-8")
SHIPPED = load_images()
OCI = "application/vnd.oci.image.index.v1+json"
BOTH = ("amd64", "arm64")


class Registry(http.server.ThreadingHTTPServer):
    """A registry with tokens, as Docker Hub has them."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.tags: dict[str, tuple[bytes, str]] = {}
        self.headers: dict[str, str] = {}
        self.realm = f"{self.url}/token"

    def add(self, path: str, *, architectures: tuple[str, ...] = BOTH, kind: str = OCI) -> str:
        platforms = [{"platform": {"os": "linux", "architecture": one}} for one in architectures]
        body = json.dumps({"manifests": platforms, "of": path}).encode()
        self.tags[path] = (body, kind)
        return f"sha256:{hashlib.sha256(body).hexdigest()}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Registry

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/token":
            scope = parse_qs(url.query)["scope"][0]
            self._answer(200, json.dumps({"token": f"for {scope}"}).encode(), {})
            return
        _, _, rest = url.path.partition("/v2/")
        repository, _, tag = rest.partition("/manifests/")
        scope = f"repository:{repository}:pull"
        if self.headers.get("Authorization") != f"Bearer for {scope}":
            ask = f'Bearer realm="{self.server.realm}",service="hub",scope="{scope}"'
            self._answer(401, b"{}", {"WWW-Authenticate": ask})
            return
        assert OCI in self.headers["Accept"]
        body, kind = self.server.tags.get(f"{repository}:{tag}", (b"", ""))
        self._answer(200 if body else 404, body, {"Content-Type": kind, **self.server.headers})

    def _answer(self, code: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def registry() -> Iterator[Registry]:
    """Has every image of the shipped table, under other digests."""
    with Registry() as one:
        for image in SHIPPED.images.values():
            one.add(f"{image.reference.repository}:{image.reference.tag}")
        thread = threading.Thread(target=one.serve_forever, daemon=True)
        thread.start()
        yield one
        one.shutdown()
        thread.join()


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "images.toml"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_an_old_table_warns_and_does_not_fail(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    last = SHIPPED.as_of + timedelta(days=90)
    script.app(["--check-age", "--today", str(last)], standalone_mode=False)
    assert capsys.readouterr().out == ""
    late = ["--check-age", "--today", str(last + timedelta(days=1))]
    script.app(late, standalone_mode=False)
    said = capsys.readouterr().out
    assert said.startswith(f"The table of container images is from {SHIPPED.as_of}, 91 days")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    script.app(late, standalone_mode=False)
    file = "geusemaker/bundle/images.toml"
    assert capsys.readouterr().out.startswith(f"::warning file={file},line=1,title=Old table")


def test_ci_and_make_lint_look_at_the_age() -> None:
    command = "scripts/update_service_images.py --check-age"
    assert command in (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert command in makefile.split("\nlint:")[1].split("\n\n")[0]


def run(registry: Registry | None, table: Path, *words: str) -> None:
    mirror = ["--mirror", f"docker.io={registry.url}"] if registry else []
    with pytest.raises(SystemExit) as ended:
        script.main([*mirror, "--table", str(table), "--today", "2027-02-03", *words])
    assert ended.value.code in (None, 0), "it failed"


def failure(
    capsys: pytest.CaptureFixture[str], registry: Registry | None, table: Path, *words: str
) -> str:
    mirror = ["--mirror", f"docker.io={registry.url}"] if registry else []
    with pytest.raises(SystemExit) as ended:
        script.main([*mirror, "--table", str(table), *words])
    assert ended.value.code
    assert table.read_text(encoding="utf-8") == TEXT, "a failed run wrote"
    return capsys.readouterr().err


def test_every_digest_is_requested_and_nothing_is_written_by_default(
    registry: Registry, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(registry, table)
    printed = capsys.readouterr().out
    for key in SHIPPED.images:
        assert f"{key}: docker.io/" in printed
    assert "Nothing was written" in printed
    assert table.read_text(encoding="utf-8") == TEXT


def test_write_puts_todays_digests_into_the_table(registry: Registry, table: Path) -> None:
    run(registry, table, "--write")
    written = read_images(table)
    assert written.as_of == date(2027, 2, 3)
    for key, image in written.images.items():
        repository, tag = image.reference.repository, image.reference.tag
        body, _ = registry.tags[f"{repository}:{tag}"]
        assert image.reference.digest == f"sha256:{hashlib.sha256(body).hexdigest()}"
        assert tag == SHIPPED.images[key].reference.tag
        assert image.seen == date(2027, 2, 3)
        assert image.source == script.SOURCE
    comments = [line for line in TEXT.splitlines() if line.startswith("#")]
    kept = table.read_text(encoding="utf-8").splitlines()
    assert all(comment in kept for comment in comments)


def test_unchanged_digests_are_not_reported(
    registry: Registry, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(registry, table, "--write")
    capsys.readouterr()
    run(registry, table)
    assert "The table already has every digest." in capsys.readouterr().out


def test_another_tag_of_n8n_changes_its_runner_too(registry: Registry, table: Path) -> None:
    digest = registry.add("n8nio/n8n:2.99.0")
    registry.add("n8nio/runners:2.99.0")
    run(registry, table, "--tag", "n8n=2.99.0", "--write")
    images = read_images(table).images
    assert str(images["n8n"].reference) == f"docker.io/n8nio/n8n:2.99.0@{digest}"
    assert images["n8n-runners"].reference.tag == "2.99.0"
    assert images["caddy"].reference.tag == SHIPPED.images["caddy"].reference.tag


def test_saved_digests_replace_the_registry(table: Path, tmp_path: Path) -> None:
    digest = f"sha256:{'b' * 64}"
    names = [str(image.reference).partition("@")[0] for image in SHIPPED.images.values()]
    saved = tmp_path / "saved.json"
    saved.write_text(json.dumps(dict.fromkeys(names, digest)))
    run(None, table, "--from", str(saved), "--write")
    assert {image.reference.digest for image in read_images(table).images.values()} == {digest}


@pytest.mark.parametrize("content", [None, "[]", "{", "{}", '{"docker.io/n8nio/n8n:2.42.4": "x"}'])
def test_an_invalid_file_is_reported(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None
) -> None:
    saved = tmp_path / "saved.json"
    if content is not None:
        saved.write_text(content)
    said = failure(capsys, None, table, "--from", str(saved))
    assert said.startswith(f"--from is {saved}, which ")


def test_a_missing_tag_is_reported(
    registry: Registry, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = failure(capsys, registry, table, "--tag", "qdrant=v9.9.9")
    assert "docker.io/qdrant/qdrant:v9.9.9" in said
    assert "404" in said


def test_an_image_of_one_architecture_is_not_taken(
    registry: Registry, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.add("unclecode/crawl4ai:1.0.0", architectures=("amd64",))
    said = failure(capsys, registry, table, "--tag", "crawl4ai=1.0.0")
    assert "is there for x86_64, and the table says x86_64, arm64" in said
    kind = "application/vnd.oci.image.manifest.v1+json"
    registry.add("unclecode/crawl4ai:1.0.1", kind=kind)
    said = failure(capsys, registry, table, "--tag", "crawl4ai=1.0.1")
    assert f"no index of several architectures but {kind}" in said


def test_a_version_below_the_minimum_is_not_proposed(
    registry: Registry, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.add("library/caddy:2.11.6-alpine")
    said = failure(capsys, registry, table, "--tag", "caddy=2.11.6-alpine", "--write")
    assert "would not load, and nothing was written" in said


def test_an_answer_that_was_changed_on_the_way_is_refused(
    registry: Registry, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.headers["Docker-Content-Digest"] = f"sha256:{'c' * 64}"
    assert "Something between changes answers" in failure(capsys, registry, table)


def test_a_token_is_fetched_by_https_only(
    registry: Registry, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.realm = "http://198.51.100.1/token"
    assert "only https is allowed" in failure(capsys, registry, table)


@pytest.mark.parametrize("words", [("--tag", "redis=8"), ("--tag", "n8n"), ("--mirror", "x")])
def test_wrong_flags(
    table: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, str]
) -> None:
    assert words[0] in failure(capsys, None, table, *words)
