"""A deployed stack in the world: an instance and two parameters in moto, and time that tests move.

moto dates an instance by this machine's clock, so reports are dated a century after or before.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.exceptions import ClientError

from geusemaker.bundle import SECRET_NAMES
from geusemaker.components.tier1 import connect_command

from .world import World

AFTER, BEFORE = "2126-11-24T01:02:03Z", "2025-11-24T01:02:03Z"
OLD, NEW = "a" * 64, "b" * 64
SECRETS = {name: f"value-of-{name}-end" for name in SECRET_NAMES}
OUTPUTS = ("status-1", "credentials-1", "settings-1")

Answer = Callable[..., Any]


def refusal(operation: str, code: str, said: str = "AWS's own words") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": said}}, operation)


@functools.cache
def aws(service: str) -> Any:
    """One client of a service for all tests; each test has a new moto."""
    make: Any = boto3.client
    return make(service, region_name="us-east-1")


@dataclass
class Client:
    """A boto3 client, with given answers of some methods; it records its calls."""

    real: Any
    answers: dict[str, Answer | Exception]
    recorded: list[tuple[str, dict[str, Any]]]

    def __getattr__(self, name: str) -> Any:
        def ask(**arguments: Any) -> Any:
            self.recorded.append((name, arguments))
            answer = self.answers.get(name, getattr(self.real, name))
            if isinstance(answer, Exception):
                raise answer
            return answer(**arguments)

        return ask


@dataclass
class Deployed:
    """The stack, and what AWS answers."""

    world: World
    id: str
    answers: dict[str, Answer | Exception] = field(default_factory=dict)
    recorded: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    now: float = 0.0
    slept: list[float] = field(default_factory=list)
    later: dict[float, Callable[[], object]] = field(default_factory=dict)
    """What happens at a time; sleeping brings it."""

    def client(self, name: str) -> Client:
        return Client(aws(name), self.answers, self.recorded)

    def calls(self, *names: str) -> list[dict[str, Any]]:
        return [arguments for name, arguments in self.recorded if name in names]

    def put(self, name: str, text: str, kind: str = "String") -> None:
        aws("ssm").put_parameter(Name=name, Value=text, Type=kind, Overwrite=True)

    def report(self, state: str = "ready", *lines: str, **fields: str) -> None:
        """What the host reports from now on; since its start, unless another `time` is given."""
        printed = {
            "state": state,
            "instance": self.id,
            "boot": "boot-1",
            "time": AFTER,
            "running": NEW,
            "wanted": NEW,
            **fields,
        }
        self.put("status-1", "\n".join([*(f"{k}={v}" for k, v in printed.items()), *lines]))

    def settings(self, digest: str) -> None:
        """What the stack names from now on."""
        self.put("settings-1", f"sha256={digest}\nbucket=b\nkey=k\nurl=u\nsites=s")

    def state(self, name: str) -> None:
        """Has EC2 say so of the instance from now on."""
        answered: dict[str, Any] = {}  # moto's answers, which a test that waits asks for often

        def describe(**arguments: Any) -> Any:
            printed = answered.get(repr(arguments)) or aws("ec2").describe_instances(**arguments)
            answered[repr(arguments)] = printed
            printed["Reservations"][0]["Instances"][0]["State"] = {"Name": name}
            return printed

        self.answers["describe_instances"] = describe

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        for when in sorted(self.later):
            if when <= self.now:
                self.later.pop(when)()


def deploy(world: World, kind: str = "m6i.xlarge") -> Deployed:
    """A stack that runs, and has not reported yet."""
    instance = aws("ec2").run_instances(
        ImageId="ami-0391c53a255869d46", MinCount=1, MaxCount=1, InstanceType=kind
    )
    found = Deployed(world, instance["Instances"][0]["InstanceId"])
    world.config("")
    world.answers(
        output={
            "instanceId": found.id,
            "statusParameter": "status-1",
            "credentialsParameter": "credentials-1",
            "settingsParameter": "settings-1",
            "url": "https://localhost:8443",
            "connectCommand": connect_command(found.id, "us-east-1"),
        }
    )
    found.put("status-1", "state=unknown")
    found.put("credentials-1", lines_of(SECRETS), "SecureString")
    found.settings(NEW)
    world.clients(found.client)
    for module in ("status", "power"):
        world.patch.setattr(f"geusemaker.cli.{module}._sleep", found.sleep)
        world.patch.setattr(f"geusemaker.cli.{module}._clock", lambda: found.now)
    world.patch.setattr("geusemaker.cli.logs._sleep", found.sleep)
    return found


def lines_of(secrets: dict[str, str]) -> str:
    return "\n".join(f"{name}={value}" for name, value in sorted(secrets.items()))
