"""One Ollama for all tests, which make namespaces: they need Linux and root."""

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

if sys.platform != "linux":
    collect_ignore_glob = ["test_*.py"]
else:
    from ollama.ollama_host import OllamaHost

    @pytest.fixture(scope="session", name="host")
    def _host() -> Iterator[OllamaHost]:
        assert os.geteuid() == 0, "run them by `make test-ollama`, which uses sudo where needed"
        with tempfile.TemporaryDirectory() as folder:
            # Not a folder of pytest, which only root can read: Ollama's user needs it.
            Path(folder).chmod(0o755)
            host = OllamaHost(Path(folder))
            try:
                host.start()
                yield host
            finally:
                host.end()
