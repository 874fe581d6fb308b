"""The account over HTTP, for AWS's clients, and the provider over gRPC, for Pulumi's engine."""

import concurrent.futures
import contextlib
import functools
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
from boto3.session import Session
from moto.moto_server.werkzeug_app import MotoRequestHandler, create_backend_app
from pulumi.runtime.proto import provider_pb2_grpc
from werkzeug.serving import make_server

from . import admission, inventory, schema
from .account import Account
from .admission import SERVICES, Answer, Environ, Keys, Signed
from .backends import has_region
from .provider import Provider
from .regions import Regions
from .seed import NEW_ACCOUNT, Seed

LOOPBACK: Final = "127.0.0.1"
MESSAGE_LIMIT: Final = 64 * 1024 * 1024  # bytes; the engine allows messages up to 400 MB

log = logging.getLogger(__name__)
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]
Pages = Callable[[Environ], Answer | None]
"""Answers to unsigned requests that are not for AWS; None for all others."""


def no_pages(environ: Environ) -> Answer | None:
    """An account with AWS's services alone."""
    return None


class _Quiet(MotoRequestHandler):  # type: ignore[misc]
    """Requests go to the log file, and only their line."""

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        log.debug("%s %s", self.requestline, code)


@functools.cache
def aws_regions() -> frozenset[str]:
    """Names of AWS's Regions, as botocore lists them."""
    return frozenset(Session().get_available_regions("ec2"))


@dataclass
class Simulation(Regions):
    """One account and its Regions, at an address on loopback."""

    endpoint: str = ""
    keys: Keys = field(default_factory=Keys.random)
    """For the services of AWS."""
    provider_port: int = 0

    def knows(self, region: str) -> bool:
        """Whether the Region is in use already, or does not exist."""
        return region in self.in_use or region not in aws_regions()

    def alive(self) -> list[dict[str, str]]:
        """All that is left in any Region in use, and in IAM and EFS."""
        found: list[dict[str, str]] = []
        seen: set[str] = set()  # IAM is the same in every Region
        for region, account in self.in_use.items():
            items = [item for item in inventory.alive(account) if item["id"] not in seen]
            seen.update(item["id"] for item in items)
            found += [{**item, "region": region} for item in items]
        return found

    @property
    def environment(self) -> dict[str, str]:
        """Variables that lead the Pulumi CLI and AWS's clients here; set them on top of others."""
        return {
            "PULUMI_DEBUG_PROVIDERS": f"aws:{self.provider_port}",
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.keys.id,
            "AWS_SECRET_ACCESS_KEY": self.keys.secret,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
        }


class Front:
    """The account over HTTP: moto's services, and other `pages`."""

    def __init__(self, simulation: Simulation, pages: Pages = no_pages) -> None:
        self._simulation = simulation
        self._pages = pages
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
        # A signed request is for AWS, whatever its path: it may be for a bucket of that name.
        if "HTTP_AUTHORIZATION" not in environ and (page := self._pages(environ)):
            return page
        signed = Signed.of(environ)
        if signed is None:
            return admission.unsigned()
        if refused := signed.refusal(environ, self._simulation.keys):
            return refused
        if signed.service == "ec2" and not has_region(signed.region):
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
        """A Region is seeded before the first request that is signed for it."""
        if not self._simulation.knows(region):
            with Account.lock:
                self._simulation.account(region)


@contextlib.contextmanager
def served(
    region: str = "us-east-1",
    seed: Seed = NEW_ACCOUNT,
    *,
    pages: Callable[[Simulation], Pages] | None = None,
    hint: str = "",
) -> Iterator[Simulation]:
    """An account at two free ports of loopback for as long as the block.

    moto keeps its state in this process: one account at a time. `pages` makes the answers to
    unsigned requests, `hint` follows the message that a resource type is not simulated.
    """
    simulation = Simulation(region, seed)
    front = Front(simulation, pages(simulation) if pages else no_pages)
    http = make_server(LOOPBACK, 0, front, threaded=True, request_handler=_Quiet)
    simulation.endpoint = f"http://{LOOPBACK}:{http.server_port}"
    threading.Thread(target=http.serve_forever, daemon=True, name="aws").start()
    rpc = grpc.server(
        concurrent.futures.ThreadPoolExecutor(max_workers=16, thread_name_prefix="provider"),
        options=[
            ("grpc.max_receive_message_length", MESSAGE_LIMIT),
            ("grpc.max_send_message_length", MESSAGE_LIMIT),
            ("grpc.so_reuseport", 0),
        ],
    )
    try:
        seed.start()
        schema.preload()
        simulation.account(region)
        provider = Provider(simulation, hint)
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, rpc)
        simulation.provider_port = rpc.add_insecure_port(f"{LOOPBACK}:0")
        rpc.start()
        yield simulation
    finally:
        rpc.stop(grace=2).wait()
        http.shutdown()
        http.server_close()
