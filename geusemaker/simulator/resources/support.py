"""What the resource types of one service share."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from ..account import Account, AwsError
from ..resource import Resource, all_tags, aws_tags, plain_tags

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

    def retag(
        self, account: Account, id_: str, state: Mapping[str, Any], inputs: Mapping[str, Any]
    ) -> None:
        """Bring the tags to those of `inputs`."""
        old, new = state.get("tagsAll") or {}, all_tags(account, inputs)
        action = f"updating tags for EC2 resource ({id_})"
        if removed := [{"Key": key} for key in old.keys() - new.keys()]:
            account.call(action, "ec2", "delete_tags", Resources=[id_], Tags=removed)
        if added := [{"Key": k, "Value": v} for k, v in new.items() if old.get(k) != v]:
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
