"""Every resource type from its creation to its end, as the provider leads it."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from geusemaker.simulator import schema
from geusemaker.simulator.resource import Resource
from geusemaker.simulator.table import TYPES
from geusemaker.simulator.wire import UNKNOWN
from simulator.world import ALLOW, BY_NAME, MANAGED, TRUST, Thing, World

TAGS = {"owner": "me"}
OTHER_TAGS = {"owner": "you", "more": "yes"}


@dataclass(frozen=True)
class Case:
    """How to make one, and which properties change in place, to what."""

    inputs: Callable[[World], Mapping[str, Any]]
    in_place: Callable[[World], Mapping[str, Any]] = field(default=lambda _: {})


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _with(document: str, **members: Any) -> str:
    return json.dumps({**json.loads(document), **members}, indent=2)


def _association(world: World) -> Mapping[str, Any]:
    return {"routeTableId": world.route_table().id, "subnetId": world.subnet().id}


def _eip_association(world: World) -> Mapping[str, Any]:
    address = world.make("Eip", domain="vpc")
    return {
        "allocationId": address.id,
        "instanceId": world.instance().id,
        "allowReassociation": True,
    }


CASES = {
    "Vpc": Case(
        lambda _: {"cidrBlock": "10.9.0.0/16", "tags": TAGS},
        lambda _: {"enableDnsHostnames": True, "enableDnsSupport": False, "tags": OTHER_TAGS},
    ),
    "Subnet": Case(
        lambda w: {"vpcId": w.vpc.id, "cidrBlock": w.free_cidr(), "tags": TAGS},
        lambda _: {"mapPublicIpOnLaunch": True, "tags": OTHER_TAGS},
    ),
    "InternetGateway": Case(
        lambda w: {"vpcId": w.make("Vpc", cidrBlock="10.8.0.0/16").id, "tags": TAGS},
        lambda w: {"vpcId": w.make("Vpc", cidrBlock="10.7.0.0/16").id, "tags": OTHER_TAGS},
    ),
    "RouteTable": Case(lambda w: {"vpcId": w.vpc.id, "tags": TAGS}, lambda _: {"tags": OTHER_TAGS}),
    "Route": Case(
        lambda w: {
            "routeTableId": w.route_table().id,
            "destinationCidrBlock": "0.0.0.0/0",
            "gatewayId": w.gateway(w.make("Vpc", cidrBlock="10.6.0.0/16")).id,
        },
        lambda w: {"gatewayId": w.gateway(w.make("Vpc", cidrBlock="10.5.0.0/16")).id},
    ),
    "RouteTableAssociation": Case(_association, lambda w: {"routeTableId": w.route_table().id}),
    "SecurityGroup": Case(
        lambda w: {"vpcId": w.vpc.id, "description": "of a test", "tags": TAGS},
        lambda _: {"revokeRulesOnDelete": True, "tags": OTHER_TAGS},
    ),
    "SecurityGroupIngressRule": Case(
        lambda w: {
            "securityGroupId": w.group().id,
            "ipProtocol": "tcp",
            "fromPort": 443,
            "toPort": 443,
            "cidrIpv4": "203.0.113.0/24",
            "description": "https",
            "tags": TAGS,
        },
        lambda _: {
            "fromPort": 80,
            "cidrIpv4": "198.51.100.0/24",
            "ipProtocol": "udp",
            "description": "other",
            "tags": OTHER_TAGS,
        },
    ),
    "SecurityGroupEgressRule": Case(
        lambda w: {"securityGroupId": w.group().id, "ipProtocol": "-1", "cidrIpv6": "::/0"},
        lambda _: {"cidrIpv6": "2001:db8::/32", "tags": OTHER_TAGS},
    ),
    "Eip": Case(lambda _: {"domain": "vpc", "tags": TAGS}, lambda _: {"tags": OTHER_TAGS}),
    "EipAssociation": Case(_eip_association),
    "Role": Case(
        lambda _: {"assumeRolePolicy": TRUST, "description": "of a test", "tags": TAGS},
        lambda _: {
            "assumeRolePolicy": _with(TRUST, Id="other"),
            "description": "other",
            "maxSessionDuration": 7200,
            "permissionsBoundary": MANAGED,
            "forceDetachPolicies": True,
            "tags": OTHER_TAGS,
        },
    ),
    "RolePolicy": Case(
        lambda w: {"role": w.role().id, "policy": ALLOW},
        lambda _: {"policy": _with(ALLOW, Id="other")},
    ),
    "RolePolicyAttachment": Case(lambda w: {"role": w.role().id, "policyArn": MANAGED}),
    "InstanceProfile": Case(
        lambda w: {"role": w.role().id, "tags": TAGS},
        lambda w: {"role": w.role().id, "tags": OTHER_TAGS},
    ),
    "FileSystem": Case(
        lambda _: {
            "encrypted": True,
            "availabilityZoneName": "us-east-1a",
            "lifecyclePolicies": [{"transitionToIa": "AFTER_30_DAYS"}],
            "tags": TAGS,
        },
        lambda _: {
            "throughputMode": "elastic",
            "lifecyclePolicies": [{"transitionToIa": "AFTER_7_DAYS"}],
            "tags": OTHER_TAGS,
        },
    ),
    "MountTarget": Case(
        lambda w: {
            "fileSystemId": w.file_system().id,
            "subnetId": w.subnet().id,
            "securityGroups": [w.group().id, w.group().id],
        },
        lambda w: {"securityGroups": [w.group().id]},
    ),
    "AccessPoint": Case(
        lambda w: {
            "fileSystemId": w.file_system().id,
            "posixUser": {"uid": 1000, "gid": 1000, "secondaryGids": [5]},
            "rootDirectory": {
                "path": "/n8n",
                "creationInfo": {"ownerUid": 1000, "ownerGid": 1000, "permissions": "0750"},
            },
            "tags": TAGS,
        },
        lambda _: {"tags": OTHER_TAGS},
    ),
    "FileSystemPolicy": Case(
        lambda w: {"fileSystemId": w.file_system().id, "policy": ALLOW},
        lambda _: {"policy": _with(ALLOW, Id="other"), "bypassPolicyLockoutSafetyCheck": True},
    ),
    "Volume": Case(
        lambda _: {
            "availabilityZone": "us-east-1a",
            "size": 10,
            "type": "gp3",
            "encrypted": True,
            "tags": TAGS,
        },
        lambda _: {"size": 20, "iops": 4000, "throughput": 250, "tags": OTHER_TAGS},
    ),
    "VolumeAttachment": Case(
        lambda w: {
            "deviceName": "/dev/sdf",
            "instanceId": w.instance().id,
            "volumeId": w.volume().id,
        },
        lambda _: {"stopInstanceBeforeDetaching": True, "forceDetach": True, "skipDestroy": True},
    ),
    "Instance": Case(
        lambda w: w.instance_inputs(
            associatePublicIpAddress=True,
            userDataBase64=_base64("#!/bin/sh\n"),
            metadataOptions={"httpTokens": "required", "httpPutResponseHopLimit": 1},
            rootBlockDevice={"volumeSize": 40, "encrypted": True, "tags": {"Name": "root"}},
            vpcSecurityGroupIds=[w.group().id, w.group().id],
            tags=TAGS,
        ),
        lambda w: {
            "instanceType": "m6i.xlarge",
            "userDataBase64": _base64("#!/bin/bash\n"),
            "metadataOptions": {"httpTokens": "optional", "httpPutResponseHopLimit": 2},
            "rootBlockDevice": {
                "volumeSize": 50,
                "encrypted": True,
                "iops": 4000,
                "throughput": 250,
                "tags": {"Use": "root"},
            },
            "vpcSecurityGroupIds": [w.group().id],
            "iamInstanceProfile": w.profile().id,
            "sourceDestCheck": False,
            "monitoring": True,
            "userDataReplaceOnChange": True,
            "tags": OTHER_TAGS,
        },
    ),
    "Parameter": Case(
        lambda _: {
            "type": "SecureString",
            "value": "one",
            "description": "of a test",
            "tags": TAGS,
        },
        lambda _: {
            "value": "two",
            "type": "String",
            "description": "other",
            "keyId": "alias/mine",
            "allowedPattern": "^[a-z]+$",
            "tier": "Advanced",
            "overwrite": True,
            "tags": OTHER_TAGS,
        },
    ),
    "Bucket": Case(
        lambda _: {"tags": TAGS},
        lambda _: {"forceDestroy": True, "tags": OTHER_TAGS},
    ),
    "BucketPublicAccessBlock": Case(
        lambda w: {"bucket": w.bucket().id, "blockPublicAcls": True, "blockPublicPolicy": True},
        lambda _: {
            "blockPublicAcls": False,
            "blockPublicPolicy": False,
            "ignorePublicAcls": True,
            "restrictPublicBuckets": True,
        },
    ),
    "BucketPolicy": Case(
        lambda w: {
            "bucket": w.standing_bucket.id,
            "policy": w.bucket_policy(w.standing_bucket),
        },
        lambda w: {"policy": w.bucket_policy(w.standing_bucket, Sid="Other")},
    ),
    "BucketObjectv2": Case(
        lambda w: {
            "bucket": w.bucket().id,
            "key": "bundles/1.tar",
            "contentBase64": _base64("one"),
            "contentType": "application/x-tar",
            "metadata": {"made": "here"},
            "tags": TAGS,
        },
        lambda _: {
            "contentBase64": _base64("two"),
            "contentType": "text/plain",
            "cacheControl": "no-store",
            "sourceHash": "other",
            "forceDestroy": True,
            "metadata": {"made": "there"},
            "tags": OTHER_TAGS,
        },
    ),
    "Vault": Case(lambda _: {"tags": TAGS}, lambda _: {"forceDestroy": True, "tags": OTHER_TAGS}),
    "Plan": Case(
        lambda w: {"rules": [w.rule(recoveryPointTags=TAGS)], "tags": TAGS},
        lambda w: {
            "rules": [
                w.rule(startWindow=90, lifecycle={"deleteAfter": 7}),
                w.rule(ruleName="weekly", schedule="cron(0 5 ? * SUN *)"),
            ],
            "tags": OTHER_TAGS,
        },
    ),
    "Selection": Case(
        lambda w: {
            "planId": w.plan().id,
            "iamRoleArn": w.backup_role.state["arn"],
            "resources": [w.file_system().state["arn"], w.file_system().state["arn"]],
            "selectionTags": [{"type": "STRINGEQUALS", "key": "Backup", "value": "yes"}],
        }
    ),
    "Record": Case(
        lambda w: {
            "zoneId": w.zone,
            "name": w.free_name(),
            "type": "A",
            "ttl": 300,
            "records": ["203.0.113.5", "203.0.113.6"],
        },
        lambda _: {"ttl": 60, "records": ["203.0.113.7"], "type": "TXT", "allowOverwrite": True},
    ),
}


def test_every_type_of_the_table_is_tried() -> None:
    assert CASES.keys() == BY_NAME.keys()
    assert len(BY_NAME) == len(TYPES)


def _make(world: World, kind: str) -> Thing:
    return world.make(kind, **CASES[kind].inputs(world))


@pytest.mark.parametrize("kind", CASES)
def test_what_is_made_is_told_and_told_again(world: World, kind: str) -> None:
    made = _make(world, kind)
    assert made.id
    declared = schema.resource_shape(made.kind.token).outputs
    assert made.state.keys() <= declared
    for key, value in made.inputs.items():
        assert key in made.state
        assert made.kind.kept(key, value, made.state[key]) == value
    assert world.read(made) == made.state
    assert world.changes(made, made.inputs) == []


def test_everything_reads_the_same_after_all_the_rest_is_made(world: World) -> None:
    made = [_make(world, kind) for kind in CASES]
    for thing in made:
        told = world.read(thing)
        assert told is not None
        for key, value in thing.inputs.items():
            assert thing.kind.kept(key, value, told[key]) == value, (thing.kind.token, key)


def _in_place() -> Iterator[tuple[str, str]]:
    class Named:
        """A world that gives any name for any thing: only the names of properties are wanted."""

        id = "anything"

        def __getattr__(self, name: str) -> Any:
            return self

        def __call__(self, *given: Any, **named: Any) -> Any:
            return self

    for kind, case in CASES.items():
        for key in case.in_place(Named()):  # type: ignore[arg-type]
            yield kind, key


@pytest.mark.parametrize(("kind", "key"), list(_in_place()))
def test_a_property_changes_in_place(world: World, kind: str, key: str) -> None:
    made = _make(world, kind)
    value = CASES[kind].in_place(world)[key]
    updated = world.update(made, **{key: value})
    assert not list(made.kind._compare(key, updated.state[key], value))
    assert world.changes(updated, updated.inputs) == []
    assert world.read(updated) == updated.state
    others = made.inputs.keys() - {key, "tagsAll"}
    assert {k: updated.inputs[k] for k in others} == {k: made.inputs[k] for k in others}
    world.delete(updated)
    assert world.read(updated) is None


def _replacing() -> Iterator[tuple[str, str]]:
    for name, kind in BY_NAME.items():
        for path in sorted(kind.replace_on):
            yield name, path


@pytest.mark.parametrize("value", ["another", UNKNOWN], ids=["known", "unknown"])
@pytest.mark.parametrize(("kind", "path"), list(_replacing()))
def test_a_property_replaces(world: World, kind: str, path: str, value: Any) -> None:
    resource = BY_NAME[kind]
    top, _, field_ = path.partition(".")
    old: Mapping[str, Any] = {top: {field_: "one"}} if field_ else {top: "one"}
    new: Mapping[str, Any] = {top: {field_: value}} if field_ else {top: value}
    for state, verb in ((old, "update"), ({}, "add")):
        if field_ and not state:
            continue
        (change,) = resource.changes(world.account, state, state, new)
        assert (change.path, change.kind, change.replaces) == (path, verb, True)
    assert resource.changes(world.account, old, old, old) == []


@pytest.mark.parametrize("kind", CASES)
def test_what_is_deleted_is_gone_and_may_be_deleted_again(world: World, kind: str) -> None:
    made = _make(world, kind)
    world.delete(made)
    assert world.read(made) is None
    world.delete(made)
    assert world.read(made) is None


@pytest.mark.parametrize("kind", CASES)
def test_a_preview_promises_no_more_than_is_known(world: World, kind: str) -> None:
    resource: Resource = BY_NAME[kind]
    given = CASES[kind].inputs(world)
    inputs, problems = world.check(
        kind, **{**given, "tags": {"a": UNKNOWN}} if resource.taggable else given
    )
    assert problems == []
    outputs = resource.preview_create(world.account, inputs)
    assert outputs.keys() <= schema.resource_shape(resource.token).outputs
    for key in resource.computed:
        assert outputs[key] is UNKNOWN
    for key in resource.optional_computed - inputs.keys():
        assert outputs[key] is UNKNOWN
    if resource.taggable:
        assert outputs["tagsAll"] is UNKNOWN
    for key, value in inputs.items():
        assert outputs[key] == value or key == "tagsAll"
