"""Writes a Pulumi program without GeuseMaker that makes the same resources: the reference.

The program is as a user of `pulumi_aws` writes one: its classes with typed arguments, values of
earlier resources passed as outputs, everything else as literals. It has no components, no look-ups
and no checks.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_SECRET = "4dabf18193072939515e22adb298388d"  # noqa: S105 - how Pulumi marks a secret in a state
_STASH = "pulumi:index:Stash"
_SHORTEST = 4
"""Shorter values, such as numbers, are equal by chance."""


def program(exported: str) -> str:
    """The program for the output of `pulumi stack export --show-secrets`."""
    found = [
        one
        for one in json.loads(exported)["deployment"]["resources"]
        if one.get("custom") and not one["type"].startswith("pulumi:providers:")
    ]
    names = {one["urn"]: f"r{number}" for number, one in enumerate(found)}
    by_urn = {one["urn"]: one for one in found}
    modules = sorted({_module(one["type"]) for one in found if one["type"] != _STASH})
    imports = ["import pulumi", *(f"from pulumi_aws import {module}" for module in modules)]
    return "\n".join([*imports, *(_resource(one, names, by_urn) for one in found)]) + "\n"


def _module(token: str) -> str:
    return token.split(":")[1].partition("/")[0]


def _resource(one: Mapping[str, Any], names: Mapping[str, str], by_urn: Mapping[str, Any]) -> str:
    """The statement that makes one resource of the state."""
    name = names[one["urn"]]
    arguments = []
    for key, value in one["inputs"].items():
        # The provider adds `tagsAll` itself.
        if key == "tagsAll" or key.startswith("__"):
            continue
        earlier = one.get("propertyDependencies", {}).get(key, [])
        references = {
            text: f"{names[urn]}.{attribute}"
            for urn in earlier
            for text, attribute in _values(by_urn[urn])
        }
        arguments.append(f"    {_snake(key)}={_expression(value, references, key)},")
    made = (
        "pulumi.Stash"
        if one["type"] == _STASH
        else f"{_module(one['type'])}.{one['type'].rpartition(':')[2]}"
    )
    return "\n".join([f"{name} = {made}(", f'    "{name}",', *arguments, ")"])


def _values(one: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The values of a resource that others refer to, with their attributes."""
    if one["type"] == _STASH:
        values = [(one["outputs"]["output"], "output")]
    else:
        outputs = one["outputs"]
        values = [(outputs.get(key), key) for key in ("name", "arn")] + [(one["id"], "id")]
    for value, attribute in values:
        if isinstance(value, str) and len(value) >= _SHORTEST:
            yield value, attribute


def _expression(value: Any, references: Mapping[str, str], key: str = "") -> str:
    """Python source of a value, with what it has of earlier resources as their outputs."""
    match value:
        case {"plaintext": str(text)} if _SECRET in value:
            return f"pulumi.Output.secret({json.loads(text)!r})"
        case dict():
            parts = [
                f"{(one if key == 'tags' else _snake(one))!r}: {_expression(inner, references)}"
                for one, inner in value.items()
                if not one.startswith("__")
            ]
            return "{" + ", ".join(parts) + "}"
        case list():
            return "[" + ", ".join(_expression(one, references) for one in value) + "]"
        case str():
            return _text(value, references)
        case _:
            return repr(value)


def _text(value: str, references: Mapping[str, str]) -> str:
    if value in references:
        return references[value]
    # The longest first: an ARN contains a name.
    known = sorted((text for text in references if text in value), key=len, reverse=True)
    if not known:
        return repr(value)
    parts = [part for part in re.split("(" + "|".join(map(re.escape, known)) + ")", value) if part]
    return f"pulumi.Output.concat({', '.join(references.get(one, repr(one)) for one in parts)})"


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: f"_{found[1].lower()}", name)
