"""Keys with names: one kept value for each name, which ends with the name."""

from collections.abc import Sequence

import pulumi

from geusemaker.bundle.api_keys import API_KEYS, as_value, entry, new_key
from geusemaker.components.kept import keep_secret


def make_api_keys(
    name: str, items: Sequence[str], parent: pulumi.Resource
) -> dict[str, pulumi.Output[str]]:
    """The secret with the keys of `apiKeys`, by its name; empty without items.

    Another number of a name is another key.
    """
    if not items:
        return {}
    keys = []
    for item in items:
        label, number = entry(item) or (item, 1)
        key = keep_secret(f"{name}-api-key-{label}", new_key(label), parent, trigger=number)
        keys.append(key)
    return {API_KEYS: pulumi.Output.all(*keys).apply(as_value)}
