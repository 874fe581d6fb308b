"""What the provider's functions share: their errors, filters and arguments."""

from collections.abc import Mapping
from typing import Any

from .resources.support import filters

Answer = dict[str, Any]


class InvokeError(Exception):
    """A look-up fails. `str()` is what the real provider would show for it."""

    def __init__(self, *texts: str) -> None:
        many = f"{len(texts)} error{'s' if len(texts) > 1 else ''} occurred:\n"
        super().__init__(many + "".join(f"\t* {text}\n" for text in texts) + "\n")


def filters_of(
    arguments: Mapping[str, Any], named: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """EC2 filters of an invoke: its own `filters`, its tags, and those arguments in `named`.

    `named` maps an argument to its filter.
    """
    found = [{"Name": f["name"], "Values": f["values"]} for f in arguments.get("filters") or []]
    for argument, name in (named or {}).items():
        value = arguments.get(argument)
        if value is not None:
            text = str(value).lower() if isinstance(value, bool) else str(value)
            found += filters({name: text})
    if named is not None:
        tags = arguments.get("tags") or {}
        found += filters({f"tag:{key}": value for key, value in tags.items()})
    return found
