"""Calls EC2 and Systems Manager for one host.

It turns AWS's errors into `AwsError`. The other modules of this package interpret the answers.
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
"""How long Systems Manager tries to deliver a command; AWS's minimum is 30."""

_UNKNOWN_INSTANCE: Final = ("InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed")


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The state and output of a command on the host.

    Attributes:
        status: Systems Manager's name: "Success", "Failed", "InProgress" and others.
        code: The command's exit code; -1 while it has none.
    """

    status: str
    code: int
    out: str
    err: str

    @property
    def has_ended(self) -> bool:
        """Whether the status is final."""
        return self.status not in ("Pending", "InProgress", "Delayed", "Cancelling")


class HostService:
    """One Region's EC2 and Systems Manager, for one host."""

    def __init__(self, region: str, client: Callable[[str], Any]) -> None:
        """`client` creates the boto3 client of a service; it is called at first use."""
        self.region = region
        self._new_client = client
        self._clients: dict[str, Any] = {}

    def instance(self, instance_id: str, *, in_full: bool = False) -> Instance:
        """EC2's description of the host; `in_full` adds disks, credits and address.

        Raises:
            AwsError: `DescribeInstances` failed. Failures of the calls for `in_full` give None.
        """
        with self.translated("ec2", "DescribeInstances"):
            try:
                answer = self.client("ec2").describe_instances(InstanceIds=[instance_id])
            except ClientError as error:
                if error.response["Error"]["Code"] in _UNKNOWN_INSTANCE:
                    return Instance(id=instance_id)
                raise
        found = [one for part in answer["Reservations"] for one in part["Instances"]]
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
        filters = [{"Name": "instance-id", "Values": [instance_id]}]
        with contextlib.suppress(AwsError), self.translated("ec2", "DescribeAddresses"):
            return bool(self.client("ec2").describe_addresses(Filters=filters)["Addresses"])
        return None

    def _disks(self, described: dict[str, Any]) -> int | None:
        ids = [
            one["Ebs"]["VolumeId"]
            for one in described.get("BlockDeviceMappings", [])
            if one.get("Ebs")
        ]
        if not ids:
            return None
        with contextlib.suppress(AwsError), self.translated("ec2", "DescribeVolumes"):
            answer = self.client("ec2").describe_volumes(VolumeIds=ids)
            return sum(int(one["Size"]) for one in answer["Volumes"])
        return None

    def _credits(self, instance_id: str, kind: str) -> str | None:
        if not kind.startswith(BURSTABLE):
            return None
        operation = "DescribeInstanceCreditSpecifications"
        with contextlib.suppress(AwsError), self.translated("ec2", operation):
            answer = self.client("ec2").describe_instance_credit_specifications(
                InstanceIds=[instance_id]
            )
            return next(
                (one.get("CpuCredits") for one in answer["InstanceCreditSpecifications"]), None
            )
        return None

    def stop(self, instance_id: str) -> None:
        """Requests a stop. Raises `AwsError`."""
        with self.translated("ec2", "StopInstances"):
            self.client("ec2").stop_instances(InstanceIds=[instance_id])

    def start(self, instance_id: str) -> None:
        """Requests a start. Raises `AwsError`."""
        with self.translated("ec2", "StartInstances"):
            self.client("ec2").start_instances(InstanceIds=[instance_id])

    def parameter(self, name: str, *, secret: bool = False) -> str:
        """The value of a parameter.

        Raises:
            HostError: It does not exist.
            AwsError: It could not be read.
        """
        with self.translated("ssm", "GetParameter"):
            try:
                answer = self.client("ssm").get_parameter(Name=name, WithDecryption=secret)
            except ClientError as error:
                if error.response["Error"]["Code"] == "ParameterNotFound":
                    _no_parameter(name, self.region)
                raise
        return str(answer["Parameter"]["Value"])

    def is_connected(self, instance_id: str) -> bool | None:
        """Whether Systems Manager reaches the host; None without permission for the call."""
        with (
            contextlib.suppress(NotAllowedError),
            self.translated("ssm", "DescribeInstanceInformation"),
        ):
            answer = self.client("ssm").describe_instance_information(
                Filters=[{"Key": "InstanceIds", "Values": [instance_id]}]
            )
            return any(
                one.get("PingStatus") == "Online" for one in answer["InstanceInformationList"]
            )
        return None

    def send(self, instance_id: str, lines: Sequence[str]) -> str | None:
        """Sends shell lines to the host; the command's id.

        None when Systems Manager does not reach the host. Raises `AwsError`.
        """
        with self.translated("ssm", "SendCommand"):
            try:
                answer = self.client("ssm").send_command(
                    InstanceIds=[instance_id],
                    DocumentName=DOCUMENT,
                    TimeoutSeconds=DELIVERY_SECONDS,
                    Parameters={"commands": list(lines), "executionTimeout": ["60"]},
                )
            except ClientError as error:
                if error.response["Error"]["Code"] == "InvalidInstanceId":
                    return None
                raise
        return str(answer["Command"]["CommandId"])

    def command_result(self, instance_id: str, command: str) -> CommandResult:
        """State and output of a command. Raises `AwsError`."""
        with self.translated("ssm", "GetCommandInvocation"):
            try:
                answer = self.client("ssm").get_command_invocation(
                    CommandId=command, InstanceId=instance_id
                )
            except ClientError as error:
                # Systems Manager is eventually consistent: a new command may not be visible yet.
                if error.response["Error"]["Code"] == "InvocationDoesNotExist":
                    return CommandResult("Pending", -1, "", "")
                raise
        return CommandResult(
            answer["Status"],
            answer.get("ResponseCode", -1),
            answer.get("StandardOutputContent", ""),
            answer.get("StandardErrorContent", ""),
        )

    def client(self, service: str) -> Any:
        """The boto3 client of a service, the same each time."""
        if service not in self._clients:
            self._clients[service] = self._new_client(service)
        return self._clients[service]

    @contextlib.contextmanager
    def translated(self, service: str, operation: str) -> Iterator[None]:
        """Raises boto3's errors in the block as `AwsError`."""
        try:
            yield
        except (BotoCoreError, ClientError, ValueError) as error:
            raise translate(
                error, service=service, operation=operation, region=self.region
            ) from error


def _no_parameter(name: str, region: str) -> NoReturn:
    raise HostError(
        f"The parameter {name} is not in Systems Manager in {region}, though the stack's outputs "
        "name it: it was deleted, or these credentials belong to another account. `aws sts "
        "get-caller-identity` shows the account; `pulumi up --refresh` creates the parameter again "
        "if it was deleted."
    )
