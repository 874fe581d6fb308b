"""The simulated account: moto's state behind boto3 clients, and what moto has no room for."""

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
import botocore.config
import botocore.exceptions

from .admission import MADE_UP, Keys
from .backends import account_id


@functools.cache
def _session() -> boto3.session.Session:
    """One session for all accounts: it keeps AWS's service descriptions, which are slow to read."""
    return boto3.session.Session()


class AwsError(Exception):
    """AWS refuses a call. `str()` is what the real provider would show for it."""

    def __init__(
        self,
        action: str,
        service: str,
        operation: str,
        code: str,
        message: str,
        status: int = 400,
    ) -> None:
        self.code = code
        self.message = message
        super().__init__(
            f"1 error occurred:\n\t* {action}: operation error {service}: {operation}, "
            f"https response error StatusCode: {status}, RequestID: simulated, "
            f"api error {code}: {message}\n\n"
        )


@dataclass
class Account:
    """One simulated account seen from one Region.

    `endpoint` is moto's address on loopback; without one, boto3 must be mocked in this process.
    """

    region: str
    endpoint: str | None = None
    keys: Keys = MADE_UP
    default_tags: Mapping[str, str] = field(default_factory=dict)
    _clients: dict[str, Any] = field(default_factory=dict, repr=False)
    _types: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)

    # One call at a time for the whole account: moto's state has no locks of its own, and runs
    # that do the same things in the same order give the same ids.
    lock = threading.RLock()

    @property
    def id(self) -> str:
        """Account number."""
        return account_id()

    def client(self, service: str) -> Any:
        """boto3 client of the account; made once, since making one is slow."""
        if service not in self._clients:
            # boto3's stubs know each service by its literal name; here it is any of them.
            make: Callable[..., Any] = _session().client
            self._clients[service] = make(
                service,
                region_name=self.region,
                endpoint_url=self.endpoint,
                aws_access_key_id=self.keys.id,
                aws_secret_access_key=self.keys.secret,
                config=botocore.config.Config(  # type: ignore[call-arg]  # the stub lacks the last one
                    retries={"max_attempts": 1},
                    connect_timeout=5,
                    read_timeout=30,
                    # AWS_ENDPOINT_URL_EC2 and the like would lead out of this account.
                    ignore_configured_endpoint_urls=True,
                ),
            )
        return self._clients[service]

    def call(self, action: str, service: str, operation: str, **arguments: Any) -> dict[str, Any]:
        """One API call; `action` is the verb phrase of the error, as in "creating EC2 VPC"."""
        method: Callable[..., dict[str, Any]] = getattr(self.client(service), operation)
        try:
            return method(**arguments)
        except botocore.exceptions.ClientError as refused:
            error = refused.response["Error"]
            raise AwsError(
                action,
                self.client(service).meta.service_model.service_id,
                refused.operation_name,
                error["Code"],
                error["Message"],
                refused.response["ResponseMetadata"]["HTTPStatusCode"],
            ) from refused

    def instance_type(self, name: str) -> dict[str, Any]:
        """DescribeInstanceTypes of one type; asked once, since moto reads all types for each."""
        if name not in self._types:
            self._types[name] = self.call(
                f"reading EC2 Instance Type ({name})",
                "ec2",
                "describe_instance_types",
                InstanceTypes=[name],
            )["InstanceTypes"][0]
        return self._types[name]

    def refuse(
        self, action: str, service: str, operation: str, code: str, message: str
    ) -> AwsError:
        """An error of AWS's that moto would not raise by itself."""
        return AwsError(action, service, operation, code, message)

    def arn(self, service: str, resource: str, *, region: bool = True) -> str:
        """ARN of something in this account."""
        return f"arn:aws:{service}:{self.region if region else ''}:{self.id}:{resource}"


@contextlib.contextmanager
def gone_is_fine(*codes: str) -> Iterator[None]:
    """Deleting what is not there any more succeeds, as in the real provider."""
    try:
        yield
    except AwsError as error:
        if error.code not in codes:
            raise
