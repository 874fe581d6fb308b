"""The boot tests need Linux: they run the boot script in namespaces. Elsewhere they are left out,
which `make test-rest` says."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

if sys.platform != "linux":
    collect_ignore_glob = ["test_*.py"]
else:
    from .boot_host import GOOD, LIB, Host, as_root

    def _copied(original: Host, folder: Path) -> Host:
        host = Host(folder)
        shutil.rmtree(host.root)
        copy = ["cp", "-a", str(original.root), str(host.root)]
        subprocess.run([*as_root(), *copy], check=True)
        host.owners = dict(original.owners)
        return host

    @pytest.fixture(scope="session", name="laid_down_host")
    def _laid_down_host(tmp_path_factory: pytest.TempPathFactory) -> Host:
        """A host after cloud-init, before any step. Not for use: take `laid_down`, a copy of it."""
        host = Host(tmp_path_factory.mktemp("laid-down"))
        assert host.cloud_init().returncode == 0, host.read("/var/log/geusemaker-boot.log")
        return host

    @pytest.fixture(name="laid_down")
    def _laid_down(laid_down_host: Host, tmp_path: Path) -> Host:
        """A host after cloud-init, to be changed at will."""
        return _copied(laid_down_host, tmp_path / "host")

    @pytest.fixture(scope="session", name="ready_host")
    def _ready_host(tmp_path_factory: pytest.TempPathFactory) -> Host:
        """A host that is ready. Not for use: take `booted`, a copy of it."""
        host = Host(tmp_path_factory.mktemp("ready"))
        host.attach_volume()
        assert host.boot() == GOOD, host.read("/var/log/geusemaker-boot.log")
        return host

    @pytest.fixture(name="booted")
    def _booted(ready_host: Host, tmp_path: Path) -> Host:
        """A host that is ready, to be changed at will."""
        host = _copied(ready_host, tmp_path / "host")
        # A record that is a quarter of an hour old is written again, and a slow run takes longer.
        host.path(f"{LIB}/status").touch()
        host.set("calls")
        return host
