"""The client of a simulated account: reads its state file and calls its process."""

import http.client
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from geusemaker.ec2.instance_types import InstanceType
from geusemaker.errors import LocalError

_SECONDS = 5.0
_LISTING_SECONDS = 60.0
"""The first listing loads a dozen boto3 clients, which takes seconds on a busy machine."""


@dataclass(frozen=True)
class Account:
    """One simulated account; it lives as long as the process `pid`."""

    pid: int
    provider_port: int
    endpoint: str
    account: str
    region: str
    images: int
    started: str
    token: str = field(repr=False)
    """Authorises requests to the account's own pages."""
    access_key_id: str
    secret_access_key: str = field(repr=False)

    def is_answering(self) -> bool:
        """Whether the process of the state file answers."""
        try:
            status, answer = self.request("GET", "/geusemaker/health")
        except LocalError:
            return False
        return status == 200 and isinstance(answer, dict) and answer.get("pid") == self.pid

    def resources(self) -> list[tuple[str, str]]:
        """Type and id of every resource that a new account does not have."""
        status, answer = self.request("GET", "/geusemaker/resources", seconds=_LISTING_SECONDS)
        if status != 200 or not isinstance(answer, list):
            raise LocalError(
                f"The simulated account at {self.endpoint} cannot list its resources (HTTP"
                f" {status}): see .geusemaker/logs/account.log, then run `make down` and `make up`."
            )
        return [(str(one.get("type")), str(one.get("id"))) for one in answer]

    def host_type(self, name: str) -> InstanceType:
        """The simulated AWS's description of an instance type.

        Without boto3, which would read the user's logins in this process.
        """
        status, answer = self.request("GET", f"/geusemaker/instance-types/{name}")
        if status != 200:
            raise LocalError(f"The simulated account has no instance type {name}: {answer}.")
        return InstanceType.of_description(answer)

    def release(self, name: str, architecture: str, root_gib: int | None) -> dict[str, Any]:
        """Publishes a newer image, as AWS would."""
        body = {"name": name, "architecture": architecture, "root_gib": root_gib}
        status, answer = self.request("POST", "/geusemaker/release", body)
        if status >= 400 or not isinstance(answer, dict):
            said = answer.get("error") if isinstance(answer, dict) else None
            raise LocalError(str(said or f"The simulated account answered HTTP {status}."))
        return answer

    def request(
        self, method: str, path: str, body: object = None, seconds: float = _SECONDS
    ) -> tuple[int, Any]:
        """Sends one request to loopback; `http.client` uses no proxy."""
        try:
            at = urlsplit(self.endpoint)
            connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=seconds)
        except (ValueError, AttributeError, TypeError) as why:
            raise LocalError(
                f"The account's address {self.endpoint!r} is invalid ({why})."
            ) from None
        try:
            sent = None if body is None else json.dumps(body)
            headers = {"Content-Type": "application/json", "X-Geusemaker-Token": self.token}
            connection.request(method, path, sent, headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as why:
            raise LocalError(
                f"The simulated account at {self.endpoint} does not answer ({why}): `make up`"
                " starts a new one."
            ) from None
        finally:
            connection.close()


def read_account(file: Path) -> Account | None:
    """The account in the state file, running or not; None for a missing or broken file."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        known = {name: content[name] for name in Account.__dataclass_fields__}
        return Account(**known)
    except (OSError, ValueError, KeyError, TypeError):
        return None
