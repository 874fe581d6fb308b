"""One stack for all tests, in a system of its own: they run by `make test-scale`."""

import os
import sys
from collections.abc import Iterator

import pytest

if sys.platform != "linux":
    collect_ignore_glob = ["test_*.py"]
else:
    from geusemaker.bundle.networks import N8N_ADDRESS
    from scale import lan
    from scale.stack import ADDRESS, STRANGER, WORKERS, Stack, make_stack

    def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
        for item in items:
            hosts = ["127.0.0.1", ADDRESS, N8N_ADDRESS, STRANGER, lan.INTERNET, *WORKERS.values()]
            item.add_marker(pytest.mark.allow_hosts(hosts))

    @pytest.fixture(scope="session", name="stack")
    def _stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
        assert os.getpid() == 1, "run them by `make test-scale`, which makes their system"
        # Names of namespaces and the lock of iptables are this system's alone.
        lan.run("mount", "-t", "tmpfs", "tmpfs", "/run")
        stack = make_stack(tmp_path_factory.mktemp("stack"))
        try:
            yield stack
        finally:
            stack.end()
