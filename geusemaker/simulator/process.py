"""The process of the simulated account: its state file, and its pages next to AWS's services."""

import functools
import gc
import hmac
import json
import logging
import os
import secrets
import signal
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pulumi_moto.account import Account, AwsError
from pulumi_moto.admission import Answer, Environ
from pulumi_moto.backends import account_id
from pulumi_moto.images import publish
from pulumi_moto.serving import Simulation, aws_regions, served

from . import images
from .seed import SEED

STATE_FILE_SECONDS: Final = 2.0
HINT: Final = (
    ". If another version of GeuseMaker started the account: `geusemaker local stop` ends it, "
    "and `make up` starts a new one"
)

log = logging.getLogger(__name__)


class OwnPages:
    """The pages of the simulated account itself; a request needs its token."""

    def __init__(self, token: str, simulation: Simulation) -> None:
        self._token = token
        self._simulation = simulation

    def __call__(self, environ: Environ) -> Answer | None:
        """The answer for one of these pages; None for any other path."""
        path = environ.get("PATH_INFO", "")
        if not path.startswith("/geusemaker/"):
            return None
        token = environ.get("HTTP_X_GEUSEMAKER_TOKEN", "")
        if hmac.compare_digest(token.encode(), self._token.encode()):
            status, body = self._own(environ["REQUEST_METHOD"], path, environ)
        else:
            status, body = "403 Forbidden", {"error": "the request has no valid token"}
        return Answer(status, "application/json", json.dumps(body).encode())

    def _own(self, method: str, path: str, environ: Environ) -> tuple[str, Any]:
        match method, path:
            case "GET", "/geusemaker/health":
                return "200 OK", {"pid": os.getpid()}
            case "GET", "/geusemaker/resources":
                with Account.lock:
                    return "200 OK", self._simulation.alive()
            case "GET", _ if path.startswith("/geusemaker/instance-types/"):
                account = self._simulation.account(self._simulation.region)
                try:
                    with Account.lock:
                        return "200 OK", account.instance_type(path.rpartition("/")[2])
                except AwsError as unknown:
                    return "400 Bad Request", {"error": unknown.message}
            case "POST", "/geusemaker/release":
                length = int(environ.get("CONTENT_LENGTH") or 0)
                try:
                    request = json.loads(environ["wsgi.input"].read(length))
                    return "200 OK", self._release(request)
                except ValueError as wrong:
                    return "400 Bad Request", {"error": str(wrong)}
        return "404 Not Found", {"error": f"no such page: {method} {path}"}

    def _release(self, request: Any) -> dict[str, Any]:
        """Publishes a newer image. Raises `ValueError` for an invalid request."""
        if not isinstance(request, Mapping):
            raise ValueError("a release is an object with a name and an architecture")
        try:
            name, architecture = str(request["name"]), str(request["architecture"])
        except KeyError as missing:
            raise ValueError(f"the release has no {missing.args[0]}") from missing
        region, root_gib = request.get("region") or self._simulation.region, request.get("root_gib")
        if root_gib is not None and type(root_gib) is not int:
            raise ValueError(f"root size {root_gib!r} is not a whole number of GiB")
        if region not in aws_regions():
            raise ValueError(f"{region!r} is not an AWS Region")
        with Account.lock:
            self._simulation.account(region)
            image = images.new_release(name, architecture, root_gib, region)
            publish(region, [image])
        return {
            "id": image.id,
            "name": image.name,
            "architecture": image.architecture,
            "created": image.created.isoformat(),
            "root_gib": image.root_gib,
            "region": region,
        }


def serve(state_file: Path, region: str) -> None:
    """Serves until SIGTERM or SIGINT; writes `state_file` atomically once it is ready."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    token = secrets.token_hex(16)
    pages = functools.partial(OwnPages, token)
    with served(region, SEED, pages=pages, hint=HINT) as simulation:
        gc.freeze()  # a later collection does not visit what the start made
        gc.enable()
        _write_atomically(
            state_file,
            {
                "pid": os.getpid(),
                "provider_port": simulation.provider_port,
                "endpoint": simulation.endpoint,
                "account": account_id(),
                "region": region,
                "images": len(images.recorded(region)),
                "started": datetime.now(UTC).isoformat(timespec="seconds"),
                "token": token,
                "access_key_id": simulation.keys.id,
                "secret_access_key": simulation.keys.secret,
            },
        )
        log.info("ready: %s, provider on port %s", simulation.endpoint, simulation.provider_port)
        # Without its state file, such as after `rm -r .geusemaker`, no command finds the account.
        while not stop.wait(STATE_FILE_SECONDS):
            if not state_file.exists():
                log.info("the state file was removed")
                break
        log.info("stopping")


def _write_atomically(path: Path, content: Mapping[str, Any]) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}")
    part.unlink(missing_ok=True)
    part.touch(0o600, exist_ok=False)  # restrict access before the keys are written
    part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    part.replace(path)
