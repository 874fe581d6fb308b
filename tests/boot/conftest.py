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
        host = Host(tmp_path / "host")
        shutil.rmtree(host.root)
        copy = ["cp", "-a", str(ready_host.root), str(host.root)]
        subprocess.run([*as_root(), *copy], check=True)
        host.owners = dict(ready_host.owners)
        # A record that is a quarter of an hour old is written again, and a slow run takes longer.
        host.path(f"{LIB}/status").touch()
        host.set("calls")
        return host
