"""What `pulumi_aws` declares, and what the tables claim about it."""

from collections.abc import Mapping
from typing import Any

import pytest

from pulumi_moto import invokes, schema
from pulumi_moto.table import TYPES, NotSimulated, resource_type
from pulumi_moto.wire import UNKNOWN

INSTANCE = "aws:ec2/instance:Instance"


def _problems(token: str, **values: Any) -> dict[str, str]:
    return {p.path: p.reason for p in schema.problems(schema.resource_shape(token), values)}


UNDECLARED = "the aws provider declares no such property"


@pytest.mark.parametrize(
    ("values", "path", "reason"),
    [
        ({"instance_type": "x"}, "instance_type", UNDECLARED),
        ({"rootBlockDevice": {"size": 1}}, "rootBlockDevice.size", UNDECLARED),
        ({"ebsBlockDevices": [{"deviceName": "a", "x": 1}]}, "ebsBlockDevices[0].x", UNDECLARED),
        ({"ebsBlockDevices": [{}]}, "ebsBlockDevices[0].deviceName", "a required property is miss"),
        ({"ami": 1}, "ami", "a str is expected, not int 1"),
        ({"monitoring": "yes"}, "monitoring", "a bool is expected, not str 'yes'"),
        ({"monitoring": 1}, "monitoring", "a bool is expected, not int 1"),
        ({"cpuCoreCount": 1}, "cpuCoreCount", UNDECLARED),
        ({"rootBlockDevice": {"volumeSize": True}}, "rootBlockDevice.volumeSize", "a int is exp"),
        ({"rootBlockDevice": {"volumeSize": 1.5}}, "rootBlockDevice.volumeSize", "a int is exp"),
        ({"vpcSecurityGroupIds": "sg"}, "vpcSecurityGroupIds", "a list is expected, not str 'sg'"),
        ({"vpcSecurityGroupIds": ["sg", 1]}, "vpcSecurityGroupIds[1]", "a str is expected"),
        ({"tags": ["a"]}, "tags", "a map is expected"),
        ({"tags": {"a": 1}}, "tags.a", "a str is expected, not int 1"),
        ({"metadataOptions": "x"}, "metadataOptions", "an object is expected"),
    ],
)
def test_what_does_not_fit_is_named(values: dict[str, Any], path: str, reason: str) -> None:
    found = _problems(INSTANCE, **values)
    assert found.keys() == {path}
    assert found[path].startswith(reason)


def test_what_fits_or_is_not_known_passes() -> None:
    assert (
        _problems(
            INSTANCE,
            ami=UNKNOWN,
            tags={"a": UNKNOWN},
            monitoring=True,
            rootBlockDevice={"volumeSize": UNKNOWN},
            vpcSecurityGroupIds=[UNKNOWN],
            metadataOptions=UNKNOWN,
            instanceType=None,
        )
        == {}
    )


def test_what_is_required_must_be_there() -> None:
    token = "aws:ec2/volumeAttachment:VolumeAttachment"
    found = _problems(token, deviceName="/dev/sdf", instanceId=None)
    assert found == dict.fromkeys(("instanceId", "volumeId"), "a required property is missing")
    assert _problems(token, deviceName="a", instanceId=UNKNOWN, volumeId=UNKNOWN) == {}


def test_numbers_have_one_kind_on_the_wire() -> None:
    shape = schema.Shape({"f": float, "i": int, "any": object}, frozenset())
    assert list(schema.problems(shape, {"f": 1, "i": 1, "any": object()})) == []
    assert [p.path for p in schema.problems(shape, {"f": "1", "i": 1.5})] == ["f", "i"]


@pytest.mark.parametrize(
    "token", ["aws:ec2/nothing:Nothing", "aws:ec2/instance:Nothing", "aws", "gcp:a/b:C"]
)
def test_what_pulumi_aws_does_not_have(token: str) -> None:
    with pytest.raises(LookupError):
        schema.resource_shape(token)
    with pytest.raises(LookupError):
        schema.invoke_shape(token)


def _paths(defaults: Mapping[str, Any]) -> set[str]:
    return set(defaults) | {
        f"{key}.{inner}"
        for key, value in defaults.items()
        if isinstance(value, Mapping)
        for inner in value
    }


@pytest.mark.parametrize("token", TYPES)
def test_the_table_claims_only_what_is_declared(token: str) -> None:
    kind = TYPES[token]
    shape = schema.resource_shape(token)
    assert resource_type(token) is kind
    top_level = {
        path
        for path in (kind.replace_on | _paths(kind.defaults) | kind.json_text | kind.unordered)
        if "." not in path
    }
    if kind.autoname is not None:
        top_level.add(kind.autoname.property)
    assert top_level <= shape.types.keys()
    assert kind.optional_computed <= shape.types.keys()
    assert kind.computed | kind.secret <= shape.outputs
    assert not kind.computed & kind.optional_computed
    nested = {p for p in kind.replace_on | _paths(kind.defaults) if "." in p}
    for path in nested:
        top, _, inner = path.partition(".")
        assert [
            p.reason for p in schema.problems(shape, {top: {inner: UNKNOWN}}) if p.path == path
        ] == []
    plain = {k: v for k, v in kind.defaults.items() if not isinstance(v, Mapping)}
    required = dict.fromkeys(shape.required, UNKNOWN)
    assert list(schema.problems(shape, {**required, **plain})) == []


@pytest.mark.parametrize("token", invokes.INVOKES)
def test_invokes_are_declared(token: str) -> None:
    shape = schema.invoke_shape(token)
    assert "id" in shape.outputs
    assert invokes._NOT_SIMULATED.get(token, set()) <= shape.types.keys()
    assert shape.required <= shape.types.keys()


def test_look_ups_are_checked_too() -> None:
    token = "aws:ec2/getAmi:getAmi"

    def found(**arguments: Any) -> dict[str, str]:
        return {p.path: p.reason for p in invokes.check(token, arguments)}

    assert found(most_recent=True) == {"most_recent": UNDECLARED}
    assert found(filters=[{"name": "x"}]) == {"filters[0].values": "a required property is missing"}
    assert found(filters=[{"nmae": "x", "name": "y", "values": []}]).keys() == {"filters[0].nmae"}
    assert found(mostRecent="yes").keys() == {"mostRecent"}
    assert found(owners=[]).keys() == found(owners=[""]).keys() == {"owners"}
    assert found(executableUsers=["self"]).keys() == {"executableUsers"}
    for pattern in ("(", "a(?=b)", "a(?!b)", "(?<=a)b", "(?<!a)b", r"(a)\1", "(?P<n>a)(?P=n)"):
        assert found(nameRegex=pattern)["nameRegex"].startswith("error parsing regexp: "), pattern
    for pattern in ("^a+$", "(?i)x", "(?:a|b)", r"\d", "(?P<n>a)"):
        assert found(nameRegex=pattern) == {}
    assert invokes.check("aws:ec2/getInstanceType:getInstanceType", {})[0].path == "instanceType"


def test_what_is_not_simulated_is_named_with_what_is() -> None:
    with pytest.raises(NotSimulated, match=r"aws:sqs/queue:Queue; it knows .*Vpc"):
        resource_type("aws:sqs/queue:Queue")
    with pytest.raises(NotSimulated, match=r"getEip:getEip; it knows .*getVpc"):
        invokes.check("aws:ec2/getEip:getEip", {})
