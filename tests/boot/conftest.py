"""The boot tests need Linux, since they run the boot script in namespaces.

On other systems `make test-rest` leaves them out, and prints that.
"""

import sys
from pathlib import Path

import pytest

if sys.platform != "linux":
    collect_ignore_glob = ["test_*.py"]
else:
    from . import workers
    from .boot_host import GOOD, Host

    @pytest.fixture(scope="session", name="laid_down_host")
    def _laid_down_host(tmp_path_factory: pytest.TempPathFactory) -> Host:
        """A host after cloud-init, before any step. Tests take `laid_down`, a copy of it."""
        host = Host(tmp_path_factory.mktemp("laid-down"))
        assert host.cloud_init().returncode == 0, host.read("/var/log/geusemaker-boot.log")
        return host

    @pytest.fixture(name="laid_down")
    def _laid_down(laid_down_host: Host, tmp_path: Path) -> Host:
        """A host after cloud-init, for one test."""
        return laid_down_host.copy(tmp_path / "host")

    @pytest.fixture(scope="session", name="ready_host")
    def _ready_host(tmp_path_factory: pytest.TempPathFactory) -> Host:
        """A host that is ready. Tests take `booted`, a copy of it."""
        host = Host(tmp_path_factory.mktemp("ready"))
        host.attach_volume()
        assert host.boot() == GOOD, host.read("/var/log/geusemaker-boot.log")
        return host

    @pytest.fixture(name="booted")
    def _booted(ready_host: Host, tmp_path: Path) -> Host:
        """A host that is ready, for one test."""
        return ready_host.copy(tmp_path / "host")

    @pytest.fixture(scope="session", name="ready_worker")
    def _ready_worker(tmp_path_factory: pytest.TempPathFactory) -> Host:
        """A worker that is ready. Tests take `worker`, a copy of it."""
        return workers.booted(workers.new_worker(tmp_path_factory.mktemp("worker")))

    @pytest.fixture(name="worker")
    def _worker(ready_worker: Host, tmp_path: Path) -> Host:
        """A worker that is ready, for one test."""
        return ready_worker.copy(tmp_path / "host")
