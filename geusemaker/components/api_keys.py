"""Keys with names: one kept value for each name, which ends with the name."""

from collections.abc import Sequence

import pulumi
from pulumi import ResourceOptions

from geusemaker.bundle.api_keys import API_KEYS, as_value, entry, new_key
from geusemaker.components.kept import output_of


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
        stash = pulumi.Stash(
            f"{name}-api-key-{label}",
            input=pulumi.Output.secret(new_key(label)),
            opts=ResourceOptions(
                parent=parent, ignore_changes=["input"], replacement_trigger=number
            ),
        )
        keys.append(pulumi.Output.secret(output_of(stash)))
    return {API_KEYS: pulumi.Output.all(*keys).apply(as_value)}
