"""The simulated account as one process: moto over HTTP and the provider over gRPC, on loopback."""

import concurrent.futures
import functools
import hmac
import json
import logging
import os
import secrets
import signal
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import grpc
from boto3.session import Session
from moto.moto_server.werkzeug_app import MotoRequestHandler, create_backend_app
from pulumi.runtime.proto import provider_pb2_grpc
from werkzeug.serving import make_server

from . import admission, agents, images, inventory, policies, quotas, schema
from .account import Account, AwsError
from .admission import SERVICES, Answer, Environ, Keys, Signed
from .provider import Provider

LOOPBACK: Final = "127.0.0.1"
MESSAGE_LIMIT: Final = 64 * 1024 * 1024  # bytes; the engine allows messages up to 400 MB

STATE_FILE_SECONDS: Final = 2.0

log = logging.getLogger(__name__)
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


class _Quiet(MotoRequestHandler):  # type: ignore[misc]
    """Requests go to the log file, and only their line."""

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        log.debug("%s %s", self.requestline, code)


@functools.cache
def _regions() -> frozenset[str]:
    return frozenset(Session().get_available_regions("ec2"))


@dataclass
class Simulation:
    """One account, its Regions, and who it is."""

    region: str
    token: str = field(default_factory=lambda: secrets.token_hex(16))
    """For the account's own pages."""
    keys: Keys = field(default_factory=Keys.random)
    """For the services of AWS."""
    endpoint: str = ""
    _accounts: dict[str, Account] = field(default_factory=dict)

    def account(self, region: str) -> Account:
        """The account in a Region; the Region's images are published at its first use."""
        if region not in self._accounts:
            images.seed(region)
            agents.seed(region)
            self._accounts[region] = Account(region, self.endpoint, self.keys)
        return self._accounts[region]

    def knows(self, region: str) -> bool:
        """Whether the Region is in use already, or is none."""
        return region in self._accounts or region not in _regions()

    def tagged(self, region: str, default_tags: Mapping[str, str]) -> Account:
        """The account in a Region as a run configures it."""
        account = self.account(region)
        account.default_tags = dict(default_tags)
        return account

    def alive(self) -> list[dict[str, str]]:
        """All that is left in any Region in use, and in IAM and EFS."""
        found: list[dict[str, str]] = []
        seen: set[str] = set()  # IAM is the same in every Region
        for region, account in self._accounts.items():
            items = [item for item in inventory.alive(account) if item["id"] not in seen]
            seen.update(item["id"] for item in items)
            found += [{**item, "region": region} for item in items]
        return found

    def instance_type(self, name: str) -> dict[str, Any]:
        """AWS's description of an instance type; `AwsError` for one that it does not have."""
        return self.account(self.region).instance_type(name)

    def release(self, wish: Any) -> dict[str, Any]:
        """Publish a newer image; `ValueError` says what is wrong with the wish."""
        if not isinstance(wish, Mapping):
            raise ValueError("a release is an object with a name and an architecture")
        try:
            name, architecture = str(wish["name"]), str(wish["architecture"])
        except KeyError as missing:
            raise ValueError(f"the release has no {missing.args[0]}") from missing
        region, root_gib = wish.get("region") or self.region, wish.get("root_gib")
        if root_gib is not None and type(root_gib) is not int:
            raise ValueError(f"root size {root_gib!r} is not a whole number of GiB")
        if region not in _regions():
            raise ValueError(f"{region!r} is not an AWS Region")
        with Account.lock:
            self.account(region)
            image = images.new_release(name, architecture, root_gib, region)
            images.publish(region, [image])
        return {
            "id": image.id,
            "name": image.name,
            "architecture": image.architecture,
            "created": image.created.isoformat(),
            "root_gib": image.root_gib,
            "region": region,
        }


class Front:
    """The account over HTTP: moto's services, and what only the simulated account can answer."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._lock = threading.Lock()
        self._services: dict[str, Application] = {}

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        taken = self._taken(environ)
        if not isinstance(taken, Answer):
            return taken(environ, start_response)
        length = str(len(taken.body))
        headers = [("Content-Type", taken.content_type), ("Content-Length", length)]
        start_response(taken.status, headers)
        return [taken.body]

    def _taken(self, environ: Environ) -> Answer | Application:
        """The service that a request is for, or the answer to it."""
        if refused := admission.of_a_page(environ, self._simulation.endpoint):
            return refused
        path = environ.get("PATH_INFO", "")
        # A signed request is for AWS, whatever its path: it may be for a bucket of that name.
        if path.startswith("/geusemaker/") and "HTTP_AUTHORIZATION" not in environ:
            return self._own_page(environ, path)
        signed = Signed.of(environ)
        if signed is None:
            return admission.unsigned()
        if refused := signed.refusal(environ, self._simulation.keys):
            return refused
        if signed.service == "ec2" and not images.has_region(signed.region):
            # AWS has no host there to say anything; moto would break off with a page of HTML.
            return admission.not_validated()
        if signed.service in ("ec2", "ssm"):
            self._open_region(signed.region)
        return self._service(signed.service)

    def _service(self, name: str) -> Application:
        """moto's application of one service. moto's dispatcher also goes by path, and by what is
        in the body, to pages that reset the account and to any service.
        """
        with self._lock:
            if name not in self._services:
                self._services[name] = create_backend_app(SERVICES[name])
            return self._services[name]

    def _open_region(self, region: str) -> None:
        """A Region has its images from the first request that is signed for it, as AWS's have."""
        if not self._simulation.knows(region):
            with Account.lock:
                self._simulation.account(region)

    def _own_page(self, environ: Environ, path: str) -> Answer:
        token = environ.get("HTTP_X_GEUSEMAKER_TOKEN", "")
        if hmac.compare_digest(token.encode(), self._simulation.token.encode()):
            status, body = self._own(environ["REQUEST_METHOD"], path, environ)
        else:
            status, body = "403 Forbidden", {"error": "only those who know the token are answered"}
        return Answer(status, "application/json", json.dumps(body).encode())

    def _own(self, method: str, path: str, environ: Environ) -> tuple[str, Any]:
        match method, path:
            case "GET", "/geusemaker/health":
                return "200 OK", {"pid": os.getpid()}
            case "GET", "/geusemaker/resources":
                with Account.lock:
                    return "200 OK", self._simulation.alive()
            case "GET", _ if path.startswith("/geusemaker/instance-types/"):
                try:
                    with Account.lock:
                        return "200 OK", self._simulation.instance_type(path.rpartition("/")[2])
                except AwsError as unknown:
                    return "400 Bad Request", {"error": unknown.message}
            case "POST", "/geusemaker/release":
                length = int(environ.get("CONTENT_LENGTH") or 0)
                try:
                    wish = json.loads(environ["wsgi.input"].read(length))
                    return "200 OK", self._simulation.release(wish)
                except ValueError as wrong:
                    return "400 Bad Request", {"error": str(wrong)}
        return "404 Not Found", {"error": f"no such page: {method} {path}"}


def serve(state_file: Path, region: str) -> None:
    """Run until SIGTERM or SIGINT; `state_file` appears, whole, once all is ready."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    simulation = Simulation(region)
    http = make_server(LOOPBACK, 0, Front(simulation), threaded=True, request_handler=_Quiet)
    simulation.endpoint = f"http://{LOOPBACK}:{http.server_port}"
    threading.Thread(target=http.serve_forever, daemon=True, name="aws").start()
    policies.seed()
    quotas.seed()
    schema.preload()
    simulation.account(region)

    rpc = grpc.server(
        concurrent.futures.ThreadPoolExecutor(max_workers=16, thread_name_prefix="provider"),
        options=[
            ("grpc.max_receive_message_length", MESSAGE_LIMIT),
            ("grpc.max_send_message_length", MESSAGE_LIMIT),
            ("grpc.so_reuseport", 0),
        ],
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(simulation.tagged), rpc)
    provider_port = rpc.add_insecure_port(f"{LOOPBACK}:0")
    rpc.start()

    _write_whole(
        state_file,
        {
            "pid": os.getpid(),
            "provider_port": provider_port,
            "endpoint": simulation.endpoint,
            "account": images.account_id(),
            "region": region,
            "images": len(images.recorded(region)),
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "token": simulation.token,
            "access_key_id": simulation.keys.id,
            "secret_access_key": simulation.keys.secret,
        },
    )
    log.info("ready: %s, provider on port %s", simulation.endpoint, provider_port)
    # Nobody can find an account whose state file is gone, such as after `rm -r .geusemaker`.
    while not stop.wait(STATE_FILE_SECONDS):
        if not state_file.exists():
            log.info("the state file is gone")
            break
    log.info("stopping")
    rpc.stop(grace=2).wait()
    http.shutdown()


def _write_whole(path: Path, content: Mapping[str, Any]) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}")
    part.unlink(missing_ok=True)
    part.touch(0o600, exist_ok=False)  # before the keys are in it
    part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    part.replace(path)
