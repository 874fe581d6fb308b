"""The downloaded engine has the hash that Pulumi published, or it is refused."""

import hashlib
import http.server
import io
import platform
import sys
import tarfile
import threading
import urllib.error
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from geusemaker.pulumi_cli import download

SYSTEM = "linux-x64"


def archive(*names: str) -> bytes:
    """An archive like Pulumi's: programs in a folder."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(name)
            tar.addfile(member, io.BytesIO(name.encode()))
        link = tarfile.TarInfo("pulumi/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return packed.getvalue()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Path]]:
    """A server on loopback with an archive, and the archive's file."""
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    file = tmp_path / "served" / f"pulumi-v{download.VERSION}-{SYSTEM}.tar.gz"
    file.parent.mkdir()
    file.write_bytes(archive("pulumi/pulumi", "pulumi/pulumi-language-python", "../../outside"))
    handler = partial(Quiet, directory=str(file.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        name = "pulumi-v{version}-{system}.tar.gz"
        yield f"http://127.0.0.1:{server.server_port}/{name}", file
        server.shutdown()


def test_the_right_archive_is_unpacked(published: tuple[str, Path], tmp_path: Path) -> None:
    url, file = published
    right = {SYSTEM: hashlib.sha256(file.read_bytes()).hexdigest()}
    out = tmp_path / "some" / "out"
    download.fetch(out, url, right)
    names = sorted(path.name for path in out.iterdir())
    assert names == ["outside", "pulumi", "pulumi-language-python"]
    assert (out / "pulumi").read_text() == "pulumi/pulumi"
    assert (out / "pulumi").stat().st_mode & 0o777 == 0o755
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("change", ["another", "cut off"])
def test_another_archive_is_refused_before_it_is_unpacked(
    published: tuple[str, Path], tmp_path: Path, change: str
) -> None:
    url, file = published
    right = {SYSTEM: hashlib.sha256(file.read_bytes()).hexdigest()}
    file.write_bytes(archive("pulumi/pulumi") if change == "another" else file.read_bytes()[:-1])
    with pytest.raises(
        ValueError, match=r"but Pulumi published .*: the download was changed or cut off"
    ):
        download.fetch(tmp_path / "out", url, right)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["archive"]


def test_a_system_without_an_archive_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(ValueError, match="no archive for linux-riscv64, only for darwin-arm64"):
        download.fetch(tmp_path / "out")


def test_a_failed_download_is_one_line_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(_: Path) -> None:
        raise urllib.error.URLError(OSError(-2, "Name or service not known"))

    monkeypatch.setattr(download, "fetch", fetch)
    monkeypatch.setattr(sys, "argv", ["download", str(tmp_path)])
    with pytest.raises(SystemExit, match=r"the download failed: .*Name or service not known"):
        download.main()


def test_every_system_has_a_hash_of_its_own() -> None:
    assert download.SHA256.keys() == {*("linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64")}
    assert len(set(download.SHA256.values())) == 4
    assert all(len(bytes.fromhex(one)) == 32 for one in download.SHA256.values())
