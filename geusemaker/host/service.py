"""Asks EC2 and Systems Manager about one host, and tells them what to do with it.

Thin: it calls, and turns refusals into `AwsError`. What the answers mean is in
`geusemaker.host`.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from botocore.exceptions import BotoCoreError, ClientError

from geusemaker.errors import AwsError, HostError, NotAllowedError
from geusemaker.host.status import BURSTABLE, GONE, Instance
from geusemaker.services.aws_errors import translate

DOCUMENT: Final = "AWS-RunShellScript"
DELIVERY_SECONDS: Final = 60
"""How long Systems Manager tries to hand a command to the host; 30 is the least it takes."""

_UNKNOWN_INSTANCE: Final = ("InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed")


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command on the host came to.

    Attributes:
        status: As Systems Manager names it: "Success", "Failed", "InProgress" and others.
        code: The command's exit code; -1 while it has none.
    """

    status: str
    code: int
    out: str
    err: str

    @property
    def has_ended(self) -> bool:
        """Whether nothing more comes of it."""
        return self.status not in ("Pending", "InProgress", "Delayed", "Cancelling")


class HostService:
    """One Region's EC2 and Systems Manager, for one host."""

    def __init__(self, region: str, client: Callable[[str], Any]) -> None:
        """`client` makes a boto3 client of a service; each is made at its first use."""
        self.region = region
        self._make = client
        self._clients: dict[str, Any] = {}

    def instance(self, instance_id: str, *, in_full: bool = False) -> Instance:
        """What EC2 says of the host now; `in_full` asks for disks, credits and address too.

        Raises:
            AwsError: EC2 could not be asked. What `in_full` adds is left out instead.
        """
        with self._translated("ec2", "DescribeInstances"):
            try:
                told = self._client("ec2").describe_instances(InstanceIds=[instance_id])
            except ClientError as error:
                if error.response["Error"]["Code"] in _UNKNOWN_INSTANCE:
                    return Instance(id=instance_id)
                raise
        found = [one for part in told["Reservations"] for one in part["Instances"]]
        if not found:
            return Instance(id=instance_id)
        kind = found[0].get("InstanceType", "")
        return Instance(
            id=instance_id,
            type=kind,
            state=found[0].get("State", {}).get("Name", GONE),
            launched=found[0].get("LaunchTime"),
            disks_gib=self._disks(found[0]) if in_full else None,
            credits=self._credits(instance_id, kind) if in_full else None,
            has_address=self._has_address(instance_id) if in_full else None,
        )

    def _has_address(self, instance_id: str) -> bool | None:
        wanted = [{"Name": "instance-id", "Values": [instance_id]}]
        with contextlib.suppress(AwsError), self._translated("ec2", "DescribeAddresses"):
            return bool(self._client("ec2").describe_addresses(Filters=wanted)["Addresses"])
        return None

    def _disks(self, described: dict[str, Any]) -> int | None:
        ids = [
            one["Ebs"]["VolumeId"]
            for one in described.get("BlockDeviceMappings", [])
            if one.get("Ebs")
        ]
        if not ids:
            return None
        with contextlib.suppress(AwsError), self._translated("ec2", "DescribeVolumes"):
            told = self._client("ec2").describe_volumes(VolumeIds=ids)
            return sum(int(one["Size"]) for one in told["Volumes"])
        return None

    def _credits(self, instance_id: str, kind: str) -> str | None:
        if not kind.startswith(BURSTABLE):
            return None
        operation = "DescribeInstanceCreditSpecifications"
        with contextlib.suppress(AwsError), self._translated("ec2", operation):
            told = self._client("ec2").describe_instance_credit_specifications(
                InstanceIds=[instance_id]
            )
            return next(
                (one.get("CpuCredits") for one in told["InstanceCreditSpecifications"]), None
            )
        return None

    def stop(self, instance_id: str) -> None:
        """Asks EC2 to stop it. Raises `AwsError`."""
        with self._translated("ec2", "StopInstances"):
            self._client("ec2").stop_instances(InstanceIds=[instance_id])

    def start(self, instance_id: str) -> None:
        """Asks EC2 to start it. Raises `AwsError`."""
        with self._translated("ec2", "StartInstances"):
            self._client("ec2").start_instances(InstanceIds=[instance_id])

    def parameter(self, name: str, *, secret: bool = False) -> str:
        """The value of a parameter.

        Raises:
            HostError: There is none of that name.
            AwsError: It could not be read.
        """
        with self._translated("ssm", "GetParameter"):
            try:
                told = self._client("ssm").get_parameter(Name=name, WithDecryption=secret)
            except ClientError as error:
                if error.response["Error"]["Code"] == "ParameterNotFound":
                    _no_parameter(name, self.region)
                raise
        return str(told["Parameter"]["Value"])

    def is_connected(self, instance_id: str) -> bool | None:
        """Whether Systems Manager reaches the host; None for a caller who may not ask."""
        with (
            contextlib.suppress(NotAllowedError),
            self._translated("ssm", "DescribeInstanceInformation"),
        ):
            told = self._client("ssm").describe_instance_information(
                Filters=[{"Key": "InstanceIds", "Values": [instance_id]}]
            )
            return any(one.get("PingStatus") == "Online" for one in told["InstanceInformationList"])
        return None

    def send(self, instance_id: str, lines: Sequence[str]) -> str | None:
        """Has the host run the lines in its shell; the command's id.

        None when Systems Manager does not reach the host. Raises `AwsError`.
        """
        with self._translated("ssm", "SendCommand"):
            try:
                told = self._client("ssm").send_command(
                    InstanceIds=[instance_id],
                    DocumentName=DOCUMENT,
                    TimeoutSeconds=DELIVERY_SECONDS,
                    Parameters={"commands": list(lines), "executionTimeout": ["60"]},
                )
            except ClientError as error:
                if error.response["Error"]["Code"] == "InvalidInstanceId":
                    return None
                raise
        return str(told["Command"]["CommandId"])

    def ran(self, instance_id: str, command: str) -> Ran:
        """How far a command is. Raises `AwsError`."""
        with self._translated("ssm", "GetCommandInvocation"):
            try:
                told = self._client("ssm").get_command_invocation(
                    CommandId=command, InstanceId=instance_id
                )
            except ClientError as error:
                # In the first moments Systems Manager does not know what it has just taken.
                if error.response["Error"]["Code"] == "InvocationDoesNotExist":
                    return Ran("Pending", -1, "", "")
                raise
        return Ran(
            told["Status"],
            told.get("ResponseCode", -1),
            told.get("StandardOutputContent", ""),
            told.get("StandardErrorContent", ""),
        )

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self._make(service)
        return self._clients[service]

    @contextlib.contextmanager
    def _translated(self, service: str, operation: str) -> Iterator[None]:
        try:
            yield
        except (BotoCoreError, ClientError, ValueError) as error:
            raise translate(
                error, service=service, operation=operation, region=self.region
            ) from error


def _no_parameter(name: str, region: str) -> NoReturn:
    raise HostError(
        f"The parameter {name} is not in Systems Manager in {region}, though the stack's outputs "
        "name it: it was deleted, or these credentials are of another account. `aws sts "
        "get-caller-identity` shows the account; `pulumi up --refresh` makes the parameter anew "
        "where it was deleted."
    )
