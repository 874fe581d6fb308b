"""What the resource types of one service share."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from pulumi_moto.account import Account, AwsError
from pulumi_moto.resource import Resource, Update, all_tags, aws_tags, plain_tags
from pulumi_moto.schema import Problem

T = TypeVar("T")


def first(items: Sequence[T]) -> T | None:
    """The first item, if there is one."""
    return items[0] if items else None


def filters(wanted: Mapping[str, str | list[str]]) -> list[dict[str, Any]]:
    """EC2 filters of a map: a value, or several of which any fits."""
    return [
        {"Name": name, "Values": value if isinstance(value, list) else [value]}
        for name, value in wanted.items()
    ]


def own_tags(
    account: Account, tags: list[dict[str, str]] | None, state: Mapping[str, Any]
) -> dict[str, str]:
    """The resource's own tags: all, less those that only the provider's default tags put there."""
    given = state.get("tags") or {}
    return {
        key: value
        for key, value in plain_tags(tags).items()
        if key in given or account.default_tags.get(key) != value
    }


def policy_problem(key: str, text: Any) -> Iterator[Problem]:
    """What the real provider refuses about a policy document before it asks AWS."""
    if not isinstance(text, str):
        return
    try:
        parsed = json.loads(text)
    except ValueError as broken:
        yield Problem(key, f"contains an invalid JSON policy: {broken}")
        return
    if not isinstance(parsed, dict) or not parsed.get("Statement"):
        yield Problem(key, "contains an invalid JSON policy: no Statement")


def refuse_to_shrink(account: Account, action: str, wanted: int, existing: int) -> None:
    """Raises what EC2 answers where a volume is to become smaller; sizes in GiB."""
    if wanted < existing:
        raise account.refuse(
            action,
            "EC2",
            "ModifyVolume",
            "InvalidParameterValue",
            "New size cannot be smaller than existing size",
        )


def needed(inputs: Mapping[str, Any], *keys: str) -> Iterator[Problem]:
    """Problems for what AWS can do without, or find by itself, and the simulated account cannot."""
    for key in keys:
        if inputs.get(key) is None:
            yield Problem(key, "simulated only where it is set")


def not_simulated(inputs: Mapping[str, Any], hint: str, *keys: str) -> Iterator[Problem]:
    """Problems for what the provider declares and the simulated account does not do."""
    for key in keys:
        if inputs.get(key):
            yield Problem(key, f"not simulated: {hint}")


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


def tag_change(account: Account, change: Update) -> tuple[list[str], list[dict[str, str]]]:
    """Keys of the tags that go, and the tags that come or change, as AWS's APIs take them."""
    old, new = change.state.get("tagsAll") or {}, all_tags(account, change.inputs)
    added = [{"Key": key, "Value": value} for key, value in new.items() if old.get(key) != value]
    return sorted(old.keys() - new.keys()), added


class Ec2Resource(Resource):
    """A taggable thing of EC2."""

    kind: ClassVar[str]
    """Its name in tag specifications."""

    def tag_specifications(
        self, account: Account, inputs: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """Tags for the creating call; EC2 refuses an empty specification."""
        tags = aws_tags(account, inputs)
        return [{"ResourceType": self.kind, "Tags": tags}] if tags else []

    def update(self, account: Account, id_: str, change: Update) -> None:
        """Most of EC2's things change nothing in place but their tags."""
        self.retag(account, id_, change)

    def retag(self, account: Account, id_: str, change: Update) -> None:
        """Bring the tags to those of the new inputs."""
        removed, added = tag_change(account, change)
        action = f"updating tags for EC2 resource ({id_})"
        if removed:
            keys = [{"Key": key} for key in removed]
            account.call(action, "ec2", "delete_tags", Resources=[id_], Tags=keys)
        if added:
            account.call(action, "ec2", "create_tags", Resources=[id_], Tags=added)

    def described(
        self, account: Account, operation: str, list_name: str, **arguments: Any
    ) -> dict[str, Any] | None:
        """One described thing, or None when AWS does not know its id."""
        try:
            answer = account.call(f"reading {self.token}", "ec2", operation, **arguments)
        except AwsError as error:
            if error.code.endswith((".NotFound", "NotFound")):
                return None
            raise
        found: dict[str, Any] | None = first(answer[list_name])
        return found
