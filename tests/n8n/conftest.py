"""One host for each module: on its first start n8n migrates its database for a while."""

from collections.abc import Iterator

import pytest

from n8n.n8n_host import Host, make_host


@pytest.fixture(scope="module", name="host")
def _host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    host = make_host(tmp_path_factory.mktemp("host"))
    try:
        yield host
    finally:
        host.end()
