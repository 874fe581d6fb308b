"""The simulated account: moto's state behind boto3 clients, and what moto has no room for."""

import contextlib
import dataclasses
import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import boto3
import botocore.config
import botocore.exceptions

from .admission import MADE_UP, Keys
from .backends import account_id


@functools.cache
def _session() -> boto3.session.Session:
    """One session for all accounts: it keeps AWS's service descriptions, which are slow to read."""
    return boto3.session.Session()


@functools.lru_cache(maxsize=64)
def _client(service: str, region: str, endpoint: str | None, keys: Keys) -> Any:
    """A client of boto3, which is slow to make: kept also for the next account of the process."""
    # boto3's stubs know each service by its literal name; here it is any of them.
    make: Callable[..., Any] = _session().client
    return make(
        service,
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id=keys.id,
        aws_secret_access_key=keys.secret,
        config=botocore.config.Config(  # type: ignore[call-arg]  # the stub lacks the last one
            retries={"max_attempts": 1},
            connect_timeout=5,
            read_timeout=30,
            # AWS_ENDPOINT_URL_EC2 and the like would lead out of this account.
            ignore_configured_endpoint_urls=True,
        ),
    )


# A HEAD request of S3 has no body, so its error has no other code than the status.
_GONE: Final = ("404", "Gateway.NotAttached", "NotFoundException", "ResourceNotFoundException")


class AwsError(Exception):
    """AWS refuses a call. `str()` is the text that the real provider would show."""

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

    @property
    def is_gone(self) -> bool:
        """Whether the thing of the call, or what the thing belongs to, does not exist."""
        return (
            self.code.endswith("NotFound") or self.code.startswith("NoSuch") or self.code in _GONE
        )


class UnfinishedError(AwsError):
    """The provider waits in vain for what AWS has made or changed: it is recorded all the same."""

    def __init__(self, id_: str, why: str) -> None:
        Exception.__init__(self, f"1 error occurred:\n\t* {why}\n\n")
        self.id, self.code, self.message = id_, "", why


class Service:
    """One of AWS's services in an account: `account.ec2.create_vpc(CidrBlock=...)` calls it."""

    def __init__(self, account: "Account", name: str) -> None:
        self._account = account
        self._name = name

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        return functools.partial(self._account.call, self._name, operation)

    @property
    def id(self) -> str:
        """Its name in AWS's errors, such as "EC2"."""
        return str(self._account.client(self._name).meta.service_model.service_id)

    def refuse(self, operation: str, code: str, message: str) -> AwsError:
        """An error of AWS that moto does not raise; `operation` such as "CreateVpc"."""
        return AwsError(self._account.action, self.id, operation, code, message)


class _Bound:
    """Makes a service an attribute of the account."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, account: "Account", owner: type) -> Service:
        return Service(account, self._name)


@dataclass
class Account:
    """One simulated account seen from one Region.

    `endpoint` is moto's address on loopback; without one, boto3 must be mocked in this process.
    `action` is the verb phrase of the errors, as in "creating EC2 VPC".
    """

    region: str
    endpoint: str | None = None
    keys: Keys = MADE_UP
    default_tags: Mapping[str, str] = field(default_factory=dict)
    action: str = "reading"
    _types: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)

    autoscaling = _Bound()
    backup = _Bound()
    cloudwatch = _Bound()
    ec2 = _Bound()
    efs = _Bound()
    iam = _Bound()
    kms = _Bound()
    route53 = _Bound()
    s3 = _Bound()
    ssm = _Bound()

    # One call at a time for the whole account: moto's state has no locks of its own, and runs
    # that do the same things in the same order give the same ids.
    lock = threading.RLock()

    @property
    def id(self) -> str:
        """Account number."""
        return account_id()

    def during(self, action: str) -> "Account":
        """The same account, whose errors name this action."""
        return dataclasses.replace(self, action=action)

    def client(self, service: str) -> Any:
        """boto3 client of the account."""
        return _client(service, self.region, self.endpoint, self.keys)

    def call(self, service: str, operation: str, **arguments: Any) -> dict[str, Any]:
        """One API call by boto3's names. Raises `AwsError`."""
        client = self.client(service)
        method: Callable[..., dict[str, Any]] = getattr(client, operation)
        try:
            return method(**arguments)
        except botocore.exceptions.ClientError as refused:
            error = refused.response["Error"]
            raise AwsError(
                self.action,
                client.meta.service_model.service_id,
                refused.operation_name,
                error["Code"],
                error["Message"],
                refused.response["ResponseMetadata"]["HTTPStatusCode"],
            ) from refused

    def instance_type(self, name: str) -> dict[str, Any]:
        """DescribeInstanceTypes of one type; called once, since moto reads all types each time."""
        if name not in self._types:
            reading = self.during(f"reading EC2 Instance Type ({name})")
            answer = reading.ec2.describe_instance_types(InstanceTypes=[name])
            self._types[name] = answer["InstanceTypes"][0]
        return self._types[name]

    def arn(self, service: str, resource: str) -> str:
        """ARN of something in this account and Region."""
        return f"arn:aws:{service}:{self.region}:{self.id}:{resource}"


@contextlib.contextmanager
def gone_is_fine() -> Iterator[None]:
    """Deleting what does not exist any more succeeds, as in the real provider."""
    try:
        yield
    except AwsError as error:
        if not error.is_gone:
            raise
