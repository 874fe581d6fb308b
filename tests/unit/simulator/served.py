"""The simulated account as a process of its own, for tests."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3

LONGEST = 60.0


class Process:
    """One running simulator."""

    def __init__(self, popen: subprocess.Popen[bytes], state_file: Path) -> None:
        self.popen, self.state_file = popen, state_file
        self.state: dict[str, Any] = json.loads(state_file.read_text())

    def http(self, path: str, body: Any = None) -> tuple[int, Any]:
        """One of the account's own pages."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"X-Geusemaker-Token": self.state["token"]}
        url = f"{self.state['endpoint']}{path}"
        request = urllib.request.Request(url, data, headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=LONGEST) as answer:  # noqa: S310
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, json.loads(refused.read())

    def client(
        self, service: str, region: str = "us-east-1", id_: str = "", secret: str = ""
    ) -> Any:
        """boto3 with the account's key, or with another one."""
        make: Any = boto3.client
        return make(
            service,
            region_name=region,
            endpoint_url=self.state["endpoint"],
            aws_access_key_id=id_ or self.state["access_key_id"],
            aws_secret_access_key=secret or self.state["secret_access_key"],
        )


@contextlib.contextmanager
def running(folder: Path, **environ: str) -> Iterator[Process]:
    """A simulator with its files in `folder`, ended after the block as `make down` ends it."""
    state, log = folder / "state.json", folder / "log.txt"
    popen = subprocess.Popen(
        [
            *(sys.executable, "-m", "geusemaker.simulator"),
            *("--state-file", str(state), "--log-file", str(log)),
        ],
        env={**os.environ, **environ},
    )
    try:
        end = time.monotonic() + LONGEST
        while not state.exists() and popen.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        assert state.exists(), log.read_text() if log.exists() else "no log"
        yield Process(popen, state)
        popen.send_signal(signal.SIGTERM)
        assert popen.wait(LONGEST) == 0
        assert "stopping" in log.read_text()
        assert sorted(path.name for path in folder.iterdir()) == ["log.txt", "state.json"]
    finally:
        popen.kill()
        popen.wait()
