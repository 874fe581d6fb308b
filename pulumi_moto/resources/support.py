"""What the resource types share: a base for each service that has tags, and refusals."""

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from pulumi_moto.account import Account
from pulumi_moto.planning import Values
from pulumi_moto.resource import Resource
from pulumi_moto.schema import Problem
from pulumi_moto.tags import aws_tags

T = TypeVar("T")


def first(items: Sequence[T]) -> T | None:
    """The first item, if there is one."""
    return items[0] if items else None


def filters(wanted: Mapping[str, str | list[str]]) -> list[dict[str, Any]]:
    """EC2 filters of a map: a value, or a list of values, one of which must match."""
    return [
        {"Name": name, "Values": value if isinstance(value, list) else [value]}
        for name, value in wanted.items()
    ]


def picked(shown: Values, *names: str) -> dict[str, Any]:
    """Properties of an answer, by the provider's names: `VpcId` as `vpcId`."""
    return {uncapitalised(name): shown[name] for name in names}


def optional(shown: Values, *names: str) -> dict[str, Any]:
    """The same of properties that may be missing, which are then empty text."""
    return {uncapitalised(name): shown.get(name, "") for name in names}


def items(value: Any) -> list[Any]:
    """The items of a list; none while it is unknown, or is not there."""
    return value if isinstance(value, list) else []


def members(value: Any) -> Values:
    """The properties of an object; none while it is unknown, or is not there."""
    return value if isinstance(value, Mapping) else {}


def not_empty(found: Values, state: Values) -> dict[str, Any]:
    """Properties but the empty ones that the program does not name: the provider has no such."""
    return {key: value for key, value in found.items() if value or key in state}


def uncapitalised(name: str) -> str:
    """AWS's name of a property as the provider writes it."""
    return name[0].lower() + name[1:]


def capitalised(properties: Values) -> dict[str, Any]:
    """Properties by AWS's names: `vpcId` as `VpcId`."""
    return {key[0].upper() + key[1:]: value for key, value in properties.items()}


def given(**arguments: Any) -> dict[str, Any]:
    """The arguments of a call that have a value."""
    return {key: value for key, value in arguments.items() if value}


def base64_problem(key: str, data: Any) -> Iterator[Problem]:
    """A problem for text that is not base64."""
    if isinstance(data, str):
        try:
            base64.b64decode(data, validate=True)
        except binascii.Error as wrong:
            yield Problem(key, f"expected valid base64: {wrong}")


def choice_problem(key: str, value: Any, choices: Sequence[str]) -> Iterator[Problem]:
    """A problem for text that is none of the choices."""
    if isinstance(value, str) and value not in choices:
        yield Problem(key, f"expected {key} to be one of {list(choices)}, got {value}")


def refuse_to_shrink(account: Account, wanted: int, existing: int) -> None:
    """Raises EC2's error for a volume that is to become smaller; sizes in GiB."""
    if wanted < existing:
        why = "New size cannot be smaller than existing size"
        raise account.ec2.refuse("ModifyVolume", "InvalidParameterValue", why)


def public_dns(region: str, address: str) -> str:
    """AWS's name for a public address; no name for no address."""
    if not address:
        return ""
    domain = "compute-1" if region == "us-east-1" else f"{region}.compute"
    return f"ec2-{address.replace('.', '-')}.{domain}.amazonaws.com"


def private_dns(region: str, address: str) -> str:
    """AWS's name for a private address; no name for no address."""
    if not address:
        return ""
    domain = "ec2" if region == "us-east-1" else f"{region}.compute"
    return f"ip-{address.replace('.', '-')}.{domain}.internal"


class Ec2Resource(Resource):
    """A taggable thing of EC2."""

    service = "ec2"
    kind: ClassVar[str]
    """Its name in tag specifications and ARNs."""

    def arn(self, account: Account, id_: str) -> str:
        """The ARN of the thing."""
        return account.arn("ec2", f"{self.kind}/{id_}")

    def tag_specifications(self, account: Account, inputs: Values) -> list[dict[str, Any]]:
        """Tags for the creating call; EC2 refuses an empty specification."""
        tags = aws_tags(account, inputs)
        return [{"ResourceType": self.kind, "Tags": tags}] if tags else []

    def tag(self, account: Account, id_: str, tags: list[dict[str, str]]) -> None:
        account.ec2.create_tags(Resources=[id_], Tags=tags)

    def untag(self, account: Account, id_: str, keys: list[str]) -> None:
        account.ec2.delete_tags(Resources=[id_], Tags=[{"Key": key} for key in keys])
