"""The simulated provider plans and records what the real one was measured to.

The facts are in `provider_facts.json`, with their source. Each is tried on the resources that this
program makes: a property is changed, removed, or (a block) added, and Diff says what that means.
What the simulator does otherwise is in `REST`, with the reason.
"""

import base64
import collections.abc
import copy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, cast, get_args, get_origin

import pulumi.runtime
import pytest
from components.adoptable import Adoptable
from components.rendering import deploy
from pulumi import _types as pulumi_types

from geusemaker.simulator.mocks import simulated_account
from pulumi_moto import schema
from pulumi_moto.account import Account
from pulumi_moto.mocks import SimulatedMocks
from pulumi_moto.table import TYPES
from simulator.scaled import scaled

FACTS: Final = json.loads(
    (Path(__file__).parent / "provider_facts.json").read_text(encoding="utf-8")
)

PULUMI_NAMES: Final = {
    "alarmName": "name",
    "condition": "conditions",
    "corsRule": "corsRules",
    "ebsBlockDevice": "ebsBlockDevices",
    "ephemeralBlockDevice": "ephemeralBlockDevices",
    "initialLifecycleHook": "initialLifecycleHooks",
    "inlinePolicy": "inlinePolicies",
    "lifecycleRule": "lifecycleRules",
    "override": "overrides",
    "route": "routes",
    "rule": "rules",
    "stepAdjustment": "stepAdjustments",
    "tag": "tags",
    "vpc": "vpcs",
    "vpcZoneIdentifier": "vpcZoneIdentifiers",
}
"""Terraform's lists of blocks by the names that Pulumi gives them."""

INSTANCE: Final = "aws:ec2/instance:Instance"

REST: Final[dict[tuple[str, str, str], str]] = {
    (
        "aws:backup/selection:Selection",
        "condition",
        "add",
    ): "the block that was measured was empty; one with a member forces a new selection",
    (INSTANCE, "cpuCoreCount", "change"): "pulumi-aws 7 declares cpuOptions instead",
    (INSTANCE, "cpuThreadsPerCore", "change"): "pulumi-aws 7 declares cpuOptions instead",
    (
        INSTANCE,
        "associatePublicIpAddress",
        "refresh",
    ): "the adopted stack that was measured asked for the address; its Elastic IP is newer",
    (
        "aws:s3/bucket:Bucket",
        "serverSideEncryptionConfiguration",
        "refresh",
    ): "the bucket that was measured had no encryption of its own, which it reads back",
}
"""Type, property and what is done to it: where the simulator does not follow, and why."""

UNMEASURED: Final = {
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": "newer than the measurement; after the "
    "source of the provider, which shares all but the creation with SecurityGroup",
    "aws:s3/bucketServerSideEncryptionConfiguration:"
    "BucketServerSideEncryptionConfiguration": "newer than the measurement; after its page in the "
    "registry",
}
"""Types that the facts do not have, and where the simulator has its own from."""

KEY: Final = "arn:aws:kms:us-east-1:000000000000:key/11111111-2222-3333-4444-555555555555"
STACKS: Final[list[dict[str, Any]]] = [
    {},
    {
        "instance_type": "t3.large",
        "allowed_cidrs": ["203.0.113.7/32", "198.51.100.0/24"],
        "domain": "ai.example.com",
        "hosted_zone_id": "of example.com",
        "kms_key_arn": KEY,
        "permissions_boundary_arn": "arn:aws:iam::000000000000:policy/edge",
        "tags": {"team": "ml"},
    },
    {"vpc_id": "adopted", "subnet_ids": "adopted", "allowed_cidrs": ["2001:db8::/64"]},
]
"""A plain stack, one with most keys, and one in a network that was there before."""

VALUES: Final = {(INSTANCE, "instanceType"): "m6i.2xlarge"}
"""Other values, where not any will do."""


@dataclass(frozen=True)
class Made:
    """A resource of the program as the engine knows it, and what a refresh would record."""

    name: str
    inputs: dict[str, Any]
    state: dict[str, Any]
    refreshed: dict[str, Any]


@dataclass(frozen=True)
class Stacks:
    """What the stacks are made of, by token, and an account to compare in."""

    account: Account
    made: dict[str, list[Made]]


def _recorded(account: SimulatedMocks, made: dict[str, list[Made]]) -> None:
    for one in account.made:
        if kind := TYPES.get(one.token):
            inputs, problems = kind.check(account.account, one.name, None, one.inputs, b"")
            assert not problems
            state = dict(one.outputs)
            shown = kind.outputs(account.account, str(one.id), inputs, state)
            assert shown is not None
            made.setdefault(one.token, []).append(Made(one.name, inputs, state, shown))


def _deployed(args: dict[str, Any], made: dict[str, list[Made]]) -> None:
    with simulated_account() as account:
        pulumi.runtime.set_mocks(account, project="geusemaker", stack="test", preview=False)
        real = dict(args)
        if "vpc_id" in real:
            adoptable = Adoptable(account)
            real |= {"vpc_id": adoptable.vpc, "subnet_ids": adoptable.subnets}
        if "hosted_zone_id" in real:
            route53 = account.account.client("route53")
            zone = route53.create_hosted_zone(Name="example.com", CallerReference="a test")
            real["hosted_zone_id"] = zone["HostedZone"]["Id"].rpartition("/")[2]
        deploy(**real)
        _recorded(account, made)


@pytest.fixture(scope="module")
def stacks() -> Iterator[Stacks]:
    made: dict[str, list[Made]] = {}
    for args in STACKS:
        _deployed(args, made)
    with simulated_account() as account:
        pulumi.runtime.set_mocks(account, project="geusemaker", stack="test", preview=False)
        cast("Any", pulumi.runtime.test)(scaled)()
        others: dict[str, list[Made]] = {}
        _recorded(account, others)
        made = {**others, **made}  # what the program makes itself is enough
    with simulated_account() as account:
        yield Stacks(account.account, made)


def _names(path: str) -> list[str]:
    return [PULUMI_NAMES.get(part, part) for part in path.split("/")]


def _another(value: Any) -> Any:
    """Another value of the same form."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, list):
        return [_another(value[0]), *value[1:]]
    if isinstance(value, dict):
        return {**value, "another": "one"}
    if value.startswith("{"):
        return json.dumps({**json.loads(value), "Id": "another"})
    return base64.b64encode(b"another").decode() if len(value) > 400 else f"{value}x"


def _sample(declared: Any) -> Any:
    """A value of a type that pulumi-aws declares; no default is like it."""
    if isinstance(declared, type) and pulumi_types.is_input_type(declared):
        shape = schema.object_shape(declared)
        wanted = sorted(shape.required) or sorted(shape.types)[:1]
        return {key: _sample(shape.types[key]) for key in wanted}
    origin = get_origin(declared)
    if origin is collections.abc.Sequence:
        return [_sample(get_args(declared)[0])]
    if origin is collections.abc.Mapping:
        return {"another": "one"}
    if origin is not None:  # a union of the value itself and its wrappings
        return _sample(get_args(declared)[0])
    return {bool: True, int: 7, float: 7, str: "another"}[declared]


def _holder(inputs: Any, path: list[str]) -> dict[str, Any]:
    """The object that the last part of a path is in; an empty one where there is none."""
    for part in path[:-1]:
        inputs = inputs.get(part) or {}
        if isinstance(inputs, list):
            inputs = inputs[0]
    found: dict[str, Any] = inputs
    return found


def _is_within(changed: str, path: list[str]) -> bool:
    """Whether a changed path is the one of a fact, or leads to it, or into it."""
    parts = re.sub(r"\[[0-9]+\]", "", changed).split(".")
    length = min(len(parts), len(path))
    return parts[:length] == path[:length]


def _declared(token: str, path: list[str]) -> Any:
    """The type that pulumi-aws declares for a property; None where it has no such."""
    shape = schema.resource_shape(token)
    for part in path[:-1]:
        kind = shape.types[part]
        while get_origin(kind) is not None:
            kind = get_args(kind)[0]
        shape = schema.object_shape(kind)
    return shape.types.get(path[-1])


def _with(one: Made, key: str, value: Any) -> Made:
    return replace(one, inputs={**one.inputs, key: value}, state={**one.state, key: value})


def _without(one: Made, key: str) -> Made:
    """As if the program did not set it, nor AWS have it."""
    inputs = {name: value for name, value in one.inputs.items() if name != key}
    return replace(one, inputs=inputs, state={k: v for k, v in one.state.items() if k != key})


def _planned(stacks: Stacks, token: str, what: str, path: list[str]) -> set[str]:
    """What Diff says, over all of the program's resources of a type that can be tried."""
    kind, declared = TYPES[token], _declared(token, path)
    planned: set[str] = set()
    if declared is None:
        return planned
    given = [
        one for one in stacks.made[token] if _holder(one.inputs, path).get(path[-1]) is not None
    ]
    others = [one for one in stacks.made[token] if one not in given]
    if what == "add":  # where the program always has it: as if it had not
        tried = others or [_without(one, path[0]) for one in given]
    elif what == "remove":
        tried = given or [_with(one, path[0], _sample(declared)) for one in others]
    else:
        tried = given or others
    for one in tried:
        wanted = copy.deepcopy(one.inputs)
        wanted.pop("tagsAll", None)
        holder = _holder(wanted, path)
        if what == "remove":
            holder.pop(path[-1], None)
        elif value := holder.get(path[-1]) or _holder(one.state, path).get(path[-1]):
            holder[path[-1]] = VALUES.get((token, path[0])) or _another(value)
        else:
            holder[path[-1]] = _sample(declared)
        inputs, _ = kind.check(stacks.account, one.name, one.inputs, wanted, b"")
        changes = kind.changes(stacks.account, one.state, one.inputs, inputs)
        about = [change for change in changes if _is_within(change.path, path)]
        replaces = any(change.replaces for change in about)
        planned.add("replace" if replaces else "update" if about else "none")
    return planned


def _facts() -> Iterator[tuple[str, str, str, set[str]]]:
    """Type, property, what is done to it, and what the provider was seen to plan, one of them."""
    for token, properties in FACTS["changes"].items():
        for path, measured in properties.items():
            newer = FACTS["version6"].get(token, {}).get(path)
            for what, seen in measured.items():
                answers = newer if what == "change" and newer else seen
                yield token, path, what, {answers} if isinstance(answers, str) else set(answers)


ALL: Final = list(_facts())


def _titled(values: list[tuple[Any, ...]]) -> list[Any]:
    return [
        pytest.param(*one, id=" ".join([one[0].rpartition(":")[2], *one[1:3]])) for one in values
    ]


@pytest.mark.parametrize(("token", "path", "what", "seen"), _titled(ALL))
def test_a_property_is_planned_as_it_was_measured(
    stacks: Stacks, token: str, path: str, what: str, seen: set[str]
) -> None:
    planned = _planned(stacks, token, what, _names(path))
    if why := REST.get((token, path, what)):
        assert not planned or not planned <= seen, f"it agrees now: no need for {why!r}"
    else:
        assert planned
        assert planned <= seen, f"{what} of {path}: the simulator plans {planned}"


def test_every_type_and_all_of_the_rest_were_measured() -> None:
    assert not FACTS["changes"].keys() & UNMEASURED.keys()
    assert FACTS["changes"].keys() | UNMEASURED.keys() == TYPES.keys()
    assert {entry for entry in REST if entry[2] != "refresh"} <= {fact[:3] for fact in ALL}
    assert all(TYPES.keys() >= FACTS[part].keys() for part in ("filledInByRefresh", "version6"))


@pytest.mark.parametrize("token", sorted(TYPES))
def test_the_first_refresh_records_what_the_real_one_does(stacks: Stacks, token: str) -> None:
    seen = {PULUMI_NAMES.get(name, name) for name in FACTS["filledInByRefresh"].get(token, [])}
    changed = {
        key
        for one in stacks.made[token]
        for key in one.state.keys() | one.refreshed.keys()
        if one.state.get(key) != one.refreshed.get(key)
    }
    rest = {key for kind, key, what in REST if (kind, what) == (token, "refresh")}
    assert changed == seen | rest
    for one in stacks.made[token]:
        found = TYPES[token].changes(stacks.account, one.refreshed, one.inputs, one.inputs)
        assert found == [], "the plan after a refresh is empty"
