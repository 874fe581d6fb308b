"""Tags, between the provider's maps and the lists of AWS's APIs."""

from collections.abc import Mapping
from typing import Any

from .account import Account
from .wire import UNKNOWN, has_unknown


def all_tags(account: Account, inputs: Mapping[str, Any]) -> Any:
    """The provider's default tags and over them the resource's own; unknown while one is."""
    own = inputs.get("tags") or {}
    if has_unknown(own):
        return UNKNOWN
    return {**account.default_tags, **own}


def aws_tags(account: Account, inputs: Mapping[str, Any]) -> list[dict[str, str]]:
    """All tags in the form of AWS's APIs."""
    return listed(all_tags(account, inputs))


def listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """A map of tags in the form of AWS's APIs."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def plain_tags(tags: list[dict[str, str]] | None) -> dict[str, str]:
    """Tags of an AWS answer as a map."""
    return {tag["Key"]: tag["Value"] for tag in tags or []}


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


def tag_change(
    old: Mapping[str, str] | None, new: Mapping[str, str]
) -> tuple[list[str], list[dict[str, str]]]:
    """Keys of the tags that go, and the tags that come or change, as AWS's APIs take them."""
    before = old or {}
    changed = {key: value for key, value in new.items() if before.get(key) != value}
    return sorted(before.keys() - new.keys()), listed(changed)
